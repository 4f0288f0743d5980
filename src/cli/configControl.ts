// ConfigControl of the admin API over this node's store of configs.
import { Effect, Metric, Stream } from "effect"
import type { ConfigControl } from "../api/control.ts"
import { Cluster } from "../services/Cluster.ts"
import { ConfigStore } from "../services/ConfigStore.ts"
import { applyCount } from "../services/measures.ts"
import { Reconciler } from "../services/Reconciler.ts"
import { stageChange } from "../services/stageChange.ts"

const aborted = (signal: AbortSignal) =>
  Effect.callback<void>((resume) => {
    if (signal.aborted) resume(Effect.void)
    else signal.addEventListener("abort", () => resume(Effect.void), { once: true })
  })

export const configControl = Effect.gen(function* () {
  const configs = yield* ConfigStore
  const cluster = yield* Cluster
  const reconciler = yield* Reconciler
  const context = yield* Effect.context<never>()
  const run = Effect.runPromiseWith(context)
  const staging = {
    inForce: Effect.sync(() => {
      const { info, files } = configs.current() ?? {}
      return { revision: info?.revision ?? 0, files: files ?? [] }
    }),
    apply: configs.apply,
    view: Effect.sync(() => {
      const { store, view } = cluster.state()
      return store === "never" ? undefined : view
    }),
    status: reconciler.status
  }
  const control: ConfigControl = {
    apply: (request) =>
      run(
        Effect.tap(configs.apply(request), ({ outcome }) =>
          Metric.update(Metric.withAttributes(applyCount, { outcome }), 1)
        )
      ),
    stage: ({ change, ...request }, signal) =>
      Stream.toAsyncIterable(
        stageChange(staging, { ...request, files: change.files }).pipe(Stream.interruptWhen(aborted(signal)))
      ),
    confirm: (by) => run(configs.confirm(by)),
    documents: (revision) => run(configs.documents(revision)),
    reload: (force) => run(configs.reloadFile(force))
  }
  return control
})
