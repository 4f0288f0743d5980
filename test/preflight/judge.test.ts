// Answers of nodes and what they are taken to mean: each fault that can be told from the others has its own sentence and hint.
import { describe, expect, test } from "bun:test"
import type { Address } from "../../src/net/ip.ts"
import { judgeClock, judgeNode } from "../../src/preflight/judgeNode.ts"
import {
  judgeConflicts,
  judgeDelivery,
  judgeFree,
  judgeMtu,
  judgeReach,
  judgeSession
} from "../../src/preflight/judgeResult.ts"
import { type PreflightNodeState, reached } from "../../src/preflight/nodes.ts"
import type { SessionEvent, SessionTest } from "../../src/preflight/protocol.ts"
import { outcomeLines, reportJson, summaryLines } from "../../src/preflight/report.ts"
import {
  type Check,
  type Finding,
  failed,
  type Outcome,
  ok,
  severityOf,
  skipped,
  warning
} from "../../src/preflight/types.ts"
import { cluster, states } from "./world.ts"

const ip = (text: string) => text as Address
const PEER = ip("10.8.0.10")
const NODE = ip("10.0.1.10")

const test1: SessionTest = {
  localAddress: NODE,
  peerAddress: PEER,
  peerPort: 179,
  localAsn: 65001,
  peerAsn: 65002,
  routerId: NODE,
  holdTime: 15,
  keepaliveTime: 5,
  connectRetryTime: 2,
  passive: false,
  families: ["ipv4", "ipv6"]
}
const up: SessionEvent = {
  _tag: "session",
  state: "Established",
  furthest: "Established",
  negotiated: {
    holdTime: 3,
    families: ["ipv4-unicast", "ipv6-unicast"],
    peerCapabilities: ["multiprotocol", "four-octet-as", "graceful-restart"],
    addPathSend: ["ipv4-unicast", "ipv6-unicast"]
  }
}
const down = (more: Partial<SessionEvent>): SessionEvent => ({
  _tag: "session",
  state: "Active",
  furthest: "Connect",
  ...more
})

const texts = (findings: ReadonlyArray<Finding>) => findings.map(({ severity, text }) => `${severity}: ${text}`)
const hints = (findings: ReadonlyArray<Finding>) => findings.flatMap((one) => one.hints).join(" | ")

const controlPlane = { purpose: "control-plane", needed: ["ipv4"], asn: 65002 } as const
const service = { purpose: "service", needed: [], asn: 65002 } as const

describe("sessions", () => {
  test("one that is well", () => {
    expect(texts(judgeSession(up, test1, controlPlane, 120))).toEqual([
      "ok: Established from 10.0.1.10 in 0.12 s: AS 65002, ipv4-unicast and ipv6-unicast, hold time 3 s"
    ])
  })

  test("what the router cannot do, by what is lost without it", () => {
    const negotiated = { holdTime: 3, families: ["ipv4-unicast"], peerCapabilities: [], addPathSend: [] }
    const poor = { ...up, negotiated }
    expect(texts(judgeSession(poor, test1, { ...controlPlane, needed: ["ipv4", "ipv6"] }, 1)).slice(1)).toEqual([
      "failed: the router does not take IPv6 routes on this session, which it needs",
      "warning: the router has no 4-octet AS numbers (RFC 6793)"
    ])
    expect(texts(judgeSession(poor, { ...test1, localAsn: 4200000001, addPaths: true }, service, 1)).slice(1)).toEqual([
      "warning: the router does not take IPv6 routes on this session",
      "failed: the router has no 4-octet AS numbers (RFC 6793), and ours is 4200000001",
      "warning: the router has no graceful restart (RFC 4724): each time that a floating IP moves, its routes are gone for a moment",
      "warning: the router does not receive additional paths (RFC 7911) for ipv4-unicast: each session carries one next hop for a service"
    ])
  })

  test.each([
    [
      "the router is in another AS",
      { lastNotification: "sent: OPEN Message Error, Bad Peer AS" },
      /correct asn \(peerASN\)/
    ],
    [
      "the router expects another AS",
      { lastNotification: "received: OPEN Message Error, Bad Peer AS" },
      /expects another AS of 10\.0\.1\.10 than 65001/
    ],
    ["nobody listens", { reason: "connection refused" }, /does not listen on port 179/],
    ["it ended the session", { furthest: "OpenSent", reason: "the peer closed the connection" }, /its log says why/],
    [
      "silence",
      { reason: "no answer from 10.8.0.10 port 179" },
      /a filter for TCP port 179.*a key \(MD5\) that only the router has/
    ]
  ] as const)("down: %s", (_, more, hint) => {
    const findings = judgeSession(down(more), test1, controlPlane, 3_000)
    expect(severityOf(findings)).toBe("failed")
    expect(hints(findings)).toMatch(hint)
  })

  test("silence where we have a key names its file", () => {
    const findings = judgeSession(down({ reason: "no answer" }), { ...test1, passwordFile: "/etc/k" }, controlPlane, 1)
    expect(hints(findings)).toContain("another MD5 key than in /etc/k")
  })
})

describe("traffic", () => {
  const probed = { _tag: "probed", reached: true, tookMs: 80, attempts: 1 } as const
  const VIP = ip("10.0.0.8")

  test("arrived, arrived elsewhere, did not arrive, could not be asked", () => {
    const nonces = new Map([["n2", "cp2"]])
    const judge = (arrivals: Parameters<typeof judgeDelivery>[2]) => texts(judgeDelivery(VIP, "cp1", arrivals, nonces))
    expect(judge([{ node: "cp2", probed, pinged: { _tag: "pinged", answered: true } }])).toEqual([
      "ok: 10.0.0.8 reaches cp1 from cp2 within 0.08 s"
    ])
    expect(judge([{ node: "cp2", probed: { ...probed, reached: false, said: "n2" } }])).toEqual([
      "failed: traffic of cp2 to 10.0.0.8 reaches cp2 and not cp1"
    ])
    expect(judge([{ node: "cp2", probed: { ...probed, reached: false, said: "?" } }])).toEqual([
      "failed: traffic of cp2 to 10.0.0.8 reaches somebody else and not cp1"
    ])
    expect(
      judge([
        { node: "cp2", probed: { ...probed, reached: false, reason: "no route to host" } },
        { node: "cp3", probed: { _tag: "lost", reason: "gone" } },
        { node: "cp4", probed, pinged: { _tag: "pinged", answered: false } }
      ])
    ).toEqual([
      "ok: 10.0.0.8 reaches cp1 from cp4",
      "failed: 10.0.0.8 announced over this session does not reach cp1 from cp2: no route to host",
      "warning: cp3 could not be asked whether 10.0.0.8 reaches cp1: gone",
      "warning: cp4 reaches 10.0.0.8 over TCP, but its ping is not answered"
    ])
    expect(severityOf(judgeDelivery(VIP, "cp1", [], nonces))).toBe("warning")
  })

  test("an address that somebody has is not announced", () => {
    expect(severityOf(judgeFree(VIP, [{ node: "cp1", answered: false }]))).toBe("ok")
    const taken = judgeFree(VIP, [
      { node: "cp1", answered: false },
      { node: "cp2", answered: true }
    ])
    expect(texts(taken)[0]).toStartWith("failed: somebody answers at 10.0.0.8 already, as seen from cp2")
    expect(hints(taken)).toContain("--test-address")
  })

  test("whom an address reaches that several nodes have", () => {
    const nonces = new Map([
      ["n1", "cp1"],
      ["n2", "cp2"]
    ])
    const judge = (surveys: Parameters<typeof judgeReach>[2]) => texts(judgeReach(VIP, ["cp1", "cp2"], surveys, nonces))
    const surveyed = (answers: ReadonlyArray<readonly [string, number]>, lost = 0) => ({
      node: "w1",
      surveyed: { _tag: "surveyed" as const, answers: answers.map(([nonce, count]) => ({ nonce, count })), lost }
    })
    expect(
      judge([
        surveyed([
          ["n2", 9],
          ["n1", 7]
        ])
      ])
    ).toEqual(["ok: connections of w1 to 10.0.0.8 reach cp1 (7), cp2 (9)"])
    expect(judge([surveyed([["n1", 16]])])).toEqual([
      "ok: connections of w1 to 10.0.0.8 reach cp1 (16)",
      "warning: no connection to 10.0.0.8 reached cp2"
    ])
    expect(judge([surveyed([["n1", 8]], 8)])[0]).toBe(
      "failed: of 16 connections of w1 to 10.0.0.8, 8 were not answered (silence); the others reached cp1 (8)"
    )
    expect(
      judge([
        surveyed([
          ["n1", 8],
          ["?", 8]
        ])
      ])[0]
    ).toBe("failed: of 16 connections of w1 to 10.0.0.8, 8 reached somebody else; the others reached cp1 (8)")
    expect(judge([])[0]).toStartWith("skipped: every node that can be asked has 10.0.0.8 itself")
  })

  test("who has an address: a node, a stranger, a router that answers for all", () => {
    const macs = new Map([["02:00:00:00:00:01", "cp1"]])
    const all = [ip("10.0.1.1"), ip("10.0.1.2"), ip("10.0.1.3")]
    const by = (mac: string, addresses: ReadonlyArray<Address>) => addresses.map((address) => ({ address, mac }))
    expect(texts(judgeConflicts(all, [], macs))).toEqual(["ok: 3 addresses are nobody else's on this segment"])
    expect(texts(judgeConflicts(all, by("02:00:00:00:00:01", [ip("10.0.1.2")]), macs))).toEqual([
      "failed: cp1 (02:00:00:00:00:01) answers for 10.0.1.2 already"
    ])
    expect(texts(judgeConflicts(all, by("02:aa:00:00:00:09", [ip("10.0.1.2")]), macs))).toEqual([
      "failed: somebody with MAC 02:aa:00:00:00:09 has 10.0.1.2 already"
    ])
    expect(texts(judgeConflicts(all, by("02:aa:00:00:00:09", all), macs))).toEqual([
      "failed: 02:aa:00:00:00:09 answers for every address that is asked for (proxy ARP)"
    ])
  })

  test("how large packets may be", () => {
    const judge = (octets: number, blackHole: boolean) =>
      texts(judgeMtu({ _tag: "mtu", octets, blackHole }, PEER, 1500))[0]
    expect(judge(1500, false)).toStartWith("ok: packets of 1500 octets reach 10.8.0.10")
    expect(judge(1400, false)).toStartWith("warning: only packets of 1400 octets reach 10.8.0.10")
    expect(judge(1400, true)).toStartWith("failed: packets of more than 1400 octets vanish")
    expect(judge(0, false)).toStartWith("skipped: 10.8.0.10 does not answer pings")
  })
})

describe("a node that answers", () => {
  const judged = (answer: PreflightNodeState["answer"]) =>
    states(cluster(), {})
      .slice(0, 1)
      .flatMap((state) => judgeNode(cluster(), { ...state, url: "https://10.0.1.10:7180", answer }, "0.1.0"))

  test("and refuses is not silent: the token, none at all, something else", () => {
    const unknown = judged({ type: "refused", why: "token", reason: "the token is not known here" })
    expect(texts(unknown)).toEqual([
      "failed: the token is refused by https://10.0.1.10:7180: the token is not known here"
    ])
    expect(hints(unknown)).toMatch(
      /another by --token-file: .*viaduct agent --token-file.*viaduct token add NAME --role write/
    )
    const none = judged({ type: "refused", why: "no-token", reason: "say who you are" })
    expect(texts(none)).toEqual(["failed: https://10.0.1.10:7180 asks for a token, and none was given"])
    expect(texts(judged({ type: "refused", why: "other", reason: "too many logins have failed" }))).toEqual([
      "failed: https://10.0.1.10:7180 answers, and refuses this command: too many logins have failed"
    ])
  })
})

describe("clocks", () => {
  const clocks = (ahead: Readonly<Record<string, number>>) => {
    const of = cluster()
    const nodes = reached(states(of, {}, ahead))
    return nodes.map((one) => texts(judgeClock(one, nodes))[0])
  }

  test("close enough, apart from each other, hours away", () => {
    expect(clocks({ "node-01": 3, "node-02": -4 })).toEqual([
      "ok: 3 ms ahead of this machine's, known to 2 ms",
      "ok: 4 ms behind this machine's, known to 2 ms",
      "ok: 0 ms ahead of this machine's, known to 2 ms"
    ])
    expect(clocks({ "node-01": -2_000 })[0]).toBe(
      "warning: its clock is 2000 ms behind this machine's, and 2000 ms behind node-02, 2000 ms behind node-03"
    )
    expect(clocks({ "node-02": 7_200_000 })[1]).toBe("failed: its clock is 7200 s ahead of this machine's")
  })
})

describe("the report", () => {
  const check = (id: string, kind: Check["kind"], more: Partial<Check> = {}): Check => ({
    ...{ id, kind, subject: "", after: [], needs: [], locks: [] },
    task: { type: "conflict", interface: "eth0", addresses: [] },
    ...more
  })
  const outcomes: ReadonlyArray<Outcome> = [
    {
      check: check("a", "session", { node: "cp1", peer: PEER }),
      findings: [ok("up"), warning("poor", "mend it")],
      tookMs: 340
    },
    { check: check("b", "mtu", { node: "cp1", peer: PEER }), findings: [failed("too small", "enlarge")], tookMs: 5 },
    { check: check("c", "delivery", { node: "cp1", subject: "10.0.0.8" }), findings: [skipped("not tried")], tookMs: 0 }
  ]

  test("a line for each finding, hints below", () => {
    expect(outcomes.flatMap((one) => outcomeLines(one, "2026-01-01T10:20:30.123Z", false))).toEqual([
      "10:20:30.123 ok   session   cp1 -> 10.8.0.10:                  up (0.34 s)",
      "10:20:30.123 WARN session   cp1 -> 10.8.0.10:                  poor",
      "                  -> mend it",
      "10:20:30.123 FAIL mtu       cp1 -> 10.8.0.10:                  too small (0.01 s)",
      "                  -> enlarge",
      "10:20:30.123 skip delivery  cp1 10.0.0.8:                      not tried"
    ])
  })

  test("a table, what is not well with the worst first, a verdict", () => {
    expect(summaryLines(outcomes)).toEqual([
      "CHECK      OK   WARNING   FAILED   SKIPPED",
      "mtu        0    0         1        0",
      "session    0    1         0        0",
      "delivery   0    0         0        1",
      "",
      "FAIL mtu cp1 -> 10.8.0.10: too small",
      "     -> enlarge",
      "WARN session cp1 -> 10.8.0.10: poor",
      "     -> mend it",
      "",
      "1 of 3 checks failed (1 with a warning, 1 not tried)"
    ])
    expect(summaryLines(outcomes.slice(0, 1)).at(-1)).toBe("nothing failed in 1 checks (1 with a warning)")
  })

  test("JSON says the same, and whether it is all", () => {
    const report = reportJson("bm", "2026-01-01T00:00:00Z", outcomes, true)
    expect(report).toMatchObject({
      cluster: "bm",
      complete: true,
      result: "failed",
      counts: { ok: 0, warning: 1, failed: 1, skipped: 1 }
    })
    expect(reportJson("bm", "2026-01-01T00:00:00Z", outcomes, false)).toMatchObject({ result: "incomplete" })
  })
})
