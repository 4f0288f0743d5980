// OpenAPI v3 of the resources, a document for each group and version as Kubernetes has them: for `explain`, the check of what newer
// clients send, and generators.
import type { ResourceKind } from "../../resources/kind.ts"
import type { JsonObject } from "../../resources/patch/json.ts"
import { type Operation, pathsOf } from "./paths.ts"
import { definitionName, kindSchema, META, metaSchema, type OpenApiSchema, schemaJson } from "./schema.ts"

const ROOT = "#/components/schemas/"

const listName = (kind: ResourceKind): string => `${definitionName(kind)}List`

const listSchema = (kind: ResourceKind): OpenApiSchema => ({
  type: "object",
  description: `A list of ${kind.plural}`,
  properties: {
    apiVersion: { type: "string" },
    kind: { type: "string" },
    metadata: { type: "object", description: "Version of the list, and how it goes on" },
    items: { type: "array", items: { reference: definitionName(kind) } }
  },
  required: ["items"]
})

const operationJson = (kind: ResourceKind, operation: Operation): JsonObject => {
  const { operationId, description, query, consumes, gvk, action, list } = operation
  const schema = { $ref: `${ROOT}${list ? listName(kind) : definitionName(kind)}` }
  const body = action === "post" || action === "put" ? { $ref: `${ROOT}${definitionName(kind)}` } : { type: "object" }
  return {
    operationId,
    description,
    parameters: query.map(({ name, type, description: what }) => ({
      name,
      in: "query",
      description: what,
      schema: { type, uniqueItems: true }
    })),
    ...(consumes.length === 0
      ? {}
      : { requestBody: { content: Object.fromEntries(consumes.map((type) => [type, { schema: body }])) } }),
    responses: { 200: { description: "OK", content: { "application/json": { schema } } } },
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": gvk
  }
}

/** The document of the kinds of one group and version. */
export const openApiV3 = (kinds: ReadonlyArray<ResourceKind>, version: string): JsonObject => ({
  openapi: "3.0.0",
  info: { title: "viaduct", version },
  paths: Object.fromEntries(
    kinds.flatMap((kind) =>
      pathsOf(kind).map(({ path, parameters, operations }) => [
        path,
        {
          ...Object.fromEntries(operations.map((one) => [one.method, operationJson(kind, one)])),
          ...(parameters.length === 0
            ? {}
            : {
                parameters: parameters.map((name) => ({
                  name,
                  in: "path",
                  required: true,
                  schema: { type: "string" }
                }))
              })
        }
      ])
    )
  ),
  components: {
    schemas: Object.fromEntries([
      ...kinds.flatMap((kind) => [
        [definitionName(kind), schemaJson(kindSchema(kind), ROOT)] as const,
        [listName(kind), schemaJson(listSchema(kind), ROOT)] as const
      ]),
      [META, schemaJson(metaSchema, ROOT)]
    ])
  }
})
