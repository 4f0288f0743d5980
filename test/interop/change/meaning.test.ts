// A config in other words sends no message, and one that cannot be read changes nothing, whatever is wrong with it (I5). Counted by the
// routers: a VIP of the control plane and one of a service, over FRR and BIRD, from one node.
import { afterAll, beforeAll, describe, expect } from "bun:test"
import { chmodSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { parseAllDocuments } from "yaml"
import { requires } from "../../lab/requires.ts"
import type { Router } from "../../lab/routers/Router.ts"
import { ROUTER, ROUTER_ASN } from "../scenario.ts"
import { type FileSpec, FLOATING_IPS, fileText } from "../services/file.ts"
import { holdsNextHops, LEAF, LEAF_ASN, LEAF_IP, rackWithLeaf, startRackRouter } from "../services/router.ts"
import { figures, Stage, TOR } from "../services/Stage.ts"
import { happened, type Look, look } from "./counters.ts"
import { chance, reword } from "./rewordings.ts"

const { test, met } = requires("root", "ip", "nft", "frr", "bird")

const NODE = "node-01"
const VIP = "203.0.113.1"
const FILE: FileSpec = {
  type: "bgp",
  nodes: 1,
  floatingIps: FLOATING_IPS,
  peers: [{ communities: ["65001:1", "65001:2"] }, { peerIP: LEAF_IP, peerASN: LEAF_ASN, med: 20 }],
  pools: [{ name: "public", addresses: [`${VIP}/32`] }],
  services: [{ name: "web" }],
  // Nothing but the change shall move anything here, however busy the machine is.
  daemon: { leaseSeconds: 12 }
}
const TEXT = fileText(FILE)
const documents: ReadonlyArray<unknown> = parseAllDocuments(TEXT).map((one) => one.toJS())

const routers: Array<Router> = []
let stage: Stage | undefined
const world = (): Stage => {
  if (stage === undefined) throw new Error("the stage is not there")
  return stage
}

beforeAll(async () => {
  if (!met) return
  stage = await Stage.create({
    nodes: 1,
    store: "embedded",
    topology: rackWithLeaf(1),
    file: FILE,
    prepare: async (lab) => {
      routers.push(...(await Promise.all([startRackRouter(lab, "frr", 1), startRackRouter(lab, "bird", 1, LEAF)])))
    }
  })
  const hops = { [FLOATING_IPS[0]]: ["10.0.1.10"], [FLOATING_IPS[1]]: ["10.0.1.10"] }
  for (const router of routers) await holdsNextHops(stage.lab, router, `${VIP}/32`, hops, 20_000)
  await stage.daemon(NODE).established(ROUTER)
}, 60_000)
afterAll(() => stage?.lab.dispose())

const file = (): string => join(world().lab.hostDirectory(NODE), "cluster.yaml")

/** `viaduct reload`, what SIGHUP does; ends when the daemon has said what it makes of the file, which is not asked for here. */
const reload = async (): Promise<void> => {
  const unix = join(world().lab.hostDirectory(NODE), "admin.sock")
  await (await fetch("http://localhost/v1/reload", { unix, method: "POST" })).text()
}

/** What was said would be at the routers by now, and they have counted it. */
const counted = async (): Promise<Look> => {
  await Bun.sleep(500)
  return look(world().lab, routers)
}

/** Control plane over FRR, both floating IPs over both. */
const QUIET = {
  [`${LEAF} ${FLOATING_IPS[0]}`]: "nothing",
  [`${LEAF} ${FLOATING_IPS[1]}`]: "nothing",
  [`${TOR} 10.0.1.10`]: "nothing",
  [`${TOR} ${FLOATING_IPS[0]}`]: "nothing",
  [`${TOR} ${FLOATING_IPS[1]}`]: "nothing"
} as const

describe("a running node", () => {
  test("200 reloads of the same config in other words: no message but keepalives, and no session lost", async () => {
    const { hash } = (await world().daemon(NODE).status()).config
    const before = await counted()
    const next = chance(20_261)
    const started = performance.now()
    for (let n = 0; n < 200; n++) {
      writeFileSync(file(), reword(documents, next))
      await reload()
    }
    const tookMs = performance.now() - started
    const { config, sessions } = await world().daemon(NODE).status()
    expect([config.hash, config.lastError]).toEqual([hash, undefined])
    expect(happened(before, await counted())).toEqual(QUIET)
    expect(sessions.map(({ flaps }) => flaps)).toEqual([0, 0, 0, 0, 0])
    figures(`200 reloads of equal meaning in ${Math.round(tookMs)} ms: 0 UPDATEs on ${sessions.length} sessions`)
  }, 60_000)

  test("one route more is one UPDATE on every service session: the counters do count", async () => {
    const before = await counted()
    const more = { ...FILE, pools: [{ name: "public", addresses: ["203.0.113.0/30"] }] }
    writeFileSync(file(), fileText({ ...more, services: [{ name: "web" }, { name: "shop" }] }))
    await reload()
    for (const router of routers) await router.routesTo("203.0.113.0/32", 2)
    writeFileSync(file(), fileText(more))
    await reload()
    for (const router of routers) await router.noRouteTo("203.0.113.0/32")
    expect(happened(before, await counted())).toEqual(
      Object.fromEntries(Object.keys(QUIET).map((key) => [key, key === `${TOR} 10.0.1.10` ? "nothing" : "updates"]))
    )
  })

  test("a file with anything wrong, at any time: said, and nothing else happens", async () => {
    const good = fileText({ ...FILE, pools: [{ name: "public", addresses: ["203.0.113.0/30"] }] })
    writeFileSync(file(), good)
    await reload()
    const { config: first } = await world().daemon(NODE).status()
    const without = (kind: string) => good.split("\n---\n").filter((one) => !one.includes(`"kind": "${kind}"`))
    const BAD: Readonly<Record<string, string | Uint8Array>> = {
      "no YAML": `${good}\n---\nkind: [`,
      "half of it": good.slice(0, good.indexOf('"bgpPeers"') + 40),
      "a field that nobody knows": good.replace('"localASN"', '"localASNumber"'),
      "an address that is none": good.replaceAll(ROUTER, "10.0.1.2544"),
      "a number where a list belongs": good.replace('"bgpPeers": [', '"bgpPeers": 3, "controlPlaneLBPorts": ['),
      "no Cluster": without("Cluster").join("\n---\n"),
      "no peer for a node": good.replace(/"bgpPeers": \[[^\]]*\]/, '"bgpPeers": []'),
      "another ASN in the Cluster than it has room for": good.replace(`"asn": ${ROUTER_ASN}`, '"asn": 99999999999'),
      "nothing at all": "",
      "a comment alone": "# later\n",
      "a tab for an indent": "kind: Cluster\nspec:\n\tloadBalancer: {}\n",
      "the same document twice": `${good}\n---\n${good}`,
      "aliases that explode": `a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n${"d: [*c, *c, *c, *c]\n".repeat(1)}`,
      "a picture": new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0xff, 0xfe, 0x80]),
      zeros: new Uint8Array(65_536),
      "a million nested lists": "[".repeat(1_000_000),
      "twenty megabytes of nonsense": "x: y z: :\n".repeat(2_000_000)
    }
    const before = await counted()
    for (const [what, text] of Object.entries(BAD)) {
      writeFileSync(file(), text)
      await reload()
      const { config } = await world().daemon(NODE).status()
      expect([what, config.hash, (config.lastError ?? "").length > 10]).toEqual([what, first.hash, true])
    }
    rmSync(file())
    await reload()
    expect((await world().daemon(NODE).status()).config.lastError).toContain("there is no such file")
    // Root reads what nobody may read; a directory nobody can read as a file.
    writeFileSync(file(), good)
    chmodSync(file(), 0o000)
    await reload()
    const { config: last } = await world().daemon(NODE).status()
    expect([last.hash, last.lastError]).toEqual([first.hash, undefined])
    expect(happened(before, await counted())).toEqual(QUIET)
  }, 60_000)
})
