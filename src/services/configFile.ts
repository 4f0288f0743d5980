// The local documents: a source of changes where a node has a store of its own, all there is in recovery mode, and where nodes share a store
// what begins an empty one and is otherwise only told about.
import { Effect } from "effect"
import { configKey } from "../cluster/layout.ts"
import { readTakenFile, revisionKey, takenFileKey } from "../cluster/revisions.ts"
import { sameDocuments } from "../config/documentsOf.ts"
import { mergeFiles } from "../config/edit.ts"
import type { Proposal, Proposals } from "./configProposals.ts"
import { ConfigRefused, type Standing } from "./configStanding.ts"
import { type Loaded, load, logWarnings, problemText } from "./inForce.ts"

interface Taking {
  readonly force: boolean
  /** Guards hold it back. */
  readonly guarded: boolean
  /** Somebody asked for it. */
  readonly asked: boolean
}

export const makeLocalFile = (at: Standing, proposals: Proposals, whyNot: () => string | undefined) => {
  const { source, cluster, mode, give, tell, whyNotHere } = at
  /** The local file where the store's revision is in force. */
  let localFile: { readonly loaded?: Loaded; readonly trouble?: string } | undefined
  let said: string | undefined

  /** Told to who asked; a file that was touched and says the same is no news. */
  const sameAsBefore = (asked: boolean) =>
    asked ? Effect.logInfo(`config ${source.name} means the same as before`) : Effect.void

  const readFiles = source.read.pipe(Effect.mapError(({ message }) => new ConfigRefused({ message })))

  /** The file as a source: what it has changed since it was taken last, on top of what is in force. */
  const takeFile = Effect.fnUntraced(function* ({ force, guarded, asked }: Taking) {
    const files = yield* readFiles
    if (files.length === 0) return
    const taken = cluster.state().entries.get(takenFileKey)
    const base = taken === undefined ? undefined : readTakenFile(taken.value)
    if (at.inForce !== undefined && base !== undefined && !force && sameDocuments(base, files))
      return yield* sameAsBefore(asked)
    const waiting = whyNot()
    if (waiting !== undefined) return yield* new ConfigRefused({ message: waiting })
    const merged = at.inForce === undefined ? files : mergeFiles(base ?? [], files, at.inForce.files)
    const proposal: Proposal = { files: merged, origin: "file", by: "file", force, guarded, taken: files }
    const outcome = yield* proposals.propose(proposal, at.adopted)
    switch (outcome.outcome) {
      case "applied":
      case "unchanged":
        return outcome.outcome === "unchanged" ? yield* sameAsBefore(asked) : undefined
      case "invalid":
        return yield* new ConfigRefused({ message: problemText(outcome.problems) })
      case "guarded":
        return yield* new ConfigRefused({
          message: [...outcome.guards.map(({ reason }) => reason), "reload with --force if that is what you want"].join(
            "\n"
          )
        })
      default:
        return yield* new ConfigRefused({ message: "reason" in outcome ? outcome.reason : "nothing was changed" })
    }
  })

  /** Recovery mode: the file and nothing else. */
  const takeLocal = Effect.fnUntraced(function* (asked: boolean) {
    const loaded = load(yield* readFiles)
    if ("problems" in loaded) return yield* new ConfigRefused({ message: problemText(loaded.problems) })
    const elsewhere = yield* whyNotHere(loaded.cluster)
    if (elsewhere !== undefined) return yield* new ConfigRefused({ message: elsewhere })
    yield* logWarnings(loaded, at.inForce)
    if (at.inForce?.canonical === loaded.canonical) return yield* sameAsBefore(asked)
    give(loaded, { metas: new Map() })
  })

  /** Where the store's revision is in force: what the local file says, to be told. */
  const lookAtFile = Effect.gen(function* () {
    const files = yield* Effect.result(source.read)
    if (files._tag === "Failure") localFile = { trouble: files.failure.message }
    else if (files.success.length === 0) localFile = undefined
    else {
      const loaded = load(files.success)
      localFile = "problems" in loaded ? { trouble: problemText(loaded.problems) } : { loaded }
    }
    yield* sayFileNote
    tell()
  })

  const fileNote = (): string | undefined => {
    if (localFile === undefined || mode !== "store") return undefined
    if (localFile.trouble !== undefined)
      return `the file ${source.name} is not used, and is not valid: ${localFile.trouble}`
    if (at.inForce?.info === undefined || localFile.loaded?.canonical === at.inForce.canonical) return undefined
    return (
      `the file ${source.name} says something else than revision ${at.inForce.info.revision}, which is in force in the ` +
      `whole cluster: viaduct apply makes the file the cluster's, viaduct run --config-local runs it here alone`
    )
  }

  /** Once, until it changes. */
  const sayFileNote = Effect.suspend(() => {
    const note = fileNote()
    if (note === said) return Effect.void
    said = note
    return note === undefined ? Effect.void : Effect.logWarning(note)
  })

  /** An empty store begins with what this node runs, or would run. True: there is a config in the store now. */
  const seed = Effect.gen(function* () {
    const { entries, store: standing, view } = cluster.state()
    if (mode !== "store" || standing !== "connected" || at.storeNote !== undefined) return false
    const documentsThere = view.config !== undefined && entries.has(revisionKey(view.config.revision))
    if (documentsThere || (entries.has(configKey) && view.config === undefined)) return false
    const files = at.inForce?.files ?? localFile?.loaded?.files
    if (files === undefined) return false
    const onto = entries.get(configKey)?.modRevision ?? 0
    const elsewhere =
      at.inForce === undefined && localFile?.loaded !== undefined
        ? yield* whyNotHere(localFile.loaded.cluster)
        : undefined
    if (elsewhere !== undefined) return yield* new ConfigRefused({ message: elsewhere })
    const outcome = yield* proposals.propose(
      { files, origin: "file", by: "file", force: false, guarded: false, anew: true, onto },
      undefined
    )
    if (outcome.outcome === "applied")
      yield* Effect.logInfo(
        `the store had no config: it begins with ${source.name === "" ? "the last one of this node" : source.name}`
      )
    return outcome.outcome === "applied" || outcome.outcome === "overtaken"
  })

  return { takeFile, takeLocal, lookAtFile, fileNote, sayFileNote, seed, seen: () => localFile }
}
