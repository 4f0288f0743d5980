// Node statuses for tests: the four sessions of S22 as two nodes would show them, and the routes of S23.
import type { AdvertisedRoute, NodeStatus, SessionStatus } from "../../src/resources/nodeStatus.ts"

/** Two seconds after the last report in the fixtures. */
export const NOW = Date.parse("2021-06-14T22:09:38.500Z")

const messages = { open: 1, update: 2, notification: 0, keepalive: 40, routeRefresh: 0 }

export const route = (
  name: string,
  prefix: string,
  nextHop: string,
  more: Partial<AdvertisedRoute> = {}
): AdvertisedRoute => ({
  name,
  prefix,
  nextHop,
  ...more
})

export const session = (name: string, more: Partial<SessionStatus> = {}): SessionStatus => ({
  name,
  purpose: "service",
  localAsn: 65500,
  peerAsn: 65000,
  localAddress: "10.0.1.178",
  peerAddress: name.slice(0, name.indexOf("-")),
  peerPort: 179,
  state: "Established",
  since: "2021-06-14T22:00:00.000Z",
  lastReport: "2021-06-14T22:09:36.482Z",
  flaps: 0,
  advertised: [],
  received: { routes: 0, sample: [] },
  sent: messages,
  got: messages,
  ...more
})

/** A session that is not there, with its reason. */
export const down = (name: string, reason: string, more: Partial<SessionStatus> = {}): SessionStatus =>
  session(name, { state: "Connect", reason, ...more })

export const nodeStatus = (sessions: ReadonlyArray<SessionStatus>, more: Partial<NodeStatus> = {}): NodeStatus => ({
  node: "node-01",
  cluster: "cluster1",
  version: "0.1.0",
  startedAt: "2021-06-14T21:59:00.250Z",
  config: {
    source: "/etc/viaduct/cluster.yaml",
    loadedAt: "2021-06-14T21:59:00.300Z",
    hash: "9f2c",
    mode: "file",
    revision: 0
  },
  sessions,
  addresses: [],
  refusals: [],
  floatingIps: [],
  services: [],
  pools: [],
  events: [],
  elsewhere: [],
  members: [],
  process: { residentBytes: 50_000_000, cpuSeconds: 1.25 },
  ...more
})

/** S22's listing, all four rows. */
export const s22 = nodeStatus([
  session("10.0.1.254-node-01", { advertised: [route("default-web", "10.0.4.1/32", "10.0.1.10")] }),
  session("10.0.1.254-node-02", { localAddress: "10.0.3.212" }),
  session("10.0.3.254-node-01"),
  session("10.0.3.254-node-02", { localAddress: "10.0.3.212" })
])

/** S23's listing: two services, announced on two sessions. */
export const s23 = nodeStatus([
  session("10.0.1.254-node-01", {
    advertised: [
      route("default-gke-system-istio-ingress", "10.1.1.107/32", "10.0.1.11"),
      route("default-default-load-balancer-example", "10.1.1.34/32", "10.0.1.10", { pathId: 1 }),
      route("default-default-load-balancer-example", "10.1.1.34/32", "10.0.1.11", { pathId: 2 })
    ]
  }),
  session("10.0.3.254-node-01", {
    advertised: [route("default-default-load-balancer-example", "10.1.1.34/32", "10.0.1.11", { pathId: 2 })]
  })
])

/** The cluster's part: addresses that move, services, who is there. */
export const clusterStatus = nodeStatus([], {
  floatingIps: [
    {
      address: "10.0.3.100",
      purpose: "floating-ip",
      of: "default",
      state: "held",
      since: "2021-06-14T22:08:38Z",
      node: "node-01",
      interface: "eth0",
      generation: 7,
      reason: "node-01 has it and keeps it while it can",
      judgements: [
        { node: "node-01", ok: true, reason: "has eth0 in 10.0.3.0/24" },
        { node: "node-02", ok: false, reason: "has no interface in its subnet" }
      ]
    },
    {
      address: "10.0.3.101",
      purpose: "floating-ip",
      of: "default",
      state: "conflict",
      since: "2021-06-14T22:09:30Z",
      node: "node-01",
      interface: "eth0",
      generation: 8,
      reason: "02:00:00:00:00:09 answers for it",
      judgements: []
    },
    {
      address: "10.9.9.9",
      purpose: "floating-ip",
      of: "default",
      state: "unassigned",
      since: "2021-06-14T21:59:00Z",
      reason: "no node can hold it",
      judgements: []
    }
  ],
  services: [
    {
      namespace: "default",
      name: "web",
      addresses: ["10.1.1.1", "2001:db8::1"],
      pools: ["pool1"],
      externalTrafficPolicy: "Cluster",
      nextHops: [
        { address: "10.1.1.1", node: "node-01", nextHop: "10.0.1.10" },
        { address: "10.1.1.1", node: "node-02", nextHop: "10.0.1.11" },
        { address: "2001:db8::1", node: "node-01", nextHop: "2001:db8:1::10" }
      ],
      left: [{ address: "2001:db8::1", node: "node-02", reason: "has no ipv6 address to be a next hop" }]
    },
    {
      namespace: "default",
      name: "db",
      addresses: [],
      pools: [],
      externalTrafficPolicy: "Local",
      nextHops: [],
      left: [],
      reason: "pool pool1 has no free address"
    }
  ],
  members: [
    {
      name: "node-01",
      address: "10.0.1.10",
      version: "0.1.0",
      configHash: "9f2c",
      startedAt: "2021-06-14T21:59:00.250Z",
      nextHops: { ipv4: "10.0.1.10", ipv6: "2001:db8:1::10" },
      leaving: false,
      drained: false,
      report: {
        ready: true,
        summary: "ready: 4 of 4 sessions are Established",
        sessions: { established: 4, expected: 4 },
        held: ["10.0.1.100"]
      }
    },
    {
      name: "node-02",
      address: "10.0.1.11",
      version: "0.1.0",
      configHash: "77aa",
      startedAt: "2021-06-14T22:09:00Z",
      nextHops: { ipv4: "10.0.1.11" },
      leaving: false,
      drained: true
    }
  ],
  store: {
    kind: "etcd",
    name: "http://10.0.1.10:2379",
    state: "lost",
    since: "2021-06-14T22:09:00Z",
    reason: "nobody answers",
    lease: { seconds: 3, state: "expired" }
  }
})
