// `viaduct trace` beside real routers: what it prints of a session over IPv4 with ADD-PATH and a session over IPv6 with TCP-MD5, and that
// tshark reads the same routes in its capture file. I10: the key is nowhere.
import { describe, expect } from "bun:test"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { TraceRecord } from "../../src/observe/trace.ts"
import type { Lab } from "../lab/Lab.ts"
import { requires } from "../lab/requires.ts"
import { complaints, dissect } from "../lab/tshark.ts"
import { viaduct } from "./Daemon.ts"
import {
  clusterFile,
  NODE_V6,
  ROUTER,
  ROUTER_ASN,
  ROUTER_V6,
  type Scenario,
  scenario,
  VIP,
  VIP_V6
} from "./scenario.ts"

const KEY = "correct-horse-battery"

const trace = (lab: Lab, ...words: ReadonlyArray<string>): Promise<string> =>
  lab.exec("node", [...viaduct(), "trace", "--socket", join(lab.hostDirectory("node"), "admin.sock"), ...words])

const records = async ({ lab }: Scenario, ...words: ReadonlyArray<string>): Promise<ReadonlyArray<TraceRecord>> =>
  (await trace(lab, "-o", "json", ...words))
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as TraceRecord)

const routesOf = (records: ReadonlyArray<TraceRecord>) =>
  records.flatMap(({ message }) =>
    message?.type === "UPDATE"
      ? [...message.withdraw, ...message.announce].map(({ prefix }) => prefix as string).sort()
      : []
  )

/** A capture file of everything that is kept, read by tshark without a complaint, with the same messages and routes. */
const agreesWithTshark = async (all: Scenario): Promise<void> => {
  const file = join(all.lab.hostDirectory("node"), "bgp.pcapng")
  await trace(all.lab, "--pcap", file)
  const seen = await dissect(file)
  const kept = (await records(all)).slice(0, seen.length)
  expect(await complaints(file)).toEqual([])
  expect(seen.map(({ from, type }) => `${from} ${type}`)).toEqual(
    kept.map(({ direction, localAddress, peerAddress, type }) => {
      const number = ["OPEN", "UPDATE", "NOTIFICATION", "KEEPALIVE", "ROUTE-REFRESH"].indexOf(type) + 1
      return `${direction === "sent" ? localAddress : peerAddress} ${number}`
    })
  )
  expect(seen.flatMap(({ prefixes }) => prefixes)).toEqual(routesOf(kept))
  expect(readFileSync(file).includes(KEY)).toBe(false)
}

for (const make of ["frr", "bird"] as const) {
  const { test } = requires("root", "ip", "tshark", make)

  describe(`viaduct trace with ${make}`, () => {
    test(`${make}: a session from its OPEN to beyond its end, read alike by tshark`, async () => {
      await using all = await scenario(make, { router: { addPath: true } })
      await all.router.routesTo(`${VIP}/32`)
      const lines = await trace(all.lab, ROUTER)
      expect(lines).toMatch(new RegExp(`  ${ROUTER}-\\S+  sent      OPEN           AS 65001, hold time 3 s`))
      expect(lines).toMatch(new RegExp(`received  OPEN           AS ${ROUTER_ASN}, `))
      expect(lines).toContain(`sent      UPDATE         announce ${VIP}/32`)
      const without = clusterFile({ peers: [{ ip: "10.0.1.253", asn: ROUTER_ASN }] })
      writeFileSync(join(all.lab.hostDirectory("node"), "cluster.yaml"), without)
      await all.daemon.reload(true)
      await all.lab.until(async () => (await records(all, ROUTER)).at(-1)?.type === "NOTIFICATION", "the session's end")
      const last = (await records(all, ROUTER)).at(-1)
      expect(last?.direction).toBe("sent")
      expect(last?.text).toStartWith("Cease: Peer De-configured")
      expect((await all.daemon.status()).sessions.map(({ peerAddress }) => peerAddress)).not.toContain(ROUTER)
      await agreesWithTshark(all)
      await expect(trace(all.lab, "10.9.9.9")).rejects.toThrow('no session or peer "10.9.9.9" is known here')
    })

    test(`${make}: over IPv6 with a key, live, and the key is nowhere (I10)`, async () => {
      const file = (lab: Lab) => join(lab.hostDirectory("node"), "bgp.key")
      await using all = await scenario(make, {
        cluster: (lab) => ({ peers: [{ ip: ROUTER_V6, asn: ROUTER_ASN, passwordFile: file(lab) }], vip: VIP_V6 }),
        neighbor: { ip: NODE_V6, md5: KEY },
        prepare: async (lab) => writeFileSync(file(lab), KEY, { mode: 0o600 })
      })
      const socket = join(all.lab.hostDirectory("node"), "admin.sock")
      const follower = all.lab.spawn("node", "trace", [...viaduct(), "trace", "--socket", socket, "-f"])
      await all.router.routesTo(`${VIP_V6}/128`)
      await all.lab.until(
        () => follower.log().includes(`announce ${VIP_V6}/128 via ${NODE_V6}`),
        "the announcement, live"
      )
      const before = follower.log().split("KEEPALIVE").length
      await all.lab.until(() => follower.log().split("KEEPALIVE").length > before, "a keepalive, live")
      await agreesWithTshark(all)
      expect(follower.log()).not.toContain(KEY)
      expect(JSON.stringify(await records(all))).not.toContain(KEY)
    })
  })
}
