// All that a console sees as one status, for what takes one: the status of the node that leads, with the others beside it as it would have
// them itself: their sessions in short, their addresses, services, pools and events. Who wants each node in full follows the changes, where
// every node speaks for itself.
import type {
  EventRecord,
  FloatingIpStatus,
  MemberStatus,
  NodeStatus,
  PoolStatus,
  RemoteNodeStatus,
  ServiceStatus
} from "../../resources/nodeStatus.ts"
import { readiness } from "../../resources/readiness.ts"
import { awayEvent, nameOfAway, nameOfUrl, type SeenCluster } from "./fleet.ts"

/** The first of each key. */
const once = <T>(items: ReadonlyArray<T>, key: (item: T) => string): ReadonlyArray<T> =>
  [...new Map(items.toReversed().map((item) => [key(item), item])).values()].toReversed()

/** A node as another one would know it. */
const toldBy = ({ node, sessions }: NodeStatus): RemoteNodeStatus => {
  const routes = new Map<string, { name: string; prefix: string; nextHops: Set<string>; sessions: Set<string> }>()
  for (const { name: session, advertised } of sessions)
    for (const { name, prefix, nextHop } of advertised) {
      const route = routes.get(prefix) ?? { name, prefix, nextHops: new Set(), sessions: new Set() }
      route.nextHops.add(nextHop)
      route.sessions.add(session)
      routes.set(prefix, route)
    }
  const reportedAt =
    sessions
      .map(({ lastReport }) => lastReport)
      .sort()
      .at(-1) ?? new Date(0).toISOString()
  return {
    node,
    reportedAt,
    sessions: sessions.map(({ advertised, received, ...session }) => ({
      ...session,
      advertised: advertised.length,
      received: received.routes
    })),
    routes: [...routes.values()].map((route) => ({
      ...route,
      nextHops: [...route.nextHops].sort(),
      sessions: [...route.sessions]
    })),
    routesMore: 0
  }
}

const hasOwnWord = ({ state }: FloatingIpStatus): boolean => state !== "other" && state !== "unassigned"

const newestLast = (events: ReadonlyArray<EventRecord>): ReadonlyArray<EventRecord> =>
  [...events].sort((a, b) => (a.lastAt < b.lastAt ? -1 : a.lastAt > b.lastAt ? 1 : 0))

/** What is missing, of a fleet: nodes that do not answer, and those that are not ready. */
export const fleetReadiness = (clusters: ReadonlyArray<SeenCluster>) => {
  const away = clusters.flatMap((cluster) =>
    cluster.away.map((one) => `${nameOfAway(one)} does not answer: ${one.why}`)
  )
  const seen = clusters.flatMap(({ nodes }) => nodes.map(({ status }) => readiness(status)))
  const notReady = seen.flatMap(({ ready, node, summary }) => (ready ? [] : [`${node}: ${summary}`]))
  return {
    ready: away.length + notReady.length === 0,
    nodes: seen.length + away.length,
    missing: [...away, ...notReady]
  }
}

const absent = (name: string, why: string, last: NodeStatus | undefined): MemberStatus => ({
  name,
  address: "",
  version: last?.version ?? "",
  configHash: last?.config.hash ?? "",
  startedAt: last?.startedAt ?? new Date(0).toISOString(),
  nextHops: {},
  leaving: false,
  drained: false,
  report: { ready: false, summary: why, sessions: { established: 0, expected: 0 }, held: [] }
})

/** Undefined where no node answers. */
export const fleetStatus = (clusters: ReadonlyArray<SeenCluster>): NodeStatus | undefined => {
  const all = clusters.flatMap(({ nodes }) => nodes.map(({ status }) => status))
  const [lead, ...others] = all
  if (lead === undefined) return undefined
  if (all.length === 1 && clusters.every(({ away }) => away.length === 0)) return lead
  const seen = new Set(all.map(({ node }) => node))
  const floatingIps = all.flatMap((status) => status.floatingIps)
  const away = clusters.flatMap((cluster) => cluster.away)
  const told = all.flatMap(({ elsewhere }) => elsewhere).filter(({ node }) => !seen.has(node))
  return {
    ...lead,
    cluster: [...new Set(clusters.map(({ name }) => name))].filter((name) => name !== "").join(","),
    elsewhere: [
      ...others.map(toldBy),
      ...once(
        [...told].sort((a, b) => (a.reportedAt < b.reportedAt ? 1 : -1)),
        ({ node }) => node
      )
    ],
    floatingIps: once([...floatingIps.filter(hasOwnWord), ...floatingIps], ({ address }) => address),
    services: once(
      all.flatMap((status): ReadonlyArray<ServiceStatus> => status.services),
      ({ namespace, name }) => `${namespace}/${name}`
    ),
    pools: once(
      all.flatMap((status): ReadonlyArray<PoolStatus> => status.pools),
      ({ name }) => name
    ),
    members: once(
      [
        ...away.map((one) => absent(nameOfAway(one), `the console cannot ask it: ${one.why}`, one.last)),
        ...all.flatMap(({ members }) => members)
      ],
      ({ name }) => name
    ),
    events: newestLast(
      once(
        [
          ...all.flatMap(({ events }) => events),
          ...clusters.flatMap(({ name, away: gone }) => gone.map((one) => awayEvent(one, name)))
        ],
        ({ uid }) => uid
      )
    )
  }
}

/** Why nothing can be shown, in one sentence. */
export const nobodyAnswers = (clusters: ReadonlyArray<SeenCluster>): string => {
  const away = clusters.flatMap((cluster) => cluster.away)
  const [first] = away
  if (away.length === 1 && first !== undefined) return `the node at ${first.url} cannot be asked: ${first.why}`
  return `no node answers: ${away.map(({ url, why }) => `${nameOfUrl(url)}: ${why}`).join("; ")}`
}
