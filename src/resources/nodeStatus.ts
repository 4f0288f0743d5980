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
  }
  readonly advertised: ReadonlyArray<AdvertisedRoute>
  /** Wanted, and this session cannot carry it (I9). */
  readonly withheld?: ReadonlyArray<{ readonly prefix: string; readonly reason: string }>
  readonly received: {
    /** Paths that the peer announces now. They are counted and dropped (D11). */
    readonly routes: number
    /** The peer announces more than are counted. */
    readonly more?: true
    readonly sample: ReadonlyArray<{ readonly prefix: string; readonly nextHop: string }>
  }
  readonly sent: MessageCounts
  readonly got: MessageCounts
  readonly lastNotification?: { readonly direction: "sent" | "received"; readonly at: string; readonly text: string }
  /** The MD5 key's file, never the key. */
  readonly passwordFile?: string
  readonly ttlSecurity?: number
}

export interface NodeStatus {
  readonly node: string
  readonly cluster: string
  readonly version: string
  readonly startedAt: string
  readonly config: {
    readonly source: string
    readonly loadedAt: string
    /** Hash of the canonical form. */
    readonly hash: string
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
  readonly process: { readonly residentBytes: number; readonly cpuSeconds: number }
}
