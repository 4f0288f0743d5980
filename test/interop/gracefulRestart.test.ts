// A speaker that goes and comes back, or whose address moves to another node, over graceful restart (RFC 4724, RFC 8538, D8):
// the router's kernel keeps what is announced again without a single change, and drops after End-of-RIB what is not.
import { describe, expect } from "bun:test"
import { cut } from "../lab/faults.ts"
import { KernelWatch } from "../lab/kernelWatch.ts"
import { Lab } from "../lab/Lab.ts"
import { requires } from "../lab/requires.ts"
import { type MakeName, startRouter } from "../lab/routers/index.ts"
import { LabSession, path, type SessionSpec } from "../lab/session.ts"
import { oneRack, pair } from "../lab/topology.ts"
import { CLUSTER_ASN, NODE, ROUTER, ROUTER_ASN, VIP, VIP_V6 } from "./scenario.ts"

const FLOATING = "10.0.1.100"
const DROPPED = "10.0.0.9"
const kept = [path(`${VIP}/32`, "10.0.1.11"), path(`${VIP_V6}/128`, "2001:db8:1::11")]
const all = [...kept, path(`${DROPPED}/32`, "10.0.1.11")]

/** Long enough that no hold timer takes part. */
const HOLD = 90

const restartable = (localAddress: string): SessionSpec => ({
  localAddress,
  peerAddress: ROUTER,
  localAsn: CLUSTER_ASN,
  peerAsn: ROUTER_ASN,
  gracefulRestart: { restartTime: 120, notification: true }
})

const routerAt = (lab: Lab, make: MakeName, host: string, neighbor: string) =>
  startRouter(lab, make, {
    host,
    asn: ROUTER_ASN,
    routerId: ROUTER,
    holdTime: HOLD,
    gracefulRestart: true,
    installRoutes: make !== "gobgp",
    neighbors: [{ ip: neighbor, asn: CLUSTER_ASN }]
  })

/** All routes are in the kernel of `host`, and stay as they are from now on. */
const settled = async (lab: Lab, host: string) => {
  const watch = await KernelWatch.start(lab, [host])
  for (const prefix of [VIP, VIP_V6, DROPPED])
    await lab.until(async () => (await lab.kernelNextHops(host, prefix)).length === 1, `${prefix} in the kernel`)
  return (prefix: string) => watch.routeChanges(host, prefix).map(({ nextHops }) => nextHops)
}

for (const make of ["frr", "bird"] as const) {
  const { test } = requires("root", "ip", "nft", make)

  describe(`graceful restart with ${make}`, () => {
    for (const how of ["leave", "kill"] as const) {
      test(`${make}: over ${how === "leave" ? "a session that leaves" : "kill -9"} and a new speaker 300 ms later the kernel's routes do not move`, async () => {
        await using lab = await Lab.create(pair())
        const router = await routerAt(lab, make, "router", NODE)
        const first = LabSession.start(lab, "node", restartable(NODE), all)
        await first.established()
        await router.routesTo(`${VIP_V6}/128`)
        const changes = await settled(lab, "router")
        const before = [VIP, VIP_V6, DROPPED].map((prefix) => changes(prefix).length)
        await first.end(how)
        await router.down(NODE)
        await Bun.sleep(300)
        const second = LabSession.start(lab, "node", restartable(NODE), kept)
        await second.established()
        await lab.until(() => changes(DROPPED).at(-1)?.length === 0, "what is not announced any more to go")
        expect([VIP, VIP_V6, DROPPED].map((prefix) => changes(prefix).length)).toEqual([
          ...before.slice(0, 2),
          (before[2] ?? 0) + 1
        ])
        expect((await router.routes()).map(({ prefix }) => prefix)).toEqual([`${VIP}/32`, `${VIP_V6}/128`])
        expect((await second.report()).negotiated?.gracefulRestart).toMatchObject({ restartTime: 120 })
      })
    }

    test(`${make}: a Cease means it: the routes go at once, whatever was agreed on`, async () => {
      await using lab = await Lab.create(pair())
      const router = await routerAt(lab, make, "router", NODE)
      const session = LabSession.start(lab, "node", restartable(NODE), all)
      await session.established()
      const changes = await settled(lab, "router")
      await session.end("cease")
      const gone = () => [VIP, VIP_V6, DROPPED].every((prefix) => changes(prefix).at(-1)?.length === 0)
      await lab.until(gone, "all routes to go", 2_000)
      // FRR would keep routes over NOTIFICATIONs (the N bit), were it not for this one (RFC 8538 3.1). BIRD 2.0 has no N bit.
      const words = make === "frr" ? "Hard Reset" : "Administrative shutdown"
      await lab.until(() => router.log().includes(words), `the router to be told: ${words}`)
    })

    for (const sourcePort of [undefined, 61_001]) {
      const from = sourcePort === undefined ? "any port" : "the same port"
      test(`${make}: the address moves to another node while the old one is cut off: taken over from ${from} within a second, no route moves (D7, D8)`, async () => {
        await using lab = await Lab.create(oneRack())
        await routerAt(lab, make, "tor-1", FLOATING)
        const spec = { ...restartable(FLOATING), ...(sourcePort === undefined ? {} : { sourcePort }) }
        const give = (host: string) => lab.exec(host, ["ip", "addr", "add", `${FLOATING}/24`, "dev", "eth0"])
        await give("node-01")
        await LabSession.start(lab, "node-01", spec, all).established()
        const changes = await settled(lab, "tor-1")
        const before = [VIP, VIP_V6].map((prefix) => changes(prefix).length)
        await cut(lab, "node-01")
        await give("node-02")
        // In place of the announcement of who has the address.
        await lab.exec("tor-1", ["ip", "neigh", "del", FLOATING, "dev", "eth0"])
        const heir = LabSession.start(lab, "node-02", spec, kept)
        const upMs = (await heir.established()) - (heir.said()[0]?.atMs ?? 0)
        await lab.until(() => changes(DROPPED).at(-1)?.length === 0, "what is not announced any more to go")
        expect([VIP, VIP_V6].map((prefix) => changes(prefix).length)).toEqual(before)
        // FRR closes the first attempt and takes the next.
        expect(upMs).toBeLessThan(1_000)
        process.stdout.write(`  ${make}, from ${from}: Established ${upMs} ms after the new speaker began to dial\n`)
      })
    }
  })
}

describe("graceful restart with gobgp", () => {
  const { test } = requires("root", "ip", "nft", "gobgp")

  for (const how of ["leave", "kill"] as const) {
    test(`gobgp: over ${how} its table keeps the routes, and drops after End-of-RIB what is not announced again`, async () => {
      await using lab = await Lab.create(pair())
      const router = await routerAt(lab, "gobgp", "router", NODE)
      const table = async (): Promise<ReadonlyArray<string>> => {
        const rib = (family: string) => ["gobgp", "-p", "50051", "global", "rib", "-a", family, "-j"]
        const texts = await Promise.all(["ipv4", "ipv6"].map((family) => lab.exec("router", rib(family))))
        return texts.flatMap((text) => (text.startsWith("{") ? Object.keys(JSON.parse(text)) : [])).sort()
      }
      const [vip4, dropped, vip6] = [`${VIP}/32`, `${DROPPED}/32`, `${VIP_V6}/128`]
      const first = LabSession.start(lab, "node", restartable(NODE), all)
      await first.established()
      await lab.until(async () => (await table()).length === 3, "three routes")
      await first.end(how)
      await router.down(NODE)
      expect(await table()).toEqual([vip4, dropped, vip6])
      const second = LabSession.start(lab, "node", restartable(NODE), kept)
      // It takes no connection for some five seconds after one has gone.
      const tables: Array<ReadonlyArray<string>> = []
      const back = second.established(20_000)
      let up = false
      void back.then(() => {
        up = true
      })
      while (!up) tables.push(await table())
      expect(tables.length).toBeGreaterThan(5)
      for (const one of tables) expect(one.filter((prefix) => prefix !== dropped)).toEqual([vip4, vip6])
      await lab.until(
        async () => (await table()).join() === [vip4, vip6].join(),
        "what is not announced any more to go"
      )
    })
  }
})
