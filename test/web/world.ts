// A cluster to look at: two racks, four nodes, two routers, three floating IPs, services and pools, as the node cp-1
// would tell of it. Functions that change it return another status, as the next line of the stream would bring it.
import type {
  EventRecord,
  FloatingIpStatus,
  NodeStatus,
  RemoteNodeStatus,
  ServiceStatus,
  SessionStatus
} from "../../src/resources/nodeStatus.ts"

interface Node {
  readonly name: string
  readonly address: string
  readonly controlPlane: boolean
}

export const nodes: ReadonlyArray<Node> = [
  { name: "cp-1", address: "10.0.1.11", controlPlane: true },
  { name: "cp-2", address: "10.0.2.11", controlPlane: true },
  { name: "worker-1", address: "10.0.1.21", controlPlane: false },
  { name: "worker-2", address: "10.0.2.21", controlPlane: false }
]

const routers = [
  { address: "10.0.1.254", asn: 65002 },
  { address: "10.0.2.254", asn: 65003 }
] as const

const floating: ReadonlyArray<readonly [address: string, node: string]> = [
  ["10.0.1.100", "worker-1"],
  ["10.0.1.101", "cp-1"],
  ["10.0.2.100", "worker-2"]
]

const ago = (seconds: number, now = Date.now()): string => new Date(now - seconds * 1000).toISOString()

const counts = { open: 1, update: 14, notification: 0, keepalive: 5310, routeRefresh: 0 }

const session = (name: string, more: Partial<SessionStatus>): SessionStatus => ({
  name,
  purpose: "control-plane",
  localAsn: 65001,
  peerAsn: 65002,
  localAddress: "10.0.1.11",
  peerAddress: "10.0.1.254",
  peerPort: 179,
  state: "Established",
  since: ago(159_300),
  lastReport: ago(1),
  lastUpdateSent: ago(4210),
  flaps: 0,
  negotiated: {
    holdTime: 90,
    keepaliveTime: 30,
    peerRouterId: "10.0.1.254",
    families: ["ipv4", "ipv6"],
    capabilities: ["multiprotocol", "four-octet-as", "graceful-restart", "add-path", "extended-message"],
    peerCapabilities: ["multiprotocol", "four-octet-as", "graceful-restart", "add-path", "extended-message"],
    addPathSend: ["ipv4"],
    gracefulRestart: { restartTime: 120, restarting: false, notification: true, families: ["ipv4"] }
  },
  advertised: [],
  received: { routes: 2, sample: [{ prefix: "0.0.0.0/0", nextHop: "10.0.1.254" }] },
  sent: counts,
  got: { ...counts, update: 3 },
  ...more
})

const controlPlaneVip = "10.0.0.8"

const service = (namespace: string, name: string, address: string, pool: string): ServiceStatus => ({
  namespace,
  name,
  addresses: [address],
  pools: [pool],
  externalTrafficPolicy: "Cluster",
  nextHops: nodes.map((node) => ({ address, node: node.name, nextHop: node.address })),
  left: []
})

const services: ReadonlyArray<ServiceStatus> = [
  service("gke-system", "istio-ingress", "10.1.1.2", "ingress"),
  service("shop", "storefront", "10.1.1.10", "public"),
  service("shop", "checkout", "10.1.1.11", "public"),
  service("shop", "search", "10.1.1.12", "public"),
  {
    ...service("media", "images", "10.1.1.13", "public"),
    externalTrafficPolicy: "Local",
    nextHops: nodes.slice(2).map((node) => ({ address: "10.1.1.13", node: node.name, nextHop: node.address })),
    left: nodes.slice(0, 2).map((node) => ({
      address: "10.1.1.13",
      node: node.name,
      reason: "externalTrafficPolicy is Local and it has no ready endpoint"
    }))
  },
  service("monitoring", "grafana", "10.1.2.10", "internal"),
  service("monitoring", "prometheus", "10.1.2.11", "internal")
]

const advertised = (all: ReadonlyArray<ServiceStatus>) =>
  all.flatMap(({ namespace, name, nextHops }) =>
    nextHops.map(({ address, nextHop }, i) => ({
      name: `default-${namespace}-${name}`,
      prefix: `${address}/32`,
      nextHop,
      pathId: i + 1
    }))
  )

const sessionsOf = (node: Node, held: ReadonlyArray<string>): ReadonlyArray<SessionStatus> => [
  ...(node.controlPlane
    ? routers.map(({ address, asn }) =>
        session(`${address}-${node.name}`, {
          localAddress: node.address,
          peerAddress: address,
          peerAsn: asn,
          advertised: [{ name: "control-plane", prefix: `${controlPlaneVip}/32`, nextHop: node.address }]
        })
      )
    : []),
  ...held.flatMap((local) =>
    routers.map(({ address, asn }) =>
      session(`${address}-${node.name}-${local}`, {
        purpose: "service",
        localAddress: local,
        peerAddress: address,
        peerAsn: asn,
        advertised: advertised(services)
      })
    )
  )
]

const remote = (node: Node, held: ReadonlyArray<string>): RemoteNodeStatus => {
  const sessions = sessionsOf(node, held)
  return {
    node: node.name,
    reportedAt: ago(1),
    sessions: sessions.map((s) => ({ ...s, advertised: new Set(s.advertised.map((r) => r.prefix)).size, received: 2 })),
    routes: [
      ...(node.controlPlane
        ? [
            {
              name: "control-plane",
              prefix: `${controlPlaneVip}/32`,
              nextHops: [node.address],
              sessions: routers.map(({ address }) => `${address}-${node.name}`)
            }
          ]
        : []),
      ...(held.length === 0
        ? []
        : services.map(({ namespace, name, addresses, nextHops }) => ({
            name: `default-${namespace}-${name}`,
            prefix: `${addresses[0]}/32`,
            nextHops: nextHops.map(({ nextHop }) => nextHop),
            sessions: held.flatMap((local) => routers.map(({ address }) => `${address}-${node.name}-${local}`))
          })))
    ],
    routesMore: 0
  }
}

const floatingIp = (address: string, node: string): FloatingIpStatus => {
  const rack = address.slice(0, 6)
  return {
    address,
    purpose: "floating-ip",
    of: "default",
    state: node === "cp-1" ? "held" : "other",
    since: ago(86_400),
    node,
    interface: "eth0",
    generation: 41,
    reason: `${node} has it and keeps it while it can`,
    judgements: nodes.map(({ name, address: own }) =>
      own.startsWith(rack)
        ? { node: name, ok: true, reason: `has eth0 in ${rack}.0/24` }
        : { node: name, ok: false, reason: `has no interface in ${rack}.0/24` }
    )
  }
}

let uid = 0
export const event = (
  type: EventRecord["type"],
  reason: string,
  message: string,
  about: readonly [kind: string, name: string],
  secondsAgo: number,
  count = 1
): EventRecord => ({
  uid: `event-${++uid}`,
  type,
  reason,
  message,
  about: { apiVersion: "networking.gke.io/v1", kind: about[0], namespace: "kube-system", name: about[1] },
  count,
  firstAt: ago(secondsAgo + (count - 1) * 40),
  lastAt: ago(secondsAgo)
})

const events = (): ReadonlyArray<EventRecord> => [
  event("Normal", "NodeStarted", "viaduct 0.1.0 started", ["Node", "cp-1"], 159_420),
  event(
    "Normal",
    "SessionEstablished",
    "the session to 10.0.1.254 is Established",
    ["BGPSession", "10.0.1.254-cp-1"],
    159_300
  ),
  event(
    "Normal",
    "SessionEstablished",
    "the session to 10.0.2.254 is Established",
    ["BGPSession", "10.0.2.254-cp-1"],
    159_299
  ),
  event("Normal", "AddressMoved", "10.0.1.101 came from worker-1, which left", ["FloatingIP", "10.0.1.101"], 86_400),
  event("Normal", "ConfigApplied", "revision 12: 1 announcement added; by anna", ["ConfigRevision", "12"], 43_000),
  event(
    "Warning",
    "SessionDown",
    "the peer closed the session: hold timer expired",
    ["BGPSession", "10.0.2.254-cp-1"],
    7200,
    3
  ),
  event(
    "Normal",
    "SessionEstablished",
    "the session to 10.0.2.254 is Established again after 4 s",
    ["BGPSession", "10.0.2.254-cp-1"],
    7196
  )
]

/** The cluster with everything in order; `holders` say who has which floating IP. */
export const world = (holders: Readonly<Record<string, string>> = {}): NodeStatus => {
  const placed = floating.map(([address, node]) => [address, holders[address] ?? node] as const)
  const held = (name: string) => placed.filter(([, node]) => node === name).map(([address]) => address)
  const [self, ...others] = nodes as [Node, ...Array<Node>]
  return {
    node: self.name,
    cluster: "prod-fra",
    version: "0.1.0",
    startedAt: ago(159_420),
    config: {
      source: "/etc/viaduct/cluster.yaml",
      loadedAt: ago(43_000),
      hash: "9f2c61b0aa17",
      mode: "store",
      revision: 12
    },
    sessions: sessionsOf(self, held(self.name)),
    addresses: [{ address: controlPlaneVip, interface: "lo", state: "present", reason: "the control-plane VIP" }],
    refusals: [],
    floatingIps: placed.map(([address, node]) => floatingIp(address, node)),
    services,
    pools: [
      { name: "ingress", addresses: ["10.1.1.2/32"], total: "1", used: 1, resting: 0, manualAssign: true },
      { name: "internal", addresses: ["10.1.2.10-10.1.2.41"], total: "32", used: 2, resting: 0, manualAssign: false },
      { name: "public", addresses: ["10.1.1.10-10.1.1.17"], total: "8", used: 4, resting: 1, manualAssign: false }
    ],
    events: events(),
    elsewhere: others.map((node) => remote(node, held(node.name))),
    members: nodes.map(({ name, address }) => {
      const own = sessionsOf(nodes.find((node) => node.name === name) as Node, held(name)).length
      return {
        name,
        address,
        version: "0.1.0",
        configHash: "9f2c61b0aa17",
        startedAt: ago(159_400),
        nextHops: { ipv4: address },
        leaving: false,
        drained: false,
        report: {
          ready: true,
          summary: `ready: ${own} of ${own} sessions are Established`,
          sessions: { established: own, expected: own },
          held: held(name)
        }
      }
    }),
    store: {
      kind: "etcd",
      name: "https://10.0.1.11:2379",
      state: "connected",
      since: ago(159_000),
      lease: { seconds: 3, state: "held" }
    },
    process: { residentBytes: 71_000_000, cpuSeconds: 412 }
  }
}

/** The same with this session of cp-1 not up. */
export const withSessionDown = (
  status: NodeStatus,
  name: string,
  reason = "no answer to SYN from 10.0.1.11: is the router up, and does it know this neighbour?"
): NodeStatus => ({
  ...status,
  sessions: status.sessions.map((s) => {
    if (s.name !== name) return s
    const { negotiated, ...rest } = s
    return { ...rest, state: "Connect", since: ago(95), reason, flaps: s.flaps + 1, advertised: [] }
  })
})

const withoutWorker2 = (service: ServiceStatus): ServiceStatus => ({
  ...service,
  nextHops: service.nextHops.filter(({ node }) => node !== "worker-2"),
  left: service.addresses.map((address) => ({
    address,
    node: "worker-2",
    reason: "has no address of the family to be a next hop"
  }))
})

/** A night to be woken for: a router gone, an address that nobody can hold, a full pool, services that wait. */
export const troubled = (): NodeStatus => {
  const base = world()
  const gone = "10.0.2.254"
  const reason = "no answer to SYN: is the router up, and does it know this neighbour?"
  const fail = <S extends { readonly peerAddress: string }>(s: S): S =>
    s.peerAddress === gone ? { ...s, state: "Connect", since: ago(310), reason } : s
  return {
    ...base,
    sessions: base.sessions.map(fail),
    elsewhere: base.elsewhere.map((remote) => ({ ...remote, sessions: remote.sessions.map(fail) })),
    floatingIps: base.floatingIps.map((ip) =>
      ip.address === "10.0.2.100"
        ? {
            ...ip,
            state: "conflict",
            node: "worker-2",
            since: ago(290),
            reason: "another host answers for it: 52:54:00:9a:11:0c; take the address off that host"
          }
        : ip
    ),
    pools: base.pools.map((pool) => (pool.name === "public" ? { ...pool, used: 8, resting: 0 } : pool)),
    services: [
      ...base.services.map((one) => (one.name === "search" ? withoutWorker2(one) : one)),
      {
        namespace: "shop",
        name: "recommendations",
        addresses: [],
        pools: ["public"],
        externalTrafficPolicy: "Cluster",
        nextHops: [],
        left: [],
        reason: "pool public is full: all 8 addresses are in use"
      }
    ],
    members: base.members.map((member) =>
      member.report === undefined || !member.name.startsWith("cp")
        ? member
        : {
            ...member,
            report: { ...member.report, ready: false, summary: "not ready: 1 of 2 sessions are Established" }
          }
    ),
    events: [
      ...base.events,
      event(
        "Warning",
        "AddressConflict",
        "52:54:00:9a:11:0c answers for 10.0.2.100",
        ["FloatingIP", "10.0.2.100"],
        290,
        12
      ),
      event(
        "Warning",
        "SessionDown",
        "no word from 10.0.2.254 within the hold time of 90 s",
        ["BGPSession", "10.0.2.254-cp-1"],
        310
      )
    ]
  }
}

/** Many of everything, and text that means harm. */
export const hostile = (serviceCount: number, sessionCount: number): NodeStatus => {
  const base = world()
  const script = "<script>window.hacked=1</script><img src=x onerror=window.hacked=1>"
  const long = "a-name-that-does-not-end-".repeat(12)
  return {
    ...base,
    cluster: `prod ${script}`,
    sessions: Array.from({ length: sessionCount }, (_, i) =>
      session(`10.9.${i >> 8}.${i & 255}-cp-1`, {
        peerAddress: `10.9.${i >> 8}.${i & 255}`,
        ...(i % 50 === 0 ? { state: "Idle", reason: `${script} ${i}`, negotiated: undefined as never } : {}),
        ...(i === 1 ? { notes: [script, "\u202Eesrever ni txet"] } : {})
      })
    ),
    services: [
      { ...service(script, long, "10.1.1.1", script), left: [{ address: "10.1.1.1", node: long, reason: script }] },
      { ...service("\u05D0\u05D1\u05D2", "\u202Eevil\u202C", "10.1.1.3", "public") },
      ...Array.from({ length: serviceCount }, (_, i) =>
        service("ns", `service-${i}`, `10.${20 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`, "public")
      )
    ],
    events: [...base.events, event("Warning", script, script, ["BGPSession", script], 1)],
    members: base.members.map((member, i) => (i === 3 ? { ...member, name: long } : member)),
    pools: [
      ...base.pools,
      { name: script, addresses: [script], total: "1e4", used: 12, resting: 0, manualAssign: false }
    ]
  }
}
