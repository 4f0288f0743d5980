// Path attributes as values: RFC 4271 section 5, RFC 1997, RFC 4360, RFC 4456, RFC 6793, RFC 8092, RFC 9234.
// NEXT_HOP, MP_REACH_NLRI and MP_UNREACH_NLRI are not here: they are part of the routes in the message. Nor are AS4_PATH
// and AS4_AGGREGATOR: they are how AS numbers travel past a peer that knows only two octets (RFC 6793 section 4.2.3), and
// asPath and aggregator hold what they amount to.

/** A path segment: a plain list is an AS_SEQUENCE; confederation segments are RFC 5065. */
export type AsPathSegment =
  | ReadonlyArray<number>
  | { readonly set: ReadonlyArray<number> }
  | { readonly confedSequence: ReadonlyArray<number> }
  | { readonly confedSet: ReadonlyArray<number> }

export interface Aggregator {
  readonly asn: number
  readonly address: string
}

/** An attribute that this codec has no name for; the value is hex. */
export interface UnknownAttribute {
  readonly type: number
  readonly flags: number
  readonly value: string
}

export interface Attributes {
  readonly origin?: "igp" | "egp" | "incomplete"
  readonly asPath?: ReadonlyArray<AsPathSegment>
  readonly med?: number
  readonly localPref?: number
  readonly atomicAggregate?: true
  readonly aggregator?: Aggregator
  /** "65001:100", well-known ones too ("65535:0" is GRACEFUL_SHUTDOWN). */
  readonly communities?: ReadonlyArray<string>
  readonly originatorId?: string
  readonly clusterList?: ReadonlyArray<string>
  /** "rt:65001:100", "soo:…", otherwise "0x" and sixteen hex digits. */
  readonly extendedCommunities?: ReadonlyArray<string>
  /** "65001:1:2". */
  readonly largeCommunities?: ReadonlyArray<string>
  /** Only to Customer, RFC 9234. */
  readonly otc?: number
  readonly unknown?: ReadonlyArray<UnknownAttribute>
}
