// What changes from one plan to the next, as the supervisor has to carry it out: only sessions whose own
// parameters changed are reset; changed routes go out on the session as it is; the rest is not touched (I5).
// Withdrawals and removals are listed apart from additions, so that an address goes only after its routes (I8).
// Reasons and order are no change.
import type { NodePlan, PlannedAddress, PlannedRoute, PlannedSession, SessionParameters } from "./types.ts"

export interface ResetSession {
  readonly before: PlannedSession
  readonly after: PlannedSession
  /** The parameters that differ and force a new session. */
  readonly changed: ReadonlyArray<keyof SessionParameters>
}

export interface ChangedRoutes {
  readonly session: PlannedSession
  /** New, or with another next hop or other attributes. */
  readonly announce: ReadonlyArray<PlannedRoute>
  /** No longer wanted at all. */
  readonly withdraw: ReadonlyArray<PlannedRoute>
}

export interface PlanDiff {
  readonly sessions: {
    readonly added: ReadonlyArray<PlannedSession>
    readonly removed: ReadonlyArray<PlannedSession>
    readonly reset: ReadonlyArray<ResetSession>
    readonly routesChanged: ReadonlyArray<ChangedRoutes>
    /** As the new plan has them. */
    readonly unchanged: ReadonlyArray<PlannedSession>
  }
  readonly addresses: {
    readonly added: ReadonlyArray<PlannedAddress>
    readonly removed: ReadonlyArray<PlannedAddress>
  }
}

const sameValue = (a: unknown, b: unknown): boolean => a === b || JSON.stringify(a) === JSON.stringify(b)

/** Every parameter by name: a parameter added to the contract and forgotten here does not compile. */
const PARAMETERS: Readonly<Record<keyof SessionParameters, true>> = {
  localAddress: true,
  peerAddress: true,
  peerPort: true,
  localAsn: true,
  peerAsn: true,
  routerId: true,
  holdTime: true,
  keepaliveTime: true,
  connectRetryTime: true,
  passive: true,
  ttlSecurity: true,
  passwordFile: true,
  sourcePort: true,
  gracefulRestart: true,
  addPaths: true,
  families: true
}

const changedParameters = (a: SessionParameters, b: SessionParameters): ReadonlyArray<keyof SessionParameters> =>
  (Object.keys(PARAMETERS) as ReadonlyArray<keyof SessionParameters>).filter((key) => !sameValue(a[key], b[key]))

/** What a peer tells routes apart by (RFC 7911 section 3). */
const routeKey = (route: PlannedRoute): string => `${route.prefix} ${route.pathId ?? ""}`

/** Everything of a route that a peer or a reader of its name can see. */
const routeValue = (route: PlannedRoute): string =>
  JSON.stringify([
    route.name,
    route.nextHop,
    // For a peer that takes one path it decides whether this is the one.
    route.single !== false,
    route.med ?? null,
    [...(route.communities ?? [])].sort(),
    [...(route.largeCommunities ?? [])].sort()
  ])

const diffRoutes = (before: PlannedSession, after: PlannedSession): ChangedRoutes => {
  const old = new Map(before.routes.map((route) => [routeKey(route), routeValue(route)]))
  const wanted = new Set(after.routes.map(routeKey))
  return {
    session: after,
    announce: after.routes.filter((route) => old.get(routeKey(route)) !== routeValue(route)),
    withdraw: before.routes.filter((route) => !wanted.has(routeKey(route)))
  }
}

const addressKey = (a: PlannedAddress): string => `${a.address}/${a.prefixLength} ${a.interface}`

const missingIn = (list: ReadonlyArray<PlannedAddress>, other: ReadonlyArray<PlannedAddress>) => {
  const there = new Set(other.map(addressKey))
  return list.filter((address) => !there.has(addressKey(address)))
}

/** The difference; `before` is undefined where nothing was held yet. */
export const diffPlans = (before: NodePlan | undefined, after: NodePlan): PlanDiff => {
  const old = new Map((before?.sessions ?? []).map((session) => [session.key, session]))
  const wanted = new Set(after.sessions.map((session) => session.key))
  const reset: Array<ResetSession> = []
  const routesChanged: Array<ChangedRoutes> = []
  const unchanged: Array<PlannedSession> = []
  for (const session of after.sessions) {
    const previous = old.get(session.key)
    if (previous === undefined) continue
    const changed = changedParameters(previous.parameters, session.parameters)
    const routes = diffRoutes(previous, session)
    if (changed.length > 0) reset.push({ before: previous, after: session, changed })
    else if (routes.announce.length + routes.withdraw.length > 0) routesChanged.push(routes)
    else unchanged.push(session)
  }
  return {
    sessions: {
      added: after.sessions.filter((session) => !old.has(session.key)),
      removed: (before?.sessions ?? []).filter((session) => !wanted.has(session.key)),
      reset,
      routesChanged,
      unchanged
    },
    addresses: {
      added: missingIn(after.addresses, before?.addresses ?? []),
      removed: missingIn(before?.addresses ?? [], after.addresses)
    }
  }
}
