// Who peers with whom and announces what, for the three topologies of the source document and for what lies beside them.
import { describe, expect, test } from "bun:test"
import { loadCluster } from "../../src/config/load.ts"
import { type Address, parseAddress } from "../../src/net/ip.ts"
import type { DesiredCluster } from "../../src/plan/desired.ts"
import { findSelf } from "../../src/plan/findSelf.ts"
import { planNode } from "../../src/plan/planNode.ts"
import { printPlan } from "../../src/plan/printPlan.ts"
import type { LocalAddress, NodePlan } from "../../src/plan/types.ts"

const address = (text: string): Address => {
  const parsed = parseAddress(text)
  if (parsed === undefined) throw new Error(`${text} is no address`)
  return parsed
}

const example = async (name: string, ...edits: ReadonlyArray<readonly [string, string]>): Promise<DesiredCluster> => {
  const file = await Bun.file(`${import.meta.dir}/../../config/examples/${name}.yaml`).text()
  const text = edits.reduce((t, [from, to]) => {
    expect(t).toContain(from)
    return t.replaceAll(from, to)
  }, file)
  const { cluster, problems } = loadCluster([{ path: name, text }])
  if (cluster === undefined) throw new Error(JSON.stringify(problems))
  return cluster
}

const local = (text: string, name = "eth0"): LocalAddress => ({
  address: address(text),
  prefixLength: 24,
  interface: name
})

const planOf = (cluster: DesiredCluster, node: string, more: ReadonlyArray<LocalAddress> = []): NodePlan => {
  const self = findSelf(cluster, { node, addresses: [] })
  if ("reason" in self) throw new Error(self.reason)
  return planNode(cluster, { name: self.node.name, addresses: [local(self.node.address), ...more] }, self.node)
}

const peering = (plan: NodePlan) =>
  plan.sessions.map(({ parameters: p }) => `${p.localAddress} AS ${p.localAsn} > ${p.peerAddress} AS ${p.peerAsn}`)
const announcing = (plan: NodePlan) =>
  plan.sessions.map(({ routes }) => routes.map((route) => `${route.prefix} via ${route.nextHop}`).join(", "))

const TOPOLOGIES: ReadonlyArray<readonly [file: string, peers: Readonly<Record<string, ReadonlyArray<string>>>]> = [
  [
    "all-nodes-same-peers",
    {
      "10.0.1.10": ["10.8.0.10", "10.8.0.11"],
      "10.0.1.11": ["10.8.0.10", "10.8.0.11"],
      "10.0.2.10": ["10.8.0.10", "10.8.0.11"]
    }
  ],
  ["per-rack-peers", { "10.0.1.10": ["10.0.1.254"], "10.0.1.11": ["10.0.1.254"], "10.0.2.10": ["10.0.2.254"] }],
  ["separate-data-plane", { "10.0.1.10": ["10.0.1.254"], "10.0.1.11": ["10.0.1.254"], "10.0.2.11": ["10.0.2.254"] }]
]

describe("S5, S6: the control-plane sessions of the source's topologies", () => {
  for (const [file, nodes] of TOPOLOGIES) {
    test(file, async () => {
      const cluster = await example(file)
      expect(cluster.controlPlaneNodes.map((node) => node.address as string)).toEqual(Object.keys(nodes))
      for (const [node, peers] of Object.entries(nodes)) {
        const plan = planOf(cluster, node)
        expect(peering(plan)).toEqual(peers.map((peer) => `${node} AS 65001 > ${peer} AS 65002`))
        expect(announcing(plan)).toEqual(peers.map(() => `10.0.0.8/32 via ${node}`))
        expect(plan.sessions.map((session) => session.name)).toEqual(peers.map((peer) => `${peer}-${node}`))
        expect(plan.addresses as ReadonlyArray<object>).toMatchObject([
          { address: "10.0.0.8", prefixLength: 32, interface: "lo" }
        ])
      }
    })
  }
})

test("a session has the defaults, the node's address as router ID, and a stable key", async () => {
  const [session] = planOf(await example("per-rack-peers"), "10.0.2.10").sessions
  expect(session?.key).toBe("control-plane/10.0.2.10/10.0.2.254:179")
  expect(session?.parameters as object).toEqual({
    localAddress: "10.0.2.10",
    peerAddress: "10.0.2.254",
    peerPort: 179,
    localAsn: 65001,
    peerAsn: 65002,
    routerId: "10.0.2.10",
    holdTime: 90,
    keepaliveTime: 30,
    connectRetryTime: 5,
    passive: false,
    // A dead node must not stay a next hop: no NOTIFICATION flag (RFC 8538).
    gracefulRestart: { restartTime: 30, notification: false },
    families: ["ipv4"]
  })
})

test("options of a peer reach its session and its routes (L1, L5)", async () => {
  const [first, second] = planOf(await example("ibgp-secured"), "cp2").sessions
  expect(first?.parameters).toMatchObject({
    peerAsn: 65001,
    holdTime: 9,
    keepaliveTime: 3,
    ttlSecurity: 1,
    passwordFile: "/etc/viaduct/secrets/router-a"
  })
  expect(first?.routes).toMatchObject([{ med: 50, communities: ["65001:100"] }])
  expect(second?.routes).toMatchObject([{ med: 100, largeCommunities: ["65001:1:2"] }])
  expect(first?.name).toBe("10.0.1.253-cp2")
})

test("I9: a peer of another rack is refused with the nodes that it has", async () => {
  const { refusals } = planOf(await example("per-rack-peers"), "10.0.2.10")
  expect(refusals).toContainEqual({
    subject: "session 10.0.1.254-10.0.2.10",
    reason: "controlPlaneNodes of this peer are 10.0.1.10, 10.0.1.11, not 10.0.2.10"
  })
})

test("I7: worker and LB nodes, manual clusters and those without a store get nothing, with the reason", async () => {
  const nothing = (plan: NodePlan, reason: RegExp) => {
    expect([plan.sessions, plan.addresses]).toEqual([[], []])
    expect(plan.refusals[0]?.reason).toMatch(reason)
  }
  const full = await example("full-cluster")
  nothing(planOf(full, "store-17-w1"), /^10\.20\.1\.21 is no control-plane node; those are store-17-cp1, /)
  nothing(planOf(full, "store-17-lb1"), /is no control-plane node/)
  nothing(planOf(await example("per-rack-peers", ["type: bgp", "type: layer2"]), "10.0.1.10"), /store/)
  nothing(planOf(await example("per-rack-peers", ["mode: bundled", "mode: manual"]), "10.0.1.10"), /manual/)
})

test("services wait for the store and say so; an admin cluster has none (S4)", async () => {
  const { refusals } = planOf(await example("separate-data-plane"), "10.0.1.10")
  expect(refusals.map((refusal) => refusal.subject).slice(1)).toEqual([
    "floating IPs 10.0.3.100, 10.0.3.101",
    "BGPPeers bgppeer1",
    "address pools pool1",
    "1 service"
  ])
  expect(refusals.at(-1)?.reason).toBe("there is no word from the cluster's store yet")
  const admin = planOf(await example("per-rack-peers", ["type: hybrid", "type: admin"]), "10.0.1.10")
  expect(admin.refusals.at(-1)?.reason).toBe("an admin cluster has control-plane load balancing only")
})

test("L2, L3: IPv6 sessions carry both VIPs; an IPv4 VIP of a node without IPv4 has an IPv6 next hop (RFC 8950)", async () => {
  const cluster = await example("ipv6-control-plane")
  const plan = planOf(cluster, "cp1")
  expect(peering(plan)).toEqual([
    "2001:db8:0:1::10 AS 65001 > 2001:db8:0:1::fe AS 65002",
    "2001:db8:0:1::10 AS 65001 > 2001:db8:0:2::fe AS 65002"
  ])
  expect(announcing(plan)[0]).toBe("10.0.0.8/32 via 2001:db8:0:1::10, 2001:db8:0:8::8/128 via 2001:db8:0:1::10")
  expect(plan.addresses.map((a) => `${a.address}/${a.prefixLength}`)).toEqual(["10.0.0.8/32", "2001:db8:0:8::8/128"])
  expect(plan.sessions[0]?.parameters.families).toEqual(["ipv4", "ipv6"])
  const withIpv4 = planOf(cluster, "cp1", [local("10.0.1.10")])
  expect(announcing(withIpv4)[0]).toBe("10.0.0.8/32 via 10.0.1.10, 2001:db8:0:8::8/128 via 2001:db8:0:1::10")
  expect(withIpv4.sessions[0]?.parameters.routerId as string).toBe("10.0.1.10")
})

test("a node without IPv4 has a router ID of its own that does not change", async () => {
  const cluster = await example("ipv6-control-plane")
  const ids = ["cp1", "cp2", "cp3", "cp1"].map((node) => planOf(cluster, node).sessions[0]?.parameters.routerId ?? "")
  expect(new Set(ids).size).toBe(3)
  expect(ids[3]).toBe(ids[0] as string)
  for (const id of ids) expect(id).toMatch(/^([1-9]|[1-9]\d|1[01]\d|12[0-6])\./)
})

describe("an IPv6 VIP over an IPv4 session needs the node's global IPv6 address", () => {
  const dual = () =>
    example("per-rack-peers", ["controlPlaneVIP: 10.0.0.8", "controlPlaneVIP: [10.0.0.8, 2001:db8::8]"])

  test("without one the route is refused, and its address stays off the node", async () => {
    const plan = planOf(await dual(), "10.0.1.10", [local("fe80::1"), local("::1", "lo"), local("2001:db8::8", "lo")])
    expect(announcing(plan)).toEqual(["10.0.0.8/32 via 10.0.1.10"])
    expect(plan.addresses.map((a) => a.address as string)).toEqual(["10.0.0.8"])
    expect(plan.refusals).toContainEqual({
      subject: "2001:db8::8/128 on 10.0.1.254-10.0.1.10",
      reason: "node 10.0.1.10 has no global ipv6 address to be the next hop of 2001:db8::8"
    })
  })

  test("with several, one of the interface that has the node's address, whatever their order", async () => {
    const several = [local("2001:db8:0:9::1", "eth1"), local("2001:db8:1::20"), local("2001:db8:1::10")]
    for (const addresses of [several, several.toReversed()]) {
      expect(announcing(planOf(await dual(), "10.0.1.10", addresses))).toEqual([
        "10.0.0.8/32 via 10.0.1.10, 2001:db8::8/128 via 2001:db8:1::10"
      ])
    }
  })
})

test("an IPv6 peer of a node without IPv6 is refused", async () => {
  const cluster = await example("all-nodes-same-peers", ["- ip: 10.8.0.11", "- ip: 2001:db8::fe"])
  const plan = planOf(cluster, "10.0.1.10")
  expect(peering(plan)).toEqual(["10.0.1.10 AS 65001 > 10.8.0.10 AS 65002"])
  expect(plan.refusals[0]?.reason).toBe("node 10.0.1.10 has no global ipv6 address to open a session from")
})

test("vipInterface none: announced, but put on no interface", async () => {
  const plan = planOf(await example("ibgp-secured", ["vipInterface: lo", "vipInterface: none"]), "cp1")
  expect(announcing(plan)).toEqual(["10.0.0.8/32 via 10.0.1.10", "10.0.0.8/32 via 10.0.1.10"])
  expect(plan.addresses).toEqual([])
  expect(plan.refusals[0]?.subject).toBe("address 10.0.0.8")
})

describe("findSelf", () => {
  test("by name, by address in any spelling, by local address", async () => {
    const cluster = await example("ipv6-control-plane")
    const name = (hints: Parameters<typeof findSelf>[1]) => {
      const found = findSelf(cluster, hints)
      return "node" in found ? found.node.name : found.reason
    }
    expect(name({ node: "cp2", addresses: [address("2001:db8:0:1::10")] })).toBe("cp2")
    expect(name({ node: "2001:db8::99", addresses: [] })).toMatch(/^the file names no node/)
    expect(name({ node: "2001:DB8:0:1:0:0:0:11", addresses: [] })).toBe("cp2")
    expect(name({ addresses: [address("127.0.0.1"), address("2001:db8:0:2::10")] })).toBe("cp3")
  })

  test("none and several: the reason lists the nodes (I9)", async () => {
    const cluster = await example("per-rack-peers")
    expect(findSelf(cluster, { addresses: [address("10.9.9.9")] })).toEqual({
      reason: "no address of this machine is a node of the file; it has 10.0.1.10, 10.0.1.11, 10.0.2.10"
    })
    expect(findSelf(cluster, { addresses: [address("10.0.1.10"), address("10.0.2.10")] })).toEqual({
      reason: "this machine has the addresses of several nodes: 10.0.1.10, 10.0.2.10; name one"
    })
  })
})

test("the printed plan has every session, route, address and refusal with its reason", async () => {
  const plan = planOf(await example("per-rack-peers"), "10.0.1.11")
  const text = printPlan(plan)
  for (const { name, reason, routes } of plan.sessions) {
    for (const part of [name, reason, ...routes.map((route) => route.reason)]) expect(text).toContain(part)
  }
  for (const { subject, reason } of plan.refusals) expect(text).toContain(`  ${subject}: ${reason}`)
  expect(text).toContain("  10.0.0.8/32 on lo\n    because ")
})
