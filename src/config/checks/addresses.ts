// Who has which address: nodes, peers, VIPs and floating IPs are all different, pools hold none of them and do not
// overlap, VIPs are one per family (S6, S8, S14). Every clash names both places.
import { type Address, addressToBigInt, familyOf } from "../../net/ip.ts"
import { parseRange } from "../documents/range.ts"
import type { Problem } from "../problem.ts"
import type { CheckContext } from "./context.ts"
import { errorAt, type Item, lineOf, type Place, warningAt } from "./report.ts"

export interface Role {
  readonly what: string
  readonly address: Address
}

const asRole = (what: string, items: ReadonlyArray<Item<Address>>): ReadonlyArray<Item<Role>> =>
  items.map((item) => ({ source: item.source, path: item.path, value: { what, address: item.value } }))

const ingressVip = ({ cluster, loadBalancer }: CheckContext): ReadonlyArray<Item<Address>> => {
  const vip = cluster.value.spec.loadBalancer.vips.ingressVIP
  return vip === undefined ? [] : [{ ...loadBalancer, path: [...loadBalancer.path, "vips", "ingressVIP"], value: vip }]
}

/** Addresses that are taken, by role; of the nodes each machine once, since it may stand in several pools. */
export const addressRoles = (context: CheckContext): ReadonlyArray<Item<Role>> => {
  const nodes = [...context.controlPlaneNodes, ...context.workers, ...context.lbNodes].map((node) => ({
    ...node,
    value: node.value.address
  }))
  const machines = [...new Map([...nodes].reverse().map((node) => [node.value, node])).values()].reverse()
  const peers = context.peers.map((peer) => ({ ...peer, path: [...peer.path, "ip"], value: peer.value.ip }))
  const servicePeers = context.documents.peers.map((peer) => ({
    source: peer.source,
    path: ["spec", "peerIP"],
    value: peer.value.spec.peerIP
  }))
  return [
    ...asRole("a node", machines),
    ...asRole("a BGP peer", peers),
    // The same router may serve both kinds of sessions.
    ...asRole(
      "a BGP peer",
      servicePeers.filter((peer) => !peers.some((other) => other.value === peer.value))
    ),
    ...asRole("a control-plane VIP", context.vips),
    ...asRole("the ingress VIP", ingressVip(context)),
    ...asRole("a floating IP", context.floatingIps)
  ]
}

const checkClashes = (all: ReadonlyArray<Item<Role>>): ReadonlyArray<Problem> => {
  const first = new Map<Address, Item<Role>>()
  return all.flatMap((item) => {
    const other = first.get(item.value.address)
    if (other === undefined) {
      first.set(item.value.address, item)
      return []
    }
    // Peers that are there twice are told apart by their port, elsewhere.
    if (other.value.what === "a BGP peer" && item.value.what === "a BGP peer") return []
    const again =
      other.value.what === item.value.what ? `${item.value.what} twice` : `${item.value.what} and ${other.value.what}`
    return [errorAt(item, `the address is ${again}, see ${lineOf(other, item)}`, { found: item.value.address })]
  })
}

/** Whether a host can have `address` and routers can reach it there. */
export const isReachable = (address: Address): boolean => !NEVER_UNICAST.test(address) && !LOOPBACK.test(address)

const NEVER_UNICAST = /^(?:0\.|22[4-9]\.|2[3-5]\d\.|ff|fe[89ab]|::$)/
const LOOPBACK = /^(?:127\.|::1$)/

/** Addresses that no host can have, and VIPs on loopback, which no router could reach. */
const checkUsable = (all: ReadonlyArray<Item<Role>>): ReadonlyArray<Problem> =>
  all.flatMap((item) => {
    const { address, what } = item.value
    const vip = what.endsWith("VIP") || what === "a floating IP"
    if (!NEVER_UNICAST.test(address) && !(vip && LOOPBACK.test(address))) return []
    return [errorAt(item, `cannot be ${what}`, { found: address, expected: "a global unicast address" })]
  })

const checkVipFamilies = ({ vips, loadBalancer }: CheckContext): ReadonlyArray<Problem> => {
  const families = vips.map((vip) => familyOf(vip.value))
  if (new Set(families).size === families.length) return []
  const place = { ...loadBalancer, path: [...loadBalancer.path, "vips", "controlPlaneVIP"] }
  return [
    errorAt(place, "two control-plane VIPs are of the same family", {
      expected: "at most one IPv4 and one IPv6 address"
    })
  ]
}

export interface PoolRange {
  readonly pool: string
  readonly text: string
  readonly first: bigint
  readonly last: bigint
  readonly family: string
}

export const poolRanges = (context: CheckContext): ReadonlyArray<Item<PoolRange>> =>
  (context.cluster.value.spec.loadBalancer.addressPools ?? []).flatMap((pool, p) =>
    pool.addresses.flatMap((text, a) => {
      const range = parseRange(text)
      if (typeof range === "string") return []
      const path = [...context.loadBalancer.path, "addressPools", p, "addresses", a]
      const value = {
        pool: pool.name,
        text,
        first: addressToBigInt(range.first),
        last: addressToBigInt(range.last),
        family: familyOf(range.first)
      }
      return [{ source: context.cluster.source, path, value }]
    })
  )

const checkOverlaps = (ranges: ReadonlyArray<Item<PoolRange>>): ReadonlyArray<Problem> => {
  // In order of their first address an overlap is one with the range that reaches furthest so far.
  const sorted = [...ranges].sort((a, b) =>
    a.value.family !== b.value.family
      ? a.value.family < b.value.family
        ? -1
        : 1
      : a.value.first < b.value.first
        ? -1
        : a.value.first > b.value.first
          ? 1
          : 0
  )
  const problems: Array<Problem> = []
  let reach: Item<PoolRange> | undefined
  for (const range of sorted) {
    if (reach !== undefined && reach.value.family === range.value.family && range.value.first <= reach.value.last) {
      const [earlier, later] = ranges.indexOf(reach) < ranges.indexOf(range) ? [reach, range] : [range, reach]
      problems.push(
        errorAt(later, `overlaps ${earlier.value.text} of pool ${earlier.value.pool} in ${lineOf(earlier, later)}`, {
          found: later.value.text
        })
      )
    }
    if (reach === undefined || reach.value.family !== range.value.family || range.value.last > reach.value.last)
      reach = range
  }
  return problems
}

export const poolRangeOf = (ranges: ReadonlyArray<Item<PoolRange>>, address: Address): Item<PoolRange> | undefined => {
  const n = addressToBigInt(address)
  const family = familyOf(address)
  return ranges.find(({ value }) => value.family === family && value.first <= n && n <= value.last)
}

const checkPools = (context: CheckContext, all: ReadonlyArray<Item<Role>>): ReadonlyArray<Problem> => {
  const ranges = poolRanges(context)
  const held = all
    .filter((item) => item.value.what !== "the ingress VIP")
    .flatMap((item) => {
      const range = poolRangeOf(ranges, item.value.address)
      if (range === undefined) return []
      return [
        errorAt(range, `holds ${item.value.address}, which is ${item.value.what} in ${lineOf(item, range)}`, {
          found: range.value.text
        })
      ]
    })
  const outside =
    ranges.length === 0
      ? []
      : ingressVip(context)
          .filter((vip) => poolRangeOf(ranges, vip.value) === undefined)
          .map((vip) => warningAt(vip, "the ingress VIP is in no address pool", { found: vip.value }))
  return [...checkOverlaps(ranges), ...checkPoolNames(context), ...held, ...outside]
}

const checkPoolNames = ({ cluster, loadBalancer }: CheckContext): ReadonlyArray<Problem> => {
  const seen = new Map<string, Place>()
  return (cluster.value.spec.loadBalancer.addressPools ?? []).flatMap((pool, i) => {
    const place = { ...loadBalancer, path: [...loadBalancer.path, "addressPools", i, "name"] }
    const first = seen.get(pool.name)
    if (first !== undefined)
      return [errorAt(place, `the pool's name is taken in ${lineOf(first, place)}`, { found: pool.name })]
    seen.set(pool.name, place)
    return []
  })
}

export const checkAddresses = (context: CheckContext): ReadonlyArray<Problem> => {
  const all = addressRoles(context)
  return [...checkUsable(all), ...checkClashes(all), ...checkVipFamilies(context), ...checkPools(context, all)]
}
