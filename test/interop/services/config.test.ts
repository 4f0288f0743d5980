// The config of nodes that share an etcd, with real processes: who is killed in the middle of a change, who is not in the config any more,
// who has none yet, who cannot reach the store, and recovery mode (S20, S21, I5, I11).
import { describe, expect } from "bun:test"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { requires } from "../../lab/requires.ts"
import type { Router } from "../../lab/routers/Router.ts"
import { ROUTER } from "../scenario.ts"
import { type FileSpec, FLOATING_IPS, fileText, nodeAddress } from "./file.ts"
import { holdsNextHops, startRackRouter } from "./router.ts"
import { figures, Stage, type StageSpec } from "./Stage.ts"

const { test } = requires("root", "ip", "nft", "etcd", "etcdctl", "bird")

const VIP = "203.0.113.1/32"
const SECOND_VIP = "203.0.113.2/32"
const CP_VIP = "10.0.0.8/32"
const [FIRST, SECOND] = [nodeAddress("node-01"), nodeAddress("node-02")]
const FILE: FileSpec = {
  type: "bgp",
  floatingIps: FLOATING_IPS,
  peers: [{}],
  pools: [{ name: "public", addresses: ["203.0.113.1-203.0.113.2"] }],
  services: [{ name: "web" }]
}
const WITH_SHOP: FileSpec = { ...FILE, services: [{ name: "web" }, { name: "shop" }] }
const EVERY_HOP = { [FLOATING_IPS[0]]: [FIRST, SECOND], [FLOATING_IPS[1]]: [FIRST, SECOND] }
const NONE = {}

const build = async (more: Partial<StageSpec> = {}) => {
  let bird: Router | undefined
  const stage = await Stage.create({
    file: FILE,
    ...more,
    prepare: async (lab) => {
      bird = await startRackRouter(lab, "bird", 2)
    }
  })
  if (bird === undefined) throw new Error("no router")
  return { stage, bird }
}

const config = async (stage: Stage, host: string) => (await stage.daemon(host).status()).config

describe("the config of nodes that share an etcd", () => {
  test("a change that nobody confirms is taken back, though the daemon that made it was killed", async () => {
    const { stage, bird } = await build()
    await using _lab = stage.lab
    await holdsNextHops(stage.lab, bird, VIP, EVERY_HOP, 20_000)
    const outcome = await stage.apply("node-01", WITH_SHOP, { confirmWithinSeconds: 5, message: "a shop" })
    const appliedMs = Date.now()
    expect(outcome).toMatchObject({ outcome: "applied", revision: 2 })
    await holdsNextHops(stage.lab, bird, SECOND_VIP, EVERY_HOP)
    await stage.daemon("node-01").process.kill()
    const back = async () => (await config(stage, "node-02")).revision === 3
    await stage.lab.until(back, "node-02 to take the change back", 12_000)
    const tookMs = Date.now() - appliedMs
    await holdsNextHops(stage.lab, bird, SECOND_VIP, NONE)
    expect(tookMs).toBeGreaterThan(4_500)
    figures(`confirm within 5 s, applying daemon killed: taken back by the other node after ${tookMs} ms`)
    await stage.start("node-01", FILE)
    expect(await config(stage, "node-01")).toMatchObject({ mode: "store", revision: 3 })
    expect((await stage.command("node-01", "history")).stdout).toMatch(/unconfirmed/)
    await holdsNextHops(stage.lab, bird, VIP, EVERY_HOP)
  })

  test("of two configs that are applied at once on two nodes one is in force on both, the other is a conflict", async () => {
    const { stage } = await build()
    await using _lab = stage.lab
    // Where one is done before the other has begun there is nothing between them, and both are made: tried again.
    const outcomes: Array<string> = []
    for (let tries = 0; tries < 20 && !outcomes.includes("conflict"); tries++) {
      const files = (name: string) => {
        const file = { ...FILE, services: [{ name: "web" }, { name: `${name}-${tries}` }] }
        return { files: [{ path: "cluster.yaml", text: fileText(file) }] }
      }
      const both = [stage.daemon("node-01").apply(files("shop")), stage.daemon("node-02").apply(files("mail"))]
      outcomes.splice(0, 2, ...(await Promise.all(both)).map(({ outcome }) => outcome))
      expect(["applied,applied", "applied,conflict"]).toContain(outcomes.toSorted().join(","))
    }
    expect(outcomes.toSorted()).toEqual(["applied", "conflict"])
    const hashes = async () => Promise.all(stage.hosts.map(async (host) => (await config(stage, host)).hash))
    await stage.lab.until(async () => new Set(await hashes()).size === 1, "both nodes to run one config")
  })

  test("a node that is taken out of the config hands over and holds nothing; back in it, it takes part again", async () => {
    const { stage, bird } = await build()
    await using _lab = stage.lab
    await holdsNextHops(stage.lab, bird, VIP, EVERY_HOP, 20_000)
    const alone: FileSpec = { ...FILE, cpNodes: ["node-01"] }
    await stage.apply("node-01", alone, { force: true })
    const startMs = Date.now()
    const everyHop = { [FLOATING_IPS[0]]: [FIRST], [FLOATING_IPS[1]]: [FIRST] }
    await holdsNextHops(stage.lab, bird, VIP, everyHop)
    figures(`node taken out of the config: the other holds both floating IPs after ${Date.now() - startMs} ms`)
    await stage.lab.until(async () => {
      const { sessions, addresses } = await stage.daemon("node-02").status()
      return sessions.length === 0 && addresses.length === 0
    }, "node-02 to hold nothing")
    const { note } = await config(stage, "node-02")
    expect(note).toMatch(/this node holds nothing: .*node-02/)
    for (const address of FLOATING_IPS) {
      expect(stage.watch.holders(address)).toEqual(["node-01"])
      expect(stage.watch.overlaps(address)).toEqual([])
    }
    await stage.apply("node-01", FILE)
    await holdsNextHops(stage.lab, bird, VIP, EVERY_HOP, 20_000)
    expect((await config(stage, "node-02")).note).toBeUndefined()
  })

  test("a node without a file waits, says so, and runs what it is given through another node", async () => {
    const { stage, bird } = await build({ without: ["node-01", "node-02"] })
    await using _lab = stage.lab
    await stage.start("node-02", undefined, "--cluster", "bm")
    expect((await config(stage, "node-02")).note).toMatch(/no config yet/)
    const refusedCode = (await stage.command("node-02", "reload")).code
    await stage.start("node-01", FILE)
    await holdsNextHops(stage.lab, bird, VIP, EVERY_HOP, 20_000)
    expect(await config(stage, "node-02")).toMatchObject({ mode: "store", revision: 1 })
    expect(refusedCode).toBe(0)
  })

  test("etcd is away when the nodes start again: they run the last revision, not their files", async () => {
    const { stage, bird } = await build()
    await using _lab = stage.lab
    await holdsNextHops(stage.lab, bird, VIP, EVERY_HOP, 20_000)
    await stage.apply("node-01", { ...WITH_SHOP, vip: "10.0.0.9" }, { force: true })
    await Promise.all(stage.hosts.map((host) => stage.daemon(host).process.kill()))
    await stage.etcd.member.kill()
    await Promise.all(stage.hosts.map((host) => stage.start(host, FILE)))
    await holdsNextHops(stage.lab, bird, "10.0.0.9/32", { [FIRST]: [FIRST], [SECOND]: [SECOND] }, 20_000)
    await bird.noRouteTo(CP_VIP)
    const copied = await config(stage, "node-01")
    expect([copied.revision, copied.note]).toEqual([2, expect.stringMatching(/has not answered.*its own copy/)])
    stage.etcd.member.start()
    await stage.etcd.healthy()
    await holdsNextHops(stage.lab, bird, SECOND_VIP, EVERY_HOP, 20_000)
    expect((await config(stage, "node-01")).note).toMatch(/says something else than revision 2/)
  })

  test("recovery mode: the file of the node itself, watched; changes go to the other nodes (S21)", async () => {
    const { stage, bird } = await build()
    await using _lab = stage.lab
    await holdsNextHops(stage.lab, bird, VIP, EVERY_HOP, 20_000)
    // As wrong as it can be: nobody is there, and the control plane is gone.
    const wrong = { ...FILE, controlPlanePeer: { ip: "10.0.1.77" } }
    await stage.apply("node-01", wrong, { force: true })
    await bird.noRouteTo(CP_VIP)
    await stage.daemon("node-02").stop()
    await stage.start("node-02", FILE, "--config-local")
    await stage.daemon("node-02").established(ROUTER)
    await holdsNextHops(stage.lab, bird, CP_VIP, { [SECOND]: [SECOND] })
    expect(await config(stage, "node-02")).toMatchObject({ mode: "local", revision: 0 })
    const refused = await stage.command("node-02", "apply", join(stage.lab.hostDirectory("node-02"), "cluster.yaml"))
    expect([refused.code, refused.stdout + refused.stderr]).toEqual([1, expect.stringContaining("recovery mode")])
    // The watch takes an edit up without being asked.
    writeFileSync(join(stage.lab.hostDirectory("node-02"), "cluster.yaml"), fileText({ ...FILE, vip: "10.0.0.9" }))
    await holdsNextHops(stage.lab, bird, "10.0.0.9/32", { [SECOND]: [SECOND] })
    await stage.apply("node-01", FILE)
    await holdsNextHops(stage.lab, bird, CP_VIP, { [FIRST]: [FIRST] })
    await stage.daemon("node-02").stop()
    await stage.start("node-02", FILE)
    await holdsNextHops(stage.lab, bird, CP_VIP, { [FIRST]: [FIRST], [SECOND]: [SECOND] })
  })
})
