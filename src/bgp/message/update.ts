// UPDATE: RFC 4271 4.3 and 6.3, RFC 4760, RFC 4724 section 2 (End-of-RIB), error handling RFC 7606. Owns the message as a
// whole: its three fields, which attributes its routes need, and what is left of it after mistakes. Invariants: routes
// are kept or withdrawn, never half-known; with treat-as-withdraw nothing is announced and every announced prefix stands
// in `withdraw`.
import { Reader, type Writer } from "../../net/bytes.ts"
import { type Address, addressBytes, addressFromBytes, type Family, familyOf } from "../../net/ip.ts"
import {
  attributesToWrite,
  inAttribute,
  type RawAttribute,
  readAttributes,
  splitAttributes,
  type WrittenAttribute,
  writeAttributes
} from "../attribute/list.ts"
import type { Attributes } from "../attribute/types.ts"
import type { CodecContext } from "../context.ts"
import { type Mistake, Mistakes, messageError, Unencodable } from "../errors.ts"
import { AttributeType, attributeName, ErrorCode, Flag, HEADER_LENGTH, UpdateError } from "../iana.ts"
import {
  isOurs,
  nextHopFault,
  readMpReach,
  readMpUnreach,
  withdrawalOf,
  writeMpReach,
  writeMpUnreach
} from "./multiprotocol.ts"
import { type Nlri, readNlri, writeNlri } from "./nlri.ts"
import type { Announcement, Decoded, Update, Withdrawal } from "./types.ts"

/** The three fields behind the header, or the mistake where their lengths run past the message (RFC 7606 3.b). */
const fieldsOf = (frame: Uint8Array) => {
  const r = new Reader(frame, HEADER_LENGTH)
  const tooLong = (what: string, length: number, offset: number): Mistake => ({
    outcome: "session-reset",
    code: ErrorCode.update,
    subcode: UpdateError.malformedAttributeList,
    offset,
    message: `${what} ${length} runs past the end of the message`
  })
  const withdrawnLength = r.u16()
  // Two octets more: the length of the attributes must fit behind them.
  if (withdrawnLength + 2 > r.left) return tooLong("Withdrawn Routes Length", withdrawnLength, HEADER_LENGTH)
  const withdrawn = r.sub(withdrawnLength)
  const at = r.offset
  const attributesLength = r.u16()
  if (attributesLength > r.left) return tooLong("Total Path Attribute Length", attributesLength, at)
  return { withdrawn, attributes: r.sub(attributesLength), nlri: r.sub(r.left) }
}

/** Prefixes of a field of the body. A list that is syntactically incorrect resets the session (RFC 7606 3.i, 3.j, 5.3). */
const readBody = (r: Reader, ctx: CodecContext, mistakes: Mistakes): ReadonlyArray<Nlri> => {
  const nlri: Nlri[] = []
  const fault = readNlri(r, "ipv4", ctx.addPath.ipv4, nlri)
  if (fault === undefined) return nlri
  mistakes.note({
    outcome: "session-reset",
    code: ErrorCode.update,
    subcode: UpdateError.invalidNetwork,
    ...fault
  })
  return nlri
}

/** RFC 7606 7.3. */
const readNextHop = (raw: RawAttribute | undefined, mistakes: Mistakes): Address | undefined => {
  if (raw === undefined) return undefined
  if (raw.value.length !== 4) {
    const message = `length ${raw.value.length}, it is 4`
    mistakes.note(inAttribute(raw, "treat-as-withdraw", UpdateError.attributeLength, message))
    return undefined
  }
  const nextHop = addressFromBytes(raw.value)
  const wrong = nextHopFault(nextHop)
  if (wrong !== undefined) mistakes.note(inAttribute(raw, "treat-as-withdraw", UpdateError.invalidNextHop, wrong))
  return nextHop
}

/** RFC 7606 3.d: without these, routes cannot be used. An attribute that is there and malformed is not missing. */
const checkMandatory = (
  present: ReadonlyArray<RawAttribute>,
  inBody: boolean,
  offset: number,
  mistakes: Mistakes
): void => {
  const needed = [AttributeType.origin, AttributeType.asPath, ...(inBody ? [AttributeType.nextHop] : [])]
  for (const type of needed) {
    if (present.some((raw) => raw.type === type)) continue
    mistakes.note({
      outcome: "treat-as-withdraw",
      code: ErrorCode.update,
      subcode: UpdateError.missingWellKnown,
      offset,
      attribute: attributeName(type),
      message: `${attributeName(type)} is missing`,
      data: Uint8Array.of(type)
    })
  }
}

/** RFC 7606 5.2: a mistake in attributes that come without any routes may well have hidden the routes. */
const checkMissingNlri = (mistakes: Mistakes): void => {
  const worst = mistakes.worst
  if (worst === undefined || !mistakes.has("treat-as-withdraw")) return
  mistakes.note({ ...worst, outcome: "session-reset", message: `${worst.message}; and no routes are there` })
}

/** Which family's End-of-RIB the message is, if any (RFC 4724 section 2). */
const endOfRib = (
  raws: ReadonlyArray<RawAttribute>,
  bodyLength: number,
  unreach: { readonly family: Family; readonly withdraw: ReadonlyArray<Withdrawal> } | undefined
): Pick<Update, "endOfRib"> => {
  if (bodyLength > 0) return {}
  if (raws.length === 0) return { endOfRib: "ipv4-unicast" }
  const marker = raws.length === 1 && unreach?.withdraw.length === 0
  return marker ? { endOfRib: `${unreach.family}-unicast` } : {}
}

/** What RFC 7606 leaves of the message, and the mistake that it costs. */
const finish = (mistakes: Mistakes, update: Update): Decoded => {
  const worst = mistakes.worst
  if (worst === undefined) return { message: update }
  const error = messageError(worst)
  if (!mistakes.has("treat-as-withdraw")) return { message: update, error }
  const { announce, withdraw, ...rest } = update
  return { message: { ...rest, announce: [], withdraw: [...withdraw, ...announce.map(withdrawalOf)] }, error }
}

/** Decodes an UPDATE whose header is good. */
export const decodeUpdate = (frame: Uint8Array, ctx: CodecContext): Decoded => {
  const mistakes = new Mistakes()
  const fields = fieldsOf(frame)
  if ("outcome" in fields) return { error: messageError(fields) }
  const bodyLength = fields.withdrawn.left + fields.nlri.left
  const attributesAt = fields.attributes.offset
  const withdraw: Withdrawal[] = [...readBody(fields.withdrawn, ctx, mistakes)]
  const raws = splitAttributes(fields.attributes, mistakes)
  const { attributes, routes } = readAttributes(raws, ctx, mistakes, isOurs)
  const prefixes = readBody(fields.nlri, ctx, mistakes)
  // A missing or malformed NEXT_HOP is noted, and then no route with this address leaves here.
  const nextHop = readNextHop(routes.nextHop, mistakes) ?? ("0.0.0.0" as Address)
  const unreach = routes.mpUnreach === undefined ? undefined : readMpUnreach(routes.mpUnreach, ctx, mistakes)
  const reach = routes.mpReach === undefined ? [] : readMpReach(routes.mpReach, ctx, mistakes)
  if (unreach !== undefined) withdraw.push(...unreach.withdraw)
  const announce = [...prefixes.map((one): Announcement => ({ ...one, nextHop })), ...reach]
  const foreign = attributes.unknown?.some((one) => one.type === AttributeType.mpReach) === true
  const hidden = routes.mpReach !== undefined && mistakes.has("afi-safi-disable")
  if (announce.length > 0 || foreign) checkMandatory(raws, prefixes.length > 0, attributesAt, mistakes)
  else if (!hidden) checkMissingNlri(mistakes)
  const marker = mistakes.worst === undefined ? endOfRib(raws, bodyLength, unreach) : {}
  return finish(mistakes, { type: "UPDATE", announce, withdraw, ...marker, attributes })
}

/** The one next hop of some announcements. Throws Unencodable where they have several: one message holds one. */
const oneNextHop = (announce: ReadonlyArray<Announcement>, where: string) => {
  const [first] = announce
  if (first === undefined) return undefined
  if (announce.some((a) => a.nextHop !== first.nextHop || a.linkLocal !== first.linkLocal)) {
    throw new Unencodable(`the announced ${where} routes have several next hops, one message has room for one`)
  }
  return first
}

/** The one family of some routes. Throws Unencodable where there are two. */
const oneFamily = (routes: ReadonlyArray<Nlri>, attribute: string): Family | undefined => {
  const [family, second] = new Set(routes.map((route) => familyOf(route.prefix)))
  if (second !== undefined) throw new Unencodable(`${attribute} would need two families, one message has room for one`)
  return family
}

const inBody = (route: Announcement | Withdrawal): boolean =>
  familyOf(route.prefix) === "ipv4" &&
  route.multiprotocol !== true &&
  !("nextHop" in route && familyOf(route.nextHop) === "ipv6")

/** The attributes that carry routes. */
const routeAttributes = (update: Update, ctx: CodecContext): ReadonlyArray<WrittenAttribute> => {
  const all: WrittenAttribute[] = []
  const reach = update.announce.filter((route) => !inBody(route))
  const reachFamily = oneFamily(reach, "MP_REACH_NLRI")
  const hop = oneNextHop(reach, "multiprotocol")
  if (reachFamily !== undefined && hop !== undefined) {
    all.push(writeMpReach(reachFamily, hop.nextHop, hop.linkLocal, reach, ctx))
  }
  const unreach = update.withdraw.filter((route) => !inBody(route))
  const unreachFamily = oneFamily(unreach, "MP_UNREACH_NLRI")
  if (unreachFamily !== undefined) all.push(writeMpUnreach(unreachFamily, unreach, ctx))
  if (update.endOfRib === "ipv6-unicast") all.push(writeMpUnreach("ipv6", [], ctx))
  const body = oneNextHop(update.announce.filter(inBody), "IPv4")
  if (body !== undefined) {
    all.push({ type: AttributeType.nextHop, flags: Flag.transitive, value: addressBytes(body.nextHop) })
  }
  return all
}

const hasAttributes = (attributes: Attributes): boolean => Object.keys(attributes).length > 0

/** Writes what follows the header. Throws Unencodable where one message has no room for these routes together. */
export const encodeUpdate = (w: Writer, update: Update, ctx: CodecContext): void => {
  const empty = update.announce.length === 0 && update.withdraw.length === 0
  if (update.endOfRib !== undefined && !(empty && !hasAttributes(update.attributes))) {
    throw new Unencodable("an End-of-RIB has neither routes nor attributes")
  }
  const withdrawnAt = w.length
  w.u16(0)
  for (const route of update.withdraw) if (inBody(route)) writeNlri(w, route, ctx.addPath.ipv4)
  w.patchU16(withdrawnAt, w.length - withdrawnAt - 2)
  const attributesAt = w.length
  w.u16(0)
  writeAttributes(w, [...routeAttributes(update, ctx), ...attributesToWrite(update.attributes, ctx)])
  w.patchU16(attributesAt, w.length - attributesAt - 2)
  for (const route of update.announce) if (inBody(route)) writeNlri(w, route, ctx.addPath.ipv4)
}
