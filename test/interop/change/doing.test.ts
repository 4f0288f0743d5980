// Changes that go wrong, or come at a bad moment: one that nobody confirms, one whose new peer is dead, one that is made while a node
// dies. What the routers hold afterwards is what the config that is in force says (I5, S20).
import { afterAll, beforeAll, describe, expect } from "bun:test"
import type { History } from "../../../src/api/verbs/answers.ts"
import { requires } from "../../lab/requires.ts"
import { type FileSpec, FLOATING_IPS, fileText, nodeAddress } from "../services/file.ts"
import { holdsNextHops, LEAF_ASN, LEAF_IP } from "../services/router.ts"
import { figures } from "../services/Stage.ts"
import { happened } from "./counters.ts"
import { buildWorld, type ChangeWorld, counted, fileOf, sum } from "./World.ts"

const { test, met } = requires("root", "ip", "nft", "etcd", "etcdctl", "frr", "bird")

const VIP = "203.0.113.1"
const BIRD_PEER = { peerIP: LEAF_IP, peerASN: LEAF_ASN }
/** An address of the rack that nobody has. */
const NOBODY = "10.0.1.77"
const BASE: FileSpec = {
  type: "bgp",
  nodes: 3,
  floatingIps: FLOATING_IPS,
  peers: [{}, BIRD_PEER],
  pools: [{ name: "public", addresses: [`${VIP}/32`] }],
  services: [{ name: "web" }]
}
const HOPS = ["node-01", "node-02", "node-03"].map(nodeAddress)

let made: ChangeWorld | undefined
const world = (): ChangeWorld => {
  if (made === undefined) throw new Error("the world is not there")
  return made
}

const everyHop = async (hops: ReadonlyArray<string>, deadlineMs = 20_000): Promise<void> => {
  const { stage, routers } = world()
  const wanted = Object.fromEntries(FLOATING_IPS.map((ip) => [ip, hops]))
  for (const router of routers) await holdsNextHops(stage.lab, router, `${VIP}/32`, wanted, deadlineMs)
}

beforeAll(async () => {
  if (!met) return
  made = await buildWorld(BASE)
  await everyHop(HOPS)
}, 60_000)
afterAll(() => made?.stage.lab.dispose())

const viaduct = (...words: ReadonlyArray<string>) => world().stage.command("node-01", ...words)

const history = async (): Promise<typeof History.Type> =>
  JSON.parse((await viaduct("history", "-o", "json")).stdout) as typeof History.Type

/** MEDs of the VIP at FRR, each once. */
const meds = async (): Promise<ReadonlyArray<number | undefined>> => {
  const routes = (await world().frr.routes()).filter(({ prefix }) => prefix === `${VIP}/32`)
  return [...new Set(routes.map(({ med }) => med))]
}

const has = (med: number | undefined) =>
  world().stage.lab.until(async () => {
    const found = await meds()
    if (found.length !== 1 || found[0] !== med) throw new Error(`MED ${found.join(", ")}`)
    return true
  }, `MED ${med} at FRR`)

const withMed = (med: number) => fileText({ ...BASE, peers: [{ med }, BIRD_PEER] })

describe("a change with --confirm-within", () => {
  test("is taken back by itself, on every node, and the routers have their old routes", async () => {
    const { stage } = world()
    const { revision, hash } = await history()
    const began = performance.now()
    const applied = await viaduct("apply", "--confirm-within", "5s", "-m", "try it", fileOf(world(), withMed(50)))
    expect([applied.code, applied.stderr.includes("error")]).toEqual([0, false])
    expect(applied.stdout).toContain('run "viaduct confirm" to keep it')
    await has(50)
    const second = await viaduct("apply", fileOf(world(), withMed(60)))
    expect([second.code, second.stderr]).toEqual([1, expect.stringContaining("waits to be confirmed")])
    await has(undefined)
    expect(performance.now() - began).toBeGreaterThan(4_500)
    const hashes = stage.hosts.map(async (host) => (await stage.daemon(host).status()).config.hash)
    await stage.lab.until(async () => (await history()).hash === hash, "the old config to be in force")
    expect(new Set(await Promise.all(hashes)).size).toBe(1)
    const after = await history()
    expect(after.revision).toBe(revision + 2)
    expect(after.history[0]).toMatchObject({ origin: "unconfirmed" })
  })

  test("stays when it is confirmed, and can be gone back on later", async () => {
    const { revision } = await history()
    await viaduct("apply", "--confirm-within", "5s", fileOf(world(), withMed(70)))
    const kept = await viaduct("confirm")
    expect([kept.code, kept.stderr]).toEqual([0, ""])
    await Bun.sleep(5_500)
    await has(70)
    const back = await viaduct("rollback", String(revision))
    expect([back.code, back.stderr.includes("error")]).toEqual([0, false])
    await has(undefined)
  })
})

describe("--staged", () => {
  test("with a new peer that is dead: stops, takes it back, and the old peer has noticed nothing", async () => {
    const { hash } = await history()
    const before = await counted(world())
    const peers = [{}, { peerIP: NOBODY, peerASN: LEAF_ASN }]
    const path = fileOf(world(), fileText({ ...BASE, peers }))
    const { code, stdout } = await viaduct("apply", "--staged", "--step-timeout", "3s", path)
    expect([code, stdout.split("\n").at(0)]).toEqual([1, `[1/3] add service peer ${NOBODY}: started`])
    expect(stdout).toMatch(
      /failed: after 3 s .* to 10\.0\.1\.77 is .*it was taken back: the config is that of revision \d+ again/
    )
    expect((await history()).hash).toBe(hash)
    expect(sum(happened(before, await counted(world())))).toEqual({ nothing: 7 })
  })

  test("another peer for the control plane: the new sessions are up before the old ones go", async () => {
    const before = await counted(world())
    const swapped = fileText({ ...BASE, controlPlanePeer: { ip: LEAF_IP, asn: LEAF_ASN } })
    const { code, stdout } = await viaduct("apply", "--staged", fileOf(world(), swapped))
    expect(stdout.match(/^\[\d\/\d\] .*: (?:started|done|failed)/gm)).toEqual([
      `[1/2] add peer ${LEAF_IP}: started`,
      `[1/2] add peer ${LEAF_IP}: done`,
      "[2/2] remove peer 10.0.1.254: started",
      "[2/2] remove peer 10.0.1.254: done"
    ])
    expect(code).toBe(0)
    expect(sum(happened(before, await counted(world())))).toEqual({ added: 3, removed: 3, nothing: 4 })
  })
})

test("a change while a node dies: the routers end with what the new config says, from the nodes that are left", async () => {
  const { stage } = world()
  const [floatingIp] = FLOATING_IPS
  const holder = await stage.holder(floatingIp)
  const other = stage.hosts.find((host) => host !== holder) ?? ""
  const next = { ...BASE, controlPlanePeer: { ip: LEAF_IP, asn: LEAF_ASN }, services: [{ name: "web" }] }
  const path = fileOf(world(), fileText({ ...next, peers: [{ med: 90 }, BIRD_PEER] }))
  const began = performance.now()
  const [applied] = await Promise.all([stage.command(other, "apply", path), stage.daemon(holder).process.kill()])
  expect([applied.code, applied.stderr.includes("error")]).toEqual([0, false])
  await stage.heir(floatingIp, holder)
  await everyHop(HOPS.filter((hop) => hop !== nodeAddress(holder)))
  await has(90)
  figures(`apply while the holder of a floating IP dies: converged after ${Math.round(performance.now() - began)} ms`)
  await stage.lab.until(async () => {
    const { sessions } = await stage.daemon(other).status()
    return sessions.every(({ state }) => state === "Established")
  }, "every session of the others")
  // It comes back with an old file, and takes the config of the others.
  await stage.start(holder, BASE)
  const { hash } = (await stage.daemon(other).status()).config
  await stage.lab.until(async () => (await stage.daemon(holder).status()).config.hash === hash, "the node to follow")
  await everyHop(HOPS)
})
