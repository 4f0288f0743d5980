// The shapes of the resources as OpenAPI has them, made from the schemas that documents are decoded with and what the kinds say about
// their fields. One definition for each kind, one for the metadata that all have. Sections that are not ours stay open
// (x-kubernetes-preserve-unknown-fields) as the loader reads them.
import { Schema } from "effect"
import { groupVersion, type ResourceKind } from "../../resources/kind.ts"
import { isObject, type JsonObject } from "../../resources/patch/json.ts"

export interface OpenApiSchema {
  readonly type?: string
  readonly format?: string
  readonly description?: string
  readonly properties?: Readonly<Record<string, OpenApiSchema>>
  readonly required?: ReadonlyArray<string>
  readonly items?: OpenApiSchema
  readonly additionalProperties?: OpenApiSchema
  readonly enum?: ReadonlyArray<unknown>
  readonly minimum?: number
  readonly maximum?: number
  readonly anyOf?: ReadonlyArray<OpenApiSchema>
  readonly reference?: string
  readonly "x-kubernetes-preserve-unknown-fields"?: true
  readonly "x-kubernetes-group-version-kind"?: ReadonlyArray<GroupVersionKind>
  readonly "x-kubernetes-list-type"?: string
  readonly "x-kubernetes-list-map-keys"?: ReadonlyArray<string>
  readonly "x-kubernetes-patch-merge-key"?: string
  readonly "x-kubernetes-patch-strategy"?: string
}

export interface GroupVersionKind {
  readonly group: string
  readonly version: string
  readonly kind: string
}

export const gvkOf = ({ group, version, kind }: ResourceKind): GroupVersionKind => ({ group, version, kind })

export const META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"

/** `io.gke.networking.v1.BGPPeer`; `io.k8s.api.core.v1.Service` for the core group. */
export const definitionName = ({ group, version, kind }: ResourceKind): string => {
  const domain = group === "" ? "io.k8s.api.core" : group.split(".").toReversed().join(".")
  return `${domain}.${version}.${kind}`
}

const text = (description: string): OpenApiSchema => ({ type: "string", description })
const map = (description: string): OpenApiSchema => ({
  type: "object",
  description,
  additionalProperties: { type: "string" }
})

/** Every field that a server writes is there: clients refuse what is not. */
export const metaSchema: OpenApiSchema = {
  type: "object",
  description: "What every object has",
  properties: {
    name: text("Name, unique in the kind and namespace"),
    namespace: text("Namespace"),
    labels: map("Labels that objects are selected by"),
    annotations: map("What else is noted on the object"),
    uid: text("Identity: another object of the same name has another one"),
    resourceVersion: text("Version of the object, for writers and watches"),
    generation: { type: "integer", format: "int64", description: "Grows with each change of the document" },
    creationTimestamp: text("When it came to be (RFC 3339)"),
    deletionTimestamp: text("Not used"),
    deletionGracePeriodSeconds: { type: "integer", format: "int64", description: "Not used" },
    finalizers: { type: "array", items: { type: "string" }, description: "Kept and not used" },
    ownerReferences: { type: "array", items: { type: "object" }, description: "Kept and not used" },
    generateName: text("Not used: names are not made up"),
    managedFields: { type: "array", items: { type: "object" }, description: "Who manages which field" },
    selfLink: text("Not used"),
    clusterName: text("Not used")
  }
}

const LIMIT = 2 ** 53 - 1
const bound = (name: "minimum" | "maximum", value: unknown) =>
  typeof value === "number" && Math.abs(value) < LIMIT ? { [name]: value } : {}

const isOpen = (json: JsonObject): boolean =>
  [json, ...(Array.isArray(json.allOf) ? json.allOf : [])].some(
    (part) =>
      isObject(part) && isObject(part.additionalProperties) && Object.keys(part.additionalProperties).length === 0
  )

/** An empty schema says the same, and kubectl's explain stumbles over it. */
const ANYTHING: OpenApiSchema = { "x-kubernetes-preserve-unknown-fields": true }

class Converter {
  constructor(
    private readonly kind: ResourceKind,
    private readonly definitions: JsonObject
  ) {}

  private described(path: string, json: JsonObject) {
    const description = this.kind.fields[path] ?? json.description
    return typeof description === "string" ? { description } : {}
  }

  private resolved(value: unknown): JsonObject {
    const json = isObject(value) ? value : {}
    const name = typeof json.$ref === "string" ? json.$ref.split("/").at(-1) : undefined
    return name === undefined ? json : this.resolved(this.definitions[name])
  }

  private anyOf(options: ReadonlyArray<unknown>, path: string, json: JsonObject): OpenApiSchema {
    const others = options.map((option) => this.resolved(option)).filter(({ type }) => type !== "null")
    const [only] = others
    const described = this.described(path, json)
    if (others.length === 1 && only !== undefined) return { ...this.convert(only, path), ...described }
    return { ...described, anyOf: others.map((option) => this.convert(option, `${path} `)) }
  }

  private object(json: JsonObject, path: string): OpenApiSchema {
    const known = this.kind.knownFields
    const properties = Object.entries(isObject(json.properties) ? json.properties : {}).map(
      ([name, value]) => [name, this.convert(value, path === "" ? name : `${path}.${name}`)] as const
    )
    const more = Object.entries(known ?? {}).flatMap(([at, shape]) => {
      const name = at.slice(at.lastIndexOf(".") + 1)
      const parent = at.slice(0, Math.max(0, at.lastIndexOf(".")))
      return parent === path && at !== "" ? [[name, { ...shapeOf(shape), ...this.described(at, {}) }] as const] : []
    })
    const all = Object.fromEntries([...more, ...properties])
    const required = Array.isArray(json.required) ? json.required.map(String) : []
    const { additionalProperties } = json
    const open = isOpen(json) && known === undefined
    const isMap = isObject(additionalProperties) && Object.keys(additionalProperties).length > 0
    return {
      type: "object",
      ...(Object.keys(all).length === 0 ? {} : { properties: all }),
      ...(required.length === 0 ? {} : { required }),
      ...(isMap ? { additionalProperties: this.convert(additionalProperties, path) } : {}),
      ...(open ? { "x-kubernetes-preserve-unknown-fields": true } : {})
    }
  }

  convert(value: unknown, path: string): OpenApiSchema {
    const json = this.resolved(value)
    if (Array.isArray(json.anyOf)) return this.anyOf(json.anyOf, path, json)
    const described = this.described(path, json)
    switch (json.type) {
      case "object":
        return { ...described, ...this.object(json, path) }
      case "array":
        return { ...described, type: "array", items: this.item(json.items, path), ...this.listKeys(path) }
      case "string":
      case "boolean":
        return { ...described, type: json.type, ...(Array.isArray(json.enum) ? { enum: json.enum } : {}) }
      case "integer":
      case "number": {
        const format = json.type === "integer" ? { format: "int64" } : {}
        return {
          ...described,
          type: json.type,
          ...format,
          ...bound("minimum", json.minimum),
          ...bound("maximum", json.maximum)
        }
      }
      default:
        return { ...described, ...ANYTHING }
    }
  }

  /** The list is described; what is in it not once more. */
  private item(value: unknown, path: string): OpenApiSchema {
    const { description, ...schema } = this.convert(value, path)
    return description === undefined || this.kind.fields[path] === description ? schema : { description, ...schema }
  }

  /** How clients merge the one list that has keys. */
  private listKeys(path: string): OpenApiSchema {
    if (this.kind.kind !== "Service" || path !== "spec.ports") return {}
    return {
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["port", "protocol"],
      "x-kubernetes-patch-merge-key": "port",
      "x-kubernetes-patch-strategy": "merge"
    }
  }
}

/** Fields of kinds that are not ours, in a word: `string[]`, `map`, `any`. */
const shapeOf = (shape: string): OpenApiSchema => {
  if (shape.endsWith("[]")) return { type: "array", items: shapeOf(shape.slice(0, -2)) }
  if (shape === "map") return { type: "object", additionalProperties: { type: "string" } }
  return shape === "any" ? ANYTHING : { type: shape }
}

const documentOf = (kind: ResourceKind, schema: Schema.Top): OpenApiSchema => {
  const { schema: json, definitions } = Schema.toJsonSchemaDocument(schema, { onExcessProperty: "error" })
  return new Converter(kind, definitions).convert(json, "")
}

/** The definition of a kind's objects. */
export const kindSchema = (kind: ResourceKind): OpenApiSchema => {
  const whole = documentOf(kind, kind.schema)
  const { apiVersion: _, kind: __, metadata: ___, status, ...own } = whole.properties ?? {}
  const shownStatus =
    kind.statusSchema === undefined
      ? status
      : documentOf(kind, Schema.Struct({ status: kind.statusSchema })).properties?.status
  const required = (whole.required ?? []).filter((name) => name in own)
  return {
    type: "object",
    description: kind.description,
    properties: {
      apiVersion: text(`Always ${groupVersion(kind)}`),
      kind: text(`Always ${kind.kind}`),
      metadata: { reference: META, description: "Name, namespace, labels and what the server adds" },
      ...own,
      ...(shownStatus === undefined ? {} : { status: shownStatus })
    },
    ...(required.length === 0 ? {} : { required }),
    "x-kubernetes-group-version-kind": [gvkOf(kind)]
  }
}

/** JSON of a schema; `root` is where definitions are. */
export const schemaJson = (schema: OpenApiSchema, root: string): JsonObject => {
  const { reference, properties, items, additionalProperties, anyOf, ...plain } = schema
  // Beside a reference nothing counts, except where it is wrapped.
  if (reference !== undefined) {
    const target = { $ref: `${root}${reference}` }
    return plain.description === undefined ? target : { description: plain.description, allOf: [target] }
  }
  return {
    ...plain,
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, schemaJson(one, root)]))
        }),
    ...(items === undefined ? {} : { items: schemaJson(items, root) }),
    ...(additionalProperties === undefined ? {} : { additionalProperties: schemaJson(additionalProperties, root) }),
    ...(anyOf === undefined ? {} : { anyOf: anyOf.map((one) => schemaJson(one, root)) })
  }
}
