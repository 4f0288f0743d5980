// Decoded documents as the one value that the planners take. Defaults of the source (type layer2, port 443, LB
// nodes = control-plane nodes, namespace cluster-<name>) are applied here; whether the whole makes sense is the
// checks' business, before.

import type { AddressPool } from "../ipam/types.ts"
import { type Address, familyOf } from "../net/ip.ts"
import type { ClusterNode, ControlPlanePeer, DesiredCluster, PeerOptions, ServicePeer } from "../plan/desired.ts"
import type { BgpPeerDocument } from "./documents/bgpPeer.ts"
import type { BgpPeerEntry, ClusterDocument } from "./documents/cluster.ts"
import { parseRange } from "./documents/range.ts"
import type { Documents, Located } from "./kinds.ts"
import { serviceEndpoints, serviceRequests } from "./services.ts"

/** The namespace of a cluster that names none (S18). */
export const defaultNamespace = (clusterName: string): string => `cluster-${clusterName}`

/** One or both control-plane VIPs. */
export const controlPlaneVips = (document: ClusterDocument): ReadonlyArray<Address> => {
  const vip = document.spec.loadBalancer.vips.controlPlaneVIP
  return typeof vip === "string" ? [vip] : vip
}

/** Whether a NodePool document belongs to the cluster: by `spec.clusterName`, and where that is missing, yes. */
export const belongsTo = (clusterName: string, pool: Documents["nodePools"][number]): boolean =>
  (pool.value.spec.clusterName ?? clusterName) === clusterName

type FileOptions = Omit<PeerOptions, "ttlSecurity"> & { readonly ttlSecurity?: number | true }

/** The options alone; `ttlSecurity: true` is one hop. */
export const optionsOf = (entry: FileOptions): PeerOptions => {
  const { port, holdTime, keepaliveTime, connectRetryTime, passive, passwordFile } = entry
  const { gracefulRestartTime, addPaths, communities, largeCommunities, med } = entry
  const ttlSecurity = entry.ttlSecurity === true ? 1 : entry.ttlSecurity
  return {
    ...(port === undefined ? {} : { port }),
    ...(holdTime === undefined ? {} : { holdTime }),
    ...(keepaliveTime === undefined ? {} : { keepaliveTime }),
    ...(connectRetryTime === undefined ? {} : { connectRetryTime }),
    ...(passive === undefined ? {} : { passive }),
    ...(passwordFile === undefined ? {} : { passwordFile }),
    ...(ttlSecurity === undefined ? {} : { ttlSecurity }),
    ...(gracefulRestartTime === undefined ? {} : { gracefulRestartTime }),
    ...(addPaths === undefined ? {} : { addPaths }),
    ...(communities === undefined ? {} : { communities }),
    ...(largeCommunities === undefined ? {} : { largeCommunities }),
    ...(med === undefined ? {} : { med })
  }
}

const controlPlanePeer = (entry: typeof BgpPeerEntry.Type): ControlPlanePeer => ({
  ip: entry.ip,
  asn: entry.asn,
  ...(entry.controlPlaneNodes === undefined ? {} : { controlPlaneNodes: entry.controlPlaneNodes }),
  ...optionsOf(entry)
})

const SESSIONS_DEFAULT = 2

/** How many sessions a BGPPeer asks for. */
export const sessionsOf = (document: BgpPeerDocument): number => document.spec.sessions ?? SESSIONS_DEFAULT

const servicePeer = (document: BgpPeerDocument): ServicePeer => ({
  name: document.metadata.name,
  labels: document.metadata.labels ?? {},
  localAsn: document.spec.localASN,
  peerAsn: document.spec.peerASN,
  peerIp: document.spec.peerIP,
  sessions: sessionsOf(document),
  ...optionsOf(document.spec)
})

const pools = (document: ClusterDocument): ReadonlyArray<AddressPool> =>
  (document.spec.loadBalancer.addressPools ?? []).map((pool) => ({
    name: pool.name,
    ranges: pool.addresses.map(parseRange).filter((range) => typeof range !== "string"),
    avoidBuggyIps: pool.avoidBuggyIPs ?? false,
    manualAssign: pool.manualAssign ?? false,
    ...(pool.priority === undefined ? {} : { priority: pool.priority }),
    ...(pool.namespaces === undefined ? {} : { namespaces: pool.namespaces }),
    ...(pool.namespaceSelector === undefined ? {} : { namespaceSelector: pool.namespaceSelector }),
    ...(pool.serviceSelector === undefined ? {} : { serviceSelector: pool.serviceSelector })
  }))

interface NodeEntry {
  readonly address: Address
  readonly name?: string
}

/** The name of a node is the one that any of its entries gives it, otherwise its address. */
const namer = (entries: ReadonlyArray<NodeEntry>) => {
  const names = new Map(
    entries.flatMap((entry) => (entry.name === undefined ? [] : [[entry.address, entry.name] as const]))
  )
  return (entry: NodeEntry): ClusterNode => ({
    name: names.get(entry.address) ?? entry.address,
    address: entry.address
  })
}

/** The desired cluster of one Cluster document and the documents beside it. */
export const toDesired = (cluster: Located<ClusterDocument>, documents: Documents): DesiredCluster => {
  const document = cluster.value
  const { spec, metadata } = document
  const lb = spec.loadBalancer
  const cpEntries = spec.controlPlane.nodePoolSpec.nodes
  const lbEntries = lb.nodePoolSpec?.nodes ?? cpEntries
  const workerEntries = documents.nodePools
    .filter((pool) => belongsTo(metadata.name, pool))
    .flatMap((pool) => pool.value.spec.nodes)
  const node = namer([...cpEntries, ...lbEntries, ...workerEntries])
  const serviceCidrs = spec.clusterNetwork?.services?.cidrBlocks ?? []
  const services = serviceRequests(documents, lb.vips.ingressVIP)
  const selector = documents.loadBalancers[0]?.value.spec.peerSelector
  return {
    name: metadata.name,
    namespace: metadata.namespace ?? defaultNamespace(metadata.name),
    type: spec.type ?? "standalone",
    loadBalancer: {
      mode: lb.mode ?? "bundled",
      type: lb.type ?? "layer2",
      ...(lb.localASN === undefined ? {} : { localAsn: lb.localASN }),
      controlPlaneVips: controlPlaneVips(document),
      ingressVips: lb.vips.ingressVIP === undefined ? [] : [lb.vips.ingressVIP],
      controlPlaneLbPort: lb.ports?.controlPlaneLBPort ?? 443,
      vipInterface: lb.vipInterface ?? "lo",
      controlPlanePeers: (lb.bgpPeers ?? []).map(controlPlanePeer),
      nodes: lbEntries.map(node),
      pools: pools(document)
    },
    controlPlaneNodes: cpEntries.map(node),
    workerNodes: workerEntries.map(node),
    advancedNetworking: spec.clusterNetwork?.advancedNetworking ?? false,
    serviceCidrs,
    serviceFamilies: (["ipv4", "ipv6"] as const).filter((family) =>
      serviceCidrs.some((cidr) => familyOf(cidr) === family)
    ),
    floatingIps: documents.gatewayGroups.flatMap((group) => group.value.spec.floatingIPs),
    services,
    endpoints: serviceEndpoints(documents, services),
    servicePeers: documents.peers.map((peer) => servicePeer(peer.value)),
    ...(selector === undefined ? {} : { peerSelector: selector })
  }
}
