// Planted faults: each one yields the finding that names it, with the exit status that goes with it, and nothing else fails (S25).
import { describe, expect } from "bun:test"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { FABRIC } from "../../lab/Lab.ts"
import { requires } from "../../lab/requires.ts"
import { CLUSTER_ASN } from "../scenario.ts"
import { type CheckResult, clusterText, EXT_1, EXT_2, EXT_ASN, OPERATOR, type Ran, Stage } from "./stage.ts"

const textsOf = ({ report }: Ran, severity: string): ReadonlyArray<string> =>
  report.checks.flatMap(({ findings }) => findings.filter((one) => one.severity === severity).map(({ text }) => text))

const failedIds = ({ report }: Ran): ReadonlyArray<string> =>
  report.checks
    .filter(({ result }) => result === "failed")
    .map(({ id }) => id)
    .sort()

const check = ({ report, out }: Ran, id: string): CheckResult => {
  const found = report.checks.find((one) => one.id === id)
  if (found === undefined) throw new Error(`no check ${id} in\n${out}`)
  return found
}

/** The gravest sentence of a check, with its hints. */
const said = (ran: Ran, id: string): string => {
  const { findings, result } = check(ran, id)
  return findings
    .filter(({ severity }) => severity === result)
    .map(({ text, hints }) => [text, ...hints].join(" | "))
    .join(" || ")
}

const QUICK = ["--timeout", "3"]

describe("planted faults", () => {
  const { test } = requires("root", "ip", "nft", "frr", "bird")

  test("nothing planted: every check is well, and the log has everything", async () => {
    await using stage = await Stage.create()
    const before = await stage.state()
    const ran = await stage.run()
    expect(failedIds(ran)).toEqual([])
    expect({ code: ran.code, complete: ran.report.complete, result: ran.report.result }).toEqual({
      code: 0,
      complete: true,
      result: "warning"
    })
    expect(textsOf(ran, "warning")).toEqual([
      "only node-03 (has eth0 in 10.0.2.0/24) can hold it: nobody takes it over when that node fails"
    ])
    const kinds = Object.groupBy(ran.report.checks, ({ kind }) => kind)
    expect(Object.fromEntries(Object.entries(kinds).map(([kind, all]) => [kind, all?.length]))).toMatchObject({
      node: 3,
      clock: 3,
      mtu: 6,
      // Three nodes and two floating IPs, to two routers each.
      session: 10,
      address: 2,
      free: 2,
      // The VIP over six sessions; a pool's address at each of three nodes over four.
      delivery: 6 + 12
    })
    expect(Object.keys(ran.files).sort()).toEqual(["events.ndjson", "preflight.log", "result.json"])
    for (const { id, kind } of ran.report.checks) {
      if (!["session", "delivery", "mtu", "conflict", "free"].includes(kind)) continue
      expect(ran.files["events.ndjson"]).toContain(`"check":${JSON.stringify(id)}`)
    }
    expect(ran.files["preflight.log"]).toContain("nothing failed in")
    expect(await stage.state()).toBe(before)
  }, 90_000)

  test("sessions: another AS on the router, no neighbor, another key, a peer that is not there", async () => {
    const key = "only-the-node-has-it"
    await using stage = await Stage.create({
      neighbors: (all) =>
        all
          .filter(({ ip }) => ip !== "10.0.1.11")
          .map((one) => (one.ip === "10.0.1.10" ? { ...one, asn: CLUSTER_ASN + 1 } : one))
    })
    const keyFile = join(stage.lab.directory, "key")
    writeFileSync(keyFile, `${key}\n`)
    const peers = [
      { ip: EXT_1, asn: EXT_ASN },
      { ip: EXT_2, asn: EXT_ASN, passwordFile: keyFile, controlPlaneNodes: ["10.0.2.10"] },
      { ip: "10.8.0.99", asn: EXT_ASN, controlPlaneNodes: ["10.0.2.10"] }
    ]
    const ran = await stage.run(clusterText({ peers, floatingIps: [] }), QUICK)
    expect(ran.code).toBe(1)
    expect(failedIds(ran)).toEqual([
      "session node-01 10.0.1.10 10.8.0.10:179",
      "session node-02 10.0.1.11 10.8.0.10:179",
      "session node-03 10.0.2.10 10.8.0.11:179",
      "session node-03 10.0.2.10 10.8.0.99:179"
    ])
    expect(said(ran, "session node-01 10.0.1.10 10.8.0.10:179")).toMatch(
      /Bad Peer AS.*another AS of 10\.0\.1\.10 than 65001/
    )
    expect(said(ran, "session node-02 10.0.1.11 10.8.0.10:179")).toMatch(/neighbor/)
    expect(said(ran, "session node-03 10.0.2.10 10.8.0.11:179")).toMatch(/another MD5 key than in .*key/)
    expect(said(ran, "session node-03 10.0.2.10 10.8.0.99:179")).toMatch(/no route to host|no answer/)
    // What depends on a session that is not there is not tried, and the one that is well is.
    expect(check(ran, "delivery session node-01 10.0.1.10 10.8.0.10:179 10.0.0.8 node-01").result).toBe("skipped")
    expect(check(ran, "delivery session node-03 10.0.2.10 10.8.0.10:179 10.0.0.8 node-03").result).toBe("ok")
    expect(ran.out + JSON.stringify(ran.files)).not.toContain(key)
  }, 90_000)

  test("the file names another AS than the router's", async () => {
    await using stage = await Stage.create()
    const peers = [
      { ip: EXT_1, asn: EXT_ASN },
      { ip: EXT_2, asn: EXT_ASN + 1, controlPlaneNodes: ["10.0.1.10"] }
    ]
    const ran = await stage.run(clusterText({ peers, floatingIps: [] }), QUICK)
    expect(ran.code).toBe(1)
    expect(failedIds(ran)).toEqual(["session node-01 10.0.1.10 10.8.0.11:179"])
    expect(said(ran, "session node-01 10.0.1.10 10.8.0.11:179")).toMatch(/the router is in another AS than 65003/)
  }, 90_000)

  test("capabilities: no additional paths, no IPv6; and a router that filters the VIP", async () => {
    await using stage = await Stage.create({
      ext1: { addPath: false, families: ["ipv4"] },
      ext2: { acceptNextHops: ["192.0.2.0/24"] }
    })
    const before = await stage.state()
    const ran = await stage.run(clusterText({ vip: ["10.0.0.8", "2001:db8::8"] }), [
      "--timeout",
      "2",
      "--node",
      "node-01"
    ])
    expect(ran.code).toBe(1)
    expect(said(ran, "session node-01 10.0.1.10 10.8.0.10:179")).toMatch(/does not take IPv6 routes.*which it needs/)
    expect(said(ran, "session node-01 10.0.1.100 10.8.0.10:179")).toMatch(
      /does not receive additional paths \(RFC 7911\) for ipv4-unicast/
    )
    expect(check(ran, "session node-01 10.0.1.10 10.8.0.11:179").result).toBe("ok")
    expect(said(ran, "delivery session node-01 10.0.1.10 10.8.0.11:179 10.0.0.8 node-01")).toMatch(
      /10\.0\.0\.8 announced over this session does not reach node-01 from node-02.*import filter/
    )
    expect(await stage.state()).toBe(before)
  }, 90_000)

  test("addresses: in no subnet, a stranger's, on two nodes; no agent on a node; small MTUs, told and untold", async () => {
    await using stage = await Stage.create({ without: ["node-03"] })
    const { lab } = stage
    await Promise.all([
      lab.exec("tor-1", ["ip", "addr", "add", "10.0.1.100/32", "dev", "eth0"]),
      lab.exec("node-01", ["ip", "addr", "add", "10.0.1.11/24", "dev", "eth0"]),
      // The racks' router says what fits; the switch in front of ext-2 drops what does not.
      lab.exec("ext-1", ["ip", "link", "set", "eth0", "mtu", "1400"]),
      lab.exec(FABRIC, ["ip", "link", "set", lab.port("ext-2"), "mtu", "1300"])
    ])
    const mac = (await lab.exec("tor-1", ["cat", "/sys/class/net/eth0/address"])).trim()
    const ran = await stage.run(clusterText({ floatingIps: ["10.0.1.100", "10.0.9.100"] }), QUICK)
    expect(ran.code).toBe(1)
    expect(said(ran, "subnet 10.0.9.100")).toMatch(/no node can hold it/)
    expect(said(ran, "conflict node-02 10.0.1.100")).toContain(`somebody with MAC ${mac} has 10.0.1.100 already`)
    expect(said(ran, "conflict node-02 10.0.1.11")).toMatch(/node-01 \(.*\) answers for 10\.0\.1\.11 already/)
    expect(said(ran, "duplicate")).toContain("node-01, node-02 all have 10.0.1.11")
    expect(said(ran, "node node-03")).toMatch(/nobody answers at .*: connection refused/)
    expect(said(ran, "mtu node-01 10.0.1.10 10.8.0.11")).toMatch(/packets of more than 1300 octets vanish/)
    // Nothing was put on a node that a stranger has.
    expect(check(ran, "address node-01 10.0.1.100").result).toBe("skipped")
    expect(ran.report.checks.filter(({ kind, node }) => kind === "session" && node === "node-03")).toEqual([])
  }, 90_000)

  test("what cannot be run: a file that is not valid, no agent at all, an unknown node or check", async () => {
    await using stage = await Stage.create({
      nodes: ["10.0.1.10", "10.0.1.11", "10.0.2.10"],
      without: ["node-01", "node-02", "node-03"]
    })
    const nobody = await stage.run()
    expect(nobody.code).toBe(1)
    expect(textsOf(nobody, "failed")).toContain("none of the 3 nodes can be asked: nothing else is checked")
    const codes = []
    for (const [text, more] of [
      ["kind: Cluster", []],
      [clusterText(), ["--node", "node-09"]],
      [clusterText(), ["--skip", "sleep"]],
      [clusterText(), ["--peer", "10.8.0.77"]],
      [clusterText(), ["--test-address", "10.0"]]
    ] as const)
      codes.push((await stage.run(text, more)).code)
    expect(codes).toEqual([2, 2, 2, 2, 2])
  }, 90_000)
})

describe("other networks", () => {
  const { test } = requires("root", "ip", "nft", "frr", "bird", "gobgp", "openbgpd")

  test("IPv6 beside IPv4: VIPs of both families, peers over IPv6, floating IPs of both", async () => {
    const six = (ip: string) =>
      ip.replace(/^10\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c) => (a === "8" ? `2001:db8:8::${c}` : `2001:db8:${b}::${c}`))
    // FRR passes its own link-local address on beside the next hop where it knows it early enough, and then the racks go by that.
    await using stage = await Stage.create({ alsoOver: six, second: "bird" })
    const before = await stage.state()
    const peers = [
      { ip: EXT_1, asn: EXT_ASN },
      { ip: six(EXT_2), asn: EXT_ASN }
    ]
    const text = clusterText({
      peers,
      vip: ["10.0.0.8", "2001:db8::8"],
      floatingIps: ["10.0.1.100", "2001:db8:2::100"]
    })
    const ran = await stage.run(text, ["--timeout", "8"])
    expect({ failed: failedIds(ran), out: ran.code === 0 ? "" : ran.out }).toEqual({ failed: [], out: "" })
    const delivered = (prefix: string) =>
      ran.report.checks.filter(({ id, result }) => id.startsWith(prefix) && result === "ok").length
    // Each VIP over each session of the three nodes, whatever the session's family.
    expect(delivered("delivery session node-01 10.0.1.10 10.8.0.10:179")).toBe(2)
    expect(delivered("delivery session node-01 2001:db8:1::10 2001:db8:8::11:179")).toBe(2)
    expect(check(ran, "session node-03 2001:db8:2::100 2001:db8:8::11:179").result).toBe("ok")
    expect(await stage.state()).toBe(before)
  }, 120_000)

  test("a clock that is wrong, as far as the operator can see", async () => {
    await using stage = await Stage.create()
    const script = join(import.meta.dir, "../../lab/probes/clockProxy.ts")
    const proxy = stage.lab.spawn(OPERATOR, "clock", [process.execPath, script, "7199", stage.url("node-02"), "90000"])
    await stage.lab.until(() => proxy.log().includes("ready"), "the proxy")
    const nodes = [
      "--nodes",
      `node-02=http://127.0.0.1:7199,node-01=${stage.url("node-01")},node-03=${stage.url("node-03")}`
    ]
    const ran = await stage.run(clusterText(), [...nodes, "--skip", "session,address,delivery,mtu,conflict,free"])
    expect(ran.code).toBe(1)
    expect(failedIds(ran)).toEqual(["clock node-02"])
    expect(said(ran, "clock node-02")).toMatch(/its clock is 90 s ahead of this machine's \| let chrony/)
  }, 60_000)

  test("GoBGP and OpenBGPD as routers: sessions and capabilities", async () => {
    await using stage = await Stage.create({ others: true })
    const peers = [
      { ip: EXT_1, asn: EXT_ASN },
      { ip: EXT_2, asn: EXT_ASN }
    ]
    const ran = await stage.run(clusterText({ peers }), ["--timeout", "8", "--skip", "delivery"])
    const sessions = ran.report.checks.filter(({ kind }) => kind === "session")
    expect(
      sessions.map(({ id, result, findings }) => (result === "failed" ? `${id}: ${findings[0]?.text}` : ""))
    ).toEqual(Array(10).fill(""))
  }, 90_000)
})
