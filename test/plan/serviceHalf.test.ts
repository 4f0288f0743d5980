// The service half of the plan by example: floating IPs, sessions, next hops, refusals (S4, S8-S15).
import { describe, expect, test } from "bun:test"
import { hash32 } from "../../src/net/hash.ts"
import { addressFromBytes } from "../../src/net/ip.ts"
import type { DesiredCluster } from "../../src/plan/desired.ts"
import { lbNodes } from "../../src/plan/lbNodes.ts"
import { planNode } from "../../src/plan/planNode.ts"
import { sourcePort } from "../../src/plan/sourcePort.ts"
import type { NodePlan, PlannedSession } from "../../src/plan/types.ts"
import type { ClusterView } from "../../src/plan/view.ts"
import {
  binding,
  claim,
  cluster,
  ip,
  LB_NODES,
  MEMBERS,
  member,
  node,
  peer,
  planOf,
  plansOf,
  service,
  settle,
  standing,
  view
} from "./world.ts"

const serviceSessions = (plan: NodePlan | undefined): ReadonlyArray<PlannedSession> =>
  (plan?.sessions ?? []).filter(({ purpose }) => purpose === "service")

/** "10.0.1.100 > 10.0.1.254" of all nodes. */
const pairs = (plans: ReadonlyMap<string, NodePlan>) =>
  [...plans.values()]
    .flatMap(serviceSessions)
    .map(({ parameters: p }) => `${p.localAddress} > ${p.peerAddress}`)
    .toSorted()

const one = (plans: ReadonlyMap<string, NodePlan>): PlannedSession => {
  const [session] = [...plans.values()].flatMap(serviceSessions)
  if (session === undefined) throw new Error("no service session")
  return session
}

describe("floating IPs (S8)", () => {
  test("each falls to a node of its subnet, LB node or not, and that one alone claims it", () => {
    const plans = plansOf(cluster(), view())
    const claims = [...plans].flatMap(([name, plan]) =>
      plan.claims.map((c) => `${c.address}/${c.prefixLength} ${name} ${c.interface}`)
    )
    expect(claims.map((text) => text.split(" ")[0] ?? "").toSorted()).toEqual([
      "10.0.1.100/32",
      "10.0.1.101/32",
      "10.0.2.100/32",
      "10.0.2.101/32"
    ])
    for (const [name, plan] of plans)
      for (const c of plan.claims) {
        expect(c.address.slice(0, 6)).toBe(MEMBERS.find((m) => m.name === name)?.address.slice(0, 6) ?? "")
        expect(c.interface).toBe("eth0")
      }
    const [first, ...others] = [...plans.values()].map((plan) => plan.assignments)
    for (const other of others) expect(other).toEqual(first ?? [])
  })

  test("one that no node can hold is refused with the nodes and why", () => {
    const rack1 = view({ members: MEMBERS.filter(({ name }) => ["cp1", "lb1"].includes(name)) })
    const { refusals } = planOf(cluster(), "lb1", standing(rack1))
    expect(refusals.find(({ subject }) => subject === "floating IP 10.0.2.100")?.reason).toBe(
      "no node can hold it (cp1, lb1: has no interface in its subnet; " +
        "cp2, lb2, lb3, lb4: is not there: its daemon is down or has no store)"
    )
  })

  test("a node that is drained or leaving gets none", () => {
    const leaving = MEMBERS.map((m) => (m.name === "lb1" ? { ...m, leaving: true } : m))
    const plan = planOf(cluster(), "cp1", standing(view({ members: leaving, drained: ["lb2"] })))
    const rack1 = plan.assignments.filter(({ address }) => address.startsWith("10.0.1."))
    expect(rack1.map((x) => x.node)).toEqual(["cp1", "cp1"])
  })
})

describe("service sessions (S9, S10)", () => {
  test("exist only where the floating IP is held (I2)", () => {
    const { seen, held } = settle(cluster(), view())
    expect(serviceSessions(planOf(cluster(), "lb1", standing(seen)))).toEqual([])
    const plans = [...held].map(([name, addresses]) => planOf(cluster(), name, standing(seen, { held: addresses })))
    for (const plan of plans)
      for (const { parameters } of serviceSessions(plan)) expect(held.get(plan.node)).toContain(parameters.localAddress)
    expect(plans.flatMap(serviceSessions).length).toBe(4)
  })

  test("are as many as each peer wants, from different subnets first", () => {
    const found = pairs(plansOf(cluster(), view()))
    for (const router of ["10.0.1.254", "10.0.2.254"]) {
      const starts = found.filter((pair) => pair.endsWith(router)).map((pair) => pair.slice(0, 6))
      expect(starts).toEqual(["10.0.1", "10.0.2"])
    }
    const all = cluster({ servicePeers: [peer("edge1", "10.0.1.254", { sessions: 4 })] })
    expect(pairs(plansOf(all, view())).length).toBe(4)
  })

  test("of peers that want one each do not all start in one subnet", () => {
    const peers = Array.from({ length: 20 }, (_, i) => peer(`p${i}`, `10.9.0.${i + 1}`, { sessions: 1 }))
    const starts = pairs(plansOf(cluster({ servicePeers: peers }), view())).map((pair) => pair.slice(0, 10))
    expect(starts.length).toBe(20)
    const counts = cluster().floatingIps.map((address) => starts.filter((start) => start === address).length)
    expect(Math.min(...counts)).toBeGreaterThan(0)
    expect((counts[0] ?? 0) + (counts[1] ?? 0)).toBeWithin(5, 16)
  })

  test("wanted beyond the floating IPs are missed with what to do", () => {
    const greedy = cluster({ servicePeers: [peer("edge1", "10.0.1.254", { sessions: 7 })] })
    expect(planOf(greedy, "cp1", standing(view())).refusals).toContainEqual({
      subject: "BGPPeer edge1",
      reason:
        "wants 7 sessions and has only 4 IPv4 floating IPs to start them from: add 3 to the NetworkGatewayGroup, or lower sessions"
    })
    const other = cluster({ servicePeers: [peer("edge6", "2001:db8::fe")] })
    expect(planOf(other, "cp1", standing(view())).refusals[0]?.reason).toMatch(
      /^wants 2 sessions and has no IPv6 floating IP/
    )
  })

  test("stay as they are when a floating IP changes hands, and when another is added or cannot be held", () => {
    const { seen } = settle(cluster(), view())
    const before = pairs(plansOf(cluster(), seen))
    const moved = { ...seen, claims: seen.claims.map((c) => (c.address === "10.0.1.100" ? { ...c, node: "cp1" } : c)) }
    expect(pairs(plansOf(cluster(), moved))).toEqual(before)
    const more = cluster({ floatingIps: [...cluster().floatingIps, ip("10.0.1.102")] })
    const kept = pairs(plansOf(more, view())).filter((pair) => before.includes(pair))
    expect(kept.length).toBeGreaterThanOrEqual(before.length - 2)
    const rack1 = view({ members: MEMBERS.filter(({ address }) => address.startsWith("10.0.1.")) })
    const without = pairs(plansOf(cluster(), rack1))
    expect(without.length).toBe(4)
    for (const pair of before.filter((p) => p.startsWith("10.0.1."))) expect(without).toContain(pair)
  })

  test("have the identity of their floating IP, wherever they run", () => {
    const { seen } = settle(cluster(), view())
    const at = (name: string) =>
      serviceSessions(planOf(cluster(), name, standing(seen, { held: [ip("10.0.1.100")] }))).map(
        ({ key, parameters }) => ({ key, parameters })
      )
    expect(at("lb1")).toEqual(at("lb2"))
    const session = one(plansOf(cluster(), view()))
    const { parameters: p } = session
    expect(session.key).toBe(`service/${p.localAddress}/${p.peerAddress}:179`)
    expect(p.routerId).toBe(p.localAddress)
    expect(p.sourcePort).toBeGreaterThanOrEqual(61_000)
    expect(p.sourcePort).toBeLessThanOrEqual(65_535)
    expect([p.localAsn, p.peerAsn, p.addPaths, p.families]).toEqual([65001, 65002, true, ["ipv4"]])
    expect(p.gracefulRestart).toEqual({ restartTime: 120, notification: true })
  })

  test("options of the peer reach them; 0 turns graceful restart off", () => {
    const options = {
      addPaths: false,
      gracefulRestartTime: 0,
      med: 7,
      communities: ["65001:1"],
      holdTime: 9,
      port: 1790,
      localAsn: 64999
    }
    const session = one(plansOf(cluster({ servicePeers: [peer("edge1", "10.0.1.254", options)] }), view()))
    expect(session.parameters).toMatchObject({ localAsn: 64999, peerPort: 1790, holdTime: 9, keepaliveTime: 3 })
    expect(session.parameters.gracefulRestart).toBeUndefined()
    expect(session.parameters.addPaths).toBeUndefined()
    expect(session.routes.map(({ med, communities }) => [med, communities])).toEqual([
      [7, ["65001:1"]],
      [7, ["65001:1"]]
    ])
  })

  test("no source port is one that we listen on", () => {
    const free = sourcePort(ip("10.0.1.100"), "10.9.0.1:179", new Set([179]))
    expect(sourcePort(ip("10.0.1.100"), "10.9.0.1:179", new Set([free]))).not.toBe(free)
    const all = new Set(Array.from({ length: 4536 }, (_, i) => 61_000 + i))
    expect(sourcePort(ip("10.0.1.100"), "10.9.0.1:179", all)).toBe(free)
    all.delete(61_234)
    expect(sourcePort(ip("10.0.1.100"), "10.9.0.1:179", all)).toBe(61_234)
    const mine = one(plansOf(cluster(), view())).parameters
    const port = mine.sourcePort ?? 0
    const more = cluster({
      servicePeers: [...cluster().servicePeers, peer("other", "10.9.0.1", { port, sessions: 0 })]
    })
    expect(one(plansOf(more, view())).parameters).toMatchObject({ ...mine, sourcePort: expect.any(Number) })
    expect(one(plansOf(more, view())).parameters.sourcePort).not.toBe(port)
  })

  test("without BGPPeers or a BGPLoadBalancer the control-plane peers serve (S10)", () => {
    const { peerSelector: _selector, ...unselected } = cluster()
    for (const desired of [unselected, cluster({ servicePeers: [] })]) {
      const plans = plansOf(desired, view())
      expect(new Set(pairs(plans).map((pair) => pair.split(" > ")[1]))).toEqual(new Set(["10.0.1.254"]))
      expect(pairs(plans).length).toBe(2)
      expect(one(plans).parameters).toMatchObject({ localAsn: 65001, peerAsn: 65002 })
      expect(one(plans).reason).toMatch(
        /^bgpPeers entry 10.0.1.254 wants 2 sessions; number [12] starts from floating IP/
      )
    }
  })

  test("a selector picks by labels, and one that picks nothing says so", () => {
    const labelled = cluster({
      servicePeers: [peer("a", "10.0.1.254"), peer("b", "10.0.2.254", { labels: { edge: "false" } })]
    })
    expect(new Set(pairs(plansOf(labelled, view())).map((pair) => pair.split(" > ")[1]))).toEqual(
      new Set(["10.0.1.254"])
    )
    const none = planOf(cluster({ peerSelector: { edge: "maybe" } }), "cp1", standing(view()))
    expect(none.refusals).toContainEqual({
      subject: "service sessions",
      reason: "no BGPPeer has the labels edge=maybe"
    })
    expect(none.services[0]?.reason).toBe("there is no peer to announce services to")
  })
})

describe("next hops (S11, S12, S15, L4)", () => {
  const webPaths = (session: PlannedSession) => session.routes.filter(({ name }) => name === "default-web")
  const nextHops = (session: PlannedSession) => webPaths(session).map(({ nextHop }) => nextHop as string)

  test("are the LB nodes, each with a path identifier of its own, one of them the single one", () => {
    for (const plan of plansOf(cluster(), view()).values())
      for (const session of serviceSessions(plan)) {
        expect(nextHops(session)).toEqual(["10.0.1.11", "10.0.1.12", "10.0.2.11", "10.0.2.12"])
        expect(webPaths(session).map(({ pathId }) => pathId)).toEqual([0x0a00010b, 0x0a00010c, 0x0a00020b, 0x0a00020c])
        expect(webPaths(session).filter(({ single }) => single === true).length).toBe(1)
        expect(webPaths(session)[0]?.reason).toBe("VIP of service default/web; LB node lb1 takes its traffic")
      }
  })

  test("leave out who is down, drained or leaving, with the reason (I3, I9)", () => {
    const members = MEMBERS.filter(({ name }) => name !== "lb1").map((m) =>
      m.name === "lb3" ? { ...m, leaving: true } : m
    )
    const seen = view({ members, drained: ["lb2"] })
    expect(nextHops(one(plansOf(cluster(), seen)))).toEqual(["10.0.2.12"])
    const [web] = planOf(cluster(), "cp1", standing(seen)).services
    expect(web?.nextHops as unknown).toEqual([{ address: "10.1.1.1", node: "lb4", nextHop: "10.0.2.12" }])
    expect(web?.left.map(({ node, reason }) => `${node} ${reason}`)).toEqual([
      "lb1 is not there: its daemon is down or has no store",
      "lb2 is drained",
      "lb3 is on its way out"
    ])
    expect(web?.reason).toBeUndefined()
  })

  test("of an IPv6 address are the nodes with one, over IPv4 sessions", () => {
    const members = MEMBERS.map((m) => (m.name === "lb1" ? member("lb1", ["10.0.1.11/24", "2001:db8:1::11/64"]) : m))
    const seen = view({ members, bindings: [binding("2001:db8:f::1", "web"), binding("10.1.1.1", "web")] })
    const dual = cluster({ serviceFamilies: ["ipv4", "ipv6"] })
    const session = one(plansOf(dual, seen))
    expect(session.parameters.families).toEqual(["ipv4", "ipv6"])
    expect(webPaths(session).map((r) => `${r.prefix} ${r.nextHop} ${r.pathId}`)).toEqual([
      `2001:db8:f::1/128 2001:db8:1::11 ${0x0a00010b}`,
      `10.1.1.1/32 10.0.1.11 ${0x0a00010b}`,
      `10.1.1.1/32 10.0.1.12 ${0x0a00010c}`,
      `10.1.1.1/32 10.0.2.11 ${0x0a00020b}`,
      `10.1.1.1/32 10.0.2.12 ${0x0a00020c}`
    ])
    const left = planOf(dual, "cp1", standing(seen)).services[0]?.left ?? []
    expect(left[0] as unknown).toEqual({
      address: "2001:db8:f::1",
      node: "lb2",
      reason: "has no ipv6 address to be a next hop"
    })
  })

  test("over an IPv6 session a node without IPv4 is one by its IPv6 address (RFC 8950)", () => {
    const nodes = [{ name: "lb1", address: ip("2001:db8:1::11") }, ...LB_NODES.slice(1)]
    const members = [member("lb1", ["2001:db8:1::11/64"]), ...MEMBERS.filter(({ name }) => name !== "lb1")]
    const desired = cluster(
      { floatingIps: [ip("2001:db8:1::100")], servicePeers: [peer("six", "2001:db8:1::fe", { sessions: 1 })] },
      { nodes }
    )
    const session = one(plansOf(desired, view({ members })))
    expect(nextHops(session)).toEqual(["2001:db8:1::11", "10.0.1.12", "10.0.2.11", "10.0.2.12"])
    expect(session.parameters.routerId).toMatch(/^\d+\.\d+\.\d+\.\d+$/)
    const ids = webPaths(session).map(({ pathId }) => pathId)
    expect(new Set(ids).size).toBe(4)
  })

  test("path identifiers of nodes that would have the same are told apart", () => {
    // 2001:db8::3f5 has this hash; the node whose IPv4 address is that number keeps it.
    const clash = ip(addressFromBytes(new Uint8Array(new Uint32Array([hash32("2001:db8::3f5")]).buffer).reverse()))
    const nodes = [node("six", "2001:db8::3f5"), node("four", clash)]
    const ids = lbNodes(cluster({}, { nodes }), view()).map(({ name, pathId }) => [name, pathId])
    expect(ids).toEqual([
      ["six", (hash32("2001:db8::3f5") + 1) >>> 0],
      ["four", hash32("2001:db8::3f5")]
    ])
  })

  test("with externalTrafficPolicy Local are the nodes with an endpoint, by whatever name", () => {
    const services = [service("web", { externalTrafficPolicy: "Local" }), service("db")]
    for (const name of ["lb2", "10.0.1.12"]) {
      const desired = cluster({ services, endpoints: [{ service: "default/web", nodes: [name, "w7"] }] })
      expect(nextHops(one(plansOf(desired, view())))).toEqual(["10.0.1.12"])
    }
    const [web] = planOf(cluster({ services }), "cp1", standing(view())).services
    expect(web?.reason).toBe("no LB node takes traffic for 10.1.1.1")
    expect(web?.left[0]?.reason).toBe("has no endpoint of the service (externalTrafficPolicy Local)")
  })

  test("of a service of policy Cluster are all, beside one of policy Local", () => {
    for (const names of [
      ["web", "db"],
      ["db", "web"]
    ]) {
      const local = { externalTrafficPolicy: "Local" } as const
      const services = names.map((name) => service(name, name === "web" ? local : {}))
      const endpoints = [{ service: "default/web", nodes: ["lb2"] }]
      const bindings = names.map((name, i) => binding(`10.1.1.${i + 1}`, name))
      const plan = planOf(cluster({ services, endpoints }), "cp1", standing(view({ bindings })))
      const hops = Object.fromEntries(plan.services.map((s) => [s.name, s.nextHops.map((hop) => hop.node)]))
      expect(hops).toEqual({ web: ["lb2"], db: ["lb1", "lb2", "lb3", "lb4"] })
    }
  })

  test("of a shared address suit all its services where any do; it is announced once, by the oldest name", () => {
    const services = [
      service("web", { externalTrafficPolicy: "Local" }),
      service("db", { externalTrafficPolicy: "Local" })
    ]
    const seen = view({ bindings: [binding("10.1.1.1", "db", "web")] })
    const routes = (endpoints: Record<string, ReadonlyArray<string>>) => {
      const list = Object.entries(endpoints).map(([name, nodes]) => ({ service: `default/${name}`, nodes }))
      return one(plansOf(cluster({ services, endpoints: list }), seen)).routes
    }
    const both = routes({ web: ["lb1", "lb2"], db: ["lb2", "lb3"] })
    expect(both.map((r) => `${r.name} ${r.nextHop}`)).toEqual(["default-db 10.0.1.12"])
    expect(both[0]?.reason).toBe("VIP of service default/db, shared with default/web; LB node lb2 takes its traffic")
    expect(routes({ web: ["lb1"], db: ["lb3"] }).map(({ nextHop }) => nextHop as string)).toEqual([
      "10.0.1.11",
      "10.0.2.11"
    ])
  })

  test("the node that is one has the address on its VIP interface, other nodes have not", () => {
    const plans = plansOf(cluster(), view())
    const has = (name: string) => plans.get(name)?.addresses.map((a) => `${a.address}/${a.prefixLength} ${a.interface}`)
    expect(has("lb1")).toEqual(["10.1.1.1/32 lo", "10.1.1.2/32 lo"])
    expect(has("cp1")).toEqual(["10.0.0.8/32 lo"])
    const none = planOf(cluster({}, { vipInterface: "none" }), "lb1", standing(view()))
    expect(none.addresses).toEqual([])
    expect(none.refusals).toContainEqual({
      subject: "addresses of services",
      reason: "vipInterface is none: announced only, somebody else takes their traffic on the node"
    })
  })

  test("a node that gives its traffic away keeps the address for what is under way (I8); one without an endpoint does not", () => {
    const on = (desired: DesiredCluster, seen: ClusterView) =>
      planOf(desired, "lb1", standing(seen)).addresses.map(({ address, reason }) => `${address}: ${reason}`)
    const leaving = view({ members: MEMBERS.map((m) => (m.name === "lb1" ? { ...m, leaving: true } : m)) })
    for (const seen of [leaving, view({ drained: ["lb1"] })]) {
      expect(on(cluster(), seen)[0]).toBe(
        "10.1.1.1: VIP of service default/web: this node is no next hop any more and accepts what is under way"
      )
      expect(nextHops(one(plansOf(cluster(), seen)))).toEqual(["10.0.1.12", "10.0.2.11", "10.0.2.12"])
    }
    const local = cluster({ services: [service("web", { externalTrafficPolicy: "Local" })] })
    expect(on(local, view())).toEqual([])
  })

  test("addPaths: false leaves one path, different ones on the sessions of a peer", () => {
    const desired = cluster({ servicePeers: [peer("edge1", "10.0.1.254", { addPaths: false })] })
    const sessions = [...plansOf(desired, view()).values()].flatMap(serviceSessions)
    expect(sessions.map((session) => nextHops(session).length)).toEqual([1, 1])
    expect(new Set(sessions.flatMap(nextHops)).size).toBe(2)
  })
})

describe("what is not served says why (S4, I7, I9)", () => {
  test("no word from the store: the control plane goes on", () => {
    const alone = { name: "cp1", addresses: MEMBERS[0]?.addresses ?? [] }
    const plan = planNode(cluster(), alone, { name: "cp1", address: ip("10.0.1.10") })
    expect(plan.sessions.map(({ name }) => name)).toEqual(["10.0.1.254-cp1"])
    expect(plan.services.map(({ reason }) => reason)).toEqual(
      Array(2).fill("there is no word from the cluster's store yet")
    )
    expect(plan.claims).toEqual([])
  })

  test("admin clusters have no services", () => {
    const plan = planOf(cluster({ type: "admin" }), "cp1", standing(view(), { held: [ip("10.0.1.100")] }))
    expect([serviceSessions(plan), plan.claims]).toEqual([[], []])
    expect(plan.services[0]?.reason).toBe("an admin cluster has control-plane load balancing only")
  })

  test("no floating IPs, no address, a binding of nobody", () => {
    const plan = planOf(cluster({ floatingIps: [] }), "lb1", standing(view()))
    expect(plan.services[0]?.reason).toMatch(/^there are no floating IPs/)
    expect(plan.addresses).toEqual([])
    const gone = view({ bindings: [binding("10.1.1.9", "gone")] })
    expect(planOf(cluster(), "cp1", standing(gone)).services.map(({ reason }) => reason)).toEqual(
      Array(2).fill("no address is bound to it")
    )
    expect(one(plansOf(cluster(), gone)).routes).toEqual([])
  })
})

describe("names (S22)", () => {
  const names = (held: ReadonlyArray<string>, running: Record<string, string> = {}) => {
    const claims = [
      claim("10.0.1.100", "lb1", 5),
      claim("10.0.1.101", "lb1", 3),
      claim("10.0.2.100", "lb3"),
      claim("10.0.2.101", "lb3")
    ]
    const desired = cluster({ servicePeers: [peer("edge1", "10.0.1.254", { sessions: 4 })] })
    const seen = standing(view({ claims }), { held: held.map(ip), sessionNames: new Map(Object.entries(running)) })
    const plan = planOf(desired, "lb1", seen)
    return Object.fromEntries(plan.sessions.map(({ name, parameters }) => [parameters.localAddress, name]))
  }

  test("the older claim has the short name, the younger one its address behind", () => {
    expect(names(["10.0.1.100", "10.0.1.101"])).toEqual({
      "10.0.1.100": "10.0.1.254-lb1-10.0.1.100",
      "10.0.1.101": "10.0.1.254-lb1"
    })
  })

  test("a session keeps its name when others come and go", () => {
    const running = { "service/10.0.1.100/10.0.1.254:179": "10.0.1.254-lb1-10.0.1.100" }
    expect(names(["10.0.1.100"], running)).toEqual({ "10.0.1.100": "10.0.1.254-lb1-10.0.1.100" })
    const short = { "service/10.0.1.100/10.0.1.254:179": "10.0.1.254-lb1" }
    expect(names(["10.0.1.100", "10.0.1.101"], short)).toEqual({
      "10.0.1.100": "10.0.1.254-lb1",
      "10.0.1.101": "10.0.1.254-lb1-10.0.1.101"
    })
  })

  test("a name that two sessions claim to have is the first one's", () => {
    const running = {
      "service/10.0.1.100/10.0.1.254:179": "10.0.1.254-lb1",
      "service/10.0.1.101/10.0.1.254:179": "10.0.1.254-lb1"
    }
    const given = names(["10.0.1.100", "10.0.1.101"], running)
    expect(new Set(Object.values(given)).size).toBe(2)
    expect(Object.values(given)).toContain("10.0.1.254-lb1")
  })

  test("the control plane comes first", () => {
    const plan = planOf(cluster(), "cp1", standing(view(), { held: [ip("10.0.1.100"), ip("10.0.1.101")] }))
    const first = plan.sessions.filter(({ parameters }) => parameters.peerAddress === "10.0.1.254")
    expect(first.map(({ name, purpose }) => `${purpose} ${name}`)).toEqual([
      "control-plane 10.0.1.254-cp1",
      `service 10.0.1.254-cp1-${first[1]?.parameters.localAddress}`
    ])
  })
})

describe("layer 2 mode (S18)", () => {
  const layer2 = (more = {}) => cluster(more, { type: "layer2" })

  test("one control-plane node holds the VIP, one LB node each address; no BGP", () => {
    const members = MEMBERS.map((m) => ({
      ...m,
      addresses: [
        ...m.addresses,
        { address: ip(`10.0.0.${m.address.split(".")[3]}`), prefixLength: 24, interface: "eth1" }
      ]
    }))
    const vips = [binding("10.0.1.201", "web"), binding("10.0.2.201", "db")]
    const plans = plansOf(layer2(), view({ members, bindings: vips }))
    const claims = [...plans].flatMap(([name, plan]) =>
      plan.claims.map((c) => `${c.purpose} ${c.address} ${c.interface} ${name}`)
    )
    expect(claims.map((text) => text.replace(/[12]$/, "")).toSorted()).toEqual([
      "control-plane-vip 10.0.0.8 eth1 cp",
      expect.stringMatching(/^service-vip 10.0.1.201 eth0 lb/),
      expect.stringMatching(/^service-vip 10.0.2.201 eth0 lb/)
    ])
    for (const plan of plans.values()) {
      expect([plan.sessions, plan.addresses]).toEqual([[], []])
      expect(plan.refusals.some(({ subject }) => subject.startsWith("floating IPs"))).toBe(true)
    }
    const [web] = plans.get("cp1")?.services ?? []
    expect(web?.nextHops.map(({ address }) => address as string)).toEqual(["10.0.1.201"])
    expect(
      web?.left
        .map(({ reason }) => reason)
        .toSorted()
        .slice(0, 3)
    ).toEqual([
      expect.stringMatching(/^could take it over: it is with lb[12]$/),
      "has no interface in its subnet",
      "has no interface in its subnet"
    ])
  })

  test("externalTrafficPolicy Local: only a node with an endpoint", () => {
    const services = [service("web", { externalTrafficPolicy: "Local" })]
    const seen = view({ bindings: [binding("10.0.1.201", "web")] })
    const holder = (nodes: ReadonlyArray<string>) =>
      planOf(
        layer2({ services, endpoints: [{ service: "default/web", nodes }] }),
        "cp1",
        standing(seen)
      ).assignments.find(({ purpose }) => purpose === "service-vip")
    expect([holder(["lb1"])?.node, holder(["lb2"])?.node, holder([])?.node]).toEqual(["lb1", "lb2", undefined])
    expect(holder([])?.reason).toMatch(/cp1.*: is no load-balancer node/)
    expect(holder([])?.reason).toMatch(/lb1, lb2, lb3, lb4: has no endpoint of the service/)
  })

  test("an admin cluster has its control-plane VIP only", () => {
    const seen = view({ members: [member("cp1", ["10.0.0.10/16"])] })
    const plan = planOf(layer2({ type: "admin" }), "cp1", standing(seen))
    expect(plan.claims.map(({ purpose }) => purpose)).toEqual(["control-plane-vip"])
    expect(plan.services[0]?.reason).toBe("an admin cluster has control-plane load balancing only")
  })
})
