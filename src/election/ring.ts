// The order in which addresses that move are dealt to nodes and picked for peers. It is the order of their hashes, a ring:
// an address more or less leaves the others where they were, and neighbours on the ring are dealt to different nodes,
// so that a peer whose sessions start from neighbours has them on different nodes (S9).
import { hash32 } from "../net/hash.ts"
import type { Address } from "../net/ip.ts"

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** The addresses in the order of the ring, from its lowest point on. */
export const ringOrder = (addresses: ReadonlyArray<Address>): ReadonlyArray<Address> =>
  addresses
    .map((address) => ({ address, point: hash32(address) }))
    .sort((a, b) => a.point - b.point || compare(a.address, b.address))
    .map(({ address }) => address)

/** The addresses in the order of the ring from the point of `key` on, all the way round. */
export const ringFrom = (key: string, addresses: ReadonlyArray<Address>): ReadonlyArray<Address> => {
  const ring = ringOrder(addresses)
  const point = hash32(key)
  const start = ring.findIndex((address) => hash32(address) >= point)
  return start <= 0 ? ring : [...ring.slice(start), ...ring.slice(0, start)]
}
