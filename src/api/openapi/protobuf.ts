// OpenAPI v2 in the binary form that kubectl asks for: the messages of gnostic's openapi.v2 (proto3), of which only the fields are
// written that clients read. Numbers are those of the published OpenAPIv2.proto.
import type { ResourceKind } from "../../resources/kind.ts"
import { type Operation, type PathItem, pathsOf } from "./paths.ts"
import type { OpenApiSchema } from "./schema.ts"
import { definitionsV2 } from "./v2.ts"

type Part = Uint8Array | ReadonlyArray<Part>

const utf8 = new TextEncoder()

const varint = (value: number): Uint8Array => {
  const octets: Array<number> = []
  let rest = value
  while (rest > 0x7f) {
    octets.push((rest & 0x7f) | 0x80)
    rest = Math.floor(rest / 128)
  }
  return Uint8Array.from([...octets, rest])
}

const joined = (part: Part): Uint8Array => {
  if (part instanceof Uint8Array) return part
  const parts = part.map(joined)
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const one of parts) {
    all.set(one, at)
    at += one.length
  }
  return all
}

/** A length-delimited field: text, or a message. */
const field = (number: number, value: string | Part): Part => {
  const octets = typeof value === "string" ? utf8.encode(value) : joined(value)
  return [varint(number * 8 + 2), varint(octets.length), octets]
}
const flag = (number: number, value: boolean): Part => (value ? [varint(number * 8), varint(1)] : [])
const optional = (number: number, value: string | undefined): Part => (value === undefined ? [] : field(number, value))

/** NamedAny { name = 1, value = 2: Any { yaml = 2 } }, in which JSON is YAML. */
const extension = (number: number, name: string, value: unknown): Part =>
  field(number, [field(1, name), field(2, field(2, JSON.stringify(value)))])

const EXTENSIONS = [
  "x-kubernetes-group-version-kind",
  "x-kubernetes-preserve-unknown-fields",
  "x-kubernetes-list-type",
  "x-kubernetes-list-map-keys",
  "x-kubernetes-patch-merge-key",
  "x-kubernetes-patch-strategy"
] as const

/** Schema. */
const schemaMessage = (schema: OpenApiSchema): Part => {
  const { reference, properties = {}, additionalProperties, items, required = [] } = schema
  return [
    optional(1, reference === undefined ? undefined : `#/definitions/${reference}`),
    optional(2, schema.format),
    optional(4, schema.description),
    required.map((name) => field(19, name)),
    // AdditionalPropertiesItem { schema = 1 }, TypeItem { value = 1 }, ItemsItem { schema = 1 }
    additionalProperties === undefined ? [] : field(21, field(1, schemaMessage(additionalProperties))),
    schema.type === undefined ? [] : field(22, field(1, schema.type)),
    items === undefined ? [] : field(23, field(1, schemaMessage(items))),
    Object.keys(properties).length === 0 ? [] : field(25, namedSchemas(properties)),
    EXTENSIONS.flatMap((name) => (schema[name] === undefined ? [] : [extension(31, name, schema[name])]))
  ]
}

/** Properties, Definitions: { additional_properties = 1: NamedSchema { name = 1, value = 2 } }. */
const namedSchemas = (schemas: Readonly<Record<string, OpenApiSchema>>): Part =>
  Object.entries(schemas).map(([name, schema]) => field(1, [field(1, name), field(2, schemaMessage(schema))]))

/**
 * ParametersItem { parameter = 1: Parameter { non_body_parameter = 2: NonBodyParameter { query = 3 or path = 4 } } }. The two have the
 * same numbers up to `name`, and differ by one from there.
 */
const parameterItem = (name: string, where: "query" | "path", type: string, description?: string): Part => {
  const common = [flag(1, where === "path"), field(2, where), optional(3, description), field(4, name)]
  const sub = [...common, field(where === "query" ? 6 : 5, type)]
  return field(1, field(2, field(where === "query" ? 3 : 4, sub)))
}

/** Operation. Responses { response_code = 1: NamedResponseValue { name = 1, value = 2: { response = 1: { description = 1 } } } }. */
const operationMessage = ({ operationId, description, query, consumes, gvk, action }: Operation): Part => [
  field(3, description),
  field(5, operationId),
  field(6, "application/json"),
  consumes.map((type) => field(7, type)),
  query.map((one) => field(8, parameterItem(one.name, "query", one.type, one.description))),
  field(9, field(1, [field(1, "200"), field(2, field(1, field(1, "OK")))])),
  extension(13, "x-kubernetes-action", action),
  extension(13, "x-kubernetes-group-version-kind", gvk)
]

const METHOD_NUMBERS = { get: 2, put: 3, post: 4, delete: 5, patch: 8 } as const

/** PathItem. */
const pathItem = ({ operations, parameters }: PathItem): Part => [
  operations.map((operation) => field(METHOD_NUMBERS[operation.method], operationMessage(operation))),
  parameters.map((name) => field(9, parameterItem(name, "path", "string")))
]

/** Document { swagger = 1, info = 2, paths = 8: { path = 2: NamedPathItem { name = 1, value = 2 } }, definitions = 9 }. */
export const openApiV2Protobuf = (kinds: ReadonlyArray<ResourceKind>, version: string): Uint8Array =>
  joined([
    field(1, "2.0"),
    field(2, [field(1, "viaduct"), field(2, version)]),
    field(
      8,
      kinds.flatMap(pathsOf).map((item) => field(2, [field(1, item.path), field(2, pathItem(item))]))
    ),
    field(9, namedSchemas(definitionsV2(kinds)))
  ])
