// The cluster's part of a node's status: the plan, what the store shows and how this node stands to it, put together for people.
import type { Allocation } from "../ipam/allocate.ts"
import { type PoolUse, poolUse } from "../ipam/poolUse.ts"
import { serviceKey } from "../ipam/types.ts"
import type { NodePlan } from "../plan/types.ts"
import type { ClusterView, NodeSummary } from "../plan/view.ts"
import type {
  FloatingIpState,
  FloatingIpStatus,
  MemberStatus,
  RemoteNodeStatus,
  ServiceStatus
} from "../resources/nodeStatus.ts"
import type { Standing } from "./Elector.ts"

const stateOf = (standing: Standing | undefined, assigned: string | undefined): FloatingIpState => {
  if (standing !== undefined && standing.phase !== "idle") return standing.phase
  return assigned === undefined ? "unassigned" : "other"
}

/** One entry for each address that moves, in the order of the plan. `startedAt` stands where this node never had to do with it. */
export const floatingIpStatus = (
  plan: NodePlan | undefined,
  { claims }: ClusterView,
  standings: ReadonlyArray<Standing>,
  startedAt: string
): ReadonlyArray<FloatingIpStatus> => {
  // In layer 2 mode there may be thousands.
  const standingOf = new Map(standings.map((standing) => [standing.address, standing]))
  const claimOf = new Map(claims.map((claim) => [claim.address, claim]))
  return (plan?.assignments ?? []).map(({ address, purpose, of, node, reason, judgements, interface: name }) => {
    const standing = standingOf.get(address)
    const state = stateOf(standing, node)
    const claim = claimOf.get(address)
    const mine = standing !== undefined && standing.phase !== "idle"
    const on = mine ? standing.interface : name
    return {
      address,
      purpose,
      of,
      state,
      since: standing === undefined ? startedAt : new Date(standing.since).toISOString(),
      ...(claim === undefined ? {} : { node: claim.node, generation: claim.generation }),
      ...(on === undefined ? {} : { interface: on }),
      reason: mine && standing.phase !== "held" ? standing.reason : reason,
      judgements
    }
  })
}

const serviceStatus = (
  services: NodePlan["services"],
  allocated: Allocation["statuses"]
): ReadonlyArray<ServiceStatus> =>
  services.map((service) => {
    const why = allocated.get(serviceKey(service))?.reason
    return why === undefined ? service : { ...service, reason: why }
  })

/**
 * What the planner says of each service, and where it has no address, why the allocator gave it none. The same value while neither is
 * another: there may be thousands, and whoever compares two statuses need not look at each.
 */
export const makeServiceStatus = () => {
  let of: readonly [NodePlan["services"], Allocation["statuses"]] | undefined
  let is: ReadonlyArray<ServiceStatus> = []
  return (services: NodePlan["services"], allocated: Allocation["statuses"]): ReadonlyArray<ServiceStatus> => {
    if (of?.[0] !== services || of[1] !== allocated) {
      of = [services, allocated]
      is = serviceStatus(services, allocated)
    }
    return is
  }
}

const reportOf = ({ summaries = [] }: ClusterView, name: string): Pick<MemberStatus, "report"> => {
  const said = summaries.find(({ node }) => node === name)
  if (said === undefined) return {}
  const { node: _, bgp: _bgp, reportedAt: _at, ...report } = said
  return { report }
}

export const memberStatus = (view: ClusterView): ReadonlyArray<MemberStatus> =>
  view.members.map(({ name, address, version, configHash, startedAt, nextHops, leaving }) => ({
    name,
    address,
    version,
    configHash,
    startedAt,
    nextHops,
    leaving: leaving === true,
    drained: view.drained.includes(name),
    ...reportOf(view, name)
  }))

const routesOf = ({ sessions, routes }: NonNullable<NodeSummary["bgp"]>): RemoteNodeStatus["routes"] =>
  routes.flatMap(({ nextHops, sessions: places, routes: group }) => {
    const names = places.flatMap((place) => sessions[place]?.name ?? [])
    return group.map(([name, prefix]) => ({ name, prefix, nextHops, sessions: names }))
  })

/**
 * The other nodes, in their own words. A node writes when something has changed, not on and on: that its lease stands by the store's word
 * proves that its daemon was alive and had nothing to add `provenMs` ago (ms since the epoch).
 */
export const elsewhere = (view: ClusterView, self: string, provenMs: number): ReadonlyArray<RemoteNodeStatus> =>
  (view.summaries ?? []).flatMap(({ node, bgp, reportedAt }): ReadonlyArray<RemoteNodeStatus> => {
    if (node === self || bgp === undefined || reportedAt === undefined) return []
    const saidMs = Date.parse(reportedAt)
    const at = Number.isNaN(saidMs) ? provenMs : Math.max(saidMs, provenMs)
    return [
      {
        node,
        reportedAt: new Date(at).toISOString(),
        sessions: bgp.sessions,
        routes: routesOf(bgp),
        routesMore: bgp.more,
        ...(bgp.conflicts === undefined ? {} : { conflicts: bgp.conflicts })
      }
    ]
  })

/** The pools and their use; worked out anew when one of the three is another. */
export const makePoolStatus = (): typeof poolUse => {
  let last: { readonly of: Parameters<typeof poolUse>; readonly is: ReadonlyArray<PoolUse> } | undefined
  return (...of) => {
    if (last === undefined || of.some((item, at) => item !== last?.of[at])) last = { of, is: poolUse(...of) }
    return last.is
  }
}
