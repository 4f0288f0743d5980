// OPEN: RFC 4271 4.2 and 6.2, capabilities RFC 5492, extended optional parameters RFC 9072, AS numbers RFC 6793 and
// RFC 7607, identifier RFC 6286. Checks here are those that need no configuration; whether the AS number and the
// capabilities are the wanted ones is the session's business. The decoded form does not say how capabilities were
// spread over parameters: one parameter with all of them is the canonical form (RFC 5492 section 4).
import { OutOfBytes, Reader, Writer } from "../../net/bytes.ts"
import { addressBytes, addressFromBytes, parseAddress } from "../../net/ip.ts"
import { decodeCapability, encodeCapability } from "../capability/codec.ts"
import type { Capability } from "../capability/types.ts"
import { messageError, Unencodable } from "../errors.ts"
import { AS_TRANS, BGP_VERSION, ErrorCode, HEADER_LENGTH, OpenError } from "../iana.ts"
import type { Decoded, MessageError, Open } from "./types.ts"

const PARAMETER_CAPABILITIES = 2
/** RFC 9072 section 2: this type in the first parameter says that lengths have two octets. */
const PARAMETER_EXTENDED = 255

const reset = (subcode: number, offset: number, message: string, data?: Uint8Array): MessageError =>
  messageError({
    outcome: "session-reset",
    code: ErrorCode.open,
    subcode,
    offset,
    message,
    ...(data === undefined ? {} : { data })
  })

/** Reads all capabilities of one parameter. Throws OutOfBytes. */
const readCapabilities = (r: Reader, into: Capability[]): void => {
  while (r.left > 0) {
    const code = r.u8()
    into.push(decodeCapability(code, r.view(r.u8())))
  }
}

/** Reads the optional parameters up to the end of the message into `into`. Throws OutOfBytes. */
const readParameters = (r: Reader, into: Capability[]): MessageError | undefined => {
  const at = r.offset
  let declared = r.u8()
  const extended = declared !== 0 && r.left > 0 && r.bytes[r.offset] === PARAMETER_EXTENDED
  if (extended) {
    r.u8()
    declared = r.u16()
  }
  if (declared !== r.left) {
    return reset(OpenError.unspecific, at, `optional parameters: ${declared} octets declared, ${r.left} are there`)
  }
  while (r.left > 0) {
    const start = r.offset
    const type = r.u8()
    const value = r.sub(extended ? r.u16() : r.u8())
    if (type !== PARAMETER_CAPABILITIES) {
      return reset(OpenError.optionalParameter, start, `optional parameter ${type} is not supported`)
    }
    readCapabilities(value, into)
  }
  return undefined
}

/** The AS number of the four-octet AS capability (RFC 6793 section 3). */
const fourOctetAs = (capabilities: ReadonlyArray<Capability>): number | undefined => {
  for (const capability of capabilities) if (capability.name === "four-octet-as") return capability.asn
  return undefined
}

const checkFields = (open: Open, fieldAsn: number): MessageError | undefined => {
  if (open.asn === 0 || fieldAsn === 0) {
    return reset(OpenError.badPeerAs, 20, "AS number 0 is reserved (RFC 7607)")
  }
  if (open.holdTime === 1 || open.holdTime === 2) {
    return reset(OpenError.holdTime, 22, `hold time ${open.holdTime}: it is 0 or at least 3 seconds`)
  }
  if (open.routerId === "0.0.0.0") return reset(OpenError.badIdentifier, 24, "the BGP identifier is 0.0.0.0")
  return undefined
}

/** Decodes an OPEN whose header is good. Every mistake is a session reset with the code of RFC 4271 6.2. */
export const decodeOpen = (frame: Uint8Array): Decoded => {
  const r = new Reader(frame, HEADER_LENGTH)
  const version = r.u8()
  if (version !== BGP_VERSION) {
    const supported = new Writer(2).u16(BGP_VERSION).done()
    return { error: reset(OpenError.version, 19, `version ${version}, only ${BGP_VERSION} is spoken`, supported) }
  }
  const fieldAsn = r.u16()
  const holdTime = r.u16()
  const routerId = addressFromBytes(r.view(4))
  const capabilities: Capability[] = []
  const malformed = (() => {
    try {
      return readParameters(r, capabilities)
    } catch (cause) {
      if (!(cause instanceof OutOfBytes)) throw cause
      return reset(OpenError.unspecific, cause.offset, `optional parameters are cut short: ${cause.message}`)
    }
  })()
  const asn = fourOctetAs(capabilities) ?? fieldAsn
  const message: Open = { type: "OPEN", version, asn, holdTime, routerId, capabilities }
  const error = checkFields(message, fieldAsn) ?? malformed
  return error === undefined ? { message } : { message, error }
}

/**
 * Writes what follows the header. My Autonomous System is AS_TRANS where the AS number needs four octets (RFC 6793
 * section 9). Throws Unencodable for an identifier that is no IPv4 address and for an AS number that nothing would say.
 */
export const encodeOpen = (w: Writer, open: Open): void => {
  const routerId = parseAddress(open.routerId)
  if (routerId === undefined || routerId.includes(":")) {
    throw new Unencodable(`routerId ${open.routerId} is not written as an IPv4 address`)
  }
  const fourOctet = fourOctetAs(open.capabilities)
  if (fourOctet === undefined ? open.asn > 0xffff : fourOctet !== open.asn) {
    throw new Unencodable(`asn ${open.asn} needs a four-octet-as capability that says the same`)
  }
  const capabilities = new Writer()
  for (const capability of open.capabilities) encodeCapability(capabilities, capability)
  w.u8(open.version)
  w.u16(open.asn > 0xffff ? AS_TRANS : open.asn)
  w.u16(open.holdTime)
  w.put(addressBytes(routerId))
  const value = capabilities.done()
  if (value.length === 0) w.u8(0)
  else if (value.length + 2 <= 255) {
    w.u8(value.length + 2)
    w.u8(PARAMETER_CAPABILITIES).u8(value.length).put(value)
  } else {
    w.u8(255).u8(PARAMETER_EXTENDED)
    w.u16(value.length + 3)
    w.u8(PARAMETER_CAPABILITIES).u16(value.length).put(value)
  }
}
