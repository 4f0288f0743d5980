// Pools as people see them: ranges as they were written, how many addresses there are and how many are used.
import { describe, expect, test } from "bun:test"
import { poolUse, rangeText } from "../../src/ipam/poolUse.ts"
import type { Address } from "../../src/net/ip.ts"

const range = (first: string, last: string) => ({ first: first as Address, last: last as Address })

describe("use of pools", () => {
  test("a range that is a prefix reads like one", () => {
    expect(rangeText(range("10.64.0.0", "10.64.0.15"))).toBe("10.64.0.0/28")
    expect(rangeText(range("10.64.0.1", "10.64.0.16"))).toBe("10.64.0.1-10.64.0.16")
    expect(rangeText(range("10.64.0.7", "10.64.0.7"))).toBe("10.64.0.7/32")
    expect(rangeText(range("2001:db8::", "2001:db8::ffff:ffff:ffff:ffff"))).toBe("2001:db8::/64")
    expect(rangeText(range("0.0.0.0", "255.255.255.255"))).toBe("0.0.0.0/0")
  })

  test("counts what is bound and what rests, each in its pool", () => {
    const pool = (name: string, ...ranges: ReadonlyArray<ReturnType<typeof range>>) => ({
      name,
      ranges,
      avoidBuggyIps: true,
      manualAssign: name === "big"
    })
    const pools = [
      pool("lan", range("10.64.0.0", "10.64.0.3")),
      pool("big", range("2001:db8::", "2001:db8::ffff:ffff:ffff:ffff"))
    ]
    const bound = (address: string) => ({ address: address as Address, pool: "", owners: [] })
    const bindings = ["10.64.0.1", "10.64.0.2", "2001:db8::5", "192.0.2.1"].map(bound)
    const resting = [{ address: "10.64.0.3" as Address, service: "default/web", until: 0 }]
    expect(poolUse(pools, bindings, resting)).toEqual([
      { name: "lan", addresses: ["10.64.0.0/30"], total: "3", used: 2, resting: 1, manualAssign: false },
      { name: "big", addresses: ["2001:db8::/64"], total: String(2n ** 64n), used: 1, resting: 0, manualAssign: true }
    ])
  })
})
