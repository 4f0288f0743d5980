// ASN.1 in its distinguished encoding (ITU-T X.690 DER), as much of it as certificates are made of. Writes only.

const tlv = (tag: number, content: Uint8Array): Uint8Array => {
  const { length } = content
  const octets: Array<number> = []
  for (let rest = length; rest > 0; rest >>>= 8) octets.unshift(rest & 0xff)
  const head = length < 0x80 ? [tag, length] : [tag, 0x80 | octets.length, ...octets]
  return concat([Uint8Array.from(head), content])
}

const concat = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const all = new Uint8Array(parts.reduce((total, part) => total + part.length, 0))
  let offset = 0
  for (const part of parts) {
    all.set(part, offset)
    offset += part.length
  }
  return all
}

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

export const sequence = (...parts: ReadonlyArray<Uint8Array>): Uint8Array => tlv(0x30, concat(parts))
export const set = (...parts: ReadonlyArray<Uint8Array>): Uint8Array => tlv(0x31, concat(parts))
export const octetString = (content: Uint8Array): Uint8Array => tlv(0x04, content)
export const utf8String = (text: string): Uint8Array => tlv(0x0c, new TextEncoder().encode(text))
export const boolean = (value: boolean): Uint8Array => tlv(0x01, Uint8Array.of(value ? 0xff : 0))

/** A whole number that is not negative, big-endian in any length. */
export const integer = (magnitude: Uint8Array): Uint8Array => {
  const first = magnitude.findIndex((octet) => octet !== 0)
  const digits = first < 0 ? Uint8Array.of(0) : magnitude.slice(first)
  return tlv(0x02, (digits[0] ?? 0) < 0x80 ? digits : concat([Uint8Array.of(0), digits]))
}

/** All octets in use, or with so many bits of the last one unused. */
export const bitString = (content: Uint8Array, unusedBits = 0): Uint8Array =>
  tlv(0x03, concat([Uint8Array.of(unusedBits), content]))

/** "1.2.840.10045.4.3.2" */
export const objectIdentifier = (dotted: string): Uint8Array => {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number)
  const base128 = (value: number): ReadonlyArray<number> => {
    const octets = [value & 0x7f]
    for (let more = value >>> 7; more > 0; more >>>= 7) octets.unshift((more & 0x7f) | 0x80)
    return octets
  }
  return tlv(0x06, Uint8Array.from([first * 40 + second, ...rest].flatMap(base128)))
}

/** UTCTime until 2049, GeneralizedTime from 2050 (RFC 5280 4.1.2.5). Whole seconds. */
export const time = (epochMs: number): Uint8Array => {
  const digits = new Date(epochMs).toISOString().replaceAll(/[-:T]|\.\d+/g, "")
  return new Date(epochMs).getUTCFullYear() < 2050 ? tlv(0x17, ascii(digits.slice(2))) : tlv(0x18, ascii(digits))
}

/** A tag of the context, around other values. */
export const explicit = (number: number, content: Uint8Array): Uint8Array => tlv(0xa0 | number, content)
/** A tag of the context, instead of a primitive value's own. */
export const implicit = (number: number, content: Uint8Array): Uint8Array => tlv(0x80 | number, content)
