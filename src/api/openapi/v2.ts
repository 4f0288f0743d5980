// OpenAPI v2 of the resources, which kubectl before 1.27 asks for: to check what it sends (`apply`), to explain, and to see that a dry
// run is possible (`diff`). Such a client refuses every field that a definition does not have, so what is open has no fields here.
import type { ResourceKind } from "../../resources/kind.ts"
import type { JsonObject } from "../../resources/patch/json.ts"
import { type Operation, pathsOf } from "./paths.ts"
import { definitionName, kindSchema, META, metaSchema, type OpenApiSchema, schemaJson } from "./schema.ts"

const mapValues = <A, B>(values: Readonly<Record<string, A>>, f: (value: A) => B): Readonly<Record<string, B>> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, f(value)]))

/** Without what this version cannot say: open sections lose their fields, alternatives become anything. */
const simplified = (schema: OpenApiSchema): OpenApiSchema => {
  const { anyOf, properties, items, additionalProperties, minimum: _, maximum: __, ...plain } = schema
  if (anyOf !== undefined) return schema.description === undefined ? {} : { description: schema.description }
  const open = schema["x-kubernetes-preserve-unknown-fields"] === true
  const { required, ...rest } = plain
  return {
    ...rest,
    ...(required === undefined || open ? {} : { required }),
    ...(properties === undefined || open ? {} : { properties: mapValues(properties, simplified) }),
    ...(items === undefined ? {} : { items: simplified(items) }),
    ...(additionalProperties === undefined ? {} : { additionalProperties: simplified(additionalProperties) })
  }
}

export const definitionsV2 = (kinds: ReadonlyArray<ResourceKind>): Readonly<Record<string, OpenApiSchema>> => {
  const ofKinds = kinds.map((kind) => {
    const { properties = {}, ...schema } = kindSchema(kind)
    // An object as a whole is never open: its sections are.
    return [definitionName(kind), { ...schema, properties: mapValues(properties, simplified) }] as const
  })
  return { ...Object.fromEntries(ofKinds), [META]: metaSchema }
}

const operationJson = ({ operationId, description, query, consumes, gvk, action }: Operation): JsonObject => ({
  operationId,
  description,
  ...(consumes.length === 0 ? {} : { consumes }),
  produces: ["application/json"],
  parameters: query.map((one) => ({ ...one, in: "query" })),
  responses: { 200: { description: "OK" } },
  "x-kubernetes-action": action,
  "x-kubernetes-group-version-kind": gvk
})

/** The document as JSON. */
export const openApiV2 = (kinds: ReadonlyArray<ResourceKind>, version: string): JsonObject => ({
  swagger: "2.0",
  info: { title: "viaduct", version },
  paths: Object.fromEntries(
    kinds.flatMap(pathsOf).map(({ path, parameters, operations }) => [
      path,
      {
        ...Object.fromEntries(operations.map((operation) => [operation.method, operationJson(operation)])),
        ...(parameters.length === 0
          ? {}
          : { parameters: parameters.map((name) => ({ name, in: "path", required: true, type: "string" })) })
      }
    ])
  ),
  definitions: mapValues(definitionsV2(kinds), (schema) => schemaJson(schema, "#/definitions/"))
})
