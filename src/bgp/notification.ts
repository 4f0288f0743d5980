// NOTIFICATIONs as a session uses them: made from a decoder's mistake, and told to an operator in plain words.
// RFC 4271 section 6, RFC 4486, RFC 6608, RFC 8538, RFC 9003, RFC 9234, RFC 9384, RFC 9687.
import { fromHex } from "../net/bytes.ts"
import { attributeName, ErrorCode, HEADER_LENGTH, MAX_LENGTH, notificationName } from "./iana.ts"
import type { MessageError, Notification } from "./message/types.ts"

/** Hex digits that fit behind code and subcode in a message that every peer accepts (RFC 8654 section 5). */
const MAX_DATA_DIGITS = 2 * (MAX_LENGTH - HEADER_LENGTH - 2)

/** What to send before closing because of `error`; data that would not fit into 4,096 octets are cut. */
export const notificationFor = (error: MessageError): Notification => ({
  type: "NOTIFICATION",
  code: error.code,
  subcode: error.subcode,
  name: notificationName(error.code, error.subcode),
  ...(error.data === "" ? {} : { data: error.data.slice(0, MAX_DATA_DIGITS) })
})

/** What a code/subcode means for whoever runs the session, where the registry's name does not say it already. */
const MEANING: Readonly<Record<string, string>> = {
  "1/1": "the stream lost its message boundaries",
  "2/1": "the other end speaks another BGP version",
  "2/2": "the AS number in the OPEN is not the one that the receiver has configured for this peer",
  "2/3": "the BGP identifier is not acceptable, or both ends use the same one",
  "2/6": "the hold time offered is too short for the receiver",
  "2/7": "a capability that the receiver requires is missing",
  "2/11": "the BGP roles of both ends do not fit together",
  "4/0": "nothing was received for the whole hold time",
  "6/1": "more routes were sent than the receiver allows",
  "6/2": "an operator shut the session down",
  "6/3": "the receiver no longer has this peer in its configuration",
  "6/4": "an operator reset the session",
  "6/5": "the other end does not accept the connection",
  "6/6": "the configuration of the other end changed",
  "6/7": "both ends connected at once and this connection was given up for the other",
  "6/8": "the other end ran out of memory or another resource",
  "6/9": "the session ends without graceful restart",
  "6/10": "BFD saw the path to the peer fail",
  "8/0": "the peer read nothing for the whole send hold time"
}

/** What the data field says, where its meaning is known (RFC 4271 section 6). */
const describeData = (code: number, subcode: number, data: Uint8Array): string | undefined => {
  const number = data.reduce((n, octet) => n * 256 + octet, 0)
  const key = `${code}/${subcode}`
  if (key === "1/2" && data.length === 2) return `length ${number}`
  if (key === "1/3" && data.length === 1) return `type ${number}`
  if (key === "2/1" && data.length === 2) return `it speaks version ${number}`
  if (key === "2/2" && (data.length === 2 || data.length === 4)) return `it names AS ${number}`
  if (key === "3/3" && data.length === 1) return attributeName(number)
  const attribute = data[1]
  if (code === ErrorCode.update && data.length >= 3 && attribute !== undefined) return attributeName(attribute)
  return data.length === 0 ? undefined : `data ${data.toHex()}`
}

/**
 * One line of plain words: name, meaning, what the data field says and the shutdown communication, for example
 * `Cease: Administrative Shutdown (an operator shut the session down), "maintenance until 18:00"`.
 */
export const describeNotification = (n: Notification): string => {
  const name = notificationName(n.code, n.subcode)
  const meaning = MEANING[`${n.code}/${n.subcode}`]
  const inner = n.hardReset
  const parts = [meaning === undefined ? name : `${name} (${meaning})`]
  if (inner !== undefined) parts.push(notificationName(inner.code, inner.subcode))
  const { code, subcode } = inner ?? n
  const said = n.data === undefined ? undefined : describeData(code, subcode, fromHex(n.data) ?? new Uint8Array(0))
  if (said !== undefined) parts.push(said)
  if (n.message !== undefined && n.message !== "") parts.push(JSON.stringify(n.message))
  return parts.join(", ")
}
