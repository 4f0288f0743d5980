// UPDATE: RFC 4271 4.3. Only its empty form, the End-of-RIB of IPv4 unicast, so far.
import type { Writer } from "../../net/bytes.ts"
import type { CodecContext } from "../context.ts"
import type { Decoded, Update } from "./types.ts"

export const decodeUpdate = (_frame: Uint8Array, _ctx: CodecContext): Decoded => ({
  message: { type: "UPDATE", announce: [], withdraw: [], endOfRib: "ipv4-unicast", attributes: {} }
})
export const encodeUpdate = (w: Writer, _update: Update, _ctx: CodecContext): void => {
  w.u16(0).u16(0)
}
