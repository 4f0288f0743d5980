// What two OPENs amount to: RFC 4271 4.2 (hold time), RFC 4760 section 8 (families), RFC 6793 (four-octet AS numbers),
// RFC 7911 section 4 (ADD-PATH, per direction), RFC 8654, RFC 8950, RFC 2918 and RFC 7313 (refresh), RFC 4724 and
// RFC 8538 (graceful restart). Pure: the same two OPENs always give the same answer, and swapping them swaps the two
// directions.
import type { Family } from "../../net/ip.ts"
import type { CodecContext } from "../context.ts"
import { Afi, CapabilityCode as Code, familyOfAfi, Safi } from "../iana.ts"
import type { Open } from "../message/types.ts"
import type { Capability } from "./types.ts"

/** What holds on a session from the exchange of OPENs on. */
export interface Negotiated {
  /** Seconds; the smaller of both; 0 means no keepalives and no hold timer. */
  readonly holdTime: number
  readonly peer: Open
  readonly families: ReadonlyArray<Family>
  /** For octets that come from the peer. */
  readonly receive: CodecContext
  /** For octets that go to the peer. */
  readonly send: CodecContext
  readonly routeRefresh: boolean
  readonly enhancedRouteRefresh: boolean
  /** What the peer offers, where both ends have the capability. */
  readonly gracefulRestart?: {
    /** Seconds. */
    readonly restartTime: number
    /** The peer says that it has just restarted (R bit). */
    readonly restarting: boolean
    /** Both ends keep routes over NOTIFICATIONs, too (N bit, RFC 8538). */
    readonly notification: boolean
    readonly families: ReadonlyArray<Family>
  }
  /** Names of the capabilities that both ends have. */
  readonly capabilities: ReadonlyArray<string>
  readonly peerCapabilities: ReadonlyArray<string>
}

type Named<N extends Capability["name"]> = Extract<Capability, { readonly name: N }>

const FAMILIES: ReadonlyArray<Family> = ["ipv4", "ipv6"]

const all = <N extends Capability["name"]>(open: Open, name: N): ReadonlyArray<Named<N>> =>
  open.capabilities.filter((c): c is Named<N> => c.name === name)

const has = (open: Open, code: number): boolean =>
  open.capabilities.some((c) => c.code === code && c.name !== "unknown")

const hasRefresh = (open: Open): boolean => has(open, Code.routeRefresh) || has(open, Code.routeRefreshCisco)

/** A speaker that offers no family at all means IPv4 unicast (RFC 4760 section 8). */
const offersFamily = (open: Open, family: Family): boolean => {
  const offered = all(open, "multiprotocol")
  if (offered.length === 0) return family === "ipv4"
  return offered.some((c) => familyOfAfi(c.afi, c.safi) === family)
}

/** The mode of the last tuple for the family, and what it allows. Modes other than 1, 2, 3 allow nothing (RFC 7911 4). */
const addPath = (open: Open, family: Family): { readonly send: boolean; readonly receive: boolean } => {
  const tuples = all(open, "add-path").flatMap((c) => c.families)
  const mode = tuples.findLast((f) => familyOfAfi(f.afi, f.safi) === family)?.mode
  return { send: mode === "send" || mode === "both", receive: mode === "receive" || mode === "both" }
}

const acceptsExtendedNextHop = (open: Open): boolean =>
  all(open, "extended-next-hop").some((c) =>
    c.families.some((f) => f.afi === Afi.ipv4 && f.safi === Safi.unicast && f.nextHopAfi === Afi.ipv6)
  )

const names = (open: Open): ReadonlyArray<string> => {
  const unique = new Set(open.capabilities.map((c) => (c.name === "unknown" ? `capability ${c.code}` : c.name)))
  return [...unique]
}

const gracefulRestart = (local: Open, peer: Open): Pick<Negotiated, "gracefulRestart"> => {
  const ours = all(local, "graceful-restart").at(-1)
  const theirs = all(peer, "graceful-restart").at(-1)
  if (ours === undefined || theirs === undefined) return {}
  return {
    gracefulRestart: {
      restartTime: theirs.restartTime,
      restarting: theirs.restarting,
      notification: ours.notification && theirs.notification,
      families: FAMILIES.filter((family) => theirs.families.some((f) => familyOfAfi(f.afi, f.safi) === family))
    }
  }
}

/** The codec context for what `from` sends to `to`. */
const direction = (from: Open, to: Open, ebgp: boolean): CodecContext => ({
  as4: has(from, Code.fourOctetAs) && has(to, Code.fourOctetAs),
  addPath: {
    ipv4: addPath(from, "ipv4").send && addPath(to, "ipv4").receive,
    ipv6: addPath(from, "ipv6").send && addPath(to, "ipv6").receive
  },
  ebgp,
  extendedMessage: has(from, Code.extendedMessage) && has(to, Code.extendedMessage),
  // It is the receiver who says that it can take such next hops (RFC 8950 section 4).
  extendedNextHop: acceptsExtendedNextHop(to)
})

/** What holds between `local` and `peer`; `ebgp` tells whether they are in different AS. */
export const negotiate = (local: Open, peer: Open, ebgp: boolean): Negotiated => {
  const peerCapabilities = names(peer)
  const localCapabilities = names(local)
  return {
    holdTime: Math.min(local.holdTime, peer.holdTime),
    peer,
    families: FAMILIES.filter((family) => offersFamily(local, family) && offersFamily(peer, family)),
    receive: direction(peer, local, ebgp),
    send: direction(local, peer, ebgp),
    routeRefresh: hasRefresh(local) && hasRefresh(peer),
    enhancedRouteRefresh: has(local, Code.enhancedRouteRefresh) && has(peer, Code.enhancedRouteRefresh),
    ...gracefulRestart(local, peer),
    capabilities: localCapabilities.filter((name) => peerCapabilities.includes(name)),
    peerCapabilities
  }
}
