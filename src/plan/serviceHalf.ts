// What a node does for the services (S4, S8-S15) in BGP mode: floating IPs to hold, service sessions from those that it holds,
// VIPs whose traffic it takes. Control-plane sessions do not depend on any of it.
import { subnetAround } from "../election/judge.ts"
import type { Assignment } from "../election/types.ts"
import { familyOf } from "../net/ip.ts"
import { floatingIpClaimables, planClaims } from "./claims.ts"
import type { ClusterNode, DesiredCluster } from "./desired.ts"
import { type LbNode, lbNodes } from "./lbNodes.ts"
import { type FloatingIp, floatingIpsFor, servicePeersOf, type UsedPeer } from "./servicePeers.ts"
import { planPeerSessions } from "./serviceSessions.ts"
import { idleService, plannedServices, type ServedAddress, servedAddresses, serviceAddresses } from "./services.ts"
import type { ClusterStanding, NodePlan, NodeView, PlannedService, Refusal } from "./types.ts"
import type { ClusterView } from "./view.ts"

export type Half = Omit<NodePlan, "node">

export const nothing: Half = { sessions: [], addresses: [], claims: [], assignments: [], services: [], refusals: [] }

/** The parts of the documents that are about services, as people would look for them. */
const serviceThings = ({
  floatingIps,
  servicePeers,
  loadBalancer,
  services
}: DesiredCluster): ReadonlyArray<string> => {
  const list = (what: string, names: ReadonlyArray<string>) =>
    names.length === 0 ? [] : [`${what} ${names.join(", ")}`]
  return [
    ...list("floating IPs", floatingIps),
    ...list(
      "BGPPeers",
      servicePeers.map(({ name }) => name)
    ),
    ...list(
      "address pools",
      loadBalancer.pools.map(({ name }) => name)
    ),
    ...(services.length === 0 ? [] : [`${services.length} service${services.length === 1 ? "" : "s"}`])
  ]
}

/** Nothing is done for services, for this reason. */
export const noServices = (cluster: DesiredCluster, reason: string): Half => ({
  ...nothing,
  services: cluster.services.map((service) => idleService(service, [], reason)),
  refusals: serviceThings(cluster).map((subject) => ({ subject, reason }))
})

export const ADMIN = "an admin cluster has control-plane load balancing only"
export const NO_STORE = "there is no word from the cluster's store yet"

const floatingIpsOf = (
  view: NodeView,
  { view: { members }, held }: ClusterStanding,
  assignments: ReadonlyArray<Assignment>
): ReadonlyArray<FloatingIp> => {
  const addresses = [...members.flatMap((member) => member.addresses), ...view.addresses]
  return assignments.map(({ address, judgements }) => ({
    address,
    subnet: subnetAround(address, addresses) ?? "",
    possible: held.includes(address) || judgements.some(({ ok }) => ok)
  }))
}

/** Why no service is announced although there are some. */
const obstacleOf = (cluster: DesiredCluster, peers: number): string | undefined => {
  if (cluster.floatingIps.length === 0)
    return "there are no floating IPs to start service sessions from: add a NetworkGatewayGroup"
  return peers === 0 ? "there is no peer to announce services to" : undefined
}

/** What is the same on every node. */
export interface ServiceParts {
  readonly peers: ReadonlyArray<UsedPeer>
  readonly peerRefusals: ReadonlyArray<Refusal>
  /** Why no service is announced. */
  readonly obstacle?: string
  readonly nodes: ReadonlyArray<LbNode>
  readonly served: ReadonlyArray<ServedAddress>
  readonly services: ReadonlyArray<PlannedService>
}

/** For those who plan many nodes over one view: the part that costs time with thousands of services, once. */
export const serviceParts = (cluster: DesiredCluster, view: ClusterView): ServiceParts => {
  const { peers, refusals: peerRefusals } = servicePeersOf(cluster)
  const obstacle = obstacleOf(cluster, peers.length)
  if (obstacle !== undefined) {
    const served = servedAddresses(cluster, view, [], []).map((address) => ({ ...address, takers: [], left: [] }))
    const services = plannedServices(cluster.services, served, obstacle)
    return { peers, peerRefusals, obstacle, nodes: [], served, services }
  }
  const nodes = lbNodes(cluster, view)
  const families = [...new Set(peers.map(({ peer }) => familyOf(peer.peerIp)))]
  const served = servedAddresses(cluster, view, nodes, families)
  return { peers, peerRefusals, nodes, served, services: plannedServices(cluster.services, served, undefined) }
}

const planWithStore = (
  cluster: DesiredCluster,
  view: NodeView,
  self: ClusterNode,
  standing: ClusterStanding,
  parts: ServiceParts
): Half => {
  const { claims, assignments, refusals } = planClaims(floatingIpClaimables(cluster), cluster, standing, view.name)
  const { peers, peerRefusals, obstacle, nodes, served, services } = parts
  if (obstacle !== undefined) {
    const about = cluster.floatingIps.length === 0 ? [{ subject: "services", reason: obstacle }] : peerRefusals
    return { ...nothing, claims, assignments, services, refusals: [...refusals, ...about] }
  }
  const floatingIps = floatingIpsOf(view, standing, assignments)
  const held = new Set(standing.held)
  const chosen = peers.map((peer) => ({ peer, ...floatingIpsFor(peer, floatingIps) }))
  const vips = serviceAddresses(cluster, served, self.address)
  return {
    sessions: chosen.flatMap((each) => planPeerSessions(cluster, each.peer, each.chosen, held, nodes, served)),
    addresses: vips.addresses,
    claims,
    assignments,
    services,
    refusals: [
      ...refusals,
      ...peerRefusals,
      ...chosen.flatMap((each): ReadonlyArray<Refusal> => each.refusals),
      ...vips.refusals
    ]
  }
}

/** The service half of the plan in BGP mode. `parts`: those of this config and this view, where they are known already. */
export const planServiceHalf = (
  cluster: DesiredCluster,
  view: NodeView,
  self: ClusterNode,
  parts?: ServiceParts
): Half => {
  if (cluster.type === "admin") return noServices(cluster, ADMIN)
  if (serviceThings(cluster).length === 0) return nothing
  if (view.cluster === undefined) return noServices(cluster, view.withoutCluster ?? NO_STORE)
  return planWithStore(cluster, view, self, view.cluster, parts ?? serviceParts(cluster, view.cluster.view))
}
