// The addresses that one node at a time holds, who shall hold each (election/assign.ts), and what of it falls to this node.
// Floating IPs go to any live node of their subnet (S8); in layer 2 mode the VIPs themselves are such addresses. D5, I9.
import { assign } from "../election/assign.ts"
import type { ExpectedNode } from "../election/judge.ts"
import type { Assignment, Claimable, ClaimPurpose, ElectionNode } from "../election/types.ts"
import { addressBits, familyOf } from "../net/ip.ts"
import type { DesiredCluster } from "./desired.ts"
import type { ClusterStanding, PlannedClaim, Refusal } from "./types.ts"

/** The group that floating IPs belong to: the source knows one (S8). */
const GROUP = "default"

export const floatingIpClaimables = (cluster: DesiredCluster): ReadonlyArray<Claimable> =>
  cluster.floatingIps.map((address) => ({ address, purpose: "floating-ip", of: GROUP }))

const WHAT: Readonly<Record<ClaimPurpose, string>> = {
  "floating-ip": "floating IP",
  "control-plane-vip": "control-plane VIP",
  "service-vip": "service VIP"
}

export interface Claims {
  readonly assignments: ReadonlyArray<Assignment>
  readonly claims: ReadonlyArray<PlannedClaim>
  /** Addresses that no node can hold. */
  readonly refusals: ReadonlyArray<Refusal>
}

const electionNodes = ({ view }: ClusterStanding): ReadonlyArray<ElectionNode> => {
  const drained = new Set(view.drained)
  return view.members.map(({ name, address, addresses, leaving }) => ({
    name,
    addresses,
    leaving: leaving === true || drained.has(name) || drained.has(address)
  }))
}

/** Nodes of the file that no member is. */
const expectedNodes = (cluster: DesiredCluster, { view }: ClusterStanding): ReadonlyArray<ExpectedNode> => {
  const members = new Set<string>(view.members.map(({ address }) => address))
  const nodes = [...cluster.controlPlaneNodes, ...cluster.workerNodes, ...cluster.loadBalancer.nodes]
  const absent = nodes.filter(({ address }) => !members.has(address))
  return [...new Map(absent.map((node) => [node.address, node])).values()]
}

/** Who shall hold what, and what `self`, by its name, shall try to hold. */
export const planClaims = (
  claimables: ReadonlyArray<Claimable>,
  cluster: DesiredCluster,
  standing: ClusterStanding,
  self: string
): Claims => {
  const assignments = assign({
    claimables,
    nodes: electionNodes(standing),
    expected: expectedNodes(cluster, standing),
    claims: standing.view.claims,
    settling: standing.settling
  })
  const claims = assignments.flatMap(
    ({ address, purpose, of, node, interface: device, reason }): Array<PlannedClaim> => {
      if (node !== self || device === undefined) return []
      const why = `${WHAT[purpose]} of ${of}: ${reason}`
      return [{ address, prefixLength: addressBits(familyOf(address)), interface: device, purpose, reason: why }]
    }
  )
  const refusals = assignments
    .filter(({ node }) => node === undefined)
    .map(({ address, purpose, reason }) => ({ subject: `${WHAT[purpose]} ${address}`, reason }))
  return { assignments, claims, refusals }
}
