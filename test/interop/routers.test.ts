// What each of the five routers holds while a node announces its control-plane VIP to it: sessions and routes exactly,
// as the router itself shows them. Rows S5, S6, L2, L3; decisions D8 (stop), D11; invariants I7, I8.
import { describe, expect } from "bun:test"
import { requires } from "../lab/requires.ts"
import { MAKE_NAMES } from "../lab/routers/index.ts"
import { NODE, NODE_V6, ROUTER, ROUTER_ASN, ROUTER_V6, scenario, VIP, VIP_V6 } from "./scenario.ts"

/** ExaBGP 4.2 and OpenBGPD 7.7 know fewer capabilities by name. */
const OFFERED = ["four-octet-as", "ipv4-unicast", "route-refresh"]

for (const make of MAKE_NAMES) {
  const { test } = requires("root", "ip", "nft", make)

  describe(`${make} as the peer`, () => {
    test(`${make} holds the VIP with the node as next hop, and nothing else (S6, I7)`, async () => {
      const attributes = { med: 50, communities: ["65001:100", "65001:200"], largeCommunities: ["65001:1:2"] }
      await using all = await scenario(make, {
        cluster: { peers: [{ ip: ROUTER, asn: ROUTER_ASN, ...attributes }] }
      })
      const [seen, own] = await Promise.all([all.router.established(NODE), all.daemon.established(ROUTER)])
      expect(seen).toMatchObject({ neighbor: NODE, remoteAsn: 65001, holdTime: 3 })
      for (const name of OFFERED) expect(seen.capabilities).toContain(name)
      expect(own.negotiated).toMatchObject({ holdTime: 3, keepaliveTime: 1, peerRouterId: ROUTER })
      expect(own.negotiated?.capabilities).toContain("four-octet-as")
      expect(own.reason).toBeUndefined()
      await all.router.routesTo(`${VIP}/32`)
      expect(await all.router.routes()).toEqual([
        { prefix: `${VIP}/32`, nextHop: NODE, asPath: [65001], origin: "igp", neighbor: NODE, ...attributes }
      ])
      expect(await all.lab.addresses("node", "lo")).toContain(VIP)
    })

    test(`${make} loses the route on SIGTERM, before the address goes (D8, I8)`, async () => {
      await using all = await scenario(make)
      await all.router.routesTo(`${VIP}/32`)
      const { code, tookMs } = await all.daemon.stop()
      await all.router.noRouteTo(`${VIP}/32`, 1_000)
      expect(code).toBe(0)
      expect(tookMs).toBeLessThan(2_000)
      expect(await all.lab.addresses("node", "lo")).not.toContain(VIP)
      expect((await all.router.sessions()).map((one) => one.state)).not.toContain("Established")
    })

    test(`${make} restarts and gets the route again`, async () => {
      await using all = await scenario(make)
      await all.router.routesTo(`${VIP}/32`)
      await all.router.stop()
      await all.daemon.refusedWith(ROUTER, /\w/)
      await all.router.start()
      await all.router.routesTo(`${VIP}/32`, 1, 15_000)
      expect((await all.daemon.established(ROUTER)).flaps).toBe(1)
    })

    test(`${make} holds an IPv6 VIP from a session over IPv6 (L2, L3)`, async () => {
      await using all = await scenario(make, {
        cluster: { peers: [{ ip: ROUTER_V6, asn: ROUTER_ASN }], vip: VIP_V6 },
        neighbor: { ip: NODE_V6 }
      })
      const session = await all.router.established(NODE_V6)
      expect(session.capabilities).toContain("ipv6-unicast")
      await all.router.routesTo(`${VIP_V6}/128`)
      expect(await all.router.routes()).toEqual([
        { prefix: `${VIP_V6}/128`, nextHop: NODE_V6, asPath: [65001], origin: "igp", neighbor: NODE_V6 }
      ])
      expect(await all.lab.addresses("node", "lo")).toContain(VIP_V6)
    })
  })
}
