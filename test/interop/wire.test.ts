// What our packets look like to the network: precedence, hop limit, and the MD5 option where a key is configured.
import { describe, expect } from "bun:test"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Lab } from "../lab/Lab.ts"
import type { Background } from "../lab/process.ts"
import { requires } from "../lab/requires.ts"
import { NODE_V6, ROUTER, ROUTER_ASN, ROUTER_V6, scenario, VIP_V6 } from "./scenario.ts"

/** tcpdump of what the node sends to BGP's port, listening before the daemon starts. */
const capture = (into: (one: Background) => void) => async (lab: Lab) => {
  const one = lab.spawn("node", "tcpdump", ["tcpdump", "-l", "-n", "-v", "-i", "eth0", "tcp dst port 179"])
  await lab.until(() => one.log().includes("listening on"), "tcpdump to listen")
  into(one)
}

/** The IP headers that tcpdump shows, one a packet. */
const headers = (one: Background): ReadonlyArray<string> => one.log().match(/IP6? \([^)]*\)/g) ?? []

describe("packets of a session", () => {
  const { test } = requires("root", "ip", "nft", "bird", "tcpdump")
  let wire: Background | undefined
  const prepare = capture((one) => {
    wire = one
  })

  test("IPv4: internetwork control (TOS CS6) and TTL 255, from the first SYN on", async () => {
    await using all = await scenario("bird", { prepare })
    await all.daemon.established(ROUTER)
    const seen = await all.lab.until(() => wire && headers(wire).length >= 4 && headers(wire), "four packets")
    for (const header of seen) expect(header).toMatch(/^IP \(tos 0xc0, ttl 255,/)
  })

  test("IPv6: the same in traffic class and hop limit", async () => {
    const cluster = { nodes: [NODE_V6], peers: [{ ip: ROUTER_V6, asn: ROUTER_ASN }], vip: VIP_V6 }
    await using all = await scenario("bird", { prepare, cluster, neighbor: { ip: NODE_V6 } })
    await all.daemon.established(ROUTER_V6)
    const seen = await all.lab.until(() => wire && headers(wire).length >= 4 && headers(wire), "four packets")
    for (const header of seen) expect(header).toMatch(/^IP6 \(class 0xc0,.*hlim 255,/)
  })

  test("with a key every packet carries the MD5 option (RFC 2385)", async () => {
    const key = (lab: Lab) => join(lab.hostDirectory("node"), "key")
    await using all = await scenario("bird", {
      prepare: async (lab) => {
        writeFileSync(key(lab), "a secret\n", { mode: 0o600 })
        await prepare(lab)
      },
      cluster: (lab) => ({ peers: [{ ip: ROUTER, asn: ROUTER_ASN, passwordFile: key(lab) }] }),
      neighbor: { md5: "a secret" }
    })
    await all.daemon.established(ROUTER)
    const packets = () => wire?.log().match(/Flags \[[^\]]*\], .*/g) ?? []
    await all.lab.until(() => packets().length >= 4, "four packets")
    for (const packet of packets()) expect(packet).toContain("md5")
    expect(wire?.log()).not.toContain("a secret")
  })
})
