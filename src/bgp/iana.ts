// Code points of BGP and their names, as the IANA registries "BGP Parameters", "Capability Codes", "Address Family
// Numbers" and "SAFI" have them. Owns numbers and words only; which of them a message may carry is the codec's business.
// Beside each stands the document that gives it its meaning.
import type { Family } from "../net/ip.ts"

/** RFC 4271 4.1; ROUTE-REFRESH RFC 2918. */
export const MessageType = { OPEN: 1, UPDATE: 2, NOTIFICATION: 3, KEEPALIVE: 4, "ROUTE-REFRESH": 5 } as const

/** RFC 4271 4.1: the marker (16), the length (2) and the type (1). */
export const HEADER_LENGTH = 19
/** RFC 4271 4.1. */
export const MAX_LENGTH = 4096
/** RFC 8654 section 3; never for OPEN and KEEPALIVE. */
export const MAX_EXTENDED_LENGTH = 65535
/** RFC 4271 4.2. */
export const BGP_VERSION = 4
/** RFC 6793 section 3: stands for an AS number that needs four octets where only two are there. */
export const AS_TRANS = 23456

/** NOTIFICATION error codes. */
export const ErrorCode = {
  /** RFC 4271 6.1. */
  header: 1,
  /** RFC 4271 6.2. */
  open: 2,
  /** RFC 4271 6.3. */
  update: 3,
  /** RFC 4271 6.5. */
  holdTimerExpired: 4,
  /** RFC 4271 6.6, RFC 6608. */
  fsm: 5,
  /** RFC 4271 6.7, RFC 4486. */
  cease: 6,
  /** RFC 7313 section 5. */
  routeRefresh: 7,
  /** RFC 9687. */
  sendHoldTimerExpired: 8
} as const

/** Subcodes of Message Header Error, RFC 4271 6.1. */
export const HeaderError = { notSynchronized: 1, badLength: 2, badType: 3 } as const

/** Subcodes of OPEN Message Error, RFC 4271 6.2; capability RFC 5492, role RFC 9234. */
export const OpenError = {
  unspecific: 0,
  version: 1,
  badPeerAs: 2,
  badIdentifier: 3,
  optionalParameter: 4,
  holdTime: 6,
  capability: 7,
  roleMismatch: 11
} as const

/** Subcodes of UPDATE Message Error, RFC 4271 6.3. */
export const UpdateError = {
  malformedAttributeList: 1,
  unrecognizedWellKnown: 2,
  missingWellKnown: 3,
  attributeFlags: 4,
  attributeLength: 5,
  invalidOrigin: 6,
  invalidNextHop: 8,
  optionalAttribute: 9,
  invalidNetwork: 10,
  malformedAsPath: 11
} as const

/** Subcodes of Cease, RFC 4486; hardReset RFC 8538, bfdDown RFC 9384. */
export const CeaseError = {
  maximumPrefixes: 1,
  administrativeShutdown: 2,
  peerDeconfigured: 3,
  administrativeReset: 4,
  connectionRejected: 5,
  otherConfigurationChange: 6,
  connectionCollision: 7,
  outOfResources: 8,
  hardReset: 9,
  bfdDown: 10
} as const

/** Subcode of ROUTE-REFRESH Message Error, RFC 7313 section 5. */
export const RouteRefreshError = { invalidLength: 1 } as const

const NOTIFICATION_NAMES: Readonly<Record<number, { readonly name: string; readonly sub: Record<number, string> }>> = {
  1: {
    name: "Message Header Error",
    sub: { 1: "Connection Not Synchronized", 2: "Bad Message Length", 3: "Bad Message Type" }
  },
  2: {
    name: "OPEN Message Error",
    sub: {
      1: "Unsupported Version Number",
      2: "Bad Peer AS",
      3: "Bad BGP Identifier",
      4: "Unsupported Optional Parameter",
      5: "Authentication Failure",
      6: "Unacceptable Hold Time",
      7: "Unsupported Capability",
      11: "Role Mismatch"
    }
  },
  3: {
    name: "UPDATE Message Error",
    sub: {
      1: "Malformed Attribute List",
      2: "Unrecognized Well-known Attribute",
      3: "Missing Well-known Attribute",
      4: "Attribute Flags Error",
      5: "Attribute Length Error",
      6: "Invalid ORIGIN Attribute",
      7: "AS Routing Loop",
      8: "Invalid NEXT_HOP Attribute",
      9: "Optional Attribute Error",
      10: "Invalid Network Field",
      11: "Malformed AS_PATH"
    }
  },
  4: { name: "Hold Timer Expired", sub: {} },
  5: {
    name: "Finite State Machine Error",
    sub: {
      1: "Receive Unexpected Message in OpenSent State",
      2: "Receive Unexpected Message in OpenConfirm State",
      3: "Receive Unexpected Message in Established State"
    }
  },
  6: {
    name: "Cease",
    sub: {
      1: "Maximum Number of Prefixes Reached",
      2: "Administrative Shutdown",
      3: "Peer De-configured",
      4: "Administrative Reset",
      5: "Connection Rejected",
      6: "Other Configuration Change",
      7: "Connection Collision Resolution",
      8: "Out of Resources",
      9: "Hard Reset",
      10: "BFD Down"
    }
  },
  7: { name: "ROUTE-REFRESH Message Error", sub: { 1: "Invalid Message Length" } },
  8: { name: "Send Hold Timer Expired", sub: {} }
}

/** "Cease: Administrative Shutdown"; numbers where the registry has no name. Subcode 0 says nothing and is left out. */
export const notificationName = (code: number, subcode: number): string => {
  const entry = NOTIFICATION_NAMES[code]
  const name = entry?.name ?? `Error code ${code}`
  return subcode === 0 ? name : `${name}: ${entry?.sub[subcode] ?? `subcode ${subcode}`}`
}

/** Path attribute type codes. */
export const AttributeType = {
  /** RFC 4271 5.1.1 to 5.1.7. */
  origin: 1,
  asPath: 2,
  nextHop: 3,
  med: 4,
  localPref: 5,
  atomicAggregate: 6,
  aggregator: 7,
  /** RFC 1997. */
  communities: 8,
  /** RFC 4456 section 8. */
  originatorId: 9,
  clusterList: 10,
  /** RFC 4760 sections 3 and 4. */
  mpReach: 14,
  mpUnreach: 15,
  /** RFC 4360. */
  extendedCommunities: 16,
  /** RFC 6793 section 3. */
  as4Path: 17,
  as4Aggregator: 18,
  /** RFC 8092. */
  largeCommunities: 32,
  /** RFC 9234 section 5. */
  otc: 35
} as const

const ATTRIBUTE_NAMES: Readonly<Record<number, string>> = {
  1: "ORIGIN",
  2: "AS_PATH",
  3: "NEXT_HOP",
  4: "MULTI_EXIT_DISC",
  5: "LOCAL_PREF",
  6: "ATOMIC_AGGREGATE",
  7: "AGGREGATOR",
  8: "COMMUNITIES",
  9: "ORIGINATOR_ID",
  10: "CLUSTER_LIST",
  14: "MP_REACH_NLRI",
  15: "MP_UNREACH_NLRI",
  16: "EXTENDED_COMMUNITIES",
  17: "AS4_PATH",
  18: "AS4_AGGREGATOR",
  32: "LARGE_COMMUNITY",
  35: "OTC"
}

/** "AS_PATH"; "attribute 99" where this speaker has no name for it. */
export const attributeName = (type: number): string => ATTRIBUTE_NAMES[type] ?? `attribute ${type}`

/** Path attribute flags, RFC 4271 4.3. */
export const Flag = { optional: 0x80, transitive: 0x40, partial: 0x20, extendedLength: 0x10 } as const

/** Capability codes, RFC 5492; the document of each is named in capability/types.ts. */
export const CapabilityCode = {
  multiprotocol: 1,
  routeRefresh: 2,
  extendedNextHop: 5,
  extendedMessage: 6,
  role: 9,
  gracefulRestart: 64,
  fourOctetAs: 65,
  addPath: 69,
  enhancedRouteRefresh: 70,
  longLivedGracefulRestart: 71,
  fqdn: 73,
  routeRefreshCisco: 128
} as const

/** Address Family Numbers. */
export const Afi = { ipv4: 1, ipv6: 2 } as const
/** Subsequent Address Family Identifiers, RFC 4760 section 6. */
export const Safi = { unicast: 1 } as const

/** The family of an AFI and SAFI, or undefined where this speaker has no NLRI codec for them. */
export const familyOfAfi = (afi: number, safi: number): Family | undefined => {
  if (safi !== Safi.unicast) return undefined
  return afi === Afi.ipv4 ? "ipv4" : afi === Afi.ipv6 ? "ipv6" : undefined
}
