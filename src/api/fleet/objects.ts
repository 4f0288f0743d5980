// The objects of a kind over all nodes of a console. Within a cluster an object is shown once: as its own node has it, otherwise as the node
// that leads. Clusters are kept apart: where there are several, every object has the label viaduct.dev/cluster, and a name that more than
// one of them has gets the cluster's as a suffix in all of them, and keeps it for as long as the console runs, so that a name never comes to
// mean another cluster's object. A node that does not answer is a Node whose condition is Unknown, and an Event says since when.
import { condition } from "../../resources/condition.ts"
import { event } from "../../resources/event.ts"
import {
  type ApiObject,
  groupVersion,
  objectKey,
  objectTime,
  type ResourceKind,
  stableUid
} from "../../resources/kind.ts"
import { listResources } from "../../resources/kinds.ts"
import { node } from "../../resources/node.ts"
import { isObject } from "../../resources/patch/json.ts"
import { textAt } from "../../resources/valueAt.ts"
import { type AwayNode, awayEvent, awayText, nameOfAway, type SeenCluster, type SeenNode } from "./fleet.ts"

export const CLUSTER_LABEL = "viaduct.dev/cluster"

/** Where an object says which node it is of. */
const ownerPaths: Readonly<Record<string, string>> = {
  BGPSession: "spec.nodeName",
  FloatingIP: "status.node",
  Node: "metadata.name"
}

const isOwn = (object: ApiObject, { status }: SeenNode): boolean => {
  const path = ownerPaths[object.kind]
  return path !== undefined && textAt(object, path) === status.node
}

const uidOf = (cluster: string, kind: string, namespace: string, name: string): string =>
  stableUid("fleet", cluster, kind, namespace, name)

/** An event names what it is about by an identity: a document's own, or the one that it has in this fleet. */
const withAboutUid = (object: ApiObject, cluster: string, { config }: SeenNode): ApiObject => {
  const about = "involvedObject" in object ? object.involvedObject : undefined
  if (!isObject(about)) return object
  const [kind = "", name = "", namespace = ""] = ["kind", "name", "namespace"].map((key) => textAt(about, key) ?? "")
  const documented = config.objects.some(
    (one) => one.kind === kind && one.metadata.name === name && one.metadata.namespace === namespace
  )
  if (documented) return object
  const involvedObject = { ...about, uid: uidOf(cluster, kind, namespace, name) }
  return Object.assign({}, object, { involvedObject })
}

/** One identity for what is derived, whichever node it is derived from. */
const withUid = (object: ApiObject, cluster: string, from: SeenNode): ApiObject => {
  if (object.kind === event.kind) return withAboutUid(object, cluster, from)
  if (object.metadata.generation !== undefined) return object
  const { namespace = "", name } = object.metadata
  return { ...object, metadata: { ...object.metadata, uid: uidOf(cluster, object.kind, namespace, name) } }
}

/** The Node of a node that does not answer: as the others know it, or as good as nothing. */
const awayObject = (away: AwayNode, cluster: string, known: ApiObject | undefined): ApiObject => {
  const name = nameOfAway(away)
  const others = textAt(known, "status.phase")
  const message = others === undefined ? awayText(away) : `${awayText(away)}; by the other nodes it is ${others}`
  const unknown = { ...condition("Ready", false, "NodeUnreachable", message, away.since), status: "Unknown" }
  const told = known !== undefined && "status" in known && isObject(known.status) ? known.status : {}
  const base: ApiObject = known ?? {
    apiVersion: groupVersion(node),
    kind: node.kind,
    metadata: {
      name,
      uid: uidOf(cluster, node.kind, "", name),
      creationTimestamp: objectTime(away.last?.startedAt ?? away.since),
      labels: { "kubernetes.io/hostname": name }
    }
  }
  const status = {
    addresses: [{ type: "Hostname", address: name }],
    nodeInfo: { kubeletVersion: away.last?.version ?? "" },
    ...told,
    phase: "Unknown",
    conditions: [unknown]
  }
  return Object.assign({ spec: {} }, base, { status })
}

const awayEventObject = (away: AwayNode, cluster: string): ApiObject => {
  const { uid, type, reason, message, about, count } = awayEvent(away, cluster)
  const at = objectTime(away.since)
  return Object.assign(
    {
      apiVersion: groupVersion(event),
      kind: event.kind,
      metadata: { name: `${about.name}.${uid}`, namespace: "default", uid, creationTimestamp: at }
    },
    {
      ...{ type, reason, message, count, firstTimestamp: at, lastTimestamp: at },
      involvedObject: {
        apiVersion: "v1",
        kind: node.kind,
        name: about.name,
        uid: uidOf(cluster, node.kind, "", about.name)
      },
      ...{ source: { component: "viaduct-console", host: "" }, reportingComponent: "viaduct-console" },
      reportingInstance: ""
    }
  )
}

/** Each object of one cluster once, in the order in which the node that leads has them. */
const inCluster = (kind: ResourceKind, { name: cluster, nodes, away }: SeenCluster): ReadonlyArray<ApiObject> => {
  const found = new Map<string, { readonly object: ApiObject; readonly own: boolean }>()
  for (const seen of nodes)
    for (const object of listResources(kind, seen.status, seen.config)) {
      const key = objectKey(object)
      const own = isOwn(object, seen)
      const before = found.get(key)
      if (before === undefined || (own && !before.own)) found.set(key, { object: withUid(object, cluster, seen), own })
    }
  if (kind === node)
    for (const one of away) {
      const key = nameOfAway(one)
      found.set(key, { object: awayObject(one, cluster, found.get(key)?.object), own: true })
    }
  if (kind === event) for (const one of away) found.set(one.url, { object: awayEventObject(one, cluster), own: true })
  return [...found.values()].map(({ object }) => object)
}

const renamed = (object: ApiObject, cluster: string, shared: boolean): ApiObject => {
  const { name, labels } = object.metadata
  const metadata = { ...object.metadata, labels: { ...labels, [CLUSTER_LABEL]: cluster } }
  return { ...object, metadata: shared ? { ...metadata, name: sharedName(name, cluster) } : metadata }
}

/** What an object is called where another cluster has one of its name. */
const sharedName = (name: string, cluster: string): string => `${name}.${cluster}`

/** The name of an object in its own cluster, where `isThere` knows it under that name. */
export const nameIn = (cluster: string, name: string, isThere: (name: string) => boolean): string => {
  const suffix = `.${cluster}`
  const bare = name.endsWith(suffix) ? name.slice(0, -suffix.length) : name
  return bare !== name && !isThere(name) && isThere(bare) ? bare : name
}

/** Lists objects over all clusters; remembers the names that several of them have had. */
export const makeFleetObjects = () => {
  const shared = new Set<string>()
  return (clusters: ReadonlyArray<SeenCluster>, kind: ResourceKind): ReadonlyArray<ApiObject> => {
    const [only] = clusters
    if (clusters.length <= 1) return only === undefined ? [] : inCluster(kind, only)
    const lists = clusters.map((cluster) => ({ cluster: cluster.name, objects: inCluster(kind, cluster) }))
    const keyOf = (object: ApiObject) => `${kind.plural}.${kind.group} ${objectKey(object)}`
    const once = new Set<string>()
    for (const { objects } of lists)
      for (const object of objects) {
        const key = keyOf(object)
        if (once.has(key)) shared.add(key)
        once.add(key)
      }
    return lists.flatMap(({ cluster, objects }) =>
      objects.map((object) => renamed(object, cluster, shared.has(keyOf(object))))
    )
  }
}
