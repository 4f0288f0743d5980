// Ranges of addresses as the fewest prefixes that hold exactly them, for prefix lists that accept host routes below a prefix.

import type { Prefix } from "../net/ip.ts"
import { type Address, addressBits, addressFromBigInt, addressToBigInt, type Family, familyOf } from "../net/ip.ts"

/** Host routes within `prefix` are accepted; where it is a host route itself, just that. */
export interface Accepted {
  readonly family: Family
  readonly prefix: Prefix
}

interface Range {
  readonly first: Address
  readonly last: Address
}

/** The largest block that begins at `first` and does not reach beyond `last`, as a number of host bits. */
const blockBits = (first: bigint, last: bigint, bits: number): number => {
  let size = 0
  while (size < bits && (first >> BigInt(size)) % 2n === 0n && first + (1n << BigInt(size + 1)) - 1n <= last) size++
  return size
}

const prefixesOf = ({ first, last }: Range): ReadonlyArray<Accepted> => {
  const family = familyOf(first)
  const bits = addressBits(family)
  const end = addressToBigInt(last)
  const found: Array<Accepted> = []
  for (let at = addressToBigInt(first); at <= end; ) {
    const size = blockBits(at, end, bits)
    found.push({ family, prefix: `${addressFromBigInt(at, family)}/${bits - size}` as Prefix })
    at += 1n << BigInt(size)
  }
  return found
}

/** Ranges that touch or overlap become one, in the order of their addresses, IPv4 first. */
const joined = (ranges: ReadonlyArray<Range>, family: Family): ReadonlyArray<Range> => {
  const sorted = ranges
    .filter(({ first }) => familyOf(first) === family)
    .map(({ first, last }) => ({ first: addressToBigInt(first), last: addressToBigInt(last) }))
    .sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0))
  const out: Array<{ first: bigint; last: bigint }> = []
  for (const range of sorted) {
    const before = out.at(-1)
    if (before !== undefined && range.first <= before.last + 1n) {
      if (range.last > before.last) before.last = range.last
    } else out.push({ ...range })
  }
  return out.map(({ first, last }) => ({
    first: addressFromBigInt(first, family),
    last: addressFromBigInt(last, family)
  }))
}

/** Prefixes that together hold the addresses of `ranges` and no others. */
export const coveringPrefixes = (ranges: ReadonlyArray<Range>): ReadonlyArray<Accepted> =>
  (["ipv4", "ipv6"] as const).flatMap((family) => joined(ranges, family).flatMap(prefixesOf))
