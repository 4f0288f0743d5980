// FNV-1a over UTF-8 in 64 bits: a stable fingerprint for equality, not against anybody's malice; parameters and test values:
// draft-eastlake-fnv. And 32 bits for spreading things over things: FNV-1a alone leaves the first bits of similar texts
// ("10.0.3.100", "10.0.3.101") almost alike, so a finishing mix (the one of MurmurHash3) follows. Every node of a cluster
// computes these alike; a change here moves addresses and sessions during an upgrade.

const OFFSET_BASIS = 0xcbf29ce484222325n
const PRIME = 0x100000001b3n

/** 64 bits of `text`. */
export const hash64 = (text: string): bigint => {
  let hash = OFFSET_BASIS
  for (const byte of new TextEncoder().encode(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * PRIME)
  return hash
}

const OFFSET_BASIS_32 = 0x811c9dc5
const PRIME_32 = 0x01000193

/** Every bit of the result depends on every bit of `n`; one to one. */
const finish32 = (n: number): number => {
  let x = Math.imul(n ^ (n >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return (x ^ (x >>> 16)) >>> 0
}

/** 32 bits of `text`, evenly spread; another `seed` gives a value that has nothing to do with the first. */
export const hash32 = (text: string, seed = OFFSET_BASIS_32): number => {
  let hash = seed
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), PRIME_32)
  return finish32(hash)
}

/** The weight of a pair of hashes, for rendezvous hashing: who has the highest wins. Not symmetric. */
export const weigh = (a: number, b: number): number => finish32(Math.imul(a, PRIME_32) ^ finish32(b ^ 0x9e3779b9))
