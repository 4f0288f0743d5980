// The shapes of a cluster as the pages show it; fleet.ts makes them out of statuses.
import type {
  EventRecord,
  FloatingIpStatus,
  NodeStatus,
  PoolStatus,
  ServiceStatus,
  SessionState,
  SessionStatus,
  StoreStatus
} from "../../../resources/nodeStatus.ts"

/** How a session is drawn: `trying` has not failed yet. */
export type LinkHealth = "up" | "trying" | "down"

export interface FleetSession {
  /** The same wherever the session's local address moves to. */
  readonly key: string
  readonly node: string
  readonly name: string
  readonly purpose: "control-plane" | "service"
  readonly state: SessionState
  readonly health: LinkHealth
  readonly since: string
  readonly reason?: string
  readonly localAddress: string
  readonly localAsn: number
  readonly peerAddress: string
  readonly peerPort: number
  readonly peerAsn: number
  readonly flaps: number
  /** Prefixes announced, paths received. */
  readonly advertised: number
  readonly received: number
  /** Absent for a session that is known through another node only. */
  readonly detail?: SessionStatus
  /** Present where another node told of it: when (RFC 3339). */
  readonly reportedAt?: string
  /** What the wire showed, where it is known. */
  readonly lastFailure?: SessionStatus["lastFailure"]
  readonly lastOpen?: SessionStatus["lastOpen"]
}

/** `silent`: expected and not alive. */
export type NodeHealth = "ready" | "not-ready" | "leaving" | "silent" | "unknown"

export interface FleetNode {
  readonly name: string
  readonly address?: string
  readonly health: NodeHealth
  readonly drained: boolean
  readonly summary: string
  readonly version?: string
  readonly configHash?: string
  readonly startedAt?: string
  readonly sessions: ReadonlyArray<FleetSession>
  /** Addresses that move and are here, in a fixed order. */
  readonly held: ReadonlyArray<FleetAddress>
  readonly status?: NodeStatus
}

/** An address that one node at a time holds. */
export interface FleetAddress extends FloatingIpStatus {
  /** `held`: by `node`, whoever says so. */
  readonly health: "held" | "moving" | "conflict" | "nobody"
}

export interface FleetRouter {
  readonly address: string
  readonly asn: number
  readonly sessions: ReadonlyArray<FleetSession>
  readonly up: number
}

/** A prefix that is announced, and by which sessions. */
export interface Announced {
  readonly prefix: string
  readonly name: string
  readonly nextHops: ReadonlyArray<string>
  /** Keys of `FleetSession.name`, each with its node. */
  readonly sessions: ReadonlyArray<{ readonly name: string; readonly node: string }>
}

export interface FleetEvent extends EventRecord {
  readonly node: string
}

export interface Fleet {
  readonly cluster: string
  /** Of the nodes that were asked themselves. */
  readonly statuses: ReadonlyArray<NodeStatus>
  readonly nodes: ReadonlyArray<FleetNode>
  readonly routers: ReadonlyArray<FleetRouter>
  readonly sessions: ReadonlyArray<FleetSession>
  readonly addresses: ReadonlyArray<FleetAddress>
  readonly services: ReadonlyArray<ServiceStatus>
  readonly pools: ReadonlyArray<PoolStatus>
  readonly announced: ReadonlyArray<Announced>
  /** Prefixes that other nodes announce beyond those that are told one by one. */
  readonly announcedMore: number
  /** Not everything that is announced is known here: a node has not told yet, or told of a part. */
  readonly partial: boolean
  /** Nodes that a console cannot ask, and why. */
  readonly unreachable: ReadonlyArray<Unreachable>
  /** No node of the cluster can be asked: everything is what they said last. */
  readonly stale: boolean
  /** Newest first. */
  readonly events: ReadonlyArray<FleetEvent>
  readonly store?: StoreStatus
}

export interface Unreachable {
  readonly node: string
  /** RFC 3339. */
  readonly since: string
  readonly why: string
}
