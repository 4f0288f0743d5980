// What the daemon counts and times while it runs, and no state of it shows: Effect's metrics, named as they are served. And what was
// counted, as the status has it (NodeStatus.measures). Bounded: labels take few values, none of them a peer's or an operator's words.
import { Clock, Effect, Metric } from "effect"
import type { Measures } from "../resources/nodeStatus.ts"

/** Seconds. */
const quick = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
const slow = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

export const reconcileSeconds = Metric.histogram("viaduct_reconcile_duration_seconds", { boundaries: quick })
export const takeoverSeconds = Metric.histogram("viaduct_takeover_duration_seconds", { boundaries: slow })
export const storeSeconds = Metric.histogram("viaduct_store_request_duration_seconds", { boundaries: quick })
export const applyCount = Metric.counter("viaduct_config_applies_total", { incremental: true })
export const exportCount = Metric.counter("viaduct_otlp_exports_total", { incremental: true })
export const eventCount = Metric.counter("viaduct_events_total", { incremental: true })

/** Takes how long `effect` takes, with the labels that its result has; undefined: it failed. */
export const timed = <A, E, R>(
  metric: Metric.Metric<number, unknown>,
  effect: Effect.Effect<A, E, R>,
  labels: (result: { readonly value: A } | undefined) => Readonly<Record<string, string>> = () => ({})
): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const from = clock.monotonicTimeNanosUnsafe()
    const took = (result: { readonly value: A } | undefined) =>
      Effect.suspend(() => {
        const seconds = Number(clock.monotonicTimeNanosUnsafe() - from) / 1e9
        return Metric.update(Metric.withAttributes(metric, labels(result)), seconds)
      })
    return yield* Effect.tapError(
      Effect.tap(effect, (value) => took({ value })),
      () => took(undefined)
    )
  })

/** What Effect's metrics of this program say now. */
export const measures: Effect.Effect<Measures> = Effect.map(Metric.snapshot, (all) => {
  const values: Array<Measures["values"][number]> = []
  const timings: Array<Measures["timings"][number]> = []
  for (const one of all) {
    if (!one.id.startsWith("viaduct_")) continue
    const labels = Object.fromEntries(
      Object.entries(one.attributes ?? {}).map(([name, value]) => [name, String(value)])
    )
    if (one.type === "Counter") values.push({ name: one.id, labels, value: Number(one.state.count) })
    if (one.type === "Histogram") {
      const { buckets, count, sum } = one.state
      const bounded = buckets.filter(([upTo]) => Number.isFinite(upTo))
      timings.push({ name: one.id, labels, count, sum, buckets: bounded })
    }
  }
  return { values, timings }
})
