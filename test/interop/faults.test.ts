// Peers that refuse, are somebody else, fall silent, die, or call at the same moment: the session recovers by itself, and
// what the status says in the meantime is a reason that an operator can act on (I9).
import { describe, expect } from "bun:test"
import { holdBackMessages, unblock } from "../lab/faults.ts"
import type { Lab } from "../lab/Lab.ts"
import { requires } from "../lab/requires.ts"
import { MAKE_NAMES } from "../lab/routers/index.ts"
import { NODE, ROUTER, ROUTER_ASN, scenario, VIP } from "./scenario.ts"

/** Local ports of the node's open connections with BGP's port at either end. */
const bgpConnections = async (lab: Lab): Promise<ReadonlyArray<number>> => {
  const text = await lab.exec("node", ["ss", "-Htn", "state", "established", "( sport = :179 or dport = :179 )"])
  return text
    .trim()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => Number(line.trim().split(/\s+/)[2]?.split(":").pop()))
}

/**
 * Whether the router has our OPEN on the connection that it opened. Without it, it takes the KEEPALIVE on the other one, is
 * Established there, and is told a moment later that this was the wrong one.
 */
const openArrived = async (lab: Lab): Promise<boolean> => {
  const text = await lab.exec("node", ["ss", "-Htin", "state", "established", "( sport = :179 )"])
  return Number(/bytes_acked:(\d+)/.exec(text)?.[1] ?? 0) > 19
}

/** GoBGP and OpenBGPD tell nobody what a NOTIFICATION said to them. */
const showsNotifications: ReadonlySet<string> = new Set(["frr", "bird", "exabgp"])
/**
 * FRR and BIRD run both connections until their OPENs settle which one stays. GoBGP and OpenBGPD give up their own attempt
 * when one of ours comes in, ExaBGP does not listen while it calls: with these there is never a second connection.
 */
const keepsTwoConnections: ReadonlySet<string> = new Set(["frr", "bird"])

for (const make of MAKE_NAMES) {
  const { test } = requires("root", "ip", "nft", make)

  describe(`${make} in trouble`, () => {
    test(`${make} expects another ASN of us: the reason says Bad Peer AS (RFC 4271 6.2)`, async () => {
      await using all = await scenario(make, { neighbor: { asn: 65999 } })
      const session = await all.daemon.refusedWith(ROUTER, /bad peer as/i)
      expect(session.lastNotification?.direction).toBe("received")
    })

    test(`${make} has another ASN than the file says: the reason names both`, async () => {
      await using all = await scenario(make, { router: { asn: 65011 } })
      const session = await all.daemon.refusedWith(ROUTER, /65011/)
      expect(session.reason).toContain("65010")
      expect(session.lastNotification).toMatchObject({ direction: "sent", text: expect.stringMatching(/bad peer as/i) })
      if (!showsNotifications.has(make)) return
      const told = async () =>
        /bad peer as|2\/2|bad peer/i.test(`${JSON.stringify(await all.router.sessions())} ${all.router.log()}`)
      await all.lab.until(told, `${make} to show our NOTIFICATION`)
    })

    test(`${make} does not know us: the session stays down with a reason`, async () => {
      await using all = await scenario(make, { neighbor: { ip: "10.0.1.99" } })
      const session = await all.daemon.refusedWith(ROUTER, /refused|reject|closed|reset|cease/i)
      expect(session.state).not.toBe("Established")
      expect(await all.router.routes()).toEqual([])
    })

    test(`${make} is not where the file says: the reason says that nobody answers`, async () => {
      const nobody = "10.0.1.77"
      await using all = await scenario(make, { cluster: { peers: [{ ip: nobody, asn: ROUTER_ASN }] } })
      await all.daemon.refusedWith(nobody, /no route to host|timed out|no answer|unreachable/i)
    })

    test(`${make} has no BGP on the port: connection refused, and the session comes with the router`, async () => {
      await using all = await scenario(make)
      await all.router.stop()
      await all.daemon.refusedWith(ROUTER, /refused/i)
      await all.router.start()
      await all.router.routesTo(`${VIP}/32`, 1, 15_000)
    })

    test(`${make} frozen: the hold timer ends the session, thawed it comes back (RFC 4271 6.5)`, async () => {
      await using all = await scenario(make)
      await all.router.routesTo(`${VIP}/32`)
      const frozenAt = performance.now()
      all.router.freeze()
      const session = await all.daemon.refusedWith(ROUTER, /hold timer/i)
      expect(performance.now() - frozenAt).toBeLessThan(4_500)
      expect(session.flaps).toBe(1)
      all.router.thaw()
      await all.daemon.established(ROUTER)
      await all.router.routesTo(`${VIP}/32`)
    })

    test(`${make} killed: the end is seen at once, and the route is back with the router`, async () => {
      await using all = await scenario(make)
      await all.router.routesTo(`${VIP}/32`)
      await all.router.kill()
      await all.daemon.refusedWith(ROUTER, /\w/, 1_500)
      await all.router.start()
      await all.router.routesTo(`${VIP}/32`, 1, 15_000)
    })

    if (!keepsTwoConnections.has(make)) {
      test(`${make} connects to us while we connect to it: one session comes of it, and stays`, async () => {
        await using all = await scenario(make, {
          neighbor: { passive: false },
          cluster: { peers: [{ ip: ROUTER, asn: ROUTER_ASN, holdTime: 9 }] },
          router: { holdTime: 9 }
        })
        await Promise.all([all.daemon.established(ROUTER), all.router.established(NODE)])
        await all.router.routesTo(`${VIP}/32`)
        await all.lab.until(async () => (await bgpConnections(all.lab)).length === 1, "one connection")
        expect((await all.daemon.session(ROUTER)).flaps).toBe(0)
      })
      return
    }

    test(`${make} connects to us while we connect to it: one connection stays, that of the higher identifier (RFC 4271 6.8)`, async () => {
      await using all = await scenario(make, {
        neighbor: { passive: false },
        cluster: { peers: [{ ip: ROUTER, asn: ROUTER_ASN, holdTime: 9 }] },
        router: { holdTime: 9 },
        prepare: async (lab) => {
          // A kernel that sends an OPEN again would put the KEEPALIVE behind it into the same packet.
          for (const host of ["node", "router"])
            await lab.exec(host, ["sysctl", "-q", "-w", "net.ipv4.tcp_retrans_collapse=0"])
          await holdBackMessages(lab, "router", "all")
        }
      })
      const both = async () => (await bgpConnections(all.lab)).length === 2
      await all.lab.until(both, "two connections between the same two speakers")
      // OPENs pass, KEEPALIVEs do not: neither connection can be Established before the other one's OPEN is there.
      await holdBackMessages(all.lab, "router", "short")
      const decided = async () => {
        const { got } = await all.daemon.session(ROUTER)
        return got.open === 2 && (await bgpConnections(all.lab)).length === 1 && (await openArrived(all.lab))
      }
      await all.lab.until(decided, "both OPENs at either end, and the end of one connection")
      await unblock(all.lab)
      await Promise.all([all.daemon.established(ROUTER), all.router.established(NODE)])
      // The router's identifier is the higher one: what stays is the connection that it opened, to our port 179.
      expect(await bgpConnections(all.lab)).toEqual([179])
      await all.router.routesTo(`${VIP}/32`)
      expect((await all.daemon.session(ROUTER)).flaps).toBe(0)
    })
  })
}
