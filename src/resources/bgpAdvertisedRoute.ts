// BGPAdvertisedRoute (networking.gke.io/v1, S23): one prefix that the node announces, and for each next hop of it
// the sessions that announce it. Two sessions that announce the same path alike share one entry; paths that differ
// in anything a peer can see (next hop, path identifier, MED, communities) are entries of their own. Invariants:
// what is listed is what sessions say they announce, nothing that is merely wanted (I7); a name stands for one
// prefix. A second prefix under the same name (a dual-stack service) gets its address as a suffix.
import { groupVersion, objectTime, type ResourceKind, type ResourceObject, stableUid } from "./kind.ts"
import type { AdvertisedRoute, NodeStatus } from "./nodeStatus.ts"

interface BgpAdvertisedRouteSpec {
  readonly prefix: string
  /** MED of the paths (RFC 4271 5.1.4), several joined by commas; absent where no path has one. */
  readonly metric?: string
}

interface AnnouncedNextHop {
  readonly address: string
  readonly pathID?: number
  readonly metric?: number
  readonly communities?: ReadonlyArray<string>
  readonly largeCommunities?: ReadonlyArray<string>
  /** Names of the BGPSession objects that announce the path. */
  readonly sessions: ReadonlyArray<string>
}

interface BgpAdvertisedRouteStatus {
  readonly nextHops: ReadonlyArray<AnnouncedNextHop>
}

type BgpAdvertisedRoute = ResourceObject<BgpAdvertisedRouteSpec, BgpAdvertisedRouteStatus>

interface Announcement extends AdvertisedRoute {
  readonly session: string
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** IPv4 before IPv6, so that the prefix that was there first, as a rule, keeps the bare name. */
const comparePrefixes = (a: string, b: string): number =>
  Number(a.includes(":")) - Number(b.includes(":")) || compare(a, b)

/** `2001:db8::1/128` as a part of a name, in which a slash cannot be; a host prefix is just its address. */
const nameSuffix = (prefix: string): string => prefix.replace(/\/(?:32|128)$/, "").replace("/", "-")

const groupBy = <T>(items: ReadonlyArray<T>, key: (item: T) => string): ReadonlyMap<string, ReadonlyArray<T>> => {
  const groups = new Map<string, Array<T>>()
  for (const item of items) {
    const group = groups.get(key(item))
    if (group === undefined) groups.set(key(item), [item])
    else group.push(item)
  }
  return groups
}

const pathOf = (path: Announcement): Omit<AnnouncedNextHop, "sessions"> => ({
  address: path.nextHop,
  ...(path.pathId === undefined ? {} : { pathID: path.pathId }),
  ...(path.med === undefined ? {} : { metric: path.med }),
  ...(path.communities === undefined ? {} : { communities: path.communities }),
  ...(path.largeCommunities === undefined ? {} : { largeCommunities: path.largeCommunities })
})

const nextHopsOf = (paths: ReadonlyArray<Announcement>): ReadonlyArray<AnnouncedNextHop> =>
  [...groupBy(paths, (path) => JSON.stringify(pathOf(path)))]
    .sort(([a], [b]) => compare(a, b))
    .flatMap(([, [first, ...more]]) =>
      first === undefined
        ? []
        : [{ ...pathOf(first), sessions: [first, ...more].map(({ session }) => session).sort(compare) }]
    )

const metricOf = (paths: ReadonlyArray<Announcement>): Pick<BgpAdvertisedRouteSpec, "metric"> => {
  const metrics = [...new Set(paths.flatMap(({ med }) => (med === undefined ? [] : [med])))]
  return metrics.length === 0 ? {} : { metric: metrics.sort((a, b) => a - b).join(",") }
}

const derive = (status: NodeStatus): ReadonlyArray<BgpAdvertisedRoute> => {
  const announced = status.sessions.flatMap((session) =>
    session.advertised.map((path): Announcement => ({ ...path, session: session.name }))
  )
  const byName = [...groupBy(announced, ({ name }) => name)].sort(([a], [b]) => compare(a, b))
  return byName.flatMap(([name, paths]) =>
    [...groupBy(paths, ({ prefix }) => prefix)]
      .sort(([a], [b]) => comparePrefixes(a, b))
      .map(([prefix, ofPrefix], index) => {
        const unique = index === 0 ? name : `${name}-${nameSuffix(prefix)}`
        return {
          apiVersion: groupVersion(bgpAdvertisedRoute),
          kind: bgpAdvertisedRoute.kind,
          metadata: {
            name: unique,
            namespace: bgpAdvertisedRoute.namespace,
            uid: stableUid(bgpAdvertisedRoute.kind, status.cluster, status.node, unique, status.startedAt),
            creationTimestamp: objectTime(status.startedAt)
          },
          spec: { prefix, ...metricOf(ofPrefix) },
          status: { nextHops: nextHopsOf(ofPrefix) }
        }
      })
  )
}

export const bgpAdvertisedRoute: ResourceKind<BgpAdvertisedRoute> = {
  group: "networking.gke.io",
  version: "v1",
  kind: "BGPAdvertisedRoute",
  plural: "bgpadvertisedroutes",
  singular: "bgpadvertisedroute",
  shortNames: ["bgpar"],
  namespaced: true,
  namespace: "kube-system",
  selectableFields: ["spec.prefix"],
  columns: [
    {
      name: "Name",
      type: "string",
      format: "name",
      description: "What is announced: namespace and name of the service, or the control plane",
      cell: ({ metadata }) => metadata.name
    },
    { name: "Prefix", type: "string", description: "The announced prefix", cell: ({ spec }) => spec.prefix },
    {
      name: "Metric",
      type: "string",
      description: "Multi-exit discriminator (RFC 4271 5.1.4)",
      cell: ({ spec }) => spec.metric ?? null
    },
    {
      name: "Next Hops",
      type: "string",
      description: "Next hops announced for the prefix",
      wide: true,
      cell: ({ status }) => [...new Set(status.nextHops.map(({ address }) => address))].join(",")
    },
    {
      name: "Sessions",
      type: "integer",
      description: "Number of sessions that announce the prefix",
      wide: true,
      cell: ({ status }) => new Set(status.nextHops.flatMap(({ sessions }) => sessions)).size
    }
  ],
  derive,
  content: ({ spec, status }) => ({ spec, status })
}
