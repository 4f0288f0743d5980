// NOTIFICATION: RFC 4271 4.5, shutdown communication RFC 9003 (Cease 6/2 and 6/4), hard reset RFC 8538 (Cease 6/9, which
// carries another NOTIFICATION's code, subcode and data inside). What does not follow these rules keeps its octets as
// `data`: a NOTIFICATION is the last word of a peer and is never refused.
import { fromHex, toHex, type Writer } from "../../net/bytes.ts"
import { CeaseError, ErrorCode, HEADER_LENGTH, notificationName } from "../iana.ts"
import { textFromBytes, textToBytes } from "../text.ts"
import type { Notification } from "./types.ts"

const carriesMessage = (code: number, subcode: number): boolean =>
  code === ErrorCode.cease &&
  (subcode === CeaseError.administrativeShutdown || subcode === CeaseError.administrativeReset)

const isHardReset = (code: number, subcode: number): boolean =>
  code === ErrorCode.cease && subcode === CeaseError.hardReset

/** The data field of `code`/`subcode` as `message` or `data`. */
const readData = (code: number, subcode: number, data: Uint8Array): Pick<Notification, "message" | "data"> => {
  if (data.length === 0) return {}
  if (carriesMessage(code, subcode) && data[0] === data.length - 1) {
    const message = textFromBytes(data.subarray(1))
    if (message !== undefined) return { message }
  }
  return { data: toHex(data) }
}

/** Decodes a NOTIFICATION whose header is good. */
export const decodeNotification = (frame: Uint8Array): Notification => {
  const code = frame[HEADER_LENGTH] ?? 0
  const subcode = frame[HEADER_LENGTH + 1] ?? 0
  const data = frame.subarray(HEADER_LENGTH + 2)
  const head = { type: "NOTIFICATION", code, subcode, name: notificationName(code, subcode) } as const
  const [innerCode, innerSubcode] = data
  if (!isHardReset(code, subcode) || innerCode === undefined || innerSubcode === undefined) {
    return { ...head, ...readData(code, subcode, data) }
  }
  const name = notificationName(innerCode, innerSubcode)
  return {
    ...head,
    ...readData(innerCode, innerSubcode, data.subarray(2)),
    hardReset: { code: innerCode, subcode: innerSubcode, name }
  }
}

/** Writes what follows the header. A message longer than 255 octets is cut between characters. */
export const encodeNotification = (w: Writer, notification: Notification): void => {
  w.u8(notification.code).u8(notification.subcode)
  if (notification.hardReset !== undefined) w.u8(notification.hardReset.code).u8(notification.hardReset.subcode)
  if (notification.message !== undefined) {
    const text = textToBytes(notification.message)
    w.u8(text.length).put(text)
  } else if (notification.data !== undefined) w.put(fromHex(notification.data) ?? new Uint8Array(0))
}
