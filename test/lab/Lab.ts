// A laboratory of network namespaces: one per host, and one more, the fabric, that holds a bridge for each segment. The
// machine's own namespace is never touched. Namespaces are called vdt<pid>x<n>-<host>, so that labs stand side by side and a
// leftover tells whose it was: `Lab.create` first removes what dead processes left. Everything that is made is recorded
// and goes in `dispose`, which goes on past failures.
//
// Kernel facts that the plan depends on: a bridge takes the lowest MAC of its ports unless one is set; a packet keeps the
// multipath hash of its sending socket across a veth, so routers in a row hash the five-tuple themselves
// (policy 3, fields 0x37), each with a seed of its own; a node must not answer ARP for a VIP on lo.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Background, must, type Output, type RunOptions, run, startTime } from "./process.ts"
import type { HostPlan, Topology } from "./topology.ts"
import { until } from "./until.ts"

const NAME = /^vdt(\d+)x\d+-/
/** The namespace of the switches. */
export const FABRIC = "fabric"

const SYSCTLS: Record<"all" | HostPlan["role"], Record<string, string>> = {
  all: {
    "net.ipv4.conf.all.rp_filter": "0",
    "net.ipv4.conf.default.rp_filter": "0",
    "net.ipv6.conf.all.accept_dad": "0",
    "net.ipv6.conf.default.accept_dad": "0",
    "net.ipv4.conf.all.send_redirects": "0",
    "net.ipv4.conf.default.send_redirects": "0",
    "net.ipv4.icmp_ratelimit": "0"
  },
  node: { "net.ipv4.conf.all.arp_ignore": "1", "net.ipv4.conf.all.arp_announce": "2" },
  router: {
    "net.ipv4.ip_forward": "1",
    "net.ipv6.conf.all.forwarding": "1",
    "net.ipv4.fib_multipath_use_neigh": "1",
    "net.ipv4.fib_multipath_hash_fields": "55",
    "net.ipv4.fib_multipath_hash_policy": "3",
    "net.ipv6.fib_multipath_hash_fields": "55",
    "net.ipv6.fib_multipath_hash_policy": "3"
  },
  client: { "net.ipv4.tcp_syn_retries": "2" }
}

let labs = 0

export class Lab {
  readonly prefix: string
  /** Configurations, sockets and logs; world-readable, since daemons drop their rights. */
  readonly directory: string
  private readonly namespaces: Array<string> = []
  private readonly processes: Array<Background> = []
  private readonly plans = new Map<string, HostPlan>()

  private constructor() {
    labs += 1
    this.prefix = `vdt${process.pid}x${labs}-`
    this.directory = join(tmpdir(), this.prefix.slice(0, -1))
    mkdirSync(this.directory, { mode: 0o755, recursive: true })
    writeFileSync(join(this.directory, "owner"), startTime(process.pid) ?? "")
  }

  /** Builds the hosts of `topology`. Whatever fails, nothing is left behind. */
  static async create(topology: Topology): Promise<Lab> {
    await sweep()
    const lab = new Lab()
    try {
      await lab.build(topology)
      return lab
    } catch (error) {
      await lab.dispose()
      throw error
    }
  }

  namespace(host: string): string {
    return `${this.prefix}${host}`
  }

  hosts(): ReadonlyArray<string> {
    return [...this.plans.keys()]
  }

  /** The host's first address of the family, as its plan gives it. */
  address(host: string, family: "ipv4" | "ipv6" = "ipv4"): string {
    const all = this.plans.get(host)?.interfaces.flatMap((one) => one.addresses) ?? []
    const found = all.find((text) => text.includes(":") === (family === "ipv6"))
    if (found === undefined) throw new Error(`${host} has no ${family} address`)
    return found.slice(0, found.indexOf("/"))
  }

  /** Names of the host's interfaces. */
  devices(host: string): ReadonlyArray<string> {
    return (this.plans.get(host)?.interfaces ?? []).map((one) => one.name)
  }

  /** A directory of the host's own, made when first asked for. */
  hostDirectory(host: string): string {
    const path = join(this.directory, host)
    mkdirSync(path, { mode: 0o755, recursive: true })
    return path
  }

  private inside(host: string, argv: ReadonlyArray<string>): ReadonlyArray<string> {
    if (host !== FABRIC && !this.plans.has(host))
      throw new Error(`no host ${host}; there are ${this.hosts().join(", ")}`)
    return ["ip", "netns", "exec", this.namespace(host), ...argv]
  }

  /** Runs a command in the host; a status other than 0 is an error. Gives its stdout. */
  exec(host: string, argv: ReadonlyArray<string>, options: RunOptions = {}): Promise<string> {
    return must(this.inside(host, argv), options)
  }

  /** Runs a command in the host and gives all that came of it. */
  tryExec(host: string, argv: ReadonlyArray<string>, options: RunOptions = {}): Promise<Output> {
    return run(this.inside(host, argv), options)
  }

  /** Starts a process in the host; its output goes to `<host>/<name>.log`. */
  spawn(
    host: string,
    name: string,
    argv: ReadonlyArray<string>,
    env: Readonly<Record<string, string>> = {}
  ): Background {
    const logFile = join(this.hostDirectory(host), `${name}.log`)
    const background = new Background(`${host}/${name}`, this.inside(host, argv), { logFile, env })
    this.processes.push(background)
    return background
  }

  /** The end of each process's log, for failure texts. */
  logs(lines = 15): string {
    return this.processes
      .map(
        (one) =>
          `--- ${one.name}${one.running ? "" : " (ended)"}\n${one.log().trim().split("\n").slice(-lines).join("\n")}`
      )
      .join("\n")
  }

  /** `until` whose failure shows the logs of everything that runs here. */
  until<A>(
    check: () => A | Promise<A>,
    what: string,
    deadlineMs = 10_000
  ): Promise<Exclude<A, undefined | false | null>> {
    return until(check, what, deadlineMs, { evidence: () => this.logs() })
  }

  /** Gateways (or devices, where there is none) of the kernel's route to exactly `prefix`, sorted. */
  async kernelNextHops(host: string, prefix: string): Promise<ReadonlyArray<string>> {
    const family = prefix.includes(":") ? "-6" : "-4"
    const text = await must(["ip", family, "-j", "-n", this.namespace(host), "route", "show", prefix])
    type Hop = { gateway?: string; via?: { host: string }; dev?: string; nexthops?: ReadonlyArray<Hop> }
    const routes: ReadonlyArray<Hop> = text.trim() === "" ? [] : JSON.parse(text)
    return routes
      .flatMap((route) => route.nexthops ?? [route])
      .map((hop) => hop.gateway ?? hop.via?.host ?? hop.dev ?? "?")
      .sort()
  }

  /** Global and host addresses of an interface, without their prefix length. */
  async addresses(host: string, device: string): Promise<ReadonlyArray<string>> {
    const text = await must(["ip", "-j", "-n", this.namespace(host), "addr", "show", "dev", device])
    const links: ReadonlyArray<{ addr_info: ReadonlyArray<{ local: string }> }> = JSON.parse(text)
    return links.flatMap((link) => link.addr_info.map((one) => one.local))
  }

  /** The fabric's end of a host's cable. */
  port(host: string, device = "eth0"): string {
    const index = this.hosts().indexOf(host)
    if (index < 0) throw new Error(`no host ${host}`)
    return `h${index}.${device}`
  }

  /** Ends every process and removes every namespace and file of this lab; reports at the end what would not go. */
  async dispose(): Promise<void> {
    const failures: Array<string> = []
    const attempt = async (what: string, body: () => Promise<unknown>) => {
      await body().catch((error: unknown) => failures.push(`${what}: ${error}`))
    }
    await Promise.all(this.processes.map((one) => attempt(one.name, () => one.stop(1_500))))
    await Promise.all(this.namespaces.map((name) => attempt(name, () => removeNamespace(name))))
    this.namespaces.length = 0
    rmSync(this.directory, { recursive: true, force: true })
    if (failures.length > 0) throw new Error(`the lab did not go away cleanly: ${failures.join("; ")}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose()
  }

  private async addNamespace(host: string): Promise<void> {
    const name = this.namespace(host)
    this.namespaces.push(name)
    await must(["ip", "netns", "add", name])
  }

  private async build(topology: Topology): Promise<void> {
    for (const plan of topology) this.plans.set(plan.name, plan)
    for (const host of [FABRIC, ...this.plans.keys()]) await this.addNamespace(host)
    await this.buildFabric(topology)
    await Promise.all(topology.map((plan) => this.buildHost(plan)))
  }

  private async buildFabric(topology: Topology): Promise<void> {
    const fabric = this.namespace(FABRIC)
    const segments = [...new Set(topology.flatMap((plan) => plan.interfaces.map((one) => one.segment)))]
    const bridges = segments.flatMap((segment, index) => [
      `link add br-${segment} address 02:00:00:00:ff:0${index} type bridge mcast_snooping 0`,
      `link set br-${segment} up`
    ])
    await batch(fabric, ["link set lo up", ...bridges])
    const cables = topology.flatMap((plan) =>
      plan.interfaces.map(
        (one) =>
          `link add ${one.name} netns ${this.namespace(plan.name)} type veth peer name ${this.port(plan.name, one.name)}`
      )
    )
    const plugged = topology.flatMap((plan) =>
      plan.interfaces.map((one) => `link set ${this.port(plan.name, one.name)} master br-${one.segment} up`)
    )
    await batch(fabric, [...cables, ...plugged])
    await this.exec(FABRIC, ["nft", "-f", "-"], {
      input: "add table bridge lab\nadd chain bridge lab faults { type filter hook forward priority 0; }\n"
    })
  }

  private async buildHost(plan: HostPlan): Promise<void> {
    const seed = { "net.ipv4.fib_multipath_hash_seed": String(1 + (Bun.hash.crc32(plan.name) % 0xfffffffe)) }
    const values = { ...SYSCTLS.all, ...SYSCTLS[plan.role], ...(plan.role === "router" ? seed : {}) }
    await this.exec(plan.name, [
      "sysctl",
      "-q",
      "-w",
      ...Object.entries(values).map(([key, value]) => `${key}=${value}`)
    ])
    const addresses = plan.interfaces.flatMap((one) =>
      one.addresses.map((address) => `addr add ${address} dev ${one.name}${address.includes(":") ? " nodad" : ""}`)
    )
    await batch(this.namespace(plan.name), [
      "link set lo up",
      ...addresses,
      ...plan.interfaces.map((one) => `link set ${one.name} up`),
      ...plan.routes.map((route) => `route add ${route}`)
    ])
  }
}

/** Several `ip` commands in one process; the first that fails ends it. */
const batch = (namespace: string, lines: ReadonlyArray<string>): Promise<string> =>
  must(["ip", "-n", namespace, "-batch", "-"], { input: `${lines.join("\n")}\n` })

/** Kills what still runs in the namespace, then removes it. A namespace that is not there is no error. */
const removeNamespace = async (name: string): Promise<void> => {
  if (!existsSync(`/run/netns/${name}`)) return
  const pids = await run(["ip", "netns", "pids", name])
  for (const pid of pids.stdout.split("\n").filter((line) => line !== "")) {
    if (startTime(Number(pid)) !== undefined) process.kill(Number(pid), "SIGKILL")
  }
  await must(["ip", "netns", "del", name])
}

/** Whether the process that made the lab called `prefix` still runs. */
const ownerLives = (pid: string, directory: string): boolean => {
  const owner = join(directory, "owner")
  const started = startTime(Number(pid))
  return started !== undefined && (!existsSync(owner) || readFileSync(owner, "utf8") === started)
}

/** Removes namespaces and directories of labs whose process is gone. */
export const sweep = async (): Promise<void> => {
  const names = [
    ...(existsSync("/run/netns") ? readdirSync("/run/netns") : []),
    ...readdirSync(tmpdir()).map((name) => `${name}-`)
  ]
  for (const name of new Set(names)) {
    const pid = NAME.exec(name)?.[1]
    if (pid === undefined) continue
    const directory = join(tmpdir(), name.slice(0, name.indexOf("-")))
    if (ownerLives(pid, directory)) continue
    await removeNamespace(name)
    rmSync(directory, { recursive: true, force: true })
  }
}
