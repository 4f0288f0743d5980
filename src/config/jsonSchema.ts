// JSON Schema of the cluster documents, for editors: generated from the schemas that the loader decodes with, one
// branch per kind, so that a file is checked by the kind of each of its documents. Kinds that are not known here
// pass. Draft 2020-12.
import { Schema } from "effect"
import { KINDS } from "./kinds.ts"

/** The sections that are not ours stay open, ours are closed, as the loader reads them. */
const schemaOf = (schema: Schema.Top) => {
  const document = Schema.toJsonSchemaDocument(schema, { onExcessProperty: "error" })
  return { schema: document.schema, definitions: document.definitions }
}

/** The whole of `config/schema.json`. */
export const jsonSchema = (): object => {
  const kinds = KINDS.map((kind) => ({ kind, ...schemaOf(kind.schema) }))
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "viaduct cluster documents",
    $defs: Object.assign({}, ...kinds.map((kind) => kind.definitions)),
    type: "object",
    allOf: kinds.map(({ kind, schema }) => ({
      if: {
        properties: { apiVersion: { const: kind.apiVersion }, kind: { const: kind.kind } },
        required: ["apiVersion", "kind"]
      },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema, beside `if`
      then: schema
    }))
  }
}
