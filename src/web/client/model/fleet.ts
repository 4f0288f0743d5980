// The cluster as the pages show it, put together from the statuses of one node or of many: what a node says of itself
// counts more than what others repeat of it. Pure; every page is a function of a Fleet.
import type {
  FloatingIpStatus,
  MemberStatus,
  NodeStatus,
  RemoteNodeStatus,
  SessionState,
  SessionStatus
} from "../../../resources/nodeStatus.ts"
import type {
  Announced,
  Fleet,
  FleetAddress,
  FleetEvent,
  FleetNode,
  FleetRouter,
  FleetSession,
  LinkHealth,
  NodeHealth,
  Unreachable
} from "./fleetTypes.ts"

const collator = new Intl.Collator("en", { numeric: true })
export const byName = (a: string, b: string): number => collator.compare(a, b)

const linkHealth = (state: SessionState, reason: string | undefined): LinkHealth => {
  if (state === "Established") return "up"
  return reason === undefined ? "trying" : "down"
}

const keyOf = (node: string, s: Pick<SessionStatus, "purpose" | "localAddress" | "peerAddress" | "peerPort">): string =>
  `${s.purpose} ${s.purpose === "service" ? "" : node} ${s.localAddress} ${s.peerAddress} ${s.peerPort}`

const ownSession =
  (node: string) =>
  (s: SessionStatus): FleetSession => ({
    key: keyOf(node, s),
    node,
    name: s.name,
    purpose: s.purpose,
    state: s.state,
    health: linkHealth(s.state, s.reason),
    since: s.since,
    ...(s.reason === undefined ? {} : { reason: s.reason }),
    localAddress: s.localAddress,
    localAsn: s.localAsn,
    peerAddress: s.peerAddress,
    peerPort: s.peerPort,
    peerAsn: s.peerAsn,
    flaps: s.flaps,
    advertised: new Set(s.advertised.map(({ prefix }) => prefix)).size,
    received: s.received.routes,
    ...(s.lastFailure === undefined ? {} : { lastFailure: s.lastFailure }),
    ...(s.lastOpen === undefined ? {} : { lastOpen: s.lastOpen }),
    detail: s
  })

const toldSession =
  ({ node, reportedAt }: RemoteNodeStatus) =>
  (s: RemoteNodeStatus["sessions"][number]): FleetSession => ({
    ...s,
    key: keyOf(node, s),
    node,
    health: linkHealth(s.state, s.reason),
    reportedAt
  })

/** Every session once: a node's own word, otherwise the newest that others have of it. */
const sessionsOf = (statuses: ReadonlyArray<NodeStatus>): ReadonlyArray<FleetSession> => {
  const own = new Set(statuses.map(({ node }) => node))
  const told = newestTold(statuses).filter(({ node }) => !own.has(node))
  const all = [
    ...statuses.flatMap(({ node, sessions }) => sessions.map(ownSession(node))),
    ...told.flatMap((remote) => remote.sessions.map(toldSession(remote)))
  ]
  // While an address moves both nodes may list its session: the one that is up counts, then the one that entered its
  // state last.
  const byKey = new Map<string, FleetSession>()
  for (const session of all) {
    const other = byKey.get(session.key)
    if (other === undefined || prefers(session, other)) byKey.set(session.key, session)
  }
  return [...byKey.values()].sort((a, b) => byName(a.peerAddress, b.peerAddress) || byName(a.name, b.name))
}

const prefers = (a: FleetSession, b: FleetSession): boolean =>
  (a.health === "up") === (b.health === "up") ? a.since > b.since : a.health === "up"

const newestTold = (statuses: ReadonlyArray<NodeStatus>): ReadonlyArray<RemoteNodeStatus> => {
  const newest = new Map<string, RemoteNodeStatus>()
  for (const remote of statuses.flatMap(({ elsewhere }) => elsewhere)) {
    const other = newest.get(remote.node)
    if (other === undefined || remote.reportedAt > other.reportedAt) newest.set(remote.node, remote)
  }
  return [...newest.values()]
}

const moving = ["claiming", "probing", "releasing"]

const addressHealth = ({ state, node }: FloatingIpStatus): FleetAddress["health"] => {
  if (state === "conflict") return "conflict"
  if (moving.includes(state)) return "moving"
  if (state === "unassigned") return "nobody"
  return node === undefined ? "nobody" : "held"
}

const hasOwnWord = ({ state }: FloatingIpStatus): boolean => state !== "other" && state !== "unassigned"

const addressesOf = (statuses: ReadonlyArray<NodeStatus>): ReadonlyArray<FleetAddress> => {
  const best = new Map<string, FloatingIpStatus>()
  for (const address of statuses.flatMap(({ floatingIps }) => floatingIps)) {
    const other = best.get(address.address)
    if (other === undefined || (hasOwnWord(address) && !hasOwnWord(other))) best.set(address.address, address)
  }
  return [...best.values()]
    .map((address) => ({ ...address, health: addressHealth(address) }))
    .sort((a, b) => byName(a.address, b.address))
}

const memberHealth = ({ leaving, report }: MemberStatus): NodeHealth => {
  if (leaving) return "leaving"
  if (report === undefined) return "unknown"
  return report.ready ? "ready" : "not-ready"
}

const first = <T>(all: ReadonlyArray<ReadonlyArray<T>>, name: (item: T) => string): ReadonlyArray<T> => {
  const found = new Map<string, T>()
  for (const item of all.flat()) if (!found.has(name(item))) found.set(name(item), item)
  return [...found.values()].sort((a, b) => byName(name(a), name(b)))
}

/** What a node without members (nothing needs a store) says of itself. */
const aloneSummary = (sessions: ReadonlyArray<FleetSession>): string =>
  `${sessions.filter(({ health }) => health === "up").length} of ${sessions.length} sessions are Established`

const nodesOf = (
  statuses: ReadonlyArray<NodeStatus>,
  sessions: ReadonlyArray<FleetSession>,
  addresses: ReadonlyArray<FleetAddress>,
  seen: ReadonlySet<string>
): ReadonlyArray<FleetNode> => {
  const members = first(
    statuses.map((status) => status.members),
    ({ name }) => name
  )
  const names = new Set([
    ...statuses.map(({ node }) => node),
    ...members.map(({ name }) => name),
    ...sessions.map(({ node }) => node),
    ...addresses.flatMap(({ judgements, node }) => [...judgements.map((judgement) => judgement.node), node ?? ""]),
    ...seen
  ])
  names.delete("")
  return [...names].sort(byName).map((name) => {
    const own = sessions.filter(({ node }) => node === name)
    const status = statuses.find(({ node }) => node === name)
    const member = members.find((candidate) => candidate.name === name)
    const down = own.some(({ health }) => health !== "up")
    const alone = status !== undefined && members.length === 0
    const health = member === undefined ? (alone ? (down ? "not-ready" : "ready") : "silent") : memberHealth(member)
    const address = member?.address ?? own.find(({ purpose }) => purpose === "control-plane")?.localAddress
    return {
      name,
      ...(address === undefined ? {} : { address }),
      health: health === "unknown" && status !== undefined ? (down ? "not-ready" : "ready") : health,
      drained: member?.drained ?? false,
      summary: member?.report?.summary ?? (health === "silent" ? "no word from its daemon" : aloneSummary(own)),
      ...(member === undefined
        ? {}
        : { version: member.version, configHash: member.configHash, startedAt: member.startedAt }),
      sessions: own,
      held: addresses.filter(({ node, health }) => node === name && health !== "nobody"),
      ...(status === undefined ? {} : { status })
    }
  })
}

const routersOf = (sessions: ReadonlyArray<FleetSession>): ReadonlyArray<FleetRouter> => {
  const routers = new Map<string, Array<FleetSession>>()
  for (const session of sessions) {
    const list = routers.get(session.peerAddress)
    if (list === undefined) routers.set(session.peerAddress, [session])
    else list.push(session)
  }
  return [...routers]
    .map(([address, own]) => ({
      address,
      asn: own[0]?.peerAsn ?? 0,
      sessions: own,
      up: own.filter(({ health }) => health === "up").length
    }))
    .sort((a, b) => byName(a.address, b.address))
}

interface Collected {
  readonly name: string
  readonly nextHops: Set<string>
  readonly sessions: Map<string, { readonly name: string; readonly node: string }>
}

const announcedOf = (statuses: ReadonlyArray<NodeStatus>): ReadonlyArray<Announced> => {
  const found = new Map<string, Collected>()
  const at = (prefix: string, name: string): Collected => {
    const before = found.get(prefix)
    if (before !== undefined) return before
    const fresh: Collected = { name, nextHops: new Set(), sessions: new Map() }
    found.set(prefix, fresh)
    return fresh
  }
  for (const { node, sessions } of statuses)
    for (const session of sessions)
      for (const { name, prefix, nextHop } of session.advertised) {
        const entry = at(prefix, name)
        entry.nextHops.add(nextHop)
        entry.sessions.set(session.name, { name: session.name, node })
      }
  const own = new Set(statuses.map(({ node }) => node))
  for (const { node, routes } of newestTold(statuses)) {
    if (own.has(node)) continue
    for (const { name, prefix, nextHops, sessions } of routes) {
      const entry = at(prefix, name)
      for (const nextHop of nextHops) entry.nextHops.add(nextHop)
      for (const session of sessions) entry.sessions.set(session, { name: session, node })
    }
  }
  return [...found]
    .map(([prefix, { name, nextHops, sessions }]) => ({
      prefix,
      name,
      nextHops: [...nextHops].sort(byName),
      sessions: [...sessions.values()].sort((a, b) => byName(a.name, b.name))
    }))
    .sort((a, b) => byName(a.prefix, b.prefix))
}

const partial = (statuses: ReadonlyArray<NodeStatus>): boolean => {
  const remotes = newestTold(statuses)
  const told = new Set([...statuses.map(({ node }) => node), ...remotes.map(({ node }) => node)])
  return (
    remotes.some(({ routesMore }) => routesMore > 0) ||
    statuses.some(({ members }) => members.some(({ name }) => !told.has(name)))
  )
}

const eventsOf = (statuses: ReadonlyArray<NodeStatus>): ReadonlyArray<FleetEvent> => {
  const found = new Map<string, FleetEvent>()
  for (const { node, events } of statuses)
    for (const event of events) {
      const before = found.get(event.uid)
      if (before === undefined || before.count < event.count) found.set(event.uid, { ...event, node })
    }
  return [...found.values()].sort((a, b) => (a.lastAt < b.lastAt ? 1 : a.lastAt > b.lastAt ? -1 : 0))
}

const unreachableOf = (statuses: ReadonlyArray<NodeStatus>): ReadonlyArray<Unreachable> =>
  statuses.flatMap(({ node, unreachable }) => (unreachable === undefined ? [] : [{ node, ...unreachable }]))

/**
 * What a node said last is no news any more once it cannot be asked, or the others no longer count it among the living.
 */
const withoutStale = (statuses: ReadonlyArray<NodeStatus>): Array<NodeStatus> => {
  const fresh = statuses.filter(({ node, unreachable }) => {
    if (unreachable !== undefined) return false
    const others = statuses.filter((other) => other.node !== node && other.members.length > 0)
    return others.length === 0 || others.some(({ members }) => members.some(({ name }) => name === node))
  })
  return fresh.length === 0 ? [...statuses] : fresh
}

/** Names of the clusters among the statuses. */
export const clustersOf = (statuses: ReadonlyArray<NodeStatus>): ReadonlyArray<string> =>
  [...new Set(statuses.map(({ cluster }) => cluster))].sort(byName)

/**
 * One cluster out of the statuses.
 * @param seen names of nodes that were there earlier: those that are gone stay in the picture, as silent
 */
export const fleetOf = (
  all: ReadonlyArray<NodeStatus>,
  cluster: string,
  seen: ReadonlySet<string> = new Set()
): Fleet => {
  const own = all.filter((status) => status.cluster === cluster)
  const statuses = withoutStale(own).sort((a, b) => byName(a.node, b.node))
  const unreachable = unreachableOf(own)
  const sessions = sessionsOf(statuses)
  const addresses = addressesOf(statuses)
  const store = statuses.find((status) => status.store?.state === "lost")?.store ?? statuses.find((s) => s.store)?.store
  return {
    cluster,
    statuses,
    nodes: nodesOf(statuses, sessions, addresses, new Set([...seen, ...unreachable.map(({ node }) => node)])),
    unreachable,
    stale: own.length > 0 && unreachable.length === own.length,
    routers: routersOf(sessions),
    sessions,
    addresses,
    services: first(
      statuses.map((status) => status.services),
      ({ namespace, name }) => `${namespace}/${name}`
    ),
    pools: first(
      statuses.map((status) => status.pools),
      ({ name }) => name
    ),
    announced: announcedOf(statuses),
    announcedMore: newestTold(statuses).reduce((sum, { routesMore }) => sum + routesMore, 0),
    partial: partial(statuses),
    events: eventsOf(statuses),
    ...(store === undefined ? {} : { store })
  }
}
