// Layer 2 mode, the source's default (S18): no BGP. Each control-plane VIP and each address of a service is held by one node
// of its subnet, which answers for it by ARP and NDP; who that is decides the same election that places floating IPs. Control-plane
// VIPs go to control-plane nodes, services to LB nodes, with externalTrafficPolicy Local only to those with an endpoint (L4).
import type { Assignment, Claimable } from "../election/types.ts"
import { serviceKey } from "../ipam/types.ts"
import { familyOf } from "../net/ip.ts"
import { planClaims } from "./claims.ts"
import type { DesiredCluster } from "./desired.ts"
import { type LbNode, lbNodes } from "./lbNodes.ts"
import { endpointsOf, localPolicy, NO_ENDPOINT } from "./nextHops.ts"
import { ADMIN, type Half, NO_STORE, noServices, nothing } from "./serviceHalf.ts"
import { type BoundAddress, boundAddresses, byService, idleService, NO_ADDRESS, ownersText } from "./services.ts"
import type { ClusterStanding, NodeView, PlannedService, Refusal } from "./types.ts"
import type { ClusterView } from "./view.ts"

const controlPlaneClaimables = (cluster: DesiredCluster, view: ClusterView): ReadonlyArray<Claimable> => {
  const members = new Map(view.members.map(({ address, name }) => [address, name]))
  const nodes = cluster.controlPlaneNodes.map(({ address, name }) => members.get(address) ?? name)
  return cluster.loadBalancer.controlPlaneVips.map((address) => ({
    address,
    purpose: "control-plane-vip",
    of: `cluster ${cluster.name}`,
    nodes
  }))
}

const serviceClaimables = (
  cluster: DesiredCluster,
  bound: ReadonlyArray<BoundAddress>,
  nodes: ReadonlyArray<LbNode>
): ReadonlyArray<Claimable> => {
  const endpoints = endpointsOf(cluster)
  const there = nodes.filter(({ out }) => out === undefined)
  return bound.map(({ address, services }) => {
    const allowed = localPolicy(services, there, endpoints)
    const refused = nodes.filter((node) => !allowed(node))
    return {
      address,
      purpose: "service-vip",
      of: ownersText(services),
      nodes: nodes.filter(allowed).map(({ name }) => name),
      ...(refused.length === 0 ? {} : { refused: new Map(refused.map(({ name }) => [name, NO_ENDPOINT])) })
    }
  })
}

/** The node that holds the address is where its traffic goes; the others say why not they. */
const holderOf = (
  { address }: BoundAddress,
  assignment: Assignment | undefined,
  nodes: ReadonlyArray<LbNode>
): Pick<PlannedService, "nextHops" | "left"> => {
  const holder = nodes.find(({ name, member }) => name === assignment?.node && member !== undefined)
  const judged = new Map(assignment?.judgements.map(({ node, ok, reason }) => [node, { ok, reason }]))
  const spare =
    assignment?.node === undefined ? "nobody has it yet" : `could take it over: it is with ${assignment.node}`
  const left = nodes
    .filter((node) => node !== holder)
    .map(({ name, out }) => {
      const judgement = judged.get(name)
      const no = judgement === undefined || judgement.ok ? undefined : judgement.reason
      return { address, node: name, reason: out ?? no ?? spare }
    })
  if (holder?.member === undefined) return { nextHops: [], left }
  const nextHop = holder.member.nextHops[familyOf(address)] ?? holder.member.address
  return { nextHops: [{ address, node: holder.name, nextHop }], left }
}

const planServices = (
  cluster: DesiredCluster,
  bound: ReadonlyArray<BoundAddress>,
  assignments: ReadonlyArray<Assignment>,
  nodes: ReadonlyArray<LbNode>
): ReadonlyArray<PlannedService> => {
  const addresses = byService(bound)
  const assigned = new Map(assignments.map((assignment) => [assignment.address, assignment]))
  return cluster.services.map((service): PlannedService => {
    const own = addresses.get(serviceKey(service)) ?? []
    const holders = own.map((each) => holderOf(each, assigned.get(each.address), nodes))
    const lonely = own.filter((_, i) => holders[i]?.nextHops.length === 0).map(({ address }) => address)
    const { reason: _reason, ...idle } = idleService(service, own, "")
    const whyNot = own.length === 0 ? NO_ADDRESS : `no LB node holds ${lonely.join(", ")}`
    return {
      ...idle,
      nextHops: holders.flatMap(({ nextHops }) => nextHops),
      left: holders.flatMap(({ left }) => left),
      ...(own.length > 0 && lonely.length === 0 ? {} : { reason: whyNot })
    }
  })
}

/** Parts of the documents that only BGP would use. */
const unused = ({ floatingIps, servicePeers }: DesiredCluster): ReadonlyArray<Refusal> => {
  const reason = "loadBalancer.type is layer2: VIPs are held by the nodes themselves, and there are no BGP sessions"
  return [
    ...(floatingIps.length === 0 ? [] : [{ subject: `floating IPs ${floatingIps.join(", ")}`, reason }]),
    ...servicePeers.map(({ name }) => ({ subject: `BGPPeer ${name}`, reason }))
  ]
}

const planWithStore = (cluster: DesiredCluster, view: NodeView, standing: ClusterStanding): Half => {
  const admin = cluster.type === "admin"
  const nodes = lbNodes(cluster, standing.view)
  const bound = admin ? [] : boundAddresses(cluster, standing.view)
  const claimables = [...controlPlaneClaimables(cluster, standing.view), ...serviceClaimables(cluster, bound, nodes)]
  const { claims, assignments, refusals } = planClaims(claimables, cluster, standing, view.name)
  const services = admin ? noServices(cluster, ADMIN) : nothing
  return {
    ...services,
    claims,
    assignments,
    services: admin ? services.services : planServices(cluster, bound, assignments, nodes),
    refusals: [...refusals, ...unused(cluster), ...services.refusals]
  }
}

/** The whole plan in layer 2 mode but for the node's name: addresses to hold. */
export const planLayer2 = (cluster: DesiredCluster, view: NodeView): Half => {
  if (view.cluster !== undefined) return planWithStore(cluster, view, view.cluster)
  const reason = view.withoutCluster ?? NO_STORE
  const services = noServices(cluster, cluster.type === "admin" ? ADMIN : reason)
  return { ...services, refusals: [{ subject: "control-plane VIPs", reason }, ...services.refusals] }
}
