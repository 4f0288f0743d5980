// Runs inside a host: what the daemon does with the kernel's interfaces, addresses and segments, one verb at a time, on the
// real adapters. A line of JSON for everything that happens, with the time in ms since 1970.
//   hold DEVICE ADDRESS/LENGTH SECONDS REFRESH_MS      holds until it is killed
//   hear DEVICE                                        what others say there
//   probe|announce DEVICE ADDRESS [TIMES] [EVERY_MS]   says it, and tells what it hears
//   watch DEVICE ADDRESS/LENGTH                        changes; on SIGHUP holds, refreshes and removes the address itself
//   interfaces
import { Effect, Layer, type Scope } from "effect"
import { LinuxNeighbours } from "../../../src/adapters/linux/LinuxNeighbours.ts"
import { NetlinkLinkControl } from "../../../src/adapters/linux/NetlinkLinkControl.ts"
import type { Address } from "../../../src/net/ip.ts"
import type { LocalAddress } from "../../../src/plan/types.ts"
import { LinkControl, type LinkError } from "../../../src/ports/LinkControl.ts"
import { Neighbours } from "../../../src/ports/Neighbours.ts"

const [verb = "", device = "", what = "", third = "", fourth = ""] = process.argv.slice(2)

const say = (event: string, more: object = {}): void => {
  process.stdout.write(`${JSON.stringify({ event, at: performance.timeOrigin + performance.now(), ...more })}\n`)
}

const local = (): LocalAddress => {
  const [address = "", length = ""] = what.split("/")
  return { address: address as Address, prefixLength: Number(length), interface: device }
}

const hangup = Effect.callback<void>((resume) => {
  process.once("SIGHUP", () => resume(Effect.void))
})

const hold = Effect.gen(function* () {
  const link = yield* LinkControl
  for (;;) {
    const added = yield* link.hold(local(), Number(third))
    say("held", { added })
    yield* Effect.sleep(Number(fourth))
  }
})

const hear = Effect.gen(function* () {
  const neighbours = yield* Neighbours
  const segment = yield* neighbours.open(device, (message) => say("heard", { ...message }))
  say("ready", { mac: segment.mac })
  return segment
})

const speak = Effect.gen(function* () {
  const segment = yield* hear
  for (let n = 0; n < Number(third || 1); n++) {
    say("saying")
    const outcome = yield* Effect.result(
      verb === "probe" ? segment.probe(what as Address) : segment.announce(what as Address)
    )
    say(
      outcome._tag === "Success" ? "said" : "failed",
      outcome._tag === "Success" ? {} : { why: outcome.failure.message }
    )
    yield* Effect.sleep(Number(fourth || 100))
  }
  return yield* Effect.never
})

const watch = Effect.gen(function* () {
  const link = yield* LinkControl
  yield* link.watch(() => say("changed"))
  say("ready")
  yield* hangup
  for (let n = 0; n < 5; n++) say("held", { added: yield* link.hold(local(), 3) })
  yield* hangup
  say("removed", { was: yield* link.remove(local()) })
  return yield* Effect.never
})

const interfaces = Effect.gen(function* () {
  say("interfaces", { interfaces: yield* (yield* LinkControl).interfaces })
})

type Verb = Effect.Effect<void, LinkError, LinkControl | Neighbours | Scope.Scope>
const verbs: Readonly<Record<string, Verb>> = {
  hold,
  hear: Effect.andThen(hear, Effect.never),
  probe: speak,
  announce: speak,
  watch,
  interfaces
}
const layer = Layer.merge(NetlinkLinkControl, LinuxNeighbours)
const chosen = verbs[verb] ?? Effect.die(`no verb ${verb}`)
await Effect.runPromise(Effect.scoped(chosen).pipe(Effect.provide(layer)))
