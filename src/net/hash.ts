// FNV-1a over UTF-8 in 64 bits: a stable fingerprint for equality and for spreading, not against anybody's malice.
// Parameters and test values: draft-eastlake-fnv.

const OFFSET_BASIS = 0xcbf29ce484222325n
const PRIME = 0x100000001b3n

/** 64 bits of `text`. */
export const hash64 = (text: string): bigint => {
  let hash = OFFSET_BASIS
  for (const byte of new TextEncoder().encode(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * PRIME)
  return hash
}
