// The end of a daemon as its peers, the kernels and the store see it: a stop in order hands everything over before it goes, an
// upgrade (SIGUSR2) and a crash (kill -9) that are followed by a new run within the lease change nothing at all. Decision D8;
// invariants I1, I8.
import { describe, expect } from "bun:test"
import type { Lab } from "../../lab/Lab.ts"
import type { Background } from "../../lab/process.ts"
import { requires } from "../../lab/requires.ts"
import type { Router } from "../../lab/routers/Router.ts"
import { ROUTER } from "../scenario.ts"
import { type FileSpec, FLOATING_IPS, nodeAddress } from "./file.ts"
import { holdsNextHops, LEAF, LEAF_ASN, LEAF_IP, rackWithLeaf, startRackRouter } from "./router.ts"
import { figures, Stage, TOR } from "./Stage.ts"

const { test } = requires("root", "ip", "nft", "etcd", "etcdctl", "frr", "bird", "tcpdump")

const VIP = "203.0.113.1"
const CP_VIP = "10.0.0.8"
const FILE: FileSpec = {
  type: "bgp",
  floatingIps: FLOATING_IPS,
  peers: [{}, { peerIP: LEAF_IP, peerASN: LEAF_ASN }],
  pools: [{ name: "public", addresses: [`${VIP}/32`] }],
  services: [{ name: "web" }]
}
const HOPS = ["node-01", "node-02"].map(nodeAddress)
const EVERY_HOP = { [FLOATING_IPS[0]]: HOPS, [FLOATING_IPS[1]]: HOPS }

interface World extends AsyncDisposable {
  readonly stage: Stage
  readonly routers: ReadonlyArray<Router>
}

/** FRR at tor-1 and BIRD beside it, both with the routes in their kernels. */
const build = async (): Promise<World> => {
  const routers: Array<Router> = []
  const stage = await Stage.create({
    topology: rackWithLeaf(2),
    watch: [TOR, LEAF],
    file: FILE,
    prepare: async (lab) => {
      const both = [
        startRackRouter(lab, "frr", 2, TOR, { installRoutes: true }),
        startRackRouter(lab, "bird", 2, LEAF, { installRoutes: true })
      ]
      routers.push(...(await Promise.all(both)))
    }
  })
  for (const router of routers) await holdsNextHops(stage.lab, router, `${VIP}/32`, EVERY_HOP, 20_000)
  for (const host of [TOR, LEAF])
    await stage.lab.until(async () => (await stage.lab.kernelNextHops(host, VIP)).length === 2, `ECMP at ${host}`)
  return { stage, routers, [Symbol.asyncDispose]: () => stage.lab.dispose() }
}

/** Epoch milliseconds of the first line that `words` match, in what stamps its lines with seconds since 1970. */
const firstMs = (one: Background, words: RegExp): number | undefined => {
  const line = one
    .log()
    .split("\n")
    .find((text) => words.test(text))
  return line === undefined ? undefined : Number(line.split(" ")[0]) * 1_000
}

/** What the node says to `router` from the address. */
const capture = async (lab: Lab, host: string, address: string): Promise<Background> => {
  const filter = `tcp dst port 179 and src host ${address} and dst host ${ROUTER}`
  const one = lab.spawn(host, "tcpdump", ["tcpdump", "-l", "-n", "-tt", "-i", "eth0", filter])
  await lab.until(() => one.log().includes("listening on"), "tcpdump to listen")
  return one
}

const watchClaim = async (stage: Stage, address: string): Promise<Background> => {
  const script = `etcdctl --endpoints=${stage.etcd.member.endpoint} watch "$1" | while read -r line; do echo "$EPOCHREALTIME $line"; done`
  const words = ["bash", "-c", script, "bash", `/viaduct/bm/claims/${address}`]
  const one = stage.lab.spawn(TOR, "claim", words, { ETCDCTL_API: "3" })
  await stage.lab.until(async () => {
    const [claim] = JSON.parse(await stage.etcd.etcdctl("get", `/viaduct/bm/claims/${address}`, "-w", "json")).kvs
    return claim !== undefined
  }, "the claim to be there")
  return one
}

const holdingNow = (stage: Stage, address: string, host: string) =>
  stage.watch
    .holdings(address)
    .filter((one) => one.host === host)
    .at(-1)

describe("a daemon that ends", () => {
  test("SIGTERM: next hop, sessions, floating IP, claim, VIPs, in this order, and within three seconds (I8)", async () => {
    await using world = await build()
    const { stage } = world
    const [floatingIp] = FLOATING_IPS
    const host = await stage.holder(floatingIp)
    const other = host === "node-01" ? "node-02" : "node-01"
    const [wire, claim] = await Promise.all([capture(stage.lab, host, floatingIp), watchClaim(stage, floatingIp)])
    const startMs = Date.now()
    const { code, tookMs } = await stage.daemon(host).stop()
    expect([code, tookMs < 3_000]).toEqual([0, true])
    const heir = await stage.heir(floatingIp, host)
    expect(heir).toBe(other)
    const at = await stage.lab.until(() => {
      const left = firstMs(wire, /Flags \[F/)
      const unclaimed = firstMs(claim, /DELETE/)
      const gone = holdingNow(stage, floatingIp, host)?.toMs
      const vipGone = holdingNow(stage, VIP, host)?.toMs
      const withdrawn = [TOR, LEAF].map(
        (router) =>
          stage.watch
            .routeChanges(router, VIP)
            .find((one) => one.atMs > startMs && one.nextHops.join() === nodeAddress(other))?.atMs
      )
      const missing = withdrawn.includes(undefined)
      if (left === undefined || unclaimed === undefined || gone === undefined || vipGone === undefined || missing)
        throw new Error(`so far ${JSON.stringify({ withdrawn, left, unclaimed, gone, vipGone })}`)
      return { withdrawn: Math.max(...withdrawn.flatMap((ms) => ms ?? [])), left, gone, unclaimed, vipGone }
    }, "withdrawal, FIN, removal and the end of the claim")
    const text = Object.entries(at).map(([what, ms]) => `${what} +${Math.round(ms - startMs)}`)
    figures(`SIGTERM: ${text.join(", ")}, exit +${Math.round(tookMs)} ms`)
    expect(at.left).toBeLessThanOrEqual(at.gone)
    expect(at.gone).toBeLessThanOrEqual(at.unclaimed)
    expect(at.withdrawn).toBeLessThan(at.vipGone)
    // The peer keeps the routes for the heir: no NOTIFICATION was sent from the floating IP.
    expect(wire.log()).not.toMatch(/Notification/i)
    expect(stage.watch.overlaps(floatingIp)).toEqual([])
    await stage.daemon(heir).established(ROUTER)
  })

  for (const how of ["SIGUSR2", "kill -9"] as const) {
    test(`${how} and a new run: FRR and BIRD keep every route without a change, the floating IP stays on the node`, async () => {
      await using world = await build()
      const { stage } = world
      const [floatingIp] = FLOATING_IPS
      const host = await stage.holder(floatingIp)
      const startMs = Date.now()
      const { process } = stage.daemon(host)
      if (how === "SIGUSR2") {
        process.signal("SIGUSR2")
        expect(await process.exited).toBe(0)
      } else await process.kill()
      const endedMs = Date.now()
      await stage.start(host, FILE)
      expect(await stage.holder(floatingIp)).toBe(host)
      const { sessions } = await stage.daemon(host).status()
      expect(sessions.length).toBe(3)
      const up = async () => (await stage.daemon(host).status()).sessions.every(({ state }) => state === "Established")
      await stage.lab.until(up, "every session")
      figures(`${how}: ended after ${endedMs - startMs} ms, all sessions again after ${Date.now() - startMs} ms`)
      for (const router of world.routers) await holdsNextHops(stage.lab, router, `${VIP}/32`, EVERY_HOP)
      // What the peers would drop they drop after the End-of-RIB, which has passed by now, or when their patience ends.
      for (const router of [TOR, LEAF])
        for (const prefix of [VIP, CP_VIP])
          expect(stage.watch.routeChanges(router, prefix).filter(({ atMs }) => atMs > startMs)).toEqual([])
      for (const address of [floatingIp, VIP, CP_VIP]) expect(holdingNow(stage, address, host)?.toMs).toBeUndefined()
      expect(stage.watch.overlaps(floatingIp)).toEqual([])
    })
  }
})
