// Every named vector decodes to its value, and canonical ones encode to the same octets again.
import { describe, expect, test } from "bun:test"
import { decodeMessage, encodeMessage } from "../../src/bgp/codec.ts"
import { defaultContext } from "../../src/bgp/context.ts"
import type { Decoded } from "../../src/bgp/message/types.ts"
import * as vectors from "../vectors/bgp.ts"
import { octets } from "./messages.ts"

for (const [group, all] of Object.entries(vectors)) {
  describe(group, () => {
    for (const { name, hex, is, ctx = defaultContext, canonical = true } of all) {
      test(name, () => {
        const frame = octets(hex)
        const decoded = decodeMessage(frame, ctx)
        expect(decoded).toEqual({ message: is } as Decoded)
        const again = decoded.message === undefined ? "" : encodeMessage(decoded.message, ctx).toHex()
        if (canonical) expect(again).toBe(frame.toHex())
        else expect(decodeMessage(octets(again), ctx)).toEqual({ message: is } as Decoded)
      })
    }
  })
}
