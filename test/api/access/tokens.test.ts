// The file of tokens and the bucket of failed logins, as values.
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { makeAttempts } from "../../../src/api/access/attempts.ts"
import { explainName, findToken, parseTokens, printTokens } from "../../../src/api/access/tokens.ts"

const hash = (digit: string): string => digit.repeat(64)

describe("the file of tokens", () => {
  test("has a token a line; what cannot be read lets nobody in and is told by line", () => {
    const text = [
      "# made by hand",
      "",
      `alice write ${hash("a")} 2026-01-01T00:00:00Z`,
      `  bob  read  ${hash("b")}  `,
      `carol admin ${hash("c")}`,
      `dave read ${hash("D")}`,
      `-eve read ${hash("e")}`,
      "frank read abc",
      `bob write ${hash("f")}`
    ].join("\n")
    const { tokens, problems } = parseTokens(text)
    expect(tokens).toEqual([
      { name: "alice", role: "write", hash: hash("a"), created: "2026-01-01T00:00:00Z" },
      { name: "bob", role: "read", hash: hash("b") }
    ])
    expect(problems.map((problem) => problem.split(" ").slice(0, 2).join(" "))).toEqual([
      "line 5",
      "line 6",
      "line 7",
      "line 8",
      "line 9"
    ])
    expect(problems.join()).not.toContain("abc")
  })

  test("is read as it was written, and any text is read", () => {
    const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._@-]{0,20}$/)
    const one = fc.record({
      name,
      role: fc.constantFrom("read" as const, "write" as const),
      hash: fc.stringMatching(/^[0-9a-f]{64}$/)
    })
    fc.assert(
      fc.property(fc.uniqueArray(one, { selector: (token) => token.name }), (tokens) => {
        expect(parseTokens(printTokens(tokens))).toEqual({ tokens, problems: [] })
      }),
      { seed: 1 }
    )
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(parseTokens(text).tokens).toEqual([])
      }),
      { seed: 1 }
    )
  })

  test("a token is found by its whole hash only", () => {
    const tokens = [
      { name: "a", role: "read", hash: hash("a") } as const,
      { name: "b", role: "write", hash: hash("b") } as const
    ]
    expect(findToken(tokens, hash("b"))?.name).toBe("b")
    for (const wrong of ["", "b", hash("b").slice(1), `${hash("b")}b`, hash("c"), `${"b".repeat(63)}a`])
      expect(findToken(tokens, wrong)).toBeUndefined()
  })

  test("names have no blank, since they stand in a line", () => {
    for (const good of ["a", "ops@example.org", "ci-1", "A.b_c"]) expect(explainName(good)).toBe(true)
    for (const bad of ["", "a b", "-a", "a\n", "#a", "a".repeat(64)]) expect(explainName(bad)).not.toBe(true)
  })
})

describe("failed logins", () => {
  test("empty a bucket that time fills, whole seconds told", () => {
    const attempts = makeAttempts({ burst: 2, refillMs: 1_500, addressesMax: 10 })
    expect(attempts.waitSeconds("a", 0)).toBe(0)
    attempts.failed("a", 0)
    expect(attempts.waitSeconds("a", 0)).toBe(0)
    attempts.failed("a", 0)
    expect(attempts.waitSeconds("a", 0)).toBe(2)
    expect(attempts.waitSeconds("b", 0)).toBe(0)
    expect(attempts.waitSeconds("a", 1_499)).toBe(1)
    expect(attempts.waitSeconds("a", 1_500)).toBe(0)
    attempts.failed("a", 1_500)
    expect(attempts.waitSeconds("a", 1_500)).toBe(2)
    expect(attempts.waitSeconds("a", 4_500)).toBe(0)
    attempts.failed("a", 4_500)
    expect(attempts.waitSeconds("a", 4_500)).toBe(0)
  })

  test("of the addresses of one IPv6 network count together", () => {
    const attempts = makeAttempts({ burst: 1, refillMs: 1_000, addressesMax: 10 })
    attempts.failed("2001:db8:1:2:aaaa::1", 0)
    expect(attempts.waitSeconds("2001:db8:1:2:bbbb::2", 0)).toBe(1)
    expect(attempts.waitSeconds("2001:db8:1:3::1", 0)).toBe(0)
    attempts.failed("fd00::1", 0)
    expect(attempts.waitSeconds("fd00::2", 0)).toBe(1)
    expect(attempts.waitSeconds("fd00:0:0:1::2", 0)).toBe(0)
  })

  test("of any number of addresses cost a bounded memory, and the latest are known", () => {
    const attempts = makeAttempts({ burst: 1, refillMs: 1_000_000, addressesMax: 5 })
    for (let i = 0; i < 100; i++) attempts.failed(`10.0.0.${i}`, i)
    const limited = Array.from({ length: 100 }, (_, i) => i).filter((i) => attempts.waitSeconds(`10.0.0.${i}`, 100) > 0)
    expect(limited).toEqual([95, 96, 97, 98, 99])
  })

  test("over any time at most burst and one per refill are looked at", () => {
    const step = fc.integer({ min: 0, max: 5_000 })
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 200 }), (steps) => {
        const attempts = makeAttempts({ burst: 5, refillMs: 2_000, addressesMax: 10 })
        let nowMs = 0
        let looked = 0
        for (const ms of steps) {
          nowMs += ms
          if (attempts.waitSeconds("a", nowMs) > 0) continue
          looked++
          attempts.failed("a", nowMs)
        }
        expect(looked).toBeLessThanOrEqual(5 + Math.floor(nowMs / 2_000))
      }),
      { seed: 1 }
    )
  })
})
