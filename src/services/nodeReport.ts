// What a node tells the others about itself (NodeSummary): how it does, its sessions in short, and a bounded part of what it announces,
// grouped, so that ten thousand services cost what two hundred do. The record stands in the store under the node's lease; it is
// written when something has changed, since every write is one that the store keeps.
import type { Address } from "../net/ip.ts"
import type { NodeSummary, RouteGroup, SessionSummary } from "../plan/view.ts"
import type { NodeStatus, SessionStatus } from "../resources/nodeStatus.ts"
import { readiness } from "../resources/readiness.ts"

type Reported = Parameters<typeof readiness>[0] & Pick<NodeStatus, "sessions">

/** Prefixes that others are told of. */
const routesMax = 200

const sessionSummary = (session: SessionStatus): SessionSummary => ({
  name: session.name,
  purpose: session.purpose,
  localAsn: session.localAsn,
  peerAsn: session.peerAsn,
  localAddress: session.localAddress,
  peerAddress: session.peerAddress,
  peerPort: session.peerPort,
  state: session.state,
  since: session.since,
  ...(session.reason === undefined ? {} : { reason: session.reason }),
  flaps: session.flaps,
  // What explains a session that is down; of one that is up nobody has to know.
  ...(session.lastFailure === undefined ? {} : { lastFailure: session.lastFailure }),
  ...(session.state === "Established" || session.lastOpen === undefined ? {} : { lastOpen: session.lastOpen }),
  ...(session.passwordFile === undefined ? {} : { passwordFile: session.passwordFile }),
  ...(session.ttlSecurity === undefined ? {} : { ttlSecurity: session.ttlSecurity }),
  advertised: session.advertised.length,
  received: session.received.routes
})

interface Announced {
  readonly name: string
  readonly prefix: string
  readonly nextHops: Set<string>
  readonly sessions: Set<number>
}

const announcedBy = (sessions: ReadonlyArray<SessionStatus>) => {
  const routes = new Map<string, Announced>()
  const all = new Set<string>()
  for (const [place, { advertised }] of sessions.entries()) {
    for (const { name, prefix, nextHop } of advertised) {
      all.add(prefix)
      const known = routes.get(prefix)
      if (known === undefined) {
        if (routes.size === routesMax) continue
        routes.set(prefix, { name, prefix, nextHops: new Set([nextHop]), sessions: new Set([place]) })
      } else {
        known.nextHops.add(nextHop)
        known.sessions.add(place)
      }
    }
  }
  return { routes: [...routes.values()], more: all.size - routes.size }
}

const grouped = (routes: ReadonlyArray<Announced>): ReadonlyArray<RouteGroup> => {
  const groups = Map.groupBy(routes, ({ nextHops, sessions }) => `${[...nextHops].sort()} ${[...sessions]}`)
  return [...groups.values()].flatMap(([first, ...more]) =>
    first === undefined
      ? []
      : [
          {
            nextHops: [...first.nextHops].sort(),
            sessions: [...first.sessions],
            routes: [first, ...more].map(({ name, prefix }) => [name, prefix] as const)
          }
        ]
  )
}

/** Announced routes of sessions, worked out anew when one of the lists is another. */
export const makeAnnouncements = () => {
  let lists: ReadonlyArray<unknown> = []
  let last: Pick<NonNullable<NodeSummary["bgp"]>, "routes" | "more"> = { routes: [], more: 0 }
  return (sessions: ReadonlyArray<SessionStatus>) => {
    const same = lists.length === sessions.length && sessions.every(({ advertised }, at) => advertised === lists[at])
    if (same) return last
    lists = sessions.map(({ advertised }) => advertised)
    const { routes, more } = announcedBy(sessions)
    last = { routes: grouped(routes), more }
    return last
  }
}

const conflictsOf = ({ floatingIps }: Reported) => {
  const conflicts = floatingIps.filter(({ state }) => state === "conflict")
  return conflicts.length === 0 ? {} : { conflicts: conflicts.map(({ address, reason }) => ({ address, reason })) }
}

/** `reportedAt` is RFC 3339. */
export const nodeSummary = (
  status: Reported,
  held: ReadonlyArray<Address>,
  announcements: ReturnType<typeof makeAnnouncements>,
  reportedAt: string
): NodeSummary => {
  const { ready, summary } = readiness(status)
  const { sessions } = status
  const established = sessions.filter(({ state }) => state === "Established").length
  return {
    node: status.node,
    ready,
    summary,
    sessions: { established, expected: sessions.length },
    held,
    reportedAt,
    bgp: { sessions: sessions.map(sessionSummary), ...announcements(sessions), ...conflictsOf(status) }
  }
}

/** What the others have to hear soon: everything but the steps of tries that fail, which go on and on while a peer is away. */
export const urgentPart = ({ reportedAt: _, bgp, ...rest }: NodeSummary): string =>
  JSON.stringify([
    rest,
    bgp?.sessions.map(({ name, state, reason, advertised }) =>
      state === "Established" ? [name, state, advertised] : [name, reason]
    ),
    bgp?.routes,
    bgp?.more,
    bgp?.conflicts
  ])

/** Everything but when it was said. */
export const wholePart = ({ reportedAt: _, ...rest }: NodeSummary): string => JSON.stringify(rest)
