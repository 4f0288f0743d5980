// Everything that can be seen of a running node, as one JSON value. The daemon keeps it; the API, its resources, the
// metrics and the commands are functions of it, so that they work the same over a node in this process and one far away.
// Times are RFC 3339 text, durations seconds unless a name says otherwise. No secret is in here (I10).

export type SessionState = "Idle" | "Connect" | "Active" | "OpenSent" | "OpenConfirm" | "Established"

export interface AdvertisedRoute {
  /** Name of the thing announced (S23). */
  readonly name: string
  readonly prefix: string
  readonly nextHop: string
  readonly pathId?: number
  readonly med?: number
  readonly communities?: ReadonlyArray<string>
  readonly largeCommunities?: ReadonlyArray<string>
}

export interface MessageCounts {
  readonly open: number
  readonly update: number
  readonly notification: number
  readonly keepalive: number
  readonly routeRefresh: number
}

/** What the wire showed when a session, or the try to have one, came to its end. */
export interface SessionFailure {
  /**
   * `timeout`: no answer at all. `refused`: nobody listens. `unreachable`: the network says that there is no way. `reset`, `closed`: the
   * peer ended the connection without a word. `sent`, `received`: a NOTIFICATION says why. `local`: this node's own doing.
   */
  readonly type: "timeout" | "refused" | "unreachable" | "reset" | "closed" | "sent" | "received" | "local"
  /** The state that it failed in. */
  readonly in: SessionState
  /** RFC 3339. */
  readonly at: string
  readonly text: string
  /** For `sent` and `received` (RFC 4271 4.5); `data` is hexadecimal. */
  readonly notification?: { readonly code: number; readonly subcode: number; readonly data?: string }
}

export interface SessionStatus {
  readonly name: string
  readonly purpose: "control-plane" | "service"
  readonly localAsn: number
  readonly peerAsn: number
  readonly localAddress: string
  readonly peerAddress: string
  readonly peerPort: number
  readonly state: SessionState
  /** When the state was entered. */
  readonly since: string
  /** When the session was last looked at: S22's LAST REPORT. */
  readonly lastReport: string
  /** Why it is not Established, in words that an operator can act on; absent when it is. */
  readonly reason?: string
  /** When an UPDATE was sent last (RFC 3339). */
  readonly lastUpdateSent?: string
  /** How the last try to have the session, or the session itself, came to its end; absent while it is Established. */
  readonly lastFailure?: SessionFailure
  /** How often a try to have the session, or the session itself, came to its end since it was planned, by how. */
  readonly failures?: Readonly<Partial<Record<SessionFailure["type"], number>>>
  /** What the peer's last OPEN said, also where it was refused. */
  readonly lastOpen?: {
    readonly at: string
    readonly asn: number
    /** Seconds. */
    readonly holdTime: number
    readonly routerId: string
    readonly capabilities: ReadonlyArray<string>
  }
  /** Times that it left Established. */
  readonly flaps: number
  /** Present once both OPENs were exchanged. */
  readonly negotiated?: {
    readonly holdTime: number
    readonly keepaliveTime: number
    readonly peerRouterId: string
    readonly families: ReadonlyArray<string>
    /** Names of the capabilities that both ends have. */
    readonly capabilities: ReadonlyArray<string>
    /** Capabilities in the peer's OPEN. */
    readonly peerCapabilities: ReadonlyArray<string>
    readonly addPathSend: ReadonlyArray<string>
    /** As the peer offers it, where both ends do (RFC 4724). */
    readonly gracefulRestart?: {
      /** Seconds that the peer says its own restart may take. */
      readonly restartTime: number
      /** The peer has just restarted. */
      readonly restarting: boolean
      /** Routes outlive NOTIFICATIONs, too (RFC 8538). */
      readonly notification: boolean
      readonly families: ReadonlyArray<string>
    }
  }
  readonly advertised: ReadonlyArray<AdvertisedRoute>
  /** Wanted, and this session cannot carry it (I9). */
  readonly withheld?: ReadonlyArray<{ readonly prefix: string; readonly reason: string }>
  /** What an operator should know about the whole session, such as that the peer takes one path per prefix only. */
  readonly notes?: ReadonlyArray<string>
  readonly received: {
    /** Paths that the peer announces now. They are counted and dropped (D11). */
    readonly routes: number
    /** The peer announces more than are counted. */
    readonly more?: true
    readonly sample: ReadonlyArray<{ readonly prefix: string; readonly nextHop: string }>
  }
  readonly sent: MessageCounts
  readonly got: MessageCounts
  readonly lastNotification?: {
    readonly direction: "sent" | "received"
    readonly at: string
    readonly text: string
    /** RFC 4271 4.5; `data` is hexadecimal. */
    readonly code?: number
    readonly subcode?: number
    readonly data?: string
  }
  /** The MD5 key's file, never the key. */
  readonly passwordFile?: string
  readonly ttlSecurity?: number
}

/** How this node stands to an address that moves (D6); `other`: another node has it or shall have it. */
export type FloatingIpState =
  | "other"
  | "unassigned"
  | "claiming"
  | "probing"
  | "conflict"
  | "held"
  | "holdover"
  | "releasing"

export interface FloatingIpStatus {
  readonly address: string
  readonly purpose: "floating-ip" | "control-plane-vip" | "service-vip"
  /** What it is called by people: the floating IP's group, the VIP's service. */
  readonly of: string
  readonly state: FloatingIpState
  /** When this node came to stand so. */
  readonly since: string
  /** Who holds it by the store's word. */
  readonly node?: string
  readonly interface?: string
  /** Grows each time that the address changes hands. */
  readonly generation?: number
  readonly reason: string
  /** Why each node does or does not come into question. */
  readonly judgements: ReadonlyArray<{ readonly node: string; readonly ok: boolean; readonly reason: string }>
}

export interface ServiceStatus {
  readonly namespace: string
  readonly name: string
  readonly addresses: ReadonlyArray<string>
  readonly pools: ReadonlyArray<string>
  readonly externalTrafficPolicy: "Cluster" | "Local"
  readonly nextHops: ReadonlyArray<{ readonly address: string; readonly node: string; readonly nextHop: string }>
  readonly left: ReadonlyArray<{ readonly address: string; readonly node: string; readonly reason: string }>
  readonly reason?: string
}

export interface MemberStatus {
  readonly name: string
  readonly address: string
  readonly version: string
  readonly configHash: string
  readonly startedAt: string
  readonly nextHops: { readonly ipv4?: string; readonly ipv6?: string }
  readonly leaving: boolean
  readonly drained: boolean
  /** How it does, in its own words; absent: it has not said yet. */
  readonly report?: {
    readonly ready: boolean
    readonly summary: string
    readonly sessions: { readonly established: number; readonly expected: number }
    /** What it holds of the addresses that move. */
    readonly held: ReadonlyArray<string>
  }
}

export interface StoreStatus {
  readonly kind: "etcd" | "embedded" | "memory"
  readonly name: string
  readonly state: "connected" | "lost"
  readonly since: string
  /** Why it is lost. */
  readonly reason?: string
  readonly lease: {
    /** Seconds. */
    readonly seconds: number
    readonly state: "none" | "held" | "expired"
  }
}

/** A pool of addresses and how much of it is used (S14). */
export interface PoolStatus {
  readonly name: string
  /** As the config has them: prefixes and ranges. */
  readonly addresses: ReadonlyArray<string>
  /** How many addresses may be given out, as text: an IPv6 pool has more than a number can hold. */
  readonly total: string
  readonly used: number
  /** Given back a moment ago and for nobody yet. */
  readonly resting: number
  readonly manualAssign: boolean
}

/** Something that happened, as people read it; equal ones are counted and not repeated. */
export interface EventRecord {
  readonly uid: string
  readonly type: "Normal" | "Warning"
  /** CamelCase, one of a documented list: `SessionEstablished`, `AddressMoved`. */
  readonly reason: string
  readonly message: string
  /** What it is about, by kind and name. */
  readonly about: {
    readonly apiVersion: string
    readonly kind: string
    readonly namespace: string
    readonly name: string
  }
  readonly count: number
  /** RFC 3339. */
  readonly firstAt: string
  readonly lastAt: string
}

/** What another node of the cluster says of itself, through the store. */
export interface RemoteNodeStatus {
  readonly node: string
  /** When it said so (RFC 3339). */
  readonly reportedAt: string
  readonly sessions: ReadonlyArray<
    Pick<
      SessionStatus,
      | "name"
      | "purpose"
      | "localAsn"
      | "peerAsn"
      | "localAddress"
      | "peerAddress"
      | "peerPort"
      | "state"
      | "since"
      | "reason"
      | "flaps"
      | "lastFailure"
      | "lastOpen"
      | "passwordFile"
      | "ttlSecurity"
    > & { readonly advertised: number; readonly received: number }
  >
  /** What it announces; not more than a few hundred, see `routesMore`. */
  readonly routes: ReadonlyArray<{
    readonly name: string
    readonly prefix: string
    readonly nextHops: ReadonlyArray<string>
    /** Names of the sessions that carry it. */
    readonly sessions: ReadonlyArray<string>
  }>
  /** How many more prefixes it announces. */
  readonly routesMore: number
  /** Addresses that fall to it and that somebody else has, with what it knows of them. */
  readonly conflicts?: ReadonlyArray<{ readonly address: string; readonly reason: string }>
}

/** What the daemon counted and timed since it started, by the name of the metric. */
export interface Measures {
  readonly values: ReadonlyArray<{
    readonly name: string
    readonly labels: Readonly<Record<string, string>>
    readonly value: number
  }>
  readonly timings: ReadonlyArray<{
    readonly name: string
    readonly labels: Readonly<Record<string, string>>
    readonly count: number
    /** Seconds. */
    readonly sum: number
    /** How many took at most so many seconds. */
    readonly buckets: ReadonlyArray<readonly [upTo: number, count: number]>
  }>
}

export interface NodeStatus {
  readonly node: string
  /** The node's address in the config; absent: it has no config. */
  readonly address?: string
  readonly cluster: string
  readonly version: string
  readonly startedAt: string
  readonly config: {
    readonly source: string
    readonly loadedAt: string
    /** Hash of the canonical form. */
    readonly hash: string
    /**
     * What is in force and wins (S20, S21): this node's file, the revision in the store, or, in recovery mode (`--config-local`), the file
     * whatever the store says.
     */
    readonly mode: "file" | "store" | "local"
    /** The revision that this node runs; 0 in recovery mode. */
    readonly revision: number
    /** It is taken back at that time (RFC 3339) unless it is confirmed. */
    readonly unconfirmed?: { readonly until: string; readonly rollbackTo: number }
    /** What an operator should know, such as that this node's file says something else than the store. */
    readonly note?: string
    /** The config that was given to the cluster last, where it has a store. */
    readonly cluster?: {
      readonly revision: number
      readonly hash: string
      readonly node: string
      /** RFC 3339. */
      readonly at: string
    }
    /** Present where the last reload was refused; what was there before goes on (I5). */
    readonly lastError?: string
  }
  readonly sessions: ReadonlyArray<SessionStatus>
  readonly addresses: ReadonlyArray<{
    readonly address: string
    readonly interface: string
    readonly state: "present" | "absent" | "failed"
    readonly reason: string
  }>
  readonly refusals: ReadonlyArray<{ readonly subject: string; readonly reason: string }>
  /** Addresses that one node at a time holds: floating IPs, and in layer 2 mode the VIPs. */
  readonly floatingIps: ReadonlyArray<FloatingIpStatus>
  readonly services: ReadonlyArray<ServiceStatus>
  readonly pools: ReadonlyArray<PoolStatus>
  /** Oldest first, bounded. */
  readonly events: ReadonlyArray<EventRecord>
  /** The other nodes, in their own words. */
  readonly elsewhere: ReadonlyArray<RemoteNodeStatus>
  /** Nodes whose daemons are alive, this one included. */
  readonly members: ReadonlyArray<MemberStatus>
  /** Absent where nothing in the config needs one. */
  readonly store?: StoreStatus
  readonly measures?: Measures
  /** Said by a console of a node that it cannot ask: everything else is what the node said last. */
  readonly unreachable?: { readonly since: string; readonly why: string }
  readonly process: { readonly residentBytes: number; readonly cpuSeconds: number }
}
