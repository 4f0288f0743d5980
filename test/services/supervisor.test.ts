// The supervisor with a kernel and a network in memory: order, differences, addresses that the kernel refuses or somebody
// takes off, what an earlier run left, and a session whose fiber dies.
import { describe, expect, test } from "bun:test"
import { Cause, Effect, Exit, Layer, Logger, Random, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { type MemoryNetwork, makeMemoryNetwork } from "../../src/adapters/memory/MemoryNetwork.ts"
import type { Address } from "../../src/net/ip.ts"
import type { LocalAddress, NodePlan, PlannedSession, SessionParameters } from "../../src/plan/types.ts"
import { LinkControl, LinkError } from "../../src/ports/LinkControl.ts"
import { SecretError, Secrets } from "../../src/ports/Secrets.ts"
import { cease, type EndMode } from "../../src/services/endMode.ts"
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
  const state = {
    refuse: false,
    held,
    events: [] as string[],
    announced: (): string => "",
    onAdd: (): void => undefined
  }
  const layer = Layer.succeed(LinkControl, {
    addresses: Effect.sync(() => [...held.values()]),
    interfaces: Effect.succeed([]),
    hold: () => Effect.succeed(true),
    watch: () => Effect.void,
    add: (address: LocalAddress) =>
      Effect.suspend(() => {
        state.onAdd()
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
  readonly network: MemoryNetwork
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
    yield* body({ supervisor, kernel: k, network, router })
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
        // The cluster told of something while the node was leaving it.
        yield* during(supervisor.apply(after), 5)
        expect([held(peer), [...k.held.keys()]]).toEqual([[], []])
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

  test("a session with other timers is left and made anew; as another speaker it says goodbye first", () =>
    inWorld(({ supervisor, router }) =>
      Effect.gen(function* () {
        const gracefulRestart = { restartTime: 30, notification: false }
        const first = { ...nodeSide, gracefulRestart }
        const peer = yield* router({ ...routerSide, gracefulRestart, passive: true })
        yield* supervisor.apply(plan([session(first)]))
        yield* seconds(5)
        yield* supervisor.apply(plan([session({ ...first, holdTime: 30 })]))
        yield* seconds(5)
        expect(peer.report()).toMatchObject({ state: "Established", flaps: 1, negotiated: { holdTime: 9 } })
        expect(peer.report().lastNotification).toBeUndefined()
        yield* supervisor.apply(plan([session({ ...first, routerId: "10.0.1.77" as Address })]))
        yield* seconds(5)
        expect(peer.report().lastNotification?.text).toContain("Other Configuration Change")
      })
    ))

  test("what the kernel refuses here holds no path to another node back", () =>
    inWorld(
      ({ supervisor, router }) =>
        Effect.gen(function* () {
          const other = "10.0.1.11" as Address
          const paths = [vip, { ...vip, nextHop: other }].map((path, i) => ({
            ...path,
            pathId: i + 1,
            single: i === 1
          }))
          const peer = yield* router({ ...routerSide, passive: true })
          yield* supervisor.apply({ ...plan([session(nodeSide, paths)]), nextHopsHere: [nodeSide.localAddress] })
          yield* seconds(5)
          expect(
            peer
              .received()
              .list()
              .map(({ nextHop }) => nextHop)
          ).toEqual([other])
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

describe("sessions that end", () => {
  const second = "10.0.2.254" as Address
  const third = "10.0.3.254" as Address
  const moving = "10.0.1.50" as Address
  const to = (peerAddress: Address, more: Partial<SessionParameters> = {}): SessionParameters => ({
    ...nodeSide,
    peerAddress,
    ...more
  })
  const at = (localAddress: Address): SessionParameters => ({
    ...routerSide,
    passive: true,
    localAddress,
    routerId: localAddress
  })
  const ms = (n: number) => TestClock.adjust(`${n} millis`)
  /** Runs an effect that must not need the clock to move. */
  const atOnce = <A>(effect: Effect.Effect<A>) =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
      yield* TestClock.adjust(0)
      expect(fiber.pollUnsafe()).toBeDefined()
    })

  test("a peer that takes no withdrawal delays neither another session's routes nor a new session (failover)", () =>
    inWorld(({ supervisor, network, router }) =>
      Effect.gen(function* () {
        const [a, b, c] = [yield* router(at(routerAddress)), yield* router(at(second)), yield* router(at(third))]
        yield* supervisor.apply(plan([session(to(routerAddress)), session(to(second))]))
        yield* seconds(5)
        network.clog(routerAddress)
        const more = [vip, route("10.0.0.9/32", nodeSide.localAddress)]
        yield* atOnce(supervisor.apply(plan([session(to(second)), session(to(third))])))
        yield* atOnce(supervisor.apply(plan([session(to(second), more), session(to(third), more)])))
        yield* ms(20)
        expect([held(b), held(c)]).toEqual([
          ["10.0.0.8/32", "10.0.0.9/32"],
          ["10.0.0.8/32", "10.0.0.9/32"]
        ])
        expect(held(a)).toEqual(["10.0.0.8/32"])
        network.unclog(routerAddress)
        yield* seconds(1)
        expect(a.report().lastNotification?.text).toContain("Peer De-configured")
      })
    ))

  test("an address waits for the withdrawal of a slow peer, a second at most (I8); wanted again, it stays", () =>
    inWorld(({ supervisor, kernel: k, network, router }) =>
      Effect.gen(function* () {
        yield* router(at(routerAddress))
        const other = { ...vipAddress, address: "10.0.0.9" as Address }
        yield* supervisor.apply(plan([session(to(routerAddress))], [vipAddress, other]))
        yield* seconds(5)
        network.clog(routerAddress)
        yield* atOnce(supervisor.apply(plan([session(to(routerAddress), [])], [])))
        yield* ms(900)
        expect([...k.held.keys()]).toEqual(["10.0.0.8", "10.0.0.9"])
        yield* atOnce(supervisor.apply(plan([session(to(routerAddress))], [vipAddress])))
        yield* ms(200)
        expect([...k.held.keys()]).toEqual(["10.0.0.8"])
      })
    ))

  test("what vanishes is gone before apply does anything else, and the others leave or cease as they are told", () =>
    inWorld(({ supervisor, kernel: k, network, router }) =>
      Effect.gen(function* () {
        const [a, b, c] = [yield* router(at(routerAddress)), yield* router(at(second)), yield* router(at(third))]
        yield* supervisor.apply(plan([session(to(third)), session(to(second)), session(to(routerAddress))]))
        yield* seconds(5)
        network.clog(third)
        const open = network.openConnections()
        const added = { ...vipAddress, address: "10.0.0.9" as Address }
        k.state.onAdd = () => expect(network.openConnections()).toBe(open - 1)
        const how = { [routerAddress]: "vanish", [second]: "leave" } as Readonly<Record<string, "vanish" | "leave">>
        const ending = ({ parameters }: PlannedSession): EndMode => {
          const type = how[parameters.peerAddress]
          return type === undefined ? cease({ subcode: 2 }) : { type }
        }
        yield* atOnce(supervisor.apply(plan([], [vipAddress, added]), { ending }))
        network.unclog(third)
        yield* seconds(1)
        expect(k.events).toEqual(["add 10.0.0.8", "add 10.0.0.9"])
        expect(a.report()).toMatchObject({ state: "Established", flaps: 0 })
        expect(held(a)).toEqual(["10.0.0.8/32"])
        expect(b.report().reason).toBe("the peer closed the connection")
        expect(c.report().lastNotification?.text).toContain("Administrative Shutdown")
      })
    ))

  test("vanish reaches a session that is ending in order: its withdrawals and its Cease never leave", () =>
    inWorld(({ supervisor, network, router }) =>
      Effect.gen(function* () {
        const a = yield* router(at(routerAddress))
        yield* supervisor.apply(plan([session(to(routerAddress))]))
        yield* seconds(5)
        network.clog(routerAddress)
        yield* atOnce(supervisor.apply(plan([])))
        yield* ms(100)
        yield* atOnce(supervisor.vanish(nodeSide.localAddress))
        network.unclog(routerAddress)
        yield* seconds(1)
        expect(a.report()).toMatchObject({ state: "Established", flaps: 0, got: { notification: 0 } })
        expect(held(a)).toEqual(["10.0.0.8/32"])
      })
    ))

  test("a session that is wanted again while it ends starts when the old one is gone, as the newest plan has it", () =>
    inWorld(({ supervisor, network, router }) =>
      Effect.gen(function* () {
        const a = yield* router(at(routerAddress))
        yield* supervisor.apply(plan([session(to(routerAddress))]))
        yield* seconds(5)
        network.clog(routerAddress)
        yield* atOnce(supervisor.apply(plan([])))
        yield* atOnce(supervisor.apply(plan([session(to(routerAddress))])))
        const routes = [route("10.0.0.9/32", nodeSide.localAddress)]
        yield* atOnce(supervisor.apply(plan([session(to(routerAddress, { holdTime: 6 }), routes)])))
        yield* ms(600)
        expect((yield* supervisor.status).sessions).toEqual([])
        network.unclog(routerAddress)
        yield* seconds(3)
        expect(held(a)).toEqual(["10.0.0.9/32"])
        expect(a.report()).toMatchObject({ state: "Established", negotiated: { holdTime: 6 } })
      })
    ))

  test("ended: done when no session from that address is on its way out any more, whatever others do", () =>
    inWorld(({ supervisor, network, router }) =>
      Effect.gen(function* () {
        yield* router({ ...at(routerAddress), peerAddress: moving })
        yield* router(at(second))
        const planned = [session(to(routerAddress, { localAddress: moving })), session(to(second))]
        yield* supervisor.apply(plan(planned))
        yield* seconds(5)
        network.clog(second)
        yield* atOnce(supervisor.apply(plan([])))
        const waiting = yield* Effect.forkChild(supervisor.ended(moving), { startImmediately: true })
        const other = yield* Effect.forkChild(supervisor.ended(nodeSide.localAddress), { startImmediately: true })
        yield* ms(10)
        expect([waiting.pollUnsafe() !== undefined, other.pollUnsafe() !== undefined]).toEqual([true, false])
        yield* seconds(1)
        expect(other.pollUnsafe()).toBeDefined()
        yield* atOnce(supervisor.ended(moving))
      })
    ))

  test("a stop that leaves keeps the addresses whose routes the peers keep, and their record; others go", () => {
    let written: ReadonlyArray<LocalAddress> = []
    const record = {
      read: Effect.succeed([]),
      write: (addresses: ReadonlyArray<LocalAddress>) =>
        Effect.sync(() => {
          written = addresses
        })
    }
    const other = { ...vipAddress, address: "10.0.0.9" as Address }
    return inWorld(
      ({ supervisor, kernel: k, router }) =>
        Effect.gen(function* () {
          const a = yield* router(at(routerAddress))
          const b = yield* router(at(second))
          const elsewhere = [route("10.0.0.9/32", nodeSide.localAddress)]
          yield* supervisor.apply(
            plan([session(to(routerAddress)), session(to(second), elsewhere)], [vipAddress, other])
          )
          yield* seconds(5)
          const ending = ({ parameters }: PlannedSession): EndMode =>
            parameters.peerAddress === second ? cease({ subcode: 2 }) : { type: "leave" }
          yield* during(supervisor.stop({ subcode: 2 }, { ending }), 2)
          expect([...k.held.keys()]).toEqual(["10.0.0.8"])
          expect(written.map(({ address }) => address)).toEqual(["10.0.0.8" as Address])
          expect(a.report().got.notification).toBe(0)
          expect(b.report().got.notification).toBe(1)
          expect((yield* supervisor.status).addresses).toEqual([])
        }),
      { record }
    )
  })
})
