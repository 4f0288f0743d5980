// Whether a node comes into question for an address, with the reason (I9): it has an interface in the address's subnet, it
// stays, and it is among those that may hold the address. S8, S13.
import { type Address, addressBits, addressBytes, familyOf, type Prefix, prefixFromBytes } from "../net/ip.ts"
import type { Claimable, ClaimPurpose, ElectionNode, Judgement, SubnetAddress } from "./types.ts"

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

const NOT_LISTED: Readonly<Record<ClaimPurpose, string>> = {
  "floating-ip": "is not among the nodes that may hold it",
  "control-plane-vip": "is no control-plane node",
  "service-vip": "is no load-balancer node"
}
const NO_INTERFACE = "has no interface in its subnet"
const LEAVING = "is drained or on its way out"
const ABSENT = "is not there: its daemon is down or has no store"

/** What can be said of a node, each judgement made once: there may be thousands of addresses. */
const sayings = (node: string): ((ok: boolean, reason: string) => Judgement) => {
  const said = new Map<string, Judgement>()
  return (ok, reason) => {
    const known = said.get(reason)
    if (known !== undefined) return known
    const judgement = { node, ok, reason }
    said.set(reason, judgement)
    return judgement
  }
}

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
    .map((node) => ({ ...node, subnets: subnetsOf(node.addresses), say: sayings(node.name) }))
  const subnets = there.flatMap((node) => node.subnets)
  const absent = expected
    .filter(({ name }) => !nodes.some((node) => node.name === name))
    .sort((a, b) => compare(a.name, b.name))
    .map((node) => ({ ...node, subnets: subnets.filter(memberOf(node.address)), say: sayings(node.name) }))

  return (claimable) => {
    const { address, purpose, refused } = claimable
    const holds = memberOf(address)
    const within = (subnet: Subnet): boolean => subnet.address !== address && holds(subnet)
    const listed = claimable.nodes === undefined ? undefined : new Set(claimable.nodes)
    const candidates = new Map<string, { readonly interface?: string }>()
    const present = there.map(({ name, subnets: own, leaving, say }): Judgement => {
      if (listed?.has(name) === false) return say(false, refused?.get(name) ?? NOT_LISTED[purpose])
      const subnet = own.find(within)
      if (subnet === undefined) return say(false, NO_INTERFACE)
      if (leaving) return say(false, LEAVING)
      candidates.set(name, { interface: subnet.interface })
      return say(true, `has ${subnet.interface} in ${subnet.prefix}`)
    })
    const awaited = absent.map(({ name, subnets: own, say }): Judgement => {
      const subnet = settling && listed?.has(name) !== false ? own.find(within) : undefined
      if (subnet === undefined) return say(false, ABSENT)
      candidates.set(name, {})
      return say(true, `has not shown up yet; its address is in ${subnet.prefix}`)
    })
    return { nodes: candidates, judgements: [...present, ...awaited] }
  }
}
