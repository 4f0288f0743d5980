// Adj-RIB-In (D11): counts what a peer announces, keeps little of it, and is bounded.
import { describe, expect, test } from "bun:test"
import { AdjRibIn } from "../../src/bgp/adjRibIn.ts"
import type { Update } from "../../src/bgp/message/types.ts"
import type { Address, Prefix } from "../../src/net/ip.ts"

const nextHop = "192.0.2.1" as Address
const prefix = (n: number): Prefix => `10.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}/32` as Prefix
const update = (announce: ReadonlyArray<number>, withdraw: ReadonlyArray<number> = []): Update => ({
  type: "UPDATE",
  announce: announce.map((n) => ({ prefix: prefix(n), nextHop })),
  withdraw: withdraw.map((n) => ({ prefix: prefix(n) })),
  attributes: {}
})
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i)

describe("Adj-RIB-In", () => {
  test("counts paths, an announcement again is the same path, a withdrawal takes it away", () => {
    const table = new AdjRibIn()
    table.apply(update([1, 2, 3]))
    table.apply(update([3, 4], [1]))
    expect([table.count, table.overflowed]).toEqual([3, false])
    expect(table.sample(2)).toEqual([
      { prefix: prefix(2), nextHop },
      { prefix: prefix(3), nextHop }
    ])
  })

  test("paths of one prefix with different identifiers are different paths (RFC 7911 3)", () => {
    const table = new AdjRibIn()
    const path = (pathId: number) => ({ prefix: prefix(1), nextHop, pathId })
    table.apply({ ...update([]), announce: [path(1), path(2)] })
    table.apply({ ...update([]), withdraw: [{ prefix: prefix(1), pathId: 1 }] })
    expect(table.list()).toEqual([path(2)])
  })

  test("a table beyond the bound is let go and said so; known paths still change and go", () => {
    const table = new AdjRibIn()
    table.apply(update(upTo(100_001)))
    expect([table.count, table.overflowed]).toEqual([100_000, true])
    table.apply(update([5], [6]))
    expect(table.count).toBe(99_999)
    table.clear()
    expect([table.count, table.overflowed]).toEqual([0, false])
  })
})
