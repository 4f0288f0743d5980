// What one node shall hold, from the desired cluster and what is known about the node and its cluster: the heart of the daemon,
// of `viaduct plan` and of the simulation alike. Total and pure: every input gives a plan, and what a reader might
// miss in it stands among the refusals with its reason (I7, I9). Rows S1-S16. The control plane needs no store; the
// services, and in layer 2 mode the control plane too, need to know the cluster (I11).
import { addressBits, familyOf, hostPrefix } from "../net/ip.ts"
import { planControlPlane } from "./controlPlane.ts"
import type { ClusterNode, DesiredCluster } from "./desired.ts"
import { planLayer2 } from "./layer2.ts"
import { nameSessions } from "./names.ts"
import { type Half, nothing, planServiceHalf, type ServiceParts } from "./serviceHalf.ts"
import type { NodePlan, NodeView, PlannedAddress, PlannedSession, Refusal } from "./types.ts"

/** Why the node has nothing to do with the control plane's VIPs, or undefined where it has. */
const controlPlaneRefusal = (cluster: DesiredCluster, self: ClusterNode): Refusal | undefined => {
  const subject = "control-plane VIPs"
  if (!cluster.controlPlaneNodes.some((node) => node.address === self.address)) {
    const nodes = cluster.controlPlaneNodes.map((node) => node.name).join(", ")
    return { subject, reason: `${self.address} is no control-plane node; those are ${nodes}` }
  }
  if (cluster.loadBalancer.type === "bgp" && cluster.loadBalancer.localAsn === undefined) {
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

/** The control-plane half in BGP mode. */
const planControlPlaneHalf = (cluster: DesiredCluster, view: NodeView, self: ClusterNode): Half => {
  const refusal = controlPlaneRefusal(cluster, self)
  const { localAsn } = cluster.loadBalancer
  if (refusal !== undefined || localAsn === undefined)
    return { ...nothing, refusals: refusal === undefined ? [] : [refusal] }
  const { sessions, refusals } = planControlPlane(cluster, view, self, localAsn)
  const vips = planAddresses(cluster, sessions)
  return { ...nothing, sessions, addresses: vips.addresses, refusals: [...refusals, ...vips.refusals] }
}

/**
 * The plan of `self`. `view` is what is known of the machine and of the cluster around it; `parts`: what is the same for every
 * node of that view, where many are planned.
 */
export const planNode = (
  cluster: DesiredCluster,
  view: NodeView,
  self: ClusterNode,
  parts?: ServiceParts
): NodePlan => {
  if (cluster.loadBalancer.mode === "manual") {
    const reason = "loadBalancer.mode is manual: somebody else balances this cluster"
    return { node: view.name, ...nothing, refusals: [{ subject: "load balancing", reason }] }
  }
  if (cluster.loadBalancer.type === "layer2") {
    const refusal = controlPlaneRefusal(cluster, self)
    const plan = planLayer2(cluster, view)
    return { node: view.name, ...plan, refusals: [...(refusal === undefined ? [] : [refusal]), ...plan.refusals] }
  }
  const control = planControlPlaneHalf(cluster, view, self)
  const services = planServiceHalf(cluster, view, self, parts)
  const sessions = [...control.sessions, ...services.sessions]
  return {
    ...services,
    node: view.name,
    nextHopsHere: view.addresses.map(({ address }) => address),
    sessions: nameSessions(sessions, view.name, view.cluster?.sessionNames, view.cluster?.view.claims),
    addresses: [...control.addresses, ...services.addresses],
    refusals: [...control.refusals, ...services.refusals]
  }
}
