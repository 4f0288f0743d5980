// A preflight beside a cluster that runs: it tells how the daemons' own sessions are, and no router counts a single message but keepalives;
// no address moves, and a session that a daemon does not hold yet may be tried, with nothing announced over it.
import { describe, expect } from "bun:test"
import { createHash } from "node:crypto"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { startEtcd } from "../../lab/etcd.ts"
import { requires } from "../../lab/requires.ts"
import { happened, look, stillLook } from "../change/counters.ts"
import { Daemon } from "../Daemon.ts"
import { VIP } from "../scenario.ts"
import { AGENT_PORT, clusterText, EXT_1, EXT_2, EXT_ASN, FLOATING, NODES, Stage } from "./stage.ts"

const etcd = {
  apiVersion: "viaduct.dev/v1",
  kind: "DaemonConfig",
  spec: { etcd: { endpoints: ["http://10.9.0.1:2379"] } }
}
const withStore = (text: string): string => `${JSON.stringify(etcd)}\n---\n${text}`

const startDaemons = (stage: Stage, text: string): Promise<ReadonlyArray<Daemon>> =>
  Promise.all(
    NODES.map((_, index) => {
      const host = `node-0${index + 1}`
      const data = join(stage.lab.hostDirectory(host), "data")
      mkdirSync(data, { recursive: true })
      const hash = createHash("sha256").update(stage.token).digest("hex")
      writeFileSync(join(data, "tokens"), `operator write ${hash}\n`, { mode: 0o600 })
      const listen = ["--admin-tls-listen", `${stage.management(host)}:${AGENT_PORT}`]
      return Daemon.start(stage.lab, { host, config: { text }, args: listen })
    })
  )

const authorities = async (stage: Stage): Promise<string> => {
  const files = NODES.map((_, index) => join(stage.lab.hostDirectory(`node-0${index + 1}`), "data", "tls", "ca.pem"))
  const all = (await Promise.all(files.map((file) => Bun.file(file).text()))).join("")
  const bundle = join(stage.lab.directory, "authorities.pem")
  writeFileSync(bundle, all)
  return bundle
}

/** Six of the control plane, two floating IPs with a session to each router. */
const settled = (stage: Stage, daemons: ReadonlyArray<Daemon>) =>
  stage.lab.until(
    async () => {
      const all = await Promise.all(daemons.map((daemon) => daemon.status()))
      const sessions = all.flatMap((status) => status.sessions)
      const up = sessions.filter(({ state }) => state === "Established").length
      if (up !== 10 || sessions.length !== 10) throw new Error(`${up} of ${sessions.length} are up`)
      return all.map(({ floatingIps }) => floatingIps.flatMap((one) => (one.state === "held" ? [one.address] : [])))
    },
    "every session of the cluster",
    30_000
  )

const quiet = (counted: Readonly<Record<string, string>>) => new Set(Object.values(counted))

describe("beside a cluster that runs", () => {
  const { test } = requires("root", "ip", "nft", "frr", "bird", "etcd")

  test("its sessions are told and nothing of it changes: no message at a router, no address anywhere", async () => {
    const text = withStore(clusterText())
    await using stage = await Stage.create({ without: ["node-01", "node-02", "node-03"] })
    await startEtcd({ lab: stage.lab, hosts: ["etcd-1"] })
    const daemons = await startDaemons(stage, text)
    const held = await settled(stage, daemons)
    const routers = [stage.ext1, stage.ext2]
    const state = await stage.state()
    const before = await stillLook(stage.lab, routers)
    const ran = await stage.run(text, ["--ca-file", await authorities(stage), "--timeout", "3"])
    const counted = happened(before, await look(stage.lab, routers))
    expect({ code: ran.code, out: ran.code === 0 ? "" : ran.out }).toEqual({ code: 0, out: "" })
    expect(Object.keys(counted).length).toBeGreaterThan(9)
    expect(quiet(counted)).toEqual(new Set(["nothing"]))
    expect(await stage.state()).toBe(state)
    expect(await settled(stage, daemons)).toEqual(held)
    const sessions = ran.report.checks.filter(({ kind }) => kind === "session")
    expect(sessions.length).toBe(10)
    for (const { id, result, findings } of sessions) {
      expect({ id, result }).toEqual({ id, result: "ok" })
      expect(findings[0]?.text).toMatch(/session \S+ of the daemon on node-0\d is Established and announces \d route/)
    }
    const asked = ran.report.checks.filter(({ kind }) => kind === "conflict").map(({ subject }) => subject)
    for (const address of [VIP, ...FLOATING]) expect(asked).not.toContain(address)
    const etcdChecks = ran.report.checks.filter(({ kind }) => kind === "etcd")
    expect(etcdChecks.map(({ result }) => result)).toEqual(["ok", "ok", "ok"])
  }, 120_000)

  test("a peer that the file has and the daemons have not yet is tried; the sessions that run notice nothing", async () => {
    const known = [{ ip: EXT_2, asn: EXT_ASN }]
    await using stage = await Stage.create({ without: ["node-01", "node-02", "node-03"] })
    const daemons = await startDaemons(stage, clusterText({ peers: known, floatingIps: [] }))
    await Promise.all(daemons.map((daemon) => daemon.established(EXT_2)))
    await stage.ext2.routesTo(`${VIP}/32`, 3)
    const before = await stillLook(stage.lab, [stage.ext2])
    const state = await stage.state()
    const next = clusterText({ peers: [...known, { ip: EXT_1, asn: EXT_ASN }], floatingIps: [] })
    const ran = await stage.run(next, ["--ca-file", await authorities(stage), "--timeout", "5"])
    expect({ code: ran.code, out: ran.code === 0 ? "" : ran.out }).toEqual({ code: 0, out: "" })
    const tried = ran.report.checks.filter(({ kind, peer }) => kind === "session" && peer === EXT_1)
    expect(tried.map(({ findings }) => findings[0]?.text.slice(0, 16))).toEqual(Array(3).fill("Established from"))
    expect(ran.report.checks.filter(({ kind, result }) => kind === "delivery" && result !== "skipped")).toEqual([])
    expect(quiet(happened(before, await look(stage.lab, [stage.ext2])))).toEqual(new Set(["nothing"]))
    expect(await stage.state()).toBe(state)
  }, 120_000)

  test("whom the VIP reaches, as a worker sees it, and a node that takes no traffic", async () => {
    const worker = "10.0.2.11"
    const text = clusterText({ floatingIps: [], workers: [worker] })
    await using stage = await Stage.create({ nodes: [...NODES, worker], without: ["node-01", "node-02", "node-03"] })
    const daemons = await startDaemons(stage, text)
    await Promise.all(daemons.flatMap((daemon) => [EXT_1, EXT_2].map((peer) => daemon.established(peer))))
    for (const host of ["tor-1", "tor-2"])
      await stage.lab.until(
        async () => (await stage.lab.kernelNextHops(host, VIP)).length > 0,
        `${host} to know the VIP`
      )
    const routers = [stage.ext1, stage.ext2]
    const before = await stillLook(stage.lab, routers)
    const state = await stage.state()
    // Daemons by their authorities, the agent by its own.
    const bundle = join(stage.lab.directory, "all.pem")
    const own = await Bun.file(join(stage.lab.hostDirectory("node-04"), "agent", "tls", "ca.pem")).text()
    writeFileSync(bundle, (await Bun.file(await authorities(stage)).text()) + own)
    const more = ["--ca-file", bundle, "--skip", "conflict,mtu"]
    const reach = async () => {
      const ran = await stage.run(text, more, [])
      return ran.report.checks.find(({ id }) => id === `reach ${VIP}`)
    }
    const well = await reach()
    expect(well?.findings[0]?.text).toMatch(/^connections of node-04 to 10\.0\.0\.8 reach node-0\d \(\d+\)/)
    expect(well?.findings.some(({ severity }) => severity === "failed")).toBe(false)
    expect(quiet(happened(before, await look(stage.lab, routers)))).toEqual(new Set(["nothing"]))
    expect(await stage.state()).toBe(state)
    // The rack of the worker goes to its own control-plane node: what that drops is lost.
    await stage.lab.exec("node-03", ["nft", "-f", "-"], {
      input: `add table ip t\nadd chain ip t in { type filter hook input priority 0; }\nadd rule ip t in ip daddr ${VIP} drop\n`
    })
    const broken = await reach()
    expect(broken?.result).toBe("failed")
    expect(broken?.findings[0]?.text).toMatch(/of \d+ connections of node-04 to 10\.0\.0\.8, \d+ were not answered/)
  }, 120_000)

  test("agents beside daemons that are not asked: nothing is opened twice, and no VIP that answers is announced", async () => {
    const text = clusterText({ floatingIps: [] })
    await using stage = await Stage.create({ without: ["node-01"] })
    const daemon = await Daemon.start(stage.lab, { host: "node-01", config: { text } })
    await Promise.all([EXT_1, EXT_2].map((peer) => daemon.established(peer)))
    await stage.startAgent("node-01")
    const routers = [stage.ext1, stage.ext2]
    const before = await stillLook(stage.lab, routers)
    const state = await stage.state()
    const ran = await stage.run(text, ["--timeout", "4"])
    expect(ran.code).toBe(1)
    const failed = ran.report.checks.filter(({ result }) => result === "failed").map(({ id }) => id)
    expect(failed).toEqual([`free ${VIP}`])
    const own = ran.report.checks.filter(({ kind, node }) => kind === "session" && node === "node-01")
    expect(own.map(({ result }) => result)).toEqual(["skipped", "skipped"])
    expect(own[0]?.findings[0]?.text).toMatch(/a BGP speaker on this node has a session from 10\.0\.1\.10/)
    const counted = happened(before, await look(stage.lab, routers))
    expect([counted[`ext-1 10.0.1.10`], counted[`ext-2 10.0.1.10`]]).toEqual(["nothing", "nothing"])
    expect(await stage.state()).toBe(state)
    // A spare address in its place: from the nodes that no daemon speaks for, and nobody else notices.
    const spare = await stage.run(text, ["--timeout", "6", "--test-address", "10.0.0.77"])
    expect({ code: spare.code, out: spare.code === 0 ? "" : spare.out }).toEqual({ code: 0, out: "" })
    const delivered = spare.report.checks.filter(({ kind, result }) => kind === "delivery" && result === "ok")
    expect(delivered.map(({ node, subject }) => `${node} ${subject}`).sort()).toEqual([
      ...Array(2).fill("node-02 10.0.0.77"),
      ...Array(2).fill("node-03 10.0.0.77")
    ])
    const after = happened(before, await look(stage.lab, routers))
    expect([after["ext-1 10.0.1.10"], after["ext-2 10.0.1.10"]]).toEqual(["nothing", "nothing"])
    expect(await stage.state()).toBe(state)
  }, 120_000)
})
