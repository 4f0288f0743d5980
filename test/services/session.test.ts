// Sessions of our own speakers with each other: the runner, the state machines and the codec together, under the test clock.
import { describe, expect, test } from "bun:test"
import { Effect, Exit, Scope } from "effect"
import { TestClock } from "effect/testing"
import type { Address } from "../../src/net/ip.ts"
import { Transport } from "../../src/ports/Transport.ts"
import { cease } from "../../src/services/endMode.ts"
import { held, inWorld, nodeAddress, nodeSide, route, routerAddress, routerSide, state, vip } from "./harness.ts"

const seconds = (n: number) => TestClock.adjust(`${n} seconds`)

describe("a session", () => {
  test("comes up, announces, withdraws on stop with a Cease, and the peer sees all of it (S6, D8)", () =>
    inWorld(1, ({ start }) =>
      Effect.gen(function* () {
        const router = yield* start({ ...routerSide, passive: true })
        const node = yield* start(nodeSide)
        node.session.announce([vip])
        yield* seconds(10)
        expect([state(node), state(router)]).toEqual(["Established", "Established"])
        expect(held(router)).toEqual(["10.0.0.8/32 via 10.0.1.10"])
        const stopping = yield* Effect.forkChild(node.session.stop(cease({ subcode: 2, message: "maintenance" })), {
          startImmediately: true
        })
        yield* seconds(1)
        expect(stopping.pollUnsafe()).toBeDefined()
        expect(held(router)).toEqual([])
        expect(router.session.report().reason).toContain('"maintenance"')
        expect(node.session.report().sent).toMatchObject({ update: expect.any(Number), notification: 1 })
      })
    ))

  test("both ends dial at the same moment: one session, no flap", () =>
    inWorld(2, ({ start, network }) =>
      Effect.gen(function* () {
        network.conditions.latencyMs = 20
        const a = yield* start(nodeSide)
        const b = yield* start(routerSide)
        a.session.announce([vip])
        yield* seconds(10)
        expect([state(a), state(b)]).toEqual(["Established", "Established"])
        expect(held(b)).toEqual(["10.0.0.8/32 via 10.0.1.10"])
        expect([a.session.report().flaps, b.session.report().flaps]).toEqual([0, 0])
        yield* seconds(60)
        expect(network.openConnections()).toBe(2)
        expect(a.session.report().flaps).toBe(0)
      })
    ))

  test("announcing the same set again sends nothing (I5)", () =>
    inWorld(3, ({ start }) =>
      Effect.gen(function* () {
        const router = yield* start({ ...routerSide, passive: true })
        const node = yield* start(nodeSide)
        node.session.announce([vip, route("10.0.0.9/32", nodeAddress)])
        yield* seconds(5)
        const before = node.session.report().sent.update
        for (let i = 0; i < 200; i++)
          node.session.announce([route("10.0.0.9/32", nodeAddress), { ...vip, reason: `${i}` }])
        yield* seconds(5)
        expect(node.session.report().sent.update).toBe(before)
        node.session.announce([vip])
        yield* seconds(1)
        expect(held(router)).toEqual(["10.0.0.8/32 via 10.0.1.10"])
        expect(node.session.report().sent.update).toBe(before + 1)
      })
    ))

  test("a silent peer is given up after the hold time and found again when the network heals", () =>
    inWorld(4, ({ start, network }) =>
      Effect.gen(function* () {
        const router = yield* start(routerSide)
        const node = yield* start(nodeSide)
        node.session.announce([vip])
        yield* seconds(10)
        network.part(nodeAddress, routerAddress)
        yield* seconds(10)
        expect(state(node)).not.toBe("Established")
        expect(held(router)).toEqual([])
        expect(node.transitions.some(({ reason }) => /hold timer expired|timed out/.test(reason))).toBe(true)
        network.join(nodeAddress, routerAddress)
        yield* seconds(20)
        expect([state(node), state(router)]).toEqual(["Established", "Established"])
        expect(held(router)).toEqual(["10.0.0.8/32 via 10.0.1.10"])
      })
    ))

  test("keepalives hold an idle session for hours, at a third of the hold time or a little sooner", () =>
    inWorld(5, ({ start }) =>
      Effect.gen(function* () {
        const router = yield* start({ ...routerSide, passive: true })
        const node = yield* start(nodeSide)
        yield* seconds(3600)
        const { flaps, sent } = node.session.report()
        expect([state(router), flaps]).toEqual(["Established", 0])
        expect(sent.keepalive).toBeGreaterThanOrEqual(1200)
        expect(sent.keepalive).toBeLessThanOrEqual(1610)
      })
    ))

  test("a wrong AS is named on both sides and retried for ever, less and less often", () =>
    inWorld(6, ({ start }) =>
      Effect.gen(function* () {
        const router = yield* start({ ...routerSide, passive: true, peerAsn: 65009 })
        const node = yield* start(nodeSide)
        yield* seconds(5)
        expect(router.session.report().lastNotification?.text).toContain("Bad Peer AS")
        expect(node.transitions.some(({ reason }) => /peer says .*Bad Peer AS/.test(reason))).toBe(true)
        const early = node.session.report().sent.open
        yield* seconds(600)
        const late = node.session.report().sent.open - early
        expect(late).toBeGreaterThan(15)
        expect(late).toBeLessThan(60)
      })
    ))

  test("a missing password refuses the session with its reason and never tries without (L1)", () =>
    inWorld(7, ({ start }) =>
      Effect.gen(function* () {
        yield* start({ ...routerSide, passive: true })
        const node = yield* start({ ...nodeSide, passwordFile: "/keys/none" })
        yield* seconds(30)
        expect(node.session.report().reason).toContain("password file /keys/none: there is no such file")
        expect(node.session.report().sent.open).toBe(0)
      })
    ))

  test("equal passwords meet, different ones do not", () =>
    inWorld(
      8,
      ({ start }) =>
        Effect.gen(function* () {
          const router = yield* start({ ...routerSide, passive: true, passwordFile: "/keys/a" })
          const wrong = yield* start({ ...nodeSide, passwordFile: "/keys/b" })
          yield* seconds(30)
          expect([state(router), state(wrong)].includes("Established")).toBe(false)
          expect(wrong.transitions.some(({ reason }) => reason.includes("no answer"))).toBe(true)
          yield* Effect.forkChild(wrong.session.stop(cease({ subcode: 3 })))
          yield* seconds(2)
          const right = yield* start({ ...nodeSide, passwordFile: "/keys/same-as-a" })
          yield* seconds(30)
          expect([state(router), state(right)]).toEqual(["Established", "Established"])
        }),
      { "/keys/a": "secret", "/keys/b": "other", "/keys/same-as-a": "secret" }
    ))
})

describe("the ways to end a session", () => {
  const gracefulRestart = { restartTime: 120, notification: false }
  const restartable = { ...nodeSide, gracefulRestart }
  const helper = { ...routerSide, passive: true, gracefulRestart }

  test("leave: no withdrawal of what is announced, no NOTIFICATION, the connection is closed in order (D8)", () =>
    inWorld(21, ({ start, network }) =>
      Effect.gen(function* () {
        const router = yield* start(helper)
        const node = yield* start(restartable)
        node.session.announce([vip])
        yield* seconds(5)
        const { gracefulRestart: agreed } = node.session.report().negotiated ?? {}
        const families = ["ipv4-unicast", "ipv6-unicast"]
        expect(agreed).toEqual({ restartTime: 120, restarting: true, notification: false, families })
        const before = router.session.report().got
        node.session.announce([route("10.0.0.9/32", nodeAddress)])
        yield* Effect.forkChild(node.session.stop({ type: "leave" }), { startImmediately: true })
        yield* seconds(1)
        const { got, reason } = router.session.report()
        expect([got.notification, got.update - before.update]).toEqual([0, 2])
        expect(reason).toBe("the peer closed the connection")
        expect([state(node), network.openConnections()]).toEqual(["Idle", 0])
      })
    ))

  test("leave says nothing that still waits for a peer that reads nothing", () =>
    inWorld(22, ({ start, network }) =>
      Effect.gen(function* () {
        const router = yield* start(helper)
        const node = yield* start(restartable)
        yield* seconds(5)
        const updates = router.session.report().got.update
        network.clog(routerAddress)
        node.session.announce([vip])
        yield* seconds(1)
        node.session.announce([vip, route("10.0.0.9/32", nodeAddress)])
        yield* seconds(1)
        const leaving = yield* Effect.forkChild(node.session.stop({ type: "leave" }), { startImmediately: true })
        yield* TestClock.adjust(1)
        expect(leaving.pollUnsafe()).toBeDefined()
        network.unclog(routerAddress)
        yield* seconds(1)
        const { got, reason } = router.session.report()
        expect([got.update, got.notification, reason]).toEqual([updates + 1, 0, "the peer closed the connection"])
      })
    ))

  test("vanish: the peer hears nothing at all, at once; the next speaker at the address takes over (D7)", () =>
    inWorld(23, ({ start, network }) =>
      Effect.gen(function* () {
        const router = yield* start(helper)
        const node = yield* start(restartable)
        node.session.announce([vip])
        yield* seconds(5)
        const { got } = router.session.report()
        node.session.announce([])
        Effect.runFork(node.session.stop({ type: "vanish" }))
        expect([state(node), network.openConnections()]).toEqual(["Idle", 1])
        expect(node.session.report().reason).toContain("another node")
        yield* TestClock.adjust(1)
        const heir = yield* start(restartable)
        heir.session.announce([route("10.0.0.8/32", "10.0.1.11")])
        yield* TestClock.adjust("100 millis")
        expect(held(router)).toEqual(["10.0.0.8/32 via 10.0.1.11"])
        const after = router.session.report()
        expect([after.got.notification, after.got.keepalive]).toEqual([0, got.keepalive + 1])
        yield* seconds(30)
        expect([state(heir), state(router), router.session.report().flaps]).toEqual(["Established", "Established", 1])
      })
    ))

  for (const instant of [0, 40, 90, 120, 160, 210, 260]) {
    test(`vanish ${instant} ms after the start, with connections on their way both ways: not a word more`, () =>
      inWorld(24, ({ start, network }) =>
        Effect.gen(function* () {
          network.conditions.latencyMs = 50
          const router = yield* start(routerSide)
          const node = yield* start(nodeSide)
          yield* TestClock.adjust(instant)
          const gone = yield* Effect.forkChild(node.session.stop({ type: "vanish" }), { startImmediately: true })
          const { sent } = node.session.report()
          yield* seconds(3)
          expect(gone.pollUnsafe()).toBeDefined()
          expect([state(node), node.session.report().sent]).toEqual(["Idle", sent])
          expect(router.session.report().got.notification).toBe(0)
          expect(router.transitions.filter(({ reason }) => reason.includes("closed the connection"))).toEqual([])
        })
      ))
  }

  test("who waits for a session to settle does not wait for one that has ended", () =>
    inWorld(25, ({ start }) =>
      Effect.gen(function* () {
        const node = yield* start(nodeSide)
        yield* seconds(1)
        yield* Effect.forkChild(node.session.stop({ type: "leave" }), { startImmediately: true })
        yield* seconds(1)
        const settled = yield* Effect.forkChild(node.session.settled, { startImmediately: true })
        yield* TestClock.adjust(1)
        expect(settled.pollUnsafe()).toBeDefined()
      })
    ))
})

describe("the socket that a peer connects to", () => {
  test("is there while a session wants it, and gone after the last one", () =>
    inWorld(9, ({ start, network }) =>
      Effect.gen(function* () {
        const taken = Effect.scoped(
          Effect.flatMap(Effect.service(Transport), (transport) => transport.listen(nodeAddress, 179, () => undefined))
        ).pipe(Effect.provide(network.layer), Effect.result)
        const one = yield* Scope.make()
        const two = yield* Scope.make()
        yield* Scope.provide(start(nodeSide), one)
        yield* Scope.provide(start({ ...nodeSide, peerAddress: "10.0.1.253" as Address }), two)
        yield* seconds(1)
        expect((yield* taken)._tag).toBe("Failure")
        yield* Scope.close(one, Exit.void)
        expect((yield* taken)._tag).toBe("Failure")
        yield* Scope.close(two, Exit.void)
        expect((yield* taken)._tag).toBe("Success")
      })
    ))
})

describe("a bad network", () => {
  for (let seed = 1; seed <= 20; seed++) {
    test(`loss, resets and partitions, then peace: both tables are right, seed ${seed}`, () =>
      inWorld(seed, ({ start, network }) =>
        Effect.gen(function* () {
          Object.assign(network.conditions, { latencyMs: 5 + seed, loss: 0.1, reset: 0.01 })
          const a = yield* start(nodeSide)
          const b = yield* start(routerSide)
          for (let i = 0; i < 30; i++) {
            a.session.announce([vip, route(`10.0.0.${10 + (i % 7)}/32`, nodeAddress)])
            b.session.announce([route(`192.0.2.${i % 5}/32`, routerAddress, { med: i })])
            if (i % 10 === 3) network.part(nodeAddress, routerAddress)
            if (i % 10 === 6) network.join(nodeAddress, routerAddress)
            if (i % 10 === 8) network.resetAll(nodeAddress)
            yield* seconds(4)
          }
          Object.assign(network.conditions, { loss: 0, reset: 0 })
          network.join(nodeAddress, routerAddress)
          yield* seconds(60)
          expect([state(a), state(b)]).toEqual(["Established", "Established"])
          expect(held(b)).toEqual(["10.0.0.11/32 via 10.0.1.10", "10.0.0.8/32 via 10.0.1.10"])
          expect(held(a)).toEqual(["192.0.2.4/32 via 10.0.1.254"])
          expect(network.openConnections()).toBe(2)
        })
      ))
  }

  test("the same seed gives the same history", () => {
    const history = (seed: number) =>
      inWorld(seed, ({ start, network }) =>
        Effect.gen(function* () {
          Object.assign(network.conditions, { latencyMs: 7, loss: 0.2, reset: 0.02 })
          const a = yield* start(nodeSide)
          yield* start(routerSide)
          yield* seconds(300)
          return a.transitions.map(({ from, to, reason }) => `${from} ${to} ${reason}`)
        })
      )
    return Promise.all([history(11), history(11), history(12)]).then(([one, two, other]) => {
      expect(one).toEqual(two)
      expect(one).not.toEqual(other)
    })
  })
})
