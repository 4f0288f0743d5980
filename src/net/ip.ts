// Addresses and prefixes as canonical text ("10.0.0.8", "2001:db8::1", "10.0.0.8/32"): text compares, hashes, prints and
// goes into JSON as it is, and one form per value makes it a safe map key. ipaddr.js reads what people write; the hot
// paths between octets and text are here. Canonical IPv6 is RFC 5952.
import ipaddr from "ipaddr.js"

export type Family = "ipv4" | "ipv6"

/** An address in canonical form. */
export type Address = string & { readonly _: "Address" }
/** A prefix in canonical form, host bits zero: "10.0.0.0/24". */
export type Prefix = string & { readonly _: "Prefix" }

const IPV4 = /^(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}$/

/** The canonical form of `text`, or undefined where it is no address. IPv4 needs four decimal parts (no 10.1, no 010.0.0.1). */
export const parseAddress = (text: string): Address | undefined => {
  if (text.includes(":")) {
    if (!ipaddr.IPv6.isValid(text) || text.includes("%")) return undefined
    return addressFromBytes(Uint8Array.from(ipaddr.IPv6.parse(text).toByteArray()))
  }
  return IPV4.test(text) && ipaddr.IPv4.isValid(text) ? (text as Address) : undefined
}

/** The canonical form of `text` ("10.0.0.8/32"), or undefined where it is no prefix or has host bits set. */
export const parsePrefix = (text: string): Prefix | undefined => {
  const slash = text.indexOf("/")
  const address = slash < 0 ? undefined : parseAddress(text.slice(0, slash))
  const length = text.slice(slash + 1)
  if (address === undefined || !/^(?:0|[1-9]\d{0,2})$/.test(length)) return undefined
  if (Number(length) > addressBits(familyOf(address))) return undefined
  const prefix = prefixFromBytes(addressBytes(address), Number(length))
  return prefix === `${address}/${length}` ? prefix : undefined
}

export const familyOf = (value: Address | Prefix): Family => (value.includes(":") ? "ipv6" : "ipv4")

export const addressBits = (family: Family): 32 | 128 => (family === "ipv4" ? 32 : 128)

/** 4 or 16 octets. */
export const addressBytes = (address: Address): Uint8Array => {
  if (address.includes(":")) return Uint8Array.from(ipaddr.IPv6.parse(address).toByteArray())
  const bytes = new Uint8Array(4)
  let part = 0
  let at = 0
  for (let i = 0; i < address.length; i++) {
    const c = address.charCodeAt(i)
    if (c === 46) {
      bytes[at++] = part
      part = 0
    } else part = part * 10 + c - 48
  }
  bytes[at] = part
  return bytes
}

/** The address in 4 or 16 octets. */
export const addressFromBytes = (bytes: Uint8Array): Address => {
  if (bytes.length === 4) return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}` as Address
  return new ipaddr.IPv6(Array.from(bytes)).toRFC5952String() as Address
}

export const prefixLength = (prefix: Prefix): number => Number(prefix.slice(prefix.indexOf("/") + 1))

export const prefixAddress = (prefix: Prefix): Address => prefix.slice(0, prefix.indexOf("/")) as Address

/** The prefix of `length` bits that holds the address in `bytes` (4 or 16 octets); host bits are cleared. */
export const prefixFromBytes = (bytes: Uint8Array, length: number): Prefix => {
  const masked = bytes.slice()
  const whole = length >>> 3
  if (whole < masked.length) {
    masked[whole] = (masked[whole] as number) & (0xff00 >>> (length & 7))
    masked.fill(0, whole + 1)
  }
  return `${addressFromBytes(masked)}/${length}` as Prefix
}

/** The address as a prefix of its own: /32 or /128. */
export const hostPrefix = (address: Address): Prefix => `${address}/${addressBits(familyOf(address))}` as Prefix

/** An address as a number, for ranges and order. */
export const addressToBigInt = (address: Address): bigint =>
  addressBytes(address).reduce((n, byte) => (n << 8n) | BigInt(byte), 0n)

/** The inverse of `addressToBigInt`; `n` must fit the family. */
export const addressFromBigInt = (n: bigint, family: Family): Address => {
  const bytes = new Uint8Array(addressBits(family) / 8)
  let rest = n
  for (let i = bytes.length - 1; i >= 0; i--) {
    bytes[i] = Number(rest & 0xffn)
    rest >>= 8n
  }
  return addressFromBytes(bytes)
}
