// Every node's plan under one config, as it stands when the cluster has come to rest with it: services have the addresses that
// the allocator would give them, addresses that move are where the election puts them. What a change is compared by (change.ts).
// A node that is only in the new config counts as alive there: that is what the change is for; one that both have and that is
// not there stays away.
import { subnetAround } from "../election/judge.ts"
import type { Assignment, Claim, SubnetAddress } from "../election/types.ts"
import { type Allocation, allocate } from "../ipam/allocate.ts"
import { type Address, prefixLength } from "../net/ip.ts"
import { floatingIpClaimables, planClaims } from "./claims.ts"
import type { ClusterNode, DesiredCluster } from "./desired.ts"
import { allNodes } from "./findSelf.ts"
import { planNode } from "./planNode.ts"
import { serviceParts } from "./serviceHalf.ts"
import { supposedAddress, supposedMember } from "./supposedView.ts"
import type { ClusterStanding, LocalAddress, NodePlan, NodeView } from "./types.ts"
import type { ClusterView, Member, SessionSummary } from "./view.ts"

/** The node that works the change out, as it knows itself. */
export interface ChangeSelf {
  readonly name: string
  readonly addresses: ReadonlyArray<LocalAddress>
  /** Names by key of its sessions that run. */
  readonly sessionNames?: ReadonlyMap<string, string>
  /** Names of those that are Established. */
  readonly established?: ReadonlySet<string>
}

export interface WorldInput {
  /** With this node's own record in it. Absent: there is no word of a store, and only the control plane is planned. */
  readonly view: ClusterView | undefined
  readonly self: ChangeSelf | undefined
  /** Nodes that have a daemon once the config is in force, whether it is there by now or not. */
  readonly supposed: ReadonlySet<Address>
  /** Nodes that the config is about to let go of. */
  readonly leaving: ReadonlySet<Address>
  readonly force: boolean
  /** Where it is known already what the allocator gives. */
  readonly allocation?: Allocation
  /** Milliseconds since the epoch. */
  readonly nowMs: number
  /** The config is in force: what the nodes call their sessions is what they say. */
  readonly inForce: boolean
}

export interface PlannedNode {
  readonly name: string
  /** Its daemon is there, as far as can be known. */
  readonly alive: boolean
  /** Names of its sessions that are Established; none where nobody has said. */
  readonly established: ReadonlySet<string>
  /**
   * Worked out anew each time: with thousands of services the plans of all nodes together would be hundreds of megabytes. `running`:
   * names by key of the sessions that keep theirs.
   */
  readonly plan: (running?: ReadonlyMap<string, string>) => NodePlan
}

export interface World {
  readonly cluster: DesiredCluster
  /** By address of the node in the file. */
  readonly nodes: ReadonlyMap<Address, PlannedNode>
  readonly assignments: ReadonlyArray<Assignment>
  /** Absent where nothing is known of the cluster, or no service is ours to serve. */
  readonly allocation?: Allocation
  /** With the claims and bindings that it ends with. */
  readonly view: ClusterView | undefined
}

export const atOnce = <T>(steps: Generator<void, T>): T => {
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
  }
}

/** As the allocator rests addresses by default; how long matters to nobody who asks what a change does. */
const REST_MS = 300_000

const selfAt = (node: ClusterNode, self: ChangeSelf | undefined): ChangeSelf | undefined =>
  self?.addresses.some(({ address }) => address === node.address) ? self : undefined

/** With the prefix length that members around it have, where there are some. */
const suppose = (node: ClusterNode, members: ReadonlyArray<Member>): Member => {
  const around = subnetAround(
    node.address,
    members.flatMap(({ addresses }) => addresses)
  )
  const address: SubnetAddress =
    around === undefined ? supposedAddress(node) : { ...supposedAddress(node), prefixLength: prefixLength(around) }
  return supposedMember(node, [address])
}

const membersOf = (cluster: DesiredCluster, { view, self, supposed, leaving }: WorldInput): ReadonlyArray<Member> => {
  const all = (view?.members ?? []).filter(({ address }) => !leaving.has(address))
  // A daemon whose node is not in the config stands aside, as if on its way out, until it is.
  const members = all.map(({ leaving: aside, ...member }) =>
    aside === undefined || supposed.has(member.address) ? member : { ...member, leaving: aside }
  )
  const there = new Set(members.map(({ address }) => address))
  const more = allNodes(cluster).filter(({ address }) => supposed.has(address) && !there.has(address))
  const newcomer = (node: ClusterNode): Member => {
    const me = selfAt(node, self)
    return me === undefined ? suppose(node, members) : { ...supposedMember(node, me.addresses), name: me.name }
  }
  return [...members, ...more.map(newcomer)]
}

/** Who holds what when every assignment has been carried out. */
const settledClaims = (assignments: ReadonlyArray<Assignment>, claims: ReadonlyArray<Claim>): ReadonlyArray<Claim> => {
  const known = new Map(claims.map((claim) => [claim.address, claim]))
  const next = claims.reduce((most, { generation }) => Math.max(most, generation), 0) + 1
  return assignments.flatMap(({ address, node }): Array<Claim> => {
    if (node === undefined) return []
    const claim = known.get(address)
    return [claim?.node === node ? claim : { address, node, generation: next }]
  })
}

/** A node's sessions in its own words. */
const toldSessions = (view: ClusterView | undefined, node: string): ReadonlyArray<SessionSummary> | undefined =>
  view?.summaries?.find((summary) => summary.node === node)?.bgp?.sessions

/** What a node calls its sessions, in its own words: by key, as the planners make keys. */
const toldNames = (view: ClusterView, node: string): ReadonlyMap<string, string> | undefined => {
  const sessions = toldSessions(view, node)
  return (
    sessions &&
    new Map(
      sessions.map(({ name, purpose, localAddress, peerAddress, peerPort }) => [
        `${purpose}/${localAddress}/${peerAddress}:${peerPort}`,
        name
      ])
    )
  )
}

/** Of a node's sessions those that are up, in its own words. */
const upAt = (
  node: ClusterNode,
  name: string,
  { self, inForce }: WorldInput,
  view: ClusterView | undefined
): ReadonlySet<string> => {
  if (!inForce) return new Set()
  const up = (toldSessions(view, name) ?? []).filter(({ state }) => state === "Established")
  return selfAt(node, self)?.established ?? new Set(up.map((session) => session.name))
}

/** How planNode sees a node of the file; `undefined` for `view`: nothing is known of the others. */
const viewOf = (
  node: ClusterNode,
  { self, inForce }: WorldInput,
  members: ReadonlyMap<Address, Member>,
  view: ClusterView | undefined
): NodeView => {
  const member = members.get(node.address)
  const me = selfAt(node, self)
  const name = member?.name ?? me?.name ?? node.name
  const addresses = me?.addresses ?? member?.addresses ?? [supposedAddress(node)]
  if (view === undefined) return { name, addresses, withoutCluster: "there is no word from the cluster's store" }
  const held = view.claims.flatMap((claim) => (claim.node === name ? [claim.address] : []))
  // A node that the config did not have runs no session, whatever it said when it last ran some.
  const said = inForce ? (me?.sessionNames ?? toldNames(view, name)) : undefined
  return { name, addresses, cluster: { view, held, sessionNames: said ?? new Map(), settling: false } }
}

const allocationOf = (cluster: DesiredCluster, view: ClusterView, { force, nowMs }: WorldInput): Allocation =>
  allocate({
    pools: cluster.loadBalancer.pools,
    services: cluster.services,
    bindings: view.bindings,
    resting: view.resting,
    serviceFamilies: cluster.serviceFamilies,
    nowMs,
    restMs: REST_MS,
    force
  })

/** Who shall hold each address that moves. */
const assignmentsOf = (cluster: DesiredCluster, node: ClusterNode, view: ClusterView): ReadonlyArray<Assignment> => {
  const standing: ClusterStanding = { view, held: [], sessionNames: new Map(), settling: false }
  const { mode, type } = cluster.loadBalancer
  if (mode === "manual") return []
  if (type === "layer2") {
    const nodeView = { name: node.name, addresses: [], cluster: standing }
    return planNode(cluster, nodeView, node).assignments
  }
  return cluster.type === "admin" ? [] : planClaims(floatingIpClaimables(cluster), cluster, standing, "").assignments
}

/** In layer 2 mode a node has nothing but what the assignments give it. */
const layer2Plan = (node: string): NodePlan => ({
  node,
  sessions: [],
  addresses: [],
  claims: [],
  assignments: [],
  services: [],
  refusals: []
})

/** The nodes of the file; their plans are worked out when they are asked for. */
const plannedNodes = (
  cluster: DesiredCluster,
  input: WorldInput,
  members: ReadonlyMap<Address, Member>,
  view: ClusterView | undefined
): ReadonlyMap<Address, PlannedNode> => {
  const layer2 = cluster.loadBalancer.type === "layer2"
  const parts = view === undefined || layer2 ? undefined : serviceParts(cluster, view)
  return new Map(
    allNodes(cluster).map((node): [Address, PlannedNode] => {
      const seen = viewOf(node, input, members, view)
      const plan = (sessionNames = seen.cluster?.sessionNames ?? new Map<string, string>()): NodePlan => {
        if (layer2) return layer2Plan(seen.name)
        const standing = seen.cluster === undefined ? {} : { cluster: { ...seen.cluster, sessionNames } }
        return planNode(cluster, { ...seen, ...standing }, node, parts)
      }
      const alive = view === undefined || members.has(node.address)
      return [node.address, { name: seen.name, alive, established: upAt(node, seen.name, input, view), plan }]
    })
  )
}

/** The whole cluster under `cluster`, when it has come to rest; step by step, since with thousands of services each takes a while. */
export function* worldSteps(cluster: DesiredCluster, input: WorldInput): Generator<void, World> {
  const members = membersOf(cluster, input)
  const byAddress = new Map(members.map((member) => [member.address, member]))
  const nodesIn = (seen: ClusterView | undefined) => plannedNodes(cluster, input, byAddress, seen)
  if (input.view === undefined) return { cluster, nodes: nodesIn(undefined), assignments: [], view: undefined }
  const serving = cluster.type !== "admin" && cluster.loadBalancer.mode === "bundled"
  const allocation = serving ? (input.allocation ?? allocationOf(cluster, input.view, input)) : undefined
  yield
  const { bindings, resting } = allocation ?? input.view
  const view: ClusterView = { ...input.view, members, bindings, resting }
  const [first] = allNodes(cluster)
  const assignments = first === undefined ? [] : assignmentsOf(cluster, first, view)
  yield
  const settled = { ...view, claims: settledClaims(assignments, view.claims) }
  return {
    cluster,
    nodes: nodesIn(settled),
    assignments,
    ...(allocation === undefined ? {} : { allocation }),
    view: settled
  }
}

/** Every step at once. */
export const worldOf = (cluster: DesiredCluster, input: WorldInput): World => atOnce(worldSteps(cluster, input))

/** A session by its ends: where a floating IP is does not change it. */
export interface SessionEnds {
  readonly node: string
  readonly localAddress: Address
  readonly peerAddress: Address
  readonly peerPort: number
}

/** The sessions of every node that is there. */
export const sessionsOf = ({ nodes }: World): ReadonlyArray<SessionEnds> =>
  [...nodes.values()].flatMap(({ name, plan, alive }) =>
    alive
      ? plan().sessions.map(({ parameters: { localAddress, peerAddress, peerPort } }) => ({
          node: name,
          localAddress,
          peerAddress,
          peerPort
        }))
      : []
  )
