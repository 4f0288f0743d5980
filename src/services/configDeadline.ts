// Changes that wait to be confirmed (`--confirm-within`): whoever is there takes back what was not confirmed in time, the node that made the
// change first, the others a little later; of those that try at once the store takes one. Kept across restarts by what stands in
// `config/current`.
import { Effect, Queue } from "effect"
import type { RevisionRecord } from "../cluster/revisions.ts"
import type { Proposals } from "./configProposals.ts"
import type { Adopted, Standing } from "./configStanding.ts"
import { load } from "./inForce.ts"

/** How much later than the node that made it the others take it back, in ms. */
const othersLaterMs = 3_000
/** How soon it is tried again where the store would not, in ms. */
const retryMs = 1_000

export const makeDeadline = Effect.fnUntraced(function* (at: Standing, proposals: Proposals) {
  const { cluster, now, wallClock, give } = at
  const news = yield* Queue.sliding<void>(1)
  /** By the monotonic clock. */
  let due: { readonly revision: number; readonly node: string; atMs: number } | undefined

  /** When a change that waits to be confirmed is this node's to take back. */
  const watch = ({ pointer }: Adopted, fresh: boolean): void => {
    const { unconfirmed, revision, node } = pointer
    if (unconfirmed === undefined) due = undefined
    else if (due?.revision !== revision) {
      const [until, given] = [Date.parse(unconfirmed.until), Date.parse(pointer.at)]
      // Clocks of nodes differ: who sees it come counts for itself, who starts later goes by the clock on the wall.
      const leftMs = fresh ? until - given : Math.min(Math.max(0, until - wallClock()), until - given)
      due = { revision, node, atMs: now() + leftMs }
    }
    Queue.offerUnsafe(news, undefined)
  }

  /** The node that made the change is first; the others are there in case that it is not. */
  const dueInMs = ({ node, atMs }: NonNullable<typeof due>): number =>
    atMs + (node === at.introduction()?.name ? 0 : othersLaterMs) - now()

  /** What was not confirmed in time becomes what it was before. */
  const takeBack = Effect.fnUntraced(function* (recordOf: (revision: number) => RevisionRecord | undefined) {
    const { unconfirmed, revision } = at.adopted?.pointer ?? {}
    if (unconfirmed === undefined || due === undefined || due.revision !== revision) return
    due.atMs = now() + retryMs
    const record = recordOf(unconfirmed.rollbackTo)
    if (record === undefined) {
      due = undefined
      return yield* Effect.logError(
        `revision ${revision} was not confirmed, and revision ${unconfirmed.rollbackTo} is not kept any more`
      )
    }
    if (cluster.state().store !== "connected") return yield* goAstray(record, revision)
    const outcome = yield* proposals.propose(
      {
        files: record.files,
        origin: "unconfirmed",
        by: "viaduct",
        message: `revision ${revision} was not confirmed by ${unconfirmed.until}`,
        force: true,
        guarded: false,
        anew: true
      },
      at.adopted
    )
    if (outcome.outcome === "applied")
      yield* Effect.logWarning(
        `revision ${revision} was not confirmed in time: revision ${unconfirmed.rollbackTo} is back`
      )
  })

  /** The change may be why the store cannot be reached: this node goes back by itself, and the store hears of it later. */
  const goAstray = Effect.fnUntraced(function* (record: RevisionRecord, revision: number | undefined) {
    if (at.astray) return
    const loaded = load(record.files)
    if ("problems" in loaded) return
    at.astray = true
    give({ ...loaded, hash: record.info.hash }, { metas: record.metas, info: record.info })
    yield* Effect.logWarning(
      `revision ${revision} was not confirmed in time and the store cannot be told: this node runs revision ` +
        `${record.info.revision} until it can`
    )
  })

  /** One turn: waits for the next deadline, and sees to it. `alone` makes sure that nobody changes the config meanwhile. */
  const turn = (
    alone: (work: Effect.Effect<void>) => Effect.Effect<void>,
    recordOf: (revision: number) => RevisionRecord | undefined
  ) =>
    Effect.gen(function* () {
      const take = Queue.take(news)
      yield* due === undefined ? take : Effect.timeoutOption(take, Math.max(1, dueInMs(due)))
      if (due !== undefined && dueInMs(due) <= 0) yield* alone(takeBack(recordOf))
    })

  return { watch, turn }
})
