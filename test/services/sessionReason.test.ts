// The reason that a session shows while it is not up (I9).
import { describe, expect, test } from "bun:test"
import type { EventName, State } from "../../src/bgp/fsm/types.ts"
import { failureOf, nextReasons, noReasons, reasonText } from "../../src/services/sessionReason.ts"

type Move = readonly [State, State, EventName, string]

const shown = (moves: ReadonlyArray<Move>, parameters: { passwordFile?: string; ttlSecurity?: number } = {}) =>
  reasonText(
    moves.reduce(
      (reasons, [from, to, event, reason]) => nextReasons(reasons, { from, to, event, reason }, parameters),
      noReasons
    )
  )

const dial: Move = ["Idle", "Connect", "IdleHoldTimerExpires", "started"]
const open: Move = ["Connect", "OpenSent", "TcpCrAcked", "connected; waiting for the peer's OPEN"]
const refused: Move = ["Connect", "Idle", "TcpConnectionFails", "connection refused"]
const told: Move = ["OpenSent", "Idle", "NotifMsg", "peer says Bad Peer AS"]
const closed: Move = [
  "OpenSent",
  "Active",
  "TcpConnectionFails",
  "the peer closed the connection before the peer sent an OPEN"
]

describe("the reason of a session that is not up", () => {
  test("says what it is doing until something goes wrong", () => {
    expect(shown([])).toBe("starting")
    expect(shown([dial, open])).toBe("connected; waiting for the peer's OPEN")
  })

  test("goes on saying what went wrong while it tries again", () => {
    expect(shown([dial, refused, dial])).toBe("connection refused")
    expect(shown([dial, refused, dial, open])).toBe("connection refused")
  })

  test("keeps what the peer told over the bare closes that follow", () => {
    expect(shown([dial, open, told, dial, open, closed])).toBe(
      "peer says Bad Peer AS; since then: the peer closed the connection before the peer sent an OPEN"
    )
    expect(shown([dial, open, told, dial, open, told])).toBe("peer says Bad Peer AS")
  })

  test("a session that was up starts anew", () => {
    const up: Move = ["OpenConfirm", "Established", "KeepAliveMsg", "the peer accepted our OPEN"]
    expect(shown([dial, open, told, up])).toBe("the peer accepted our OPEN")
    expect(shown([up, ["Established", "Idle", "TcpConnectionFails", "connection reset by the peer"]])).toBe(
      "connection reset by the peer"
    )
  })

  test("a collision that settled the matter is no failure", () => {
    expect(shown([dial, ["Connect", "Idle", "OpenCollisionDump", "another connection was kept"]])).not.toContain("told")
    expect(shown([dial, refused, ["Connect", "Idle", "OpenCollisionDump", "another was kept"]])).toBe(
      "connection refused"
    )
  })

  test("an OPEN that does not arrive names the hops, where they may be why", () => {
    expect(shown([dial, open], { ttlSecurity: 1 })).toBe(
      "connected; waiting for the peer's OPEN (it does not arrive from a peer more than 1 hops away or without GTSM)"
    )
  })

  test("silence names the key and the hops, where they may be why", () => {
    const silent: Move = ["Connect", "Idle", "TcpConnectionFails", "no answer from 10.0.1.254 port 179"]
    expect(shown([dial, silent])).toBe("no answer from 10.0.1.254 port 179")
    expect(shown([dial, silent], { passwordFile: "/etc/key" })).toContain("MD5 key at the peer than in /etc/key")
    expect(shown([dial, silent], { ttlSecurity: 1 })).toContain("GTSM")
  })
})

describe("the last failure of a session", () => {
  const at = "2021-06-14T22:00:00.000Z"
  const notice = { direction: "received", at, text: "Bad Peer AS", code: 2, subcode: 2, data: "fde9" } as const
  const fails = ([from, to, event, reason]: Move, trouble: Parameters<typeof failureOf>[2] = "local") =>
    failureOf({ lastFailure: undefined, lastNotification: notice }, { from, to, event, reason }, trouble, at)

  test("is what the wire showed of the connection", () => {
    expect(fails(refused, "refused")).toEqual({ type: "refused", in: "Connect", at, text: "connection refused" })
    expect(fails(closed, "closed")?.type).toBe("closed")
    expect(fails(["Connect", "Connect", "ConnectRetryTimerExpires", "no answer"], "local")?.type).toBe("timeout")
  })

  test("is the NOTIFICATION where one end explained itself, with what it said", () => {
    expect(fails(told, "closed")).toMatchObject({
      type: "received",
      notification: { code: 2, subcode: 2, data: "fde9" }
    })
    expect(fails(["OpenSent", "Idle", "BgpOpenMsgErr", "Bad Peer AS"], "closed")?.type).toBe("sent")
  })

  test("stays while it tries again, and goes when the session is up or was ended by our own will", () => {
    const before = { lastFailure: fails(refused, "refused"), lastNotification: undefined }
    const after = ([from, to, event, reason]: Move) =>
      failureOf(before, { from, to, event, reason }, "closed", "2021-06-14T23:00:00.000Z")
    expect(after(dial)).toBe(before.lastFailure)
    expect(after(["Connect", "Idle", "ManualStop", "stopped"])).toBe(before.lastFailure)
    expect(after(["OpenConfirm", "Established", "KeepAliveMsg", "up"])).toBeUndefined()
  })
})
