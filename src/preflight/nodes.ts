// The nodes of a preflight, as the operator's side found them, and the cluster view that follows: what the planner would know if every
// node that answered were a member. What a node says of itself is asked once, at the beginning.
import {
  type Address,
  addressBits,
  addressBytes,
  type Family,
  familyOf,
  type Prefix,
  prefixFromBytes
} from "../net/ip.ts"
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
  /** It answers, and not to us; the reason is its own. */
  | { readonly type: "refused"; readonly why: "token" | "no-token" | "other"; readonly reason: string }

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

export interface Subnet {
  readonly prefix: Prefix
  readonly interface: string
  /** The node's own address in it. */
  readonly own: Address
}

/** Loopback and link-local addresses: every machine has some. */
export const NOT_UNIQUE = /^(?:127\.|169\.254\.|::1$|fe[89ab])/

/** Subnets of a node's interfaces; whole-length addresses say nothing about one. */
export const subnetsOf = ({ facts }: ReachedNode): ReadonlyArray<Subnet> =>
  standingAddresses(facts)
    .filter(({ address, prefixLength }) => prefixLength < addressBits(familyOf(address)) && !NOT_UNIQUE.test(address))
    .map((one) => ({
      prefix: prefixFromBytes(addressBytes(one.address), one.prefixLength),
      interface: one.interface,
      own: one.address
    }))

export const isWithin = (address: Address, { prefix }: Pick<Subnet, "prefix">): boolean =>
  familyOf(prefix) === familyOf(address) &&
  prefixFromBytes(addressBytes(address), Number(prefix.slice(prefix.indexOf("/") + 1))) === prefix

/**
 * Subnets that are segments between machines: a node of the file has its address there, or two nodes have different ones. Bridges of container
 * runtimes look alike on every node and are none. Interfaces that are down are left out.
 */
export const segmentsOf = (nodes: ReadonlyArray<ReachedNode>): ((one: ReachedNode) => ReadonlyArray<Subnet>) => {
  const inSubnet = new Map<Prefix, Set<Address>>()
  for (const { prefix, own } of nodes.flatMap(subnetsOf))
    inSubnet.set(prefix, (inSubnet.get(prefix) ?? new Set()).add(own))
  const named = new Set(nodes.map(({ node }) => node.address))
  return (one) => {
    const up = new Set(one.facts.interfaces.flatMap(({ name, up }) => (up ? [name] : [])))
    return subnetsOf(one).filter(
      (subnet) => up.has(subnet.interface) && (named.has(subnet.own) || (inSubnet.get(subnet.prefix)?.size ?? 0) > 1)
    )
  }
}
