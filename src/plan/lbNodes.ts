// The load-balancer nodes (S1, S11) as the cluster stands: who of them is there, why not, and the path identifier (RFC 7911) by
// which peers tell the paths over them apart. A path identifier stays while the node stays, and needs no table: the node's
// IPv4 address read as a number (D9). I3.
import { hash32 } from "../net/hash.ts"
import { type Address, addressToBigInt, familyOf } from "../net/ip.ts"
import type { ClusterNode, DesiredCluster } from "./desired.ts"
import type { ClusterView, Member } from "./view.ts"

export interface LbNode {
  /** As people call it. */
  readonly name: string
  readonly node: ClusterNode
  /** Absent: nobody has heard of it. */
  readonly member?: Member
  /** Why no traffic goes there, whatever the service; absent where some may. */
  readonly out?: string
  /** Its place in the list of all LB nodes. */
  readonly index: number
  readonly pathId: number
  /** Of its address: for spreading VIPs over nodes. */
  readonly hash: number
}

const ipv4Of = (node: ClusterNode, member: Member | undefined): Address | undefined =>
  familyOf(node.address) === "ipv4" ? node.address : member?.nextHops.ipv4

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** By address in the file. Nodes without IPv4 get 32 bits of a hash; of two that would be alike the later by name moves on. */
const pathIds = (
  nodes: ReadonlyArray<{ readonly node: ClusterNode; readonly member: Member | undefined }>
): ReadonlyMap<Address, number> => {
  const wishes = nodes.map(({ node, member }) => {
    const ipv4 = ipv4Of(node, member)
    const id = ipv4 === undefined ? hash32(node.address) : Number(addressToBigInt(ipv4))
    return {
      address: node.address,
      id,
      order: `${ipv4 === undefined ? 1 : 0} ${member?.name ?? node.name} ${node.address}`
    }
  })
  const taken = new Set([0])
  const ids = new Map<Address, number>()
  for (const { address, id } of wishes.sort((a, b) => compare(a.order, b.order))) {
    let free = id
    while (taken.has(free)) free = (free + 1) >>> 0
    taken.add(free)
    ids.set(address, free)
  }
  return ids
}

/** Why no traffic goes to a node, whatever the service. */
export const DRAINED = "is drained"
export const ABSENT = "is not there: its daemon is down or has no store"
export const LEAVING = "is on its way out"

const whyOut = (node: ClusterNode, member: Member | undefined, drained: ReadonlySet<string>): string | undefined => {
  if (drained.has(node.name) || drained.has(node.address) || (member !== undefined && drained.has(member.name)))
    return DRAINED
  if (member === undefined) return ABSENT
  return member.leaving === true ? LEAVING : undefined
}

/** The LB nodes of the file, each machine once, in the file's order. */
export const lbNodes = (cluster: DesiredCluster, view: ClusterView): ReadonlyArray<LbNode> => {
  const members = new Map(view.members.map((member) => [member.address, member]))
  const distinct = [...new Map(cluster.loadBalancer.nodes.map((node) => [node.address, node])).values()]
  const nodes = distinct.map((node) => ({ node, member: members.get(node.address) }))
  const ids = pathIds(nodes)
  const drained = new Set(view.drained)
  return nodes.map(({ node, member }, index): LbNode => {
    const out = whyOut(node, member, drained)
    return {
      name: member?.name ?? node.name,
      node,
      ...(member === undefined ? {} : { member }),
      ...(out === undefined ? {} : { out }),
      index,
      pathId: ids.get(node.address) ?? 0,
      hash: hash32(node.address)
    }
  })
}
