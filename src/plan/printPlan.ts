// A plan as text for people (`viaduct plan`): what the node holds and what it does not, who holds the addresses that move, who
// takes the traffic of the services, each line with its reason (I9).
import type { Assignment } from "../election/types.ts"
import type { NodePlan, PlannedRoute, PlannedService, PlannedSession } from "./types.ts"

const PURPOSES: Readonly<Record<Assignment["purpose"], string>> = {
  "floating-ip": "floating IP",
  "control-plane-vip": "VIP",
  "service-vip": "VIP"
}

const sessionDetails = ({ parameters: p }: PlannedSession): string =>
  [
    `from ${p.localAddress}${p.sourcePort === undefined ? "" : ` port ${p.sourcePort}`} AS ${p.localAsn}`,
    `to ${p.peerAddress} port ${p.peerPort} AS ${p.peerAsn}${p.localAsn === p.peerAsn ? " (iBGP)" : ""}`,
    `router ID ${p.routerId}`,
    p.holdTime === 0 ? "hold time 0, no keepalives" : `hold time ${p.holdTime} s, keepalive ${p.keepaliveTime} s`,
    `retry ${p.connectRetryTime} s`,
    p.families.join(" and "),
    ...(p.addPaths === undefined ? [] : ["additional paths"]),
    ...(p.gracefulRestart === undefined ? [] : [`graceful restart ${p.gracefulRestart.restartTime} s`]),
    ...(p.passive ? ["passive"] : []),
    ...(p.ttlSecurity === undefined ? [] : [`GTSM ${p.ttlSecurity} hops`]),
    ...(p.passwordFile === undefined ? [] : [`MD5 key from ${p.passwordFile}`])
  ].join(", ")

const routeDetails = (route: PlannedRoute): string =>
  [
    `${route.prefix} next hop ${route.nextHop}`,
    ...(route.pathId === undefined ? [] : [`path ${route.pathId}`]),
    ...(route.single === true ? ["alone where the peer takes one path"] : []),
    ...(route.med === undefined ? [] : [`MED ${route.med}`]),
    ...(route.communities === undefined ? [] : [`communities ${route.communities.join(" ")}`]),
    ...(route.largeCommunities === undefined ? [] : [`large communities ${route.largeCommunities.join(" ")}`])
  ].join(", ")

const sessionLines = (session: PlannedSession): ReadonlyArray<string> => [
  `  ${session.name}: ${sessionDetails(session)}`,
  `    because ${session.reason}`,
  ...session.routes.flatMap((route) => [`    announces ${routeDetails(route)}`, `      because ${route.reason}`])
]

/** "a, b: reason", nodes with the same reason together. */
const nodesByReason = (
  nodes: ReadonlyArray<{ readonly node: string; readonly reason: string }>
): ReadonlyArray<string> => {
  const reasons = new Map<string, Array<string>>()
  for (const { node, reason } of nodes) reasons.set(reason, [...(reasons.get(reason) ?? []), node])
  return [...reasons].map(([reason, names]) => `${names.join(", ")}: ${reason}`)
}

const assignmentLines = (plan: NodePlan, assignment: Assignment): ReadonlyArray<string> => {
  const { address, purpose, of, node, reason, judgements } = assignment
  const device = assignment.interface === undefined ? "" : ` on ${assignment.interface}`
  const holder = node === undefined ? "nobody" : `${node === plan.node ? "this node" : node}${device}`
  const no = judgements.filter(({ ok }) => !ok)
  return [
    `  ${address} (${PURPOSES[purpose]} of ${of}): ${holder}`,
    `    because ${reason}`,
    // Where nobody can, the reason has them all.
    ...(node === undefined ? [] : nodesByReason(no).map((line) => `    not ${line}`))
  ]
}

const serviceLines = (service: PlannedService): ReadonlyArray<string> => {
  const { namespace, name, addresses, pools, externalTrafficPolicy, nextHops, left, reason } = service
  const from = pools.length === 0 ? "" : ` from ${pools.join(", ")}`
  const local = externalTrafficPolicy === "Local" ? ", externalTrafficPolicy Local" : ""
  return [
    `  ${namespace}/${name}: ${addresses.join(", ") || "no address"}${from}${local}`,
    ...(reason === undefined ? [] : [`    ${reason}`]),
    ...addresses.flatMap((address) => {
      const takers = nextHops.filter((hop) => hop.address === address)
      const to = takers.map(({ node, nextHop }) => (node === nextHop ? node : `${node} (${nextHop})`)).join(", ")
      const not = nodesByReason(left.filter((out) => out.address === address))
      return [...(to === "" ? [] : [`    ${address} to ${to}`]), ...not.map((line) => `    ${address} not to ${line}`)]
    })
  ]
}

/** Lines without a final line break. */
export const printPlan = (plan: NodePlan): string => {
  const section = (title: string, lines: ReadonlyArray<string>) =>
    lines.length === 0 ? [`${title}: none`] : [`${title}:`, ...lines]
  /** For parts that many clusters do not have. */
  const optional = (title: string, lines: ReadonlyArray<string>) => (lines.length === 0 ? [] : section(title, lines))
  return [
    `Node ${plan.node}`,
    ...section("Sessions", plan.sessions.flatMap(sessionLines)),
    ...section(
      "Addresses",
      plan.addresses.flatMap((a) => [`  ${a.address}/${a.prefixLength} on ${a.interface}`, `    because ${a.reason}`])
    ),
    ...optional(
      "Addresses that move",
      plan.assignments.flatMap((assignment) => assignmentLines(plan, assignment))
    ),
    ...optional("Services", plan.services.flatMap(serviceLines)),
    ...section(
      "Not done",
      plan.refusals.map((refusal) => `  ${refusal.subject}: ${refusal.reason}`)
    )
  ].join("\n")
}
