// A cluster that does not exist yet: machines in two racks with `viaduct agent` on them, routers of two makes, and an operator on the
// management network who runs `viaduct preflight`. Nothing is pretended: what a preflight left behind is read from the kernels
// and the routers.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Lab } from "../../lab/Lab.ts"
import type { Background } from "../../lab/process.ts"
import { type MakeName, startRouter } from "../../lab/routers/index.ts"
import type { Router, RouterNeighbor, RouterSpec } from "../../lab/routers/Router.ts"
import { managed, RELAY, racks } from "../../lab/topology.ts"
import { viaduct } from "../Daemon.ts"
import { CLUSTER_ASN, VIP } from "../scenario.ts"

export const NODES = ["10.0.1.10", "10.0.1.11", "10.0.2.10"]
export const HOSTS = ["node-01", "node-02", "node-03", "node-04"]
export const FLOATING = ["10.0.1.100", "10.0.2.100"]
export const POOL = ["203.0.113.1", "203.0.113.4"]
export const EXT_1 = "10.8.0.10"
export const EXT_2 = "10.8.0.11"
export const EXT_ASN = 65002
export const OPERATOR = RELAY
export const AGENT_PORT = 7180

export interface ClusterSpec {
  readonly nodes?: ReadonlyArray<string>
  /** Addresses of worker nodes, whose names follow on those of the control plane. */
  readonly workers?: ReadonlyArray<string>
  readonly floatingIps?: ReadonlyArray<string>
  readonly peers?: ReadonlyArray<Readonly<Record<string, unknown>>>
  readonly vip?: string | ReadonlyArray<string>
  readonly pool?: ReadonlyArray<string>
  readonly localAsn?: number
  readonly spec?: Readonly<Record<string, unknown>>
}

/** The cluster's documents; control-plane peers serve the services, too. */
export const clusterText = (spec: ClusterSpec = {}): string => {
  const { nodes = NODES, workers = [], floatingIps = FLOATING, vip = VIP, pool = POOL } = spec
  const peers = spec.peers ?? [EXT_1, EXT_2].map((ip) => ({ ip, asn: EXT_ASN }))
  const cluster = {
    apiVersion: "baremetal.cluster.gke.io/v1",
    kind: "Cluster",
    metadata: { name: "bm", namespace: "cluster-bm" },
    spec: {
      type: "hybrid",
      controlPlane: {
        nodePoolSpec: { nodes: nodes.map((address, index) => ({ address, name: HOSTS[index] ?? address })) }
      },
      clusterNetwork: { advancedNetworking: true },
      loadBalancer: {
        mode: "bundled",
        type: "bgp",
        localASN: spec.localAsn ?? CLUSTER_ASN,
        bgpPeers: peers.map((peer) => ({ connectRetryTime: 1, ...peer })),
        vips: { controlPlaneVIP: vip, ingressVIP: pool[0] },
        addressPools: [{ name: "public", addresses: [`${pool[0]}-${pool[1]}`] }],
        ports: { controlPlaneLBPort: 443 }
      }
    }
  }
  const floating = {
    apiVersion: "networking.gke.io/v1",
    kind: "NetworkGatewayGroup",
    metadata: { name: "default", namespace: "cluster-bm" },
    spec: { floatingIPs: floatingIps }
  }
  const pools = {
    apiVersion: "baremetal.cluster.gke.io/v1",
    kind: "NodePool",
    metadata: { name: "workers", namespace: "cluster-bm" },
    spec: {
      clusterName: "bm",
      nodes: workers.map((address, index) => ({ address, name: HOSTS[nodes.length + index] }))
    }
  }
  const documents = [cluster, ...(floatingIps.length === 0 ? [] : [floating]), ...(workers.length === 0 ? [] : [pools])]
  return documents.map((document) => JSON.stringify(document, undefined, 2)).join("\n---\n")
}

export interface Finding {
  readonly severity: string
  readonly text: string
  readonly hints: ReadonlyArray<string>
}

export interface CheckResult {
  readonly id: string
  readonly kind: string
  readonly node?: string
  readonly peer?: string
  readonly subject?: string
  readonly result: string
  readonly findings: ReadonlyArray<Finding>
}

export interface Report {
  readonly complete: boolean
  readonly result: string
  readonly counts: Readonly<Record<string, number>>
  readonly checks: ReadonlyArray<CheckResult>
}

export interface Ran {
  readonly code: number
  readonly out: string
  readonly report: Report
  /** Of the dated directory, by name. */
  readonly files: Readonly<Record<string, string>>
}

export interface StageSpec {
  readonly nodes?: ReadonlyArray<string>
  /** Differences of ext-1 (BIRD) and ext-2 (FRR) from what a router has to be. */
  readonly ext1?: Partial<RouterSpec>
  readonly ext2?: Partial<RouterSpec>
  /** Of the neighbors of ext-1. */
  readonly neighbors?: (all: ReadonlyArray<RouterNeighbor>) => ReadonlyArray<RouterNeighbor>
  /** The same neighbors once more, by another address of theirs. */
  readonly alsoOver?: (ip: string) => string
  /** What ext-2 runs; FRR when not given. */
  readonly second?: MakeName
  /** GoBGP and OpenBGPD instead, which pass nothing on. */
  readonly others?: true
  /** Hosts without an agent. */
  readonly without?: ReadonlyArray<string>
}

export class Stage {
  readonly lab: Lab
  readonly ext1: Router
  readonly ext2: Router
  readonly token = "only-for-this-lab-0123456789"
  readonly agents = new Map<string, Background>()

  private constructor(lab: Lab, ext1: Router, ext2: Router) {
    this.lab = lab
    this.ext1 = ext1
    this.ext2 = ext2
  }

  static async create(spec: StageSpec = {}): Promise<Stage> {
    const lab = await Lab.create(managed(racks(spec.nodes ?? NODES)))
    try {
      const [ext1, ext2] = await startRouters(lab, spec)
      const stage = new Stage(lab, ext1, ext2)
      writeFileSync(join(lab.directory, "token"), `${stage.token}\n`)
      const hosts = HOSTS.slice(0, (spec.nodes ?? NODES).length)
      await Promise.all(hosts.filter((host) => !spec.without?.includes(host)).map((host) => stage.startAgent(host)))
      return stage
    } catch (error) {
      await lab.dispose()
      throw error
    }
  }

  async startAgent(host: string): Promise<Background> {
    const listen = `${this.management(host)}:${AGENT_PORT}`
    const words = ["agent", "--listen", listen, "--token-file", join(this.lab.directory, "token")]
    const more = ["--data-dir", join(this.lab.hostDirectory(host), "agent")]
    const agent = this.lab.spawn(host, "agent", [...viaduct(), ...words, ...more])
    this.agents.set(host, agent)
    await this.lab.until(() => {
      if (!agent.running) throw new Error(agent.log())
      return /https:\/\/\S+/.test(agent.log())
    }, `the agent of ${host}`)
    return agent
  }

  /** The node's address on the management network. */
  management(host: string): string {
    return `10.9.0.${101 + HOSTS.indexOf(host)}`
  }

  /** SHA-256 of the certificate, as the agent says it. */
  private fingerprint(host: string): ReadonlyArray<string> {
    return /fingerprint (\S+)/.exec(this.agents.get(host)?.log() ?? "")?.slice(1) ?? []
  }

  url(host: string): string {
    return `https://${this.management(host)}:${AGENT_PORT}`
  }

  words(
    text: string,
    more: ReadonlyArray<string>,
    fingerprints = HOSTS.flatMap((host) => this.fingerprint(host))
  ): ReadonlyArray<string> {
    const file = join(this.lab.directory, "cluster.yaml")
    writeFileSync(file, text)
    const nodes = HOSTS.filter((host) => text.includes(`"${host}"`)).map((host) => `${host}=${this.url(host)}`)
    return [
      ...viaduct(),
      ...["preflight", "-f", file],
      ...(more.includes("--nodes") ? [] : ["--nodes", nodes.join(",")]),
      ...["--token-file", join(this.lab.directory, "token")],
      ...(fingerprints.length === 0 ? [] : ["--fingerprint", fingerprints.join(",")]),
      ...["--log-dir", join(this.lab.directory, "log")],
      ...more
    ]
  }

  /** Runs the preflight on the operator's machine to its end. */
  async run(
    text: string = clusterText(),
    more: ReadonlyArray<string> = ["--timeout", "6"],
    fingerprints = HOSTS.flatMap((host) => this.fingerprint(host))
  ): Promise<Ran> {
    const words = this.words(text, more, fingerprints)
    const { code, stdout, stderr } = await this.lab.tryExec(OPERATOR, words, { deadlineMs: 120_000 })
    if (!existsSync(join(this.lab.directory, "log")) && code !== 2) throw new Error(`no log: ${stdout}${stderr}`)
    return { code, out: stdout + stderr, ...this.log() }
  }

  /** The newest dated directory. */
  log(): Pick<Ran, "report" | "files"> {
    const base = join(this.lab.directory, "log")
    if (!existsSync(base)) return { report: { complete: false, result: "none", counts: {}, checks: [] }, files: {} }
    const directory = readdirSync(base).sort().at(-1) ?? ""
    const names = readdirSync(join(base, directory))
    const files = Object.fromEntries(names.map((name) => [name, readFileSync(join(base, directory, name), "utf8")]))
    return { report: JSON.parse(files["result.json"] ?? "{}"), files }
  }

  /** Addresses of every node and routes and sessions of both routers, for comparing. */
  async state(): Promise<string> {
    const addresses = await Promise.all(
      HOSTS.filter((host) => this.lab.hosts().includes(host)).map(async (host) => {
        const devices = await Promise.all(["lo", "eth0", "eth1"].map((device) => this.lab.addresses(host, device)))
        return `${host} ${devices.flat().sort().join(" ")} ${await this.sockets(host)}`
      })
    )
    const routers = await Promise.all(
      [this.ext1, this.ext2].map(async (router) => {
        const up = (await router.sessions()).filter(
          ({ state, remoteAsn }) => state === "Established" && remoteAsn === CLUSTER_ASN
        )
        return `${router.spec.host} ${up.map(({ neighbor }) => neighbor)} ${JSON.stringify(await router.routes())}`
      })
    )
    return [...addresses, ...routers].join("\n")
  }

  /** Listening and connected TCP sockets of a host, those of the agent's and the daemon's own business left out. */
  private async sockets(host: string): Promise<string> {
    const words = ["ss", "-Htn", "state", "listening", "state", "established", "state", "syn-sent"]
    const lines = (await this.lab.exec(host, words)).split("\n").map((line) => line.trim().split(/\s+/))
    const ends = lines.map(([state, , , local = "", peer = ""]) => `${state} ${local} ${peer}`)
    return ends
      .filter((line) => line.length > 12 && !line.includes(`:${AGENT_PORT}`) && !line.includes(":2379"))
      .sort()
      .join(", ")
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab.dispose()
  }
}

/** The external routers with every node and floating IP as neighbors; the racks' routers learn from them. */
const startRouters = async (lab: Lab, spec: StageSpec): Promise<readonly [Router, Router]> => {
  const four = [...(spec.nodes ?? NODES), ...FLOATING]
  const both = spec.alsoOver === undefined ? four : [...four, ...four.map(spec.alsoOver)]
  const own = both.map((ip): RouterNeighbor => ({ ip, asn: CLUSTER_ASN }))
  if (spec.others === true)
    return Promise.all([
      startRouter(lab, "gobgp", { asn: EXT_ASN, host: "ext-1", routerId: EXT_1, neighbors: own }),
      startRouter(lab, "openbgpd", { asn: EXT_ASN, host: "ext-2", routerId: EXT_2, neighbors: own })
    ])
  const tors: ReadonlyArray<RouterNeighbor> = [1, 2].map((rack) => ({
    ip: `10.8.0.${rack}`,
    asn: 65100 + rack,
    passOn: true,
    passive: false
  }))
  const common = { asn: EXT_ASN, installRoutes: true, addPath: true }
  const ext = (
    make: MakeName,
    host: string,
    ip: string,
    neighbors: ReadonlyArray<RouterNeighbor>,
    more: Partial<RouterSpec> = {}
  ) => startRouter(lab, make, { ...common, host, routerId: ip, neighbors: [...neighbors, ...tors], ...more })
  const tor = (rack: number) =>
    startRouter(lab, "bird", {
      host: `tor-${rack}`,
      asn: 65100 + rack,
      routerId: `10.8.0.${rack}`,
      installRoutes: true,
      addPath: true,
      neighbors: [EXT_1, EXT_2].map((ip) => ({ ip, asn: EXT_ASN }))
    })
  const [ext1, ext2] = await Promise.all([
    ext("bird", "ext-1", EXT_1, spec.neighbors?.(own) ?? own, spec.ext1),
    ext(spec.second ?? "frr", "ext-2", EXT_2, own, spec.ext2),
    tor(1),
    tor(2)
  ])
  await Promise.all([ext1, ext2].flatMap((router) => ["10.8.0.1", "10.8.0.2"].map((ip) => router.established(ip))))
  return [ext1, ext2]
}
