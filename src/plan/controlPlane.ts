// The control-plane sessions of one node (S5, S6): one to each peer that wants it, from the node's own address of
// the peer's family, announcing each control-plane VIP with the node itself as next hop. IPv6 routes travel over
// IPv4 sessions (RFC 4760) and IPv4 routes over IPv6 sessions, with an IPv6 next hop where the node has no IPv4
// (RFC 8950). I7, I9.
import { type Address, type Family, familyOf, hostPrefix } from "../net/ip.ts"
import type { ClusterNode, ControlPlanePeer, DesiredCluster } from "./desired.ts"
import { ownAddress, routerIdOf } from "./ownAddress.ts"
import { familiesInUse, gracefulRestart, optionParameters, routeAttributes } from "./sessionParameters.ts"
import type { NodeView, PlannedRoute, PlannedSession, Refusal } from "./types.ts"

export interface PlannedPeers {
  readonly sessions: ReadonlyArray<PlannedSession>
  readonly refusals: ReadonlyArray<Refusal>
}

/** What is the same for every session of the node. */
interface Speaker {
  readonly cluster: DesiredCluster
  readonly self: ClusterNode
  /** As sessions and people call the node (S22). */
  readonly name: string
  readonly localAsn: number
  readonly own: Readonly<Record<Family, Address | undefined>>
  readonly families: ReadonlyArray<Family>
}

/** The next hop for a VIP on a session of `sessionFamily`, or undefined where the node has none that fits. */
const nextHopFor = (own: Speaker["own"], vip: Address, sessionFamily: Family): Address | undefined => {
  if (familyOf(vip) === "ipv6") return own.ipv6
  return own.ipv4 ?? (sessionFamily === "ipv6" ? own.ipv6 : undefined)
}

const planRoutes = (speaker: Speaker, peer: ControlPlanePeer, session: string) => {
  const routes: Array<PlannedRoute> = []
  const refusals: Array<Refusal> = []
  for (const vip of speaker.cluster.loadBalancer.controlPlaneVips) {
    const nextHop = nextHopFor(speaker.own, vip, familyOf(peer.ip))
    if (nextHop === undefined) {
      const reason = `node ${speaker.name} has no global ${familyOf(vip)} address to be the next hop of ${vip}`
      refusals.push({ subject: `${hostPrefix(vip)} on ${session}`, reason })
      continue
    }
    routes.push({
      name: "control-plane",
      prefix: hostPrefix(vip),
      nextHop,
      ...routeAttributes(peer),
      reason: `controlPlaneVIP of cluster ${speaker.cluster.name}; this control-plane node is the next hop`
    })
  }
  return { routes, refusals }
}

const whyPeer = (peer: ControlPlanePeer, self: ClusterNode): string =>
  peer.controlPlaneNodes === undefined
    ? `bgpPeers entry ${peer.ip} has no controlPlaneNodes: every control-plane node peers with it`
    : `bgpPeers entry ${peer.ip} lists this node (${self.address}) in controlPlaneNodes`

const planPeer = (speaker: Speaker, peer: ControlPlanePeer): PlannedPeers => {
  const { self, own } = speaker
  const name = `${peer.ip}-${speaker.name}`
  const subject = `session ${name}`
  if (peer.controlPlaneNodes !== undefined && !peer.controlPlaneNodes.includes(self.address)) {
    const reason = `controlPlaneNodes of this peer are ${peer.controlPlaneNodes.join(", ")}, not ${self.address}`
    return { sessions: [], refusals: [{ subject, reason }] }
  }
  const family = familyOf(peer.ip)
  const localAddress = own[family]
  if (localAddress === undefined) {
    const reason = `node ${speaker.name} has no global ${family} address to open a session from`
    return { sessions: [], refusals: [{ subject, reason }] }
  }
  const options = optionParameters(peer)
  const { routes, refusals } = planRoutes(speaker, peer, name)
  const session: PlannedSession = {
    key: `control-plane/${localAddress}/${peer.ip}:${options.peerPort}`,
    name,
    purpose: "control-plane",
    parameters: {
      localAddress,
      peerAddress: peer.ip,
      localAsn: speaker.localAsn,
      peerAsn: peer.asn,
      routerId: routerIdOf(self.address, own.ipv4),
      ...options,
      ...gracefulRestart(peer, "control-plane"),
      families: speaker.families
    },
    routes,
    reason: whyPeer(peer, self)
  }
  return { sessions: [session], refusals }
}

/** The control-plane sessions of `self`, and each peer or route that it does not get, with the reason. */
export const planControlPlane = (
  cluster: DesiredCluster,
  view: NodeView,
  self: ClusterNode,
  localAsn: number
): PlannedPeers => {
  const speaker: Speaker = {
    cluster,
    self,
    name: view.name,
    localAsn,
    own: { ipv4: ownAddress(cluster, view, self, "ipv4"), ipv6: ownAddress(cluster, view, self, "ipv6") },
    families: familiesInUse(cluster)
  }
  const planned = cluster.loadBalancer.controlPlanePeers.map((peer) => planPeer(speaker, peer))
  return { sessions: planned.flatMap((p) => p.sessions), refusals: planned.flatMap((p) => p.refusals) }
}
