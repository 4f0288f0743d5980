// Clusters for tests of the service half: two racks, LB nodes, floating IPs, peers, and the view of their store.
import type { Claim, SubnetAddress } from "../../src/election/types.ts"
import type { Binding, ServiceRequest } from "../../src/ipam/types.ts"
import { type Address, familyOf, parseAddress } from "../../src/net/ip.ts"
import type { ClusterNode, ControlPlanePeer, DesiredCluster, ServicePeer } from "../../src/plan/desired.ts"
import { planNode } from "../../src/plan/planNode.ts"
import type { ClusterStanding, NodePlan, NodeView } from "../../src/plan/types.ts"
import { type ClusterView, emptyView, type Member } from "../../src/plan/view.ts"

export const ip = (text: string): Address => {
  const parsed = parseAddress(text)
  if (parsed === undefined) throw new Error(`${text} is no address`)
  return parsed
}

export const node = (name: string, address: string): ClusterNode => ({ name, address: ip(address) })

/** "10.0.1.11/24", on eth0. */
const local = (text: string): SubnetAddress => {
  const [address = "", length = ""] = text.split("/")
  return { address: ip(address), prefixLength: Number(length), interface: "eth0" }
}

/** A member with these addresses; the first of each family takes traffic. */
export const member = (name: string, addresses: ReadonlyArray<string>, more: Partial<Member> = {}): Member => {
  const all = addresses.map(local)
  const first = (family: "ipv4" | "ipv6") => all.find(({ address }) => familyOf(address) === family)?.address
  const [ipv4, ipv6] = [first("ipv4"), first("ipv6")]
  return {
    name,
    address: all[0]?.address ?? ip("0.0.0.0"),
    addresses: all,
    macs: {},
    nextHops: { ...(ipv4 === undefined ? {} : { ipv4 }), ...(ipv6 === undefined ? {} : { ipv6 }) },
    version: "0.1.0",
    configHash: "c",
    startedAt: "2026-01-01T00:00:00Z",
    ...more
  }
}

export const peer = (name: string, address: string, more: Partial<ServicePeer> = {}): ServicePeer => ({
  name,
  labels: { edge: "true" },
  localAsn: 65001,
  peerAsn: 65002,
  peerIp: ip(address),
  sessions: 2,
  ...more
})

export const service = (name: string, more: Partial<ServiceRequest> = {}): ServiceRequest => ({
  namespace: "default",
  name,
  labels: {},
  namespaceLabels: {},
  ports: [{ protocol: "TCP", port: 80 }],
  addresses: [],
  families: [],
  familyPolicy: "SingleStack",
  externalTrafficPolicy: "Cluster",
  ...more
})

export const binding = (address: string, ...services: ReadonlyArray<string>): Binding => ({
  address: ip(address),
  pool: "pool1",
  owners: services.map((name) => ({ service: `default/${name}`, ports: [] }))
})

export const claim = (address: string, holder: string, generation = 1): Claim => ({
  address: ip(address),
  node: holder,
  generation
})

/** Two control-plane nodes and two LB nodes in each of two racks, two floating IPs in each, two peers. */
const FILE_NODES = [
  "cp1 10.0.1.10",
  "cp2 10.0.2.10",
  "lb1 10.0.1.11",
  "lb2 10.0.1.12",
  "lb3 10.0.2.11",
  "lb4 10.0.2.12"
].map((text) => node(...(text.split(" ") as [string, string])))
const controlPlaneNodes = FILE_NODES.slice(0, 2)
export const LB_NODES = FILE_NODES.slice(2)

const controlPlanePeers: ReadonlyArray<ControlPlanePeer> = [{ ip: ip("10.0.1.254"), asn: 65002 }]

export const cluster = (
  more: Partial<DesiredCluster> = {},
  loadBalancer: Partial<DesiredCluster["loadBalancer"]> = {}
): DesiredCluster => ({
  name: "bm",
  namespace: "cluster-bm",
  type: "hybrid",
  loadBalancer: {
    mode: "bundled",
    type: "bgp",
    localAsn: 65001,
    controlPlaneVips: [ip("10.0.0.8")],
    ingressVips: [],
    controlPlaneLbPort: 443,
    vipInterface: "lo",
    controlPlanePeers,
    nodes: LB_NODES,
    pools: [],
    ...loadBalancer
  },
  controlPlaneNodes,
  workerNodes: [],
  advancedNetworking: true,
  serviceCidrs: [],
  serviceFamilies: ["ipv4"],
  floatingIps: ["10.0.1.100", "10.0.1.101", "10.0.2.100", "10.0.2.101"].map(ip),
  servicePeers: [peer("edge1", "10.0.1.254"), peer("edge2", "10.0.2.254")],
  services: [service("web"), service("db")],
  endpoints: [],
  peerSelector: { edge: "true" },
  ...more
})

export const MEMBERS: ReadonlyArray<Member> = FILE_NODES.map(({ name, address }) => member(name, [`${address}/24`]))

/** Everybody is there; web and db have an address each. */
export const view = (more: Partial<ClusterView> = {}): ClusterView => ({
  ...emptyView,
  members: MEMBERS,
  bindings: [binding("10.1.1.1", "web"), binding("10.1.1.2", "db")],
  ...more
})

export const standing = (seen: ClusterView, more: Partial<ClusterStanding> = {}): ClusterStanding => ({
  view: seen,
  held: [],
  sessionNames: new Map(),
  settling: false,
  ...more
})

/** The node as its own member record has it. */
const nodeView = (name: string, seen: ClusterStanding): NodeView => ({
  name,
  addresses: seen.view.members.find((m) => m.name === name)?.addresses ?? [],
  cluster: seen
})

/** The plan of a node, which may be one that is not in the file. */
export const planOf = (desired: DesiredCluster, name: string, seen: ClusterStanding): NodePlan => {
  const found = seen.view.members.find((m) => m.name === name)
  const known = [...desired.controlPlaneNodes, ...desired.workerNodes, ...desired.loadBalancer.nodes]
  const address = found?.address ?? known.find((n) => n.name === name)?.address
  if (address === undefined) throw new Error(`there is no node ${name}`)
  return planNode(desired, nodeView(name, seen), node(name, address))
}

/** Everybody claims and holds what falls to it: the view with the claims, and what each node holds. */
export const settle = (desired: DesiredCluster, seen: ClusterView) => {
  const first = seen.members[0]
  if (first === undefined) return { seen, held: new Map<string, ReadonlyArray<Address>>() }
  const { assignments } = planOf(desired, first.name, standing(seen))
  const claims = assignments.flatMap((x, i) => (x.node === undefined ? [] : [claim(x.address, x.node, i + 1)]))
  const held = new Map(
    seen.members.map(({ name }) => [name, claims.filter((x) => x.node === name).map(({ address }) => address)])
  )
  return { seen: { ...seen, claims }, held }
}

/** The plans of all members once everybody holds what falls to it. */
export const plansOf = (desired: DesiredCluster, seen: ClusterView): ReadonlyMap<string, NodePlan> => {
  const { seen: claimed, held } = settle(desired, seen)
  return new Map(
    seen.members.map(({ name }) => [name, planOf(desired, name, standing(claimed, { held: held.get(name) ?? [] }))])
  )
}
