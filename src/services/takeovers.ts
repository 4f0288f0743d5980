// How long an address takes from the moment that this node goes for it until it is held: a span and a measurement. One that is lost on the
// way is a span that failed.
import { Clock, Effect, Metric } from "effect"
import type { Fence } from "../election/fence.ts"
import type { Address } from "../net/ip.ts"
import { takeoverSeconds } from "./measures.ts"
import { type Stretch, stretches } from "./spans.ts"

const underWay = (phase: Fence["phase"]): boolean => phase === "claiming" || phase === "probing"

/** Gives what follows the machine of an address from one phase to the next. */
export const makeTakeovers = Effect.gen(function* () {
  const begin = yield* stretches
  const clock = yield* Clock.Clock
  const now = () => clock.monotonicTimeNanosUnsafe()
  const going = new Map<Address, { readonly stretch: Stretch; readonly from: bigint }>()
  return (address: Address, { phase, reason }: Pick<Fence, "phase" | "reason">): Effect.Effect<void> => {
    const under = going.get(address)
    if (underWay(phase)) {
      if (under === undefined)
        going.set(address, { stretch: begin("takeover", { "viaduct.address": address }), from: now() })
      else under.stretch.event(reason)
      return Effect.void
    }
    if (under === undefined) return Effect.void
    going.delete(address)
    if (phase !== "held") return Effect.sync(() => under.stretch.end(reason))
    under.stretch.end()
    return Metric.update(takeoverSeconds, Number(now() - under.from) / 1e9)
  }
})
