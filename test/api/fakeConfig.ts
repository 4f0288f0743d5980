// A config in memory for tests of the API's writes: the real pure functions (edit, load, objects) over text, revisions in a list, and
// outcomes that a test plants. The node's status goes with the config.
import type { ConfigControl } from "../../src/api/control.ts"
import type { ApplyRequest } from "../../src/config/change.ts"
import { configObjects, nextMetas, type ObjectMetas } from "../../src/config/documentsOf.ts"
import { editFiles } from "../../src/config/edit.ts"
import { refKey } from "../../src/config/identity.ts"
import { type ConfigFile, loadCluster } from "../../src/config/load.ts"
import type { ConfigObject, RevisionInfo } from "../../src/config/objects.ts"
import type { ApplyOutcome } from "../../src/config/outcome.ts"
import type { Guard } from "../../src/plan/change.ts"
import type { FakeNode } from "./fakeNode.ts"

export interface FakeConfig extends ConfigControl {
  /** What was asked, in order. */
  readonly asked: Array<ApplyRequest>
  /** The next request that is not forced meets these guards. */
  guard(guards: ReadonlyArray<Guard>): void
  /** The next request is answered so. */
  answer(outcome: ApplyOutcome): void
  /** Somebody else changes the object before the next request is looked at. */
  meanwhile(change: () => Promise<unknown>): void
  files(): ReadonlyArray<ConfigFile>
}

const nothing = { lines: [], guards: [], summary: "nothing moves" }

/** `node` runs `files` from now on, and every config that is applied. */
export const fakeConfig = (
  node: FakeNode,
  files: ReadonlyArray<ConfigFile>,
  at = "2021-06-14T22:00:00Z"
): FakeConfig => {
  let current = { files, metas: nextMetas(undefined, files, 1, at) as ObjectMetas }
  let revision = 1
  const history: Array<RevisionInfo> = []
  const asked: Array<ApplyRequest> = []
  let guards: ReadonlyArray<Guard> = []
  let planted: ApplyOutcome | undefined
  let first: (() => Promise<unknown>) | undefined

  const objects = (of = current): ReadonlyArray<ConfigObject> =>
    configObjects(of.files, of.metas, { generation: 1, created: at, since: revision })
  const publish = (by: string): void => {
    history.unshift({
      revision,
      hash: `h${revision}`,
      at,
      by,
      node: "node-01",
      origin: revision === 1 ? "file" : "api"
    })
    node.configure({ revision, hash: `h${revision}`, objects: objects(), history: [...history] })
  }
  publish("file")

  const apply = async (request: ApplyRequest): Promise<ApplyOutcome> => {
    asked.push(request)
    const before = first
    first = undefined
    await before?.()
    const { change } = request
    if (planted !== undefined) {
      const outcome = planted
      planted = undefined
      return outcome
    }
    if (change.type !== "put" && change.type !== "delete") return { outcome: "refused", reason: "not in this test" }
    const edited = editFiles(current.files, change, (ref) => current.metas.get(refKey(ref))?.generation ?? 0)
    if (edited.outcome !== "edited") return edited
    const { problems } = loadCluster(edited.files)
    if (problems.some(({ severity }) => severity === "error")) return { outcome: "invalid", problems }
    const met = guards
    guards = []
    if (met.length > 0 && request.force !== true) return { outcome: "guarded", change: nothing, guards: met }
    const next = { files: edited.files, metas: nextMetas(current, edited.files, revision + 1, at) }
    const object = objects(next).find(
      ({ kind, metadata }) => refKey({ apiVersion: "", kind, ...metadata }) === refKey(edited.ref)
    )
    const rest = {
      change: nothing,
      warnings: problems,
      ...(object === undefined ? {} : { object })
    }
    if (request.dryRun === true) return { outcome: "planned", revision, ...rest }
    if (JSON.stringify(objects(next)) === JSON.stringify(objects())) return { outcome: "unchanged", revision, ...rest }
    current = next
    revision++
    publish(request.by)
    return { outcome: "applied", revision, ...rest }
  }

  const refused = async () => ({ done: false, reason: "not in this test" })
  return {
    asked,
    apply,
    guard: (next) => {
      guards = next
    },
    answer: (outcome) => {
      planted = outcome
    },
    meanwhile: (change) => {
      first = change
    },
    files: () => current.files,
    stage: async function* () {
      yield { step: 0, steps: 0, what: "", state: "failed", detail: "not in this test" }
    },
    confirm: refused,
    documents: async () => undefined,
    reload: refused
  }
}
