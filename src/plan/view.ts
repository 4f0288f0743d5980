// The cluster as the store shows it: who is there, who holds what, which service has which address. The second input of the
// planner beside the documents. What a node knows about another comes from that node's own record. D4.
import type { Claim, SubnetAddress } from "../election/types.ts"
import type { Binding, RestingAddress } from "../ipam/types.ts"
import type { Address } from "../net/ip.ts"

/** A node whose daemon is alive: its record stands under its lease. */
export interface Member {
  /** As sessions and people call it; unique. */
  readonly name: string
  /** The address that the cluster file knows it by. */
  readonly address: Address
  readonly addresses: ReadonlyArray<SubnetAddress>
  /** MAC address by interface: tells a probe of a member from one of a stranger. */
  readonly macs: Readonly<Record<string, string>>
  /** Where traffic for services is sent to; a family that the node lacks is absent. */
  readonly nextHops: { readonly ipv4?: Address; readonly ipv6?: Address }
  readonly version: string
  /** Of the config that it runs. */
  readonly configHash: string
  /** RFC 3339. */
  readonly startedAt: string
  /** On its way out: no next hop and no floating IP any more (a stop under way). */
  readonly leaving?: boolean
}

/** A BGP session of a node in short, for the other nodes to show (NodeSummary). */
export interface SessionSummary {
  readonly name: string
  readonly purpose: "control-plane" | "service"
  readonly localAsn: number
  readonly peerAsn: number
  readonly localAddress: string
  readonly peerAddress: string
  readonly peerPort: number
  readonly state: "Idle" | "Connect" | "Active" | "OpenSent" | "OpenConfirm" | "Established"
  /** RFC 3339. */
  readonly since: string
  readonly reason?: string
  readonly flaps: number
  /** As in a node's status (resources/nodeStatus.ts): what explains why it is down. */
  readonly lastFailure?: {
    readonly type: "timeout" | "refused" | "unreachable" | "reset" | "closed" | "sent" | "received" | "local"
    readonly in: SessionSummary["state"]
    readonly at: string
    readonly text: string
    readonly notification?: { readonly code: number; readonly subcode: number; readonly data?: string }
  }
  readonly lastOpen?: {
    readonly at: string
    readonly asn: number
    readonly holdTime: number
    readonly routerId: string
    readonly capabilities: ReadonlyArray<string>
  }
  readonly passwordFile?: string
  readonly ttlSecurity?: number
  /** Paths. */
  readonly advertised: number
  readonly received: number
}

/** Prefixes that a node announces alike: with thousands of services there are few groups. */
export interface RouteGroup {
  readonly nextHops: ReadonlyArray<string>
  /** Places in the list of sessions. */
  readonly sessions: ReadonlyArray<number>
  /** Name and prefix. */
  readonly routes: ReadonlyArray<readonly [string, string]>
}

/** How a node does, in its own words; under its lease. */
export interface NodeSummary {
  readonly node: string
  readonly ready: boolean
  /** One line: what is up, or what is missing. */
  readonly summary: string
  readonly sessions: { readonly established: number; readonly expected: number }
  /** What it holds of the addresses that move. */
  readonly held: ReadonlyArray<Address>
  /** RFC 3339. This and `bgp` are absent in what an older daemon says. */
  readonly reportedAt?: string
  readonly bgp?: {
    readonly sessions: ReadonlyArray<SessionSummary>
    /** A bounded part of what it announces. */
    readonly routes: ReadonlyArray<RouteGroup>
    /** How many more prefixes it announces. */
    readonly more: number
    /** Addresses that fall to it and that somebody else has. */
    readonly conflicts?: ReadonlyArray<{ readonly address: string; readonly reason: string }>
  }
}

/** The config that is in force in the cluster: which revision, and how it came to be. */
export interface ConfigRevision {
  readonly revision: number
  readonly hash: string
  /** Where it was given. */
  readonly node: string
  /** RFC 3339. */
  readonly at: string
  /** Who gave it; absent, as the next one, where an older version wrote it. */
  readonly by?: string
  readonly origin?: "file" | "api" | "apply" | "rollback" | "unconfirmed"
  readonly message?: string
  readonly summary?: string
  /** It is taken back at that time (RFC 3339) unless it is confirmed. */
  readonly unconfirmed?: { readonly until: string; readonly rollbackTo: number }
}

export interface ClusterView {
  readonly members: ReadonlyArray<Member>
  readonly claims: ReadonlyArray<Claim>
  readonly bindings: ReadonlyArray<Binding>
  readonly resting: ReadonlyArray<RestingAddress>
  /** Names of nodes that an operator has drained. */
  readonly drained: ReadonlyArray<string>
  /** Absent: nobody has said yet. */
  readonly summaries?: ReadonlyArray<NodeSummary>
  readonly config?: ConfigRevision
}

export const emptyView: ClusterView = { members: [], claims: [], bindings: [], resting: [], drained: [] }
