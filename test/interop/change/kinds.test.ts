// Each kind of change touches exactly the sessions that it must, and `viaduct diff` has said so before: the verdicts are held against what
// FRR and BIRD have counted of every session, messages and connections (I5, S20). One cluster lives through all of them in turn.
import { afterAll, beforeAll, describe, expect } from "bun:test"
import { requires } from "../../lab/requires.ts"
import { type FileSpec, FLOATING_IPS, fileText } from "../services/file.ts"
import { holdsNextHops, LEAF_ASN, LEAF_IP } from "../services/router.ts"
import { buildWorld, type ChangeWorld, change, fileOf, SPARE_IP, sum } from "./World.ts"

const { test, met } = requires("root", "ip", "nft", "etcd", "etcdctl", "frr", "bird")

const VIP = "203.0.113.1"
const BIRD_PEER = { peerIP: LEAF_IP, peerASN: LEAF_ASN }
const BASE: FileSpec = {
  type: "bgp",
  nodes: 3,
  lbNodes: ["node-01", "node-02"],
  floatingIps: FLOATING_IPS,
  peers: [{}, BIRD_PEER],
  pools: [{ name: "public", addresses: [`${VIP}/32`] }],
  services: [{ name: "web" }],
  // Nothing but the change shall move anything here, however busy the machine is.
  daemon: { leaseSeconds: 12 }
}
const POOL = { pools: [{ name: "public", addresses: [`${VIP}/32`, "203.0.113.16/30"] }] }

let world: ChangeWorld | undefined
let now: FileSpec = BASE

beforeAll(async () => {
  if (!met) return
  world = await buildWorld(BASE)
  const hops = ["10.0.1.10", "10.0.1.11"]
  for (const router of world.routers)
    await holdsNextHops(world.stage.lab, router, `${VIP}/32`, Object.fromEntries(FLOATING_IPS.map((ip) => [ip, hops])))
}, 60_000)
afterAll(() => world?.stage.lab.dispose())

const step = async (more: Partial<FileSpec>, force = false) => {
  if (world === undefined) throw new Error("the world is not there")
  now = { ...now, ...more }
  const { verdicts, happened } = await change(world, fileText(now), force)
  return { verdicts: verdicts.filter((verdict) => verdict !== "no effect"), sum: sum(happened) }
}

/** Three sessions of the control plane over FRR, two floating IPs over both routers. */
describe("seven sessions, and", () => {
  test("communities for one router: its two service sessions send their routes again", async () => {
    expect(await step({ peers: [{ communities: ["65001:7"] }, BIRD_PEER] })).toEqual({
      verdicts: ["session soft"],
      sum: { updates: 2, nothing: 5 }
    })
    const [route] = (await world?.frr.routesTo(`${VIP}/32`, 4)) ?? []
    expect(route?.communities).toEqual(["65001:7"])
  })

  test("a MED for the other", async () => {
    expect(await step({ peers: [{ communities: ["65001:7"] }, { ...BIRD_PEER, med: 20 }] })).toEqual({
      verdicts: ["session soft"],
      sum: { updates: 2, nothing: 5 }
    })
  })

  test("a pool that grows: nothing", async () => {
    expect(await step(POOL)).toEqual({ verdicts: [], sum: { nothing: 7 } })
  })

  test("a service more, and one less: the service sessions, not those of the control plane", async () => {
    const added = await step({ services: [{ name: "web" }, { name: "shop" }] })
    expect(added).toEqual({ verdicts: ["address added", "new announcement"], sum: { updates: 4, nothing: 3 } })
    const gone = await step({ services: [{ name: "web" }] })
    expect(gone).toEqual({ verdicts: ["address removed", "withdraw"], sum: { updates: 4, nothing: 3 } })
  })

  test("an LB node more, and one less: next hops on the service sessions", async () => {
    const added = await step({ lbNodes: ["node-01", "node-02", "node-03"] })
    expect(added).toEqual({ verdicts: ["session soft", "address added"], sum: { updates: 4, nothing: 3 } })
    const gone = await step({ lbNodes: ["node-01", "node-02"] })
    expect(gone).toEqual({ verdicts: ["address removed", "session soft"], sum: { updates: 4, nothing: 3 } })
  })

  test("another hold time for one router: its two service sessions start again", async () => {
    const peers = [{ communities: ["65001:7"] }, { ...BIRD_PEER, med: 20, holdTime: 12 }]
    expect(await step({ peers })).toEqual({ verdicts: ["session reset"], sum: { reset: 2, nothing: 5 } })
  })

  test("no additional paths any more for the other", async () => {
    const peers = [
      { communities: ["65001:7"], addPaths: false },
      { ...BIRD_PEER, med: 20, holdTime: 12 }
    ]
    expect(await step({ peers })).toEqual({ verdicts: ["session reset"], sum: { reset: 2, nothing: 5 } })
  })

  test("a floating IP more, and one less", async () => {
    const more = await step({ floatingIps: [...FLOATING_IPS, SPARE_IP] })
    expect(more.verdicts).toContain("address added")
    expect(more.sum.reset).toBeUndefined()
    const less = await step({ floatingIps: FLOATING_IPS })
    expect(less.verdicts).toContain("address removed")
    expect(less.sum.reset).toBeUndefined()
  })

  test("a service peer less, and one more", async () => {
    expect((await step({ peers: [{}] })).sum.removed).toBe(2)
    expect(await step({ peers: [{}, BIRD_PEER] })).toEqual({
      verdicts: ["session added"],
      sum: { added: 2, nothing: 5 }
    })
  })

  test("another peer for the control plane, all at once: needs force, and then its sessions alone", async () => {
    if (world === undefined) throw new Error("the world is not there")
    const controlPlanePeer = { ip: LEAF_IP, asn: LEAF_ASN }
    const refused = await world.stage.command("node-01", "apply", fileOf(world, fileText({ ...now, controlPlanePeer })))
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("insist on it with --force")])
    expect(refused.stdout).toMatch(/control-plane VIP \S+: every session that is up and announces it would go/)
    const swapped = await step({ controlPlanePeer }, true)
    expect(swapped).toEqual({
      verdicts: ["session removed", "session added"],
      sum: { removed: 3, added: 3, nothing: 4 }
    })
  })

  test("a node less needs force, and its sessions go; a node more has them again", async () => {
    if (world === undefined) throw new Error("the world is not there")
    const path = fileOf(world, fileText({ ...now, nodes: 2 }))
    const refused = await world.stage.command("node-01", "apply", path)
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("insist on it with --force")])
    expect(refused.stdout).toContain("node node-03 is in the config no more")
    const less = await step({ nodes: 2 }, true)
    expect(less.verdicts).toContain("session removed")
    const more = await step({ nodes: 3 })
    expect(more.verdicts).toContain("session added")
  })

  test("how a daemon runs, and a label: nothing, and each says so", async () => {
    if (world === undefined) throw new Error("the world is not there")
    now = { ...now, daemon: { leaseSeconds: 11 } }
    const labelled = fileText(now).replace('"name": "web"', '"name": "web", "labels": {"team": "shop"}')
    const { lines, happened } = await change(world, labelled)
    expect(lines.map(({ verdict, subject }) => `${verdict} ${subject}`).toSorted()).toEqual([
      "no effect DaemonConfig default",
      "no effect Service default/web"
    ])
    expect(sum(happened)).toEqual({ nothing: 7 })
  })
})
