// What names a document: kind, namespace and name. A namespace that is not written is the cluster's, and `default` for what Kubernetes
// keeps there; NetworkGatewayGroup without metadata has them at its top (S19). And what of a document is its own, apart from what a
// server writes into it.
import { defaultNamespace } from "./desired.ts"
import { KINDS } from "./kinds.ts"
import type { ObjectRef } from "./objects.ts"
import { DEFAULT_NAMESPACE } from "./services.ts"

export type Json = Readonly<Record<string, unknown>>

export const isRecord = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const textOf = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined)

/** Kinds whose objects are in no namespace, and those that Kubernetes puts into `default`. */
const CLUSTER_WIDE = new Set(["Namespace"])
const IN_DEFAULT = new Set(["Service", "EndpointSlice"])

const isKnownKind = ({ apiVersion, kind }: Json): boolean =>
  KINDS.some((known) => known.kind === kind && known.apiVersion === apiVersion)

const metadataOf = (value: Json): Json => {
  if (isRecord(value.metadata)) return value.metadata
  return value.metadata === undefined && value.kind === "NetworkGatewayGroup" ? value : {}
}

/** The namespace of the Cluster among `values`, for the documents that name none; `default` where there is no Cluster. */
export const clusterNamespaceOf = (values: ReadonlyArray<unknown>): string => {
  const cluster = values.find((value) => isRecord(value) && value.kind === "Cluster" && isKnownKind(value))
  const { name, namespace } = isRecord(cluster) ? metadataOf(cluster) : {}
  const named = textOf(name)
  return textOf(namespace) ?? (named === undefined ? DEFAULT_NAMESPACE : defaultNamespace(named))
}

/** What names `value`; undefined for what is no object of a kind that we know, or has no name. */
export const refOf = (value: unknown, clusterNamespace: string): ObjectRef | undefined => {
  if (!isRecord(value) || !isKnownKind(value)) return undefined
  const { apiVersion, kind } = value
  const metadata = metadataOf(value)
  // The daemon's own document needs no metadata.
  const name = textOf(metadata.name) ?? (kind === "DaemonConfig" ? "default" : undefined)
  if (name === undefined || typeof apiVersion !== "string" || typeof kind !== "string") return undefined
  const usual = IN_DEFAULT.has(kind) ? DEFAULT_NAMESPACE : clusterNamespace
  const namespace = CLUSTER_WIDE.has(kind) ? "" : (textOf(metadata.namespace) ?? usual)
  return { apiVersion, kind, namespace, name }
}

/** The same for the same object. */
export const refKey = ({ kind, namespace, name }: ObjectRef): string => `${kind}/${namespace}/${name}`

/** "BGPPeer cluster-bm/tor-a", for people. */
export const refText = ({ kind, namespace, name }: ObjectRef): string =>
  `${kind} ${namespace === "" ? name : `${namespace}/${name}`}`

const texts = (value: unknown): Readonly<Record<string, string>> | undefined => {
  if (!isRecord(value) || Object.keys(value).length === 0) return undefined
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, String(item)]))
}

/** The document as people see and change it: with name and namespace written out, without what a server adds and without status. */
export interface ObjectContent {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly [field: string]: unknown
}

export const contentOfObject = (value: Json, { apiVersion, kind, namespace, name }: ObjectRef): ObjectContent => {
  const { apiVersion: _, kind: __, metadata: ___, status: ____, ...rest } = value
  const own = isRecord(value.metadata) ? rest : without(rest, ["name", "namespace"])
  const metadata = metadataOf(value)
  const labels = texts(metadata.labels)
  const annotations = isRecord(value.metadata) ? texts(metadata.annotations) : undefined
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      namespace,
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations })
    },
    ...own
  }
}

const without = (value: Json, keys: ReadonlyArray<string>): Json =>
  Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)))

/** What only a server writes into metadata. */
const SERVER_METADATA = [
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "managedFields",
  "selfLink"
]

/** The document as it goes into a file: as it was given, without what only a server writes. */
export const asWritten = (value: Json): Json => {
  const { apiVersion, kind, metadata, status: _, ...rest } = value
  const own = isRecord(metadata) ? { metadata: without(metadata, SERVER_METADATA) } : {}
  return { apiVersion, kind, ...own, ...rest }
}
