// What happened, read off two statuses of a node, one after the other (I9). So services need not tell of it one by one, and whatever a
// status shows has its events. Where the news of a moment was missed, counters still tell that something was in between. What
// happens to many services at once is one event and not thousands. Pure.
import type { EventDraft } from "./eventLog.ts"
import type { EventReason } from "./eventReasons.ts"
import type { NodeStatus, ServiceStatus, SessionStatus } from "./nodeStatus.ts"
import { addressEvents } from "./statusEventsAddresses.ts"
import { clusterEvents } from "./statusEventsCluster.ts"

/** What of a status events are made from. */
export type Watched = Omit<NodeStatus, "process" | "events" | "elsewhere">

const sessionAbout = (name: string): EventDraft["about"] => ({
  apiVersion: "networking.gke.io/v1",
  kind: "BGPSession",
  namespace: "kube-system",
  name
})

const ends = ({ peerAddress, peerAsn, localAddress }: SessionStatus): string =>
  `${peerAddress} (AS ${peerAsn}) from ${localAddress}`

const sessionNews = (before: SessionStatus | undefined, after: SessionStatus): ReadonlyArray<EventDraft> => {
  const about = sessionAbout(after.name)
  const draft = (reason: EventReason, message: string): EventDraft => ({ reason, message, about })
  const up = after.state === "Established"
  const wasUp = before?.state === "Established"
  const fell = before !== undefined && after.flaps > before.flaps
  const lost = fell || (wasUp && !up)
  const why = after.reason ?? after.lastNotification?.text ?? "it was lost and came back"
  const failed = after.lastFailure !== undefined && after.lastFailure.at !== before?.lastFailure?.at
  return [
    ...(lost ? [draft("SessionLost", `with ${ends(after)}: ${why}`)] : []),
    ...(failed && !lost && !up ? [draft("SessionRefused", `with ${ends(after)}: ${after.reason ?? why}`)] : []),
    ...(up && (!wasUp || fell) ? [draft("SessionEstablished", `with ${ends(after)}`)] : [])
  ]
}

const sessionEvents = (before: Watched, after: Watched): ReadonlyArray<EventDraft> => {
  const was = new Map(before.sessions.map((session) => [session.name, session]))
  const is = new Set(after.sessions.map(({ name }) => name))
  return [
    ...before.sessions
      .filter(({ name }) => !is.has(name))
      .map(
        (session): EventDraft => ({
          reason: "SessionEnded",
          message: `with ${ends(session)}: it is not wanted on this node any more`,
          about: sessionAbout(session.name)
        })
      ),
    ...after.sessions.flatMap((session) => sessionNews(was.get(session.name), session))
  ]
}

const clusterAbout = ({ cluster }: Watched): EventDraft["about"] => ({
  apiVersion: "baremetal.cluster.gke.io/v1",
  kind: "Cluster",
  namespace: `cluster-${cluster}`,
  name: cluster
})

/** More services than this in one step are one event. */
const oneByOneMax = 10

const namesShown = 5

const keyOf = ({ namespace, name }: ServiceStatus): string => `${namespace}/${name}`

const serviceAbout = ({ namespace, name }: ServiceStatus): EventDraft["about"] => ({
  apiVersion: "v1",
  kind: "Service",
  namespace,
  name
})

interface ServiceNews {
  readonly service: ServiceStatus
  readonly reason: EventReason
  readonly message: string
}

/** "default/a, default/b and 998 more". */
const listed = (names: ReadonlyArray<string>): string =>
  names.length <= namesShown
    ? names.join(", ")
    : `${names.slice(0, namesShown).join(", ")} and ${names.length - namesShown} more`

/** Each on its own while they are few; otherwise one for each reason. */
const gathered = (status: Watched, all: ReadonlyArray<ServiceNews>): ReadonlyArray<EventDraft> => {
  const byReason = Map.groupBy(all, ({ reason }) => reason)
  return [...byReason].flatMap(([reason, news]): ReadonlyArray<EventDraft> => {
    if (news.length <= oneByOneMax)
      return news.map(({ service, message }) => ({ reason, message, about: serviceAbout(service) }))
    const messages = new Set(news.map(({ message }) => message))
    const [first = ""] = messages
    const what = messages.size === 1 ? first : `${first}, and the like`
    const services = listed(news.map(({ service }) => keyOf(service)))
    return [{ reason, message: `${news.length} services: ${what} (${services})`, about: clusterAbout(status) }]
  })
}

const without = (a: ReadonlyArray<string>, b: ReadonlyArray<string>): ReadonlyArray<string> =>
  a.filter((item) => !b.includes(item))

const serviceNews = (before: ServiceStatus | undefined, service: ServiceStatus): ReadonlyArray<ServiceNews> => {
  const got = without(service.addresses, before?.addresses ?? [])
  const gone = without(before?.addresses ?? [], service.addresses)
  const pool = service.pools.length === 0 ? "" : ` from pool ${service.pools.join(", ")}`
  const { reason } = service
  const settled = before?.reason !== undefined && reason === undefined
  return [
    ...(got.length === 0
      ? []
      : [{ service, reason: "AddressAllocated" as const, message: `has ${got.join(" and ")}${pool}` }]),
    ...(gone.length === 0
      ? []
      : [{ service, reason: "AddressReleased" as const, message: `gave ${gone.join(" and ")} back` }]),
    ...(reason === undefined || reason === before?.reason
      ? []
      : [{ service, reason: "ServiceRefused" as const, message: reason }]),
    ...(settled && got.length === 0 ? [{ service, reason: "ServiceServed" as const, message: "is announced" }] : [])
  ]
}

/** By node: the services whose traffic it takes. */
const takersOf = (services: ReadonlyArray<ServiceStatus>): ReadonlyMap<string, ReadonlySet<string>> => {
  const takers = new Map<string, Set<string>>()
  for (const service of services) {
    for (const { node } of service.nextHops) {
      const taken = takers.get(node)
      if (taken === undefined) takers.set(node, new Set([keyOf(service)]))
      else taken.add(keyOf(service))
    }
  }
  return takers
}

/** Of services that were there before and are there now: who takes their traffic besides, and who no more. */
const nextHopEvents = (before: Watched, after: Watched): ReadonlyArray<EventDraft> => {
  const [was, is] = [takersOf(before.services), takersOf(after.services)]
  const stay = new Set(before.services.filter(({ addresses }) => addresses.length > 0).map(keyOf))
  const now = new Map(after.services.map((service) => [keyOf(service), service]))
  const nodes = [...new Set([...was.keys(), ...is.keys()])].sort()
  return nodes.flatMap((node) => {
    const [had, has] = [was.get(node) ?? new Set<string>(), is.get(node) ?? new Set<string>()]
    const about = { apiVersion: "v1", kind: "Node", namespace: "", name: node }
    const added = [...has].filter((key) => !had.has(key) && stay.has(key))
    const removed = [...had].filter((key) => !has.has(key) && now.has(key))
    const why = new Set(
      removed.flatMap((key) => now.get(key)?.left.flatMap((one) => (one.node === node ? [one.reason] : [])) ?? [])
    )
    const because = why.size === 0 ? "" : `: ${[...why].join(", ")}`
    return [
      ...(added.length === 0
        ? []
        : [{ reason: "NextHopAdded" as const, message: `takes the traffic of ${listed(added)}`, about }]),
      ...(removed.length === 0
        ? []
        : [
            {
              reason: "NextHopRemoved" as const,
              message: `takes the traffic of ${listed(removed)} no more${because}`,
              about
            }
          ])
    ]
  })
}

const serviceEvents = (before: Watched, after: Watched): ReadonlyArray<EventDraft> => {
  if (before.services === after.services) return []
  const was = new Map(before.services.map((service) => [keyOf(service), service]))
  // What a node sees of a cluster that was there before it has not just happened.
  const first = before.members.length === 0 && after.store?.kind !== "embedded"
  const seen = after.services.flatMap((service) => serviceNews(was.get(keyOf(service)), service))
  const news = first ? seen.filter(({ reason }) => reason !== "AddressAllocated") : seen
  return [...gathered(after, news), ...nextHopEvents(before, after)]
}

const poolEvents = (before: Watched, after: Watched): ReadonlyArray<EventDraft> => {
  const full = ({ total, used, resting }: NodeStatus["pools"][number]) =>
    total !== "0" && BigInt(used + resting) >= BigInt(total)
  const was = new Set(before.pools.filter(full).map(({ name }) => name))
  return after.pools
    .filter((pool) => full(pool) && !was.has(pool.name))
    .map(({ name, total, resting }) => ({
      reason: "PoolExhausted",
      message:
        `pool ${name}: all ${total} addresses are taken` +
        (resting === 0 ? "" : `, ${resting} of them rest and are free soon`),
      about: clusterAbout(after)
    }))
}

/** What happened between two statuses of a node. Without `before`: it has just started. */
export const eventsBetween = (before: Watched | undefined, after: Watched): ReadonlyArray<EventDraft> => {
  const about = { apiVersion: "v1", kind: "Node", namespace: "", name: after.node }
  const nothing: Watched = {
    ...after,
    sessions: [],
    addresses: [],
    refusals: [],
    floatingIps: [],
    services: [],
    pools: [],
    members: []
  }
  const was = before ?? nothing
  return [
    ...(before === undefined
      ? [{ reason: "Started" as const, message: `viaduct ${after.version} has started`, about }]
      : []),
    ...clusterEvents(was, after, clusterAbout(after)),
    ...addressEvents(was, after),
    ...poolEvents(was, after),
    ...serviceEvents(was, after),
    ...sessionEvents(was, after)
  ]
}
