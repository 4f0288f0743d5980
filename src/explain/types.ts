// What `explain` says of a VIP, a service, a peer, a floating IP or a node: the chain from the config to the router, link by link, in
// words, and the first link that is broken (I9).

export interface ExplainTarget {
  readonly type: "vip" | "service" | "peer" | "floatingip" | "node"
  /** An address, `namespace/name`, a peer's address or name, a node's name. */
  readonly name: string
}

/** `warn`: works, and not as it should (one path where several could go). */
export type LinkState = "ok" | "warn" | "broken" | "unknown"

export interface ExplainLink {
  /** `pool lan`, `next hop cp1`, `session 10.0.1.254-cp1`. */
  readonly subject: string
  readonly state: LinkState
  /** A sentence. */
  readonly text: string
  /** What to look at or do, where the wire or the status gives a hint. */
  readonly hints: ReadonlyArray<string>
  readonly links: ReadonlyArray<ExplainLink>
}

export interface Explanation {
  readonly target: ExplainTarget
  /** One sentence: works, or what is broken first. */
  readonly verdict: string
  readonly state: LinkState
  readonly chain: ReadonlyArray<ExplainLink>
  /** The first broken link, in the order of the chain. */
  readonly broken?: Pick<ExplainLink, "subject" | "text" | "hints">
}
