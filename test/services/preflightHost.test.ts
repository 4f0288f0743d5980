// A node at the service of a preflight, over a network and a kernel in memory: what it does ends with the run, with `end` and with the
// reader of its stream; what a daemon holds, or another program, is left alone. S25, S27.
import { describe, expect, test } from "bun:test"
import { Cause, Effect, Exit, Fiber, Layer, Random, type Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { type MemoryNetwork, makeMemoryNetwork } from "../../src/adapters/memory/MemoryNetwork.ts"
import type { Address } from "../../src/net/ip.ts"
import type { LocalAddress } from "../../src/plan/types.ts"
import { Host } from "../../src/ports/Host.ts"
import { LinkControl } from "../../src/ports/LinkControl.ts"
import { Machine, type TcpEnd } from "../../src/ports/Machine.ts"
import { Neighbours } from "../../src/ports/Neighbours.ts"
import { type PingAnswer, Reachability } from "../../src/ports/Reachability.ts"
import { Secrets } from "../../src/ports/Secrets.ts"
import {
  type Facts,
  type PreflightEvent,
  type PreflightRequest,
  RUN_LEASE_SECONDS,
  type SessionTest
} from "../../src/preflight/protocol.ts"
import { Listeners } from "../../src/services/Listeners.ts"
import { PreflightHost } from "../../src/services/PreflightHost.ts"
import { runSession, type Session } from "../../src/services/SessionRunner.ts"
import { fsmConfig } from "../../src/services/sessionConfig.ts"
import { nodeAddress, routerAddress, routerSide, vip } from "./harness.ts"

const VIP = "10.0.0.8" as Address

/** What the kernel of the node has, and what it was told. */
class Kernel {
  readonly addresses = new Map<string, LocalAddress>()
  readonly log: Array<string> = []
  connections: ReadonlyArray<TcpEnd> = []
  /** Answers to pings by size; absent: silence. */
  ping: (octets: number) => PingAnswer = () => ({ type: "silence" })
}

interface World {
  readonly host: PreflightHost["Service"]
  readonly kernel: Kernel
  readonly network: MemoryNetwork
  /** The router's side of a session to the node. */
  readonly router: Session
}

const layerOf = (kernel: Kernel) =>
  Layer.mergeAll(
    Layer.succeed(Host, { hostname: "cp1" } as Host["Service"]),
    Layer.succeed(LinkControl, {
      addresses: Effect.sync(() => [...kernel.addresses.values()].map((one) => ({ ...one, ours: true }))),
      interfaces: Effect.succeed([{ name: "lo", mac: "00:00:00:00:00:00", up: true }]),
      add: () => Effect.succeed(true),
      hold: (address, seconds) =>
        Effect.sync(() => {
          const added = !kernel.addresses.has(address.address)
          kernel.addresses.set(address.address, address)
          kernel.log.push(`${added ? "add" : "refresh"} ${address.address} ${seconds}`)
          return added
        }),
      remove: ({ address }) =>
        Effect.sync(() => {
          kernel.log.push(`remove ${address}`)
          return kernel.addresses.delete(address)
        }),
      watch: () => Effect.void
    }),
    Layer.succeed(Machine, {
      facts: Effect.succeed({
        kernel: "6.1.0",
        rights: ["NET_ADMIN"],
        support: ["ipv6"],
        mtus: new Map([["lo", 65_536]])
      }),
      tcp: () => Effect.sync(() => ({ listening: [], connections: kernel.connections }))
    }),
    Layer.succeed(Neighbours, {
      open: () => Effect.succeed({ mac: "02:00:00:00:00:01", probe: () => Effect.void, announce: () => Effect.void })
    }),
    Layer.succeed(Reachability, { ping: ({ octets = 84 }) => Effect.sync(() => kernel.ping(octets)) }),
    Layer.succeed(Secrets, { read: () => Effect.succeed("key") })
  )

const inWorld = async <A>(
  body: (world: World) => Effect.Effect<A, unknown, Scope.Scope>,
  live?: NonNullable<Facts["live"]>
): Promise<A> => {
  const program = Effect.gen(function* () {
    const network = yield* makeMemoryNetwork
    const kernel = new Kernel()
    const options = { version: "0.1.0", ...(live === undefined ? {} : { live: Effect.succeed(live) }) }
    const below = Layer.merge(network.layer, layerOf(kernel))
    const context = yield* Layer.build(
      Layer.merge(PreflightHost.layer(options), Listeners.layer).pipe(Layer.provideMerge(below))
    )
    return yield* Effect.gen(function* () {
      const host = yield* PreflightHost
      const side = { ...routerSide, passive: true }
      const router = yield* runSession(side, fsmConfig(side, "router"), {})
      return yield* body({ host, kernel, network, router })
    }).pipe(Effect.provideContext(context))
  })
  const exit = await Effect.runPromiseExit(
    Effect.scoped(program).pipe(Random.withSeed(1), Effect.provide(TestClock.layer(), { local: true }))
  )
  if (Exit.isFailure(exit)) throw new Error(Cause.pretty(exit.cause))
  return exit.value
}

const session: SessionTest = {
  localAddress: nodeAddress,
  peerAddress: routerAddress,
  peerPort: 179,
  localAsn: 65001,
  peerAsn: 65002,
  routerId: nodeAddress,
  holdTime: 9,
  keepaliveTime: 3,
  connectRetryTime: 5,
  passive: false,
  families: ["ipv4", "ipv6"]
}
const bgp: PreflightRequest = { _tag: "bgp", run: "r", id: "s", session }
const put: PreflightRequest = {
  _tag: "address",
  run: "r",
  id: "a",
  address: VIP,
  prefixLength: 32,
  interface: "lo",
  announce: false
}

/** Performs in the background; what it said is read at any time, the fiber ends it like a client that goes away. */
const begin = (host: World["host"], request: PreflightRequest) =>
  Effect.gen(function* () {
    const said: Array<PreflightEvent> = []
    const fiber = yield* Effect.forkScoped(
      Stream.runForEach(host.perform(request), (event) => Effect.sync(() => void said.push(event)))
    )
    return { said, fiber, words: () => said.map(({ _tag }) => _tag).filter((tag) => tag !== "alive") }
  })

const once = (host: World["host"], request: PreflightRequest) =>
  Effect.gen(function* () {
    const one = yield* begin(host, request)
    for (let n = 0; n < 400 && one.fiber.pollUnsafe() === undefined; n++) yield* TestClock.adjust("50 millis")
    return one.said.filter(({ _tag }) => _tag !== "alive")
  })

/** Time passes and the run is kept alive. */
const kept = (host: World["host"], seconds: number) =>
  Effect.forEach(Array.from({ length: seconds }), () => Effect.andThen(host.keep("r"), TestClock.adjust("1 second")), {
    discard: true
  })

describe("what a node does for a run", () => {
  test("a session comes up, announces what it is told, and says goodbye at the end", () =>
    inWorld(({ host, router }) =>
      Effect.gen(function* () {
        const one = yield* begin(host, bgp)
        yield* kept(host, 2)
        expect(one.said.findLast(({ _tag }) => _tag === "session")).toMatchObject({
          state: "Established",
          furthest: "Established"
        })
        const told = yield* once(host, { _tag: "routes", run: "r", id: "s", routes: [vip] })
        expect(told).toEqual([{ _tag: "ready" }])
        expect(
          router
            .received()
            .list()
            .map(({ prefix }) => String(prefix))
        ).toEqual(["10.0.0.8/32"])
        expect(yield* once(host, { _tag: "end", run: "r", id: "s" })).toEqual([{ _tag: "ready" }])
        yield* TestClock.adjust("1 second")
        expect(router.received().list()).toEqual([])
        expect(router.report().lastNotification?.text).toMatch(/Cease.*the preflight is over/)
        const late = yield* once(host, { _tag: "routes", run: "r", id: "s", routes: [vip] })
        expect(late).toEqual([{ _tag: "refused", reason: "there is no such session any more" }])
      })
    ))

  test("an address is held by lifetimes that are refreshed, and goes with `end`, whose answer comes when it is gone", () =>
    inWorld(({ host, kernel }) =>
      Effect.gen(function* () {
        const one = yield* begin(host, put)
        yield* kept(host, 2)
        expect(one.words()).toEqual(["ready"])
        expect(kernel.log).toEqual(["add 10.0.0.8 3", "refresh 10.0.0.8 3", "refresh 10.0.0.8 3"])
        expect(yield* once(host, { _tag: "end", run: "r", id: "a" })).toEqual([{ _tag: "ready" }])
        expect(kernel.addresses.size).toBe(0)
      })
    ))

  test("a client that goes away ends what it asked for", () =>
    inWorld(({ host, kernel, router }) =>
      Effect.gen(function* () {
        const [address, speaker] = [yield* begin(host, put), yield* begin(host, bgp)]
        yield* kept(host, 2)
        expect([kernel.addresses.size, router.report().state]).toEqual([1, "Established"])
        const leaving = yield* Effect.forkScoped(
          Effect.andThen(Fiber.interrupt(address.fiber), Fiber.interrupt(speaker.fiber))
        )
        yield* TestClock.adjust("1500 millis")
        yield* Fiber.join(leaving)
        expect(kernel.addresses.size).toBe(0)
        expect(router.report().state).not.toBe("Established")
      })
    ))

  test("a run that is not heard of any more ends by itself, within its lease", () =>
    inWorld(({ host, kernel, router }) =>
      Effect.gen(function* () {
        const [address, speaker] = [yield* begin(host, put), yield* begin(host, bgp)]
        yield* kept(host, 10)
        expect([kernel.addresses.size, router.report().state]).toEqual([1, "Established"])
        yield* TestClock.adjust((RUN_LEASE_SECONDS + 1.5) * 1_000)
        expect(kernel.addresses.size).toBe(0)
        expect(router.report().state).not.toBe("Established")
        for (const one of [address, speaker])
          expect(one.said.at(-1)).toEqual({ _tag: "refused", reason: "the run has not been heard of any more" })
      })
    ))

  test("a session from an address says goodbye before the address goes", () =>
    inWorld(({ host, kernel, router }) =>
      Effect.gen(function* () {
        const own: PreflightRequest = { ...put, address: nodeAddress, interface: "eth0" }
        const address = yield* begin(host, own)
        yield* begin(host, bgp)
        yield* kept(host, 2)
        kernel.log.length = 0
        const leaving = yield* Effect.forkScoped(Fiber.interrupt(address.fiber))
        yield* TestClock.adjust("1500 millis")
        yield* Fiber.join(leaving)
        expect(router.report().lastNotification?.text).toMatch(/the preflight is over/)
        expect(kernel.log).toEqual([`remove ${nodeAddress}`])
      })
    ))
})

describe("what is left alone", () => {
  const live = {
    sessions: [
      {
        name: "s-cp1",
        localAddress: nodeAddress,
        peerAddress: routerAddress,
        state: "Established",
        advertised: 1,
        notes: []
      }
    ],
    reserved: ["10.0.0.8"]
  }

  test("a daemon's session, its addresses, also from being probed for", () =>
    inWorld(
      ({ host, kernel }) =>
        Effect.gen(function* () {
          expect(yield* once(host, bgp)).toEqual([
            { _tag: "refused", reason: "the daemon on this node has session s-cp1 between these addresses" }
          ])
          expect(yield* once(host, put)).toEqual([
            { _tag: "refused", reason: "10.0.0.8 belongs to the cluster that runs: it is left where it is" }
          ])
          expect(yield* once(host, { _tag: "neighbours", run: "r", interface: "eth0", addresses: [VIP] })).toEqual([
            { _tag: "refused", reason: "10.0.0.8 belongs to the cluster that runs: it is not probed for" }
          ])
          expect(kernel.log).toEqual([])
          expect((yield* host.facts).kind).toBe("daemon")
        }),
      live
    ))

  test("a cluster's address is not announced over a session of somebody else's asking either", () =>
    inWorld(
      ({ host, router }) =>
        Effect.gen(function* () {
          yield* begin(host, bgp)
          yield* kept(host, 2)
          expect(yield* once(host, { _tag: "routes", run: "r", id: "s", routes: [vip] })).toEqual([
            { _tag: "refused", reason: "10.0.0.8 belongs to the cluster that runs: nothing else announces it" }
          ])
          expect(router.received().list()).toEqual([])
        }),
      { ...live, sessions: [] }
    ))

  test("another program's session between the same ends, and an address that is there", () =>
    inWorld(({ host, kernel }) =>
      Effect.gen(function* () {
        kernel.connections = [{ localAddress: nodeAddress, peerAddress: routerAddress }]
        expect(yield* once(host, bgp)).toEqual([
          {
            _tag: "refused",
            reason: "a BGP speaker on this node has a session from 10.0.1.10 to 10.0.1.254; another one would end it"
          }
        ])
        kernel.addresses.set(VIP, { address: VIP, prefixLength: 32, interface: "eth0" })
        expect(yield* once(host, put)).toEqual([
          { _tag: "refused", reason: "10.0.0.8 is on eth0 of this node already" }
        ])
        expect(kernel.addresses.size).toBe(1)
        expect(kernel.log).toEqual([])
      })
    ))
})

describe("the MTU of a way", () => {
  const measure = (ping: (octets: number) => PingAnswer, octetsMax = 1500) =>
    inWorld(({ host, kernel }) => {
      kernel.ping = ping
      return once(host, {
        _tag: "mtu",
        run: "r",
        target: routerAddress,
        source: nodeAddress,
        octetsMax,
        timeoutMs: 100
      })
    })
  const answer: PingAnswer = { type: "answer", tookMs: 1 }
  const upTo = (limit: number, else_: PingAnswer) => (octets: number) => (octets <= limit ? answer : else_)

  test("all of it, told by a router, found out without a word, nobody answers", async () => {
    const silence: PingAnswer = { type: "silence" }
    expect(await measure(() => answer)).toEqual([{ _tag: "mtu", octets: 1500, blackHole: false }])
    expect(await measure(upTo(1400, { type: "too-big", mtu: 1400 }))).toEqual([
      { _tag: "mtu", octets: 1400, blackHole: false }
    ])
    const [found] = await measure(upTo(1372, silence))
    if (found?._tag !== "mtu") throw new Error("no mtu")
    expect(found.blackHole).toBe(true)
    expect(found.octets).toBeLessThanOrEqual(1372)
    expect(found.octets).toBeGreaterThan(1372 - 4)
    expect(await measure(() => silence)).toEqual([{ _tag: "mtu", octets: 0, blackHole: false }])
  })
})
