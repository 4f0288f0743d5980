// The cluster as it would be were every node of the file alive: what `viaduct plan` goes by where it knows nothing but the
// file. Subnets are not in the file: each node is taken to be in the /24 (IPv6: /64) of its address. Everybody holds what
// falls to it.
import type { SubnetAddress } from "../election/types.ts"
import type { Binding } from "../ipam/types.ts"
import { type Address, type Family, familyOf } from "../net/ip.ts"
import type { ClusterNode, DesiredCluster } from "./desired.ts"
import { allNodes } from "./findSelf.ts"
import { planNode } from "./planNode.ts"
import type { ClusterStanding, LocalAddress, NodePlan } from "./types.ts"
import type { ClusterView, Member } from "./view.ts"

export const SUPPOSED_LENGTH: Readonly<Record<Family, number>> = { ipv4: 24, ipv6: 64 }

export const supposedAddress = ({ address }: ClusterNode): SubnetAddress => ({
  address,
  prefixLength: SUPPOSED_LENGTH[familyOf(address)],
  interface: `interface of ${address}`
})

/** `node` as a member with these addresses; its next hops are the address of the file and the first of the other family. */
export const supposedMember = (node: ClusterNode, addresses: ReadonlyArray<SubnetAddress>): Member => {
  const other = familyOf(node.address) === "ipv4" ? "ipv6" : "ipv4"
  const more = addresses.find(({ address }) => familyOf(address) === other && !/^(?:fe[89ab]|::1$|127\.)/.test(address))
  return {
    name: node.name,
    address: node.address,
    addresses,
    macs: {},
    nextHops: {
      [familyOf(node.address)]: node.address,
      ...(more === undefined ? {} : { [other]: more.address })
    },
    version: "",
    configHash: "",
    startedAt: ""
  }
}

/**
 * The plan of `self` in such a cluster. `local`: its addresses, where they are known; `bindings`: those of the services.
 */
export const planFromFile = (
  cluster: DesiredCluster,
  self: ClusterNode,
  local: ReadonlyArray<LocalAddress> | undefined,
  bindings: ReadonlyArray<Binding>
): NodePlan => {
  const addresses = local ?? [supposedAddress(self)]
  const members = allNodes(cluster).map((node) =>
    supposedMember(node, node.address === self.address ? addresses : [supposedAddress(node)])
  )
  const view: ClusterView = { members, claims: [], bindings, resting: [], drained: [] }
  const planWith = (seen: ClusterView, held: ReadonlyArray<Address>): NodePlan => {
    const standing: ClusterStanding = { view: seen, held, sessionNames: new Map(), settling: false }
    return planNode(cluster, { name: self.name, addresses, cluster: standing }, self)
  }
  const { claims } = planWith(view, [])
  return planWith(
    view,
    claims.map(({ address }) => address)
  )
}
