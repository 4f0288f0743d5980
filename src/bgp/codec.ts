// Messages between values and octets: the one door of the codec, used by sessions and by `viaduct decode|encode` alike.
// RFC 4271 section 4. Invariants: decoding any octets gives an answer and never throws; decoding what was encoded in the
// same context gives the same value.
import { Writer } from "../net/bytes.ts"
import type { CodecContext } from "./context.ts"
import { messageError, Unencodable } from "./errors.ts"
import { checkHeader, headerLength } from "./header.ts"
import { ErrorCode, HEADER_LENGTH, HeaderError, MAX_EXTENDED_LENGTH, MAX_LENGTH, MessageType } from "./iana.ts"
import { decodeNotification, encodeNotification } from "./message/notification.ts"
import { decodeOpen, encodeOpen } from "./message/open.ts"
import { decodeRouteRefresh, encodeRouteRefresh } from "./message/routeRefresh.ts"
import type { Decoded, Message } from "./message/types.ts"
import { decodeUpdate, encodeUpdate } from "./message/update.ts"

/** Octets that a message other than OPEN and KEEPALIVE may have in this context (RFC 8654). */
export const maxMessageLength = (ctx: CodecContext): number => (ctx.extendedMessage ? MAX_EXTENDED_LENGTH : MAX_LENGTH)

/** Decodes one whole message, marker first, as the framer gives it. `ctx` is that of the receiving direction. */
export const decodeMessage = (frame: Uint8Array, ctx: CodecContext): Decoded => {
  const header = frame.length < HEADER_LENGTH ? undefined : checkHeader(frame, maxMessageLength(ctx))
  if (header !== undefined) return { error: header }
  if (frame.length < HEADER_LENGTH || headerLength(frame) !== frame.length) {
    const said = frame.length < HEADER_LENGTH ? `at least ${HEADER_LENGTH}` : `${headerLength(frame)}`
    return {
      error: messageError({
        outcome: "session-reset",
        code: ErrorCode.header,
        subcode: HeaderError.badLength,
        offset: Math.min(16, frame.length),
        data: frame.subarray(16, 18),
        message: `the message is cut short or runs on: ${frame.length} octets are there, ${said} expected`
      })
    }
  }
  switch (frame[HEADER_LENGTH - 1]) {
    case MessageType.OPEN:
      return decodeOpen(frame)
    case MessageType.UPDATE:
      return decodeUpdate(frame, ctx)
    case MessageType.NOTIFICATION:
      return { message: decodeNotification(frame) }
    case MessageType["ROUTE-REFRESH"]:
      return decodeRouteRefresh(frame)
    default:
      return { message: { type: "KEEPALIVE" } }
  }
}

/**
 * The octets of a message, header and all. `ctx` is that of the sending direction. Throws Unencodable where the value
 * does not fit into one message of this context; values that `decodeMessage` or the Adj-RIB-Out made always do.
 */
export const encodeMessage = (message: Message, ctx: CodecContext): Uint8Array => {
  const w = new Writer()
  w.u32(0xffffffff).u32(0xffffffff).u32(0xffffffff).u32(0xffffffff)
  w.u16(0)
  w.u8(MessageType[message.type])
  switch (message.type) {
    case "OPEN":
      encodeOpen(w, message)
      break
    case "UPDATE":
      encodeUpdate(w, message, ctx)
      break
    case "NOTIFICATION":
      encodeNotification(w, message)
      break
    case "ROUTE-REFRESH":
      encodeRouteRefresh(w, message)
      break
    case "KEEPALIVE":
      break
  }
  const most = message.type === "OPEN" ? MAX_LENGTH : maxMessageLength(ctx)
  if (w.length > most) throw new Unencodable(`the message has ${w.length} octets, at most ${most} are allowed`)
  return w.patchU16(16, w.length).done()
}
