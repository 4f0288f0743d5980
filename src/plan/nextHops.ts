// Which LB nodes take the traffic for an address of a service, and why the others do not (S11, S15, L4; I3, I9). A node has to
// be there, to have an address of the family, and with externalTrafficPolicy Local an endpoint of the service.
import { type ServiceRequest, serviceKey } from "../ipam/types.ts"
import { type Address, type Family, familyOf } from "../net/ip.ts"
import type { DesiredCluster } from "./desired.ts"
import type { LbNode } from "./lbNodes.ts"

/** A node that takes traffic. */
export interface Taker {
  readonly node: LbNode
  /** The next hop on sessions over IPv4 and on those over IPv6; absent where such a session cannot carry one that fits. */
  readonly hops: Readonly<Partial<Record<Family, Address>>>
}

export interface Takers {
  readonly takers: ReadonlyArray<Taker>
  readonly left: ReadonlyArray<{ readonly node: LbNode; readonly reason: string }>
}

/** Names by which endpoints call their nodes, by service. */
export type Endpoints = ReadonlyMap<string, ReadonlySet<string>>

export const endpointsOf = (cluster: DesiredCluster): Endpoints => {
  const endpoints = new Map<string, Set<string>>()
  for (const { service, nodes } of cluster.endpoints) {
    const known = endpoints.get(service) ?? new Set()
    for (const node of nodes) known.add(node)
    endpoints.set(service, known)
  }
  return endpoints
}

const hasEndpoint = (endpoints: Endpoints, service: ServiceRequest, { name, node }: LbNode): boolean => {
  const nodes = endpoints.get(serviceKey(service))
  return nodes !== undefined && (nodes.has(name) || nodes.has(node.name) || nodes.has(node.address))
}

/**
 * Whether the policy of every service on the address lets a node take its traffic. Where no node of `nodes` suits them all
 * (services that share an address, with endpoints on different nodes), one that suits some will do.
 */
export const localPolicy = (
  services: ReadonlyArray<ServiceRequest>,
  nodes: ReadonlyArray<LbNode>,
  endpoints: Endpoints
): ((node: LbNode) => boolean) => {
  const local = services.filter((service) => service.externalTrafficPolicy === "Local")
  if (local.length === 0) return () => true
  const suitsAll = (node: LbNode) => local.every((service) => hasEndpoint(endpoints, service, node))
  if (nodes.some(suitsAll)) return suitsAll
  // A service of policy Cluster on the same address is served by any node.
  if (local.length < services.length) return () => true
  return (node) => local.some((service) => hasEndpoint(endpoints, service, node))
}

export const NO_ENDPOINT = "has no endpoint of the service (externalTrafficPolicy Local)"

/** RFC 4760 and, over IPv6 where the node has no IPv4, RFC 8950. */
const hopsFor = (address: Address, { member }: LbNode): Taker["hops"] => {
  const { ipv4, ipv6 } = member?.nextHops ?? {}
  if (familyOf(address) === "ipv6") return ipv6 === undefined ? {} : { ipv4: ipv6, ipv6 }
  const overIpv6 = ipv4 ?? ipv6
  return { ...(ipv4 === undefined ? {} : { ipv4 }), ...(overIpv6 === undefined ? {} : { ipv6: overIpv6 }) }
}

/** `sessionFamilies`: those of the peers that the address is announced to. */
export const takersOf = (
  address: Address,
  services: ReadonlyArray<ServiceRequest>,
  nodes: ReadonlyArray<LbNode>,
  endpoints: Endpoints,
  sessionFamilies: ReadonlyArray<Family>
): Takers => {
  const takers: Array<Taker> = []
  const left: Array<{ readonly node: LbNode; readonly reason: string }> = []
  for (const node of nodes) {
    const hops = hopsFor(address, node)
    if (node.out !== undefined) left.push({ node, reason: node.out })
    else if (sessionFamilies.some((family) => hops[family] !== undefined)) takers.push({ node, hops })
    else left.push({ node, reason: `has no ${familyOf(address)} address to be a next hop` })
  }
  const there = takers.map(({ node }) => node)
  const allowed = localPolicy(services, there, endpoints)
  const refused = there.filter((node) => !allowed(node)).map((node) => ({ node, reason: NO_ENDPOINT }))
  return { takers: takers.filter(({ node }) => allowed(node)), left: [...left, ...refused] }
}
