// The chain of a control-plane VIP in BGP mode (S5, S6): every control-plane node announces it from its own address, with itself as the
// next hop, to each peer that wants it.
import { type Address, hostPrefix } from "../net/ip.ts"
import type { ClusterNode, ControlPlanePeer, DesiredCluster } from "../plan/desired.ts"
import { membersOf, sharesStore } from "../resources/members.ts"
import type { MemberStatus } from "../resources/nodeStatus.ts"
import { allSessions, count, type ExplainInput, isUp, list, type Seen, upOf } from "./input.ts"
import { anyOf, explanation, link } from "./links.ts"
import { routerLink, sessionLink, type Wanted } from "./session.ts"
import type { ExplainLink, ExplainTarget, Explanation } from "./types.ts"

/** As sessions call the node. */
const memberOf = (node: ClusterNode, { status }: ExplainInput): MemberStatus | undefined =>
  membersOf(status).find(({ address }) => address === node.address)

export const peersOf = (node: ClusterNode, cluster: DesiredCluster): ReadonlyArray<ControlPlanePeer> =>
  cluster.loadBalancer.controlPlanePeers.filter(
    ({ controlPlaneNodes }) => controlPlaneNodes === undefined || controlPlaneNodes.includes(node.address)
  )

const nodeLink = (
  node: ClusterNode,
  cluster: DesiredCluster,
  sessions: ReadonlyArray<Seen>,
  wanted: Wanted,
  input: ExplainInput
): ExplainLink => {
  const { status } = input
  const member = memberOf(node, input)
  const name = member?.name ?? node.name
  const peers = peersOf(node, cluster)
  const own = sessions.filter((one) => one.purpose === "control-plane" && one.node === name)
  const subject = `node ${name}`
  if (peers.length === 0) return link(subject, "unknown", "no entry of bgpPeers names it: it announces nothing")
  if (own.length === 0) {
    const alone = !sharesStore(status) && name !== status.node
    if (alone) return link(subject, "unknown", "nothing is known of it here: ask the daemon of that node")
    const why =
      member === undefined && name !== status.node
        ? "its daemon is down, or it cannot reach the store"
        : "it has not said what sessions it has"
    return link(subject, member === undefined ? "broken" : "unknown", `announces nothing that is known of: ${why}`)
  }
  const failed = status.addresses.find(
    ({ address, state }) => hostPrefix(address as Address) === wanted.prefix && state === "failed"
  )
  const refused =
    name === status.node && failed !== undefined
      ? [
          link(
            `address ${failed.address}`,
            "broken",
            `the kernel refused it on ${failed.interface}, so it is not announced: ${failed.reason}`
          )
        ]
      : []
  const links = [...refused, ...own.map((session) => sessionLink(session, input, wanted))]
  return link(subject, anyOf(links), `announces it with itself as the next hop, ${upOf(own)}`, {
    links
  })
}

export const explainControlPlaneVip = (
  target: ExplainTarget,
  address: Address,
  cluster: DesiredCluster,
  input: ExplainInput
): Explanation => {
  const document = link(`cluster ${cluster.name}`, "ok", `${address} is its controlPlaneVIP`)
  const { controlPlanePeers, localAsn, mode } = cluster.loadBalancer
  if (mode === "manual")
    return explanation(
      target,
      [link(`cluster ${cluster.name}`, "broken", "loadBalancer.mode is manual: somebody else balances")],
      ""
    )
  if (controlPlanePeers.length === 0 || localAsn === undefined) {
    const why = localAsn === undefined ? "loadBalancer.localASN is missing" : "loadBalancer.bgpPeers has no entry"
    return explanation(target, [document, link("peers", "broken", `${why}: no session can be opened`)], "")
  }
  const wanted: Wanted = { prefix: hostPrefix(address), nextHops: 1 }
  const sessions = allSessions(input.status)
  const nodes = cluster.controlPlaneNodes.map((node) => nodeLink(node, cluster, sessions, wanted, input))
  const known = nodes.filter(({ state }) => state !== "unknown")
  const carrying = sessions.filter(
    (one) => isUp(one) && one.purpose === "control-plane" && one.carried(wanted.prefix) !== undefined
  )
  const state = known.length === 0 ? "unknown" : anyOf(known)
  // While one node announces it the others are a worry and no outage.
  const chain =
    state === "warn" ? nodes.map((one) => (one.state === "broken" ? { ...one, state: "warn" as const } : one)) : nodes
  const routers = [...new Set(carrying.map(({ peerAddress }) => peerAddress))]
  const works =
    `${address}, the control-plane VIP, is announced by ${count(new Set(carrying.map(({ node }) => node)).size, "node")} ` +
    `over ${count(carrying.length, "session")} to ${list(routers)}`
  const everybody = { ...wanted, nextHops: cluster.controlPlaneNodes.length }
  const seen = routers.flatMap((router) => routerLink(router, sessions, everybody, input))
  return explanation(target, [document, ...chain, ...seen], works)
}
