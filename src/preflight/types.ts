// What a preflight consists of: checks, each with what has to be over or to have gone well before it, and what they found. Plain values:
// the plan is made from the cluster's documents and the nodes' facts, carried out somewhere else, and judged here again.
import type { Address, Family } from "../net/ip.ts"
import type { PlannedRoute } from "../plan/types.ts"
import type { SessionTest } from "./protocol.ts"

/** What `--skip` knows. */
export const CHECK_KINDS = [
  "node",
  "clock",
  "subnet",
  "duplicate",
  "etcd",
  "conflict",
  "free",
  "mtu",
  "session",
  "address",
  "delivery"
] as const
export type CheckKind = (typeof CHECK_KINDS)[number]

/** `failed`: the cluster will not work like this. `warning`: it will, and not as well as it could. */
export type Severity = "ok" | "skipped" | "warning" | "failed"

export interface Finding {
  readonly severity: Severity
  /** A sentence. */
  readonly text: string
  /** What to look at or do. */
  readonly hints: ReadonlyArray<string>
}

/** What a check does; the nodes are by the names of the file. */
export type Task =
  /** Judged from the facts alone. */
  | { readonly type: "judged"; readonly findings: ReadonlyArray<Finding> }
  | { readonly type: "etcd"; readonly target: Address; readonly port: number }
  | { readonly type: "conflict"; readonly interface: string; readonly addresses: ReadonlyArray<Address> }
  /** Nobody answers at the address yet, seen from every node of `from`. */
  | { readonly type: "free"; readonly address: Address; readonly from: ReadonlyArray<Prober> }
  | { readonly type: "mtu"; readonly source: Address; readonly target: Address; readonly octetsMax: number }
  | { readonly type: "session"; readonly session: SessionTest; readonly expects: SessionExpectation }
  /** A floating IP on the node, for as long as sessions from it are tested. */
  | { readonly type: "address"; readonly address: Address; readonly prefixLength: number; readonly interface: string }
  | DeliveryTask
  | ReachTask

/** Where a probe comes from. */
export interface Prober {
  readonly node: string
  readonly source: Address
}

export interface SessionExpectation {
  readonly purpose: "control-plane" | "service"
  /** Families of what will be announced over it. */
  readonly needed: ReadonlyArray<Family>
  readonly asn: number
}

/** Traffic for an address that a session announces reaches the node that is its next hop. */
export interface DeliveryTask {
  readonly type: "delivery"
  /** The check whose session announces. */
  readonly over: string
  readonly routes: ReadonlyArray<PlannedRoute>
  /** Who shall get the traffic: the address is put there and answers there. */
  readonly at: {
    readonly node: string
    readonly address: Address
    readonly prefixLength: number
    readonly interface: string
  }
  readonly from: ReadonlyArray<Prober>
}

/** Where traffic for an address ends up that several nodes announce already; nothing is announced for it. */
export interface ReachTask {
  readonly type: "reach"
  readonly address: Address
  /** Names of the nodes that have it. */
  readonly at: ReadonlyArray<string>
  readonly from: ReadonlyArray<Prober>
}

export interface Check {
  /** Unique: "session cp1 10.8.0.10". */
  readonly id: string
  readonly kind: CheckKind
  /** Absent: it is about the cluster. */
  readonly node?: string
  readonly peer?: Address
  /** For people, beside node and peer: "10.0.0.8", "10.0.1.100". */
  readonly subject: string
  /** Checks that have to be over before, however they went. */
  readonly after: ReadonlyArray<string>
  /** Checks without whose success this one is skipped. */
  readonly needs: ReadonlyArray<string>
  /** Things that only one check at a time may use: an address that is announced. */
  readonly locks: ReadonlyArray<string>
  readonly task: Task
}

/** A check that is over. */
export interface Outcome {
  readonly check: Check
  readonly findings: ReadonlyArray<Finding>
  readonly tookMs: number
}

const ORDER: ReadonlyArray<Severity> = ["ok", "skipped", "warning", "failed"]

/** The gravest of them; ok where there is none. */
export const severityOf = (findings: ReadonlyArray<Finding>): Severity =>
  findings.reduce<Severity>(
    (worst, { severity }) => (ORDER.indexOf(severity) > ORDER.indexOf(worst) ? severity : worst),
    "ok"
  )

export const ok = (text: string): Finding => ({ severity: "ok", text, hints: [] })
export const skipped = (text: string): Finding => ({ severity: "skipped", text, hints: [] })
export const warning = (text: string, ...hints: ReadonlyArray<string>): Finding => ({
  severity: "warning",
  text,
  hints
})
export const failed = (text: string, ...hints: ReadonlyArray<string>): Finding => ({ severity: "failed", text, hints })
