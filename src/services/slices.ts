// Long work in short slices: what takes seconds with thousands of documents runs on the thread that keeps leases and sessions alive, so
// everything else has its turn between two slices of it.
import { Clock, Effect } from "effect"

const SLICE_MS = 10

/** All steps, with a turn of the loop for everybody else whenever a slice of time is used up. */
export const inSlices = <T>(steps: Generator<void, T>): Effect.Effect<T> =>
  Effect.gen(function* () {
    const now = yield* Clock.clockWith((clock) =>
      Effect.succeed(() => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n))
    )
    for (let since = now(); ; ) {
      const { done, value } = steps.next()
      if (done === true) return value
      if (now() - since < SLICE_MS) continue
      yield* Effect.yieldNow
      since = now()
    }
  })
