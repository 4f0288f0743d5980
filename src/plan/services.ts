// The services (S14) with the addresses that are bound to them, and who takes the traffic of each address. Bindings of services
// that no document names any more are nobody's (I7). What becomes of every service is said, with the reason where
// something is missing (I9).
import { type ServiceKey, type ServiceRequest, serviceKey } from "../ipam/types.ts"
import { hash32 } from "../net/hash.ts"
import { type Address, addressBits, type Family, familyOf } from "../net/ip.ts"
import type { DesiredCluster } from "./desired.ts"
import type { LbNode } from "./lbNodes.ts"
import { endpointsOf, type Takers, takersOf } from "./nextHops.ts"
import type { PlannedAddress, PlannedService, Refusal } from "./types.ts"
import type { ClusterView } from "./view.ts"

/** An address that some services of the documents have. */
export interface BoundAddress {
  readonly address: Address
  readonly pool: string
  /** Oldest first; at least one. */
  readonly services: readonly [ServiceRequest, ...ReadonlyArray<ServiceRequest>]
}

/** An address with the nodes that take its traffic. */
export interface ServedAddress extends BoundAddress, Takers {
  readonly hash: number
}

/** Bound addresses, each once. */
export const boundAddresses = (cluster: DesiredCluster, view: ClusterView): ReadonlyArray<BoundAddress> => {
  const requests = new Map<ServiceKey, ServiceRequest>(cluster.services.map((s) => [serviceKey(s), s]))
  const bound = new Map<Address, BoundAddress>()
  for (const { address, pool, owners } of view.bindings) {
    const [oldest, ...more] = owners.flatMap((owner) => requests.get(owner.service) ?? [])
    if (oldest !== undefined) bound.set(address, { address, pool, services: [oldest, ...more] })
  }
  return [...bound.values()]
}

export const servedAddresses = (
  cluster: DesiredCluster,
  view: ClusterView,
  nodes: ReadonlyArray<LbNode>,
  sessionFamilies: ReadonlyArray<Family>
): ReadonlyArray<ServedAddress> => {
  const endpoints = endpointsOf(cluster)
  // Without endpoints to ask for, addresses of one family have the same takers: worked out once for all of them.
  const anywhere = new Map<Family, Takers>()
  const takersFor = ({ address, services }: BoundAddress): Takers => {
    const takers = () => takersOf(address, services, nodes, endpoints, sessionFamilies)
    if (services.some(({ externalTrafficPolicy }) => externalTrafficPolicy === "Local")) return takers()
    const known = anywhere.get(familyOf(address)) ?? takers()
    anywhere.set(familyOf(address), known)
    return known
  }
  return boundAddresses(cluster, view).map((bound) => ({
    ...bound,
    ...takersFor(bound),
    hash: hash32(bound.address)
  }))
}

/** `<namespace>-<service>` (S23). */
export const routeName = ({ namespace, name }: ServiceRequest): string => `${namespace}-${name}`

/** "service default/web", and who shares the address. */
export const ownersText = ([oldest, ...more]: BoundAddress["services"]): string =>
  [
    `service ${serviceKey(oldest)}`,
    ...(more.length === 0 ? [] : ["shared with", more.map(serviceKey).join(", ")])
  ].join(" ")

export const byService = <T extends BoundAddress>(
  addresses: ReadonlyArray<T>
): ReadonlyMap<ServiceKey, ReadonlyArray<T>> => {
  const all = new Map<ServiceKey, Array<T>>()
  for (const address of addresses) {
    for (const service of address.services) {
      const key = serviceKey(service)
      const list = all.get(key)
      if (list === undefined) all.set(key, [address])
      else list.push(address)
    }
  }
  return all
}

export const NO_ADDRESS = "no address is bound to it"

/** A service of which there is nothing to say but why. */
export const idleService = (
  { namespace, name, externalTrafficPolicy }: ServiceRequest,
  bound: ReadonlyArray<BoundAddress>,
  reason: string
): PlannedService => ({
  namespace,
  name,
  addresses: bound.map(({ address }) => address),
  pools: [...new Set(bound.flatMap(({ pool }) => (pool === "" ? [] : [pool])))],
  externalTrafficPolicy,
  nextHops: [],
  left: [],
  reason
})

const nextHopsOf = ({ address, takers }: ServedAddress): PlannedService["nextHops"] =>
  takers.flatMap(({ node, hops }) => {
    const nextHop = hops[familyOf(address)] ?? hops.ipv4 ?? hops.ipv6
    return nextHop === undefined ? [] : [{ address, node: node.name, nextHop }]
  })

/** Every service with its addresses and next hops. `obstacle`: why none of them is announced. */
export const plannedServices = (
  services: ReadonlyArray<ServiceRequest>,
  served: ReadonlyArray<ServedAddress>,
  obstacle: string | undefined
): ReadonlyArray<PlannedService> => {
  const addresses = byService(served)
  return services.map((service): PlannedService => {
    const own = addresses.get(serviceKey(service)) ?? []
    const { reason: _reason, ...idle } = idleService(service, own, "")
    const lonely = own.filter(({ takers }) => takers.length === 0).map(({ address }) => address)
    const whyNot =
      own.length === 0
        ? NO_ADDRESS
        : (obstacle ?? (lonely.length === 0 ? undefined : `no LB node takes traffic for ${lonely.join(", ")}`))
    return {
      ...idle,
      nextHops: own.flatMap(nextHopsOf),
      left: own.flatMap(({ address, left }) => left.map(({ node, reason }) => ({ address, node: node.name, reason }))),
      ...(whyNot === undefined ? {} : { reason: whyNot })
    }
  })
}

const isTaken = (self: Address, { takers }: ServedAddress): boolean =>
  takers.some(({ node }) => node.node.address === self)

/** Peers send here until they have heard otherwise: an address that is taken off at once would lose what is under way (I8). */
const isGivenAway = (self: Address, { left }: ServedAddress): boolean =>
  left.some(({ node }) => node.node.address === self && node.out !== undefined)

/**
 * The addresses whose traffic comes to this node: like a control-plane VIP it has to accept it, and on a machine without a
 * data plane that catches service addresses before routing nothing else would. One that does is not disturbed. A node that
 * is drained or on its way out keeps them until its daemon ends.
 */
export const serviceAddresses = (
  cluster: DesiredCluster,
  served: ReadonlyArray<ServedAddress>,
  self: Address
): { readonly addresses: ReadonlyArray<PlannedAddress>; readonly refusals: ReadonlyArray<Refusal> } => {
  const { vipInterface } = cluster.loadBalancer
  const own = served.filter((address) => isTaken(self, address) || isGivenAway(self, address))
  if (vipInterface === "none") {
    const reason = "vipInterface is none: announced only, somebody else takes their traffic on the node"
    return { addresses: [], refusals: own.length === 0 ? [] : [{ subject: "addresses of services", reason }] }
  }
  const addresses = own.map((address) => ({
    address: address.address,
    prefixLength: addressBits(familyOf(address.address)),
    interface: vipInterface,
    reason: isTaken(self, address)
      ? `VIP of ${ownersText(address.services)}: this node is a next hop and must accept the traffic`
      : `VIP of ${ownersText(address.services)}: this node is no next hop any more and accepts what is under way`
  }))
  return { addresses, refusals: [] }
}
