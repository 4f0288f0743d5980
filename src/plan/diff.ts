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

const none: ReadonlyArray<string> = []

const sameSet = (a = none, b = none): boolean =>
  a === b || (a.length === b.length && sameValue([...a].sort(), [...b].sort()))

/** Everything of a route that a peer or a reader of its name can see. */
const sameRoute = (a: PlannedRoute, b: PlannedRoute): boolean =>
  a === b ||
  (a.nextHop === b.nextHop &&
    a.name === b.name &&
    // For a peer that takes one path it decides whether this is the one.
    (a.single !== false) === (b.single !== false) &&
    a.med === b.med &&
    sameSet(a.communities, b.communities) &&
    sameSet(a.largeCommunities, b.largeCommunities))

type Paths = ReadonlyMap<string, ReadonlyArray<PlannedRoute>>

/** By prefix: a node may have 100,000 paths, and a prefix has as many as there are LB nodes. */
const pathsOf = ({ routes }: PlannedSession): Paths => {
  const paths = new Map<string, Array<PlannedRoute>>()
  for (const route of routes) {
    const list = paths.get(route.prefix)
    if (list === undefined) paths.set(route.prefix, [route])
    else list.push(route)
  }
  return paths
}

/** The same path: what a peer tells routes apart by (RFC 7911 section 3). */
const counterpart = (paths: Paths, { prefix, pathId }: PlannedRoute): PlannedRoute | undefined =>
  paths.get(prefix)?.find((route) => route.pathId === pathId)

const diffRoutes = (before: PlannedSession, after: PlannedSession): ChangedRoutes => {
  const old = pathsOf(before)
  const wanted = pathsOf(after)
  const isNew = (route: PlannedRoute): boolean => {
    const was = counterpart(old, route)
    return was === undefined || !sameRoute(was, route)
  }
  return {
    session: after,
    announce: after.routes.filter(isNew),
    withdraw: before.routes.filter((route) => counterpart(wanted, route) === undefined)
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
