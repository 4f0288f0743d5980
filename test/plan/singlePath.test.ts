// D9: which node a session names for a VIP where the peer takes one path.
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { hash32 } from "../../src/net/hash.ts"
import { singlePaths } from "../../src/plan/singlePath.ts"

const runs = (numRuns: number) => ({ numRuns, seed: 20263 })

const hashes = (prefix: string, count: number): ReadonlyArray<number> =>
  Array.from({ length: count }, (_, i) => hash32(`${prefix}${i}`))

/** Sessions, nodes, and which of the nodes are down. */
const scene = fc
  .record({ sessions: fc.integer({ min: 1, max: 5 }), nodes: fc.integer({ min: 1, max: 8 }), vip: fc.integer() })
  .chain(({ sessions, nodes, vip }) =>
    fc.record({
      sessions: fc.constant(hashes("10.0.3.10", sessions)),
      nodes: fc.constant(hashes("10.0.1.1", nodes)),
      vip: fc.constant(hash32(String(vip))),
      down: fc.subarray(Array.from({ length: nodes }, (_, i) => i))
    })
  )

const pick = (
  s: { sessions: ReadonlyArray<number>; nodes: ReadonlyArray<number>; vip: number },
  down: ReadonlyArray<number>
) => singlePaths(s.sessions, s.vip, s.nodes, (index) => !down.includes(index))

describe("for any sessions and nodes", () => {
  test("a node that can is named, different ones as long as there are enough", () => {
    fc.assert(
      fc.property(scene, (s) => {
        const picks = pick(s, s.down)
        const live = s.nodes.length - s.down.length
        expect(picks.length).toBe(s.sessions.length)
        for (const index of picks) {
          if (live === 0) expect(index).toBe(-1)
          else expect(index >= 0 && index < s.nodes.length && !s.down.includes(index)).toBe(true)
        }
        if (live >= s.sessions.length) expect(new Set(picks).size).toBe(picks.length)
      }),
      runs(1000)
    )
  })

  test("from all nodes up, losing one moves only the session that had it; its return undoes just that", () => {
    fc.assert(
      fc.property(scene, (s) => {
        const before = pick(s, [])
        for (let lost = 0; lost < s.nodes.length; lost++) {
          const after = pick(s, [lost])
          for (const [i, index] of before.entries()) if (index !== lost) expect(after[i]).toBe(index)
        }
      }),
      runs(300)
    )
  })

  test("a session that is left without a spare takes one that others need last", () => {
    // Five nodes, two sessions: one has two spares, the other one. With the nodes of the second down, it takes a late spare
    // of the first, so that the first, when its own node goes, has its early one.
    const nodes = hashes("10.0.1.1", 5)
    const sessions = hashes("10.0.3.10", 2)
    for (let vip = 0; vip < 200; vip++) {
      const s = { sessions, nodes, vip: hash32(`10.1.0.${vip}`) }
      const [own = -1, second = -1] = pick(s, [])
      const [, spare = -1] = pick(s, [second])
      const [kept, last = -1] = pick(s, [second, spare])
      expect(kept).toBe(own)
      const [next, still] = pick(s, [second, spare, own])
      expect([next === last, still]).toEqual([false, last])
    }
  })

  test("with twice as many nodes as sessions, losing a second one moves only the session that has it then", () => {
    fc.assert(
      fc.property(scene, (s) => {
        if (s.nodes.length < 2 * s.sessions.length) return
        for (let first = 0; first < s.nodes.length; first++) {
          const before = pick(s, [first])
          for (let second = 0; second < s.nodes.length; second++) {
            const after = pick(s, [first, second])
            for (const [i, index] of before.entries()) if (index !== second) expect(after[i]).toBe(index)
          }
        }
      }),
      runs(100)
    )
  })
})

describe("over many VIPs", () => {
  const sessions = hashes("10.0.3.10", 2)
  const nodes = hashes("10.0.1.1", 5)
  const vips = Array.from({ length: 1000 }, (_, i) => hash32(`10.1.${i >> 8}.${i & 255}`))
  const at = (down: ReadonlyArray<number>, list: ReadonlyArray<number> = nodes) =>
    vips.map((vip) => pick({ sessions, nodes: list, vip }, down))

  test("each session spreads evenly over the nodes, and so do the spares of a node that is lost", () => {
    const shares = (picks: ReadonlyArray<number | undefined>) =>
      nodes.map((_, i) => picks.filter((x) => x === i).length)
    for (const session of [0, 1]) {
      for (const count of shares(at([]).map((picks) => picks[session]))) expect(Math.abs(count - 200)).toBeLessThan(45)
      const moved = at([]).flatMap((picks, i) => (picks[session] === 0 ? [at([0])[i]?.[session]] : []))
      const [own = 0, ...others] = shares(moved)
      expect(own).toBe(0)
      for (const count of others) expect(Math.abs(count - moved.length / 4)).toBeLessThan(moved.length / 8)
    }
  })

  test("a node more takes its part and leaves the rest as it was", () => {
    const before = at([])
    const after = at([], [...nodes, hash32("10.0.1.99")])
    const elsewhere = after.flatMap((picks, i) => picks.filter((index, s) => index !== before[i]?.[s]))
    const taken = elsewhere.filter((index) => index === 5).length
    expect(Math.abs(taken - 333)).toBeLessThan(60)
    // A first session that goes to the new node may leave its old one to the second.
    expect(elsewhere.length - taken).toBeLessThan(60)
  })

  test("another peer, or another session, spreads on its own", () => {
    const other = vips.map((vip) => pick({ sessions: hashes("10.0.3.20", 2), nodes, vip }, []))
    const same = at([]).filter((picks, i) => picks[0] === other[i]?.[0]).length
    expect(Math.abs(same - 200)).toBeLessThan(60)
  })
})
