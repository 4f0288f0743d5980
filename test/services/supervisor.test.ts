// The supervisor with a kernel and a network in memory: order, differences, addresses that the kernel refuses or somebody
// takes off, what an earlier run left, and a session whose fiber dies.
import { describe, expect, test } from "bun:test"
import { Cause, Effect, Exit, Layer, Logger, Random, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { makeMemoryNetwork } from "../../src/adapters/memory/MemoryNetwork.ts"
import type { Address } from "../../src/net/ip.ts"
import type { LocalAddress, NodePlan, PlannedSession, SessionParameters } from "../../src/plan/types.ts"
import { LinkControl, LinkError } from "../../src/ports/LinkControl.ts"
import { SecretError, Secrets } from "../../src/ports/Secrets.ts"
import { Listeners } from "../../src/services/Listeners.ts"
import { runSession, type Session } from "../../src/services/SessionRunner.ts"
import { Supervisor, type SupervisorOptions } from "../../src/services/Supervisor.ts"
import { fsmConfig } from "../../src/services/sessionConfig.ts"
import { nodeSide, route, routerAddress, routerSide, vip } from "./harness.ts"

const vipAddress = { address: "10.0.0.8" as Address, prefixLength: 32, interface: "lo" }

/** A kernel's addresses; `refuse` makes it say no. */
const kernel = () => {
  const held = new Map<string, LocalAddress & { readonly ours: boolean }>()
  /** `announced` is asked at each removal: what the sessions announce at that moment. */
  const state = { refuse: false, held, events: [] as string[], announced: (): string => "" }
  const layer = Layer.succeed(LinkControl, {
    addresses: Effect.sync(() => [...held.values()]),
    interfaces: Effect.succeed([]),
    hold: () => Effect.succeed(true),
    watch: () => Effect.void,
    add: (address: LocalAddress) =>
      Effect.suspend(() => {
        if (state.refuse) return Effect.fail(new LinkError({ message: "adding: operation not permitted" }))
        const added = !held.has(address.address)
        if (added) state.events.push(`add ${address.address}`)
        held.set(address.address, { ...address, ours: true })
        return Effect.succeed(added)
      }),
    remove: (address: LocalAddress) =>
      Effect.sync(() => {
        state.events.push(`remove ${address.address}${state.announced()}`)
        return held.delete(address.address)
      })
  })
  return { ...state, state, layer }
}

const session = (parameters: SessionParameters, routes = [vip]): PlannedSession => ({
  key: `control-plane/${parameters.localAddress}/${parameters.peerAddress}:${parameters.peerPort}`,
  name: `${parameters.peerAddress}-node-01`,
  purpose: "control-plane",
  parameters,
  routes,
  reason: "the test wants it"
})

const plan = (
  sessions: ReadonlyArray<PlannedSession>,
  addresses: ReadonlyArray<LocalAddress> = [vipAddress]
): NodePlan => ({
  node: "node-01",
  sessions,
  addresses: addresses.map((address) => ({ ...address, reason: "control-plane VIP" })),
  claims: [],
  assignments: [],
  services: [],
  refusals: []
})

interface World {
  readonly supervisor: Supervisor["Service"]
  readonly kernel: ReturnType<typeof kernel>
  readonly router: (parameters: SessionParameters) => Effect.Effect<Session, never, Scope.Scope>
}

const inWorld = async (
  body: (world: World) => Effect.Effect<void, unknown, Scope.Scope>,
  options: SupervisorOptions = {},
  prepare: (k: ReturnType<typeof kernel>) => void = () => undefined
): Promise<void> => {
  const program = Effect.gen(function* () {
    const network = yield* makeMemoryNetwork
    const k = kernel()
    prepare(k)
    const none = Layer.succeed(Secrets, { read: () => Effect.fail(new SecretError({ message: "none" })) })
    const base = Layer.mergeAll(network.layer, none, k.layer)
    const context = yield* Layer.build(
      Layer.merge(Supervisor.layer(options), Listeners.layer).pipe(Layer.provideMerge(base))
    )
    const router = (parameters: SessionParameters) =>
      Effect.provideContext(runSession(parameters, fsmConfig(parameters, "router"), {}), context)
    const supervisor = yield* Effect.provideContext(Effect.service(Supervisor), context)
    yield* body({ supervisor, kernel: k, router })
  })
  const exit = await Effect.runPromiseExit(
    Effect.scoped(program).pipe(
      Random.withSeed(1),
      Effect.provide(Layer.merge(TestClock.layer(), Logger.layer([])), { local: true })
    )
  )
  if (Exit.isFailure(exit)) throw new Error(Cause.pretty(exit.cause))
}

const seconds = (n: number) => TestClock.adjust(`${n} seconds`)
/** Runs `effect` while the clock moves. */
const during = <A>(effect: Effect.Effect<A>, n: number) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
    yield* seconds(n)
    expect(fiber.pollUnsafe()).toBeDefined()
  })
const held = (peer: Session): ReadonlyArray<string> =>
  peer
    .received()
    .list()
    .map(({ prefix }) => prefix)
    .sort()

describe("the supervisor", () => {
  test("puts the address on before it announces, and takes it off after the withdrawal (I8)", () =>
    inWorld(({ supervisor, kernel: k, router }) =>
      Effect.gen(function* () {
        const peer = yield* router({ ...routerSide, passive: true })
        yield* supervisor.apply(plan([session(nodeSide)]))
        expect(k.events).toEqual(["add 10.0.0.8"])
        yield* seconds(5)
        expect(held(peer)).toEqual(["10.0.0.8/32"])
        const other = { ...vipAddress, address: "10.0.0.9" as Address }
        k.state.announced = () => {
          const { sessions } = Effect.runSync(supervisor.status)
          return ` while ${sessions.flatMap(({ advertised }) => advertised.map(({ prefix }) => prefix)).join() || "nothing"} is announced`
        }
        const after = plan([session(nodeSide, [route("10.0.0.9/32", nodeSide.localAddress)])], [other])
        yield* during(supervisor.apply(after), 2)
        expect(held(peer)).toEqual(["10.0.0.9/32"])
        expect(k.events).toEqual(["add 10.0.0.8", "add 10.0.0.9", "remove 10.0.0.8 while 10.0.0.9/32 is announced"])
        expect(peer.report().flaps).toBe(0)
        yield* during(supervisor.stop({ subcode: 2 }), 2)
        expect([held(peer), [...k.held.keys()]]).toEqual([[], []])
        expect(k.events.at(-1)).toBe("remove 10.0.0.9 while nothing is announced")
      })
    ))

  test("does not announce what the kernel refuses, says why, and catches up when it may (I9)", () =>
    inWorld(
      ({ supervisor, kernel: k, router }) =>
        Effect.gen(function* () {
          const peer = yield* router({ ...routerSide, passive: true })
          yield* supervisor.apply(plan([session(nodeSide)]))
          yield* seconds(5)
          const { sessions, addresses } = yield* supervisor.status
          expect(sessions[0]).toMatchObject({ state: "Established", advertised: [] })
          expect(addresses[0]).toMatchObject({ state: "failed", reason: "adding: operation not permitted" })
          expect(held(peer)).toEqual([])
          k.state.refuse = false
          yield* seconds(6)
          expect(held(peer)).toEqual(["10.0.0.8/32"])
          expect((yield* supervisor.status).addresses[0]).toMatchObject({ state: "present" })
        }),
      {},
      (k) => {
        k.state.refuse = true
      }
    ))

  test("puts an address back that somebody took off", () =>
    inWorld(({ supervisor, kernel: k }) =>
      Effect.gen(function* () {
        yield* supervisor.apply(plan([]))
        k.held.clear()
        yield* seconds(6)
        expect([...k.held.keys()]).toEqual(["10.0.0.8"])
      })
    ))

  test("takes off what an earlier run left, and nothing that is not in its record or not marked", () => {
    const address = (text: string, ours: boolean) => ({ ...vipAddress, address: text as Address, ours })
    const recorded = [address("10.9.0.1", true), address("10.9.0.2", true), vipAddress]
    let written: ReadonlyArray<LocalAddress> = []
    const record = {
      read: Effect.succeed(recorded),
      write: (addresses: ReadonlyArray<LocalAddress>) =>
        Effect.sync(() => {
          written = addresses
        })
    }
    const there = [
      address("10.9.0.1", true),
      address("10.9.0.2", false),
      address("10.9.0.3", true),
      address("10.0.0.8", true)
    ]
    return inWorld(
      ({ supervisor, kernel: k }) =>
        Effect.gen(function* () {
          yield* supervisor.apply(plan([]))
          expect(k.events).toEqual(["remove 10.9.0.1"])
          expect([...k.held.keys()]).toEqual(["10.9.0.2", "10.9.0.3", "10.0.0.8"])
          expect(written.map((one) => one.address)).toEqual(["10.0.0.8" as Address])
        }),
      { record },
      (k) => {
        for (const one of there) k.held.set(one.address, one)
      }
    )
  })

  test("touches only the session whose own parameters changed (I5)", () =>
    inWorld(({ supervisor, router }) =>
      Effect.gen(function* () {
        const second = "10.0.2.254" as Address
        const a = yield* router({ ...routerSide, passive: true })
        const b = yield* router({ ...routerSide, passive: true, localAddress: second, routerId: second })
        const toB = { ...nodeSide, peerAddress: second }
        yield* supervisor.apply(plan([session(nodeSide), session(toB)]))
        yield* seconds(5)
        const before = a.report().got
        yield* during(supervisor.apply(plan([session(toB), session(nodeSide)])), 2)
        yield* during(
          supervisor.apply(plan([session(nodeSide), session({ ...toB, holdTime: 30, keepaliveTime: 10 })])),
          2
        )
        yield* seconds(8)
        const { keepalive: _k, ...after } = a.report().got
        expect(after).toEqual({ open: before.open, update: before.update, notification: 0, routeRefresh: 0 })
        expect(b.report()).toMatchObject({ state: "Established", flaps: 1 })
        expect(b.report().lastNotification?.text).toContain("Other Configuration Change")
      })
    ))

  test("a session whose fiber dies is told of and starts again, the other one lives on", () => {
    let faults = 1
    const observe = (planned: PlannedSession) =>
      planned.parameters.peerAddress === routerAddress
        ? {
            onMessage: () => {
              if (faults-- > 0) throw new Error("a mistake in the program")
            }
          }
        : {}
    return inWorld(
      ({ supervisor, router }) =>
        Effect.gen(function* () {
          const second = "10.0.2.254" as Address
          const a = yield* router({ ...routerSide, passive: true })
          const b = yield* router({ ...routerSide, passive: true, localAddress: second, routerId: second })
          yield* supervisor.apply(plan([session(nodeSide), session({ ...nodeSide, peerAddress: second })]))
          yield* seconds(15)
          expect(faults).toBeLessThan(1)
          expect([held(a), held(b)]).toEqual([["10.0.0.8/32"], ["10.0.0.8/32"]])
          expect((yield* supervisor.status).sessions).toHaveLength(2)
          expect(b.report().flaps).toBe(0)
        }),
      { observe }
    )
  })
})
