// The plan as people read it, and the one that is made from the file alone (`viaduct plan`).
import { describe, expect, test } from "bun:test"
import type { ClusterNode } from "../../src/plan/desired.ts"
import { printPlan } from "../../src/plan/printPlan.ts"
import { planFromFile } from "../../src/plan/supposedView.ts"
import { binding, claim, cluster, ip, LB_NODES, MEMBERS, node, planOf, service, standing, view } from "./world.ts"

describe("the printed plan", () => {
  test("says who holds what moves, and where services go, with the reasons", () => {
    const lb2Gone = view({ members: MEMBERS.filter(({ name }) => !["cp2", "lb2", "lb3", "lb4"].includes(name)) })
    const desired = cluster({
      floatingIps: [ip("10.0.1.100"), ip("10.0.2.100")],
      services: [service("web"), service("mail")]
    })
    const claimed = { ...lb2Gone, claims: [claim("10.0.1.100", "lb1")] }
    const text = printPlan(planOf(desired, "lb1", standing(claimed, { held: [ip("10.0.1.100")] })))
    expect(text).toContain(
      `
Addresses that move:
  10.0.1.100 (floating IP of default): this node on eth0
    because lb1 has it and keeps it while it can
    not cp2, lb2, lb3, lb4: is not there: its daemon is down or has no store
  10.0.2.100 (floating IP of default): nobody
    because no node can hold it (cp1, lb1: has no interface in its subnet; cp2, lb2, lb3, lb4: is not there: its daemon is down or has no store)
Services:
  default/web: 10.1.1.1 from pool1
    10.1.1.1 to lb1 (10.0.1.11)
    10.1.1.1 not to lb2, lb3, lb4: is not there: its daemon is down or has no store
  default/mail: no address
    no address is bound to it
Not done:
`
    )
    expect(text).toMatch(/from 10\.0\.1\.100 port 6\d{4} AS 65001, to 10\.0\.1\.254 port 179/)
    expect(text).toContain("additional paths, graceful restart 120 s")
    expect(text).toContain("next hop 10.0.1.11, path 167772427, alone where the peer takes one path")
    const other = printPlan(planOf(desired, "cp1", standing(claimed)))
    expect(other).toContain("10.0.1.100 (floating IP of default): lb1 on eth0")
  })
})

describe("planned from the file alone", () => {
  test("everybody is there, in the /24 or /64 of its address, and holds what falls to it", () => {
    const bindings = [binding("10.1.1.1", "web"), binding("2001:db8:f::1", "db")]
    const nodes: ReadonlyArray<ClusterNode> = [...cluster().controlPlaneNodes, ...LB_NODES]
    const plans = new Map(nodes.map((self) => [self.name, planFromFile(cluster(), self, undefined, bindings)]))
    const sessions = [...plans.values()].flatMap((plan) => plan.sessions.filter(({ purpose }) => purpose === "service"))
    expect(sessions.length).toBe(4)
    const [web, db] = plans.get("lb1")?.services ?? []
    expect(web?.nextHops.map((hop) => hop.node)).toEqual(["lb1", "lb2", "lb3", "lb4"])
    expect(db?.reason).toBe("no LB node takes traffic for 2001:db8:f::1")
    expect(plans.get("lb1")?.assignments.map(({ node: holder }) => holder === undefined)).toEqual(Array(4).fill(false))
  })

  test("on the node itself its own addresses count", () => {
    const local = [
      { address: ip("10.0.1.11"), prefixLength: 28, interface: "bond0" },
      { address: ip("fe80::1"), prefixLength: 64, interface: "bond0" },
      { address: ip("2001:db8:1::11"), prefixLength: 64, interface: "bond0" }
    ]
    const plan = planFromFile(cluster(), node("lb1", "10.0.1.11"), local, [binding("2001:db8:f::1", "db")])
    expect(plan.assignments[0]?.judgements.find((judgement) => judgement.node === "lb1")).toEqual({
      node: "lb1",
      ok: false,
      reason: "has no interface in its subnet"
    })
    expect(plan.services[1]?.nextHops as unknown).toEqual([
      { address: "2001:db8:f::1", node: "lb1", nextHop: "2001:db8:1::11" }
    ])
  })
})
