// What the kinds of documents have in common: their objects are the documents of the config as they stand (src/config/objects.ts),
// with a status that is derived from the node's. Writers change the document; the status is never theirs. Who manages which
// field is kept in an annotation of the document and shown as metadata.managedFields.
import { Schema } from "effect"
import { KINDS } from "../../config/kinds.ts"
import type { ConfigObject, ConfigSnapshot } from "../../config/objects.ts"
import { age } from "../age.ts"
import type { ApiObject, Cell, Column, ResourceKind } from "../kind.ts"
import type { NodeStatus } from "../nodeStatus.ts"
import { shownFields } from "../patch/managedFields.ts"
import { listAt, textAt } from "../valueAt.ts"

export interface DocumentDeclaration
  extends Pick<
    ResourceKind,
    "plural" | "singular" | "shortNames" | "description" | "fields" | "columns" | "selectableFields"
  > {
  readonly apiVersion: string
  readonly kind: string
  /** False: objects are the cluster's. */
  readonly namespaced?: false
  readonly statusSchema?: Schema.Top
  readonly knownFields?: Readonly<Record<string, string>>
  /** What the node knows of each document; undefined: nothing. What is the same for all is worked out first, once. */
  readonly status?: (status: NodeStatus, config: ConfigSnapshot) => (object: ConfigObject) => object | undefined
  /** Objects of the kind that are no documents. */
  readonly others?: (status: NodeStatus, config: ConfigSnapshot) => ReadonlyArray<ApiObject>
}

type Named = Pick<DocumentDeclaration, "apiVersion" | "kind">

const isKind = (object: Named, declared: Named): boolean =>
  object.apiVersion === declared.apiVersion && object.kind === declared.kind

/** The documents of a kind. */
export const documentsOf = (
  { objects }: ConfigSnapshot,
  apiVersion: string,
  kind: string
): ReadonlyArray<ConfigObject> => objects.filter((object) => isKind(object, { apiVersion, kind }))

export const documentKind = (declared: DocumentDeclaration): ResourceKind => {
  const { apiVersion, kind, namespaced = true, statusSchema, status: statusOf, others, ...rest } = declared
  const [group, version] = apiVersion.includes("/") ? apiVersion.split("/") : ["", apiVersion]
  const derive: ResourceKind["derive"] = (status, config) => {
    const statusFor = statusOf?.(status, config)
    const documents = documentsOf(config, apiVersion, kind).map((object): ApiObject => {
      const { metadata, status: _, ...body } = object
      const { namespace, ...clusterWide } = metadata
      const found = statusFor?.(object)
      return {
        ...body,
        metadata: shownFields(namespaced ? metadata : clusterWide),
        ...(found === undefined ? {} : { status: found })
      }
    })
    return [...documents, ...(others?.(status, config) ?? [])]
  }
  return {
    ...rest,
    group: group ?? "",
    version: version ?? "",
    kind,
    namespaced,
    writable: true,
    schema: KINDS.find((known) => isKind(known, declared))?.schema ?? Schema.Unknown,
    ...(statusSchema === undefined ? {} : { statusSchema }),
    derive,
    content: ({ metadata: { uid, creationTimestamp, resourceVersion, ...metadata }, ...body }) => ({
      metadata,
      ...body
    })
  }
}

export const nameColumn: Column<ApiObject> = {
  name: "Name",
  type: "string",
  format: "name",
  description: "Name of the object",
  cell: ({ metadata }) => metadata.name
}

export const ageColumn: Column<ApiObject> = {
  name: "Age",
  type: "string",
  description: "How long it has been there",
  cell: ({ metadata }, now) => age(metadata.creationTimestamp, now)
}

interface More {
  readonly type?: Column<ApiObject>["type"]
  readonly wide?: boolean
}

/** A column that shows what stands at a path; a list is joined by commas. */
export const fieldColumn = (name: string, path: string, description: string, more: More = {}): Column<ApiObject> => ({
  name,
  type: "string",
  description,
  ...more,
  cell: (object): Cell => {
    const list = listAt(object, path)
    if (list.length > 0) return list.map(String).join(",")
    const text = textAt(object, path)
    return text !== undefined && more.type === "integer" ? Number(text) : (text ?? null)
  }
})
