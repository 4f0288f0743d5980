// What two routers hold of the services of one rack: FRR, which takes additional paths, and BIRD, which takes one path for a
// prefix. Three load-balancer nodes, one of them without an IPv6 address; floating IPs on two of the nodes. Rows S11, S12, S15,
// L4; decision D9; invariants I3, I6, I9.
import { afterAll, describe, expect } from "bun:test"
import { requires } from "../../lab/requires.ts"
import type { Router } from "../../lab/routers/Router.ts"
import { ROUTER } from "../scenario.ts"
import { type FileSpec, FLOATING_IPS, nodeAddress, nodeAddress6 } from "./file.ts"
import { holdsNextHops, LEAF, LEAF_ASN, LEAF_IP, type NextHops, rackWithLeaf, startRackRouter } from "./router.ts"
import { figures, Stage } from "./Stage.ts"

const { met, test } = requires("root", "ip", "nft", "etcd", "etcdctl", "frr", "bird")

const WEB = "203.0.113.1/32"
const WEB6 = "2001:db8:f::/128"
const MAIL = "203.0.113.2/32"
const WITHOUT_IPV6 = "node-02"
const V6 = ["node-01", "node-03"].map(nodeAddress6)

const fileWith = (endpoints: ReadonlyArray<string>): FileSpec => ({
  type: "bgp",
  nodes: 3,
  dualStack: true,
  floatingIps: FLOATING_IPS,
  peers: [{}, { peerIP: LEAF_IP, peerASN: LEAF_ASN }],
  pools: [{ name: "public", addresses: ["203.0.113.1-203.0.113.9", "2001:db8:f::/64"] }],
  services: [
    { name: "web", spec: { ipFamilyPolicy: "RequireDualStack", loadBalancerIP: "203.0.113.1" } },
    { name: "mail", spec: { externalTrafficPolicy: "Local", loadBalancerIP: "203.0.113.2" }, endpoints }
  ]
})

interface World {
  readonly stage: Stage
  readonly frr: Router
  readonly bird: Router
}

let shared: Promise<World> | undefined
afterAll(async () => {
  if (met) await (await shared)?.stage.lab.dispose()
})

const build = async (): Promise<World> => {
  const routers: Array<Router> = []
  const stage = await Stage.create({
    nodes: 3,
    topology: rackWithLeaf(3),
    file: fileWith(["node-01"]),
    prepare: async (lab) => {
      await lab.exec(WITHOUT_IPV6, ["ip", "addr", "del", `${nodeAddress6(WITHOUT_IPV6)}/64`, "dev", "eth0"])
      const both = [startRackRouter(lab, "frr", 3), startRackRouter(lab, "bird", 3, LEAF, { addPath: false })]
      routers.push(...(await Promise.all(both)))
    }
  })
  const [frr, bird] = routers
  if (frr === undefined || bird === undefined) throw new Error("no routers")
  return { stage, frr, bird }
}

const world = (): Promise<World> => {
  shared ??= build()
  return shared
}

/** The same next hops over the sessions of both floating IPs. */
const both = (...hops: ReadonlyArray<string>): NextHops =>
  hops.length === 0 ? {} : Object.fromEntries(FLOATING_IPS.map((floatingIp) => [floatingIp, hops]))

const v4 = (...hosts: ReadonlyArray<string>): ReadonlyArray<string> => hosts.map(nodeAddress)

/** How often each session was lost since its daemon started, with what ended it last. */
const flaps = async (stage: World["stage"]) =>
  Promise.all(
    stage.hosts.map(async (host) =>
      (await stage.daemon(host).status()).sessions.map(({ name, flaps, lastNotification }) => ({
        name,
        flaps,
        lastNotification
      }))
    )
  )

/** The one next hop of each session to BIRD, in the order of the floating IPs. */
const single = async (bird: Router, prefix: string): Promise<ReadonlyArray<string>> => {
  const routes = (await bird.routes()).filter((one) => one.prefix === prefix)
  expect(routes.map(({ neighbor }) => neighbor)).toEqual([...FLOATING_IPS])
  return routes.map(({ nextHop }) => nextHop)
}

describe("next hops at real routers", () => {
  test("a router that takes additional paths holds every node, over the session of each floating IP", async () => {
    const { stage, frr } = await world()
    await holdsNextHops(stage.lab, frr, WEB, both(...v4("node-01", "node-02", "node-03")), 20_000)
    const ids = (await frr.routes()).flatMap(({ prefix, pathId }) => (prefix === WEB ? [pathId] : []))
    expect(new Set(ids)).toEqual(new Set([0x0a00010a, 0x0a00010b, 0x0a00010c]))
  })

  test("a node without an IPv6 address is no IPv6 next hop, and people are told (S15)", async () => {
    const { stage, frr } = await world()
    await holdsNextHops(stage.lab, frr, WEB6, both(...V6))
    const { left, nextHops } = await stage.service("node-01", "default/web")
    expect(left).toEqual([
      { address: "2001:db8:f::", node: WITHOUT_IPV6, reason: "has no ipv6 address to be a next hop" }
    ])
    expect(nextHops.filter(({ node }) => node === WITHOUT_IPV6).map(({ address }) => address)).toEqual(["203.0.113.1"])
  })

  test("a router that takes one path gets one for each session, different ones, and the session says so (S12, D9)", async () => {
    const { stage, bird } = await world()
    await bird.routesTo(WEB, 2)
    expect(new Set(await single(bird, WEB)).size).toBe(2)
    await bird.routesTo(WEB6, 2)
    expect([...(await single(bird, WEB6))].sort()).toEqual(V6)
    const holder = await stage.holder(FLOATING_IPS[0])
    const { notes = [] } = await stage.daemon(holder).session(LEAF_IP)
    expect(notes.join()).toContain("ipv4: the peer does not receive additional paths")
    const { notes: none } = await stage.daemon(holder).session(ROUTER)
    expect(none).toBeUndefined()
    expect(await stage.get(holder, "bgpsessions", "-o", "yaml")).toContain(notes[0] ?? "?")
  })

  test("externalTrafficPolicy Local: only nodes with an endpoint, and the EndpointSlice moves them (L4)", async () => {
    const { stage, frr, bird } = await world()
    const before = await flaps(stage)
    await holdsNextHops(stage.lab, frr, MAIL, both(...v4("node-01")))
    await holdsNextHops(stage.lab, bird, MAIL, both(...v4("node-01")))
    await stage.apply("node-01", fileWith(["node-02", "node-03"]))
    await holdsNextHops(stage.lab, frr, MAIL, both(...v4("node-02", "node-03")))
    expect([...(await single(bird, MAIL))].sort()).toEqual([...v4("node-02", "node-03")])
    const { left } = await stage.service("node-02", "default/mail")
    expect(left).toEqual([
      { address: "203.0.113.2", node: "node-01", reason: expect.stringContaining("has no endpoint of the service") }
    ])
    await stage.apply("node-01", fileWith([]))
    await holdsNextHops(stage.lab, frr, MAIL, {})
    expect((await stage.service("node-02", "default/mail")).reason).toBe("no LB node takes traffic for 203.0.113.2")
    expect(await flaps(stage)).toEqual(before)
  })

  test("a drained node is no next hop any more and gives its floating IP away; both come back one by one", async () => {
    const { stage, frr, bird } = await world()
    const [floatingIp, other] = FLOATING_IPS
    const drained = await stage.holder(floatingIp)
    const rest = stage.hosts.filter((host) => host !== drained)
    const startMs = Date.now()
    const drain = await stage.command(rest[0] ?? "", "drain", drained, "--wait")
    const waitedMs = Date.now() - startMs
    expect([drain.code, drain.stderr]).toEqual([0, ""])
    expect(drain.stdout).toContain(`${drained} takes no traffic and holds no address`)
    expect(drain.stdout).toContain(`floating IP ${floatingIp} (`)
    expect(drain.stdout).toContain("service default/web loses this next hop and keeps 2")
    expect(await stage.holder(floatingIp)).not.toBe(drained)
    await holdsNextHops(stage.lab, frr, WEB, both(...v4(...rest)))
    const withdrawnMs = Date.now() - startMs
    const heir = await stage.heir(floatingIp, drained)
    expect(rest).toContain(heir)
    await stage.daemon(heir).established(ROUTER)
    await stage.lab.until(
      async () => !(await single(bird, WEB)).includes(nodeAddress(drained)),
      "BIRD to leave the node"
    )
    figures(
      `drained: viaduct drain --wait took ${waitedMs} ms, next hop withdrawn at FRR after ${withdrawnMs} ms, ${stage.history(floatingIp, startMs)}`
    )
    expect(await stage.get(rest[0] ?? "", "nodes")).toMatch(new RegExp(`${drained} .*,Drained `))
    expect((await stage.service(heir, "default/web")).left).toContainEqual({
      address: "203.0.113.1",
      node: drained,
      reason: "is drained"
    })
    // I8: its peers may send to it for a while yet.
    expect(await stage.lab.addresses(drained, "lo")).toContain("203.0.113.1")
    expect(stage.watch.overlaps(floatingIp)).toEqual([])

    expect((await stage.command(drained, "drain", "--undo")).code).toBe(0)
    await holdsNextHops(stage.lab, frr, WEB, both(...v4(...stage.hosts)))
    expect(await stage.holder(floatingIp)).toBe(heir)
    expect(await stage.holder(other)).not.toBe(drained)
  })
})
