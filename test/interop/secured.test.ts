// TCP-MD5 (RFC 2385) and GTSM (RFC 5082) with routers that mean it: the right key and distance come up, anything else
// stays down and never falls back to an unprotected session. Row L1, invariant I10.
import { describe, expect } from "bun:test"
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Lab } from "../lab/Lab.ts"
import { requires } from "../lab/requires.ts"
import { type ClusterSpec, NODE, NODE_V6, ROUTER, ROUTER_ASN, ROUTER_V6, scenario, VIP, VIP_V6 } from "./scenario.ts"

const KEY = "correct-horse-battery"
const FILE = "bgp.key"

/** A cluster whose one peer is protected by the key file in the node's directory. */
const protectedBy =
  (ip: string, vip = VIP) =>
  (lab: Lab): ClusterSpec => ({
    peers: [{ ip, asn: ROUTER_ASN, passwordFile: join(lab.hostDirectory("node"), FILE) }],
    vip
  })

const keyFile = (key: string) => async (lab: Lab) =>
  writeFileSync(join(lab.hostDirectory("node"), FILE), key, { mode: 0o600 })

const counter = async (lab: Lab, name: string): Promise<number> => {
  const text = await lab.exec("router", ["nstat", "-asz", name])
  return Number(new RegExp(`${name}\\s+(\\d+)`).exec(text)?.[1] ?? 0)
}

for (const make of ["frr", "bird"] as const) {
  const { test } = requires("root", "ip", "nft", make)

  describe(`TCP-MD5 with ${make}`, () => {
    test(`${make}, the right key: Established, and the key is in no output (L1, I10)`, async () => {
      await using all = await scenario(make, {
        cluster: protectedBy(ROUTER),
        neighbor: { md5: KEY },
        prepare: keyFile(`${KEY}\n`)
      })
      await all.router.established(NODE)
      await all.router.routesTo(`${VIP}/32`)
      expect(existsSync((await all.daemon.session(ROUTER)).passwordFile ?? "")).toBe(true)
      expect(JSON.stringify(await all.daemon.status())).not.toContain(KEY)
      expect(all.daemon.process.log()).not.toContain(KEY)
    })

    test(`${make}, the right key over IPv6`, async () => {
      await using all = await scenario(make, {
        cluster: protectedBy(ROUTER_V6, VIP_V6),
        neighbor: { ip: NODE_V6, md5: KEY },
        prepare: keyFile(KEY)
      })
      await all.router.routesTo(`${VIP_V6}/128`)
    })

    test(`${make}, another key: no session, and the reason speaks of the key`, async () => {
      await using all = await scenario(make, {
        cluster: protectedBy(ROUTER),
        neighbor: { md5: "another" },
        prepare: keyFile(KEY)
      })
      await all.daemon.refusedWith(ROUTER, /MD5/i)
      expect(await counter(all.lab, "TcpExtTCPMD5Failure")).toBeGreaterThan(0)
    })

    test(`${make}, a key at the router only: no session`, async () => {
      await using all = await scenario(make, { neighbor: { md5: KEY } })
      await all.daemon.refusedWith(ROUTER, /timed out|no answer/i)
      expect(await counter(all.lab, "TcpExtTCPMD5NotFound")).toBeGreaterThan(0)
    })

    for (const [what, prepare] of [["missing", async () => undefined] as const, ["empty", keyFile("\n")] as const]) {
      test(`${make}, a key file that is ${what}: refused, never without a key (L1)`, async () => {
        await using all = await scenario(make, { cluster: protectedBy(ROUTER), prepare })
        const session = await all.daemon.refusedWith(ROUTER, /key|password/i)
        expect(session.reason).toContain(FILE)
        expect(session.sent.open).toBe(0)
        expect(session.got.open).toBe(0)
      })
    }
  })

  describe(`GTSM with ${make}`, () => {
    test(`${make}, both ends ask for one hop: Established (RFC 5082 3)`, async () => {
      await using all = await scenario(make, {
        cluster: { peers: [{ ip: ROUTER, asn: ROUTER_ASN, ttlSecurity: 1 }] },
        neighbor: { ttlSecurityHops: 1 }
      })
      await all.router.established(NODE)
      await all.router.routesTo(`${VIP}/32`)
      expect((await all.daemon.session(ROUTER)).ttlSecurity).toBe(1)
    })

    test(`${make}, packets that may have come from further away are refused (RFC 5082 3)`, async () => {
      await using all = await scenario(make, {
        cluster: { peers: [{ ip: ROUTER, asn: ROUTER_ASN, ttlSecurity: 1 }] },
        neighbor: { multihop: true }
      })
      const first = await all.daemon.refusedWith(ROUTER, /GTSM/)
      // An OPEN that does arrive is there by then: status is fresh every two seconds.
      const later = await all.lab.until(async () => {
        const now = await all.daemon.session(ROUTER)
        return Date.parse(now.lastReport) - Date.parse(first.lastReport) > 1_500 ? now : undefined
      }, "the session's next report")
      expect([later.state === "Established", later.got.open]).toEqual([false, 0])
      expect(await all.router.routes()).toEqual([])
    })
  })
}
