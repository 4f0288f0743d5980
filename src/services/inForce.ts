// A config that a node runs, as a value: its documents, what they mean, what is known of its objects, and how it came to be. What people
// are shown of it is worked out here.
import { Effect } from "effect"
import { infoOf, readRevisionInfo, revisionOfKey } from "../cluster/revisions.ts"
import type { StoredEntry } from "../cluster/state.ts"
import { configObjects, documentsOf, type ObjectMetas } from "../config/documentsOf.ts"
import { type ConfigFile, type ConfigResult, loadCluster, loadSteps } from "../config/load.ts"
import type { ConfigObject, ConfigSnapshot, RevisionInfo } from "../config/objects.ts"
import { formatProblem, type Problem } from "../config/problem.ts"
import { makeMemory } from "../config/remember.ts"
import type { ChangedObject } from "../plan/changeObjects.ts"
import type { DesiredCluster } from "../plan/desired.ts"
import type { ConfigRevision } from "../plan/view.ts"
import { inSlices } from "./slices.ts"

/** A config that is valid. */
export interface Loaded {
  readonly files: ReadonlyArray<ConfigFile>
  readonly cluster: DesiredCluster
  readonly canonical: string
  readonly hash: string
  /** Of severity warning. */
  readonly warnings: ReadonlyArray<Problem>
}

export interface InForce extends Loaded {
  readonly metas: ObjectMetas
  /** Absent: it is in no store (recovery mode, or the store has not been heard yet). */
  readonly info?: RevisionInfo
  /** Grows with each config that this node is given. */
  readonly serial: number
  /** Services whose pool no longer has their address get another one, by this node's hand. */
  readonly force: boolean
  /** Milliseconds since the epoch: since when this node has it. */
  readonly atMs: number
}

const isError = ({ severity }: Problem): boolean => severity === "error"

const memory = makeMemory<ConfigResult>()

const loaded = (files: ReadonlyArray<ConfigFile>, { cluster, canonical, hash, problems }: ConfigResult) =>
  cluster === undefined || canonical === undefined || hash === undefined
    ? { problems }
    : ({ files, cluster, canonical, hash, warnings: problems } satisfies Loaded)

/** What the files say, or what is wrong with them. */
export const load = (files: ReadonlyArray<ConfigFile>): Loaded | { readonly problems: ReadonlyArray<Problem> } =>
  loaded(files, memory.recall(files) ?? memory.keep(files, loadCluster(files)))

/** The same, with turns for everything else in between: for files that were not loaded before. */
export const loadInSlices = Effect.fnUntraced(function* (files: ReadonlyArray<ConfigFile>) {
  return loaded(files, memory.recall(files) ?? memory.keep(files, yield* inSlices(loadSteps(files))))
})

export const problemText = (problems: ReadonlyArray<Problem>): string =>
  problems.filter(isError).map(formatProblem).join("\n") || "the files hold no Cluster document"

const warningKey = ({ path, message, found = "" }: Problem): string => `${path} ${message} ${found}`

/** Those that the config before did not have. */
export const logWarnings = ({ warnings }: Loaded, before: Loaded | undefined): Effect.Effect<void> => {
  const said = new Set(before?.warnings.map(warningKey))
  const fresh = warnings.filter((problem) => !said.has(warningKey(problem)))
  return Effect.forEach(fresh, (problem) => Effect.logWarning(formatProblem(problem)), { discard: true })
}

/** The objects that differ between two configs. */
export const changedObjects = (
  before: ReadonlyArray<ConfigFile>,
  after: ReadonlyArray<ConfigFile>
): ReadonlyArray<ChangedObject> => {
  const old = new Map(documentsOf(before).map((document) => [document.key, document]))
  const now = new Map(documentsOf(after).map((document) => [document.key, document]))
  const all = [...now.values(), ...[...old.values()].filter(({ key }) => !now.has(key))]
  return all.flatMap(({ key, object }) =>
    object === undefined || old.get(key)?.content === now.get(key)?.content ? [] : [object.ref]
  )
}

/** Configs are values; thousands of objects are made once. */
const made = new WeakMap<InForce, ReadonlyArray<ConfigObject>>()

/** The objects of a config; one that is in no store is as new as the node's knowledge of it. */
export const objectsOf = (config: InForce): ReadonlyArray<ConfigObject> => {
  const before = made.get(config)
  if (before !== undefined) return before
  const { files, metas, atMs } = config
  const objects = configObjects(files, metas, { generation: 1, created: new Date(atMs).toISOString(), since: 0 })
  made.set(config, objects)
  return objects
}

/** Entries are values: read once. */
const known = new WeakMap<StoredEntry, RevisionInfo | undefined>()
const infoOfEntry = (entry: StoredEntry): RevisionInfo | undefined => {
  if (!known.has(entry)) known.set(entry, readRevisionInfo(entry.value))
  return known.get(entry)
}

/** Every revision that the store has, newest first; the one in force as the pointer to it has it. */
export const historyOf = (
  entries: ReadonlyMap<string, StoredEntry>,
  current: ConfigRevision | undefined
): ReadonlyArray<RevisionInfo> =>
  [...entries]
    .flatMap(([key, entry]) => (revisionOfKey(key) === undefined ? [] : (infoOfEntry(entry) ?? [])))
    .map((info) => (info.revision === current?.revision ? infoOf(current) : info))
    .toSorted((a, b) => b.revision - a.revision)

/** Sizes of the revisions in the store. */
export const revisionsIn = (entries: ReadonlyMap<string, StoredEntry>) =>
  [...entries].flatMap(([key, { value }]) => {
    const revision = revisionOfKey(key)
    return revision === undefined ? [] : [{ revision, length: value.length }]
  })

export const snapshotOf = (inForce: InForce | undefined, history: ReadonlyArray<RevisionInfo>): ConfigSnapshot => ({
  revision: inForce?.info?.revision ?? 0,
  hash: inForce?.hash ?? "",
  objects: inForce === undefined ? [] : objectsOf(inForce),
  history
})

/** All documents as one YAML text. */
export const yamlOf = (files: ReadonlyArray<ConfigFile>): string =>
  files
    .map(({ text }) => (text === "" || text.endsWith("\n") ? text : `${text}\n`))
    .reduce((all, text) => {
      if (all === "" || text.startsWith("---")) return all + text
      // Directives stand before the marker of their document, behind the end of the one before.
      return text.startsWith("%") ? `${all}...\n${text}` : `${all}---\n${text}`
    }, "")
