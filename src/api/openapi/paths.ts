// The paths of the resources and what can be done there, as OpenAPI of either version has them: clients look here for which parameters
// a request may have (`dryRun`, `fieldValidation`) before they send it.
import { groupPath, type ResourceKind } from "../../resources/kind.ts"
import { APPLY_PATCH, patchTypes } from "../writes/patches.ts"
import { type GroupVersionKind, gvkOf } from "./schema.ts"

export interface Operation {
  readonly method: "get" | "put" | "post" | "delete" | "patch"
  /** Kubernetes' word for it. */
  readonly action: string
  readonly operationId: string
  readonly description: string
  readonly query: ReadonlyArray<QueryParameter>
  readonly consumes: ReadonlyArray<string>
  readonly gvk: GroupVersionKind
  /** Whether the answer is a list. */
  readonly list: boolean
}

export interface QueryParameter {
  readonly name: string
  readonly type: "string" | "integer" | "boolean"
  readonly description: string
}

export interface PathItem {
  readonly path: string
  /** Names in braces. */
  readonly parameters: ReadonlyArray<string>
  readonly operations: ReadonlyArray<Operation>
}

const parameter = (name: string, description: string, type: QueryParameter["type"] = "string"): QueryParameter => ({
  name,
  type,
  description
})

const DRY_RUN = parameter("dryRun", "All: say what would come of it, and do nothing")
const FORCE = parameter(
  "force",
  "Do it also where a guard holds it back; for apply: take fields over from others",
  "boolean"
)
const MESSAGE = parameter("message", "Why, for the history")
const WRITE: ReadonlyArray<QueryParameter> = [
  DRY_RUN,
  parameter("fieldManager", "Who writes, for metadata.managedFields"),
  parameter("fieldValidation", "Accepted; fields that are not known are always refused"),
  FORCE,
  MESSAGE
]
const SELECT: ReadonlyArray<QueryParameter> = [
  parameter("labelSelector", "Only objects with these labels"),
  parameter("fieldSelector", "Only objects with these values in some of their fields")
]
const LIST: ReadonlyArray<QueryParameter> = [
  ...SELECT,
  parameter("limit", "At most so many at once", "integer"),
  parameter("continue", "Goes on with a list"),
  parameter("resourceVersion", "Where a watch begins"),
  parameter("timeoutSeconds", "A watch ends after so long", "integer"),
  parameter("allowWatchBookmarks", "Tells now and then how far a watch has got", "boolean"),
  parameter("sendInitialEvents", "A watch begins with what is there", "boolean"),
  parameter("watch", "Goes on with every change", "boolean")
]
const JSON_TYPE = ["application/json"]

export const pathsOf = (kind: ResourceKind): ReadonlyArray<PathItem> => {
  const base = groupPath(kind)
  const operation = (
    method: Operation["method"],
    action: string,
    description: string,
    query: ReadonlyArray<QueryParameter>,
    consumes: ReadonlyArray<string> = [],
    scope = ""
  ): Operation => ({
    method,
    action,
    operationId: `${action}${kind.group.replaceAll(/\W/g, "")}${kind.version}${scope}${kind.kind}`,
    description,
    query,
    consumes,
    gvk: gvkOf(kind),
    list: action === "list" || action === "deletecollection"
  })
  const list = operation("get", "list", `List or watch objects of kind ${kind.kind}`, LIST)
  const named = [operation("get", "get", `Read one ${kind.kind}`, [])]
  const collection = [list]
  if (kind.writable === true) {
    const types = patchTypes(kind).filter((type) => type !== APPLY_PATCH)
    named.push(
      operation("put", "put", `Replace one ${kind.kind}`, WRITE, JSON_TYPE),
      operation("patch", "patch", `Change some fields of one ${kind.kind}`, WRITE, [...types, APPLY_PATCH]),
      operation("delete", "delete", `Delete one ${kind.kind}`, [DRY_RUN, FORCE, MESSAGE], JSON_TYPE)
    )
    collection.push(
      operation("post", "post", `Create one ${kind.kind}`, WRITE, JSON_TYPE),
      operation(
        "delete",
        "deletecollection",
        `Delete objects of kind ${kind.kind}`,
        [...SELECT, DRY_RUN, FORCE],
        JSON_TYPE
      )
    )
  }
  const inNamespace = kind.namespaced ? `${base}/namespaces/{namespace}` : base
  const scope = kind.namespaced ? ["namespace"] : []
  const everywhere = operation("get", "list", `List or watch objects of kind ${kind.kind}`, LIST, [], "AllNamespaces")
  return [
    { path: `${inNamespace}/${kind.plural}`, parameters: scope, operations: collection },
    { path: `${inNamespace}/${kind.plural}/{name}`, parameters: [...scope, "name"], operations: named },
    ...(kind.namespaced ? [{ path: `${base}/${kind.plural}`, parameters: [], operations: [everywhere] }] : [])
  ]
}
