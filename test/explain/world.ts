// A cluster of two nodes with one router for explanations: everything as it should be, to be spoilt by a test.
import { loadCluster } from "../../src/config/load.ts"
import type { ExplainInput } from "../../src/explain/input.ts"
import type { FloatingIpStatus, NodeStatus, SessionStatus } from "../../src/resources/nodeStatus.ts"
import { type FileSpec, fileText } from "../interop/services/file.ts"
import { NOW, nodeStatus, session as sessionFixture } from "../resources/fixtures.ts"

export const VIP = "10.64.0.1"
const SINCE = new Date(NOW - 60_000).toISOString()

const file: FileSpec = {
  type: "bgp",
  floatingIps: ["10.0.1.100", "10.0.1.101"],
  peers: [{}],
  pools: [{ name: "lan", addresses: [`${VIP}/32`] }],
  services: [{ name: "web" }]
}

export const cluster = (more: Partial<FileSpec> = {}) => {
  const { cluster: desired, problems } = loadCluster([{ path: "cluster.yaml", text: fileText({ ...file, ...more }) }])
  if (desired === undefined) throw new Error(JSON.stringify(problems))
  return desired
}

const path = (nextHop: string) => ({ name: "default-web", prefix: `${VIP}/32`, nextHop })

const negotiated: NonNullable<SessionStatus["negotiated"]> = {
  holdTime: 9,
  keepaliveTime: 3,
  peerRouterId: "10.0.1.254",
  families: ["ipv4-unicast"],
  capabilities: [],
  peerCapabilities: [],
  addPathSend: ["ipv4-unicast"]
}

/** The service session of this node. */
export const service = (more: Partial<SessionStatus> = {}): SessionStatus =>
  sessionFixture("10.0.1.254-node-01-10.0.1.100", {
    localAsn: 65_001,
    peerAsn: 65_010,
    localAddress: "10.0.1.100",
    since: SINCE,
    lastUpdateSent: SINCE,
    advertised: [path("10.0.1.10"), path("10.0.1.11")],
    negotiated,
    ...more
  })

/** The same, down. */
export const failed = (
  lastFailure: Partial<NonNullable<SessionStatus["lastFailure"]>>,
  more: Partial<SessionStatus> = {}
) => {
  const { negotiated: _, lastUpdateSent: _sent, ...rest } = service()
  return {
    ...rest,
    state: "Idle" as const,
    reason: lastFailure.text ?? "no answer",
    advertised: [],
    lastFailure: { type: "timeout" as const, in: "Connect" as const, at: SINCE, text: "no answer", ...lastFailure },
    ...more
  }
}

export const controlPlane = (more: Partial<SessionStatus> = {}): SessionStatus =>
  service({
    name: "10.0.1.254-node-01",
    purpose: "control-plane",
    localAddress: "10.0.1.10",
    advertised: [{ name: "control-plane", prefix: "10.0.0.8/32", nextHop: "10.0.1.10" }],
    ...more
  })

export const floatingIp = (address: string, node: string, more: Partial<FloatingIpStatus> = {}): FloatingIpStatus => ({
  address,
  purpose: "floating-ip",
  of: "default",
  state: node === "node-01" ? "held" : "other",
  since: SINCE,
  node,
  reason: "it has it",
  judgements: [
    { node: "node-01", ok: true, reason: "has eth0 in 10.0.1.0/24" },
    { node: "node-02", ok: true, reason: "has eth0 in 10.0.1.0/24" }
  ],
  ...more
})

const member = (name: string, address: string, held: ReadonlyArray<string>): NodeStatus["members"][number] => ({
  name,
  address,
  version: "0.1.0",
  configHash: "9f2c",
  startedAt: SINCE,
  nextHops: { ipv4: address },
  leaving: false,
  drained: false,
  report: { ready: true, summary: "ready", sessions: { established: 2, expected: 2 }, held }
})

/** What node-02 tells of itself: the other service session and its control-plane session. */
export const other = (more: Partial<NodeStatus["elsewhere"][number]> = {}): NodeStatus["elsewhere"][number] => {
  const told = ({ advertised, received, ...rest }: SessionStatus) => ({
    ...rest,
    advertised: advertised.length,
    received: received.routes
  })
  const name = "10.0.1.254-node-02-10.0.1.101"
  return {
    node: "node-02",
    reportedAt: SINCE,
    sessions: [
      told(service({ name, localAddress: "10.0.1.101" })),
      told(controlPlane({ name: "10.0.1.254-node-02", localAddress: "10.0.1.11" }))
    ],
    routes: [
      { name: "default-web", prefix: `${VIP}/32`, nextHops: ["10.0.1.10", "10.0.1.11"], sessions: [name] },
      { name: "control-plane", prefix: "10.0.0.8/32", nextHops: ["10.0.1.11"], sessions: ["10.0.1.254-node-02"] }
    ],
    routesMore: 0,
    ...more
  }
}

export const status = (sessions: ReadonlyArray<SessionStatus>, more: Partial<NodeStatus> = {}): NodeStatus =>
  nodeStatus([controlPlane(), ...sessions], {
    cluster: "bm",
    floatingIps: [floatingIp("10.0.1.100", "node-01"), floatingIp("10.0.1.101", "node-02")],
    services: [
      {
        namespace: "default",
        name: "web",
        addresses: [VIP],
        pools: ["lan"],
        externalTrafficPolicy: "Cluster",
        nextHops: ["10.0.1.10", "10.0.1.11"].map((nextHop, at) => ({ address: VIP, node: `node-0${at + 1}`, nextHop })),
        left: []
      }
    ],
    pools: [{ name: "lan", addresses: [`${VIP}/32`], total: "1", used: 1, resting: 0, manualAssign: false }],
    members: [member("node-01", "10.0.1.10", ["10.0.1.100"]), member("node-02", "10.0.1.11", ["10.0.1.101"])],
    elsewhere: [other()],
    store: {
      kind: "etcd",
      name: "http://10.0.1.254:2379",
      state: "connected",
      since: SINCE,
      lease: { seconds: 3, state: "held" }
    },
    ...more
  })

export const input = (of: NodeStatus, more: Partial<ExplainInput> = {}): ExplainInput => ({
  status: of,
  cluster: cluster(),
  nowMs: NOW,
  ...more
})
