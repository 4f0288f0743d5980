// News for somebody who is slower than it comes. A subscriber of the services' news that is behind makes all others miss some, so news is
// taken at once here, and what comes while it is worked on counts as one.
import { Effect, Queue, Stream } from "effect"
import type { NodeSource } from "../api/source.ts"
import type { NodeStatus } from "../resources/nodeStatus.ts"

/** One piece of news at the start, when nothing is missed any more, and one for everything that came since the last was taken. */
export const latest = (news: Stream.Stream<void>): Stream.Stream<void> =>
  Stream.callback<void>(
    (queue) =>
      Effect.gen(function* () {
        const offer = Effect.sync(() => void Queue.offerUnsafe(queue, undefined))
        const taking = Stream.runForEach(news, () => offer).pipe(Effect.andThen(Queue.end(queue)))
        yield* Effect.forkScoped(taking, { startImmediately: true })
        yield* offer
      }),
    { bufferSize: 1, strategy: "sliding" }
  )

/** What changes together is told together, after so long, in ms. */
const gatherMs = 20

/** The status now and after each change, until the signal aborts: what an API source streams. */
export const streamChanges =
  (changes: Stream.Stream<void>, status: Effect.Effect<NodeStatus>): NodeSource["changes"] =>
  (signal) =>
    Stream.toAsyncIterable(
      latest(changes).pipe(
        Stream.rechunk(1),
        Stream.mapEffect((_, index) => (index === 0 ? status : Effect.delay(status, gatherMs))),
        Stream.interruptWhen(aborted(signal))
      )
    )

const aborted = (signal: AbortSignal) =>
  Effect.callback<void>((resume) => {
    if (signal.aborted) resume(Effect.void)
    else signal.addEventListener("abort", () => resume(Effect.void), { once: true })
  })
