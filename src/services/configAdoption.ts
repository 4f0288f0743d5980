// The store's revision becomes this node's: what the store's watch shows is read, loaded and given to whoever carries it out. A start without
// the store makes do with the copy of the last revision.
import { Effect, type Scope } from "effect"
import { configKey } from "../cluster/layout.ts"
import { infoOf, type RevisionRecord, readRevision, revisionKey } from "../cluster/revisions.ts"
import type { RevisionInfo } from "../config/objects.ts"
import { copyText, readCopy } from "./configCopy.ts"
import type { Proposals } from "./configProposals.ts"
import type { Adopted, Standing } from "./configStanding.ts"
import { load, loadInSlices, logWarnings, problemText } from "./inForce.ts"

/** `fresh`: this node saw it come. */
export interface Watched {
  readonly adopted: (current: Adopted, fresh: boolean) => void
  /** What waited to be confirmed does so no more. */
  readonly settled: () => void
}

export const makeAdoption = (at: Standing, proposals: Proposals, watched: Watched, outer: Scope.Scope) => {
  const { cluster, store, mode, wallClock, give, tell } = at

  const keepCopy = Effect.fnUntraced(function* (current: Adopted) {
    if (at.copy === undefined || mode !== "store") return
    const { entries } = cluster.state()
    const { rollbackTo } = current.pointer.unconfirmed ?? {}
    const fallback = rollbackTo === undefined ? undefined : entries.get(revisionKey(rollbackTo))?.value
    yield* at.copy.write(copyText(current.pointer, current.record, fallback))
  })

  /** Takes over what the store has, where that is new. */
  const heed = Effect.gen(function* () {
    const { entries, view, store: standing } = cluster.state()
    const entry = entries.get(configKey)
    if (mode === "local" || standing === "never" || entry === undefined || entry.modRevision === at.seen) return
    const pointer = view.config
    if (pointer === undefined) {
      at.seen = entry.modRevision
      return yield* cannotRun("its config was written by another version of viaduct, which this one cannot read")
    }
    const value = entries.get(revisionKey(pointer.revision))?.value
    // Written by a version that kept no documents: whoever has some begins anew.
    if (value === undefined) return
    at.seen = entry.modRevision
    const before = at.adopted
    const record = readRevision(value)
    if (record === undefined) return yield* cannotRun(`revision ${pointer.revision} of its config cannot be read`)
    const current: Adopted = { modRevision: entry.modRevision, pointer, record }
    const sameRecord = before?.pointer.revision === pointer.revision && before.record.info.at === record.info.at
    const back = pointer.unconfirmed
    if (
      back !== undefined &&
      before === undefined &&
      at.inForce?.info?.revision === back.rollbackTo &&
      Date.parse(back.until) <= wallClock()
    ) {
      // This node is back there already, without the store.
      at.adopted = current
      at.astray = true
      tell()
    } else if (sameRecord && !at.astray && at.inForce !== undefined) {
      at.adopted = current
      at.inForce = { ...at.inForce, info: infoOf(pointer) }
      tell()
    } else {
      const loaded = proposals.known(value) ?? (yield* loadInSlices(record.files))
      if ("problems" in loaded)
        return yield* cannotRun(
          `revision ${pointer.revision} of its config is not valid for this version of viaduct:\n${problemText(loaded.problems)}`
        )
      at.adopted = current
      at.astray = false
      const info = infoOf(pointer)
      yield* logWarnings(loaded, at.inForce)
      give({ ...loaded, hash: info.hash }, { metas: record.metas, info, force: proposals.forced(pointer.revision) })
    }
    at.storeNote = undefined
    watched.adopted(current, before !== undefined)
    if (before?.pointer.unconfirmed !== undefined && pointer.unconfirmed === undefined) watched.settled()
    yield* keepCopy(current)
  })

  const cannotRun = Effect.fnUntraced(function* (why: string) {
    at.storeNote = `the store ${store.name}: ${why}; what ran before goes on`
    yield* Effect.logError(at.storeNote)
    tell()
  })

  const recordOf = (revision: number): RevisionRecord | undefined => {
    if (at.adopted?.pointer.revision === revision) return at.adopted.record
    const value = cluster.state().entries.get(revisionKey(revision))?.value
    return value === undefined ? undefined : readRevision(value)
  }

  const giveRecord = ({ info, files, metas }: RevisionRecord, unconfirmed?: RevisionInfo["unconfirmed"]): boolean => {
    const loaded = load(files)
    if ("problems" in loaded) return false
    const shown = unconfirmed === undefined ? info : { ...info, unconfirmed }
    give({ ...loaded, hash: info.hash }, { metas, info: shown })
    return true
  }

  /**
   * Makes do with the last revision that this node ran. What of it waited to be confirmed is taken back at its time, unless the store has
   * been heard by then.
   */
  const startFromCopy = Effect.gen(function* () {
    const copy = readCopy((yield* at.copy?.read ?? Effect.succeed(undefined)) ?? "")
    if (copy === undefined) return false
    const { record, unconfirmed, fallback } = copy
    const leftMs = unconfirmed === undefined ? 0 : Date.parse(unconfirmed.until) - wallClock()
    const late = unconfirmed !== undefined && leftMs <= 0
    const given = late && fallback !== undefined ? giveRecord(fallback) : giveRecord(record, unconfirmed)
    if (!given) return false
    if (fallback !== undefined && !late)
      yield* Effect.forkIn(
        Effect.andThen(
          Effect.sleep(leftMs),
          Effect.sync(() => at.adopted === undefined && giveRecord(fallback))
        ),
        outer
      )
    yield* Effect.logWarning(
      `the store ${store.name} does not answer: this node starts with revision ${at.inForce?.info?.revision} from its own copy`
    )
    return true
  })

  return { heed, recordOf, startFromCopy }
}
