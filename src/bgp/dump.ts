// Captured octets into messages, one after the other, as `viaduct decode` shows them: hex as people paste it or raw, good
// messages or not. RFC 4271 4.1. Where a message is malformed and its header is sane, reading goes on behind it by its
// length; where the header is not, at the next marker. Invariant: any input gives at least one answer and never throws.
import { fromHex } from "../net/bytes.ts"
import { decodeMessage, maxMessageLength } from "./codec.ts"
import type { CodecContext } from "./context.ts"
import { messageError } from "./errors.ts"
import { checkHeader, hasMarker, headerLength } from "./header.ts"
import { ErrorCode, HEADER_LENGTH, HeaderError } from "./iana.ts"
import type { Decoded, MessageError } from "./message/types.ts"

const unreadable = (offset: number, message: string): MessageError =>
  messageError({ outcome: "session-reset", code: ErrorCode.header, subcode: 0, offset, message })

const isText = (input: Uint8Array): boolean =>
  input.every((octet) => (octet >= 0x20 && octet < 0x7f) || (octet >= 0x09 && octet <= 0x0d))

/** The octets in `input`: hex digits with blanks, newlines and colons between them, or the octets themselves. */
const octetsIn = (input: Uint8Array): Uint8Array | MessageError => {
  if (!isText(input)) return input
  const text = new TextDecoder().decode(input)
  const digits = text.replace(/[\s:]/g, "")
  if (digits === "") return unreadable(0, "the input is empty")
  const foreign = /[^\s:0-9a-fA-F]/.exec(text)
  if (foreign !== null) {
    return unreadable(0, `${JSON.stringify(foreign[0])} at character ${foreign.index} of the input is no hex digit`)
  }
  return fromHex(digits) ?? unreadable(0, `the input has ${digits.length} hex digits, an octet has two`)
}

/** Where the next marker begins behind `from`, or the end. */
const nextMarker = (octets: Uint8Array, from: number): number => {
  for (let at = from; at + HEADER_LENGTH <= octets.length; at++) if (hasMarker(octets, at)) return at
  return octets.length
}

/** Where reading goes on behind the message at `at`, whose header is `broken` or good. */
const behind = (octets: Uint8Array, at: number, broken: MessageError | undefined): number => {
  const sane = broken === undefined || broken.subcode !== HeaderError.notSynchronized
  const length = headerLength(octets, at)
  if (sane && length >= HEADER_LENGTH && at + length <= octets.length) return at + length
  return nextMarker(octets, at + 1)
}

/** Every message in `input`, in order; at least one answer. `ctx` is that of the direction that was captured. */
export const decodeInput = (input: Uint8Array, ctx: CodecContext): ReadonlyArray<Decoded> => {
  const octets = octetsIn(input)
  if (!(octets instanceof Uint8Array)) return [{ error: octets }]
  const all: Decoded[] = []
  let at = 0
  while (at < octets.length) {
    const left = octets.length - at
    if (left < HEADER_LENGTH) {
      all.push({ error: unreadable(0, `the message is cut short: ${left} octets, a header has ${HEADER_LENGTH}`) })
      break
    }
    const broken = checkHeader(octets, maxMessageLength(ctx), at)
    const end = behind(octets, at, broken)
    const length = headerLength(octets, at)
    if (broken !== undefined) all.push({ error: broken })
    else all.push(decodeMessage(octets.subarray(at, Math.min(at + length, octets.length)), ctx))
    at = end
  }
  return all
}

/** The JSON object for one answer: the message with its error beside it. */
export const dumpOf = ({ message, error }: Decoded): object => ({
  ...message,
  ...(error === undefined ? {} : { error })
})
