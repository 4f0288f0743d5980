// What happened, read off two statuses of a node, one after the other (I9). So services need not tell of it one by one, and whatever a
// status shows has its events. Where the news of a moment was missed, counters still tell that something was in between. What
// happens to many services at once is one event and not thousands. Pure.
import { NO_ADDRESS } from "../plan/services.ts"
import type { EventDraft } from "./eventLog.ts"
import type { EventReason } from "./eventReasons.ts"
import type { NodeStatus, ServiceStatus, SessionStatus, StoreStatus } from "./nodeStatus.ts"
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

const noNews: ReadonlyArray<ServiceNews> = []

const sameList = (a: ReadonlyArray<string>, b: ReadonlyArray<string>): boolean =>
  a.length === b.length && a.every((item, at) => item === b[at])

const serviceNews = (before: ServiceStatus | undefined, service: ServiceStatus): ReadonlyArray<ServiceNews> => {
  if (before !== undefined && before.reason === service.reason && sameList(before.addresses, service.addresses))
    return noNews
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
    // The planner's word for what the allocator has not looked at yet; its own follows where there is none.
    ...(reason === undefined || reason === before?.reason || reason === NO_ADDRESS
      ? []
      : [{ service, reason: "ServiceRefused" as const, message: reason }]),
    ...(settled && got.length === 0 ? [{ service, reason: "ServiceServed" as const, message: "is announced" }] : [])
  ]
}

/** What became of the nodes that take traffic, by node. */
interface Turns {
  readonly added: Map<string, Array<string>>
  readonly removed: Map<string, Array<string>>
  /** Why they take it no more. */
  readonly why: Map<string, Set<string>>
}

const into = (lists: Map<string, Array<string>>, node: string, key: string): void => {
  const list = lists.get(node)
  if (list === undefined) lists.set(node, [key])
  else list.push(key)
}

/** As a rule nothing has changed, and looking at it costs no more than that. */
const sameTakers = (a: ServiceStatus["nextHops"], b: ServiceStatus["nextHops"]): boolean =>
  a === b || (a.length === b.length && a.every(({ node }, at) => node === b[at]?.node))

const noteTurns = ({ added, removed, why }: Turns, before: ServiceStatus, after: ServiceStatus): void => {
  if (before.addresses.length === 0 || sameTakers(before.nextHops, after.nextHops)) return
  const [had, has] = [before, after].map(({ nextHops }) => new Set(nextHops.map(({ node }) => node)))
  for (const node of has ?? []) if (had?.has(node) === false) into(added, node, keyOf(after))
  for (const node of had ?? []) {
    if (has?.has(node) !== false) continue
    into(removed, node, keyOf(after))
    const reasons = why.get(node) ?? new Set()
    for (const left of after.left) if (left.node === node) reasons.add(left.reason)
    why.set(node, reasons)
  }
}

/** Of services that were there before and are there now: who takes their traffic besides, and who no more. */
const nextHopEvents = ({ added, removed, why }: Turns): ReadonlyArray<EventDraft> => {
  const about = (name: string) => ({ apiVersion: "v1", kind: "Node", namespace: "", name })
  return [
    ...[...added].map(
      ([node, keys]): EventDraft => ({
        reason: "NextHopAdded",
        message: `takes the traffic of ${listed(keys)}`,
        about: about(node)
      })
    ),
    ...[...removed].map(([node, keys]): EventDraft => {
      const reasons = [...(why.get(node) ?? [])].join(", ")
      const because = reasons === "" ? "" : `: ${reasons}`
      const message = `takes the traffic of ${listed(keys)} no more${because}`
      return { reason: "NextHopRemoved", message, about: about(node) }
    })
  ]
}

/** Finds the services of before; they stand in the same place as a rule. */
const finder = (before: ReadonlyArray<ServiceStatus>) => {
  let all: Map<string, ServiceStatus> | undefined
  return (service: ServiceStatus, at: number): ServiceStatus | undefined => {
    const there = before[at]
    if (there !== undefined && there.name === service.name && there.namespace === service.namespace) return there
    all ??= new Map(before.map((one) => [keyOf(one), one]))
    return all.get(keyOf(service))
  }
}

const serviceEvents = (before: Watched, after: Watched): ReadonlyArray<EventDraft> => {
  if (before.services === after.services) return []
  const find = finder(before.services)
  const turns: Turns = { added: new Map(), removed: new Map(), why: new Map() }
  const seen: Array<ServiceNews> = []
  for (const [at, service] of after.services.entries()) {
    const was = find(service, at)
    seen.push(...serviceNews(was, service))
    if (was !== undefined) noteTurns(turns, was, service)
  }
  // What a node sees of a cluster that was there before it has not just happened; and while it has not heard of the cluster, all
  // services wait for that.
  const first = before.members.length === 0 && after.store?.kind !== "embedded"
  const news = seen.filter(
    ({ reason }) =>
      !(first && reason === "AddressAllocated") && !(after.members.length === 0 && reason === "ServiceRefused")
  )
  return [...gathered(after, news), ...nextHopEvents(turns)]
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
        `pool ${name}: ${total === "1" ? "its one address is" : `all ${total} addresses are`} taken` +
        (resting === 0 ? "" : `, ${resting} of them rest and are free soon`),
      about: clusterAbout(after)
    }))
}

const withoutReason = ({ reason: _, ...store }: StoreStatus): StoreStatus => store

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
    members: [],
    ...(after.store === undefined ? {} : { store: withoutReason(after.store) })
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
