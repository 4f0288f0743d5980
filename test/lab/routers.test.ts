// Each of the five routers hears two routes from a router of another make and tells them in the normal form.
import { describe, expect } from "bun:test"
import { Lab } from "./Lab.ts"
import { requires } from "./requires.ts"
import { MAKE_NAMES, type MakeName, startRouter } from "./routers/index.ts"
import type { RouterNeighbor } from "./routers/Router.ts"
import { pair } from "./topology.ts"

const NODE = "10.0.1.10"
const ROUTER = "10.0.1.254"

const speaker = (lab: Lab, make: MakeName, neighbor: Partial<RouterNeighbor> = {}) =>
  startRouter(lab, make, {
    host: "node",
    asn: 65001,
    routerId: NODE,
    neighbors: [{ ip: ROUTER, asn: 65010, passive: false, ...neighbor }],
    announce: [
      { prefix: "10.0.0.8/32", med: 7, communities: ["65001:100"] },
      { prefix: "2001:db8::8/128", nextHop: "2001:db8:1::10" }
    ]
  })

const router = (lab: Lab, make: MakeName, neighbor: Partial<RouterNeighbor> = {}) =>
  startRouter(lab, make, {
    host: "router",
    asn: 65010,
    routerId: ROUTER,
    neighbors: [{ ip: NODE, asn: 65001, ...neighbor }]
  })

const other = (make: MakeName): MakeName => (make === "bird" ? "exabgp" : "bird")

describe("the normal form of what a router holds", () => {
  for (const make of MAKE_NAMES) {
    requires("root", "ip", "nft", make, other(make)).test(`${make} as the peer of ${other(make)}`, async () => {
      await using lab = await Lab.create(pair())
      const peer = await router(lab, make)
      await speaker(lab, other(make))
      const session = await peer.established(NODE)
      expect(session).toMatchObject({ neighbor: NODE, remoteAsn: 65001, holdTime: 3, state: "Established" })
      for (const name of ["four-octet-as", "ipv4-unicast", "ipv6-unicast", "route-refresh"]) {
        expect(session.capabilities).toContain(name)
      }
      await peer.routesTo("2001:db8::8/128")
      const common = { asPath: [65001], neighbor: NODE, origin: "igp" as const }
      expect(await peer.routes()).toEqual([
        { prefix: "10.0.0.8/32", nextHop: NODE, med: 7, communities: ["65001:100"], ...common },
        { prefix: "2001:db8::8/128", nextHop: "2001:db8:1::10", ...common }
      ])
    })
  }

  for (const make of ["frr", "bird"] as const) {
    requires("root", "ip", "nft", make, "exabgp").test(`${make}: frozen, thawed, killed, restarted`, async () => {
      await using lab = await Lab.create(pair())
      const peer = await router(lab, make)
      const announcer = await speaker(lab, "exabgp")
      await peer.established(NODE)
      peer.freeze()
      await announcer.down(ROUTER)
      peer.thaw()
      await peer.established(NODE)
      await peer.kill()
      await announcer.down(ROUTER)
      await peer.restart()
      await peer.routesTo("10.0.0.8/32", 1, 20_000)
    })

    requires("root", "ip", "nft", make, "exabgp").test(
      `${make}: an MD5 key that differs keeps the session down`,
      async () => {
        await using lab = await Lab.create(pair())
        const peer = await router(lab, make, { md5: "one" })
        await speaker(lab, "exabgp", { md5: "two" })
        const refused = async () => {
          const counters = await lab.exec("router", ["nstat", "-asz", "TcpExtTCPMD5Failure"])
          return Number(/TcpExtTCPMD5Failure\s+(\d+)/.exec(counters)?.[1]) > 0
        }
        await lab.until(refused, "a segment that the kernel refuses for its MD5 digest")
        expect((await peer.sessions()).map((one) => one.state)).not.toContain("Established")
      }
    )
  }
})
