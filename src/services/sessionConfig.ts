// The state machine's configuration from a planned session: the OPENs that we send and the timers in the machine's units.
// RFC 4271 4.2, RFC 5492, RFC 7911 4, RFC 4724 3, RFC 8538 2; the capabilities offered are those that the session layer honours.
import type { Capability } from "../bgp/capability/types.ts"
import type { FsmConfig } from "../bgp/fsm/types.ts"
import type { Open } from "../bgp/message/types.ts"
import { type Family, familyOf } from "../net/ip.ts"
import type { SessionParameters } from "../plan/types.ts"

const afi: Readonly<Record<Family, number>> = { ipv4: 1, ipv6: 2 }
const unicast = 1

const extendedNextHop: Capability = {
  code: 5,
  name: "extended-next-hop",
  families: [{ afi: afi.ipv4, safi: unicast, nextHopAfi: afi.ipv6 }]
}

/** We send paths; what the peer would send is dropped anyway, and one path of each is enough to count. */
const addPath = (families: ReadonlyArray<Family>): Capability => ({
  code: 69,
  name: "add-path",
  families: families.map((family) => ({ afi: afi[family], safi: unicast, mode: "send" }))
})

/**
 * R (`restarting`) tells the peer not to wait for our End-of-RIB before it sends its own table (RFC 4724 3): true of a speaker
 * that has just started or taken an address over, who would otherwise wait for a peer that waits for it. It is clear once the
 * session has been Established, since a connection that breaks then is no restart.
 *
 * F stands for every family, always. It is what makes the peer keep our routes as stale when the session is back: without it
 * they go at once (RFC 4724 4.2). That is honest, because no packet passes through this process: next hops are kernels, of
 * other nodes or of this one, where an address outlives the speaker.
 *
 * Our own duties end there. As the one that restarts we have no route selection to defer (4.1): nothing learnt is used. As the
 * one whose peer restarts we have nothing to keep (4.2): its routes are counted and dropped, so its R bit changes nothing, and
 * our table and End-of-RIB go out at once in any case.
 */
const gracefulRestart = (
  { restartTime, notification }: NonNullable<SessionParameters["gracefulRestart"]>,
  families: ReadonlyArray<Family>,
  restarting: boolean
): Capability => ({
  code: 64,
  name: "graceful-restart",
  restarting,
  notification,
  restartTime,
  families: families.map((family) => ({ afi: afi[family], safi: unicast, forwardingPreserved: true }))
})

const capabilities = (
  parameters: SessionParameters,
  hostname: string,
  restarting: boolean
): ReadonlyArray<Capability> => [
  ...parameters.families.map(
    (family): Capability => ({
      code: 1,
      name: "multiprotocol",
      afi: afi[family],
      safi: unicast,
      family: `${family}-unicast`
    })
  ),
  { code: 2, name: "route-refresh" },
  // Only a session over IPv6 may have to carry IPv4 routes without an IPv4 next hop (RFC 8950).
  ...(familyOf(parameters.localAddress) === "ipv6" ? [extendedNextHop] : []),
  { code: 6, name: "extended-message" },
  ...(parameters.gracefulRestart === undefined
    ? []
    : [gracefulRestart(parameters.gracefulRestart, parameters.families, restarting)]),
  { code: 65, name: "four-octet-as", asn: parameters.localAsn },
  ...(parameters.addPaths === true ? [addPath(parameters.families)] : []),
  { code: 70, name: "enhanced-route-refresh" },
  { code: 73, name: "fqdn", hostname, domain: "" }
]

const open = (parameters: SessionParameters, hostname: string, restarting: boolean): Open => ({
  type: "OPEN",
  version: 4,
  asn: parameters.localAsn,
  holdTime: parameters.holdTime,
  routerId: parameters.routerId,
  capabilities: capabilities(parameters, hostname, restarting)
})

/** `hostname` is what peers show for us. */
export const fsmConfig = (parameters: SessionParameters, hostname: string): FsmConfig => ({
  localAsn: parameters.localAsn,
  peerAsn: parameters.peerAsn,
  routerId: parameters.routerId,
  holdTime: parameters.holdTime,
  keepaliveTime: parameters.keepaliveTime,
  connectRetryMs: parameters.connectRetryTime * 1000,
  passive: parameters.passive,
  delayOpenMs: 0,
  open: open(parameters, hostname, true),
  reopen: open(parameters, hostname, false)
})
