// The whole of the proof in one lab: etcd behind a relay on a management network, the five routers, `viaduct run` on four nodes,
// responders behind the service's addresses, and the instruments that watch. Several faults are tried in one world one after
// the other: `heal` undoes whatever the last one left, and `steady` says whether everything is as it should be, or what is
// not. A world that does not become steady any more is thrown away for a new one, so that a fault that fails takes no other
// one down.
import { Daemon } from "../interop/Daemon.ts"
import { type EtcdCluster, startEtcd } from "../lab/etcd.ts"
import { powerOn, unblock } from "../lab/faults.ts"
import { KernelWatch } from "../lab/kernelWatch.ts"
import { Lab } from "../lab/Lab.ts"
import { awaitAddresses } from "../lab/probes.ts"
import { type Relay, startRelay } from "../lab/relay.ts"
import { SessionWatch } from "../lab/sessionWatch.ts"
import { managed, RELAY, threeExternals } from "../lab/topology.ts"
import { CONTROL_PLANE, clusterText, SERVICE_VIPS } from "./clusterFile.ts"
import type { Observed } from "./FaultRun.ts"
import { FLOATING_IPS, type Network, NODES, nextHopsBySession, startNetwork } from "./network.ts"

export type NodeName = (typeof NODES)[number]["host"]

const ETCD_HOSTS = ["etcd-1", "etcd-2", "etcd-3"]
const STEADY_MS = 30_000
/** Where no world becomes steady, the tests that are left fail at once. */
const FAILURES_MAX = 2
const HOSTS: ReadonlyArray<NodeName> = NODES.map((one) => one.host)

export interface WorldSpec {
  /** The external routers receive additional paths. Default true. */
  readonly addPath?: boolean
  readonly etcdMembers?: 1 | 3
}

const rackOf = (address: string): string => address.split(".").slice(0, 3).join(".")

export const nodeNamed = (host: string): (typeof NODES)[number] => {
  const found = NODES.find((one) => one.host === host)
  if (found === undefined) throw new Error(`no node ${host}`)
  return found
}

/** The other node of the same rack. */
export const rackMate = (host: string): NodeName => {
  const own = rackOf(nodeNamed(host).ipv4)
  const mate = NODES.find((one) => one.host !== host && rackOf(one.ipv4) === own)
  if (mate === undefined) throw new Error(`${host} is alone in its rack`)
  return mate.host
}

const same = (what: string, seen: ReadonlyArray<string>, wanted: ReadonlyArray<string>): void => {
  if (seen.join(" ") !== wanted.join(" ")) throw new Error(`${what}: ${seen.join(" ")}, not ${wanted.join(" ")}`)
}

export class World implements Observed {
  readonly vips = SERVICE_VIPS
  readonly lab: Lab
  readonly etcd: EtcdCluster
  readonly relay: Relay
  readonly network: Network
  readonly watch: KernelWatch
  readonly sessions: SessionWatch
  private readonly addPath: boolean
  private readonly daemons = new Map<string, Daemon>()

  private constructor(
    parts: Pick<World, "lab" | "etcd" | "relay" | "network" | "watch" | "sessions">,
    addPath: boolean
  ) {
    this.lab = parts.lab
    this.etcd = parts.etcd
    this.relay = parts.relay
    this.network = parts.network
    this.watch = parts.watch
    this.sessions = parts.sessions
    this.addPath = addPath
  }

  /** Builds everything and starts the four daemons; does not wait until they are steady. */
  static async create(spec: WorldSpec = {}): Promise<World> {
    const { addPath = true, etcdMembers = 3 } = spec
    const lab = await Lab.create(managed(threeExternals(), etcdMembers))
    try {
      const callers = CONTROL_PLANE.nodes.map((one) => one.ipv4)
      const [etcd, network] = await Promise.all([
        startEtcd({ lab, hosts: ETCD_HOSTS.slice(0, etcdMembers), members: etcdMembers }),
        startNetwork(lab, { addPath, callers }),
        ...HOSTS.map((host) => awaitAddresses(lab, host, Object.values(SERVICE_VIPS)))
      ])
      const relay = await startRelay(lab, RELAY, etcd.endpoints)
      const watch = await KernelWatch.start(lab, [...HOSTS, "ext-1", "tor-1", "tor-2"])
      const sessions = await SessionWatch.start(network.externals)
      const world = new World({ lab, etcd, relay, network, watch, sessions }, addPath)
      await Promise.all(HOSTS.map((host) => world.startDaemon(host)))
      return world
    } catch (error) {
      await lab.dispose()
      throw error
    }
  }

  get externals(): Network["externals"] {
    return this.network.externals
  }

  async dispose(): Promise<void> {
    await this.sessions.stop()
    await this.lab.dispose()
  }

  daemon(host: string): Daemon {
    const found = this.daemons.get(host)
    if (found === undefined) throw new Error(`no daemon was started on ${host}`)
    return found
  }

  async startDaemon(host: string): Promise<void> {
    const args = ["--etcd", this.relay.endpoints.join(",")]
    this.daemons.set(host, await Daemon.start(this.lab, { host, config: { text: clusterText() }, args }))
  }

  /** The one node that holds the floating IP; an error where it is none or several. */
  speaker(floatingIp: string): NodeName {
    const [holder, ...more] = this.watch.holders(floatingIp)
    if (holder === undefined || more.length > 0) throw new Error(`${floatingIp} is on ${[holder, ...more].join(", ")}`)
    return nodeNamed(holder).host
  }

  /** Undoes every fault: filters, cables, frozen and dead processes, the relay's delay. */
  async heal(): Promise<void> {
    await unblock(this.lab)
    await powerOn(this.lab, ...HOSTS)
    this.relay.delay(0)
    for (const member of this.etcd.members) {
      if (member.running) member.thaw()
      else member.start()
    }
    for (const router of this.externals) router.thaw()
    for (const host of HOSTS) {
      const running = this.daemons.get(host)?.process
      if (running?.running === true) running.signal("SIGCONT")
      else await this.startDaemon(host)
    }
  }

  /** Throws what is not as it should be while `live` nodes do the work. */
  async check(live: ReadonlyArray<NodeName> = HOSTS): Promise<true> {
    for (const address of FLOATING_IPS) this.speaker(address)
    const nodes = NODES.filter((one) => live.includes(one.host))
    const callers = [
      ...FLOATING_IPS,
      ...CONTROL_PLANE.nodes.filter((one) => live.includes(one.host)).map((one) => one.ipv4)
    ]
    for (const router of this.externals) {
      const { host } = router.spec
      const expected = CONTROL_PLANE.peers.some((one) => one.host === host) ? callers : FLOATING_IPS
      const up = (await router.sessions()).filter((one) => one.state === "Established").map((one) => one.neighbor)
      const missing = expected.filter((ip) => !up.includes(ip))
      if (missing.length > 0) throw new Error(`${host} has no session with ${missing.join(", ")}`)
      for (const family of ["ipv4", "ipv6"] as const) {
        const bySession = await nextHopsBySession(router, SERVICE_VIPS[family])
        const wanted = nodes.map((one) => one[family])
        same(`sessions of ${host} that announce the ${family} VIP`, Object.keys(bySession).sort(), FLOATING_IPS)
        for (const [session, hops] of Object.entries(bySession)) this.checkHops(`${session} at ${host}`, hops, wanted)
      }
    }
    await this.checkKernels(nodes)
    return true
  }

  private checkHops(what: string, hops: ReadonlyArray<string>, wanted: ReadonlyArray<string>): void {
    if (this.addPath) same(what, hops, wanted)
    else if (hops.length !== 1 || !wanted.includes(hops[0] ?? "")) throw new Error(`${what}: ${hops.join(" ")}`)
  }

  /** Without additional paths the racks' routers know only a part of the nodes; nothing is asked of them then. */
  private async checkKernels(nodes: ReadonlyArray<(typeof NODES)[number]>): Promise<void> {
    if (!this.addPath) return
    for (const rack of [1, 2]) {
      for (const family of ["ipv4", "ipv6"] as const) {
        const wanted = nodes.filter((one) => one.ipv4.startsWith(`10.0.${rack}.`)).map((one) => one[family])
        const hops = await this.lab.kernelNextHops(`tor-${rack}`, SERVICE_VIPS[family])
        if (wanted.length > 0) same(`the kernel of tor-${rack}`, [...new Set(hops)], wanted)
      }
    }
  }

  /** Waits until everything is as it should be while `live` nodes do the work. */
  async steady(live: ReadonlyArray<NodeName> = HOSTS, deadlineMs = STEADY_MS): Promise<void> {
    await this.lab.until(() => this.check(live), "the cluster to be steady", deadlineMs)
  }
}

/** Worlds one after the other: the same as long as it can be made steady, otherwise a new one. */
export class Worlds {
  private readonly spec: WorldSpec
  private current: World | undefined
  private failures = 0

  constructor(spec: WorldSpec = {}) {
    this.spec = spec
  }

  /** A world that is steady. */
  async ready(): Promise<World> {
    const old = this.current
    if (old !== undefined) {
      try {
        await old.heal()
        await old.steady()
        return old
      } catch (error) {
        process.stdout.write(`a new world, the old one stays unsteady: ${String(error).split("\n")[0]}\n`)
        await this.dispose()
      }
    }
    if (this.failures >= FAILURES_MAX) throw new Error(`${FAILURES_MAX} worlds in a row did not become steady`)
    this.failures += 1
    const world = await World.create(this.spec)
    this.current = world
    await world.steady(HOSTS, 2 * STEADY_MS)
    this.failures = 0
    return world
  }

  async dispose(): Promise<void> {
    const old = this.current
    this.current = undefined
    await old?.dispose()
  }
}
