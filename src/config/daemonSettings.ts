// How the daemon itself runs, as `viaduct.dev/v1 DaemonConfig` has it (D4, D6b): where the cluster's state is kept, how long a
// lease lasts, what happens when the store is lost. Read once at start. It is no part of the cluster's hash: see the document.
import type { DaemonConfigDocument } from "./documents/daemonConfig.ts"

export interface EtcdSettings {
  /** URLs, http or https; any of them may answer. */
  readonly endpoints: ReadonlyArray<string>
  /** PEM files. */
  readonly caFile?: string
  readonly certFile?: string
  readonly keyFile?: string
  readonly username?: string
  /** File whose first line is the password. */
  readonly passwordFile?: string
}

export interface AdminSettings {
  /** Where the admin API is served under TLS; "none" for nowhere. */
  readonly listen?: string
  /** PEM files; the daemon makes its own certificate where they are absent. */
  readonly certFile?: string
  readonly keyFile?: string
  /** Clients may show a certificate of these CAs instead of a token. */
  readonly clientCaFile?: string
  readonly tokensFile?: string
  /** Names and addresses under which the node is reached beside its own. */
  readonly allowedHosts?: ReadonlyArray<string>
}

export interface DaemonSettings {
  readonly admin?: AdminSettings
  /** Absent: the embedded store of this one node. */
  readonly etcd?: EtcdSettings
  /** 2 to 60. Short: a dead node is replaced soon; long: a slow store or a busy node loses nothing. */
  readonly leaseSeconds: number
  /** Whether a node that cannot reach the store keeps the addresses that it holds (D6b). */
  readonly onStoreLoss: "hold" | "release"
  /** How long an address that a service gave back rests. */
  readonly addressRestSeconds: number
}

export const defaultDaemonSettings: DaemonSettings = { leaseSeconds: 3, onStoreLoss: "hold", addressRestSeconds: 60 }

/** The settings of `document`, or the defaults where there is none. */
export const daemonSettings = (document?: DaemonConfigDocument): DaemonSettings =>
  document === undefined ? defaultDaemonSettings : { ...defaultDaemonSettings, ...document.spec }
