// A neighbour with up to two connections: collisions (RFC 4271 6.8, RFC 6286), checks of the OPEN, stale sockets.
import { describe, expect, test } from "bun:test"
import { survivor } from "../../../src/bgp/collision.ts"
import { foremost, makePeer, nextWake, type Peer, type PeerEvent, peerStep } from "../../../src/bgp/fsm/peer.ts"
import type { Action, FsmConfig } from "../../../src/bgp/fsm/types.ts"
import { config, frame, openOf, peerOpen } from "./fixtures.ts"

const drive = (events: ReadonlyArray<PeerEvent>, with_: FsmConfig = config, from: Peer = makePeer(7), now = 0) => {
  const actions: Array<Action> = []
  let peer = from
  for (const event of events) {
    const result = peerStep(peer, event, now, with_)
    peer = result.peer
    actions.push(...result.actions)
  }
  return { peer, actions }
}

const got = (connection: number, message: Parameters<typeof frame>[0]): PeerEvent => ({
  type: "Received",
  connection,
  frame: frame(message)
})

const keepalive = { type: "KEEPALIVE" } as const
const closed = (actions: ReadonlyArray<Action>) => actions.flatMap((a) => (a.type === "Close" ? [a.connection] : []))
const notifications = (actions: ReadonlyArray<Action>) =>
  actions.flatMap((a) =>
    a.type === "Send" && a.message.type === "NOTIFICATION"
      ? [`${a.connection}: ${a.message.code}/${a.message.subcode}`]
      : []
  )
const reasons = (actions: ReadonlyArray<Action>) => actions.flatMap((a) => (a.type === "Transition" ? [a.reason] : []))

describe("collision (RFC 4271 6.8)", () => {
  test("the connection opened by the higher identifier stays", () => {
    expect(survivor({ routerId: "10.0.0.2", asn: 1 }, { routerId: "10.0.0.1", asn: 2 })).toBe("outgoing")
    expect(survivor({ routerId: "9.255.255.255", asn: 1 }, { routerId: "10.0.0.1", asn: 2 })).toBe("incoming")
    expect(survivor({ routerId: "200.0.0.1", asn: 1 }, { routerId: "100.0.0.1", asn: 2 })).toBe("outgoing")
  })

  test("equal identifiers: the higher AS (RFC 6286 2.3)", () => {
    expect(survivor({ routerId: "10.0.0.1", asn: 1 }, { routerId: "10.0.0.1", asn: 2 })).toBe("incoming")
    expect(survivor({ routerId: "10.0.0.1", asn: 2 }, { routerId: "10.0.0.1", asn: 1 })).toBe("outgoing")
  })

  const both: ReadonlyArray<PeerEvent> = [
    { type: "Start" },
    { type: "Accepted", connection: 2 },
    { type: "Dialled", connection: 1 }
  ]

  for (const [name, order] of [
    ["ours first", [1, 2]],
    ["the peer's first", [2, 1]]
  ] as const) {
    test(`both connections exchange OPENs, ${name}: exactly one is left, the higher identifier's`, () => {
      // The peer, 10.0.1.254, is higher than we, 10.0.1.10: its connection, number 2, stays.
      const { peer, actions } = drive([...both, ...order.map((c) => got(c, peerOpen)), got(2, keepalive)])
      expect(notifications(actions)).toEqual(["1: 6/7"])
      expect(closed(actions)).toEqual([1])
      expect(peer.secondary).toBeUndefined()
      expect(peer.primary).toMatchObject({ state: "Established", connection: 2, direction: "incoming" })
      expect(actions.filter(({ type }) => type === "Up")).toHaveLength(1)
    })

    test(`with the lower identifier at the peer our connection stays, ${name}`, () => {
      const low = openOf(65002, "10.0.0.1")
      const { peer, actions } = drive([...both, ...order.map((c) => got(c, low)), got(1, keepalive)])
      expect(notifications(actions)).toEqual(["2: 6/7"])
      expect(peer.primary).toMatchObject({ state: "Established", connection: 1, direction: "outgoing" })
      expect(peer.secondary).toBeUndefined()
    })
  }

  test("the peer's connection comes up while ours still dials: the attempt is given up", () => {
    const { peer, actions } = drive([
      { type: "Start" },
      { type: "Accepted", connection: 2 },
      got(2, peerOpen),
      got(2, keepalive)
    ])
    expect(actions.map(({ type }) => type)).toContain("CancelDial")
    expect(peer.primary).toMatchObject({ state: "Established", connection: 2 })
    expect(drive([{ type: "Dialled", connection: 1 }], config, peer).actions).toEqual([
      { type: "Close", connection: 1 }
    ])
  })

  test("our dial fails while the peer's connection is on its way: that one goes on", () => {
    const { peer } = drive([
      { type: "Start" },
      { type: "Accepted", connection: 2 },
      { type: "DialFailed", why: "connection refused" },
      got(2, peerOpen),
      got(2, keepalive)
    ])
    expect(peer.primary).toMatchObject({ state: "Established", connection: 2 })
  })

  test("a peer that cannot be reached is let in when it calls, also while we back off", () => {
    const failed = drive([{ type: "Start" }, { type: "DialFailed", why: "connection refused" }]).peer
    expect(failed.primary.state).toBe("Idle")
    const { peer } = drive([{ type: "Accepted", connection: 2 }, got(2, peerOpen), got(2, keepalive)], config, failed)
    expect(peer.primary).toMatchObject({ state: "Established", connection: 2, direction: "incoming" })
  })

  test("after a disagreement, and after a stop, nobody is let in", () => {
    const dialled: ReadonlyArray<PeerEvent> = [{ type: "Start" }, { type: "Dialled", connection: 1 }]
    const wrong = drive([...dialled, got(1, openOf(65010, "10.0.1.254"))]).peer
    const stopped = drive([...dialled, { type: "Stop", stop: { subcode: 2 } }]).peer
    for (const peer of [wrong, stopped]) {
      expect(drive([{ type: "Accepted", connection: 2 }], config, peer).actions).toEqual([
        { type: "Close", connection: 2 }
      ])
    }
  })

  test("a second connection to an Established session is refused once it says who it is", () => {
    const up = drive([{ type: "Start" }, { type: "Dialled", connection: 1 }, got(1, peerOpen), got(1, keepalive)]).peer
    const { peer, actions } = drive([{ type: "Accepted", connection: 2 }, got(2, peerOpen)], config, up)
    expect(notifications(actions)).toEqual(["2: 6/7"])
    expect(peer.primary).toMatchObject({ state: "Established", connection: 1 })
    expect(peer.secondary).toBeUndefined()
  })

  test("with graceful restart the new connection replaces the Established one (RFC 4724 section 5)", () => {
    const restart = {
      code: 64,
      name: "graceful-restart",
      restarting: true,
      notification: true,
      restartTime: 120,
      families: []
    } as const
    const withRestart = (open: typeof peerOpen) => ({ ...open, capabilities: [...open.capabilities, restart] })
    const own = { ...config, open: withRestart(config.open) }
    const theirs = withRestart(peerOpen)
    const up = drive(
      [{ type: "Start" }, { type: "Dialled", connection: 1 }, got(1, theirs), got(1, keepalive)],
      own
    ).peer
    const { peer, actions } = drive([{ type: "Accepted", connection: 2 }, got(2, theirs), got(2, keepalive)], own, up)
    expect(notifications(actions)).toEqual([])
    expect(closed(actions)).toEqual([1])
    expect(actions.map(({ type }) => type).filter((t) => t === "Up" || t === "Down")).toEqual(["Down", "Up"])
    expect(peer.primary).toMatchObject({ state: "Established", connection: 2 })
  })

  test("a third connection replaces a second that got stuck", () => {
    const { peer, actions } = drive([
      { type: "Start" },
      { type: "Dialled", connection: 1 },
      { type: "Accepted", connection: 2 },
      { type: "Accepted", connection: 3 }
    ])
    expect(closed(actions)).toEqual([2])
    expect(peer.secondary?.connection).toBe(3)
  })
})

describe("the peer's OPEN (RFC 4271 6.2)", () => {
  const opening: ReadonlyArray<PeerEvent> = [{ type: "Start" }, { type: "Dialled", connection: 1 }]

  test("another AS than configured: 2/2, and the reason names both", () => {
    const { actions } = drive([...opening, got(1, openOf(65010, "10.0.1.254"))])
    expect(notifications(actions)).toEqual(["1: 2/2"])
    expect(reasons(actions).at(-1)).toContain("the peer is AS 65010, configured is AS 65002")
  })

  test("our own identifier from an internal peer: 2/3 (RFC 6286 2.2); from an external one it is fine", () => {
    const internal = { ...config, peerAsn: 65001 }
    expect(notifications(drive([...opening, got(1, openOf(65001, config.routerId))], internal).actions)).toEqual([
      "1: 2/3"
    ])
    expect(notifications(drive([...opening, got(1, openOf(65002, config.routerId))]).actions)).toEqual([])
  })

  test("a refusal by the peer before its OPEN is shown in words and not answered", () => {
    const { peer, actions } = drive([...opening, got(1, { type: "NOTIFICATION", code: 2, subcode: 2 })])
    expect(notifications(actions)).toEqual([])
    expect(reasons(actions).at(-1)).toMatch(/^peer says .*Bad Peer AS.*it does not expect AS 65001 from us$/)
    expect(peer.primary.state).toBe("Idle")
  })

  test("octets that are no BGP message end the session with 1/1", () => {
    const error = { outcome: "session-reset", code: 1, subcode: 1, data: "", offset: 0, message: "marker" } as const
    const { actions } = drive([...opening, { type: "BadHeader", connection: 1, error }])
    expect(notifications(actions)).toEqual(["1: 1/1"])
  })
})

describe("time and stale events", () => {
  test("what a closed connection still says is not heard", () => {
    const { peer } = drive([
      { type: "Start" },
      { type: "Dialled", connection: 1 },
      { type: "Closed", connection: 1, why: "reset" }
    ])
    expect(drive([got(1, peerOpen), { type: "Closed", connection: 1, why: "reset" }], config, peer).actions).toEqual([])
  })

  test("a Tick at the next wake fires what is due; the session comes back by itself after each failure", () => {
    let peer = drive([{ type: "Start" }]).peer
    for (let i = 0; i < 30; i++) {
      peer = drive([{ type: "DialFailed", why: "connection refused" }], config, peer, i * 10_000).peer
      expect(foremost(peer).state).toBe("Idle")
      const wake = nextWake(peer) ?? Number.NaN
      expect(wake).toBeLessThanOrEqual(i * 10_000 + 5000)
      const { peer: next, actions } = drive([{ type: "Tick" }], config, peer, wake)
      expect(actions).toContainEqual({ type: "Dial" })
      peer = next
    }
  })

  test("a stop ends both connections with the same words, and nothing starts again", () => {
    const stop = { subcode: 2, message: "maintenance" }
    const { peer, actions } = drive([
      { type: "Start" },
      { type: "Dialled", connection: 1 },
      { type: "Accepted", connection: 2 },
      { type: "Stop", stop }
    ])
    expect(notifications(actions).sort()).toEqual(["1: 6/2", "2: 6/2"])
    expect(closed(actions).sort()).toEqual([1, 2])
    expect(nextWake(peer)).toBeUndefined()
  })
})

const restartCapability = (restarting: boolean, notification = false) =>
  ({
    code: 64,
    name: "graceful-restart",
    restarting,
    notification,
    restartTime: 120,
    families: [{ afi: 1, safi: 1, forwardingPreserved: true }]
  }) as const
const restartOpen = (open: typeof peerOpen, restarting: boolean, notification = false) => ({
  ...open,
  capabilities: [...open.capabilities, restartCapability(restarting, notification)]
})

describe("graceful restart (RFC 4724)", () => {
  const own: FsmConfig = {
    ...config,
    open: restartOpen(config.open, true),
    reopen: restartOpen(config.open, false)
  }
  const restarting = (actions: ReadonlyArray<Action>) =>
    actions.flatMap((a) =>
      a.type === "Send" && a.message.type === "OPEN"
        ? a.message.capabilities.flatMap((c) => (c.name === "graceful-restart" ? [c.restarting] : []))
        : []
    )

  test("our OPENs say that we restart until a session was Established, and never after", () => {
    const lost = (connection: number): PeerEvent => ({ type: "Closed", connection, why: "reset" })
    const again: PeerEvent = { type: "Tick" }
    const first = drive([{ type: "Start" }, { type: "Dialled", connection: 1 }, lost(1)], own)
    const second = drive([again, { type: "Dialled", connection: 2 }, got(2, peerOpen)], own, first.peer, 10_000)
    const up = drive([got(2, keepalive)], own, second.peer, 10_000)
    expect([restarting(first.actions), restarting(second.actions)]).toEqual([[true], [true]])
    const third = drive([lost(2), { type: "Accepted", connection: 3 }], own, up.peer, 10_000)
    const both = drive([lost(3)], own, third.peer, 10_000)
    const fourth = drive([again, { type: "Accepted", connection: 4 }], own, both.peer, 30_000)
    expect([restarting(third.actions), restarting(fourth.actions)]).toEqual([[false], [false]])
  })

  test("a second connection beside an Established one gets the later OPEN, too", () => {
    const start: ReadonlyArray<PeerEvent> = [{ type: "Start" }, { type: "Dialled", connection: 1 }]
    const up = drive([...start, got(1, peerOpen), got(1, keepalive)], own).peer
    expect(restarting(drive([{ type: "Accepted", connection: 2 }], own, up).actions)).toEqual([false])
  })

  test("leaving closes both connections without a word, and nothing starts again", () => {
    const { peer, actions } = drive([
      { type: "Start" },
      { type: "Dialled", connection: 1 },
      { type: "Accepted", connection: 2 },
      got(1, peerOpen),
      { type: "Leave" }
    ])
    expect(notifications(actions)).toEqual([])
    expect(closed(actions).sort()).toEqual([1, 2])
    expect(nextWake(peer)).toBeUndefined()
    expect(foremost(peer).state).toBe("Idle")
  })

  test("a stop means it: a peer that keeps routes over NOTIFICATIONs is sent a Hard Reset (RFC 8538 3.1)", () => {
    const stop = { subcode: 2, message: "maintenance" }
    const hard = { ...own, open: restartOpen(config.open, true, true), reopen: restartOpen(config.open, false, true) }
    const said = (with_: FsmConfig, open: typeof peerOpen) =>
      drive(
        [
          { type: "Start" },
          { type: "Dialled", connection: 1 },
          got(1, open),
          got(1, keepalive),
          { type: "Stop", stop }
        ],
        with_
      ).actions.flatMap((a) => (a.type === "Send" && a.message.type === "NOTIFICATION" ? [a.message] : []))
    const message = { type: "NOTIFICATION", code: 6, message: "maintenance" } as const
    expect(said(hard, restartOpen(peerOpen, false, true))).toEqual([
      { ...message, subcode: 9, hardReset: { code: 6, subcode: 2 } }
    ])
    // Where one end lacks the N bit, a NOTIFICATION ends everything anyway.
    for (const [with_, open] of [
      [hard, restartOpen(peerOpen, false)],
      [own, restartOpen(peerOpen, false, true)]
    ] as const)
      expect(said(with_, open)).toEqual([{ ...message, subcode: 2 }])
  })
})
