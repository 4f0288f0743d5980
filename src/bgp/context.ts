// What both ends agreed on in their OPENs and what the codec therefore needs to know. A codec call gets it as a value;
// nothing about a session is global. RFC 5492 (capabilities), RFC 6793 (as4), RFC 7911 (ADD-PATH), RFC 8654 (extended
// message), RFC 8950 (extended next hop).
import type { Family } from "../net/ip.ts"

/** How the octets of one direction of one session are to be read or written. */
export interface CodecContext {
  /** AS numbers in AS_PATH and AGGREGATOR have four octets (RFC 6793). */
  readonly as4: boolean
  /** NLRI carry a path identifier in this direction (RFC 7911), by family. */
  readonly addPath: Readonly<Record<Family, boolean>>
  /** The peer is in another AS: some attributes may not be there, others must not be (RFC 4271 5, RFC 7606). */
  readonly ebgp: boolean
  /** Messages other than OPEN and KEEPALIVE may have 65,535 octets instead of 4,096 (RFC 8654). */
  readonly extendedMessage: boolean
  /** IPv4 NLRI may have an IPv6 next hop (RFC 8950). */
  readonly extendedNextHop: boolean
}

/** What `viaduct decode` assumes, and what holds before any OPEN was exchanged. */
export const defaultContext: CodecContext = {
  as4: true,
  addPath: { ipv4: false, ipv6: false },
  ebgp: true,
  extendedMessage: false,
  extendedNextHop: true
}
