// The pools of a cluster, indexed: which pool an address is of, in which order pools are asked, who may use one and how
// many addresses it has. S14. Ranges are numbers here and are never walked as a whole, so that 2^64 addresses cost what
// four do.
import { type Address, addressToBigInt, type Family, familyOf } from "../net/ip.ts"
import { selects } from "./selector.ts"
import type { AddressPool, ServiceRequest } from "./types.ts"

/** A range of one pool, both ends included. */
export interface Span {
  readonly first: bigint
  readonly last: bigint
}

export interface IndexedPool {
  readonly pool: AddressPool
  /** In the order of the file. */
  readonly spans: Readonly<Record<Family, ReadonlyArray<Span>>>
  /** Addresses that services without a request of their own can get. */
  readonly size: Readonly<Record<Family, bigint>>
}

export interface PoolIndex {
  /** By priority, equal ones in the order of the file. */
  readonly ordered: ReadonlyArray<IndexedPool>
  readonly byName: ReadonlyMap<string, IndexedPool>
  /** The pool whose ranges have the address. */
  readonly holder: (address: Address) => IndexedPool | undefined
}

export const FAMILY_NAMES: Readonly<Record<Family, string>> = { ipv4: "IPv4", ipv6: "IPv6" }

/** Addresses that end in .0 or .255, which `avoidBuggyIps` leaves out. */
export const isBuggy = (n: bigint): boolean => (n & 0xffn) === 0n || (n & 0xffn) === 0xffn

/** How many numbers up to `n` leave `rest` when divided by 256. */
const upTo = (n: bigint, rest: bigint): bigint => (n < rest ? 0n : (n - rest) / 256n + 1n)

const buggyIn = ({ first, last }: Span): bigint =>
  [0n, 255n].reduce((sum, rest) => sum + upTo(last, rest) - (first === 0n ? 0n : upTo(first - 1n, rest)), 0n)

const indexPool = (pool: AddressPool): IndexedPool => {
  const spans = (family: Family): ReadonlyArray<Span> =>
    pool.ranges
      .filter((range) => familyOf(range.first) === family)
      .map((range) => ({ first: addressToBigInt(range.first), last: addressToBigInt(range.last) }))
  const both = { ipv4: spans("ipv4"), ipv6: spans("ipv6") }
  const count = (family: Family): bigint =>
    both[family].reduce(
      (sum, span) => sum + span.last - span.first + 1n - (family === "ipv4" && pool.avoidBuggyIps ? buggyIn(span) : 0n),
      0n
    )
  return { pool, spans: both, size: { ipv4: count("ipv4"), ipv6: count("ipv6") } }
}

/** Ranges of one family by their first address; those of validated pools do not overlap. */
const sorted = (pools: ReadonlyArray<IndexedPool>, family: Family) =>
  pools
    .flatMap((pool) => pool.spans[family].map((span) => ({ pool, span })))
    .sort((a, b) => (a.span.first < b.span.first ? -1 : a.span.first > b.span.first ? 1 : 0))

export const indexPools = (pools: ReadonlyArray<AddressPool>): PoolIndex => {
  const indexed = pools.map(indexPool)
  const ranges = { ipv4: sorted(indexed, "ipv4"), ipv6: sorted(indexed, "ipv6") }
  const find = (address: Address): IndexedPool | undefined => {
    const list = ranges[familyOf(address)]
    const n = addressToBigInt(address)
    let low = 0
    let high = list.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((list[middle]?.span.first ?? n) <= n) low = middle + 1
      else high = middle
    }
    const found = list[low - 1]
    return found !== undefined && n <= found.span.last ? found.pool : undefined
  }
  const known = new Map<Address, IndexedPool | undefined>()
  const holder = (address: Address): IndexedPool | undefined => {
    if (!known.has(address)) known.set(address, find(address))
    return known.get(address)
  }
  const rank = ({ pool }: IndexedPool): number => pool.priority ?? Number.POSITIVE_INFINITY
  return {
    // The difference of two infinities is no number and must not decide.
    ordered: indexed.toSorted((a, b) => (rank(a) === rank(b) ? 0 : rank(a) - rank(b))),
    byName: new Map(indexed.map((entry) => [entry.pool.name, entry])),
    holder
  }
}

/** Why `service` may not use `pool`, or undefined where it may. */
export const whyNotAdmitted = (pool: AddressPool, service: ServiceRequest): string | undefined => {
  const { namespaces, namespaceSelector, serviceSelector } = pool
  const restricted = namespaces !== undefined || namespaceSelector !== undefined
  const named = namespaces?.includes(service.namespace) ?? false
  const selected = namespaceSelector !== undefined && selects(namespaceSelector, service.namespaceLabels)
  if (restricted && !named && !selected) {
    const names = namespaces === undefined ? "its namespaceSelector" : `namespaces ${namespaces.join(", ")}`
    const selector = namespaces !== undefined && namespaceSelector !== undefined ? " and its namespaceSelector" : ""
    return `pool ${pool.name} is only for ${names}${selector}, not for namespace ${service.namespace}`
  }
  if (serviceSelector !== undefined && !selects(serviceSelector, service.labels))
    return `the serviceSelector of pool ${pool.name} does not match the service's labels`
  return undefined
}
