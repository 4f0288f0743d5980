// I5: what a change of plan touches, and what it leaves alone.
import { describe, expect, test } from "bun:test"
import type { Address, Prefix } from "../../src/net/ip.ts"
import { diffPlans } from "../../src/plan/diff.ts"
import type { NodePlan, PlannedRoute, PlannedSession, SessionParameters } from "../../src/plan/types.ts"

const parameters: SessionParameters = {
  localAddress: "10.0.1.10" as Address,
  peerAddress: "10.8.0.10" as Address,
  peerPort: 179,
  localAsn: 65001,
  peerAsn: 65002,
  routerId: "10.0.1.10" as Address,
  holdTime: 90,
  keepaliveTime: 30,
  connectRetryTime: 5,
  passive: false,
  families: ["ipv4"]
}
const route: PlannedRoute = {
  name: "control-plane",
  prefix: "10.0.0.8/32" as Prefix,
  nextHop: "10.0.1.10" as Address,
  communities: ["65001:1", "65001:2"],
  reason: "r"
}
const session: PlannedSession = {
  key: "a",
  name: "a",
  purpose: "control-plane",
  parameters,
  routes: [route],
  reason: "r"
}
const vip = { address: "10.0.0.8" as Address, prefixLength: 32, interface: "lo", reason: "r" }
const plan: NodePlan = {
  node: "n",
  sessions: [session],
  addresses: [vip],
  claims: [],
  assignments: [],
  services: [],
  refusals: []
}
const withSession = (change: Partial<PlannedSession>): NodePlan => ({ ...plan, sessions: [{ ...session, ...change }] })

/** Keys of what happens to the sessions. */
const summary = (before: NodePlan | undefined, after: NodePlan) => {
  const { added, removed, reset, routesChanged, unchanged } = diffPlans(before, after).sessions
  return {
    added: added.map((s) => s.key),
    removed: removed.map((s) => s.key),
    reset: reset.map((r) => [r.after.key, ...r.changed]),
    soft: routesChanged.map((r) => [r.session.key, r.announce.map((x) => x.prefix), r.withdraw.map((x) => x.prefix)]),
    unchanged: unchanged.map((s) => s.key)
  }
}
const NONE = { added: [], removed: [], reset: [], soft: [], unchanged: [] }

test("from nothing everything is added, to nothing everything is removed", () => {
  expect(summary(undefined, plan)).toEqual({ ...NONE, added: ["a"] })
  const empty = { ...plan, sessions: [], addresses: [] }
  expect(summary(plan, empty)).toEqual({ ...NONE, removed: ["a"] })
  expect(diffPlans(plan, empty).addresses).toEqual({ added: [], removed: [vip] })
  expect(diffPlans(undefined, plan).addresses).toEqual({ added: [vip], removed: [] })
})

test("I5: the same plan, other reasons, other order of communities and refusals change nothing", () => {
  expect(summary(plan, structuredClone(plan))).toEqual({ ...NONE, unchanged: ["a"] })
  const reworded = withSession({
    reason: "other",
    routes: [{ ...route, reason: "other", communities: ["65001:2", "65001:1"] }]
  })
  expect(summary(plan, { ...reworded, refusals: [{ subject: "s", reason: "r" }] })).toEqual({
    ...NONE,
    unchanged: ["a"]
  })
  const readdressed = { ...plan, addresses: [{ ...vip, reason: "other" }] }
  expect(diffPlans(plan, readdressed).addresses).toEqual({ added: [], removed: [] })
})

describe("each parameter alone resets its session and says which it was", () => {
  const others: Required<SessionParameters> = {
    localAddress: "10.0.1.11" as Address,
    peerAddress: "10.8.0.11" as Address,
    peerPort: 1790,
    localAsn: 65009,
    peerAsn: 65009,
    routerId: "10.0.1.11" as Address,
    holdTime: 9,
    keepaliveTime: 3,
    connectRetryTime: 1,
    passive: true,
    ttlSecurity: 1,
    passwordFile: "/k",
    sourcePort: 61_000,
    gracefulRestart: { restartTime: 120, notification: true },
    addPaths: true,
    families: ["ipv4", "ipv6"]
  }
  for (const [key, value] of Object.entries(others)) {
    test(key, () => {
      const changed = withSession({ parameters: { ...parameters, [key]: value } })
      expect(summary(plan, changed)).toEqual({ ...NONE, reset: [["a", key]] })
      expect(summary(changed, plan)).toEqual({ ...NONE, reset: [["a", key]] })
    })
  }
})

test("another session's change leaves this one alone", () => {
  const second = { ...session, key: "b", parameters: { ...parameters, peerAddress: "10.8.0.11" as Address } }
  const before = { ...plan, sessions: [session, second] }
  const after = { ...plan, sessions: [{ ...second, parameters: { ...second.parameters, holdTime: 9 } }, session] }
  expect(summary(before, after)).toEqual({ ...NONE, reset: [["b", "holdTime"]], unchanged: ["a"] })
})

test("routes change softly: what is new or different is announced, what is gone is withdrawn", () => {
  const prefix = "10.0.0.9/32" as Prefix
  expect(summary(plan, withSession({ routes: [{ ...route, prefix }] })).soft).toEqual([["a", [prefix], [route.prefix]]])
  expect(summary(plan, withSession({ routes: [] })).soft).toEqual([["a", [], [route.prefix]]])
  const changes: ReadonlyArray<Partial<PlannedRoute>> = [
    { nextHop: "10.0.1.11" as Address },
    { med: 0 },
    { communities: ["65001:1"] },
    { largeCommunities: ["1:1:1"] },
    { name: "other" },
    { single: false }
  ]
  for (const change of changes) {
    expect(summary(plan, withSession({ routes: [{ ...route, ...change }] }))).toEqual({
      ...NONE,
      soft: [["a", [route.prefix], []]]
    })
  }
})

test("paths of one prefix are told apart by their path identifier (RFC 7911)", () => {
  const two = withSession({
    routes: [
      { ...route, pathId: 1 },
      { ...route, pathId: 2 }
    ]
  })
  const one = withSession({ routes: [{ ...route, pathId: 2 }] })
  expect(diffPlans(two, one).sessions.routesChanged[0]?.withdraw.map((r) => r.pathId)).toEqual([1])
  expect(diffPlans(two, one).sessions.routesChanged[0]?.announce).toEqual([])
})

test("an address on another interface is taken off and put on", () => {
  const moved = { ...plan, addresses: [{ ...vip, interface: "eth0" }] }
  expect(diffPlans(plan, moved).addresses).toEqual({ added: moved.addresses, removed: [vip] })
})
