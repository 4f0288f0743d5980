// A watch as a test sees it: every piece of news in order, the state that they add up to, and waiting for what comes.
import { Effect, type Scope } from "effect"
import type { ClusterStore, StoreEntry, StoreNews } from "../../../src/ports/ClusterStore.ts"

export type Store = ClusterStore["Service"]

export interface Recorder {
  readonly news: ReadonlyArray<StoreNews>
  /** What the news say is there, by key. */
  readonly state: ReadonlyMap<string, StoreEntry>
  /** Resolves with the next moment in which `check` holds, now at the earliest. */
  readonly when: (what: string, check: (recorder: Recorder) => boolean, deadlineMs?: number) => Effect.Effect<void>
}

/** Revisions of the snapshots and changes told, which must rise: nothing twice, nothing out of order. */
export const revisions = (recorder: Recorder): ReadonlyArray<number> =>
  recorder.news.flatMap((one) => (one.type === "snapshot" || one.type === "changes" ? [one.revision] : []))

export const kinds = (recorder: Recorder): ReadonlyArray<string> => recorder.news.map(({ type }) => type)

const fold = (state: Map<string, StoreEntry>, news: StoreNews): void => {
  if (news.type === "snapshot") {
    state.clear()
    for (const entry of news.entries) state.set(entry.key, entry)
  }
  if (news.type !== "changes") return
  for (const change of news.changes)
    if (change.type === "put") state.set(change.entry.key, change.entry)
    else state.delete(change.key)
}

/** Watches `prefix` until the scope ends. */
export const record = (store: Store, prefix = ""): Effect.Effect<Recorder, never, Scope.Scope> =>
  Effect.gen(function* () {
    const news: Array<StoreNews> = []
    const state = new Map<string, StoreEntry>()
    const waiting = new Set<() => void>()
    const recorder: Recorder = {
      news,
      state,
      when: (what, check, deadlineMs = 15_000) =>
        Effect.callback<void>((resume) => {
          const look = () => {
            if (!check(recorder)) return
            waiting.delete(look)
            resume(Effect.void)
          }
          waiting.add(look)
          look()
          return Effect.sync(() => waiting.delete(look))
        }).pipe(
          Effect.timeoutOrElse({
            duration: deadlineMs,
            orElse: () => Effect.die(new Error(`waited in vain for ${what}; told so far: ${kinds(recorder).join(" ")}`))
          })
        )
    }
    yield* store.watch(prefix, (one) => {
      news.push(one)
      fold(state, one)
      for (const look of [...waiting]) look()
    })
    return recorder
  })

export const hasSnapshot = (recorder: Recorder): boolean => recorder.news.some(({ type }) => type === "snapshot")
