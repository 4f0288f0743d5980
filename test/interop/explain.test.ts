// From "the VIP is unreachable" to its cause with `viaduct explain` alone: faults planted in a rack with two nodes, etcd and real routers.
// What is asserted is what a first-time operator reads: the first broken link, its words, its hints, and how long the answer takes.
import { afterAll, beforeAll, describe, expect } from "bun:test"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Explanation } from "../../src/explain/types.ts"
import { requires } from "../lab/requires.ts"
import type { MakeName } from "../lab/routers/index.ts"
import type { Router, RouterSpec } from "../lab/routers/Router.ts"
import { CLUSTER_ASN, ROUTER } from "./scenario.ts"
import { type FileSpec, FLOATING_IPS, nodeAddress } from "./services/file.ts"
import { LEAF, LEAF_ASN, LEAF_IP, rackWithLeaf, startRackRouter } from "./services/router.ts"
import { figures, Stage, TOR } from "./services/Stage.ts"

const HOST = "node-01"
const STRANGER = "node-03"
const VIP = "10.64.0.1"
const SERVICE = "default/web"

const base: FileSpec = {
  type: "bgp",
  nodes: 2,
  floatingIps: FLOATING_IPS,
  peers: [{}],
  pools: [{ name: "lan", addresses: [`${VIP}/32`] }],
  services: [{ name: "web" }]
}

interface Expected {
  readonly state: Explanation["state"]
  readonly subject: RegExp | string
  readonly words: RegExp
  readonly hints?: RegExp
}

describe("viaduct explain", () => {
  const { test, met: runs } = requires("root", "ip", "nft", "etcd", "etcdctl", "bird", "frr")
  let stage: Stage
  let router: Router | undefined
  const times: Array<number> = []

  beforeAll(async () => {
    if (!runs) return
    stage = await Stage.create({ nodes: 3, topology: rackWithLeaf(3), without: [STRANGER], file: base })
  }, 60_000)

  afterAll(async () => {
    if (!runs) return
    await stage[Symbol.asyncDispose]()
    const sorted = [...times].sort((a, b) => a - b)
    figures(
      `from question to answer: median ${Math.round(sorted[sorted.length >> 1] ?? 0)} ms, ` +
        `longest ${Math.round(sorted.at(-1) ?? 0)} ms, ${times.length} questions`
    )
  })

  const serve = async (make: MakeName, more: Partial<RouterSpec> = {}, host: "tor-1" | "leaf" = TOR): Promise<void> => {
    await router?.kill()
    router = await startRackRouter(stage.lab, make, 2, host, more)
  }

  const reload = async (file: FileSpec): Promise<void> => {
    await stage.apply(HOST, file, { force: true })
  }

  const neighbors = (asn: number, more: Partial<RouterSpec["neighbors"][number]> = {}): RouterSpec["neighbors"] =>
    [...["node-01", "node-02"].map(nodeAddress), ...FLOATING_IPS].map((ip) => ({ ip, asn, ...more }))

  const ask = async (...words: ReadonlyArray<string>) => {
    const startedMs = performance.now()
    const { code, stdout, stderr } = await stage.command(HOST, "explain", ...words, "-o", "json")
    if (stdout === "") throw new Error(`viaduct explain ${words.join(" ")}: ${stderr}`)
    return { code, tookMs: performance.now() - startedMs, answer: JSON.parse(stdout) as Explanation }
  }

  /** Waits until the answer is this one: a fault takes a moment to show. */
  const explains = async (
    what: ReadonlyArray<string>,
    { state, subject, words, hints }: Expected,
    deadlineMs = 15_000
  ) => {
    const { code, tookMs, answer } = await stage.lab.until(
      async () => {
        const asked = await ask(...what)
        const { broken } = asked.answer
        const isIt = typeof subject === "string" ? broken?.subject === subject : subject.test(broken?.subject ?? "")
        if (asked.answer.state !== state || !isIt || !words.test(broken?.text ?? ""))
          throw new Error(`${asked.answer.state}: ${asked.answer.verdict}`)
        return asked
      },
      `viaduct explain ${what.join(" ")} to say ${subject}: ${words}`,
      deadlineMs
    )
    times.push(tookMs)
    expect(code).toBe(state === "broken" ? 1 : 0)
    expect(answer.verdict).toContain(answer.broken?.text ?? "nothing")
    if (hints !== undefined) expect(answer.broken?.hints.join("\n")).toMatch(hints)
    return answer
  }

  const works = (...what: ReadonlyArray<string>) =>
    stage.lab.until(
      async () => {
        const { code, answer } = await ask(...what)
        if (answer.state !== "ok") throw new Error(`${answer.state}: ${answer.verdict}`)
        expect(code).toBe(0)
        return answer
      },
      `viaduct explain ${what.join(" ")} to find nothing`,
      20_000
    )

  const session = /^session 10\.0\.1\.25[34]-node-0[12]/

  test("a healthy cluster: everything is as it should be, whoever is asked", async () => {
    await serve("bird", { neighbors: neighbors(CLUSTER_ASN, { passOn: true }) })
    const answer = await works("vip", VIP)
    expect(answer.verdict).toMatch(
      /10\.64\.0\.1 of service default\/web is announced with 2 next hops over 2 sessions to 10\.0\.1\.254/
    )
    for (const what of [["10.0.0.8"], [SERVICE], ["peer-1"], ["10.0.1.100"], ["node-02"], ["peer", ROUTER]])
      expect((await works(...what)).state).toBe("ok")
    const { stdout, code } = await stage.command("node-02", "explain", VIP)
    expect(code).toBe(0)
    expect(stdout).toMatch(/^✓ service default\/web: /)
    expect(stdout).toMatch(/\n {2}✓ session 10\.0\.1\.254-node-0/)
  }, 40_000)

  test("a peer without ADD-PATH", async () => {
    await serve("bird", { addPath: false })
    await explains(["vip", VIP], {
      state: "warn",
      subject: `route ${VIP}/32`,
      words:
        /does not receive additional paths \(ADD-PATH, RFC 7911\): it was told of 10\.0\.1\.1[01] only, one of 2 next hops/,
      hints: /add paths rx/
    })
  }, 30_000)

  test("a filter on the router: where the router announces on what it takes, what does not come back says so", async () => {
    const [taken, refused] = ["10.64.0.1", "10.64.0.2"]
    await serve("bird", {
      neighbors: neighbors(CLUSTER_ASN, { passOn: true }),
      refusePrefixes: [`${refused}/32`]
    })
    await reload({
      ...base,
      lbNodes: ["node-02"],
      pools: [{ name: "lan", addresses: ["10.64.0.1-10.64.0.2"] }],
      services: [{ name: "web" }, { name: "web-2" }]
    })
    await explains(["vip", refused], {
      state: "warn",
      subject: `router ${ROUTER}`,
      words: /was told of 10\.64\.0\.2\/32 and does not announce it on, while it does 10\.64\.0\.1\/32.*: a filter/,
      hints: /show route filtered/
    })
    const answer = await works("vip", taken)
    expect(JSON.stringify(answer.chain)).toContain("announces it back to us")
    await reload(base)
  }, 40_000)

  test("a wrong AS number on our side", async () => {
    await serve("frr")
    await reload({ ...base, peers: [{ peerASN: 65_011 }] })
    await explains(["vip", VIP], {
      state: "broken",
      subject: session,
      words: /10\.0\.1\.254 says that it is AS 65010, and the config has AS 65011 for it \(Bad Peer AS\)/,
      hints: /set peerASN: 65010 in the BGPPeer/
    })
    await reload(base)
  }, 30_000)

  test("a wrong AS number on the router's side", async () => {
    await serve("frr", { neighbors: neighbors(65_099) })
    await explains(["vip", VIP], {
      state: "broken",
      subject: session,
      words: /10\.0\.1\.254 refuses AS 65001: it has another AS number configured for 10\.0\.1\.10[01] \(Bad Peer AS\)/,
      hints: /neighbor 10\.0\.1\.10[01] remote-as 65001/
    })
  }, 30_000)

  test("a wrong MD5 key, and none at all", async () => {
    const keyFile = join(stage.lab.directory, "key")
    writeFileSync(keyFile, "ours\n")
    await serve("bird", { neighbors: neighbors(CLUSTER_ASN, { md5: "theirs" }) })
    await reload({ ...base, peers: [{ passwordFile: keyFile }] })
    await explains(["vip", VIP], {
      state: "broken",
      subject: session,
      words: /MD5 mismatch suspected: 10\.0\.1\.254 answers to ping, and not to connections with the key in .*key/,
      hints: /compare the first line/
    })
    await reload(base)
    await explains(["vip", VIP], {
      state: "broken",
      subject: session,
      words: /answers to ping and not on TCP port 179: it wants an MD5 key/,
      hints: /passwordFile/
    })
    await serve("bird")
    await reload({ ...base, peers: [{ passwordFile: keyFile }] })
    await explains(["vip", VIP], {
      state: "broken",
      subject: session,
      words: /answers without an MD5 key and not with one: it has no password for 10\.0\.1\.10[01]/
    })
    await reload(base)
  }, 60_000)

  test("a peer that is down, and one without a BGP speaker", async () => {
    await reload({ ...base, peers: [{ peerIP: LEAF_IP, peerASN: LEAF_ASN }] })
    await explains(["vip", VIP], {
      state: "broken",
      subject: session,
      words: /10\.0\.1\.253 refuses connections to port 179: no BGP speaker listens there/
    })
    await stage.lab.exec(LEAF, ["ip", "link", "set", "eth0", "down"])
    await explains(["vip", VIP], {
      state: "broken",
      subject: session,
      words: /no answer from 10\.0\.1\.253, .*it is down, or there is no way to it/,
      hints: /ip neigh show/
    })
    await reload(base)
  }, 40_000)

  test("TTL: GTSM that the router does not have, and a router that is too far away", async () => {
    await serve("bird")
    await reload({ ...base, peers: [{ ttlSecurity: true }] })
    await explains(["vip", VIP], {
      state: "broken",
      subject: session,
      words: /does not arrive with TTL 255, as ttlSecurity asks: it has no ttl-security \(GTSM\) for us/,
      hints: /ttl-security/
    })
    // A router behind the rack's that takes what comes from its own segment only, as ttl-security does in hardware.
    const far = stage.lab.address("client")
    const gtsm = "table inet gtsm { chain in { type filter hook input priority 0; ip ttl < 255 tcp dport 179 drop; }; }"
    await stage.lab.exec("client", ["nft", gtsm])
    await reload({ ...base, peers: [{ peerIP: far }] })
    await explains(["vip", VIP], {
      state: "broken",
      subject: new RegExp(`^session ${far}-node-0[12]`),
      words: /answers to ping from 2 hops away and not on TCP port 179: it wants neighbors nearer \(TTL\)/,
      hints: /ebgp-multihop 2, or ttl-security hops 2/
    })
    await stage.lab.exec("client", ["nft", "delete table inet gtsm"])
    await reload(base)
  }, 40_000)

  test("no LB node, a pool that is full, a floating IP without a node", async () => {
    await serve("bird")
    await reload({ ...base, nodes: 3, cpNodes: ["node-01", "node-02"], lbNodes: [STRANGER] })
    await explains(["vip", VIP], {
      state: "broken",
      subject: `next hops of ${VIP}`,
      words: /no LB node takes the traffic of default\/web: .* is not there: its daemon is down/,
      hints: /start the daemons/
    })
    await reload({ ...base, services: [{ name: "web" }, { name: "web-2", ports: [{ port: 9_000 }] }] })
    await explains(["service", "default/web-2"], {
      state: "broken",
      subject: "pool lan",
      words: /is full, so service default\/web-2 has no address: .*the one IPv4 address of pool lan is taken/,
      hints: /add addresses/
    })
    await reload({ ...base, floatingIps: ["10.99.0.1"] })
    await explains(["vip", VIP], {
      state: "broken",
      subject: "floating IP 10.99.0.1",
      words: /no node can hold it/,
      hints: /interface in its subnet/
    })
    expect((await ask("floatingip", "10.99.0.1")).answer.state).toBe("broken")
  }, 60_000)

  test("an address conflict names the MAC", async () => {
    const [address] = FLOATING_IPS
    await stage.lab.exec(STRANGER, ["ip", "addr", "add", `${address}/32`, "dev", "eth0"])
    await reload({ ...base, floatingIps: [address], peers: [{ sessions: 1 }] })
    const mac = await stage.mac(STRANGER)
    await explains(["vip", VIP], {
      state: "broken",
      subject: `floating IP ${address}`,
      words: new RegExp(
        `address conflict: node node-0[12] is to hold it and another host, MAC ${mac}, has the address`
      ),
      hints: /find the host with that MAC/
    })
    await stage.lab.exec(STRANGER, ["ip", "addr", "del", `${address}/32`, "dev", "eth0"])
  }, 40_000)

  test("the events of the node say what happened meanwhile", async () => {
    await stage.apply(HOST, { ...base, peers: [{ holdTime: 12 }] }, { force: true, confirmWithinSeconds: 5 })
    await stage.lab.until(
      async () => (await stage.command("node-02", "events")).stdout.includes("ConfigRolledBack"),
      "node-02 to tell that a change was taken back"
    )
    const { stdout } = await stage.command(HOST, "events")
    expect(stdout).toContain("ConfigUnconfirmed")
    for (const reason of ["SessionEstablished", "SessionRefused", "PoolExhausted", "NoNodeForAddress"])
      expect(stdout).toContain(reason)
    const top = await stage.command(HOST, "top", "--once")
    expect(top.stdout).toMatch(/^node node-01, cluster bm/)
    expect(top.stdout).toContain("OTHER NODES")
  })
})
