// A plan as text for people (`viaduct plan`): what the node holds and what it does not, each line with its reason
// (I9).
import type { NodePlan, PlannedRoute, PlannedSession } from "./types.ts"

const sessionDetails = ({ parameters: p }: PlannedSession): string =>
  [
    `from ${p.localAddress} AS ${p.localAsn}`,
    `to ${p.peerAddress} port ${p.peerPort} AS ${p.peerAsn}${p.localAsn === p.peerAsn ? " (iBGP)" : ""}`,
    `router ID ${p.routerId}`,
    p.holdTime === 0 ? "hold time 0, no keepalives" : `hold time ${p.holdTime} s, keepalive ${p.keepaliveTime} s`,
    `retry ${p.connectRetryTime} s`,
    p.families.join(" and "),
    ...(p.passive ? ["passive"] : []),
    ...(p.ttlSecurity === undefined ? [] : [`GTSM ${p.ttlSecurity} hops`]),
    ...(p.passwordFile === undefined ? [] : [`MD5 key from ${p.passwordFile}`])
  ].join(", ")

const routeDetails = (route: PlannedRoute): string =>
  [
    `${route.prefix} next hop ${route.nextHop}`,
    ...(route.pathId === undefined ? [] : [`path ${route.pathId}`]),
    ...(route.med === undefined ? [] : [`MED ${route.med}`]),
    ...(route.communities === undefined ? [] : [`communities ${route.communities.join(" ")}`]),
    ...(route.largeCommunities === undefined ? [] : [`large communities ${route.largeCommunities.join(" ")}`])
  ].join(", ")

/** Lines without a final line break. */
export const printPlan = (plan: NodePlan): string => {
  const section = (title: string, lines: ReadonlyArray<string>) =>
    lines.length === 0 ? [`${title}: none`] : [`${title}:`, ...lines]
  return [
    `Node ${plan.node}`,
    ...section(
      "Sessions",
      plan.sessions.flatMap((session) => [
        `  ${session.name}: ${sessionDetails(session)}`,
        `    because ${session.reason}`,
        ...session.routes.flatMap((route) => [`    announces ${routeDetails(route)}`, `      because ${route.reason}`])
      ])
    ),
    ...section(
      "Addresses",
      plan.addresses.flatMap((a) => [`  ${a.address}/${a.prefixLength} on ${a.interface}`, `    because ${a.reason}`])
    ),
    ...section(
      "Not done",
      plan.refusals.map((refusal) => `  ${refusal.subject}: ${refusal.reason}`)
    )
  ].join("\n")
}
