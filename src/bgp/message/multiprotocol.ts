// MP_REACH_NLRI and MP_UNREACH_NLRI: RFC 4760 sections 3, 4 and 7, RFC 2545 section 3 (link-local second next hop),
// RFC 8950 (IPv4 routes with an IPv6 next hop), RFC 7606 5.3 and 7.11. A mistake that hides routes of a family costs that
// family (AFI/SAFI disable); one that hides even the family costs the session.
import { Reader, Writer } from "../../net/bytes.ts"
import { type Address, addressBytes, addressFromBytes, type Family, familyOf } from "../../net/ip.ts"
import { inAttribute, type RawAttribute, type WrittenAttribute } from "../attribute/list.ts"
import type { CodecContext } from "../context.ts"
import { type Mistakes, Unencodable } from "../errors.ts"
import { Afi, AttributeType, Flag, familyOfAfi, Safi, UpdateError } from "../iana.ts"
import { type Nlri, readNlri, writeNlri } from "./nlri.ts"
import type { Announcement, Withdrawal } from "./types.ts"

/** RFC 7606 5.3: AFI, SAFI, and for MP_REACH_NLRI the next hop's length and the reserved octet. */
const LEAST = { [AttributeType.mpReach]: 5, [AttributeType.mpUnreach]: 3 } as const

/** AFI and SAFI in front of the value, or undefined where it is too short to have them. */
const afiSafiOf = ({ value }: RawAttribute): { readonly afi: number; readonly safi: number } | undefined => {
  const [high, low, safi] = value
  if (high === undefined || low === undefined || safi === undefined) return undefined
  return { afi: high * 256 + low, safi }
}

/** Whether `raw` is this codec's to read: its family has an NLRI codec, or it is too short to name one. */
export const isOurs = (raw: RawAttribute): boolean => {
  const named = afiSafiOf(raw)
  return named === undefined || familyOfAfi(named.afi, named.safi) !== undefined
}

/** Checks length and flags; the family, or undefined where a mistake was noted. */
const familyIn = (raw: RawAttribute, least: number, mistakes: Mistakes): Family | undefined => {
  const named = afiSafiOf(raw)
  const family = named === undefined ? undefined : familyOfAfi(named.afi, named.safi)
  if (family === undefined || raw.value.length < least) {
    const message = `length ${raw.value.length}, it is at least ${least}`
    mistakes.note(inAttribute(raw, "session-reset", UpdateError.optionalAttribute, message))
    return undefined
  }
  if ((raw.flags & (Flag.optional | Flag.transitive)) === Flag.optional) return family
  const message = `flags 0x${raw.flags.toString(16)} where 0x80 is right`
  mistakes.note({ ...inAttribute(raw, "afi-safi-disable", UpdateError.attributeFlags, message), family })
  return undefined
}

/** Notes that the routes of `family` in `raw` cannot be known. `at` counts from the start of the value. */
const disable = (raw: RawAttribute, family: Family, at: number, message: string, mistakes: Mistakes): void =>
  mistakes.note({
    ...inAttribute(raw, "afi-safi-disable", UpdateError.optionalAttribute, message),
    family,
    offset: raw.valueOffset + at
  })

/** Why an address cannot be a next hop (RFC 4271 6.3), or undefined where it can. */
export const nextHopFault = (nextHop: Address): string | undefined => {
  if (nextHop === "0.0.0.0" || nextHop === "::") return `${nextHop} is no host's address`
  const [first = 0] = addressBytes(nextHop)
  const multicast = familyOf(nextHop) === "ipv4" ? first >= 224 && first < 240 : first === 0xff
  if (multicast) return `${nextHop} is a multicast address`
  return nextHop === "255.255.255.255" ? `${nextHop} is the broadcast address` : undefined
}

const nextHopLengths = (family: Family, ctx: CodecContext): ReadonlyArray<number> => {
  if (family === "ipv6") return [16, 32]
  return ctx.extendedNextHop ? [4, 16, 32] : [4]
}

/** An IPv4 route with an IPv4 next hop belongs into the body; the value says when it came this way. */
const unusualPlace = (family: Family, nextHop?: Address): { readonly multiprotocol?: true } =>
  family === "ipv4" && (nextHop === undefined || familyOf(nextHop) === "ipv4") ? { multiprotocol: true } : {}

/** The routes of an MP_REACH_NLRI; empty where a mistake was noted that hides them. */
export const readMpReach = (raw: RawAttribute, ctx: CodecContext, mistakes: Mistakes): ReadonlyArray<Announcement> => {
  const family = familyIn(raw, LEAST[AttributeType.mpReach], mistakes)
  if (family === undefined) return []
  const r = new Reader(raw.value, 3)
  const length = r.u8()
  const allowed = nextHopLengths(family, ctx)
  if (!allowed.includes(length) || r.left < length + 1) {
    const message = `next hop of ${length} octets with ${r.left} left, ${family} has ${allowed.join(" or ")}`
    disable(raw, family, 3, message, mistakes)
    return []
  }
  const nextHop = addressFromBytes(r.view(Math.min(length, 16)))
  const linkLocal = length === 32 ? { linkLocal: addressFromBytes(r.view(16)) } : {}
  r.u8()
  const nlri: Nlri[] = []
  const fault = readNlri(r, family, ctx.addPath[family], nlri)
  if (fault !== undefined) {
    disable(raw, family, fault.offset, fault.message, mistakes)
    return []
  }
  const wrong = nextHopFault(nextHop)
  if (wrong !== undefined) {
    mistakes.note(inAttribute(raw, "treat-as-withdraw", UpdateError.invalidNextHop, `next hop ${wrong}`))
  }
  const place = unusualPlace(family, nextHop)
  return nlri.map((one) => ({ ...one, nextHop, ...linkLocal, ...place }))
}

/** The routes of an MP_UNREACH_NLRI and their family; undefined where a mistake was noted that hides them. */
export const readMpUnreach = (
  raw: RawAttribute,
  ctx: CodecContext,
  mistakes: Mistakes
): { readonly family: Family; readonly withdraw: ReadonlyArray<Withdrawal> } | undefined => {
  const family = familyIn(raw, LEAST[AttributeType.mpUnreach], mistakes)
  if (family === undefined) return undefined
  const nlri: Nlri[] = []
  const fault = readNlri(new Reader(raw.value, 3), family, ctx.addPath[family], nlri)
  if (fault !== undefined) {
    disable(raw, family, fault.offset, fault.message, mistakes)
    return undefined
  }
  return { family, withdraw: nlri.map((one) => ({ ...one, ...unusualPlace(family) })) }
}

const start = (family: Family): Writer => new Writer(64).u16(Afi[family]).u8(Safi.unicast)

/** The withdrawal that takes an announcement of MP_REACH_NLRI or of the body back. */
export const withdrawalOf = ({ prefix, nextHop, pathId, multiprotocol }: Announcement): Withdrawal => ({
  prefix,
  ...(pathId === undefined ? {} : { pathId }),
  ...(multiprotocol === true || (familyOf(prefix) === "ipv4" && familyOf(nextHop) === "ipv6")
    ? { multiprotocol: true as const }
    : {})
})

/** MP_REACH_NLRI for routes of one family with one next hop. Throws Unencodable where the context has no such next hop. */
export const writeMpReach = (
  family: Family,
  nextHop: Address,
  linkLocal: Address | undefined,
  nlri: ReadonlyArray<Nlri>,
  ctx: CodecContext
): WrittenAttribute => {
  const octets = [nextHop, ...(linkLocal === undefined ? [] : [linkLocal])].map(addressBytes)
  const length = octets.reduce((sum, bytes) => sum + bytes.length, 0)
  if (!nextHopLengths(family, ctx).includes(length)) {
    throw new Unencodable(`${family} routes cannot have the next hop ${nextHop} on this session`)
  }
  const w = start(family).u8(length)
  for (const bytes of octets) w.put(bytes)
  w.u8(0)
  for (const one of nlri) writeNlri(w, one, ctx.addPath[family])
  return { type: AttributeType.mpReach, flags: Flag.optional, value: w.done() }
}

/** MP_UNREACH_NLRI for routes of one family; without routes it is the family's End-of-RIB (RFC 4724 section 2). */
export const writeMpUnreach = (family: Family, nlri: ReadonlyArray<Nlri>, ctx: CodecContext): WrittenAttribute => {
  const w = start(family)
  for (const one of nlri) writeNlri(w, one, ctx.addPath[family])
  return { type: AttributeType.mpUnreach, flags: Flag.optional, value: w.done() }
}
