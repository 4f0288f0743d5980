// etcd for tests: one member or three, on loopback with ports of their own or on hosts of a lab, with data that outlives a
// member's process, so that a member can be ended, killed, frozen and started again. On loopback everything goes with
// `stop`; in a lab the processes and files are the lab's.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Lab } from "./Lab.ts"
import { Background, must, run } from "./process.ts"
import { until } from "./until.ts"

export interface EtcdOptions {
  /** One member when not given. */
  readonly members?: 1 | 3
  /** Members run on these hosts in turn; without a lab on loopback. */
  readonly lab?: Lab
  readonly hosts?: ReadonlyArray<string>
  /** PEM files: members show the certificate to clients and ask them for one of the same authority. */
  readonly tls?: { readonly caFile: string; readonly certFile: string; readonly keyFile: string }
  /** False: returns at once, where no client could ever be let in. */
  readonly wait?: boolean
  /** More arguments for every member ("--quota-backend-bytes=…"). */
  readonly args?: ReadonlyArray<string>
}

interface Ends {
  readonly client: string
  readonly peer: string
}

export class EtcdMember {
  readonly name: string
  /** The URL for clients. */
  readonly endpoint: string
  private readonly launch: () => Background
  private background: Background

  constructor(name: string, endpoint: string, launch: () => Background) {
    this.name = name
    this.endpoint = endpoint
    this.launch = launch
    this.background = launch()
  }

  get pid(): number {
    return this.background.pid
  }

  get running(): boolean {
    return this.background.running
  }

  log(): string {
    return this.background.log()
  }

  /** kill -9. */
  kill(): Promise<void> {
    return this.background.kill()
  }

  /** SIGTERM: the member ends in order. */
  async stop(): Promise<void> {
    await this.background.stop(8_000)
  }

  /** SIGSTOP: its sockets stay open and say nothing. */
  freeze(): void {
    this.background.signal("SIGSTOP")
  }

  thaw(): void {
    this.background.signal("SIGCONT")
  }

  /** Starts the member again on the data that it left. Does not wait until it answers: `EtcdCluster.healthy` does. */
  start(): void {
    if (this.running) throw new Error(`${this.name} runs already`)
    this.background = this.launch()
  }
}

export class EtcdCluster {
  readonly members: ReadonlyArray<EtcdMember>
  readonly endpoints: ReadonlyArray<string>
  private readonly control: (argv: ReadonlyArray<string>) => ReadonlyArray<string>
  private readonly directory: string
  private readonly clean: () => void

  constructor(
    members: ReadonlyArray<EtcdMember>,
    directory: string,
    control: (argv: ReadonlyArray<string>) => ReadonlyArray<string>,
    clean: () => void
  ) {
    this.members = members
    this.directory = directory
    this.endpoints = members.map((member) => member.endpoint)
    this.control = control
    this.clean = clean
  }

  /** The only member, or the first. */
  get member(): EtcdMember {
    const [first] = this.members
    if (first === undefined) throw new Error("an etcd without members")
    return first
  }

  private argv(words: ReadonlyArray<string>, members = this.members): ReadonlyArray<string> {
    return this.control(["etcdctl", `--endpoints=${members.map((one) => one.endpoint).join(",")}`, ...words])
  }

  /** Runs etcdctl against the members that run and gives what it printed. */
  etcdctl(...words: ReadonlyArray<string>): Promise<string> {
    return must(
      this.argv(
        words,
        this.members.filter((one) => one.running)
      )
    )
  }

  /** Waits until each of `members` answers a linearizable read (a member answers once its cluster has a leader). */
  async healthy(members: ReadonlyArray<EtcdMember> = this.members, deadlineMs = 15_000): Promise<void> {
    const logs = () =>
      members.map((one) => `--- ${one.name}\n${one.log().split("\n").slice(-20).join("\n")}`).join("\n")
    const answers = async (member: EtcdMember) => {
      const words = ["--command-timeout=2s", "get", "viaduct-health"]
      const { code, stderr } = await run(this.argv(words, [member]))
      if (code !== 0 && !/permission|user name is empty|authenticat/.test(stderr)) throw new Error(stderr.trim())
      return true
    }
    for (const member of members)
      await until(() => answers(member), `${member.name} to answer`, deadlineMs, { evidence: logs })
  }

  /** The member that leads now. */
  leader(): Promise<EtcdMember> {
    return until(
      async () => {
        const text = await this.etcdctl("endpoint", "status", "-w", "json")
        type Status = { Endpoint: string; Status: { leader: number; header: { member_id: number } } }
        const all: ReadonlyArray<Status> = JSON.parse(text)
        const found = all.find(({ Status: { leader, header } }) => leader !== 0 && leader === header.member_id)
        return this.members.find((one) => one.endpoint === found?.Endpoint)
      },
      "a leader of etcd",
      10_000
    )
  }

  /** Removes what members that do not run have stored. */
  wipe(): void {
    for (const { name, running } of this.members)
      if (!running) rmSync(join(this.directory, `${name}.etcd`), { recursive: true, force: true })
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map((one) => one.kill()))
    this.clean()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

/** A TCP port of loopback that nobody has at this moment. */
const freePort = (): number => {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } })
  const { port } = listener
  listener.stop(true)
  return port
}

const memberArgs = (name: string, own: Ends, all: ReadonlyArray<string>, directory: string, options: EtcdOptions) => [
  "etcd",
  `--name=${name}`,
  `--data-dir=${join(directory, `${name}.etcd`)}`,
  `--listen-client-urls=${own.client}`,
  `--advertise-client-urls=${own.client}`,
  `--listen-peer-urls=${own.peer}`,
  `--initial-advertise-peer-urls=${own.peer}`,
  `--initial-cluster=${all.join(",")}`,
  "--initial-cluster-state=new",
  "--logger=zap",
  "--log-outputs=stderr",
  ...(options.tls === undefined
    ? []
    : [
        `--cert-file=${options.tls.certFile}`,
        `--key-file=${options.tls.keyFile}`,
        `--trusted-ca-file=${options.tls.caFile}`,
        "--client-cert-auth"
      ]),
  ...(options.args ?? [])
]

/**
 * Starts the members and waits until they answer. On loopback a member ends with the process that made it, however that
 * ends, where setpriv(1) is there to arrange it.
 */
export const startEtcd = async (options: EtcdOptions = {}): Promise<EtcdCluster> => {
  const { lab, tls } = options
  const hosts = options.hosts ?? lab?.hosts().slice(0, 1) ?? []
  const scheme = tls === undefined ? "http" : "https"
  const directory =
    lab === undefined ? mkdtempSync(join(tmpdir(), "viaduct-etcd-")) : join(lab.directory, `etcd-${hosts.join("-")}`)
  mkdirSync(directory, { recursive: true, mode: 0o755 })
  const plans = Array.from({ length: options.members ?? 1 }, (_, index) => {
    const host = hosts[index % hosts.length]
    const name = `etcd-${index + 1}`
    const at = (port: number) => `${host === undefined ? "127.0.0.1" : lab?.address(host)}:${port}`
    const ports = host === undefined ? [freePort(), freePort()] : [2379 + 10 * index, 2380 + 10 * index]
    const [client = 0, peer = 0] = ports
    return { host, name, ends: { client: `${scheme}://${at(client)}`, peer: `http://${at(peer)}` } }
  })
  const all = plans.map(({ name, ends }) => `${name}=${ends.peer}`)
  const guard = Bun.which("setpriv") === null ? [] : ["setpriv", "--pdeathsig", "KILL"]
  const members = plans.map(({ host, name, ends }) => {
    const argv = memberArgs(name, ends, all, directory, options)
    return new EtcdMember(name, ends.client, () =>
      lab !== undefined && host !== undefined
        ? lab.spawn(host, name, argv)
        : new Background(name, [...guard, ...argv], { logFile: join(directory, `${name}.log`) })
    )
  })
  const identity = tls && [`--cacert=${tls.caFile}`, `--cert=${tls.certFile}`, `--key=${tls.keyFile}`]
  const [first] = hosts
  const inside = lab === undefined || first === undefined ? [] : ["ip", "netns", "exec", lab.namespace(first)]
  const cluster = new EtcdCluster(
    members,
    directory,
    (argv) => [...inside, "env", "ETCDCTL_API=3", ...argv, ...(identity ?? [])],
    () => (lab === undefined ? rmSync(directory, { recursive: true, force: true }) : undefined)
  )
  try {
    if (options.wait !== false) await cluster.healthy()
    return cluster
  } catch (error) {
    await cluster.stop()
    throw error
  }
}
