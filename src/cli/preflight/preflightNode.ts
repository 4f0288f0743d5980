// The preflight service of this process as the API wants it: promises and async iterables.
import { Effect, Stream } from "effect"
import type { PreflightNode } from "../../preflight/protocol.ts"
import { PreflightHost } from "../../services/PreflightHost.ts"

const aborted = (signal: AbortSignal) =>
  Effect.callback<void>((resume) => {
    if (signal.aborted) resume(Effect.void)
    else signal.addEventListener("abort", () => resume(Effect.void), { once: true })
  })

export const preflightNode = Effect.gen(function* () {
  const host = yield* PreflightHost
  const context = yield* Effect.context<never>()
  const run = Effect.runPromiseWith(context)
  const node: PreflightNode = {
    facts: () => run(host.facts),
    perform: (request, signal) =>
      Stream.toAsyncIterable(host.perform(request).pipe(Stream.interruptWhen(aborted(signal)))),
    keep: (name) => run(host.keep(name))
  }
  return node
})
