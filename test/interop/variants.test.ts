// What sessions may look like beside the plain one: wide ASNs (RFC 6793), iBGP (L5), peers that take additional paths
// (RFC 7911) or announce routes of their own (D11), other ports, a passive node, both families on one session.
import { describe, expect } from "bun:test"
import { join } from "node:path"
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

    test(`${make}: hold time 0, and no keepalive after the first (RFC 4271 4.2)`, async () => {
      await using all = await scenario(make, {
        cluster: { peers: [{ ip: ROUTER, asn: ROUTER_ASN, holdTime: 0 }] },
        router: { holdTime: 0 }
      })
      await all.router.routesTo(`${VIP}/32`)
      const up = await all.daemon.established(ROUTER)
      expect(up.negotiated).toMatchObject({ holdTime: 0, keepaliveTime: 0 })
      // The status is fresh every two seconds: three of them are more than the hold time that other tests use.
      const later = await all.lab.until(async () => {
        const now = await all.daemon.session(ROUTER)
        return Date.parse(now.lastReport) - Date.parse(up.since) > 5_000 ? now : undefined
      }, "five seconds of the session's own reports")
      expect([later.state, later.flaps, later.sent.keepalive, later.got.keepalive]).toEqual(["Established", 0, 1, 1])
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

describe("a peer that asks again", () => {
  const { test } = requires("root", "ip", "nft", "bird")

  test("bird: asks for its routes again and gets them without a flap (RFC 2918)", async () => {
    await using all = await scenario("bird")
    await all.router.routesTo(`${VIP}/32`)
    const before = await all.daemon.established(ROUTER)
    const words = ["birdc", "-s", join(all.lab.hostDirectory("router"), "bird.ctl"), "reload", "in", "n0"]
    await all.lab.exec("router", words)
    const after = await all.lab.until(async () => {
      const now = await all.daemon.session(ROUTER)
      return now.got.routeRefresh > before.got.routeRefresh && now.sent.update > before.sent.update ? now : undefined
    }, "the refresh and its answer")
    expect([after.state, after.flaps]).toEqual(["Established", 0])
    await all.router.routesTo(`${VIP}/32`)
  })
})

describe("a peer that offers no AS numbers of four octets", () => {
  const { test } = requires("root", "ip", "nft", "frr")

  test("frr: comes up, and gets AS_TRANS in the path (RFC 6793 4.2.2)", async () => {
    const configText = `
router bgp ${ROUTER_ASN}
 bgp router-id ${ROUTER}
 no bgp ebgp-requires-policy
 neighbor ${NODE} remote-as ${WIDE}
 neighbor ${NODE} dont-capability-negotiate
 neighbor ${NODE} ebgp-multihop 16
 neighbor ${NODE} passive
exit
`
    await using all = await scenario("frr", {
      cluster: { localAsn: WIDE, peers: [{ ip: ROUTER, asn: ROUTER_ASN }] },
      router: { configText }
    })
    const session = await all.daemon.established(ROUTER)
    expect(session.negotiated?.peerCapabilities).toEqual([])
    const [route] = await all.router.routesTo(`${VIP}/32`)
    // FRR leaves AS4_PATH alone where the sender itself offers four octets: what it shows is the path of two octets.
    expect(route?.asPath).toEqual([23456])
  })
})
