// BGPAdvertisedRoute (networking.gke.io/v1, S23): one prefix that the node announces, and for each next hop of it
// the sessions that announce it. Two sessions that announce the same path alike share one entry; paths that differ
// in anything a peer can see (next hop, path identifier, MED, communities) are entries of their own. Invariants:
// what is listed is what sessions say they announce, nothing that is merely wanted (I7); a name stands for one
// prefix. A second prefix under the same name (a dual-stack service) gets its address as a suffix. What the other nodes
// announce is listed with it as those nodes say; a session that this node has itself is never taken from there.
import { Schema } from "effect"
import { derivedMeta, groupVersion, type ResourceKind, type ResourceObject, SYSTEM_NAMESPACE } from "./kind.ts"
import type { AdvertisedRoute, NodeStatus } from "./nodeStatus.ts"

const { Int, String: Text, optionalKey } = Schema

const Spec = Schema.Struct({ prefix: Text, metric: optionalKey(Text) })

const NextHop = Schema.Struct({
  address: Text,
  pathID: optionalKey(Int),
  metric: optionalKey(Int),
  communities: optionalKey(Schema.Array(Text)),
  largeCommunities: optionalKey(Schema.Array(Text)),
  sessions: Schema.Array(Text)
})
type AnnouncedNextHop = typeof NextHop.Type

const Status = Schema.Struct({ nextHops: Schema.Array(NextHop) })

type BgpAdvertisedRoute = ResourceObject<typeof Spec.Type, typeof Status.Type>

/** A path and the session that announces it. */
interface Announcement {
  readonly path: AdvertisedRoute
  readonly session: string
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** IPv4 before IPv6, so that the prefix that was there first, as a rule, keeps the bare name. */
const comparePrefixes = (a: string, b: string): number =>
  Number(a.includes(":")) - Number(b.includes(":")) || compare(a, b)

/** `2001:db8::1/128` as a part of a name, in which a slash cannot be; a host prefix is just its address. */
const nameSuffix = (prefix: string): string => prefix.replace(/\/(?:32|128)$/, "").replace("/", "-")

const pathOf = (path: AdvertisedRoute): Omit<AnnouncedNextHop, "sessions"> => ({
  address: path.nextHop,
  ...(path.pathId === undefined ? {} : { pathID: path.pathId }),
  ...(path.med === undefined ? {} : { metric: path.med }),
  ...(path.communities === undefined ? {} : { communities: path.communities }),
  ...(path.largeCommunities === undefined ? {} : { largeCommunities: path.largeCommunities })
})

/** The same for paths that no peer could tell apart. */
const pathKey = ({ path }: Announcement): string => {
  const { nextHop, pathId, med, communities, largeCommunities } = path
  return `${nextHop} ${pathId ?? ""} ${med ?? ""} ${communities ?? ""} ${largeCommunities ?? ""}`
}

const nextHopsOf = (paths: ReadonlyArray<Announcement>): ReadonlyArray<AnnouncedNextHop> =>
  [...Map.groupBy(paths, pathKey)]
    .sort(([a], [b]) => compare(a, b))
    .flatMap(([, [first, ...more]]) =>
      first === undefined
        ? []
        : [{ ...pathOf(first.path), sessions: [first, ...more].map(({ session }) => session).sort(compare) }]
    )

const metricOf = (paths: ReadonlyArray<Announcement>): Pick<typeof Spec.Type, "metric"> => {
  const metrics = [...new Set(paths.flatMap(({ path: { med } }) => (med === undefined ? [] : [med])))]
  return metrics.length === 0 ? {} : { metric: metrics.sort((a, b) => a - b).join(",") }
}

/** The paths of every session that is known, this node's and the others'. */
const announcements = ({ sessions, elsewhere }: NodeStatus): ReadonlyArray<Announcement> => {
  const own = new Set(sessions.map(({ name }) => name))
  return [
    ...sessions.flatMap(({ name, advertised }) => advertised.map((path) => ({ path, session: name }))),
    ...elsewhere.flatMap(({ routes }) =>
      routes.flatMap(({ name, prefix, nextHops, sessions: carriers }) =>
        carriers
          .filter((session) => !own.has(session))
          .flatMap((session) => nextHops.map((nextHop) => ({ path: { name, prefix, nextHop }, session })))
      )
    )
  ]
}

const derive = (status: NodeStatus): ReadonlyArray<BgpAdvertisedRoute> => {
  const byName = [...Map.groupBy(announcements(status), ({ path }) => path.name)].sort(([a], [b]) => compare(a, b))
  return byName.flatMap(([name, paths]) =>
    [...Map.groupBy(paths, ({ path }) => path.prefix)]
      .sort(([a], [b]) => comparePrefixes(a, b))
      .map(([prefix, ofPrefix], index) => {
        const unique = index === 0 ? name : `${name}-${nameSuffix(prefix)}`
        return {
          apiVersion: groupVersion(bgpAdvertisedRoute),
          kind: bgpAdvertisedRoute.kind,
          metadata: derivedMeta(bgpAdvertisedRoute, status, unique),
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
  namespace: SYSTEM_NAMESPACE,
  description: "A prefix that is announced, and by which sessions with which next hops (S23)",
  schema: Schema.Struct({ spec: Spec, status: Status }),
  fields: {
    spec: "What is announced",
    "spec.prefix": "The announced prefix",
    "spec.metric": "MED of its paths (RFC 4271 5.1.4), several joined by commas; absent where no path has one",
    status: "How it is announced",
    "status.nextHops": "Paths that differ in anything that a peer can see",
    "status.nextHops.address": "The next hop",
    "status.nextHops.pathID": "Path identifier (RFC 7911)",
    "status.nextHops.metric": "MED",
    "status.nextHops.communities": "Communities (RFC 1997)",
    "status.nextHops.largeCommunities": "Large communities (RFC 8092)",
    "status.nextHops.sessions": "BGPSession objects that announce the path"
  },
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
