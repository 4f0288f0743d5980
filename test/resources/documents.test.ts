// The documents of a config as resources: what became of each, from the node's status; and the kinds that are made of the whole cluster:
// sessions and routes of other nodes, nodes, events, revisions.
import { expect, describe as group, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { configObjects } from "../../src/config/documentsOf.ts"
import type { ConfigSnapshot } from "../../src/config/objects.ts"
import { bgpAdvertisedRoute } from "../../src/resources/bgpAdvertisedRoute.ts"
import { bgpReceivedRoute } from "../../src/resources/bgpReceivedRoute.ts"
import { bgpSession } from "../../src/resources/bgpSession.ts"
import { configRevision } from "../../src/resources/configRevision.ts"
import { bgpLoadBalancer } from "../../src/resources/documents/bgpLoadBalancer.ts"
import { bgpPeer } from "../../src/resources/documents/bgpPeer.ts"
import { cluster } from "../../src/resources/documents/cluster.ts"
import { namespace } from "../../src/resources/documents/namespace.ts"
import { networkGatewayGroup } from "../../src/resources/documents/networkGatewayGroup.ts"
import { clusterCidrConfig, daemonConfig, endpointSlice } from "../../src/resources/documents/plain.ts"
import { service } from "../../src/resources/documents/service.ts"
import { event } from "../../src/resources/event.ts"
import type { ApiObject, ResourceKind } from "../../src/resources/kind.ts"
import { allKinds, listResources } from "../../src/resources/kinds.ts"
import { node } from "../../src/resources/node.ts"
import type { NodeStatus, RemoteNodeStatus } from "../../src/resources/nodeStatus.ts"
import { alignColumns, tableLines, toTable } from "../../src/resources/table.ts"
import { valueAt } from "../../src/resources/valueAt.ts"
import { clusterStatus, down, NOW, nodeStatus, route, session } from "./fixtures.ts"

const AT = "2021-06-14T22:00:00Z"
const text = readFileSync(join(import.meta.dir, "../../config/examples/two-racks-services.yaml"), "utf8")
const objects = configObjects([{ path: "cluster.yaml", text }], new Map(), { generation: 1, created: AT, since: 1 })
const config: ConfigSnapshot = {
  revision: 3,
  hash: "9f2c",
  objects,
  history: [
    {
      revision: 3,
      hash: "9f2c",
      at: AT,
      by: "alice",
      node: "r1-a",
      origin: "api",
      message: "a third peer",
      summary: "2 sessions added",
      unconfirmed: { until: "2021-06-14T22:12:00Z", rollbackTo: 2 }
    },
    { revision: 2, hash: "77aa", at: AT, by: "file", node: "r1-a", origin: "file" }
  ]
}
const remote: RemoteNodeStatus = {
  node: "r1-b",
  reportedAt: "2021-06-14T22:09:33Z",
  sessions: [
    { ...session("10.8.0.10-r1-b", { peerAddress: "10.8.0.10" }), advertised: 1, received: 5 },
    { ...down("10.8.0.10-node-01", "told by somebody else"), advertised: 0, received: 0 }
  ],
  routes: [
    {
      name: "default-shop",
      prefix: "203.0.113.2/32",
      nextHops: ["10.0.1.10", "10.0.1.11"],
      sessions: ["10.8.0.10-r1-b"]
    }
  ],
  routesMore: 0
}
const status: NodeStatus = {
  ...clusterStatus,
  sessions: [
    session("10.8.0.10-node-01", {
      peerAddress: "10.8.0.10",
      advertised: [route("default-shop", "203.0.113.2/32", "10.0.1.10")],
      received: { routes: 9, more: true, sample: [{ prefix: "0.0.0.0/0", nextHop: "10.8.0.10" }] }
    }),
    down("10.8.0.11-node-01", "connection refused", { peerAddress: "10.8.0.11" })
  ],
  elsewhere: [remote],
  services: [
    {
      namespace: "default",
      name: "shop",
      addresses: ["203.0.113.2"],
      pools: ["public"],
      externalTrafficPolicy: "Cluster",
      nextHops: [{ address: "203.0.113.2", node: "r1-a", nextHop: "10.0.1.10" }],
      left: [{ address: "203.0.113.2", node: "r2-a", reason: "is drained" }]
    },
    {
      namespace: "gke-system",
      name: "istio-ingress",
      addresses: ["203.0.113.1"],
      pools: ["public"],
      externalTrafficPolicy: "Cluster",
      nextHops: [],
      left: []
    }
  ],
  floatingIps: [
    {
      address: "10.0.1.100",
      purpose: "floating-ip",
      of: "default",
      state: "held",
      since: AT,
      node: "r1-a",
      reason: "r1-a has it",
      judgements: []
    },
    {
      address: "10.0.2.100",
      purpose: "floating-ip",
      of: "default",
      state: "unassigned",
      since: AT,
      reason: "no node can hold it",
      judgements: []
    }
  ]
}

const named = <O extends ApiObject>(kind: ResourceKind<O>, name: string, of = status): O => {
  const found = listResources(kind, of, config).find(({ metadata }) => metadata.name === name)
  if (found === undefined) throw new Error(`${kind.kind} ${name} is not listed`)
  return found
}
const printed = (kind: ResourceKind, wide = false): string => {
  const table = toTable(kind, listResources(kind, status, config), NOW)
  return alignColumns(tableLines(table, { wide, headers: true }))
    .text.map((line) => line.trimEnd())
    .join("\n")
}

group("documents", () => {
  test("a NetworkGatewayGroup tells who holds each floating IP", () => {
    expect(valueAt(named(networkGatewayGroup, "default"), "status")).toMatchObject({
      floatingIPs: [
        { address: "10.0.1.100", node: "r1-a" },
        { address: "10.0.2.100", state: "unassigned" }
      ],
      held: "1/2",
      conditions: [{ type: "Ready", status: "False", reason: "SomeUnassigned" }]
    })
    expect(printed(networkGatewayGroup, true)).toMatch(/1\/2 +10\.0\.1\.100=r1-a,10\.0\.2\.100=<none>/)
  })

  test("a BGPPeer has the sessions of all nodes with it; this node's own word counts", () => {
    expect(valueAt(named(bgpPeer, "spine-a"), "status")).toMatchObject({
      sessions: [
        { name: "10.8.0.10-node-01", node: "node-01", state: "Established" },
        { name: "10.8.0.10-r1-b", node: "r1-b", state: "Established" }
      ],
      count: { established: 2, expected: 2 },
      conditions: [{ type: "Ready", status: "True" }]
    })
    expect(valueAt(named(bgpPeer, "spine-b"), "status.conditions.0")).toMatchObject({
      status: "False",
      message: "0 of 1 sessions are Established"
    })
    expect(printed(bgpPeer)).toMatch(
      /NAME +LOCAL ASN +PEER ASN +PEER IP +SESSIONS +AGE\nspine-a +65001 +65008 +10\.8\.0\.10 +2\/2 /
    )
    expect(printed(bgpLoadBalancer)).toMatch(/default +example\.com\/serves=services +spine-a,spine-b/)
  })

  test("a Cluster has its sessions, its nodes, its pools' use and the config", () => {
    expect(valueAt(named(cluster, "racks"), "status")).toMatchObject({
      sessions: { established: 2, expected: 3 },
      nodes: { ready: 1, alive: 2 },
      config: { mode: "file", hash: "9f2c" },
      conditions: [
        { type: "Ready", status: "False", message: expect.stringContaining("node-01 not ready: 1 of 2 sessions") },
        { type: "ConfigAccepted", status: "True" }
      ]
    })
    const refused = { ...status, config: { ...status.config, lastError: "line 3" } }
    expect(valueAt(named(cluster, "racks", refused), "status.conditions.1")).toMatchObject({
      status: "False",
      message: "line 3"
    })
  })

  test("a Service has its addresses and next hops; the one made up for ingressVIP is marked and is no document", () => {
    expect(valueAt(named(service, "shop"), "status")).toMatchObject({
      loadBalancer: { ingress: [{ ip: "203.0.113.2", ipMode: "VIP" }] },
      conditions: [
        { type: "AddressAssigned", status: "True" },
        { type: "Served", status: "True" }
      ],
      leftOut: [{ node: "r2-a", reason: "is drained" }]
    })
    const ingress = named(service, "istio-ingress")
    expect(ingress.metadata).toMatchObject({
      namespace: "gke-system",
      annotations: { "viaduct.dev/origin": "ingressVIP of the Cluster document" }
    })
    expect([ingress.metadata.generation, named(service, "shop").metadata.generation]).toEqual([undefined, 1])
    expect(valueAt(named(service, "mail"), "status")).toEqual({ loadBalancer: {} })
  })

  test("namespaces are those that are documents, and those that something is in", () => {
    const names = listResources(namespace, status, config).map(({ metadata }) => metadata.name)
    expect(names).toEqual(["billing", "cluster-racks", "default", "gke-system", "kube-system"])
    expect(named(namespace, "billing").metadata).toMatchObject({ labels: { "example.com/reach": "internal" } })
    expect(named(namespace, "billing").metadata.namespace).toBeUndefined()
  })

  test("the others show what they say", () => {
    expect(printed(endpointSlice)).toMatch(/mail-1 +mail +r1-a,r2-b /)
    expect(printed(daemonConfig)).toMatch(/default +https:\/\/10\.0\.1\.10:2379,.* +3 +hold /)
    expect(printed(clusterCidrConfig)).toMatch(/cluster-wide +192\.168\.0\.0\/16 +fd00:192::\/112/)
  })

  test("every object of every kind has a name of its own, and only kinds with namespaces have one", () => {
    for (const kind of allKinds) {
      const all = listResources(kind, status, config)
      const keys = all.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)
      expect(new Set(keys).size).toBe(keys.length)
      expect(all.filter(({ metadata }) => (metadata.namespace === undefined) === kind.namespaced)).toEqual([])
      expect(all.every((one) => one.kind === kind.kind && one.metadata.uid !== "")).toBe(true)
    }
  })
})

group("the whole cluster on every node", () => {
  test("sessions of the others are listed as they say, once, and this node's own win", () => {
    const sessions = listResources(bgpSession, status, config)
    expect(sessions.map(({ metadata, spec, status: { state } }) => [metadata.name, spec.nodeName, state])).toEqual([
      ["10.8.0.10-node-01", "node-01", "Established"],
      ["10.8.0.11-node-01", "node-01", "Connect"],
      ["10.8.0.10-r1-b", "r1-b", "Established"]
    ])
    expect(sessions[2]?.status).toMatchObject({
      advertisedRoutes: ["203.0.113.2/32"],
      receivedRoutes: 5,
      lastReportTime: "2021-06-14T22:09:33Z"
    })
  })

  test("routes name the sessions of all nodes", () => {
    expect(named(bgpAdvertisedRoute, "default-shop").status.nextHops).toEqual([
      { address: "10.0.1.10", sessions: ["10.8.0.10-node-01", "10.8.0.10-r1-b"] },
      { address: "10.0.1.11", sessions: ["10.8.0.10-r1-b"] }
    ])
  })

  test("what peers announce is counted, with a sample", () => {
    expect(printed(bgpReceivedRoute, true)).toMatch(/10\.8\.0\.10-node-01 +10\.8\.0\.10 +9\+ +0\.0\.0\.0\/0/)
  })

  test("nodes are those of the documents and those that are alive, with their roles", () => {
    const nodes = listResources(node, status, config).map(({ metadata, status: { phase } }) => [metadata.name, phase])
    expect(nodes).toEqual([
      ["node-01", "Ready"],
      ["node-02", "Drained"],
      ["r2-a", "NotReady"],
      ["r2-b", "NotReady"]
    ])
    // The file calls it r1-a, its daemon node-01: they have one address.
    expect(named(node, "node-01").metadata.labels).toHaveProperty(["node-role.kubernetes.io/control-plane"])
    const alone = { ...nodeStatus([session("10.0.1.254-n")]), node: "r1-a" }
    expect(named(node, "r1-a", alone).status).toMatchObject({
      phase: "Ready",
      sessions: { established: 1, expected: 1 }
    })
    expect(named(node, "r2-b", alone).status.phase).toBe("Unknown")
  })

  test("an event names its object by the identity that the object has", () => {
    const about = (apiVersion: string, kind: string, inNamespace: string, name: string) => ({
      ...{ uid: `${kind}-1`, type: "Warning", reason: "X", message: "x", count: 2, firstAt: AT, lastAt: AT },
      about: { apiVersion, kind, namespace: inNamespace, name }
    })
    const events = [
      about("networking.gke.io/v1", "BGPSession", "kube-system", "10.8.0.10-node-01"),
      about("networking.gke.io/v1", "BGPPeer", "cluster-racks", "spine-a"),
      about("v1", "Node", "", "node-01"),
      about("v1", "Service", "gke-system", "istio-ingress")
    ] as NodeStatus["events"]
    const listed = listResources(event, { ...status, events }, config)
    const uids = listed.map(({ involvedObject }) => involvedObject.uid)
    expect(uids).toEqual([
      named(bgpSession, "10.8.0.10-node-01").metadata.uid,
      named(bgpPeer, "spine-a").metadata.uid,
      "node-01",
      named(service, "istio-ingress").metadata.uid
    ])
    expect(listed.map(({ metadata }) => metadata.namespace)).toEqual([
      "kube-system",
      "cluster-racks",
      "default",
      "gke-system"
    ])
  })

  test("revisions: which is in force, which waits, why", () => {
    expect(printed(configRevision, true)).toMatch(
      /^3 +Unconfirmed +api +alice +r1-a .*2 sessions added +a third peer +9f2c$/m
    )
    expect(named(configRevision, "3").status).toMatchObject({ confirmUntil: "2021-06-14T22:12:00Z", rollbackTo: 2 })
    expect(named(configRevision, "2").status).toEqual({ state: "Past" })
  })
})
