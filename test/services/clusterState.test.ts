// What a node makes of its store's news (src/cluster): views, entries that cannot be read, and the grace of those who have not
// come back yet when a store was away (I11).
import { describe, expect, test } from "bun:test"
import {
  claimKey,
  claimValue,
  configKey,
  configValue,
  drainKey,
  memberValue,
  nodeKey,
  statusKey,
  summaryValue,
  viewOf
} from "../../src/cluster/layout.ts"
import { allocatorOf, isAgreed, prevailingConfig, whyOutvoted } from "../../src/cluster/prevailing.ts"
import {
  type ClusterState,
  endGrace,
  graceEnd,
  hearNews,
  noState,
  type StoredEntry,
  type StoredNews
} from "../../src/cluster/state.ts"
import type { Address } from "../../src/net/ip.ts"
import type { Member } from "../../src/plan/view.ts"

const lease = 3_000
const member = (name: string, more: Partial<Member> = {}): Member => ({
  name,
  address: `10.0.1.${10 + Number(name.slice(-1))}` as Address,
  addresses: [],
  macs: {},
  nextHops: {},
  version: "1",
  configHash: "a",
  startedAt: "2026-01-01T00:00:00.000Z",
  ...more
})
const entry = (key: string, value: string, revision: number, underLease = true): StoredEntry => ({
  key,
  value,
  modRevision: revision,
  createRevision: revision,
  ...(underLease ? { lease: "7" } : {})
})
const node = (name: string, revision: number) => entry(nodeKey(name), memberValue(member(name)), revision)
const address = "10.0.1.100" as Address
const claim = (name: string, revision: number) => entry(claimKey(address), claimValue(name), revision)

const after = (...news: ReadonlyArray<readonly [number, StoredNews]>): ClusterState =>
  news.reduce((state, [now, one]) => hearNews(state, one, now, lease), noState(0))
const names = (state: ClusterState) => state.view.members.map(({ name }) => name)
const all: StoredNews = {
  type: "snapshot",
  revision: 5,
  entries: [node("node-1", 1), node("node-2", 2), claim("node-2", 4)]
}
const gone = (revision: number, ...keys: ReadonlyArray<string>): StoredNews => ({
  type: "changes",
  revision,
  changes: keys.map((key) => ({ type: "delete", key }))
})

describe("the view", () => {
  test("members, claims with the revision at which they came as generation, drained nodes; in the order of the keys", () => {
    const { view, unreadable } = viewOf([
      claim("node-2", 4),
      node("node-2", 2),
      node("node-1", 1),
      entry(drainKey("node-1"), "{}", 3)
    ])
    expect(view.members.map(({ name }) => name)).toEqual(["node-1", "node-2"])
    expect(view.claims).toEqual([{ address, node: "node-2", generation: 4 }])
    expect(view.drained).toEqual(["node-1"])
    expect(unreadable).toEqual([])
  })

  test("what nodes say of themselves, and the config that was given last", () => {
    const sessions = { established: 1, expected: 2 }
    const summary = { node: "node-1", ready: false, summary: "not ready: 1 of 2 sessions", sessions, held: [address] }
    const config = { revision: 3, hash: "a", node: "node-1", at: "2026-01-01T00:00:00.000Z" }
    const entries = [
      entry(statusKey("node-1"), summaryValue(summary), 1),
      entry(configKey, configValue(config), 2, false)
    ]
    expect(viewOf(entries)).toMatchObject({ view: { summaries: [summary], config }, unreadable: [] })
    expect(viewOf([entry("config/revisions/3", "{}", 1)])).toMatchObject({ unreadable: [] })
  })

  test("what cannot be read is named and passed over", () => {
    const bad = [
      entry("nodes/x", "{", 1),
      entry("claims/nonsense", claimValue("x"), 2),
      entry("allocations/10.0.0.1", '{"a":1}', 3)
    ]
    const { view, unreadable } = viewOf([...bad, node("node-1", 4)])
    expect(view.members.length).toBe(1)
    expect(unreadable).toEqual(["allocations/10.0.0.1", "claims/nonsense", "nodes/x"])
  })
})

describe("news", () => {
  test("a node whose record goes is gone at once while the store is there", () => {
    const state = after([0, all], [1_000, gone(6, nodeKey("node-2"), claimKey(address))])
    expect(names(state)).toEqual(["node-1"])
    expect(state.view.claims).toEqual([])
  })

  test("a lost store changes nothing in the view, and says since when and why", () => {
    const state = after(
      [0, all],
      [1_000, { type: "lost", why: "connection refused" }],
      [2_000, { type: "lost", why: "still" }]
    )
    expect(state).toMatchObject({ store: "lost", since: 1_000, why: "still" })
    expect(names(state)).toEqual(["node-1", "node-2"])
  })

  test("I11: after the return of the store whoever is missing counts for one lease, and its claim with it", () => {
    const lost: StoredNews = { type: "lost", why: "away" }
    const without: StoredNews = { type: "snapshot", revision: 9, entries: [node("node-1", 1)] }
    for (const back of [
      [[31_000, without]],
      [
        [31_000, { type: "regained" }],
        [31_500, gone(9, nodeKey("node-2"), claimKey(address))]
      ]
    ] as const) {
      const state = after([0, all], [1_000, lost], ...(back as ReadonlyArray<readonly [number, StoredNews]>))
      expect(names(state)).toEqual(["node-1", "node-2"])
      expect(state.view.claims.map((one) => one.node)).toEqual(["node-2"])
      expect(graceEnd(state)).toBe(34_000)
      expect(names(endGrace(state, 33_999))).toEqual(["node-1", "node-2"])
      expect(names(endGrace(state, 34_000))).toEqual(["node-1"])
    }
  })

  test("who comes back or takes over in that time is seen at once", () => {
    const state = after(
      [0, all],
      [1_000, { type: "lost", why: "away" }],
      [2_000, { type: "snapshot", revision: 9, entries: [node("node-1", 1)] }],
      [2_100, { type: "changes", revision: 10, changes: [{ type: "put", entry: claim("node-1", 10) }] }]
    )
    expect(state.view.claims).toEqual([{ address, node: "node-1", generation: 10 }])
    expect(names(state)).toEqual(["node-1", "node-2"])
  })

  test("a compacted watch without an outage is no reason for grace", () => {
    const state = after([0, all], [1_000, { type: "snapshot", revision: 9, entries: [node("node-1", 1)] }])
    expect(names(state)).toEqual(["node-1"])
  })
})

describe("whose config prevails", () => {
  const running = (...hashes: ReadonlyArray<string>) =>
    hashes.map((configHash, index) => member(`node-${index + 1}`, { configHash }))

  test("the one that most run; among equals that of the first name", () => {
    expect(prevailingConfig(running("old", "new", "new"))).toBe("new")
    expect(prevailingConfig(running("old", "new"))).toBe("old")
    expect(prevailingConfig([])).toBeUndefined()
  })

  test("is agreed on where more than half run it; who does not run it is told who does", () => {
    expect([isAgreed(running("a")), isAgreed(running("a", "b", "a"))]).toEqual([true, true])
    expect([isAgreed(running("a", "b")), isAgreed(running("a", "b", "a", "b")), isAgreed([])]).toEqual([
      false,
      false,
      false
    ])
    expect(whyOutvoted(running("a", "b"), "node-1")).toBeUndefined()
    expect(whyOutvoted(running("a", "b"), "node-2")).toMatch(/^node node-1 runs another config/)
    expect(whyOutvoted(running("a", "b", "a"), "node-2")).toMatch(/^nodes node-1, node-3 run another config/)
    expect(whyOutvoted(running("a"), "node-9")).toBeUndefined()
  })

  test("the first of those that run it allocates, and nobody who is leaving", () => {
    expect(allocatorOf(running("old", "new", "new"))).toBe("node-2")
    expect(allocatorOf([member("node-1", { leaving: true }), member("node-2")])).toBe("node-2")
  })
})
