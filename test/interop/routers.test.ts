// What each of the five routers holds while a node announces its control-plane VIP to it: sessions and routes exactly,
// as the router itself shows them. Rows S5, S6, L2, L3; decisions D8 (stop), D11; invariants I7, I8.
import { describe, expect } from "bun:test"
import { requires } from "../lab/requires.ts"
import { MAKE_NAMES, type MakeName } from "../lab/routers/index.ts"
import { NODE, NODE_V6, ROUTER, ROUTER_ASN, ROUTER_V6, scenario, VIP, VIP_V6 } from "./scenario.ts"

/** What an IPv4 session offers, by the names of the normal form. OpenBGPD 7.7 does not show those that it does not know. */
const OFFERED: Partial<Record<MakeName, ReadonlyArray<string>>> & { readonly all: ReadonlyArray<string> } = {
  all: [
    ...["enhanced-route-refresh", "extended-message", "four-octet-as", "fqdn"],
    ...["graceful-restart", "ipv4-unicast", "route-refresh"]
  ],
  openbgpd: ["enhanced-route-refresh", "four-octet-as", "graceful-restart", "ipv4-unicast", "route-refresh"]
}

/** What both ends have, as the daemon shows it: the peer's own list cut with the one above. */
const AGREED: Record<MakeName, ReadonlyArray<string>> = {
  frr: [
    ...["enhanced-route-refresh", "extended-message", "four-octet-as", "fqdn"],
    ...["graceful-restart", "multiprotocol", "route-refresh"]
  ],
  bird: ["enhanced-route-refresh", "four-octet-as", "graceful-restart", "multiprotocol", "route-refresh"],
  gobgp: ["four-octet-as", "fqdn", "multiprotocol", "route-refresh"],
  exabgp: ["enhanced-route-refresh", "extended-message", "four-octet-as", "multiprotocol", "route-refresh"],
  openbgpd: ["four-octet-as", "graceful-restart", "multiprotocol", "route-refresh"]
}

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
      expect(seen.capabilities).toEqual([...(OFFERED[make] ?? OFFERED.all)])
      expect(own.negotiated).toMatchObject({ holdTime: 3, keepaliveTime: 1, peerRouterId: ROUTER })
      expect(own.negotiated?.capabilities.toSorted()).toEqual([...AGREED[make]])
      expect(own.reason).toBeUndefined()
      await all.router.routesTo(`${VIP}/32`)
      expect(await all.router.routes()).toEqual([
        { prefix: `${VIP}/32`, nextHop: NODE, asPath: [65001], origin: "igp", neighbor: NODE, ...attributes }
      ])
      expect(await all.lab.addresses("node", "lo")).toContain(VIP)
    })

    test(`${make} loses the route on SIGTERM, and the node its address (D8)`, async () => {
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
