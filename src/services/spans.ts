// Spans of what lasts longer than any single effect: a session from its first try to its end, an address on its way to this node. Each is
// a trace of its own. Where nobody collects them they cost a small object.
import { Clock, Context, Effect, Exit, Option } from "effect"

/** One stretch of time under way. */
export interface Stretch {
  readonly event: (name: string) => void
  /** `why` makes it one that failed. */
  readonly end: (why?: string) => void
}

export type BeginStretch = (name: string, attributes: Readonly<Record<string, string | number>>) => Stretch

/** Begins stretches from wherever a callback is; takes tracer and clock from the effect that it is made in. */
export const stretches: Effect.Effect<BeginStretch> = Effect.gen(function* () {
  const tracer = yield* Effect.tracer
  const clock = yield* Clock.Clock
  return (name, attributes) => {
    const span = tracer.span({
      name,
      parent: Option.none(),
      annotations: Context.empty(),
      links: [],
      startTime: clock.currentTimeNanosUnsafe(),
      kind: "internal",
      root: true,
      sampled: true
    })
    for (const [key, value] of Object.entries(attributes)) span.attribute(key, value)
    return {
      event: (what) => span.event(what, clock.currentTimeNanosUnsafe()),
      end: (why) =>
        span.end(
          clock.currentTimeNanosUnsafe(),
          why === undefined ? Exit.succeed(undefined) : Exit.fail(new Error(why))
        )
    }
  }
})
