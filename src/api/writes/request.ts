// What a write asks for, read from its path, query and body as Kubernetes has them, and checked for what makes no sense whatever the
// object says: another name than the path's, a name that the server should make up, an option that is not known.
import type { Context } from "hono"
import type { ApplyOutcome, Done } from "../../config/outcome.ts"
import { groupVersion, qualified, type ResourceKind } from "../../resources/kind.ts"
import { isObject, type JsonObject } from "../../resources/patch/json.ts"
import { parseYaml } from "../../resources/yaml.ts"
import { actorName } from "../access/actor.ts"
import { noteOutcome } from "../access/audit.ts"
import { OBJECT_OCTETS_MAX, readOctets, readText } from "../body.ts"
import { ApiError, badRequest, failure, type StatusCause } from "../failure.ts"
import { fromProtobuf, PROTOBUF_TYPE } from "./protobuf.ts"

/** The types that an object comes in. */
export const OBJECT_TYPES = ["application/json", "application/yaml", PROTOBUF_TYPE]

/** What goes with every write. */
export interface WriteOptions {
  readonly dryRun: boolean
  /** Who writes, as field owners are called. */
  readonly fieldManager: string
  /** `?force=true`: also what a guard holds back; with server-side apply: also fields that others manage. */
  readonly force: boolean
  readonly by: string
  readonly message?: string
  /** Tells the audit what came of it. */
  readonly note: (outcome: ApplyOutcome | Done) => void
}

const FIELD_VALIDATION = ["", "Strict", "Warn", "Ignore"]

/** `kubectl/v1.32` as `kubectl`: what a client without a field manager is called. */
const agentOf = (userAgent: string | undefined): string => (userAgent ?? "").split("/")[0]?.slice(0, 128) || "unknown"

export const writeOptions = (context: Context, dryRunOfBody: unknown = undefined): WriteOptions => {
  const asked = context.req.queries("dryRun") ?? []
  const inBody = Array.isArray(dryRunOfBody) ? dryRunOfBody.map(String) : []
  const wrong = [...asked, ...inBody].find((value) => value !== "All")
  if (wrong !== undefined) throw badRequest(`dryRun is "${wrong}": it has to be All`)
  const validation = context.req.query("fieldValidation") ?? ""
  if (!FIELD_VALIDATION.includes(validation))
    throw badRequest(`fieldValidation is "${validation}": it has to be Strict, Warn or Ignore`)
  const message = context.req.query("message")
  return {
    dryRun: asked.length + inBody.length > 0,
    fieldManager: context.req.query("fieldManager") || agentOf(context.req.header("user-agent")),
    force: context.req.query("force") === "true",
    by: actorName(context),
    note: (outcome) => noteOutcome(context, outcome),
    ...(message === undefined || message === "" ? {} : { message })
  }
}

export const mediaType = (context: Context): string =>
  (context.req.header("content-type") ?? "application/json").split(";")[0]?.trim().toLowerCase() ?? ""

/** The body as JSON or YAML, by what it says it is; `types` are those that this request takes. Throws ApiError (400, 413, 415). */
export const readBody = async (context: Context, types: ReadonlyArray<string>): Promise<unknown> => {
  const type = mediaType(context)
  if (!types.includes(type)) {
    const message = `the body of the request was in an unknown format: ${type} (accepted: ${types.join(", ")})`
    throw new ApiError(failure(415, "UnsupportedMediaType", message))
  }
  if (type === PROTOBUF_TYPE) return fromProtobuf(await readOctets(context.req.raw, OBJECT_OCTETS_MAX))
  const text = await readText(context.req.raw, OBJECT_OCTETS_MAX)
  if (text.trim() === "") return undefined
  try {
    return type.endsWith("yaml") ? parseYaml(text) : JSON.parse(text)
  } catch (error) {
    throw badRequest(`the body cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** How the status of an error names an object. */
export const statusDetails = (kind: ResourceKind, name: string, causes?: ReadonlyArray<StatusCause>) => ({
  name,
  group: kind.group,
  kind: causes === undefined ? kind.plural : kind.kind,
  ...(causes === undefined ? {} : { causes })
})

/** 422, field by field. */
export const invalid = (kind: ResourceKind, name: string, causes: ReadonlyArray<StatusCause>): ApiError => {
  const list = causes.map(({ field, message }) => `${field}: ${message}`).join("; ")
  const message = `${qualified(kind.kind, kind)} "${name}" is invalid: ${list}`
  return new ApiError(failure(422, "Invalid", message, statusDetails(kind, name, causes)))
}

export const conflict = (kind: ResourceKind, name: string, why: string): ApiError => {
  const message = `Operation cannot be fulfilled on ${qualified(kind.plural, kind)} "${name}": ${why}`
  return new ApiError(failure(409, "Conflict", message, statusDetails(kind, name)))
}

const textIn = (metadata: JsonObject, key: string): string | undefined => {
  const value = metadata[key]
  return typeof value === "string" && value !== "" ? value : undefined
}

const nameIn = (kind: ResourceKind, metadata: JsonObject, given: string | undefined): string => {
  const name = textIn(metadata, "name") ?? given
  if (name !== undefined && given !== undefined && name !== given)
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${given})`)
  if (name !== undefined) return name
  const generated = textIn(metadata, "generateName") !== undefined
  const message = generated ? "names are not made up here: write metadata.name" : "name is missing"
  const field = generated ? "metadata.generateName" : "metadata.name"
  throw invalid(kind, "", [{ reason: "FieldValueRequired", message, field }])
}

const namespaceIn = (kind: ResourceKind, metadata: JsonObject, given: string | undefined): string | undefined => {
  if (!kind.namespaced) return undefined
  const own = textIn(metadata, "namespace")
  if (own !== undefined && given !== undefined && own !== given)
    throw badRequest(`the namespace of the provided object (${own}) does not match that of the request (${given})`)
  const namespace = own ?? given
  if (namespace === undefined) throw badRequest("an object is written in a namespace: use its path")
  return namespace
}

export interface NamedObject {
  readonly object: JsonObject
  readonly name: string
  readonly namespace: string | undefined
  readonly metadata: JsonObject
}

/** The body as an object of the kind, with name and namespace from the path where it has none. Throws ApiError (400, 422). */
export const namedObject = (
  kind: ResourceKind,
  body: unknown,
  path: { readonly namespace: string | undefined; readonly name?: string | undefined }
): NamedObject => {
  if (!isObject(body)) throw badRequest("the body has to be an object")
  const expected = groupVersion(kind)
  if (body.kind !== undefined && body.kind !== kind.kind)
    throw badRequest(`the object is a ${String(body.kind)}, and this is where ${kind.plural} are written`)
  if (body.apiVersion !== undefined && body.apiVersion !== expected)
    throw badRequest(
      `the object's apiVersion is ${String(body.apiVersion)}, and ${kind.plural} are served as ${expected}`
    )
  const given = isObject(body.metadata) ? body.metadata : {}
  const name = nameIn(kind, given, path.name)
  const namespace = namespaceIn(kind, given, path.namespace)
  const metadata = { ...given, name, ...(namespace === undefined ? {} : { namespace }) }
  const { apiVersion: _, kind: __, metadata: ___, ...rest } = body
  return { object: { apiVersion: expected, kind: kind.kind, metadata, ...rest }, name, namespace, metadata }
}
