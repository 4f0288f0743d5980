// Whether a node comes into question for an address, with the reason (I9): it has an interface in the address's subnet, it
// stays, and it is among those that may hold the address. S8, S13.
import { type Address, addressBits, addressBytes, familyOf, type Prefix, prefixFromBytes } from "../net/ip.ts"
import type { Claimable, ElectionNode, Judgement, SubnetAddress } from "./types.ts"

/** A node of the cluster file whose daemon has not shown up. */
export interface ExpectedNode {
  readonly name: string
  readonly address: Address
}

export interface Candidates {
  /** Names of those that come into question, in order, with the interface; it is not known of one that is waited for. */
  readonly nodes: ReadonlyMap<string, { readonly interface?: string }>
  readonly judgements: ReadonlyArray<Judgement>
}

interface Subnet {
  readonly prefix: Prefix
  readonly length: number
  readonly interface: string
  readonly address: Address
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const subnetOf = (address: Address, length: number): Prefix => prefixFromBytes(addressBytes(address), length)

/** Longest prefix first. Host addresses (/32, /128: VIPs and the like) say nothing about a subnet. */
const subnetsOf = (addresses: ReadonlyArray<SubnetAddress>): ReadonlyArray<Subnet> =>
  addresses
    .filter((a) => a.prefixLength > 0 && a.prefixLength < addressBits(familyOf(a.address)))
    .map((a) => ({
      prefix: subnetOf(a.address, a.prefixLength),
      length: a.prefixLength,
      interface: a.interface,
      address: a.address
    }))
    .sort((a, b) => b.length - a.length || compare(a.interface, b.interface) || compare(a.prefix, b.prefix))

/** Tells whether a subnet holds `address`; works out each prefix of the address once. */
const memberOf = (address: Address): ((subnet: Subnet) => boolean) => {
  const family = familyOf(address)
  const around = new Map<number, Prefix>()
  return ({ prefix, length }) => {
    if (familyOf(prefix) !== family) return false
    const own = around.get(length) ?? subnetOf(address, length)
    around.set(length, own)
    return own === prefix
  }
}

/** The narrowest subnet of `addresses` that `address` is in. */
export const subnetAround = (address: Address, addresses: ReadonlyArray<SubnetAddress>): Prefix | undefined =>
  subnetsOf(addresses).find(memberOf(address))?.prefix

const notListed = (claimable: Claimable, node: string): boolean =>
  claimable.nodes !== undefined && !claimable.nodes.includes(node)

/**
 * A judge over these nodes. `settling`: nodes that are expected count as if they were there, in every subnet of a member
 * that holds their address.
 */
export const judge = (
  nodes: ReadonlyArray<ElectionNode>,
  expected: ReadonlyArray<ExpectedNode>,
  settling: boolean
): ((claimable: Claimable) => Candidates) => {
  const there = [...nodes]
    .sort((a, b) => compare(a.name, b.name))
    .map((node) => ({ ...node, subnets: subnetsOf(node.addresses) }))
  const subnets = there.flatMap((node) => node.subnets)
  const absent = expected
    .filter(({ name }) => !nodes.some((node) => node.name === name))
    .sort((a, b) => compare(a.name, b.name))
    .map((node) => ({ ...node, subnets: subnets.filter(memberOf(node.address)) }))

  return (claimable) => {
    const { address } = claimable
    const holds = memberOf(address)
    const within = (subnet: Subnet): boolean => subnet.address !== address && holds(subnet)
    const candidates = new Map<string, { readonly interface?: string }>()
    const present = there.map((node): Judgement => {
      const subnet = node.subnets.find(within)
      const no = (reason: string): Judgement => ({ node: node.name, ok: false, reason })
      if (notListed(claimable, node.name)) return no("is not among the nodes that may hold it")
      if (subnet === undefined) return no("has no interface in its subnet")
      if (node.leaving) return no("is drained or on its way out")
      candidates.set(node.name, { interface: subnet.interface })
      return { node: node.name, ok: true, reason: `has ${subnet.interface} in ${subnet.prefix}` }
    })
    const awaited = absent.map((node): Judgement => {
      const subnet = node.subnets.find(within)
      const waited = settling && subnet !== undefined && !notListed(claimable, node.name)
      if (!waited) return { node: node.name, ok: false, reason: "is not there: its daemon is down or has no store" }
      candidates.set(node.name, {})
      return { node: node.name, ok: true, reason: `has not shown up yet; its address is in ${subnet.prefix}` }
    })
    return { nodes: candidates, judgements: [...present, ...awaited] }
  }
}
