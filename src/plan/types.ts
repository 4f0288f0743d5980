// What one node shall hold, as a value: sessions, routes, addresses, each with the reason why, and what it shall not hold
// with the reason why not (invariants I7, I9). The planners make it, the supervisor carries it out, `viaduct plan` prints it.
import type { Address, Family, Prefix } from "../net/ip.ts"

/** What the planner knows about the node it plans for. */
export interface NodeView {
  /** As sessions and people call it: S22's node name. */
  readonly name: string
  /** Every address of the node, those of its own VIPs left out. */
  readonly addresses: ReadonlyArray<LocalAddress>
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
  readonly families: ReadonlyArray<Family>
}

export interface PlannedSession {
  /** Names the session across plans: two plans with the same key mean the same session, perhaps with other parameters. */
  readonly key: string
  /** `<peerIP>-<nodeName>` (S22). */
  readonly name: string
  readonly purpose: "control-plane" | "service"
  readonly parameters: SessionParameters
  readonly routes: ReadonlyArray<PlannedRoute>
  readonly reason: string
}

/** A path that a session shall announce. */
export interface PlannedRoute {
  /** Name of the thing announced: `control-plane`, later `<namespace>-<service>` (S23). */
  readonly name: string
  readonly prefix: Prefix
  readonly nextHop: Address
  readonly pathId?: number
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

export interface NodePlan {
  readonly node: string
  readonly sessions: ReadonlyArray<PlannedSession>
  readonly addresses: ReadonlyArray<PlannedAddress>
  readonly refusals: ReadonlyArray<Refusal>
}
