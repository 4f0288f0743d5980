// What one node shall hold, from the desired cluster and what is known about the node: the heart of the daemon, of
// `viaduct plan` and of the simulation alike. Total and pure: every input gives a plan, and what a reader might
// miss in it stands among the refusals with its reason (I7, I9). Rows S1-S6; service sessions (S8-S12) are not
// planned here yet.
import { addressBits, familyOf, hostPrefix } from "../net/ip.ts"
import { planControlPlane } from "./controlPlane.ts"
import type { ClusterNode, DesiredCluster } from "./desired.ts"
import type { NodePlan, NodeView, PlannedAddress, PlannedSession, Refusal } from "./types.ts"

/** Why there are no sessions for services on this node. */
const serviceRefusals = (cluster: DesiredCluster): ReadonlyArray<Refusal> => {
  const { floatingIps, servicePeers, loadBalancer } = cluster
  if (floatingIps.length === 0 && servicePeers.length === 0 && loadBalancer.pools.length === 0) return []
  const reason =
    cluster.type === "admin"
      ? "an admin cluster has control-plane load balancing only"
      : "service sessions are not part of this version"
  const things = [
    ...(floatingIps.length === 0 ? [] : [`floating IPs ${floatingIps.join(", ")}`]),
    ...(servicePeers.length === 0 ? [] : [`BGPPeers ${servicePeers.map((peer) => peer.name).join(", ")}`]),
    ...(loadBalancer.pools.length === 0
      ? []
      : [`address pools ${loadBalancer.pools.map((pool) => pool.name).join(", ")}`])
  ]
  return things.map((subject) => ({ subject, reason }))
}

/** Why the node has nothing to do with the control plane's VIPs, or undefined where it has. */
const controlPlaneRefusal = (cluster: DesiredCluster, self: ClusterNode): Refusal | undefined => {
  const subject = "control-plane VIPs"
  if (!cluster.controlPlaneNodes.some((node) => node.address === self.address)) {
    const nodes = cluster.controlPlaneNodes.map((node) => node.name).join(", ")
    return { subject, reason: `${self.address} is no control-plane node; those are ${nodes}` }
  }
  if (cluster.loadBalancer.type === "layer2") {
    const reason = "loadBalancer.type is layer2: no BGP sessions; announcing by ARP and NDP comes with another part"
    return { subject, reason }
  }
  if (cluster.loadBalancer.localAsn === undefined) {
    return { subject, reason: "loadBalancer.localASN is missing: no session can be opened" }
  }
  return undefined
}

/** The VIPs that some session announces, on the interface that the file names: the node must accept their traffic. */
const planAddresses = (
  cluster: DesiredCluster,
  sessions: ReadonlyArray<PlannedSession>
): { readonly addresses: ReadonlyArray<PlannedAddress>; readonly refusals: ReadonlyArray<Refusal> } => {
  const { controlPlaneVips, vipInterface } = cluster.loadBalancer
  const announced = new Set(sessions.flatMap((session) => session.routes.map((route) => route.prefix)))
  const vips = controlPlaneVips.filter((vip) => announced.has(hostPrefix(vip)))
  if (vipInterface === "none") {
    const reason = "vipInterface is none: announced only, somebody else puts it on the node"
    return { addresses: [], refusals: vips.map((vip) => ({ subject: `address ${vip}`, reason })) }
  }
  const addresses = vips.map((vip) => ({
    address: vip,
    prefixLength: addressBits(familyOf(vip)),
    interface: vipInterface,
    reason: "control-plane VIP that this node announces: it must accept the traffic"
  }))
  return { addresses, refusals: [] }
}

/** The plan of `self`. `view` is what is known of the machine: its name and its addresses. */
export const planNode = (cluster: DesiredCluster, view: NodeView, self: ClusterNode): NodePlan => {
  const nothing = { node: view.name, sessions: [], addresses: [], claims: [], assignments: [], services: [] }
  if (cluster.loadBalancer.mode === "manual") {
    const reason = "loadBalancer.mode is manual: somebody else balances this cluster"
    return { ...nothing, refusals: [{ subject: "load balancing", reason }] }
  }
  const services = serviceRefusals(cluster)
  const refusal = controlPlaneRefusal(cluster, self)
  const { localAsn } = cluster.loadBalancer
  if (refusal !== undefined || localAsn === undefined) {
    return { ...nothing, refusals: [...(refusal === undefined ? [] : [refusal]), ...services] }
  }
  const { sessions, refusals } = planControlPlane(cluster, view, self, localAsn)
  const held = planAddresses(cluster, sessions)
  return {
    node: view.name,
    sessions,
    addresses: held.addresses,
    claims: [],
    assignments: [],
    services: [],
    refusals: [...refusals, ...held.refusals, ...services]
  }
}
