// The state machine's configuration from a planned session: the OPEN that we send and the timers in the machine's units.
// RFC 4271 4.2, RFC 5492; the capabilities offered are those that the session layer honours.
import type { Capability } from "../bgp/capability/types.ts"
import type { FsmConfig } from "../bgp/fsm/types.ts"
import { type Family, familyOf } from "../net/ip.ts"
import type { SessionParameters } from "../plan/types.ts"

const afi: Readonly<Record<Family, number>> = { ipv4: 1, ipv6: 2 }
const unicast = 1

const extendedNextHop: Capability = {
  code: 5,
  name: "extended-next-hop",
  families: [{ afi: afi.ipv4, safi: unicast, nextHopAfi: afi.ipv6 }]
}

const capabilities = (parameters: SessionParameters, hostname: string): ReadonlyArray<Capability> => [
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
  { code: 65, name: "four-octet-as", asn: parameters.localAsn },
  { code: 70, name: "enhanced-route-refresh" },
  { code: 73, name: "fqdn", hostname, domain: "" }
]

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
  open: {
    type: "OPEN",
    version: 4,
    asn: parameters.localAsn,
    holdTime: parameters.holdTime,
    routerId: parameters.routerId,
    capabilities: capabilities(parameters, hostname)
  }
})
