// Which of its addresses a node uses: to open sessions from and as the next hop that it announces. The address in
// the cluster file comes first; for the other family the node itself is asked, an address of the same interface
// before others, never one that is only valid on its link, and never a VIP or a floating IP, which may be gone
// tomorrow.

import { hash64 } from "../net/hash.ts"
import { type Address, addressToBigInt, type Family, familyOf } from "../net/ip.ts"
import type { ClusterNode, DesiredCluster } from "./desired.ts"
import type { NodeView } from "./types.ts"

/** Loopback, link-local, unspecified and multicast addresses. */
const NOT_GLOBAL = /^(?:127\.|169\.254\.|0\.|22[4-9]\.|2[3-5]\d\.|::1?$|fe[89ab]|ff)/

/** The node's own address of `family`, or undefined where it has none. */
export const ownAddress = (
  cluster: DesiredCluster,
  view: NodeView,
  self: ClusterNode,
  family: Family
): Address | undefined => {
  if (familyOf(self.address) === family) return self.address
  const { controlPlaneVips, ingressVips } = cluster.loadBalancer
  const movable = new Set([...controlPlaneVips, ...ingressVips, ...cluster.floatingIps])
  const home = view.addresses.find((local) => local.address === self.address)?.interface
  const candidates = view.addresses.filter(
    ({ address }) => familyOf(address) === family && !NOT_GLOBAL.test(address) && !movable.has(address)
  )
  const atHome = candidates.filter((local) => local.interface === home)
  // The lowest, so that the choice does not depend on the order in which the kernel lists them.
  return (atHome.length > 0 ? atHome : candidates)
    .map((local) => local.address)
    .sort((a, b) => (addressToBigInt(a) < addressToBigInt(b) ? -1 : 1))[0]
}

/**
 * The BGP Identifier (RFC 4271 4.2, RFC 6286) of a speaker at `address`: its IPv4 address. Without one it is 31 bits of a
 * hash of its address, written as an IPv4 address from 1.0.0.0 to 126.255.255.255: the same on every start.
 */
export const routerIdOf = (address: Address, ipv4: Address | undefined): Address => {
  if (ipv4 !== undefined) return ipv4
  const hash = hash64(address)
  const octet = (shift: bigint) => Number((hash >> shift) & 0xffn)
  return `${1 + (octet(24n) % 126)}.${octet(16n)}.${octet(8n)}.${octet(0n)}` as Address
}
