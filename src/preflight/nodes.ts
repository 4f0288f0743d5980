// The nodes of a preflight, as the operator's side found them, and the cluster view that follows: what the planner would know if every
// node that answered were a member. What a node says of itself is asked once, at the beginning.
import type { Address, Family } from "../net/ip.ts"
import type { ClusterNode, DesiredCluster } from "../plan/desired.ts"
import { ownAddress } from "../plan/ownAddress.ts"
import type { LocalAddress } from "../plan/types.ts"
import type { ClusterView, Member } from "../plan/view.ts"
import type { Facts } from "./protocol.ts"

/** How the question went. */
export type NodeAnswer =
  | {
      readonly type: "facts"
      readonly facts: Facts
      /** Milliseconds that the node's clock is ahead of the operator's, and how far that may be off. */
      readonly aheadMs: number
      readonly uncertainMs: number
    }
  | { readonly type: "silent"; readonly reason: string }

export interface PreflightNodeState {
  readonly node: ClusterNode
  /** The URL that was asked. */
  readonly url: string
  readonly answer: NodeAnswer
}

export interface ReachedNode {
  readonly node: ClusterNode
  readonly facts: Facts
  readonly aheadMs: number
  readonly uncertainMs: number
}

export const reached = (states: ReadonlyArray<PreflightNodeState>): ReadonlyArray<ReachedNode> =>
  states.flatMap(({ node, answer }) =>
    answer.type === "facts"
      ? [{ node, facts: answer.facts, aheadMs: answer.aheadMs, uncertainMs: answer.uncertainMs }]
      : []
  )

/** The node's addresses, those left out that this program put there. */
export const standingAddresses = ({ addresses }: Facts): ReadonlyArray<LocalAddress> =>
  addresses.flatMap(({ ours, ...address }) => (ours ? [] : [address]))

/** The interface that has the node's own address. */
export const homeInterface = ({ node, facts }: ReachedNode): string | undefined =>
  facts.addresses.find(({ address }) => address === node.address)?.interface

/** The node's own address of the family, as sessions and next hops use it. */
export const sourceOf = (cluster: DesiredCluster, { node, facts }: ReachedNode, family: Family): Address | undefined =>
  ownAddress(cluster, { name: node.name, addresses: standingAddresses(facts) }, node, family)

const memberOf = (cluster: DesiredCluster, one: ReachedNode): Member => {
  const [ipv4, ipv6] = (["ipv4", "ipv6"] as const).map((family) => sourceOf(cluster, one, family))
  return {
    name: one.node.name,
    address: one.node.address,
    addresses: standingAddresses(one.facts),
    macs: Object.fromEntries(one.facts.interfaces.map(({ name, mac }) => [name, mac])),
    nextHops: { ...(ipv4 === undefined ? {} : { ipv4 }), ...(ipv6 === undefined ? {} : { ipv6 }) },
    version: one.facts.version,
    configHash: "",
    startedAt: ""
  }
}

/** As if everybody who answered were a member, and nobody held anything. */
export const viewOf = (cluster: DesiredCluster, nodes: ReadonlyArray<ReachedNode>): ClusterView => ({
  members: nodes.map((one) => memberOf(cluster, one)),
  claims: [],
  bindings: [],
  resting: [],
  drained: []
})
