// The cluster's store is not there: several nodes without an etcd, and an etcd that goes away while the nodes work, with both
// answers to that (`onStoreLoss`, D6b). Invariants I1, I2, I9, I11.
import { describe, expect } from "bun:test"
import { requires } from "../../lab/requires.ts"
import type { Router } from "../../lab/routers/Router.ts"
import { ROUTER } from "../scenario.ts"
import { type FileSpec, FLOATING_IPS, nodeAddress } from "./file.ts"
import { holdsNextHops, startRackRouter } from "./router.ts"
import { figures, LEASE_MS, Stage, type StageSpec } from "./Stage.ts"

const VIP = "203.0.113.1/32"
const CP_VIP = "10.0.0.8/32"
const FILE: FileSpec = {
  type: "bgp",
  floatingIps: FLOATING_IPS,
  peers: [{}],
  pools: [{ name: "public", addresses: [VIP] }],
  services: [{ name: "web" }]
}
const [FIRST, SECOND] = [nodeAddress("node-01"), nodeAddress("node-02")]
const CONTROL_PLANE = { [FIRST]: [FIRST], [SECOND]: [SECOND] }
const EVERY_HOP = { [FLOATING_IPS[0]]: [FIRST, SECOND], [FLOATING_IPS[1]]: [FIRST, SECOND] }

const build = async (
  file: FileSpec,
  more: Partial<StageSpec> = {}
): Promise<{ readonly stage: Stage; readonly bird: Router }> => {
  let bird: Router | undefined
  const stage = await Stage.create({
    file,
    ...more,
    prepare: async (lab) => {
      bird = await startRackRouter(lab, "bird", 2)
    }
  })
  if (bird === undefined) throw new Error("no router")
  return { stage, bird }
}

const NAMES_ETCD =
  /the cluster has 2 nodes and this one keeps its state to itself: name the etcd .*DaemonConfig.*--etcd/

describe("several nodes without an etcd", () => {
  const { test } = requires("root", "ip", "nft", "bird")

  test("floating IPs and services are refused with what to do about it, and the control plane works", async () => {
    const { stage, bird } = await build(FILE, { store: "embedded" })
    await using _lab = stage.lab
    await holdsNextHops(stage.lab, bird, CP_VIP, CONTROL_PLANE, 20_000)
    for (const host of stage.hosts) {
      const { refusals } = await stage.daemon(host).status()
      const about = refusals.filter(({ reason }) => NAMES_ETCD.test(reason)).map(({ subject }) => subject)
      expect(about).toEqual([
        `floating IPs ${FLOATING_IPS.join(", ")}`,
        "BGPPeers peer-1",
        "address pools public",
        "1 service"
      ])
      expect(await stage.get(host, "services")).toMatch(NAMES_ETCD)
      const ready = async () => (await stage.readiness(host)).ready
      await stage.lab.until(ready, `${host} to be ready`)
    }
    expect(FLOATING_IPS.flatMap((address) => stage.watch.holders(address))).toEqual([])
    await bird.noRouteTo(VIP)
  })

  test("in layer 2 mode no VIP is taken, for the same reason", async () => {
    await using stage = await Stage.create({ store: "embedded", file: {} })
    for (const host of stage.hosts) {
      const { refusals } = await stage.daemon(host).status()
      expect(refusals).toContainEqual({ subject: "control-plane VIPs", reason: expect.stringMatching(NAMES_ETCD) })
    }
    expect(stage.watch.holders("10.0.1.200")).toEqual([])
  })
})

describe("an etcd that goes away", () => {
  const { test } = requires("root", "ip", "nft", "etcd", "etcdctl", "bird", "tcpdump")

  test("not there when the nodes start: the control plane works, and services follow when etcd answers", async () => {
    const { stage, bird } = await build(FILE, { without: ["node-01", "node-02"] })
    await using _lab = stage.lab
    await stage.etcd.member.kill()
    await Promise.all(stage.hosts.map((host) => stage.start(host, FILE)))
    await holdsNextHops(stage.lab, bird, CP_VIP, CONTROL_PLANE, 20_000)
    expect(await stage.get("node-01", "services")).toContain("no word from the store yet")
    const lost = async () => (await stage.readiness("node-01")).summary
    await stage.lab.until(async () => /^ready.*the store is lost/.test(await lost()), "the lost store to be told")
    stage.etcd.member.start()
    await stage.etcd.healthy()
    const backMs = Date.now()
    await holdsNextHops(stage.lab, bird, VIP, EVERY_HOP)
    figures(
      `etcd comes after the nodes: every next hop from both floating IPs ${Date.now() - backMs} ms after it answers`
    )
  })

  test("onStoreLoss release: every floating IP is gone with the lease, sessions say nothing; all is back with etcd", async () => {
    const { stage, bird } = await build({ ...FILE, daemon: { onStoreLoss: "release" } })
    await using _lab = stage.lab
    const { lab, watch } = stage
    await holdsNextHops(lab, bird, VIP, EVERY_HOP, 20_000)
    const said = stage.hosts.map((host) => {
      const from = FLOATING_IPS.map((address) => `src host ${address}`).join(" or ")
      const filter = `tcp and (${from}) and tcp[tcpflags] & (tcp-fin|tcp-rst) != 0`
      return lab.spawn(host, "tcpdump", ["tcpdump", "-l", "-n", "-i", "eth0", filter])
    })
    for (const one of said) await lab.until(() => one.log().includes("listening on"), "tcpdump to listen")
    const lostMs = Date.now()
    await stage.etcd.member.kill()
    const gone = () => FLOATING_IPS.every((address) => watch.holders(address).length === 0)
    await lab.until(gone, "the floating IPs to go", LEASE_MS + 2_000)
    const goneMs = FLOATING_IPS.map((address) => (watch.holdings(address).at(-1)?.toMs ?? 0) - lostMs)
    for (const host of stage.hosts) {
      const left = async () => (await stage.daemon(host).status()).sessions.map(({ purpose }) => purpose).join()
      await lab.until(async () => (await left()) === "control-plane", `the sessions of ${host} to vanish`)
    }
    for (const one of said) expect(one.log()).not.toMatch(/Flags \[[FR]/)
    await holdsNextHops(lab, bird, CP_VIP, CONTROL_PLANE)

    stage.etcd.member.start()
    await stage.etcd.healthy()
    const backMs = Date.now()
    for (const address of FLOATING_IPS) {
      const holder = await stage.holder(address)
      await lab.until(async () => {
        const { sessions } = await stage.daemon(holder).status()
        return sessions.some(({ localAddress, state }) => localAddress === address && state === "Established")
      }, `the session from ${address}`)
      expect(watch.overlaps(address)).toEqual([])
    }
    figures(
      `onStoreLoss release: gone ${goneMs.map(Math.round).join(" and ")} ms after etcd, ` +
        `sessions again ${Date.now() - backMs} ms after it answers`
    )
    expect(Math.max(...goneMs)).toBeLessThan(LEASE_MS + 500)
    await holdsNextHops(lab, bird, VIP, EVERY_HOP)
  })

  test("onStoreLoss hold: nothing happens, and people are told (I11)", async () => {
    const { stage, bird } = await build({ ...FILE, daemon: { onStoreLoss: "hold" } })
    await using _lab = stage.lab
    const { lab, watch } = stage
    await holdsNextHops(lab, bird, VIP, EVERY_HOP, 20_000)
    for (const host of stage.hosts) await stage.daemon(host).established(ROUTER)
    const holders = await Promise.all(FLOATING_IPS.map((address) => stage.holder(address)))
    const lostMs = Date.now()
    await stage.etcd.member.kill()
    for (const [index, address] of FLOATING_IPS.entries()) {
      const over = async () => (await stage.floatingIp(holders[index] ?? "", address)).state === "holdover"
      await lab.until(over, `${address} to be held over`)
    }
    const [host = ""] = holders
    const { ready, summary } = await stage.readiness(host)
    expect([ready, summary.includes("the store is lost")]).toEqual([true, true])
    expect(await stage.get(host, "floatingips", "-o", "wide")).toMatch(
      new RegExp(
        `${FLOATING_IPS[0]}.* holdover .*has not renewed the lease in time: held over until another node asks for it`
      )
    )
    // As long again as a lease, so that the kernel would have taken off what nobody renews.
    await lab.until(() => Date.now() - lostMs > 2 * LEASE_MS + 500, "two leases to pass")
    stage.etcd.member.start()
    await stage.etcd.healthy()
    expect(await Promise.all(FLOATING_IPS.map((address) => stage.holder(address)))).toEqual(holders)
    for (const address of FLOATING_IPS) expect(watch.holdings(address).length).toBe(1)
    for (const one of stage.hosts)
      for (const { flaps, state } of (await stage.daemon(one).status()).sessions)
        expect([flaps, state]).toEqual([0, "Established"])
    await holdsNextHops(lab, bird, VIP, EVERY_HOP)
  })
})
