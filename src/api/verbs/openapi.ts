// The OpenAPI 3.1 document of the verbs, made of the schemas that decode and describe them, so that it cannot say anything else than
// what is checked.
import { Schema } from "effect"
import type { Verb } from "./verb.ts"

type Json = Readonly<Record<string, unknown>>

export interface OpenApiParameter {
  readonly name: string
  readonly in: "path" | "query"
  readonly required: boolean
  readonly description: string
  readonly schema: Json
}

export interface OpenApiOperation {
  readonly operationId: string
  readonly summary: string
  readonly description: string
  readonly "x-role": string
  readonly parameters: ReadonlyArray<OpenApiParameter>
  readonly requestBody?: { readonly required: boolean; readonly content: Json }
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content: Json }>>
}

export interface OpenApiDocument {
  readonly openapi: "3.1.0"
  readonly info: { readonly title: string; readonly version: string; readonly description: string }
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>
  readonly components: { readonly schemas: Json; readonly securitySchemes: Json }
  readonly security: ReadonlyArray<Json>
}

/** References of JSON Schema's `$defs` as references to the document's components. */
const relocated = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(relocated)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inside]) => [
      key,
      key === "$ref" && typeof inside === "string"
        ? inside.replace("#/$defs/", "#/components/schemas/")
        : relocated(inside)
    ])
  )
}

const isJson = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value)
const asJson = (value: unknown): Json => (isJson(value) ? value : {})

const statusSchema: Json = {
  type: "object",
  description: "A Kubernetes Status of a request that failed.",
  required: ["kind", "apiVersion", "status", "message", "reason", "code"],
  properties: {
    kind: { const: "Status" },
    apiVersion: { const: "v1" },
    status: { const: "Failure" },
    message: { type: "string" },
    reason: { type: "string" },
    code: { type: "integer" },
    details: {
      type: "object",
      properties: {
        causes: {
          type: "array",
          items: {
            type: "object",
            properties: { field: { type: "string" }, message: { type: "string" }, reason: { type: "string" } }
          }
        }
      }
    }
  }
}

/** Schemas by name, filled while operations are written. */
const collector = () => {
  const schemas: Record<string, unknown> = { Status: statusSchema }
  const add = (schema: Schema.Top, strict: boolean): Json => {
    const document = Schema.toJsonSchemaDocument(schema, { onExcessProperty: strict ? "error" : "ignore" })
    for (const [name, definition] of Object.entries(document.definitions)) schemas[name] = relocated(definition)
    return asJson(relocated(document.schema))
  }
  return { schemas, add }
}

const FAILURES: Readonly<Record<string, string>> = {
  400: "The query or the body cannot be read; the message says what is wrong.",
  401: "Nobody knows who asks.",
  403: "Whoever asks may not do this."
}

const failed = (description: string) => ({
  description,
  content: { "application/json": { schema: { $ref: "#/components/schemas/Status" } } }
})

const queryParameters = (schema: Schema.Top | undefined, add: (s: Schema.Top, strict: boolean) => Json) => {
  if (schema === undefined) return []
  const object = add(schema, true)
  const required = Array.isArray(object.required) ? object.required : []
  return Object.entries(asJson(object.properties)).map(([name, value]): OpenApiParameter => {
    const { description, ...rest } = asJson(value)
    return {
      ...{ name, in: "query", required: required.includes(name) },
      description: typeof description === "string" ? description : "",
      schema: rest
    }
  })
}

const operationOf = (verb: Verb, add: (s: Schema.Top, strict: boolean) => Json): OpenApiOperation => {
  const { answer, body, path, method } = verb
  const content = {
    [answer.contentType]: { schema: answer.schema === undefined ? { type: "string" } : add(answer.schema, false) }
  }
  const tooMuch =
    body === undefined ? {} : { 413: failed("The body is too large."), 422: failed("The body is not valid.") }
  const also = Object.entries(answer.also ?? {}).map(([code, description]) => [
    code,
    answer.type === "json" ? { description, content } : failed(description)
  ])
  return {
    operationId: `${method.toLowerCase()}${path.replaceAll(/\W+(\w)/g, (_, letter: string) => letter.toUpperCase()).replaceAll(/\W/g, "")}`,
    summary: verb.summary,
    description: verb.description,
    "x-role": verb.role,
    parameters: [
      ...Object.entries(verb.parameters).map(
        ([name, description]): OpenApiParameter => ({
          ...{ name, in: "path", required: true, description },
          schema: { type: "string" }
        })
      ),
      ...queryParameters(verb.query, add)
    ],
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { "application/json": { schema: add(body, true) } } } }),
    responses: {
      200: { description: answer.description, content },
      ...Object.fromEntries(Object.entries(FAILURES).map(([code, description]) => [code, failed(description)])),
      ...tooMuch,
      ...Object.fromEntries(also)
    }
  }
}

/** The document of `verbs` of a node that runs `version`. */
export const openApi = (verbs: ReadonlyArray<Verb>, version: string): OpenApiDocument => {
  const { schemas, add } = collector()
  const paths: Record<string, Record<string, OpenApiOperation>> = {}
  for (const verb of verbs)
    paths[verb.path] = { ...paths[verb.path], [verb.method.toLowerCase()]: operationOf(verb, add) }
  return {
    openapi: "3.1.0",
    info: {
      title: "viaduct",
      version,
      description:
        "What can be asked of a node beside the resources at /api and /apis. Errors are Kubernetes Status objects."
    },
    paths,
    components: {
      schemas,
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "A token made by `viaduct token add`." },
        certificate: { type: "mutualTLS", description: "A client certificate of the CA that the daemon was given." }
      }
    },
    security: [{ token: [] }, { certificate: [] }]
  }
}
