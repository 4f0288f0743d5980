// Nodes of one rack with `viaduct run` on them, an etcd that they share on the rack's router, and a client behind that: the
// stage of the tests about services. Nothing on it is pretended: daemons are processes, what they hold is read from the
// kernels, what they say of themselves comes from the commands that people use.
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import type { ApplyOutcome } from "../../../src/config/outcome.ts"
import type { FloatingIpStatus, ServiceStatus } from "../../../src/resources/nodeStatus.ts"
import type { Readiness } from "../../../src/resources/readiness.ts"
import { type EtcdCluster, startEtcd } from "../../lab/etcd.ts"
import { describeHoldings, KernelWatch } from "../../lab/kernelWatch.ts"
import { Lab } from "../../lab/Lab.ts"
import { awaitAddresses } from "../../lab/probes.ts"
import type { Output } from "../../lab/process.ts"
import { oneRack, type Topology } from "../../lab/topology.ts"
import { during, type Timeline, Traffic } from "../../lab/traffic.ts"
import { type ApplyBody, Daemon, viaduct } from "../Daemon.ts"
import { type FileSpec, fileText, hostNames } from "./file.ts"

export const TOR = "tor-1"
/** A keepalive may just have been sent, the kernel's timers are coarse, and this machine has other things to do. */
export const LEASE_MS = 3_000

export interface StageSpec {
  /** Default 2. */
  readonly nodes?: number
  /** Absent: a shared etcd; "embedded": each node its own store. */
  readonly store?: "embedded"
  readonly file: FileSpec
  /** Addresses whose traffic the nodes answer as soon as they have them. */
  readonly answer?: ReadonlyArray<string>
  /** Called when the lab stands and no daemon runs yet. */
  readonly prepare?: (lab: Lab) => Promise<unknown>
  /** Hosts on which no daemon is started at first. */
  readonly without?: ReadonlyArray<string>
  readonly topology?: Topology
  /** Hosts beside the nodes whose addresses and routes are watched. */
  readonly watch?: ReadonlyArray<string>
}

export class Stage {
  readonly lab: Lab
  readonly watch: KernelWatch
  readonly hosts: ReadonlyArray<string>
  private readonly shared: EtcdCluster | undefined
  private readonly daemons = new Map<string, Daemon>()

  private constructor(lab: Lab, watch: KernelWatch, hosts: ReadonlyArray<string>, shared: EtcdCluster | undefined) {
    this.lab = lab
    this.watch = watch
    this.hosts = hosts
    this.shared = shared
  }

  static async create(spec: StageSpec): Promise<Stage> {
    const hosts = hostNames(spec.nodes ?? 2)
    const lab = await Lab.create(spec.topology ?? oneRack(hosts.length))
    try {
      const { answer = [], without = [] } = spec
      const shared = spec.store === "embedded" ? undefined : startEtcd({ lab, hosts: [TOR] })
      const answering = answer.length === 0 ? [] : hosts.map((host) => awaitAddresses(lab, host, answer))
      await Promise.all([shared, spec.prepare?.(lab), ...answering])
      const stage = new Stage(lab, await KernelWatch.start(lab, [...hosts, ...(spec.watch ?? [])]), hosts, await shared)
      const running = hosts.filter((host) => !without.includes(host))
      await Promise.all(running.map((host) => stage.start(host, spec.file)))
      return stage
    } catch (error) {
      await lab.dispose()
      throw error
    }
  }

  get etcd(): EtcdCluster {
    if (this.shared === undefined) throw new Error("this stage has no etcd")
    return this.shared
  }

  daemon(host: string): Daemon {
    const found = this.daemons.get(host)
    if (found === undefined) throw new Error(`no daemon was started on ${host}`)
    return found
  }

  /** Starts the daemon of a host, on the data that a former one left; `more` words for `run`. */
  async start(host: string, file: FileSpec | undefined, ...more: ReadonlyArray<string>): Promise<Daemon> {
    const etcd = this.shared === undefined ? [] : ["--etcd", this.shared.endpoints.join(",")]
    const config = file === undefined ? {} : { config: { text: fileText(file) } }
    const daemon = await Daemon.start(this.lab, { host, node: host, ...config, args: [...etcd, ...more] })
    this.daemons.set(host, daemon)
    return daemon
  }

  write(host: string, file: FileSpec): void {
    writeFileSync(join(this.lab.hostDirectory(host), "cluster.yaml"), fileText(file))
  }

  /** SIGHUP with this file, where each node has its own store; ends when the daemon has taken or refused it. */
  async reload(host: string, file: FileSpec): Promise<void> {
    this.write(host, file)
    const { process } = this.daemon(host)
    const answers = () =>
      process.log().match(/"(?:the )?config .*(?:accepted|the same as before|refused)/g)?.length ?? 0
    const before = answers()
    process.signal("SIGHUP")
    await this.lab.until(() => answers() > before, `${host} to answer SIGHUP`)
  }

  /** `viaduct apply` on a host; ends when every daemon that runs has the same config. */
  async apply(host: string, file: FileSpec, more: Omit<ApplyBody, "files"> = {}): Promise<ApplyOutcome> {
    const outcome = await this.daemon(host).apply({ files: [{ path: "cluster.yaml", text: fileText(file) }], ...more })
    if (outcome.outcome !== "applied") throw new Error(`applied on ${host}: ${JSON.stringify(outcome)}`)
    const running = [...this.daemons.values()].filter(({ process }) => process.running)
    await this.lab.until(async () => {
      const all = await Promise.all(running.map(async (one) => (await one.status()).config))
      return all.every(({ mode, revision }) => mode === "local" || revision >= outcome.revision)
    }, `every node to run revision ${outcome.revision}`)
    return outcome
  }

  /** A command of viaduct as an operator runs it on the host. */
  command(host: string, ...words: ReadonlyArray<string>): Promise<Output> {
    const socket = join(this.lab.hostDirectory(host), "admin.sock")
    return this.lab.tryExec(host, ["env", `VIADUCT_SOCKET=${socket}`, ...viaduct(), ...words])
  }

  /** What `viaduct get …` prints. */
  async get(host: string, ...words: ReadonlyArray<string>): Promise<string> {
    const { code, stdout, stderr } = await this.command(host, "get", ...words)
    if (code !== 0) throw new Error(`viaduct get ${words.join(" ")}: ${stderr}`)
    return stdout
  }

  /** What a probe of the node is told. */
  async readiness(host: string): Promise<Readiness> {
    const unix = join(this.lab.hostDirectory(host), "admin.sock")
    const answer = await fetch("http://localhost/readyz", { unix, headers: { accept: "application/json" } })
    return (await answer.json()) as Readiness
  }

  async floatingIp(host: string, address: string): Promise<FloatingIpStatus> {
    const all = (await this.daemon(host).status()).floatingIps
    const found = all.find((one) => one.address === address)
    if (found === undefined) throw new Error(`${host} knows no ${address}, but ${all.map((one) => one.address)}`)
    return found
  }

  async service(host: string, name: string): Promise<ServiceStatus> {
    const all = (await this.daemon(host).status()).services
    const found = all.find((one) => `${one.namespace}/${one.name}` === name)
    if (found === undefined) throw new Error(`${host} knows no ${name}, but ${all.map((one) => one.name)}`)
    return found
  }

  /** Waits until exactly one node has the address on its interface and says so, and gives its host. */
  holder(address: string, deadlineMs = 10_000): Promise<string> {
    return this.lab.until(
      async () => {
        const [holder, ...more] = this.watch.holders(address)
        if (holder === undefined || more.length > 0) throw new Error(`on ${[holder, ...more].join(", ")}`)
        const { state, reason } = await this.floatingIp(holder, address)
        if (state !== "held") throw new Error(`${holder} says ${state}: ${reason}`)
        return holder
      },
      `${address} to be held by one node`,
      deadlineMs
    )
  }

  /** Waits until another node than `from` holds it. */
  heir(address: string, from: string, deadlineMs = 10_000): Promise<string> {
    const others = () => this.watch.holders(address).filter((host) => host !== from)
    return this.lab.until(() => others()[0], `${address} to be on another node than ${from}`, deadlineMs)
  }

  /** The history of an address, in ms after `zeroMs`. */
  history(address: string, zeroMs: number): string {
    const all = this.watch.holdings(address).filter((one) => (one.toMs ?? Number.POSITIVE_INFINITY) > zeroMs)
    return describeHoldings(all, zeroMs)
  }

  /** The MAC that the rack's router has for an address of the rack. */
  async neighbour(address: string): Promise<string | undefined> {
    const text = await this.lab.exec(TOR, ["ip", "-j", "neigh", "show", "to", address, "dev", "eth0"])
    const [entry]: ReadonlyArray<{ lladdr?: string }> = JSON.parse(text.trim() === "" ? "[]" : text)
    return entry?.lladdr
  }

  async mac(host: string): Promise<string> {
    const [link]: ReadonlyArray<{ address: string }> = JSON.parse(
      await this.lab.exec(host, ["ip", "-j", "link", "show", "eth0"])
    )
    if (link === undefined) throw new Error(`${host} has no eth0`)
    return link.address
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab.dispose()
  }
}

export interface Losses {
  /** From the first probe lost to the next one answered, the longest of the streams. */
  readonly gapMs: number
  readonly lost: number
  readonly sent: number
  readonly timelines: ReadonlyArray<Timeline>
}

/** How long probes wait for their answer, and a little more. */
const SETTLE_MS = 1_000

/** Probes at 200 a second to each address from the client while `body` goes on, and what was lost from then on. */
export const underTraffic = async (
  stage: Stage,
  addresses: ReadonlyArray<string>,
  body: () => Promise<void>
): Promise<Losses> => {
  const streams = await Promise.all(
    addresses.map((address) => Traffic.start(stage.lab, { host: "client", address, mode: "udp" }))
  )
  await Bun.sleep(300)
  const fromMs = Date.now()
  await body()
  await Bun.sleep(SETTLE_MS)
  const timelines = (await Promise.all(streams.map((one) => one.stop()))).map((one) => during(one, fromMs))
  return {
    gapMs: Math.max(...timelines.map((one) => one.longestGapMs)),
    lost: timelines.reduce((sum, one) => sum + one.lost, 0),
    sent: timelines.reduce((sum, one) => sum + one.sent, 0),
    timelines
  }
}

/** A line of figures among the test results. */
export const figures = (text: string): void => {
  process.stdout.write(`  FIGURES ${text}\n`)
}
