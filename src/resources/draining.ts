// What taking a node out of service does, and whether it is done: a drained node is no next hop and holds no floating IP. Worked out from
// the status of any node of the cluster. Rows S6, D5.
import { holds } from "./floatingIp.ts"
import type { FloatingIpStatus, NodeStatus, ServiceStatus } from "./nodeStatus.ts"

export interface Draining {
  /** There is a node of that name. */
  readonly known: boolean
  readonly drained: boolean
  /** What goes to other nodes: a sentence each. */
  readonly moves: ReadonlyArray<string>
  /** What no other node takes over: a sentence each. Needs insisting on. */
  readonly losses: ReadonlyArray<string>
  /** Names of nodes that there are. */
  readonly nodes: ReadonlyArray<string>
}

/** By the store's word, or by its own where the status is its own. */
const has = ({ node: self }: NodeStatus, node: string, one: FloatingIpStatus): boolean =>
  one.node === node || (self === node && (holds(one) || one.state === "releasing"))

const floatingIpText = (node: string, { address, of, purpose, judgements }: FloatingIpStatus) => {
  const what = `${purpose === "floating-ip" ? "floating IP" : "VIP"} ${address} (${of})`
  const others = judgements.flatMap((judged) => (judged.ok && judged.node !== node ? [judged.node] : []))
  return others.length === 0
    ? { loss: `${what}: no other node can hold it` }
    : { move: `${what} goes to another node: ${others.join(" or ")}` }
}

const serviceText = (node: string, { namespace, name, nextHops }: ServiceStatus) => {
  const others = new Set(nextHops.flatMap((hop) => (hop.node === node ? [] : [hop.node])))
  const what = `service ${namespace}/${name}`
  return others.size === 0
    ? { loss: `${what}: no other node takes its traffic` }
    : { move: `${what} loses this next hop and keeps ${others.size}` }
}

/** What `node` has to give away now, and what of that nobody takes. */
export const draining = (status: NodeStatus, node: string): Draining => {
  const { members, floatingIps, services } = status
  const judged = floatingIps.flatMap(({ judgements }) => judgements.map((one) => one.node))
  const nodes = [...new Set([status.node, ...members.map(({ name }) => name), ...judged])].toSorted()
  const texts = [
    ...floatingIps.filter((one) => has(status, node, one)).map((one) => floatingIpText(node, one)),
    ...services
      .filter(({ nextHops }) => nextHops.some((hop) => hop.node === node))
      .map((service) => serviceText(node, service))
  ]
  return {
    known: nodes.includes(node),
    drained: members.some(({ name, drained }) => name === node && drained),
    moves: texts.flatMap((text) => ("move" in text && text.move !== undefined ? [text.move] : [])),
    losses: texts.flatMap((text) => ("loss" in text && text.loss !== undefined ? [text.loss] : [])),
    nodes
  }
}

/** Service prefixes that some node announces with this one as a next hop, by what each says of its own sessions. */
const announced = ({ members, services, sessions, elsewhere }: NodeStatus, node: string): ReadonlyArray<string> => {
  const hops = Object.values(members.find(({ name }) => name === node)?.nextHops ?? {})
  const addresses = new Set(services.flatMap((service) => service.addresses))
  const own = sessions.flatMap(({ advertised }) =>
    advertised.map(({ prefix, nextHop }) => ({ prefix, hops: [nextHop] }))
  )
  const others = elsewhere.flatMap(({ routes }) => routes.map(({ prefix, nextHops }) => ({ prefix, hops: nextHops })))
  const through = [...own, ...others].filter(
    (route) => addresses.has(route.prefix.replace(/\/\d+$/, "")) && route.hops.some((hop) => hops.includes(hop))
  )
  return [...new Set(through.map(({ prefix }) => `route to ${prefix}`))]
}

/** What `node` still has although it is drained: nothing means that it is done, and that routers have been told. */
export const stillHas = (status: NodeStatus, node: string): ReadonlyArray<string> => [
  ...status.floatingIps.filter((one) => has(status, node, one)).map(({ address }) => address),
  ...status.services
    .filter(({ nextHops }) => nextHops.some((hop) => hop.node === node))
    .map(({ namespace, name }) => `next hop of ${namespace}/${name}`),
  ...announced(status, node)
]
