// Tells of this node what there is to tell: to the journal, which compares one look with the next, and to the other nodes, through the
// store. What happens meanwhile is told with the next. Nobody waits for it and nothing is planned from it.
import { Cause, Clock, Effect, Queue, Stream } from "effect"
import type { NodeSummary } from "../plan/view.ts"
import type { NodeStatus } from "../resources/nodeStatus.ts"
import { Cluster } from "./Cluster.ts"
import { Elector } from "./Elector.ts"
import { EventJournal } from "./EventJournal.ts"
import { makeAnnouncements, nodeSummary, urgentPart, wholePart } from "./nodeReport.ts"
import { Supervisor } from "./Supervisor.ts"

/** The others are told so long after a change, in ms, and of tries that go on failing so often. */
const tellAfterMs = 500
const tellAgainMs = 10_000
/** The journal looks so often at most, in ms. */
const lookEveryMs = 100

/** `status` gives nothing until there is a config to speak of. */
export const keepTelling = Effect.fnUntraced(function* (
  status: Effect.Effect<Omit<NodeStatus, "process"> | undefined>
) {
  const supervisor = yield* Supervisor
  const cluster = yield* Cluster
  const elector = yield* Elector
  const journal = yield* EventJournal
  const wallClock = yield* Clock.clockWith((clock) => Effect.succeed(() => clock.currentTimeMillisUnsafe()))
  const announcements = makeAnnouncements()
  const changed = yield* Queue.sliding<void>(1)
  const news = yield* Queue.sliding<void>(1)
  let told: { readonly summary: NodeSummary; readonly atMs: number } | undefined

  const tell = Effect.gen(function* () {
    const now = yield* status
    if (now === undefined) return
    const atMs = wallClock()
    const summary = nodeSummary(now, elector.held(), announcements, new Date(atMs).toISOString())
    const due = told === undefined || atMs - told.atMs >= tellAgainMs
    const before = told?.summary
    const same = before !== undefined && wholePart(before) === wholePart(summary)
    if (same || (!due && before !== undefined && urgentPart(before) === urgentPart(summary))) return
    told = { summary, atMs }
    yield* cluster.report(summary)
  })

  const look = Effect.flatMap(status, (now) => (now === undefined ? Effect.void : journal.look(now)))

  /** Whoever is slow to take news makes the others miss some: it is taken at once, and worked on beside that. */
  const into = (queue: Queue.Queue<void>, stream: Stream.Stream<void>) =>
    Effect.forkScoped(
      Stream.runForEach(stream, () => Effect.sync(() => Queue.offerUnsafe(queue, undefined))),
      { startImmediately: true }
    )
  yield* into(changed, supervisor.changes)
  yield* into(news, supervisor.changes)
  yield* into(news, cluster.reports)
  const telling = Effect.timeoutOption(Queue.take(changed), tellAgainMs).pipe(
    Effect.andThen(Effect.sleep(tellAfterMs)),
    Effect.andThen(tell)
  )
  const looking = Queue.take(news).pipe(Effect.andThen(look), Effect.andThen(Effect.sleep(lookEveryMs)))
  for (const work of [telling, looking])
    yield* Effect.forkScoped(
      Effect.tapCause(Effect.forever(work), (cause) =>
        Cause.hasInterruptsOnly(cause)
          ? Effect.void
          : Effect.logError("this node does not tell of itself any more, by a fault of this program", cause)
      )
    )
})
