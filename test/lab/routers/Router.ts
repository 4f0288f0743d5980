// The five routers behind one interface, and the one normal form of what a router holds. Each daemon tells its state in
// its own words (JSON, text, events); the modules beside this one turn that into RouterSession and RouterRoute, so that a
// test reads the same whoever the peer is. What a daemon does not tell is absent, never made up.
//
// What they do not tell: BIRD 2.0 no path identifiers; BIRD and OpenBGPD show local preference 100 on eBGP routes (left out
// here for eBGP), OpenBGPD MED 0 where none was sent; ExaBGP only events, so its state is what its events add up to.
import type { Lab } from "../Lab.ts"
import type { Background } from "../process.ts"

export interface RouterNeighbor {
  readonly ip: string
  readonly asn: number
  /** Source address of the session. */
  readonly local?: string
  /** Wait for the neighbor to connect. Default true: the speaker under test connects. */
  readonly passive?: boolean
  readonly md5?: string
  /** GTSM (RFC 5082): how far away the neighbor is; excludes multihop. */
  readonly ttlSecurityHops?: number
  /** Default true for eBGP without GTSM. */
  readonly multihop?: boolean
  /** Where the neighbor listens; default 179. */
  readonly port?: number
  /** BIRD: what `configText` calls the protocol of this neighbor. */
  readonly protocol?: string
  /** Passes all learnt paths on to this neighbor, next hops unchanged. FRR and BIRD. */
  readonly passOn?: boolean
}

export interface RouterAnnouncement {
  readonly prefix: string
  readonly nextHop?: string
  readonly med?: number
  readonly communities?: ReadonlyArray<string>
  /** ExaBGP, with `sendPaths`: the path identifier, so that one prefix can be announced several times. */
  readonly pathId?: number
}

export interface RouterSpec {
  readonly host: string
  readonly asn: number
  readonly routerId: string
  readonly neighbors: ReadonlyArray<RouterNeighbor>
  /** Seconds; default 3, the least that RFC 4271 allows, so that faults show soon. Keepalives are a third of it. */
  readonly holdTime?: number
  /** Receive additional paths (RFC 7911), and send them to `passOn` neighbors. */
  readonly addPath?: boolean
  /** ExaBGP: send additional paths. */
  readonly sendPaths?: boolean
  /** ExaBGP: seconds that peers keep its routes when its session is gone (RFC 4724). */
  readonly gracefulRestartTime?: number
  /** GoBGP: keeps the routes of a neighbor that restarts (RFC 4724), over NOTIFICATIONs too (RFC 8538). FRR and BIRD do by default. */
  readonly gracefulRestart?: boolean
  /** Default both, on every session. */
  readonly families?: ReadonlyArray<"ipv4" | "ipv6">
  /** Puts learnt routes into the kernel, with ECMP. FRR and BIRD. */
  readonly installRoutes?: boolean
  /** Refuses these. BIRD. */
  readonly refusePrefixes?: ReadonlyArray<string>
  /** Refuses routes whose next hop is elsewhere. FRR and BIRD. */
  readonly acceptNextHops?: ReadonlyArray<string>
  /** BIRD, GoBGP and ExaBGP. */
  readonly announce?: ReadonlyArray<RouterAnnouncement>
  /** Default 179. FRR and BIRD. */
  readonly listenPort?: number
  /** The whole configuration, instead of one made from the fields above; `neighbors` still says whom to ask about. Not ExaBGP. */
  readonly configText?: string
}

export type SessionState = "Idle" | "Connect" | "Active" | "OpenSent" | "OpenConfirm" | "Established"

export interface RouterSession {
  readonly neighbor: string
  readonly state: SessionState
  readonly remoteAsn: number
  /** BIRD: epoch milliseconds of the last change to or from Established. */
  readonly sinceMs?: number
  /** Another number each time that it is Established anew. FRR and GoBGP. */
  readonly incarnation?: number
  /** As negotiated, seconds; only while Established. */
  readonly holdTime?: number
  /**
   * What the neighbor's OPEN offered, in one vocabulary: ipv4-unicast, ipv6-unicast, four-octet-as, route-refresh,
   * enhanced-route-refresh, graceful-restart, long-lived-graceful-restart, extended-message, extended-next-hop, add-path,
   * role, fqdn. Sorted; empty where the daemon does not tell or the session is not Established.
   */
  readonly capabilities: ReadonlyArray<string>
  /** Why the session went down last, in the daemon's words. */
  readonly lastError?: string
}

export interface RouterRoute {
  readonly prefix: string
  readonly nextHop: string
  readonly pathId?: number
  readonly asPath: ReadonlyArray<number>
  readonly origin?: "igp" | "egp" | "incomplete"
  readonly med?: number
  readonly localPref?: number
  readonly communities?: ReadonlyArray<string>
  readonly largeCommunities?: ReadonlyArray<string>
  readonly neighbor: string
}

export const HOLD_TIME = 3
export const MULTIHOP_TTL = 16

/** What each module supplies; `Router` adds the life cycle that is the same for all. */
export interface Make {
  readonly name: string
  /** Writes the configuration and starts the daemon; ends once it answers. */
  readonly start: (lab: Lab, spec: RouterSpec) => Promise<ReadonlyArray<Background>>
  readonly sessions: (lab: Lab, spec: RouterSpec) => Promise<ReadonlyArray<RouterSession>>
  readonly routes: (lab: Lab, spec: RouterSpec) => Promise<ReadonlyArray<RouterRoute>>
}

export class Router {
  readonly make: Make
  readonly spec: RouterSpec
  private readonly lab: Lab
  private processes: ReadonlyArray<Background> = []

  constructor(lab: Lab, make: Make, spec: RouterSpec) {
    this.lab = lab
    this.make = make
    this.spec = spec
  }

  get name(): string {
    return this.make.name
  }

  async start(): Promise<this> {
    this.processes = await this.make.start(this.lab, this.spec)
    return this
  }

  /** Ends the daemon in order: it says goodbye to its peers. */
  async stop(): Promise<void> {
    for (const one of [...this.processes].reverse()) await one.stop()
  }

  /** kill -9 for every process of the daemon at once. */
  async kill(): Promise<void> {
    await Promise.all(this.processes.map((one) => one.kill()))
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  /** Stops the daemon where it stands: its kernel still acknowledges, nothing answers. */
  freeze(): void {
    for (const one of this.processes) one.signal("SIGSTOP")
  }

  thaw(): void {
    for (const one of this.processes) one.signal("SIGCONT")
  }

  sessions(): Promise<ReadonlyArray<RouterSession>> {
    return this.make.sessions(this.lab, this.spec)
  }

  /** Received routes, sorted by prefix, neighbor and next hop. */
  async routes(): Promise<ReadonlyArray<RouterRoute>> {
    const key = (route: RouterRoute) => `${route.prefix} ${route.neighbor} ${route.nextHop} ${route.pathId ?? ""}`
    return [...(await this.make.routes(this.lab, this.spec))].sort((a, b) => key(a).localeCompare(key(b)))
  }

  log(): string {
    return this.processes.map((one) => one.log()).join("\n")
  }

  /** Waits until the session with `neighbor` is Established and gives it. */
  established(neighbor: string, deadlineMs = 15_000): Promise<RouterSession> {
    return this.lab.until(
      async () => (await this.sessions()).find((one) => one.neighbor === neighbor && one.state === "Established"),
      `${this.name} in ${this.spec.host}: Established with ${neighbor}`,
      deadlineMs
    )
  }

  /** Waits until the session with `neighbor` is not Established. */
  async down(neighbor: string, deadlineMs = 10_000): Promise<void> {
    await this.lab.until(
      async () => !(await this.sessions()).some((one) => one.neighbor === neighbor && one.state === "Established"),
      `${this.name} in ${this.spec.host}: not Established with ${neighbor}`,
      deadlineMs
    )
  }

  /** Waits until `count` paths to `prefix` are there and gives them. */
  routesTo(prefix: string, count = 1, deadlineMs = 10_000): Promise<ReadonlyArray<RouterRoute>> {
    return this.lab.until(
      async () => {
        const found = (await this.routes()).filter((route) => route.prefix === prefix)
        if (found.length !== count) throw new Error(`${found.length} paths: ${JSON.stringify(found)}`)
        return found
      },
      `${this.name} in ${this.spec.host}: ${count} paths to ${prefix}`,
      deadlineMs
    )
  }

  async noRouteTo(prefix: string, deadlineMs = 10_000): Promise<void> {
    await this.routesTo(prefix, 0, deadlineMs)
  }
}

/** Whether the daemon is to wait for this neighbor. */
export const isPassive = (neighbor: RouterNeighbor): boolean => neighbor.passive ?? true

export const wantsMultihop = (spec: RouterSpec, neighbor: RouterNeighbor): boolean =>
  neighbor.asn !== spec.asn && neighbor.ttlSecurityHops === undefined && (neighbor.multihop ?? true)

export const familiesOf = (spec: RouterSpec): ReadonlyArray<"ipv4" | "ipv6"> => spec.families ?? ["ipv4", "ipv6"]

export const familyOfText = (text: string): "ipv4" | "ipv6" => (text.includes(":") ? "ipv6" : "ipv4")

/** The numbers of an AS path in text; sets and confederations do not occur in the lab. */
export const asPathOf = (text: string): ReadonlyArray<number> => (text.match(/\d+/g) ?? []).map(Number)

export const originOf = (text: string | undefined): Pick<RouterRoute, "origin"> => {
  const word = text?.toLowerCase()
  return word === "igp" || word === "egp" || word === "incomplete" ? { origin: word } : {}
}

export const stateOf = (text: string): SessionState => {
  const words: ReadonlyArray<SessionState> = ["Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established"]
  return words.find((word) => word.toLowerCase() === text.toLowerCase().replace("_", "")) ?? "Idle"
}

/** `{[key]: value}` where there is a value, nothing otherwise: absent stays absent. */
export const told = <K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } =>
  value === undefined ? {} : ({ [key]: value } as { readonly [P in K]: V })

/** The same for lists, where empty means untold. */
export const toldList = <K extends string, V>(key: K, value: ReadonlyArray<V> | undefined) =>
  told(key, value === undefined || value.length === 0 ? undefined : value)

/** Waits until a daemon answers; ends at once, with its words, where it gives up. */
export const ready = async (lab: Lab, one: Background, answers: () => boolean | Promise<boolean>): Promise<void> => {
  const gaveUp = one.exited.then((code): never => {
    throw new Error(`${one.name} ended with ${code}: ${one.log().trim().split("\n").slice(-5).join(" / ")}`)
  })
  gaveUp.catch(() => undefined)
  await Promise.race([lab.until(answers, `${one.name} to answer`, 15_000), gaveUp])
}
