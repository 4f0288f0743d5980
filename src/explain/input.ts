// What an explanation is made from, and the sessions of the whole cluster in one shape: this node's own, with all that is known of them,
// and those of the others as they tell of them through the store.
import type { DesiredCluster } from "../plan/desired.ts"
import type { NodeStatus, RemoteNodeStatus, ServiceStatus, SessionStatus } from "../resources/nodeStatus.ts"
import type { SessionProbe } from "./types.ts"

export interface ExplainInput {
  readonly status: NodeStatus
  /** Absent: the node has no config that can be read. */
  readonly cluster?: DesiredCluster
  /** By name of the session; of sessions of this node that are down. */
  readonly probes?: ReadonlyMap<string, SessionProbe>
  /** By name of the session: prefixes that the cluster announces and that this peer announces to us. */
  readonly heardBack?: ReadonlyMap<string, ReadonlyArray<string>>
  /** Milliseconds since the epoch. */
  readonly nowMs: number
}

/** What of a prefix a session has told its peer; `unknown`: another node announces more than it tells of. */
export type Carried = { readonly nextHops: ReadonlyArray<string> } | "unknown" | undefined

/** A session of this node or of another one. */
export interface Seen extends Omit<RemoteNodeStatus["sessions"][number], "advertised"> {
  readonly node: string
  /** All that is known: it is a session of this node. */
  readonly own?: SessionStatus
  readonly carried: (prefix: string) => Carried
}

const ownSession = (node: string, session: SessionStatus): Seen => ({
  ...session,
  received: session.received.routes,
  node,
  own: session,
  carried: (prefix) => {
    const paths = session.advertised.filter((path) => path.prefix === prefix)
    return paths.length === 0 ? undefined : { nextHops: paths.map(({ nextHop }) => nextHop) }
  }
})

const remoteSession =
  ({ node, routes, routesMore }: RemoteNodeStatus) =>
  (session: RemoteNodeStatus["sessions"][number]): Seen => ({
    ...session,
    node,
    carried: (prefix) => {
      const route = routes.find((one) => one.prefix === prefix)
      if (route === undefined) return routesMore > 0 ? "unknown" : undefined
      return route.sessions.includes(session.name) ? { nextHops: route.nextHops } : undefined
    }
  })

/** Every session of the cluster that this node knows of, its own first. */
export const allSessions = ({ node, sessions, elsewhere }: NodeStatus): ReadonlyArray<Seen> => [
  ...sessions.map((session) => ownSession(node, session)),
  ...elsewhere.flatMap((remote) => remote.sessions.map(remoteSession(remote)))
]

export const isUp = ({ state }: Pick<Seen, "state">): boolean => state === "Established"

/** `<namespace>/<name>`. */
export const serviceKey = ({ namespace, name }: Pick<ServiceStatus, "namespace" | "name">): string =>
  `${namespace}/${name}`

export const findService = ({ services }: NodeStatus, key: string): ServiceStatus | undefined =>
  services.find((service) => serviceKey(service) === key)

/** "node-01 and node-02", "a, b and c". */
export const list = (items: ReadonlyArray<string>): string =>
  items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`

export const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`

/** "2 of 3 sessions Established". */
export const upOf = (sessions: ReadonlyArray<Pick<Seen, "state">>, wanted = sessions.length): string =>
  `${sessions.filter(isUp).length} of ${count(wanted, "session")} Established`
