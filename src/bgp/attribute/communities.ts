// Communities between octets and text: RFC 1997 ("65001:100"), RFC 8092 ("65001:1:2"), RFC 4360 with RFC 5668 ("rt:",
// "soo:", any other kind as hex). Invariant: text that was read is written back as the same octets, so an extended
// community gets a name only where the name says all of it.
import { fromHex, type Reader, toHex, Writer } from "../../net/bytes.ts"
import { addressBytes, addressFromBytes, parseAddress } from "../../net/ip.ts"
import { Unencodable } from "../errors.ts"

/** Sub-types of the transitive extended communities that have a name (RFC 4360 sections 4 and 5). */
const SUBTYPES: Readonly<Record<string, number>> = { rt: 0x02, soo: 0x03 }
const TWO_OCTET_AS = 0x00
const IPV4_ADDRESS = 0x01
const FOUR_OCTET_AS = 0x02

/** The numbers of "a:b:c", or undefined where it is not `count` decimal numbers of at most `max`. */
const numbers = (text: string, count: number, max: number): ReadonlyArray<number> | undefined => {
  const parts = text.split(":")
  if (parts.length !== count || !parts.every((part) => /^(?:0|[1-9]\d{0,9})$/.test(part))) return undefined
  const values = parts.map(Number)
  return values.every((value) => value <= max) ? values : undefined
}

export const readCommunity = (r: Reader): string => `${r.u16()}:${r.u16()}`

/** Throws Unencodable where `text` is no community. */
export const writeCommunity = (w: Writer, text: string): void => {
  const values = numbers(text, 2, 0xffff)
  if (values === undefined) throw new Unencodable(`community ${JSON.stringify(text)} is not like "65001:100"`)
  for (const value of values) w.u16(value)
}

export const readLargeCommunity = (r: Reader): string => `${r.u32()}:${r.u32()}:${r.u32()}`

/** Throws Unencodable where `text` is no large community. */
export const writeLargeCommunity = (w: Writer, text: string): void => {
  const values = numbers(text, 3, 0xffffffff)
  if (values === undefined) throw new Unencodable(`large community ${JSON.stringify(text)} is not like "65001:1:2"`)
  for (const value of values) w.u32(value)
}

export const readExtendedCommunity = (r: Reader): string => {
  const octets = r.view(8)
  const [type = 0, subtype = 0] = octets
  const name = Object.keys(SUBTYPES).find((key) => SUBTYPES[key] === subtype)
  const view = new DataView(octets.buffer, octets.byteOffset, 8)
  if (name !== undefined && type === TWO_OCTET_AS) return `${name}:${view.getUint16(2)}:${view.getUint32(4)}`
  if (name !== undefined && type === IPV4_ADDRESS) {
    return `${name}:${addressFromBytes(octets.subarray(2, 6))}:${view.getUint16(6)}`
  }
  // A small AS number in the four-octet form would read like the two-octet form.
  if (name !== undefined && type === FOUR_OCTET_AS && view.getUint32(2) > 0xffff) {
    return `${name}:${view.getUint32(2)}:${view.getUint16(6)}`
  }
  return `0x${toHex(octets)}`
}

/** The octets of "rt:…" or "soo:…", or undefined where `text` is not of that form. */
const namedExtended = (text: string): Uint8Array | undefined => {
  const [name = "", administrator = "", local = "", ...more] = text.split(":")
  const subtype = Object.hasOwn(SUBTYPES, name) ? SUBTYPES[name] : undefined
  if (subtype === undefined || more.length > 0) return undefined
  const address = parseAddress(administrator)
  const asn = address === undefined ? numbers(administrator, 1, 0xffffffff)?.[0] : undefined
  const small = asn !== undefined && asn <= 0xffff
  const value = numbers(local, 1, small ? 0xffffffff : 0xffff)?.[0]
  if (value === undefined) return undefined
  const w = new Writer(8)
  if (address !== undefined) return w.u8(IPV4_ADDRESS).u8(subtype).put(addressBytes(address)).u16(value).done()
  if (asn === undefined) return undefined
  if (small) return w.u8(TWO_OCTET_AS).u8(subtype).u16(asn).u32(value).done()
  return w.u8(FOUR_OCTET_AS).u8(subtype).u32(asn).u16(value).done()
}

/** Throws Unencodable where `text` is no extended community. */
export const writeExtendedCommunity = (w: Writer, text: string): void => {
  const octets = text.startsWith("0x") ? fromHex(text.slice(2)) : namedExtended(text)
  if (octets?.length !== 8) {
    throw new Unencodable(`extended community ${JSON.stringify(text)} is not like "rt:65001:100" nor 0x and 16 digits`)
  }
  w.put(octets)
}
