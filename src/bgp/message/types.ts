// The BGP messages as values. They are what the sessions exchange, what `viaduct decode` prints and `viaduct encode`
// reads, one shape for all three: plain JSON, octets as lower-case hex. RFC 4271 section 4, RFC 2918, RFC 7313.
import type { Address, Family, Prefix } from "../../net/ip.ts"
import type { Attributes } from "../attribute/types.ts"
import type { Capability } from "../capability/types.ts"

export type Message = Open | Update | Notification | Keepalive | RouteRefresh

/** RFC 4271 4.2. */
export interface Open {
  readonly type: "OPEN"
  readonly version: number
  /** The real AS number: from the 4-octet AS capability where there is one, otherwise from My Autonomous System. */
  readonly asn: number
  /** Seconds; 0 means no keepalives. */
  readonly holdTime: number
  /** The BGP Identifier, written as an IPv4 address. */
  readonly routerId: string
  readonly capabilities: ReadonlyArray<Capability>
}

/** A route that becomes reachable. */
export interface Announcement {
  readonly prefix: Prefix
  readonly nextHop: Address
  /** RFC 2545 section 3: the second, link-local half of an IPv6 next hop. */
  readonly linkLocal?: Address
  readonly pathId?: number
  /** Only where IPv4 NLRI with an IPv4 next hop travelled in MP_REACH_NLRI instead of the body. */
  readonly multiprotocol?: true
}

/** A route that is no longer there. */
export interface Withdrawal {
  readonly prefix: Prefix
  readonly pathId?: number
  /** Only where an IPv4 prefix travelled in MP_UNREACH_NLRI instead of the body. */
  readonly multiprotocol?: true
}

/** RFC 4271 4.3 with RFC 4760: both families stand in the same lists. */
export interface Update {
  readonly type: "UPDATE"
  readonly announce: ReadonlyArray<Announcement>
  readonly withdraw: ReadonlyArray<Withdrawal>
  /** RFC 4724 section 2. */
  readonly endOfRib?: `${Family}-unicast`
  readonly attributes: Attributes
}

/** RFC 4271 4.5. */
export interface Notification {
  readonly type: "NOTIFICATION"
  readonly code: number
  readonly subcode: number
  /** "Cease: Administrative Shutdown"; filled when decoded, not needed to encode. */
  readonly name?: string
  /** Shutdown communication (RFC 9003), in Cease 6/2 and 6/4 (also inside a hard reset). */
  readonly message?: string
  /** The data field as hex, where it is not a shutdown communication. */
  readonly data?: string
  /** The code and subcode that a hard reset (RFC 8538, Cease 6/9) carries inside. */
  readonly hardReset?: { readonly code: number; readonly subcode: number; readonly name?: string }
}

export interface Keepalive {
  readonly type: "KEEPALIVE"
}

/** RFC 2918; subtype from RFC 7313. */
export interface RouteRefresh {
  readonly type: "ROUTE-REFRESH"
  readonly afi: number
  readonly safi: number
  readonly subtype: "request" | "begin" | "end" | number
}

/** RFC 7606 section 2: what a mistake in a message costs, from the least to the most. */
export type Outcome = "attribute-discard" | "treat-as-withdraw" | "afi-safi-disable" | "session-reset"

/** A mistake in a message. Code, subcode and data are those of the NOTIFICATION that a session reset sends. */
export interface MessageError {
  readonly outcome: Outcome
  readonly code: number
  readonly subcode: number
  /** Hex. */
  readonly data: string
  /** Name of the path attribute, where the mistake is in one. */
  readonly attribute?: string
  /** The family that `afi-safi-disable` turns off (RFC 4760 section 7). */
  readonly family?: Family
  /** Octets from the first octet of the message's marker. */
  readonly offset: number
  /** For people: what was found and what was expected. */
  readonly message: string
}

/**
 * A decoded message. With an error of `session-reset` the message may be missing or partial; with a lesser one the
 * message is what RFC 7606 leaves of it: discarded attributes are gone, withdrawn routes stand in `withdraw`.
 */
export interface Decoded {
  readonly message?: Message
  /** The gravest mistake. */
  readonly error?: MessageError
}
