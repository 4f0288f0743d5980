// The preflight runs that a node works for. A run is alive while its operator's side sends word; what a run does here ends with it,
// whether or not the connection says so: a cable that is cut sends no FIN. Times are monotonic.
import { Effect } from "effect"
import { RUN_LEASE_SECONDS } from "../preflight/protocol.ts"

const nowMs = Effect.clockWith((clock) => clock.monotonicTimeNanos).pipe(
  Effect.map((nanos) => Number(nanos / 1_000_000n))
)

export interface Runs {
  /** The run is alive for another lease. */
  readonly keep: (run: string) => Effect.Effect<void>
  /** Done when the run has had no word for a lease. */
  readonly lapsed: (run: string) => Effect.Effect<void>
}

export const makeRuns = (): Runs => {
  const heardMs = new Map<string, number>()
  const leaseMs = RUN_LEASE_SECONDS * 1_000
  const forgetOld = (now: number): void => {
    for (const [run, at] of heardMs) if (now - at > 10 * leaseMs) heardMs.delete(run)
  }
  return {
    keep: (run) =>
      Effect.map(nowMs, (now) => {
        forgetOld(now)
        heardMs.set(run, now)
      }),
    lapsed: Effect.fnUntraced(function* (run) {
      for (;;) {
        const leftMs = (heardMs.get(run) ?? 0) + leaseMs - (yield* nowMs)
        if (leftMs <= 0) return
        yield* Effect.sleep(leftMs)
      }
    })
  }
}
