// What `explain` says of a VIP, a service, a peer, a floating IP or a node: the chain from the config to the router, link by link, in
// words, and the first link that is broken (I9).

export interface ExplainTarget {
  readonly type: "vip" | "service" | "peer" | "floatingip" | "node"
  /** An address, `namespace/name`, a peer's address or name, a node's name. */
  readonly name: string
}

/** What somebody asks about; without a type it is found out what the name is. */
export interface ExplainQuestion {
  readonly type?: ExplainTarget["type"]
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
  /** The first broken link, in the order of the chain; where none is, the first that is not as it should be. */
  readonly broken?: Pick<ExplainLink, "subject" | "text" | "hints">
}

/** What a look at a session's peer showed at this moment. */
export interface SessionProbe {
  /** `hops`: how far away the peer is, 1 on the same segment; absent where that cannot be told. */
  readonly ping?:
    | { readonly type: "answer"; readonly hops?: number }
    | { readonly type: "silence" }
    | { readonly type: "unreachable"; readonly why: string }
  /** A connection to the peer's port without an MD5 key. */
  readonly tcp?: "open" | "refused" | "silence" | "unreachable"
}
