// What a change of the config does, verdict by verdict, and what it asks to be insisted on.
import { describe, expect, test } from "bun:test"
import type { AddressPool } from "../../src/ipam/types.ts"
import type { ChangeLine, ClusterChange } from "../../src/plan/change.ts"
import { type ChangeInput, changeOf, movesNothing } from "../../src/plan/clusterChange.ts"
import type { DesiredCluster } from "../../src/plan/desired.ts"
import { emptyView, type NodeSummary, type SessionSummary } from "../../src/plan/view.ts"
import { binding, cluster, ip, LB_NODES, MEMBERS, member, node, peer, service, settle, view } from "./world.ts"

const pool = (first: string, last: string, name = "pool1"): AddressPool => ({
  name,
  ranges: [{ first: ip(first), last: ip(last) }],
  avoidBuggyIps: false,
  manualAssign: false
})

const POOLS = [pool("10.1.1.1", "10.1.1.9")]
const base = cluster({}, { pools: POOLS })
const settled = settle(base, view()).seen

const change = (after: DesiredCluster, more: Partial<ChangeInput> = {}): ClusterChange =>
  changeOf({ before: base, after, view: settled, nowMs: 0, ...more })

const short = ({ verdict, node: at, subject }: ChangeLine): string =>
  [verdict, ...(at === undefined ? [] : [`at ${at}`]), subject].join(" ")

const shorts = (result: ClusterChange): ReadonlyArray<string> => result.lines.map(short)

const lb = (more: Partial<DesiredCluster["loadBalancer"]>): DesiredCluster => ({
  ...base,
  loadBalancer: { ...base.loadBalancer, ...more }
})

const lineOf = (result: ClusterChange, start: string): ChangeLine => {
  const line = result.lines.find((one) => short(one).startsWith(start))
  if (line === undefined) throw new Error(`no line ${start} in\n${shorts(result).join("\n")}`)
  return line
}

test("the same config, and one in another order, is no line", () => {
  const [first, second, ...others] = base.servicePeers
  const reordered = { ...base, servicePeers: [second, first, ...others].filter((one) => one !== undefined) }
  for (const after of [base, reordered])
    expect(change(after)).toEqual({ lines: [], guards: [], summary: "nothing moves" })
})

describe("verdicts", () => {
  test("session added: another peer of the control plane, on its nodes only", () => {
    const another = { ip: ip("10.0.2.254"), asn: 65002, controlPlaneNodes: [ip("10.0.2.10")] }
    const result = change(lb({ controlPlanePeers: [...base.loadBalancer.controlPlanePeers, another] }))
    expect(shorts(result)).toEqual(["session added at cp2 session 10.0.2.254-cp2"])
    expect(lineOf(result, "session added").detail).toContain("announces prefix 10.0.0.8/32")
    expect(result.guards).toEqual([])
    expect(result.summary).toBe("1 session added; 1 node")
  })

  test("session removed: a service peer is selected no more", () => {
    const after = { ...base, servicePeers: [peer("edge1", "10.0.1.254"), peer("edge2", "10.0.2.254", { labels: {} })] }
    const result = change(after)
    expect(new Set(result.lines.map(({ verdict }) => verdict))).toEqual(new Set(["session removed"]))
    expect(result.lines.every(({ subject }) => subject.startsWith("session 10.0.2.254-"))).toBe(true)
    expect(result.lines.length).toBe(2)
  })

  test("session reset: names what forces it, from what to what", () => {
    const result = change(lb({ controlPlanePeers: [{ ip: ip("10.0.1.254"), asn: 65002, holdTime: 30 }] }))
    expect(shorts(result)).toEqual([
      "session reset at cp1 session 10.0.1.254-cp1",
      "session reset at cp2 session 10.0.1.254-cp2"
    ])
    const line = lineOf(result, "session reset at cp1")
    expect(line.parameters).toEqual(["holdTime", "keepaliveTime"])
    expect(line.detail).toBe("holdTime 90 → 30; keepaliveTime 30 → 10")
  })

  test("session soft: communities and MED go out on the sessions that there are", () => {
    const peers = base.servicePeers.map((one) =>
      one.name === "edge1" ? { ...one, communities: ["65001:1"], med: 20 } : one
    )
    const result = change({ ...base, servicePeers: peers })
    expect(shorts(result).every((text) => /^session soft at \S+ session 10\.0\.1\.254-/.test(text))).toBe(true)
    expect(result.lines.length).toBe(2)
    expect(result.lines[0]?.detail).toBe(
      "announces 2 prefixes: 10.1.1.1/32, 10.1.1.2/32 again: MED none → 20; communities none → 65001:1"
    )
  })

  test("new announcement: a service that gets an address", () => {
    const result = change({ ...base, services: [...base.services, service("mail")] })
    expect(lineOf(result, "new announcement").detail).toBe("announces prefix 10.1.1.3/32")
    expect(lineOf(result, "address added service default/mail").detail).toBe("gets 10.1.1.3 from pool1")
    expect(shorts(result)).toContain("address added at lb1 address 10.1.1.3")
    expect(shorts(result).filter((text) => text.startsWith("new announcement")).length).toBe(4)
    expect(result.lines.some(({ verdict }) => verdict === "session soft")).toBe(false)
  })

  test("withdraw: a service that is gone", () => {
    const result = change({ ...base, services: [service("web")] })
    expect(lineOf(result, "withdraw").detail).toBe("withdraws prefix 10.1.1.2/32")
    expect(lineOf(result, "address removed service default/db").detail).toContain("gives 10.1.1.2 back")
    expect(result.guards).toEqual([])
  })

  test("a new LB node is one more next hop, whether its daemon is there or not", () => {
    const lb5 = node("lb5", "10.0.1.15")
    const result = change(lb({ nodes: [...LB_NODES, lb5] }))
    expect(lineOf(result, "session soft").detail).toContain("next hops")
    expect(lineOf(result, "session soft").detail).toContain("10.0.1.15")
    expect(shorts(result)).toContain("address added at lb5 address 10.1.1.1")
    expect(result.lines.some(({ verdict }) => verdict.startsWith("session") && verdict !== "session soft")).toBe(false)
  })

  test("a new node whose daemon has stood aside until now takes part", () => {
    const aside = { ...settled, members: [...MEMBERS, member("lb5", ["10.0.1.15/24"], { leaving: true })] }
    const result = change(lb({ nodes: [...LB_NODES, node("lb5", "10.0.1.15")] }), { view: aside })
    expect(lineOf(result, "session soft").detail).toContain("10.0.1.15")
  })

  test("a node that the file has already and that is not there is not counted as alive", () => {
    const without = { ...settled, members: MEMBERS.filter(({ name }) => name !== "lb4") }
    const result = change({ ...base, services: [...base.services, service("mail")] }, { view: without })
    expect(shorts(result)).toContain("address added at lb3 address 10.1.1.3")
    expect(shorts(result)).not.toContain("address added at lb4 address 10.1.1.3")
  })

  test("address added and removed: floating IPs, with their sessions", () => {
    const added = change({ ...base, floatingIps: [...base.floatingIps, ip("10.0.1.102")] })
    expect(lineOf(added, "address added").subject).toBe("address 10.0.1.102")
    const removed = change({ ...base, floatingIps: base.floatingIps.filter((address) => address !== "10.0.1.100") })
    expect(lineOf(removed, "address removed").subject).toBe("address 10.0.1.100")
    expect(removed.lines.some(({ verdict }) => verdict === "address moved")).toBe(false)
  })

  test("address moved: a floating IP of a node that is in the config no more", () => {
    const holder = settled.claims.find(({ address }) => address === "10.0.1.100")?.node
    const nodes = LB_NODES.filter(({ name }) => name !== holder)
    const result = change(lb({ nodes }), { before: base })
    expect(lineOf(result, "address moved address 10.0.1.100").detail).toContain(`from ${holder} to `)
    expect(result.guards.map(({ type, subject }) => [type, subject])).toContainEqual(["last-session", `node ${holder}`])
  })

  test("address moved: a service whose pool has its address no more, which has to be insisted on", () => {
    const result = change(lb({ pools: [pool("10.1.1.2", "10.1.1.9")] }))
    expect(lineOf(result, "address moved service default/web").detail).toBe("from 10.1.1.1 to 10.1.1.3")
    expect(result.guards).toEqual([
      {
        type: "service-address",
        subject: "service default/web",
        reason: expect.stringContaining("would lose 10.1.1.1: pool pool1 no longer has 10.1.1.1")
      }
    ])
    expect(result.lines[0]?.verdict).toBe("address moved")
  })

  test("address moved: a service that asks for another one itself needs no force", () => {
    const asks = base.services.map((one) => (one.name === "web" ? { ...one, addresses: [ip("10.1.1.7")] } : one))
    const result = change({ ...base, services: asks })
    expect(lineOf(result, "address moved").detail).toBe("from 10.1.1.1 to 10.1.1.7")
    expect(result.guards).toEqual([])
  })

  test("layer 2: a control-plane VIP whose node goes moves to another", () => {
    const layer2 = lb({ type: "layer2", controlPlaneVips: [ip("10.0.1.8")] })
    const two = { ...layer2, controlPlaneNodes: [node("cp1", "10.0.1.10"), node("lb1", "10.0.1.11")] }
    const seen = settle(two, view()).seen
    const holder = seen.claims.find(({ address }) => address === "10.0.1.8")?.node ?? ""
    const after = { ...two, controlPlaneNodes: two.controlPlaneNodes.filter(({ name }) => name !== holder) }
    const result = changeOf({ before: two, after, view: seen, nowMs: 0 })
    expect(lineOf(result, "address moved address 10.0.1.8").detail).toContain("control-plane VIP")
  })

  test("no effect: every document that moves nothing says why", () => {
    const objects = [
      { kind: "DaemonConfig", namespace: "", name: "node" },
      { kind: "BGPPeer", namespace: "kube-system", name: "spare" },
      { kind: "Service", namespace: "default", name: "web" }
    ]
    const spare = peer("spare", "10.0.3.254", { labels: { edge: "no" } })
    const result = change({ ...base, servicePeers: [...base.servicePeers, spare] }, { objects })
    expect(shorts(result)).toEqual([
      "no effect BGPPeer spare",
      "no effect DaemonConfig node",
      "no effect Service default/web"
    ])
    expect(result.lines[0]?.detail).toContain("no BGPLoadBalancer selects it")
    expect(result.summary).toBe("nothing moves")
    expect(movesNothing(result)).toBe(true)
  })

  test("no effect: a service that the pools have no address for", () => {
    const full = changeOf({
      before: lb({ pools: [pool("10.1.1.1", "10.1.1.2")] }),
      after: { ...lb({ pools: [pool("10.1.1.1", "10.1.1.2")] }), services: [...base.services, service("mail")] },
      view: settled,
      nowMs: 0
    })
    expect(shorts(full)).toEqual(["no effect service default/mail"])
  })
})

describe("guards", () => {
  const guards = (result: ClusterChange) => result.guards.map(({ type, subject }) => `${type} ${subject}`)

  test("the only peer of the control plane goes: the VIP, and each node that has no other session", () => {
    const result = change({ ...lb({ controlPlanePeers: [] }) })
    expect(guards(result)).toEqual([
      "last-control-plane-path control-plane VIP 10.0.0.8",
      // It holds a floating IP that a service session starts from.
      "last-control-plane-path node cp1",
      "last-session node cp2"
    ])
    for (const { reason } of result.guards) expect(reason.length).toBeGreaterThan(40)
  })

  test("a control-plane VIP that the config does not name any more", () => {
    const result = change(lb({ controlPlaneVips: [ip("10.0.0.9")] }))
    expect(guards(result)).toEqual(["last-control-plane-path control-plane VIP 10.0.0.8"])
  })

  test("one of two peers goes: nothing to insist on", () => {
    const two = [...base.loadBalancer.controlPlanePeers, { ip: ip("10.0.2.254"), asn: 65002 }]
    expect(change(base, { before: lb({ controlPlanePeers: two }) }).guards).toEqual([])
  })

  const summary = (name: string, states: Readonly<Record<string, SessionSummary["state"]>>): NodeSummary => ({
    node: name,
    ready: true,
    summary: "",
    sessions: { established: 0, expected: 0 },
    held: [],
    bgp: {
      sessions: Object.entries(states).map(([session, state]) => ({
        name: session,
        purpose: "control-plane",
        localAsn: 65001,
        peerAsn: 65002,
        localAddress: "10.0.1.10",
        peerAddress: "10.0.1.254",
        peerPort: 179,
        state,
        since: "2026-01-01T00:00:00Z",
        flaps: 0,
        advertised: 1,
        received: 0
      })),
      routes: [],
      more: 0
    }
  })
  /** States of the sessions of cp1 and cp2 with their peer, and of those with another one that they may have. */
  const with2 = (
    first: SessionSummary["state"],
    second: SessionSummary["state"],
    another: SessionSummary["state"] = "Idle"
  ) => ({
    view: {
      ...settled,
      summaries: [
        summary("cp1", { "10.0.1.254-cp1": first, "10.0.2.254-cp1": another }),
        summary("cp2", { "10.0.1.254-cp2": second, "10.0.2.254-cp2": another })
      ]
    }
  })
  const another = { ip: ip("10.0.2.254"), asn: 65002 }
  const swapped = lb({ controlPlanePeers: [another] })
  const slower = lb({ controlPlanePeers: base.loadBalancer.controlPlanePeers.map((one) => ({ ...one, holdTime: 30 })) })

  test("the only peer is swapped for another, or its sessions start again: what is up goes at once", () => {
    const all = ["last-control-plane-path control-plane VIP 10.0.0.8", "last-session node cp1", "last-session node cp2"]
    for (const after of [swapped, slower]) {
      const result = change(after, with2("Established", "Established"))
      expect(guards(result)).toEqual(all)
      expect(result.guards[0]?.reason).toContain("(2 sessions: 10.0.1.254-cp1 of cp1, 10.0.1.254-cp2 of cp2)")
      expect(result.guards[2]?.reason).toContain("node cp2 would lose every session that is up at the same time")
    }
  })

  test("one node's session goes, another's is down anyhow: that node, and the VIP that it alone announces", () => {
    expect(guards(change(swapped, with2("Active", "Established")))).toEqual([
      "last-control-plane-path control-plane VIP 10.0.0.8",
      "last-session node cp2"
    ])
  })

  test("what is down already can be mended without insisting", () => {
    for (const after of [swapped, slower]) expect(change(after, with2("Idle", "Active")).guards).toEqual([])
  })

  test("the second of two peers is no reason to let the first go while it is not up", () => {
    const before = lb({ controlPlanePeers: [...base.loadBalancer.controlPlanePeers, another] })
    expect(guards(change(swapped, { before, ...with2("Established", "Established") }))).toContain(
      "last-session node cp2"
    )
    expect(change(swapped, { before, ...with2("Established", "Established", "Established") }).guards).toEqual([])
  })

  test("this node's own word of what is up counts more than what it last told the others", () => {
    const self = { name: "cp2", addresses: member("cp2", ["10.0.2.10/24"]).addresses }
    const seen = (established: ReadonlyArray<string>) => ({
      ...with2("Idle", "Idle"),
      self: { ...self, established: new Set(established) }
    })
    expect(guards(change(swapped, seen(["10.0.1.254-cp2"])))).toContain("last-session node cp2")
    expect(change(swapped, seen([])).guards).toEqual([])
    // Without a word of the store nobody knows whether others announce the VIP.
    const alone = { ...seen(["10.0.1.254-cp2"]), view: undefined }
    expect(guards(change(swapped, alone))).toEqual(["last-session node cp2"])
  })

  test("a node that is gone anyhow can be taken out of the config", () => {
    const gone = { ...base, controlPlaneNodes: base.controlPlaneNodes.slice(0, 1) }
    const without = { ...settled, members: MEMBERS.filter(({ name }) => name !== "cp2") }
    expect(guards(change(gone))).toEqual(["last-session node cp2"])
    expect(guards(change(gone, { view: without }))).toEqual([])
  })
})

describe("what is known", () => {
  test("without a word of the store the control plane is compared, for the nodes of the file", () => {
    const controlPlanePeers = [...base.loadBalancer.controlPlanePeers, { ip: ip("10.0.2.254"), asn: 65002 }]
    const result = change(lb({ controlPlanePeers }), { view: undefined })
    expect(shorts(result)).toEqual([
      "session added at cp1 session 10.0.2.254-cp1",
      "session added at cp2 session 10.0.2.254-cp2"
    ])
  })

  test("the first config adds everything and takes nothing", () => {
    const first = changeOf({ before: undefined, after: base, view: { ...emptyView }, nowMs: 0 })
    expect(new Set(first.lines.map(({ verdict }) => verdict))).toEqual(new Set(["session added", "address added"]))
    expect(first.guards).toEqual([])
    expect(first.lines.filter(({ verdict }) => verdict === "session added").length).toBe(2 + 4)
  })

  test("what is under way anyhow is no part of the change", () => {
    // A floating IP that nobody holds yet, a service without its address yet, one node that has died.
    const underWay = {
      ...settled,
      claims: settled.claims.slice(1),
      bindings: [binding("10.1.1.1", "web")],
      members: MEMBERS.filter(({ name }) => name !== "lb1")
    }
    expect(change(base, { view: underWay }).lines).toEqual([])
  })

  test("sessions are called as the nodes call them, which may go back to what was there before", () => {
    const session = {
      name: "10.0.1.254-cp1-10.0.1.10",
      purpose: "control-plane" as const,
      localAsn: 65001,
      peerAsn: 65002,
      localAddress: "10.0.1.10",
      peerAddress: "10.0.1.254",
      peerPort: 179,
      state: "Established" as const,
      since: "",
      flaps: 0,
      advertised: 1,
      received: 0
    }
    const summary = {
      node: "cp1",
      ready: true,
      summary: "",
      sessions: { established: 1, expected: 1 },
      held: [],
      bgp: { sessions: [session], routes: [], more: 0 }
    }
    const result = change(lb({ controlPlanePeers: [{ ip: ip("10.0.1.254"), asn: 65002, holdTime: 30 }] }), {
      view: { ...settled, summaries: [summary] }
    })
    expect(shorts(result)).toContain("session reset at cp1 session 10.0.1.254-cp1-10.0.1.10")
    expect(shorts(result)).toContain("session reset at cp2 session 10.0.1.254-cp2")
    // What it said before it was taken out counts no more when it comes back.
    const without = { ...base, controlPlaneNodes: base.controlPlaneNodes.slice(1) }
    const back = change(base, { before: without, view: { ...settled, claims: [], summaries: [summary] } })
    expect(shorts(back)).toContain("session added at cp1 session 10.0.1.254-cp1")
  })

  test("this node's own word on its addresses and names counts", () => {
    const self = {
      name: "host-a",
      addresses: [{ address: ip("10.0.1.10"), prefixLength: 24, interface: "bond0" }]
    }
    const controlPlanePeers = [...base.loadBalancer.controlPlanePeers, { ip: ip("10.0.2.254"), asn: 65002 }]
    const result = change(lb({ controlPlanePeers }), { view: undefined, self })
    expect(shorts(result)).toContain("session added at host-a session 10.0.2.254-host-a")
  })
})

test("thousands of services on ten nodes are worked out in time, and told in a few lines", () => {
  const nodes = Array.from({ length: 10 }, (_, i) => node(`n${i}`, `10.0.1.${i + 10}`))
  const vip = (i: number) => `10.${100 + Math.floor(i / 65536)}.${Math.floor(i / 256) % 256}.${i % 256}`
  const services = Array.from({ length: 10_000 }, (_, i) => service(`s${i}`))
  const big = cluster(
    { services, controlPlaneNodes: nodes.slice(0, 3), floatingIps: [100, 101, 102, 103].map((n) => ip(`10.0.1.${n}`)) },
    { nodes, pools: [pool("10.100.0.0", "10.101.255.255")] }
  )
  const seen = {
    ...emptyView,
    members: nodes.map(({ name, address }) => member(name, [`${address}/24`])),
    bindings: services.map(({ name }, i) => binding(vip(i), name))
  }
  const started = process.cpuUsage()
  const result = changeOf({
    before: big,
    after: {
      ...big,
      services: [...services.slice(0, 9_990), ...Array.from({ length: 120 }, (_, i) => service(`t${i}`))]
    },
    view: seen,
    nowMs: 0
  })
  const { user, system } = process.cpuUsage(started)
  const tookMs = (user + system) / 1_000
  if (process.env.VIADUCT_TIMES !== undefined) console.log(`10,000 VIPs on 10 nodes: ${Math.round(tookMs)} ms of CPU`)
  expect(lineOf(result, "new announcement").detail).toMatch(/^announces 1\d\d prefixes, such as 10/)
  expect(lineOf(result, "withdraw").detail).toMatch(/^withdraws 10 prefixes, such as /)
  expect(result.lines.length).toBeLessThan(60)
  expect(tookMs).toBeLessThan(4_000)
}, 60_000)
