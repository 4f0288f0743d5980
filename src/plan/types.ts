// What one node shall hold, as a value: sessions, routes, addresses, each with the reason why, and what it shall not hold
// with the reason why not (invariants I7, I9). The planners make it, the supervisor carries it out, `viaduct plan` prints it.
import type { Assignment, ClaimPurpose } from "../election/types.ts"
import type { Address, Family, Prefix } from "../net/ip.ts"
import type { ClusterView } from "./view.ts"

/** What the planner knows about the node it plans for. */
export interface NodeView {
  /** As sessions and people call it: S22's node name. */
  readonly name: string
  /** Every address of the node, those of its own VIPs left out. */
  readonly addresses: ReadonlyArray<LocalAddress>
  /** Absent: nothing can be decided that takes several nodes. */
  readonly cluster?: ClusterStanding
  /** Why `cluster` is absent. */
  readonly withoutCluster?: string
}

/** The cluster as the store shows it, and where this node stands in it. */
export interface ClusterStanding {
  readonly view: ClusterView
  /** Floating IPs and VIPs that this node holds at this moment, fenced and on its interface (I2). */
  readonly held: ReadonlyArray<Address>
  /** Names by key of the sessions that run: a session keeps its name while it lives. */
  readonly sessionNames: ReadonlyMap<string, string>
  /** Nodes of the file that have not shown up yet are waited for: the node has just started. */
  readonly settling: boolean
}

export interface LocalAddress {
  readonly address: Address
  readonly prefixLength: number
  readonly interface: string
}

/** Everything about a session that, when it changes, makes it another session (I5), and nothing else. */
export interface SessionParameters {
  readonly localAddress: Address
  readonly peerAddress: Address
  readonly peerPort: number
  readonly localAsn: number
  readonly peerAsn: number
  /** BGP Identifier, an IPv4 address. */
  readonly routerId: Address
  /** Seconds. */
  readonly holdTime: number
  /** Seconds. */
  readonly keepaliveTime: number
  /** Seconds. */
  readonly connectRetryTime: number
  readonly passive: boolean
  /** GTSM (RFC 5082): packets from further away than this many hops are refused, and ours leave with TTL 255. */
  readonly ttlSecurity?: number
  readonly passwordFile?: string
  /** The port to dial from (D7); absent: any. */
  readonly sourcePort?: number
  /** Absent: graceful restart is not offered (RFC 4724). */
  readonly gracefulRestart?: {
    /** Seconds. */
    readonly restartTime: number
    /** Routes outlive NOTIFICATIONs and the hold timer, too (RFC 8538): only where next hops are not the speaker. */
    readonly notification: boolean
  }
  /** Offers to send several paths for a prefix (RFC 7911). */
  readonly addPaths?: true
  readonly families: ReadonlyArray<Family>
}

export interface PlannedSession {
  /** Names the session across plans: two plans with the same key mean the same session, perhaps with other parameters. */
  readonly key: string
  /** `<peerIP>-<nodeName>` (S22); where a node has several sessions to one peer, the later ones end in `-<localIP>`. */
  readonly name: string
  readonly purpose: "control-plane" | "service"
  readonly parameters: SessionParameters
  readonly routes: ReadonlyArray<PlannedRoute>
  /**
   * Path identifiers that a speaker of this session may have announced before, on another node: a peer that kept the routes
   * (RFC 4724) is told which of them are no more.
   */
  readonly formerIds?: ReadonlyArray<number>
  readonly reason: string
}

/** A path that a session shall announce. */
export interface PlannedRoute {
  /** Name of the thing announced: `control-plane` or `<namespace>-<service>` (S23). */
  readonly name: string
  readonly prefix: Prefix
  readonly nextHop: Address
  readonly pathId?: number
  /**
   * Of several paths to the prefix the one for a peer that takes only one (D9). True or absent: it may be sent without
   * ADD-PATH.
   */
  readonly single?: boolean
  readonly med?: number
  readonly communities?: ReadonlyArray<string>
  readonly largeCommunities?: ReadonlyArray<string>
  readonly reason: string
}

/** An address that the node itself shall have while its routes are announced. */
export interface PlannedAddress {
  readonly address: Address
  readonly prefixLength: number
  readonly interface: string
  readonly reason: string
}

/** Something that a reader might expect and that is not done. */
export interface Refusal {
  readonly subject: string
  readonly reason: string
}

/** An address that this node shall try to hold: the elector claims, probes, fences and announces it. */
export interface PlannedClaim {
  readonly address: Address
  readonly prefixLength: number
  readonly interface: string
  readonly purpose: ClaimPurpose
  readonly reason: string
}

/** What becomes of a service in the cluster, as this node sees it. */
export interface PlannedService {
  readonly namespace: string
  readonly name: string
  readonly addresses: ReadonlyArray<Address>
  /** Names of the pools. */
  readonly pools: ReadonlyArray<string>
  readonly externalTrafficPolicy: "Cluster" | "Local"
  /** By address of the service: who receives its traffic. */
  readonly nextHops: ReadonlyArray<{ readonly address: Address; readonly node: string; readonly nextHop: Address }>
  /** LB nodes that do not, and why. */
  readonly left: ReadonlyArray<{ readonly address: Address; readonly node: string; readonly reason: string }>
  /** Why it has no address, or is not announced; absent where all is well. */
  readonly reason?: string
}

export interface NodePlan {
  readonly node: string
  readonly sessions: ReadonlyArray<PlannedSession>
  readonly addresses: ReadonlyArray<PlannedAddress>
  /** The node's own addresses: a route with one of them as next hop leads here. Absent: every route does. */
  readonly nextHopsHere?: ReadonlyArray<Address>
  /** What this node shall hold of the addresses that move. */
  readonly claims: ReadonlyArray<PlannedClaim>
  /** Who shall hold each address that moves, in the whole cluster. */
  readonly assignments: ReadonlyArray<Assignment>
  readonly services: ReadonlyArray<PlannedService>
  readonly refusals: ReadonlyArray<Refusal>
}
