// Several next hops of one prefix over one session (RFC 7911, D9), IPv4 and IPv6 over an IPv4 session (RFC 4760): what routers
// hold and what their kernels do with it; and what a peer gets that does not receive additional paths.
import { describe, expect } from "bun:test"
import type { PlannedRoute } from "../../src/plan/types.ts"
import { Lab } from "../lab/Lab.ts"
import { requires } from "../lab/requires.ts"
import { type MakeName, startRouter } from "../lab/routers/index.ts"
import type { Router } from "../lab/routers/Router.ts"
import { LabSession, path } from "../lab/session.ts"
import { pair } from "../lab/topology.ts"
import { CLUSTER_ASN, NODE, ROUTER, ROUTER_ASN, VIP, VIP_V6 } from "./scenario.ts"

const LAST = [11, 12, 13] as const
const V4 = `${VIP}/32`
const V6 = `${VIP_V6}/128`
const hop = (prefix: string, last: number): string => (prefix === V4 ? `10.0.1.${last}` : `2001:db8:1::${last}`)
const id = (last: number): number => 0x0a000100 + last
/** The paths of both prefixes; the second node's is the one that may stand alone. */
const paths = (lasts: ReadonlyArray<number> = LAST): ReadonlyArray<PlannedRoute> =>
  [V4, V6].flatMap((prefix) =>
    lasts.map((last) => path(prefix, hop(prefix, last), { pathId: id(last), single: last === 12 }))
  )

const told = async (router: Router) =>
  (await router.routes()).map(({ prefix, nextHop, pathId }) => ({ prefix, nextHop, ...(pathId ? { pathId } : {}) }))

const TELLS_IDS: ReadonlyArray<MakeName> = ["frr", "gobgp"]
const INSTALLS: ReadonlyArray<MakeName> = ["frr", "bird"]

for (const make of ["frr", "bird", "gobgp"] as const) {
  const { test } = requires("root", "ip", "nft", make)
  const setUp = async (lab: Lab, addPath: boolean) => {
    const router = await startRouter(lab, make, {
      host: "router",
      asn: ROUTER_ASN,
      routerId: ROUTER,
      holdTime: 9,
      addPath,
      installRoutes: INSTALLS.includes(make),
      neighbors: [{ ip: NODE, asn: CLUSTER_ASN }]
    })
    const ends = { localAddress: NODE, peerAddress: ROUTER, localAsn: CLUSTER_ASN, peerAsn: ROUTER_ASN }
    const session = LabSession.start(lab, "node", { ...ends, addPaths: true }, paths())
    await session.established()
    return { router, session }
  }

  describe(`additional paths to ${make}`, () => {
    test(`${make}: holds every next hop of both families, and its kernel spreads over them; one goes, the others stay`, async () => {
      await using lab = await Lab.create(pair())
      const { router, session } = await setUp(lab, true)
      const expected = (lasts: ReadonlyArray<number>) =>
        [V4, V6].flatMap((prefix) =>
          lasts.map((last) => ({
            prefix,
            nextHop: hop(prefix, last),
            ...(TELLS_IDS.includes(make) ? { pathId: id(last) } : {})
          }))
        )
      const spread = (lasts: ReadonlyArray<number>) =>
        Promise.all(
          [V4, V6].map((prefix) =>
            lab.until(async () => {
              const found = await lab.kernelNextHops("router", prefix)
              return found.join() === lasts.map((last) => hop(prefix, last)).join()
            }, `ECMP over ${lasts} to ${prefix}`)
          )
        )
      await router.routesTo(V6, 3)
      expect(await told(router)).toEqual(expected(LAST))
      if (INSTALLS.includes(make)) await spread(LAST)
      const before = await session.report()
      expect(before.negotiated?.addPathSend).toEqual(["ipv4-unicast", "ipv6-unicast"])
      expect([before.notes, before.withheld]).toEqual([undefined, undefined])
      session.announce(paths([11, 13]))
      await router.routesTo(V6, 2)
      expect(await told(router)).toEqual(expected([11, 13]))
      if (INSTALLS.includes(make)) await spread([11, 13])
      // A withdrawal for each family, and not a word about the paths that stay.
      expect((await session.report()).sent.update - before.sent.update).toBe(2)
    })

    test(`${make}: without receiving them gets exactly the path that may stand alone, and the status says so`, async () => {
      await using lab = await Lab.create(pair())
      const { router, session } = await setUp(lab, false)
      await router.routesTo(V6, 1)
      expect(await told(router)).toEqual([V4, V6].map((prefix) => ({ prefix, nextHop: hop(prefix, 12) })))
      const { notes, withheld, negotiated } = await session.report()
      expect(negotiated?.addPathSend).toEqual([])
      expect(withheld).toBeUndefined()
      expect(notes?.map((note) => note.replace(/^(ipv.): .*\((RFC 7911)\).*$/, "$1 $2"))).toEqual([
        "ipv4 RFC 7911",
        "ipv6 RFC 7911"
      ])
    })
  })
}
