// Which peers the services are announced to, and from which floating IPs the sessions to each start (S9, S10). Every node works
// out the same choice. It depends on the floating IPs, their subnets and whether somebody can hold them, and not on who
// does: a floating IP that moves takes its sessions along and touches no others.
import { ringFrom } from "../election/ring.ts"
import { hash32, weigh } from "../net/hash.ts"
import { type Address, familyOf } from "../net/ip.ts"
import type { DesiredCluster, ServicePeer } from "./desired.ts"
import { resolvePeerOptions } from "./peerDefaults.ts"
import type { Refusal } from "./types.ts"

/** How many sessions a peer of the control plane gets for the services. */
const SESSIONS = 2

export interface UsedPeer {
  readonly peer: ServicePeer
  readonly port: number
  /** What people call it: the document or the entry that it comes from. */
  readonly called: string
}

const selects = (selector: Readonly<Record<string, string>>, labels: Readonly<Record<string, string>>): boolean =>
  Object.entries(selector).every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value)

const used = (peer: ServicePeer, called: string): UsedPeer => ({ peer, port: resolvePeerOptions(peer).port, called })

/** S10: the peers of the control plane, all of them from every floating IP. */
const controlPlanePeers = (cluster: DesiredCluster, localAsn: number): ReadonlyArray<UsedPeer> =>
  cluster.loadBalancer.controlPlanePeers.map(({ ip, asn, controlPlaneNodes: _nodes, ...options }) => {
    const called = `bgpPeers entry ${ip}`
    const peer = { ...options, name: called, labels: {}, localAsn, peerAsn: asn, peerIp: ip, sessions: SESSIONS }
    return used(peer, called)
  })

/** Each peer address and port once: two sessions with the same ends cannot be. */
const distinct = (peers: ReadonlyArray<UsedPeer>) => {
  const first = new Map<string, UsedPeer>()
  const refusals: Array<Refusal> = []
  for (const peer of peers) {
    const ends = `${peer.peer.peerIp} port ${peer.port}`
    const other = first.get(ends)
    if (other === undefined) first.set(ends, peer)
    else refusals.push({ subject: peer.called, reason: `${other.called} has the same address, ${ends}` })
  }
  return { peers: [...first.values()], refusals }
}

/** The peers that the services are announced to; why there are none stands among the refusals. */
export const servicePeersOf = (
  cluster: DesiredCluster
): { readonly peers: ReadonlyArray<UsedPeer>; readonly refusals: ReadonlyArray<Refusal> } => {
  const { peerSelector, servicePeers } = cluster
  const subject = "service sessions"
  if (peerSelector === undefined || servicePeers.length === 0) {
    const { localAsn } = cluster.loadBalancer
    if (localAsn === undefined) {
      const reason = "loadBalancer.localASN is missing, and no BGPLoadBalancer selects a BGPPeer"
      return { peers: [], refusals: [{ subject, reason }] }
    }
    const peers = controlPlanePeers(cluster, localAsn)
    if (peers.length > 0) return distinct(peers)
    return { peers, refusals: [{ subject, reason: "there is neither a BGPPeer nor an entry in bgpPeers" }] }
  }
  const selected = servicePeers.filter(({ labels }) => selects(peerSelector, labels))
  if (selected.length === 0) {
    const labels = Object.entries(peerSelector).map(([key, value]) => `${key}=${value}`)
    return { peers: [], refusals: [{ subject, reason: `no BGPPeer has the labels ${labels.join(",")}` }] }
  }
  return distinct(selected.map((peer) => used(peer, `BGPPeer ${peer.name}`)))
}

/** What the choice needs to know of a floating IP. */
export interface FloatingIp {
  readonly address: Address
  /** Text that is the same for those of one subnet. */
  readonly subnet: string
  /** Some node can hold it. */
  readonly possible: boolean
}

/** One of each list in turn. */
const interleave = <T>(lists: ReadonlyArray<ReadonlyArray<T>>): ReadonlyArray<T> => {
  const longest = Math.max(0, ...lists.map((list) => list.length))
  return Array.from({ length: longest }, (_, i) => lists.flatMap((list) => list.slice(i, i + 1))).flat()
}

/** All of them from the best to the last resort: a subnet after the other, in each the ring from the peer's own point. */
const preference = (key: string, floatingIps: ReadonlyArray<FloatingIp>): ReadonlyArray<Address> => {
  const subnets = new Map<string, Array<Address>>()
  for (const { address, subnet } of floatingIps) subnets.set(subnet, [...(subnets.get(subnet) ?? []), address])
  const lists = [...subnets]
    .map(([subnet, addresses]) => ({ weight: weigh(hash32(key), hash32(subnet)), list: ringFrom(key, addresses) }))
    .sort((a, b) => b.weight - a.weight)
  return interleave(lists.map(({ list }) => list))
}

/** The floating IPs from which the sessions to a peer start, in an order that stays, and what is missing. */
export const floatingIpsFor = (
  { peer, port, called }: UsedPeer,
  floatingIps: ReadonlyArray<FloatingIp>
): { readonly chosen: ReadonlyArray<Address>; readonly refusals: ReadonlyArray<Refusal> } => {
  const family = familyOf(peer.peerIp)
  const usable = floatingIps.filter(({ address }) => familyOf(address) === family)
  const key = `${peer.peerIp}:${port}`
  const possible = usable.filter((floatingIp) => floatingIp.possible)
  const impossible = usable.filter((floatingIp) => !floatingIp.possible)
  const chosen = [...preference(key, possible), ...preference(key, impossible)].slice(0, peer.sessions)
  const missing = peer.sessions - chosen.length
  if (missing <= 0) return { chosen, refusals: [] }
  const name = family === "ipv4" ? "IPv4" : "IPv6"
  const there =
    usable.length === 0
      ? `no ${name} floating IP`
      : `only ${usable.length} ${name} floating IP${usable.length === 1 ? "" : "s"}`
  const reason =
    `wants ${peer.sessions} sessions and has ${there} to start them from: ` +
    `add ${missing} to the NetworkGatewayGroup, or lower sessions`
  return { chosen, refusals: [{ subject: called, reason }] }
}
