// What a resource kind is, and what its objects look like: the one place that knows the Kubernetes object
// conventions (apiVersion, kind, metadata, spec, status; plural, singular and short names; columns with a
// priority). A kind is declared once and everything else (list, table, describe, discovery, selectors, watch) is
// derived from the declaration. Invariants: an object is plain JSON; a kind derives its objects from a node's status and
// the node's config alone; names are unique in a kind and namespace.
import type { Schema } from "effect"
import type { ConfigSnapshot } from "../config/objects.ts"
import { hash32 } from "../net/hash.ts"
import type { NodeStatus } from "./nodeStatus.ts"

export interface ObjectMeta {
  readonly name: string
  /** Absent where the kind is the cluster's. */
  readonly namespace?: string
  /** A document's is that of the config; of what is derived it stays the same for as long as the daemon runs. */
  readonly uid: string
  /** Given by whoever serves the object; absent in objects that were derived and not served. */
  readonly resourceVersion?: string
  /** RFC 3339, whole seconds. */
  readonly creationTimestamp: string
  /** Of a document: grows with each change of it. */
  readonly generation?: number
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}

/** An object of any kind. */
export interface ApiObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: ObjectMeta
}

export interface ResourceObject<Spec = unknown, Status = unknown> extends ApiObject {
  readonly spec: Spec
  readonly status: Status
}

/** What a table can show; null is an empty cell. */
export type Cell = string | number | boolean | null

export interface Column<O extends ApiObject> {
  readonly name: string
  readonly type: "string" | "integer" | "number" | "boolean" | "date"
  /** `name` marks the column that names the object. */
  readonly format?: "name"
  readonly description: string
  /** Shown with `-o wide` only. */
  readonly wide?: boolean
  /** `now` is milliseconds since the epoch. A method, so that a kind of known objects is also a kind of any object. */
  cell(object: O, now: number): Cell
}

export interface ResourceKind<O extends ApiObject = ApiObject> {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly plural: string
  readonly singular: string
  readonly shortNames: ReadonlyArray<string>
  readonly namespaced: boolean
  /** The namespace that all objects of the kind are in; absent where they are in several, or in none. */
  readonly namespace?: string
  /** Its objects are documents of the config, which can be changed. */
  readonly writable?: true
  /** What the kind is, for people who ask for an explanation of it. */
  readonly description: string
  /** The shape of an object, or of everything in it beside its metadata. */
  readonly schema: Schema.Top
  /** The shape of `status`, where `schema` has none. */
  readonly statusSchema?: Schema.Top
  /** What fields mean, by their dotted paths (lists are passed through): `spec.floatingIPs`. */
  readonly fields: Readonly<Record<string, string>>
  /**
   * Of a kind that is not ours: every other field that it has, by path, in a word (`string`, `string[]`, `map`, `any`). Clients then know
   * the whole kind, which for one that lacks them is left open.
   */
  readonly knownFields?: Readonly<Record<string, string>>
  readonly columns: ReadonlyArray<Column<O>>
  /** Paths, beside metadata.name and metadata.namespace, that a field selector may name. */
  readonly selectableFields: ReadonlyArray<string>
  /** The objects of a node, in the order in which they are shown. */
  derive(status: NodeStatus, config: ConfigSnapshot): ReadonlyArray<O>
  /** The part whose change makes a new version: counters and report times, which change all the time, are left out. */
  content(object: O): unknown
}

/** The group of objects that are ours and are in no namespace of anybody's. */
export const SYSTEM_NAMESPACE = "kube-system"

/** `networking.gke.io/v1`; the core group is just `v1`. */
export const groupVersion = (kind: Pick<ResourceKind, "group" | "version">): string =>
  kind.group === "" ? kind.version : `${kind.group}/${kind.version}`

/** Where the API serves a version of a group: `/apis/networking.gke.io/v1`, `/api/v1`. */
export const groupPath = (kind: Pick<ResourceKind, "group" | "version">): string =>
  `${kind.group === "" ? "/api" : "/apis"}/${groupVersion(kind)}`

/** The object among all of its kind: `kube-system/10.0.1.254-node-01`. */
export const objectKey = ({ metadata: { namespace, name } }: ApiObject): string =>
  namespace === undefined ? name : `${namespace}/${name}`

/** Metadata of an object that is no document: made from the status, and there for as long as the daemon runs. */
export const derivedMeta = (
  kind: Pick<ResourceKind, "kind" | "namespace">,
  status: Pick<NodeStatus, "cluster" | "node" | "startedAt">,
  name: string,
  namespace = kind.namespace
): ObjectMeta => ({
  name,
  ...(namespace === undefined ? {} : { namespace }),
  uid: derivedUid(status, kind.kind, namespace, name),
  creationTimestamp: objectTime(status.startedAt)
})

/** The identity of an object that is no document, on one node and for one life of its daemon. */
export const derivedUid = (
  { cluster, node, startedAt }: Pick<NodeStatus, "cluster" | "node" | "startedAt">,
  kind: string,
  namespace: string | undefined,
  name: string
): string => stableUid(kind, cluster, node, namespace ?? "", name, startedAt)

/** `bgpsessions.networking.gke.io`: how errors and `-o name` call a kind. */
export const qualified = (name: string, kind: Pick<ResourceKind, "group">): string =>
  kind.group === "" ? name : `${name}.${kind.group}`

/** The RFC 3339 time cut to whole seconds, as object times are written; text that is no time is passed on as it is. */
export const objectTime = (time: string): string => {
  const at = Date.parse(time)
  return Number.isNaN(at) ? time : `${new Date(at).toISOString().slice(0, 19)}Z`
}

/** A UUID (RFC 9562, version 8) made of the parts alone: the same parts give the same identity on every reader. */
export const stableUid = (...parts: ReadonlyArray<string>): string => {
  const text = parts.join("\u0000")
  const words = [0x811c9dc5, 0x9747b28c, 0x3c6ef372, 0xdaa66d2b].map((seed) => hash32(text, seed))
  const hex = words.map((word) => word.toString(16).padStart(8, "0")).join("")
  const variant = "89ab"[Number.parseInt(hex.slice(16, 17), 16) & 3]
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20)
  ].join("-")
}
