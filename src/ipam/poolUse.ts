// How much of each pool is used (S14), and its ranges as people write them: a prefix where the range is one, `first-last` otherwise.
// An IPv6 pool may have more addresses than a number can hold, so they are counted as bigint and shown as text.
import { addressBits, addressToBigInt, familyOf } from "../net/ip.ts"
import { indexPools } from "./pools.ts"
import type { AddressPool, AddressRange, Binding, RestingAddress } from "./types.ts"

export interface PoolUse {
  readonly name: string
  readonly addresses: ReadonlyArray<string>
  /** Addresses that services without a request of their own can get. */
  readonly total: string
  readonly used: number
  readonly resting: number
  readonly manualAssign: boolean
}

export const rangeText = ({ first, last }: AddressRange): string => {
  const [from, to] = [addressToBigInt(first), addressToBigInt(last)]
  const size = to - from + 1n
  const aligned = size > 0n && (size & (size - 1n)) === 0n && from % size === 0n
  if (!aligned) return `${first}-${last}`
  return `${first}/${addressBits(familyOf(first)) - (size.toString(2).length - 1)}`
}

const count = (names: ReadonlyArray<string>): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}

export const poolUse = (
  pools: ReadonlyArray<AddressPool>,
  bindings: ReadonlyArray<Binding>,
  resting: ReadonlyArray<RestingAddress>
): ReadonlyArray<PoolUse> => {
  const { byName, holder } = indexPools(pools)
  const poolOf = ({ address }: { readonly address: Binding["address"] }) => holder(address)?.pool.name ?? ""
  const used = count(bindings.map(poolOf))
  const rests = count(resting.map(poolOf))
  return pools.map(({ name, ranges, manualAssign }) => {
    const size = byName.get(name)?.size ?? { ipv4: 0n, ipv6: 0n }
    return {
      name,
      addresses: ranges.map(rangeText),
      total: String(size.ipv4 + size.ipv6),
      used: used.get(name) ?? 0,
      resting: rests.get(name) ?? 0,
      manualAssign
    }
  })
}
