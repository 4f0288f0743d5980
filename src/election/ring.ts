// The order in which addresses that move are dealt to nodes and picked for peers: a ring on which an address has its place by
// itself, so that an address more or less leaves the others where they were. Neighbours on the ring are dealt to different nodes,
// so a peer whose sessions start from neighbours has them on different nodes (S9). The place is the address times the golden ratio:
// addresses that follow each other, as most floating IPs do, then cut the ring into pieces of two or three sizes
// (three-distance theorem), where a hash might leave next to nothing to one of two.
import { hash32 } from "../net/hash.ts"
import { type Address, addressBytes } from "../net/ip.ts"

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** 2^32 divided by the golden ratio. */
const GOLDEN = 0x9e3779b1

/** From 0 to 2^32 - 1; of an IPv6 address the last 32 bits count. */
const placeOf = (address: Address): number => {
  const last = addressBytes(address).subarray(-4)
  return (
    Math.imul(
      last.reduce((n, byte) => (n << 8) | byte, 0),
      GOLDEN
    ) >>> 0
  )
}

const placed = (addresses: ReadonlyArray<Address>) =>
  addresses
    .map((address) => ({ address, place: placeOf(address) }))
    .sort((a, b) => a.place - b.place || compare(a.address, b.address))

/** The addresses in the order of the ring, from its lowest place on. */
export const ringOrder = (addresses: ReadonlyArray<Address>): ReadonlyArray<Address> =>
  placed(addresses).map(({ address }) => address)

/** The addresses in the order of the ring from the place of `key` on, all the way round. */
export const ringFrom = (key: string, addresses: ReadonlyArray<Address>): ReadonlyArray<Address> => {
  const ring = placed(addresses)
  const from = hash32(key)
  const start = ring.findIndex(({ place }) => place >= from)
  const turned = start <= 0 ? ring : [...ring.slice(start), ...ring.slice(0, start)]
  return turned.map(({ address }) => address)
}
