// The in-memory segments do what kernels on a real one do (test/lab/kernel.test.ts): lifetimes end without the daemon, probes are
// answered by who has the address, and what is cut off neither speaks nor hears.
import { describe, expect, test } from "bun:test"
import { Effect, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { type HostSpec, type MemorySegments, makeMemorySegments } from "../../src/adapters/memory/MemorySegment.ts"
import type { Address } from "../../src/net/ip.ts"
import type { LocalAddress } from "../../src/plan/types.ts"
import { LinkControl } from "../../src/ports/LinkControl.ts"
import { type NeighbourMessage, Neighbours } from "../../src/ports/Neighbours.ts"

const host = (name: string, last: number, segment = "rack"): HostSpec => ({
  name,
  segment,
  interface: "eth0",
  mac: `02:00:00:00:00:0${last}`,
  addresses: [{ address: `10.0.1.${last}` as Address, prefixLength: 24 }]
})

const floating: LocalAddress = { address: "10.0.1.50" as Address, prefixLength: 32, interface: "eth0" }
const floating6: LocalAddress = { address: "2001:db8:1::50" as Address, prefixLength: 128, interface: "eth0" }

interface Node {
  readonly link: typeof LinkControl.Service
  readonly probe: (address: Address) => Effect.Effect<void, unknown>
  readonly announce: (address: Address) => Effect.Effect<void, unknown>
  readonly heard: Array<NeighbourMessage>
  /** How often the watch has told. */
  readonly changes: () => number
}

interface Scene {
  readonly lan: MemorySegments
  readonly a: Node
  readonly b: Node
  readonly c: Node
}

/** Three hosts on one segment, and d alone on another. */
const scene = (body: (scene: Scene) => Effect.Effect<unknown, unknown, Scope.Scope>): Promise<unknown> =>
  Effect.gen(function* () {
    const lan = yield* makeMemorySegments([host("a", 1), host("b", 2), host("c", 3), host("d", 4, "other")])
    const node = (name: string) =>
      Effect.gen(function* () {
        const link = yield* LinkControl
        const heard: Array<NeighbourMessage> = []
        const segment = yield* (yield* Neighbours).open("eth0", (message) => void heard.push(message))
        let count = 0
        yield* link.watch(() => {
          count++
        })
        return { link, probe: segment.probe, announce: segment.announce, heard, changes: () => count } satisfies Node
      }).pipe(Effect.provide(lan.layerFor(name)))
    yield* body({ lan, a: yield* node("a"), b: yield* node("b"), c: yield* node("c") })
  }).pipe(Effect.scoped, Effect.provide(TestClock.layer(), { local: true }), Effect.runPromise)

const probe: NeighbourMessage = { type: "probe", address: floating.address, mac: "02:00:00:00:00:02" }
const answer: NeighbourMessage = { type: "answer", address: floating.address, mac: "02:00:00:00:00:01" }

describe("lifetimes", () => {
  test("a held address stays while it is refreshed and goes by itself, and that is a change", () =>
    scene(({ lan, a }) =>
      Effect.gen(function* () {
        expect(yield* a.link.hold(floating, 3.9)).toBe(true)
        for (let second = 0; second < 10; second++) {
          yield* TestClock.adjust("1 second")
          expect(yield* a.link.hold(floating, 3)).toBe(false)
        }
        yield* TestClock.adjust(2999)
        expect([lan.holders(floating.address), a.changes()]).toEqual([["a"], 0])
        yield* TestClock.adjust(1)
        expect([lan.holders(floating.address), a.changes()]).toEqual([[], 1])
        expect(yield* a.link.remove(floating)).toBe(false)
      })
    ))

  test("a kernel may be late, by no more than its slack", () =>
    scene(({ lan, a }) =>
      Effect.gen(function* () {
        lan.conditions.slackMs = 400
        yield* a.link.hold(floating, 2)
        yield* TestClock.adjust(2399)
        expect(lan.holders(floating.address)).toEqual(["a"])
        yield* TestClock.adjust(1)
        expect(lan.holders(floating.address)).toEqual([])
      })
    ))

  test("an address that somebody gave the host for good is not taken from them", () =>
    scene(({ lan, a }) =>
      Effect.gen(function* () {
        lan.give("a", floating)
        expect(a.changes()).toBe(1)
        expect((yield* Effect.result(a.link.hold(floating, 3)))._tag).toBe("Failure")
        lan.take("a", floating.address)
        expect(yield* a.link.hold(floating, 3)).toBe(true)
      })
    ))
})

describe("who hears whom", () => {
  test("a probe is heard by all others, and answered by the kernel that has the address, daemon or not", () =>
    scene(({ lan, a, b, c }) =>
      Effect.gen(function* () {
        yield* a.link.hold(floating, 60)
        lan.freeze("a", true)
        yield* b.probe(floating.address)
        yield* TestClock.adjust(1)
        expect([a.heard, b.heard, c.heard]).toEqual([[], [], [probe]])
        yield* TestClock.adjust(1)
        expect([a.heard, b.heard, c.heard]).toEqual([[], [answer], [probe]])
        lan.freeze("a", false)
        expect(a.heard).toEqual([probe])
      })
    ))

  test("over IPv6 the answer to a probe goes to all, without having been asked by them", () =>
    scene(({ a, b, c }) =>
      Effect.gen(function* () {
        yield* a.link.hold(floating6, 60)
        yield* b.probe(floating6.address)
        yield* TestClock.adjust(2)
        expect(c.heard.map(({ type, mac }) => `${type} ${mac}`)).toEqual([
          "probe 02:00:00:00:00:02",
          "announcement 02:00:00:00:00:01"
        ])
        expect(b.heard.map(({ type }) => type)).toEqual(["announcement"])
      })
    ))

  test("hosts that are parted, without a cable or without power neither speak nor hear nor answer", () =>
    scene(({ lan, a, b, c }) =>
      Effect.gen(function* () {
        yield* a.link.hold(floating, 600)
        const ask = Effect.gen(function* () {
          b.heard.length = 0
          yield* b.probe(floating.address)
          yield* TestClock.adjust(2)
          return b.heard.length
        })
        lan.part("a", "b")
        expect([yield* ask, lan.reaches("a", "b"), lan.reaches("b", "c")]).toEqual([0, false, true])
        lan.join("a", "b")
        expect(yield* ask).toBe(1)
        lan.cable("a", false)
        expect([yield* ask, lan.holders(floating.address)]).toEqual([0, ["a"]])
        expect(yield* a.link.interfaces).toMatchObject([{}, { name: "eth0", up: false }])
        expect((yield* Effect.result(a.announce(floating.address)))._tag).toBe("Failure")
        lan.cable("a", true)
        lan.power("a", false)
        expect([yield* ask, lan.holders(floating.address)]).toEqual([0, []])
        lan.power("a", true)
        expect(yield* ask).toBe(0)
        expect((yield* a.link.addresses).map(({ address }) => address)).toEqual(["10.0.1.1" as Address])
        expect([c.heard.length, lan.reaches("a", "d")]).toEqual([5, false])
      })
    ))
})
