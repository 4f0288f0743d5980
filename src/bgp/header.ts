// The header that every message opens with: marker, length, type. RFC 4271 4.1 and 6.1, RFC 8654 (which messages may be
// longer than 4,096 octets), RFC 2918 (ROUTE-REFRESH). One check, used where octets arrive (framer) and where a whole
// message is decoded, so that both refuse the same things with the same NOTIFICATION.
import { Writer } from "../net/bytes.ts"
import { messageError } from "./errors.ts"
import { ErrorCode, HEADER_LENGTH, HeaderError, MAX_LENGTH, MessageType } from "./iana.ts"
import type { MessageError } from "./message/types.ts"

/** Octets a message of this type has at least, header and all. */
const MIN_LENGTH: Readonly<Record<number, number>> = {
  [MessageType.OPEN]: 29,
  [MessageType.UPDATE]: 23,
  [MessageType.NOTIFICATION]: 21,
  [MessageType.KEEPALIVE]: 19,
  [MessageType["ROUTE-REFRESH"]]: 23
}

/** Octets a message of this type has at most, where `maxLength` is what the session allows. */
const longest = (type: number, maxLength: number): number => {
  if (type === MessageType.KEEPALIVE) return HEADER_LENGTH
  return type === MessageType.OPEN ? Math.min(maxLength, MAX_LENGTH) : maxLength
}

/** The length field of the message whose marker begins at `at`. */
export const headerLength = (bytes: Uint8Array, at = 0): number => ((bytes[at + 16] ?? 0) << 8) | (bytes[at + 17] ?? 0)

/** Whether sixteen octets of ones stand at `at`. */
export const hasMarker = (bytes: Uint8Array, at = 0): boolean => {
  for (let i = at; i < at + 16; i++) if (bytes[i] !== 0xff) return false
  return true
}

/**
 * Checks the nineteen octets at `at` (which must be there). The answer is the session reset of RFC 4271 6.1, or
 * undefined where the header is good. `maxLength` is 4,096, or 65,535 once RFC 8654 was negotiated.
 */
export const checkHeader = (bytes: Uint8Array, maxLength: number, at = 0): MessageError | undefined => {
  const reset = (subcode: number, offset: number, message: string, data?: Uint8Array) =>
    messageError({
      outcome: "session-reset",
      code: ErrorCode.header,
      subcode,
      offset,
      message,
      ...(data === undefined ? {} : { data })
    })
  if (!hasMarker(bytes, at)) return reset(HeaderError.notSynchronized, 0, "the marker is not sixteen octets of ones")
  const length = headerLength(bytes, at)
  const type = bytes[at + 18] ?? 0
  const badLength = (why: string) =>
    reset(HeaderError.badLength, 16, `message length ${length}: ${why}`, new Writer(2).u16(length).done())
  if (length < HEADER_LENGTH) return badLength(`a message has at least ${HEADER_LENGTH} octets`)
  if (length > maxLength) return badLength(`at most ${maxLength} octets are allowed`)
  const least = MIN_LENGTH[type]
  if (least === undefined) return reset(HeaderError.badType, 18, `message type ${type} is unknown`, Uint8Array.of(type))
  if (length < least) return badLength(`a message of type ${type} has at least ${least} octets`)
  const most = longest(type, maxLength)
  if (length > most) return badLength(`a message of type ${type} has at most ${most} octets`)
  return undefined
}
