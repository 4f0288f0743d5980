// Who takes the traffic of a service's address: LB nodes that are in, those that are out, and why.
import { ABSENT, DRAINED, LEAVING } from "../plan/lbNodes.ts"
import { NO_ENDPOINT } from "../plan/nextHops.ts"
import type { ServiceStatus } from "../resources/nodeStatus.ts"
import { count, list, serviceKey } from "./input.ts"
import { link } from "./links.ts"
import type { ExplainLink } from "./types.ts"

/** Out by somebody's will, or as the service's policy asks: nothing is wrong with the node. */
const wanted: ReadonlySet<string> = new Set([DRAINED, LEAVING, NO_ENDPOINT])

export const nextHopsLink = (service: ServiceStatus, address: string): ExplainLink => {
  const taking = service.nextHops.filter((one) => one.address === address)
  const left = service.left.filter((one) => one.address === address)
  const total = taking.length + left.length
  const subject = `next hops of ${address}`
  const links = [
    ...taking.map(({ node, nextHop }) => link(`node ${node}`, "ok", `takes the traffic, next hop ${nextHop}`)),
    ...left.map(({ node, reason }) => {
      const out = `takes none of it: ${reason}`
      return link(`node ${node}`, taking.length === 0 || wanted.has(reason) ? "unknown" : "warn", out)
    })
  ]
  if (taking.length === 0) {
    const why =
      left.length === 0 ? "there is no load-balancer node" : left.map((one) => `${one.node} ${one.reason}`).join("; ")
    const text = `no LB node takes the traffic of ${serviceKey(service)}: ${why}`
    return link(subject, "broken", text, { links, hints: lonelyHints(left.map(({ reason }) => reason)) })
  }
  const state = links.some((one) => one.state === "warn") ? "warn" : "ok"
  const absent = left.filter(({ reason }) => !wanted.has(reason)).map(({ node, reason }) => `${node} ${reason}`)
  const missing = absent.length === 0 ? "" : `; ${list(absent)}`
  const text = `${taking.length} of ${count(total, "LB node")} take the traffic${missing}`
  return link(subject, state, text, { links: state === "warn" ? links.map(softened) : links })
}

/** The parent says it; the descent ends there. */
const softened = (one: ExplainLink): ExplainLink => (one.state === "warn" ? { ...one, state: "unknown" } : one)

const lonelyHints = (reasons: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...(reasons.some((reason) => reason === DRAINED) ? ["take a node back into service (viaduct drain)"] : []),
  ...(reasons.some((reason) => reason === ABSENT)
    ? ["start the daemons, and see that they reach the store: viaduct get nodes"]
    : []),
  ...(reasons.some((reason) => reason === NO_ENDPOINT)
    ? ["externalTrafficPolicy Local needs a ready endpoint on a LB node: look at its EndpointSlice"]
    : [])
]
