// What a peer's options mean for a session to it and for every route on it, the same for control-plane and service sessions;
// and graceful restart (RFC 4724, RFC 8538), which is not the same for both.
import { type Family, familyOf } from "../net/ip.ts"
import type { DesiredCluster, PeerOptions } from "./desired.ts"
import { resolvePeerOptions, SERVICE_RESTART_TIME } from "./peerDefaults.ts"
import type { PlannedRoute, SessionParameters } from "./types.ts"

type OptionParameters = Pick<
  SessionParameters,
  "peerPort" | "holdTime" | "keepaliveTime" | "connectRetryTime" | "passive" | "ttlSecurity" | "passwordFile"
>

export const optionParameters = (options: PeerOptions): OptionParameters => {
  const { port, holdTime, keepaliveTime, connectRetryTime, passive, ttlSecurity, passwordFile } =
    resolvePeerOptions(options)
  return {
    peerPort: port,
    holdTime,
    keepaliveTime,
    connectRetryTime,
    passive,
    ...(ttlSecurity === undefined ? {} : { ttlSecurity }),
    ...(passwordFile === undefined ? {} : { passwordFile })
  }
}

type RouteAttributes = Pick<PlannedRoute, "med" | "communities" | "largeCommunities">

export const routeAttributes = ({ med, communities, largeCommunities }: PeerOptions): RouteAttributes => ({
  ...(med === undefined ? {} : { med }),
  ...(communities === undefined ? {} : { communities }),
  ...(largeCommunities === undefined ? {} : { largeCommunities })
})

/** Seconds: time for a daemon to be restarted by its service manager. */
const CONTROL_PLANE_RESTART_TIME = 30

/**
 * On a service session the next hops are LB nodes and not the speaker: routes may outlive NOTIFICATIONs and the hold timer, too.
 * On a control-plane session the node is its own next hop, and a dead node must not stay one: the end of the hold timer
 * ends its routes, and they are kept only over a connection that closes because the daemon restarts.
 */
export const gracefulRestart = (
  { gracefulRestartTime }: PeerOptions,
  purpose: "control-plane" | "service"
): Pick<SessionParameters, "gracefulRestart"> => {
  const service = purpose === "service"
  const restartTime = gracefulRestartTime ?? (service ? SERVICE_RESTART_TIME : CONTROL_PLANE_RESTART_TIME)
  return restartTime === 0 ? {} : { gracefulRestart: { restartTime, notification: service } }
}

/**
 * The families to offer: all that the cluster uses, VIPs, pools and services together, on every session alike. Then
 * a VIP or a service of a family in use comes and goes without a new OPEN, and a router of a single-family network is never
 * asked for a family that it may not know.
 */
export const familiesInUse = (cluster: DesiredCluster): ReadonlyArray<Family> => {
  const { controlPlaneVips, ingressVips, pools } = cluster.loadBalancer
  const addresses = [...controlPlaneVips, ...ingressVips, ...pools.flatMap((pool) => pool.ranges.map((r) => r.first))]
  const used = new Set<Family>([...addresses.map((address) => familyOf(address)), ...cluster.serviceFamilies])
  return (["ipv4", "ipv6"] as const).filter((family) => used.has(family))
}
