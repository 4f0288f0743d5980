// The path attributes of an UPDATE as a list: where each begins and ends, and the rules that hold for all of them.
// RFC 4271 4.3 and 6.3, RFC 7606 sections 3 (c flags, g duplicates, h the gravest wins), 4 (lengths) and 5.1 (order),
// RFC 6793 4.2.3 (what AS4_PATH and AS4_AGGREGATOR amount to). NEXT_HOP and the multiprotocol attributes are handed on
// as octets: they are routes, and the message puts those together.
import { fromHex, Reader, toHex, type Writer } from "../../net/bytes.ts"
import type { CodecContext } from "../context.ts"
import { type Mistake, type Mistakes, Unencodable } from "../errors.ts"
import { AS_TRANS, attributeName, ErrorCode, Flag, AttributeType as Type, UpdateError } from "../iana.ts"
import { mergeAs4Path } from "./asPath.ts"
import { attributeTable, type Draft } from "./table.ts"
import type { Attributes, UnknownAttribute } from "./types.ts"

/** One attribute as it stands in the message. `whole` is type, length and value: what NOTIFICATIONs quote. */
export interface RawAttribute {
  readonly type: number
  readonly flags: number
  readonly value: Uint8Array
  readonly whole: Uint8Array
  /** Of its first octet, from the marker. */
  readonly offset: number
  /** Of its value, from the marker. */
  readonly valueOffset: number
}

/** Attributes that are part of routes. */
export interface RouteAttributes {
  nextHop?: RawAttribute
  mpReach?: RawAttribute
  mpUnreach?: RawAttribute
}

const NO_DATA = new Uint8Array(0)

const isMultiprotocol = (type: number): boolean => type === Type.mpReach || type === Type.mpUnreach

/** A mistake in `raw` with its place and, unless told otherwise, its octets for the NOTIFICATION. */
export const inAttribute = (
  raw: RawAttribute,
  outcome: Mistake["outcome"],
  subcode: number,
  message: string,
  data: Uint8Array = raw.whole
): Mistake => ({
  outcome,
  code: ErrorCode.update,
  subcode,
  offset: raw.offset,
  attribute: attributeName(raw.type),
  message: `${attributeName(raw.type)}: ${message}`,
  data
})

/** Splits the attributes field. Where a length does not fit, the rest of the field is given up (RFC 7606 section 4). */
export const splitAttributes = (r: Reader, mistakes: Mistakes): ReadonlyArray<RawAttribute> => {
  const all: RawAttribute[] = []
  while (r.left > 0) {
    const offset = r.offset
    const flags = r.u8()
    const header = (flags & Flag.extendedLength) === 0 ? 3 : 4
    if (r.left < header - 1) {
      mistakes.note({
        outcome: "treat-as-withdraw",
        code: ErrorCode.update,
        subcode: UpdateError.malformedAttributeList,
        offset,
        message: `${r.left + 1} octets are left for an attribute, which has at least ${header}`
      })
      break
    }
    const type = r.u8()
    const length = header === 3 ? r.u8() : r.u16()
    const fits = length <= r.left
    const valueOffset = r.offset
    const value = r.view(Math.min(length, r.left))
    const whole = r.bytes.subarray(offset, r.offset)
    const raw = { type, flags, value, whole, offset, valueOffset }
    if (fits) all.push(raw)
    else {
      // Routes that cannot be found cannot be withdrawn (RFC 7606 3.j).
      const outcome = isMultiprotocol(type) ? "session-reset" : "treat-as-withdraw"
      const message = `length ${length} runs past the end of the attributes, ${value.length} octets are left`
      mistakes.note(inAttribute(raw, outcome, UpdateError.attributeLength, message))
    }
  }
  return all
}

/** Whether the Optional and Transitive bits are the right ones; notes the mistake of RFC 7606 3.c. */
const flagsFit = (raw: RawAttribute, wanted: number, mistakes: Mistakes): boolean => {
  const bits = raw.flags & (Flag.optional | Flag.transitive)
  if (bits === wanted) return true
  const hex = (n: number) => `0x${n.toString(16)}`
  const message = `flags ${hex(raw.flags)} where ${hex(wanted)} is right`
  mistakes.note(inAttribute(raw, "treat-as-withdraw", UpdateError.attributeFlags, message))
  return false
}

const readUnknown = (raw: RawAttribute, into: UnknownAttribute[], mistakes: Mistakes): void => {
  if ((raw.flags & Flag.optional) === 0) {
    const message = "marked well-known, and this speaker does not know it"
    mistakes.note(inAttribute(raw, "session-reset", UpdateError.unrecognizedWellKnown, message))
  }
  into.push({ type: raw.type, flags: raw.flags, value: toHex(raw.value) })
}

const readKnown = (raw: RawAttribute, into: Draft, ctx: CodecContext, mistakes: Mistakes): void => {
  const entry = attributeTable.get(raw.type)
  if (entry === undefined || !flagsFit(raw, entry.flags, mistakes)) return
  const unexpected = entry.unexpected?.(ctx)
  if (unexpected !== undefined) {
    const message = `discarded, ${unexpected}`
    mistakes.note(inAttribute(raw, "attribute-discard", UpdateError.malformedAttributeList, message, NO_DATA))
    return
  }
  const { length } = raw.value
  if (!entry.fits(length, ctx)) {
    const message = `length ${length}, it is ${entry.lengths}`
    mistakes.note(inAttribute(raw, entry.malformed, UpdateError.attributeLength, message))
    return
  }
  const fault = entry.read(new Reader(raw.value), into, ctx)
  if (fault === undefined) return
  const data = fault.data ? raw.whole : NO_DATA
  mistakes.note(inAttribute(raw, entry.malformed, fault.subcode, fault.message, data))
}

/** RFC 6793 4.2.3. */
const mergeAs4 = ({ as4Path, as4Aggregator, ...attributes }: Draft): Attributes => {
  if (as4Aggregator !== undefined && attributes.aggregator !== undefined) {
    // A real AS number here was put in by a speaker that left older AS4 attributes behind: both are out of date.
    if (attributes.aggregator.asn !== AS_TRANS) return attributes
    attributes.aggregator = as4Aggregator
  }
  if (as4Path !== undefined && attributes.asPath !== undefined) {
    attributes.asPath = mergeAs4Path(attributes.asPath, as4Path)
  }
  return attributes
}

/**
 * Reads the attributes of one UPDATE and notes what is wrong with them. `isRoute` says which multiprotocol attributes
 * the caller can read; others are kept as unknown.
 */
export const readAttributes = (
  raws: ReadonlyArray<RawAttribute>,
  ctx: CodecContext,
  mistakes: Mistakes,
  isRoute: (raw: RawAttribute) => boolean
): { readonly attributes: Attributes; readonly routes: RouteAttributes } => {
  const draft: Draft = {}
  const unknown: UnknownAttribute[] = []
  const routes: RouteAttributes = {}
  const seen = new Set<number>()
  for (const raw of raws) {
    if (seen.has(raw.type)) {
      const outcome = isMultiprotocol(raw.type) ? "session-reset" : "attribute-discard"
      const message = "it is there more than once"
      mistakes.note(inAttribute(raw, outcome, UpdateError.malformedAttributeList, message, NO_DATA))
      continue
    }
    seen.add(raw.type)
    if (raw.type === Type.nextHop) {
      if (flagsFit(raw, Flag.transitive, mistakes)) routes.nextHop = raw
    } else if (isMultiprotocol(raw.type) && isRoute(raw)) {
      routes[raw.type === Type.mpReach ? "mpReach" : "mpUnreach"] = raw
    } else if (attributeTable.has(raw.type)) readKnown(raw, draft, ctx, mistakes)
    else readUnknown(raw, unknown, mistakes)
  }
  if (unknown.length > 0) draft.unknown = unknown
  return { attributes: mergeAs4(draft), routes }
}

/** An attribute to be written. */
export interface WrittenAttribute {
  readonly type: number
  readonly flags: number
  readonly value: Uint8Array
}

/** The attributes of an UPDATE that are not routes, as octets. Throws Unencodable. */
export const attributesToWrite = (attributes: Attributes, ctx: CodecContext): ReadonlyArray<WrittenAttribute> => {
  const all: WrittenAttribute[] = []
  for (const [type, entry] of attributeTable) {
    const value = entry.write(attributes, ctx)
    if (value !== undefined) all.push({ type, flags: entry.flags, value })
  }
  for (const { type, flags, value } of attributes.unknown ?? []) {
    const octets = fromHex(value)
    if (octets === undefined) throw new Unencodable(`${attributeName(type)}: the value is not hex`)
    all.push({ type, flags, value: octets })
  }
  return all
}

/** The multiprotocol attributes come first (RFC 7606 5.1), then the types ascend (RFC 4271 section 5). */
const rank = (type: number): number => (isMultiprotocol(type) ? type - 256 : type)

/** Writes attributes in canonical order. Throws Unencodable where two have the same type or one is too long. */
export const writeAttributes = (w: Writer, all: ReadonlyArray<WrittenAttribute>): void => {
  const ordered = all.toSorted((a, b) => rank(a.type) - rank(b.type))
  for (const [i, { type, flags, value }] of ordered.entries()) {
    if (ordered[i + 1]?.type === type) throw new Unencodable(`${attributeName(type)} is there twice`)
    if (value.length > 0xffff) throw new Unencodable(`${attributeName(type)} has ${value.length} octets`)
    const long = value.length > 0xff || (flags & Flag.extendedLength) !== 0
    w.u8(long ? flags | Flag.extendedLength : flags).u8(type)
    if (long) w.u16(value.length)
    else w.u8(value.length)
    w.put(value)
  }
}
