// What a change of the config does to the whole cluster, before it is made: a line for each thing that changes on a node, with its
// verdict, and what an operator has to insist on (I5, I9, S20). The planners of two configs are compared over one view.

/** From harmless to harmful; `no effect` stands for a document that changes and moves nothing. */
export const VERDICTS = [
  "no effect",
  "new announcement",
  "address added",
  "session added",
  /** The session stays, routes go out with other attributes or next hops. */
  "session soft",
  "withdraw",
  /** Ends and starts again: `parameters` has what forces it. */
  "session reset",
  "session removed",
  "address removed",
  /** A floating IP, a VIP or a service's address: to another node, or another address altogether. */
  "address moved"
] as const

export type Verdict = (typeof VERDICTS)[number]

export interface ChangeLine {
  readonly verdict: Verdict
  /** Absent: the change is the cluster's, such as a service that gets another address. */
  readonly node?: string
  /** `session 10.0.1.254-cp1`, `address 10.0.0.8`, `service default/web`, `BGPPeer tor-a`. */
  readonly subject: string
  /** For people: from what to what, and why. */
  readonly detail: string
  /** For `session reset`: names of the session's parameters that differ. */
  readonly parameters?: ReadonlyArray<string>
}

/** Something that is only done when the operator insists (`--force`). */
export interface Guard {
  readonly type: "last-session" | "last-control-plane-path" | "service-address"
  /** `node cp1`, `service default/web`. */
  readonly subject: string
  /** What would be lost, and how to do it without losing it. */
  readonly reason: string
  /** It would be back in a while: a change in steps may get by without the loss, and each step is looked at by itself. */
  readonly pause?: true
}

export interface ClusterChange {
  /** Most harmful first, then by node and subject. Empty: nothing moves. */
  readonly lines: ReadonlyArray<ChangeLine>
  readonly guards: ReadonlyArray<Guard>
  /** One line: "2 sessions added, 1 reset; 3 nodes". */
  readonly summary: string
}
