// FNV-1a over UTF-8 in 64 bits: a stable fingerprint for equality, not against anybody's malice; parameters and test values:
// draft-eastlake-fnv. And 32 bits for spreading things over things: FNV-1a alone leaves the first bits of similar texts
// ("10.0.3.100", "10.0.3.101") almost alike, so a finishing mix (the one of MurmurHash3) follows. Every node of a cluster
// computes these alike; a change here moves addresses and sessions during an upgrade.

/** 0xcbf29ce484222325 in two halves; the prime is 2^40 + 0x1b3. */
const OFFSET_BASIS = { high: 0xcbf29ce4, low: 0x84222325 }
const PRIME_LOW = 0x1b3

/** 64 bits of `text`. In halves of 32 bits: whole configs are hashed, and a product of bigints for each octet takes seconds for them. */
export const hash64 = (text: string): bigint => {
  let { high, low } = OFFSET_BASIS
  for (const byte of new TextEncoder().encode(text)) {
    const mixed = (low ^ byte) >>> 0
    const product = mixed * PRIME_LOW
    // The product with 2^40 moves the low half 8 bits up in the high one; all sums stay below 2^53.
    low = product >>> 0
    high = (high * PRIME_LOW + (product - low) / 0x1_0000_0000 + mixed * 0x100) >>> 0
  }
  return (BigInt(high) << 32n) | BigInt(low)
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
