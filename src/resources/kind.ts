// What a resource kind is, and what its objects look like: the one place that knows the Kubernetes object
// conventions (apiVersion, kind, metadata, spec, status; plural, singular and short names; columns with a
// priority). A kind is declared once and everything else (list, table, describe, discovery, selectors, watch) is
// derived from the declaration. Invariants: an object is plain JSON; a kind derives its objects from a node's status and
// the node's config alone; names are unique in a kind and namespace.
import type { ConfigSnapshot } from "../config/objects.ts"
import { hash32 } from "../net/hash.ts"
import type { NodeStatus } from "./nodeStatus.ts"

export interface ObjectMeta {
  readonly name: string
  readonly namespace: string
  /** Stays the same for as long as the daemon that has the object runs. */
  readonly uid: string
  /** Given by whoever serves the object; absent in objects that were derived and not served. */
  readonly resourceVersion?: string
  /** RFC 3339, whole seconds. */
  readonly creationTimestamp: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}

export interface ResourceObject<Spec = unknown, Status = unknown> {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: ObjectMeta
  readonly spec: Spec
  readonly status: Status
}

/** What a table can show; null is an empty cell. */
export type Cell = string | number | boolean | null

interface Column<O extends ResourceObject> {
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

export interface ResourceKind<O extends ResourceObject = ResourceObject> {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly plural: string
  readonly singular: string
  readonly shortNames: ReadonlyArray<string>
  readonly namespaced: boolean
  /** The namespace that all objects of the kind are in. */
  readonly namespace: string
  readonly columns: ReadonlyArray<Column<O>>
  /** Paths, beside metadata.name and metadata.namespace, that a field selector may name. */
  readonly selectableFields: ReadonlyArray<string>
  /** The objects of a node, in the order in which they are shown. */
  derive(status: NodeStatus, config: ConfigSnapshot): ReadonlyArray<O>
  /** The part whose change makes a new version: counters and report times, which change all the time, are left out. */
  content(object: O): unknown
}

/** `networking.gke.io/v1`; the core group is just `v1`. */
export const groupVersion = (kind: Pick<ResourceKind, "group" | "version">): string =>
  kind.group === "" ? kind.version : `${kind.group}/${kind.version}`

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
