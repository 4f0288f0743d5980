// What draining a node does: what goes to others, what nobody takes, and when it is done.
import { describe, expect, test } from "bun:test"
import { draining, stillHas } from "../../src/resources/draining.ts"
import type { FloatingIpStatus, NodeStatus, ServiceStatus } from "../../src/resources/nodeStatus.ts"
import { nodeStatus, route, session } from "./fixtures.ts"

const member = (name: string, drained = false): NodeStatus["members"][number] => ({
  ...{ name, address: "10.0.1.1", version: "0.1.0", configHash: "ab", startedAt: "2021-06-14T22:00:00Z" },
  ...{ nextHops: {}, leaving: false, drained }
})
const floating = (address: string, node: string | undefined, able: ReadonlyArray<string>): FloatingIpStatus => ({
  ...{ address, purpose: "floating-ip", of: "gw", state: node === "node-01" ? "held" : "other" },
  ...{ since: "2021-06-14T22:00:00Z", reason: "", ...(node === undefined ? {} : { node }) },
  judgements: ["node-01", "node-02", "node-03"].map((one) => ({ node: one, ok: able.includes(one), reason: "" }))
})
const service = (name: string, nodes: ReadonlyArray<string>): ServiceStatus => ({
  ...{
    namespace: "default",
    name,
    addresses: ["10.1.1.1"],
    pools: ["lan"],
    externalTrafficPolicy: "Cluster",
    left: []
  },
  nextHops: nodes.map((node) => ({ address: "10.1.1.1", node, nextHop: "10.0.1.1" }))
})
const status = (
  floatingIps: ReadonlyArray<FloatingIpStatus>,
  services: ReadonlyArray<ServiceStatus> = [],
  more: Partial<NodeStatus> = {}
) => nodeStatus([], { members: [member("node-01"), member("node-02", true)], floatingIps, services, ...more })

describe("draining", () => {
  test("moves what others take and loses what nobody takes", () => {
    const found = draining(
      status(
        [
          floating("10.0.1.5", "node-01", ["node-01", "node-02", "node-03"]),
          floating("10.0.1.6", "node-01", ["node-01"]),
          floating("10.0.1.7", "node-02", ["node-02"])
        ],
        [service("web", ["node-01", "node-02"]), service("db", ["node-01"]), service("far", ["node-02"])]
      ),
      "node-01"
    )
    expect(found.moves).toEqual([
      "floating IP 10.0.1.5 (gw) goes to another node: node-02 or node-03",
      "service default/web loses this next hop and keeps 1"
    ])
    expect(found.losses).toEqual([
      "floating IP 10.0.1.6 (gw): no other node can hold it",
      "service default/db: no other node takes its traffic"
    ])
  })

  test("knows the nodes of the config, alive or not, and which are drained", () => {
    const now = status([floating("10.0.1.5", undefined, [])])
    expect(draining(now, "node-03")).toMatchObject({ known: true, drained: false, moves: [], losses: [] })
    expect(draining(now, "node-02").drained).toBe(true)
    expect(draining(now, "node-04")).toMatchObject({ known: false, nodes: ["node-01", "node-02", "node-03"] })
  })

  test("is not done while a node, by its own word, still announces a service through it", () => {
    const routes = [{ name: "web", prefix: "10.1.1.1/32", nextHops: ["10.0.1.1", "10.0.1.2"], sessions: ["a"] }]
    const there = { node: "node-02", reportedAt: "2021-06-14T22:00:00Z", sessions: [], routes, routesMore: 0 }
    const members = [{ ...member("node-01", true), nextHops: { ipv4: "10.0.1.2" } }, member("node-02")]
    const now = status([], [service("web", ["node-02"])], { members, elsewhere: [there] })
    expect(stillHas(now, "node-01")).toEqual(["route to 10.1.1.1/32"])
    const told = { ...there, routes: [{ ...routes[0], nextHops: ["10.0.1.1"] }] } as typeof there
    expect(stillHas({ ...now, elsewhere: [told] }, "node-01")).toEqual([])
    const controlPlane = { ...there, routes: [{ ...routes[0], prefix: "10.0.0.8/32" }] } as typeof there
    expect(stillHas({ ...now, elsewhere: [controlPlane] }, "node-01")).toEqual([])
    const own = session("s", { advertised: [route("web", "10.1.1.1/32", "10.0.1.2")] })
    expect(stillHas({ ...now, elsewhere: [], sessions: [own] }, "node-01")).toEqual(["route to 10.1.1.1/32"])
  })

  test("is done when the node is no next hop and has no address, its own word counting beside the store's", () => {
    const giving = { ...floating("10.0.1.5", "node-02", []), state: "releasing" } as const
    expect(stillHas(status([giving], [service("web", ["node-01"])]), "node-01")).toEqual([
      "10.0.1.5",
      "next hop of default/web"
    ])
    expect(stillHas(status([giving]), "node-02")).toEqual(["10.0.1.5"])
    expect(stillHas(status([floating("10.0.1.5", "node-02", [])], [service("web", ["node-02"])]), "node-01")).toEqual(
      []
    )
  })
})
