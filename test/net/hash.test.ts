// Hashes: known values, and an even spread over names that are almost alike, which is what cluster names are.
import { describe, expect, test } from "bun:test"
import { hash32, hash64, weigh } from "../../src/net/hash.ts"

test("hash64 is FNV-1a (test values of draft-eastlake-fnv)", () => {
  expect(hash64("")).toBe(0xcbf29ce484222325n)
  expect(hash64("a")).toBe(0xaf63dc4c8601ec8cn)
  expect(hash64("foobar")).toBe(0x85944171f73967e8n)
})

test("hash64 is what FNV-1a says with whole numbers, of any text", () => {
  const plain = (text: string): bigint => {
    let hash = 0xcbf29ce484222325n
    for (const byte of new TextEncoder().encode(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n)
    return hash
  }
  for (let n = 0; n < 500; n++) {
    const text = String.fromCodePoint(...Array.from({ length: n % 40 }, (_, i) => (n * 7_919 + i * 104_729) % 0xd7ff))
    expect(hash64(text)).toBe(plain(text))
  }
})

/** Pearson's statistic of counts against an even spread. */
const chiSquare = (counts: ReadonlyArray<number>): number => {
  const mean = counts.reduce((sum, n) => sum + n, 0) / counts.length
  return counts.reduce((sum, n) => sum + (n - mean) ** 2 / mean, 0)
}

const nodes = Array.from({ length: 8 }, (_, i) => hash32(`node-0${i}`))

const winner = (key: number): number => {
  const weights = nodes.map((node) => weigh(key, node))
  return weights.indexOf(Math.max(...weights))
}

describe("weigh spreads evenly", () => {
  // 7 degrees of freedom: 24.3 is the 0.1 % point.
  test("consecutive addresses over nodes that are numbered", () => {
    const counts = nodes.map(() => 0)
    for (let i = 0; i < 2000; i++) {
      const at = winner(hash32(`10.1.${i >> 8}.${i & 255}`))
      counts[at] = (counts[at] ?? 0) + 1
    }
    expect(chiSquare(counts)).toBeLessThan(24.3)
  })

  test("and the winners of neighbours have nothing to do with each other", () => {
    let same = 0
    for (let i = 0; i < 2000; i++) if (winner(hash32(`10.1.0.${i}`)) === winner(hash32(`10.1.0.${i + 1}`))) same++
    expect(Math.abs(same - 250)).toBeLessThan(75)
  })
})

test("another seed gives another hash, and both spread over all bits", () => {
  for (const seed of [undefined, 0x9747b28c]) {
    const bits = Array.from({ length: 32 }, () => 0)
    for (let i = 0; i < 4000; i++) {
      const hash = hash32(`10.0.3.${i}`, seed)
      for (let bit = 0; bit < 32; bit++) bits[bit] = (bits[bit] ?? 0) + ((hash >>> bit) & 1)
    }
    for (const ones of bits) expect(Math.abs(ones - 2000)).toBeLessThan(160)
  }
  expect(hash32("x")).not.toBe(hash32("x", 0x9747b28c))
})

test("neighbouring addresses are anywhere on the ring of hashes", () => {
  let apart = 0
  for (let i = 0; i < 2000; i++) apart += Math.abs(hash32(`10.0.3.${i}`) - hash32(`10.0.3.${i + 1}`)) / 2 ** 32
  // Two random points of a line are a third of it apart.
  expect(Math.abs(apart / 2000 - 1 / 3)).toBeLessThan(0.02)
})
