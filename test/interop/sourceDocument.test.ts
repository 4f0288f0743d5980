// Every command of the source document, in the order of its text, on two racks with etcd and two external routers: the preflight, the
// speakers' pods and logs, sessions and routes with a stock kubectl, the recovery of a control-plane VIP by editing the cluster on
// a node, and the manual check with bgpadvertiser and ping. Rows S7, S21-S27.
import { afterAll, beforeAll, describe, expect } from "bun:test"
import { existsSync, symlinkSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { type EtcdCluster, startEtcd } from "../lab/etcd.ts"
import type { Background } from "../lab/process.ts"
import { requires } from "../lab/requires.ts"
import { kubectls } from "../run/kubectl.ts"
import { viaduct } from "./Daemon.ts"
import { clusterText, EXT_1, EXT_2, EXT_ASN, HOSTS as NAMES, NODES, OPERATOR, POOL, Stage } from "./preflight/stage.ts"
import { CLUSTER_ASN, VIP } from "./scenario.ts"

const NAMESPACE = "cluster-bm"
const CLUSTER = "bm"
const HOSTS = NAMES.slice(0, NODES.length)
const [kubectl] = kubectls()
const { test } = requires("root", "ip", "nft", "frr", "bird", "etcd")

/** The example's service, which the source announces as default-default-load-balancer-example. */
const SERVICE = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "default-load-balancer-example", namespace: "default" },
  spec: { type: "LoadBalancer", ports: [{ port: 80 }] }
}

interface World {
  readonly stage: Stage
  readonly etcd: EtcdCluster
  readonly daemons: Map<string, Background>
}

const text = `${clusterText()}\n---\n${JSON.stringify(SERVICE)}`
const socketOf = ({ stage }: World, host: string): string => join(stage.lab.hostDirectory(host), "admin.sock")

const startDaemon = async (world: World, host: string): Promise<void> => {
  const { lab } = world.stage
  const directory = lab.hostDirectory(host)
  const file = join(directory, "cluster.yaml")
  writeFileSync(file, text)
  const daemon = lab.spawn(host, "viaduct", [
    ...viaduct(),
    ...["run", "--config", file, "--node", host, "--data-dir", join(directory, "data")],
    ...["--admin-socket", socketOf(world, host), "--etcd", world.etcd.endpoints.join(",")]
  ])
  world.daemons.set(host, daemon)
  await lab.until(() => {
    if (!daemon.running) throw new Error(daemon.log())
    return existsSync(socketOf(world, host))
  }, `the daemon of ${host}`)
}

/** A stock kubectl in a shell on the node, as an administrator of the node has it. */
const kubectlOn = async (world: World, host: string, words: ReadonlyArray<string>, env: ReadonlyArray<string> = []) => {
  const home = world.stage.lab.hostDirectory(host)
  const program = kubectl?.path ?? "kubectl"
  return world.stage.lab.tryExec(host, ["env", `HOME=${home}`, ...env, program, ...words])
}

const ok = async (...args: Parameters<typeof kubectlOn>): Promise<string> => {
  const { code, stdout, stderr } = await kubectlOn(...args)
  if (code !== 0) throw new Error(`kubectl ${args[2].join(" ")}: ${stderr}${stdout}`)
  return stdout
}

const LOOKING = ["--server", "http://127.0.0.1:7179", "-n", "kube-system"]

/** Rows of a table without its header, cut at wide gaps. */
const rows = (table: string): ReadonlyArray<ReadonlyArray<string>> =>
  table
    .trimEnd()
    .split("\n")
    .slice(1)
    .map((line) => line.trimEnd().split(/ {2,}/))

const pinged = async ({ stage }: World, host: string): Promise<boolean> =>
  (await stage.lab.tryExec(host, ["ping", "-c", "1", "-W", "1", VIP])).code === 0

describe.skipIf(kubectl?.path === undefined)("the source document's commands, in its order", () => {
  let world: World

  beforeAll(async () => {
    const stage = await Stage.create()
    world = { stage, etcd: await startEtcd({ lab: stage.lab, hosts: [OPERATOR] }), daemons: new Map() }
  }, 60_000)
  afterAll(() => world.stage.lab.dispose())

  test("bmctl create cluster: the preflight is well and leaves its dated log; the nodes start", async () => {
    const { code, files, out } = await world.stage.run(text)
    expect([code, out]).toEqual([0, expect.any(String)])
    expect(Object.keys(files).sort()).toEqual(["events.ndjson", "preflight.log", "result.json"])
    for (const agent of world.stage.agents.values()) {
      agent.signal("SIGTERM")
      await agent.exited
    }
    await Promise.all(HOSTS.map((host) => startDaemon(world, host)))
  }, 120_000)

  test("get pods | grep bgpadvertiser: one for each control-plane node, ready once its sessions are up (S7, S24)", async () => {
    await world.stage.lab.until(
      async () => {
        const found = rows(await ok(world, "node-01", [...LOOKING, "get", "pods"]))
        const wanted = HOSTS.map((host) => `bgpadvertiser-${host} 1/1 Running`)
        const seen = found.map((row) => row.slice(0, 3).join(" "))
        if (seen.join() !== wanted.join()) throw new Error(seen.join())
        return true
      },
      "three pods that are ready",
      30_000
    )
  }, 40_000)

  test("logs bgpadvertiser-node-01: the speaker's transitions, to Established", async () => {
    const log = await ok(world, "node-01", [...LOOKING, "logs", "bgpadvertiser-node-01"])
    expect(log).toContain(`session ${EXT_1}-node-01: OpenConfirm -> Established`)
  })

  test("get bgpsessions: S22's columns, the sessions of every node, each in its own name", async () => {
    const wanted = [EXT_1, EXT_2].flatMap((peer) => NODES.map((_, i) => `${peer}-${HOSTS[i]}`))
    let table = ""
    await world.stage.lab.until(async () => {
      table = await ok(world, "node-01", [...LOOKING, "get", "bgpsessions"])
      const names = rows(table).map(([name]) => name)
      const down = rows(table).filter(([, , , , , state]) => state !== "Established")
      if (down.length > 0) throw new Error(JSON.stringify(down))
      return wanted.every((name) => names.includes(name)) && names.length === wanted.length + 4
    }, "ten sessions at node-01, all of them Established")
    expect(table.split("\n")[0]?.trimEnd().split(/ {2,}/)).toEqual([
      ...["NAME", "LOCAL ASN", "PEER ASN", "LOCAL IP", "PEER IP", "STATE", "LAST REPORT"]
    ])
    for (const [name = "", localAsn, peerAsn, , peer, state, last] of rows(table)) {
      expect([name, localAsn, peerAsn, state]).toEqual([name, String(CLUSTER_ASN), String(EXT_ASN), "Established"])
      expect(name.startsWith(`${peer}-node-0`)).toBe(true)
      expect(last).toMatch(/^\d{1,2}s$/)
    }
  }, 30_000)

  test("describe bgpsession: Spec and Status under the source's labels", async () => {
    const table = rows(await ok(world, "node-01", [...LOOKING, "get", "bgpsessions"]))
    const service = table.find(([, , , local]) => local === "10.0.1.100")?.[0] ?? "?"
    const described = await ok(world, "node-01", [...LOOKING, "describe", "bgpsession", service])
    for (const line of [
      /^Name: +\S+-node-0\d/m,
      /^Namespace: +kube-system$/m,
      /^API Version: +networking\.gke\.io\/v1$/m,
      /^Kind: +BGPSession$/m,
      /^ {2}Floating IP: +10\.0\.1\.100$/m,
      /^ {2}Local ASN: +65001$/m,
      /^ {2}Local IP: +10\.0\.1\.100$/m,
      /^ {2}Node Name: +node-0\d$/m,
      /^ {2}Peer ASN: +65002$/m,
      /^ {2}Peer IP: +10\.8\.0\.1[01]$/m,
      /^ {2}Last Report Time: +\d{4}-/m,
      /^ {2}State: +Established$/m
    ])
      expect(described).toMatch(line)
    expect(described).toMatch(/Advertised Routes:/)
  })

  test("get and describe bgpadvertisedroutes: the services, and the next hops of each (S23)", async () => {
    const table = rows(await ok(world, "node-01", [...LOOKING, "get", "bgpadvertisedroutes"]))
    const found = table.map((row) => row.slice(0, 2).join(" "))
    expect(found).toContain(`gke-system-istio-ingress ${POOL[0]}/32`)
    expect(found.filter((row) => row.startsWith("default-default-load-balancer-example 203.0.113."))).toHaveLength(1)
    const name = "default-default-load-balancer-example"
    const described = await ok(world, "node-01", [...LOOKING, "describe", "bgpadvertisedroute", name])
    for (const node of NODES) expect(described).toMatch(new RegExp(`Address: +${node.replaceAll(".", "\\.")}$`, "m"))
  })

  test("edit cluster on a node: a wrong peer takes the VIP away, the right one brings it back (S21)", async () => {
    const config = join(world.stage.lab.hostDirectory("node-02"), "admin.conf")
    const made = await world.stage.lab.tryExec("node-02", [
      ...viaduct(),
      ...["kubeconfig", "--socket", socketOf(world, "node-02"), "--output", config]
    ])
    expect([made.code, existsSync(config)]).toEqual([0, true])
    const editing = (change: string): Parameters<typeof kubectlOn> => [
      world,
      "node-02",
      ["--kubeconfig", config, "edit", "-n", NAMESPACE, "cluster", CLUSTER],
      [`KUBE_EDITOR=sed -i '${change}'`]
    ]
    const edit = (change: string) => ok(...editing(change))
    const pods = (ready: string) =>
      world.stage.lab.until(
        async () => {
          const found = rows(await ok(world, "node-02", ["--kubeconfig", config, "-n", "kube-system", "get", "pods"]))
          if (!found.every(([, state]) => state === ready)) throw new Error(JSON.stringify(found))
          return true
        },
        `pods that are ${ready}`,
        30_000
      )
    const { lab } = world.stage
    await lab.until(async () => pinged(world, "client"), "the client to reach the VIP")
    const wrong = `s/asn: ${EXT_ASN}$/asn: ${EXT_ASN + 7}/`
    const refused = await kubectlOn(...editing(wrong))
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("would go at the same time")])
    const insist = ["annotate", "-n", NAMESPACE, "cluster", CLUSTER, "viaduct.dev/force=true"]
    await ok(world, "node-02", ["--kubeconfig", config, ...insist])
    expect(await edit(wrong)).toContain("edited")
    await pods("0/1")
    await lab.until(async () => !(await pinged(world, "client")), "the VIP to be gone")
    expect(await edit(`s/asn: ${EXT_ASN + 7}$/asn: ${EXT_ASN}/`)).toContain("edited")
    await pods("1/1")
    await lab.until(async () => pinged(world, "client"), "the client to reach the VIP again")
  }, 90_000)

  test("bgpadvertiser, ip addr add, ping from another node, ip addr del, Ctrl+C: nothing is left (S26, S27)", async () => {
    const { lab } = world.stage
    for (const daemon of world.daemons.values()) {
      daemon.signal("SIGTERM")
      await daemon.exited
    }
    await Promise.all([world.stage.ext1, world.stage.ext2].map((router) => router.routesTo(`${VIP}/32`, 0)))
    const directory = lab.hostDirectory("node-01")
    const conf = join(directory, "bgpadvertiser.conf")
    writeFileSync(
      conf,
      `localIP: ${NODES[0]}\nlocalASN: ${CLUSTER_ASN}\npeers:\n- peerIP: ${EXT_1}\n  peerASN: ${EXT_ASN}\n`
    )
    const link = join(directory, "bgpadvertiser")
    if (process.env.VIADUCT_BIN !== undefined) symlinkSync(resolve(process.env.VIADUCT_BIN), link)
    const program = process.env.VIADUCT_BIN === undefined ? [...viaduct(), "advertise"] : [link]
    const advertiser = lab.spawn("node-01", "bgpadvertiser", [...program, "--config", conf, "--advertise-ip", VIP])
    await lab.until(() => advertiser.log().includes("BGP_FSM_ESTABLISHED"), "BGP_FSM_ESTABLISHED in the log")
    await world.stage.ext1.routesTo(`${VIP}/32`, 1)
    const health = "console.log((await fetch('http://127.0.0.1:8080')).status)"
    expect((await lab.exec("node-01", [process.execPath, "-e", health])).trim()).toBe("200")
    expect(await pinged(world, "node-03")).toBe(false)
    await lab.exec("node-01", ["ip", "addr", "add", `${VIP}/32`, "dev", "eth0"])
    await lab.until(async () => pinged(world, "node-03"), "node-03 to reach the VIP")
    await lab.exec("node-01", ["ip", "addr", "del", `${VIP}/32`, "dev", "eth0"])
    advertiser.signal("SIGINT")
    await advertiser.exited
    await world.stage.ext1.routesTo(`${VIP}/32`, 0)
    expect(await lab.addresses("node-01", "eth0")).not.toContain(VIP)
  }, 60_000)
})
