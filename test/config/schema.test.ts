// config/schema.json is what the schemas generate. To write it anew: VIADUCT_WRITE_SCHEMA=1 bun test test/config/schema.test.ts
import { expect, test } from "bun:test"
import { jsonSchema } from "../../src/config/jsonSchema.ts"
import { KINDS } from "../../src/config/kinds.ts"

const file = `${import.meta.dir}/../../config/schema.json`
const generated = `${JSON.stringify(jsonSchema(), undefined, 2)}\n`
if (process.env.VIADUCT_WRITE_SCHEMA === "1") await Bun.write(file, generated)

test("config/schema.json is what the schemas of the documents generate", async () => {
  expect(await Bun.file(file).text()).toBe(generated)
})

test("each known kind has a branch with the constraints of its fields", () => {
  const branches = (jsonSchema() as { allOf: Array<{ if: { properties: { kind: { const: string } } }; then: object }> })
    .allOf
  expect(branches.map((branch) => branch.if.properties.kind.const)).toEqual(KINDS.map((kind) => kind.kind))
  const peer = branches.find((branch) => branch.if.properties.kind.const === "BGPPeer")?.then
  expect(peer).toMatchObject({
    additionalProperties: false,
    required: ["apiVersion", "kind", "metadata", "spec"],
    properties: {
      spec: {
        additionalProperties: false,
        required: ["localASN", "peerASN", "peerIP"],
        properties: { port: { type: "integer", minimum: 1, maximum: 65535 } }
      }
    }
  })
})
