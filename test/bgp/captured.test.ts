// Messages that real routers sent (test/vectors/captured): every one decodes without a mistake to the value it is held to, that
// value survives a round trip, and where the router's octets are in canonical form they come back as they were.
import { describe, expect, test } from "bun:test"
import { decodeMessage, encodeMessage } from "../../src/bgp/codec.ts"
import { fromHex, toHex } from "../../src/net/bytes.ts"
import { type Captured, capturedFrom, ROUTERS } from "../vectors/captured.ts"

const octets = ({ hex }: Captured): Uint8Array => fromHex(hex) ?? new Uint8Array()

for (const router of ROUTERS) {
  const vectors = await capturedFrom(router)

  describe(`${router} ${vectors[0]?.version}`, () => {
    test("sent OPENs, UPDATEs, an End-of-RIB or a KEEPALIVE, and a NOTIFICATION", () => {
      const types = new Set(vectors.map(({ value }) => value.type))
      for (const type of ["OPEN", "UPDATE", "KEEPALIVE", "NOTIFICATION"] as const) expect(types).toContain(type)
    })

    for (const vector of vectors) {
      test(vector.name, () => {
        expect(decodeMessage(octets(vector), vector.context)).toEqual({ message: vector.value })
        const encoded = encodeMessage(vector.value, vector.context)
        expect(decodeMessage(encoded, vector.context)).toEqual({ message: vector.value })
        expect(toHex(encoded) === vector.hex).toBe(vector.canonical !== false)
      })
    }
  })
}
