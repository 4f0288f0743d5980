// What a node tells the others of itself: what has to be told soon, that ten thousand services cost no more than two hundred, and that
// another node reads back what was said.
import { describe, expect, test } from "bun:test"
import { statusKey, summaryValue, viewOf } from "../../src/cluster/layout.ts"
import type { AdvertisedRoute, NodeStatus, SessionStatus } from "../../src/resources/nodeStatus.ts"
import { elsewhere } from "../../src/services/clusterStatus.ts"
import { makeAnnouncements, nodeSummary, urgentPart, wholePart } from "../../src/services/nodeReport.ts"
import { down, nodeStatus, session } from "../resources/fixtures.ts"

const AT = "2021-06-14T22:09:00.000Z"
const name = "10.0.1.254-node-01"

const summaryOf = (status: NodeStatus, at = AT) => nodeSummary(status, [], makeAnnouncements(), at)

const routes = (count: number, hops: ReadonlyArray<string>): ReadonlyArray<AdvertisedRoute> =>
  Array.from({ length: count }).flatMap((_, i) =>
    hops.map((nextHop) => ({ name: `default-s${i}`, prefix: `10.64.${i >> 8}.${i & 255}/32`, nextHop }))
  )

/** As another node shows it, which heard of it through the store. */
const heard = (status: NodeStatus, provenMs = 0) => {
  const value = summaryValue(summaryOf(status))
  const { view, unreadable } = viewOf([{ key: statusKey(status.node), value, createRevision: 1 }])
  expect(unreadable).toEqual([])
  return elsewhere(view, "node-02", provenMs)
}

describe("what a node tells of itself", () => {
  test("arrives at another node: sessions with their reasons, routes with next hops and sessions", () => {
    const up = session(name, { advertised: routes(1, ["10.0.1.10", "10.0.1.11"]) })
    const status = nodeStatus([up, down("10.0.3.254-node-01", "connection refused", { flaps: 2 })])
    const [remote, ...more] = heard(status)
    expect(more).toEqual([])
    expect(remote).toMatchObject({
      node: "node-01",
      reportedAt: AT,
      sessions: [
        { name, state: "Established", advertised: 2, received: 0 },
        { name: "10.0.3.254-node-01", state: "Connect", reason: "connection refused", flaps: 2 }
      ],
      routes: [{ name: "default-s0", prefix: "10.64.0.0/32", nextHops: ["10.0.1.10", "10.0.1.11"], sessions: [name] }],
      routesMore: 0
    })
  })

  test("a node does not show itself, nor one that says nothing of its sessions", () => {
    const { bgp: _, ...old } = summaryOf(nodeStatus([]))
    const entries = [
      {
        key: statusKey("node-02"),
        value: summaryValue({ ...summaryOf(nodeStatus([])), node: "node-02" }),
        createRevision: 1
      },
      { key: statusKey("node-03"), value: summaryValue({ ...old, node: "node-03" }), createRevision: 1 }
    ]
    const { view } = viewOf(entries)
    expect(view.summaries?.map(({ node }) => node)).toEqual(["node-02", "node-03"])
    expect(elsewhere(view, "node-02", 0)).toEqual([])
  })

  test("a lease that stands keeps the report young", () => {
    const status = nodeStatus([session(name)])
    const later = Date.parse(AT) + 60_000
    expect(heard(status, later)[0]?.reportedAt).toBe(new Date(later).toISOString())
    expect(heard(status, Date.parse(AT) - 60_000)[0]?.reportedAt).toBe(AT)
  })

  test("ten thousand services cost what two hundred do", () => {
    const hops = ["10.0.1.10", "10.0.1.11", "10.0.1.12", "10.0.1.13"]
    const of = (count: number) => nodeStatus([session(name, { advertised: routes(count, hops) })])
    const [few, many] = [summaryValue(summaryOf(of(200))), summaryValue(summaryOf(of(10_000)))]
    expect(many.length - few.length).toBeLessThan(100)
    expect(many.length).toBeLessThan(12_000)
    expect(heard(of(10_000))[0]).toMatchObject({ routesMore: 9_800, routes: { length: 200 } })
  })

  test("announcements are worked out again only where some are others", () => {
    const announcements = makeAnnouncements()
    const first = session(name, { advertised: routes(3, ["10.0.1.10"]) })
    const one = announcements([first])
    expect(announcements([{ ...first, flaps: 1 }])).toBe(one)
    expect(announcements([{ ...first, advertised: routes(2, ["10.0.1.10"]) }])).not.toBe(one)
  })

  test("a try that goes on failing is told in time, what is up or down or announced soon", () => {
    const of = (one: SessionStatus) => summaryOf(nodeStatus([one]))
    const refused = down(name, "connection refused")
    const trying = { ...refused, state: "Idle" as const, since: AT }
    expect(urgentPart(of(refused))).toBe(urgentPart(of(trying)))
    expect(wholePart(of(refused))).not.toBe(wholePart(of(trying)))
    expect(urgentPart(of(refused))).not.toBe(urgentPart(of(session(name))))
    expect(urgentPart(of(refused))).not.toBe(urgentPart(of(down(name, "no answer"))))
    expect(urgentPart(of(session(name)))).not.toBe(
      urgentPart(of(session(name, { advertised: routes(1, ["10.0.1.10"]) })))
    )
    expect(wholePart(summaryOf(nodeStatus([refused]), "2021-06-14T23:00:00.000Z"))).toBe(wholePart(of(refused)))
  })
})
