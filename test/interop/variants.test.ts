// What sessions may look like beside the plain one: wide ASNs (RFC 6793), iBGP (L5), peers that take additional paths
// (RFC 7911) or announce routes of their own (D11), other ports, a passive node, both families on one session.
import { describe, expect } from "bun:test"
import { requires } from "../lab/requires.ts"
import { NODE, ROUTER, ROUTER_ASN, scenario, VIP, VIP_V6 } from "./scenario.ts"

const WIDE = 4_200_000_001

for (const make of ["frr", "bird"] as const) {
  const { test } = requires("root", "ip", "nft", make)

  describe(`variants with ${make}`, () => {
    test(`${make}: ASNs that need four octets (RFC 6793)`, async () => {
      await using all = await scenario(make, {
        cluster: { localAsn: WIDE, peers: [{ ip: ROUTER, asn: WIDE + 1 }] },
        router: { asn: WIDE + 1 },
        neighbor: { asn: WIDE }
      })
      expect((await all.router.established(NODE)).remoteAsn).toBe(WIDE)
      const [route] = await all.router.routesTo(`${VIP}/32`)
      expect(route?.asPath).toEqual([WIDE])
    })

    test(`${make}: iBGP has an empty path and a local preference (L5, RFC 4271 5.1.5)`, async () => {
      await using all = await scenario(make, {
        cluster: { peers: [{ ip: ROUTER, asn: 65001 }] },
        router: { asn: 65001 }
      })
      const [route] = await all.router.routesTo(`${VIP}/32`)
      expect(route).toEqual({
        prefix: `${VIP}/32`,
        nextHop: NODE,
        asPath: [],
        origin: "igp",
        localPref: 100,
        neighbor: NODE
      })
    })

    test(`${make}: a peer that takes additional paths gets its one path undisturbed (RFC 7911)`, async () => {
      await using all = await scenario(make, { router: { addPath: true } })
      await all.router.routesTo(`${VIP}/32`)
      expect((await all.daemon.established(ROUTER)).negotiated?.peerCapabilities).toContain("add-path")
      expect((await all.router.routes()).length).toBe(1)
    })

    test(`${make}: a session on another port`, async () => {
      await using all = await scenario(make, {
        cluster: { peers: [{ ip: ROUTER, asn: ROUTER_ASN, port: 1790 }] },
        router: { listenPort: 1790 }
      })
      await all.router.routesTo(`${VIP}/32`)
      expect((await all.daemon.session(ROUTER)).peerPort).toBe(1790)
    })

    test(`${make}: a passive node waits for the router`, async () => {
      await using all = await scenario(make, {
        cluster: { peers: [{ ip: ROUTER, asn: ROUTER_ASN, passive: true }] },
        neighbor: { passive: false }
      })
      await all.router.routesTo(`${VIP}/32`)
    })

    test(`${make}: VIPs of both families on one IPv4 session (RFC 4760)`, async () => {
      await using all = await scenario(make, { cluster: { vip: [VIP, VIP_V6] } })
      await all.router.routesTo(`${VIP_V6}/128`)
      const routes = await all.router.routes()
      expect(routes.map(({ prefix, nextHop }) => [prefix, nextHop])).toEqual([
        [`${VIP}/32`, NODE],
        [`${VIP_V6}/128`, "2001:db8:1::10"]
      ])
    })
  })
}

requires("root", "ip", "nft", "bird").test("what a peer announces is counted and goes nowhere (D11, I7)", async () => {
  await using all = await scenario("bird", {
    router: { announce: [{ prefix: "198.51.100.0/24" }, { prefix: "0.0.0.0/0" }, { prefix: `${VIP}/32` }] }
  })
  await all.router.routesTo(`${VIP}/32`)
  const counted = async () => (await all.daemon.session(ROUTER)).received.routes === 3
  await all.lab.until(counted, "three routes counted")
  expect(await all.lab.kernelNextHops("node", "198.51.100.0/24")).toEqual([])
  expect(await all.lab.kernelNextHops("node", "default")).toEqual([ROUTER])
  expect((await all.router.routes()).length).toBe(1)
})
