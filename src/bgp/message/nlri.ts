// Network layer reachability information: a list of prefixes, each perhaps led by a path identifier. RFC 4271 4.3,
// RFC 4760 section 5, RFC 7911 section 3, RFC 7606 5.3 (when a list is syntactically incorrect). Bits behind the prefix
// length mean nothing on the wire and are cleared in the value.
import type { Reader, Writer } from "../../net/bytes.ts"
import {
  addressBits,
  addressBytes,
  type Family,
  type Prefix,
  prefixAddress,
  prefixFromBytes,
  prefixLength
} from "../../net/ip.ts"
import { Unencodable } from "../errors.ts"

export interface Nlri {
  readonly prefix: Prefix
  readonly pathId?: number
}

/** Why a list is syntactically incorrect (RFC 7606 5.3), and where. */
export interface NlriFault {
  readonly offset: number
  readonly message: string
}

const ipv4Prefix = (bytes: Uint8Array, length: number): Prefix => {
  const [a = 0, b = 0, c = 0, d = 0] = bytes
  // All of a host route's bits count, so that the common case needs no mask.
  if (length === 32) return `${a}.${b}.${c}.${d}/32` as Prefix
  const padded = new Uint8Array(4)
  padded.set(bytes)
  return prefixFromBytes(padded, length)
}

const ipv6Prefix = (bytes: Uint8Array, length: number): Prefix => {
  const padded = new Uint8Array(16)
  padded.set(bytes)
  return prefixFromBytes(padded, length)
}

/** Reads to the end of `r` into `into`; stops at the first mistake, what stands before it was read. */
export const readNlri = (r: Reader, family: Family, addPath: boolean, into: Nlri[]): NlriFault | undefined => {
  const bits = addressBits(family)
  while (r.left > 0) {
    const offset = r.offset
    const head = addPath ? 5 : 1
    if (r.left < head) return { offset, message: `${r.left} octets are left for a prefix with a path identifier` }
    const pathId = addPath ? r.u32() : undefined
    const length = r.u8()
    if (length > bits) return { offset, message: `prefix length ${length}, ${family} has ${bits} bits` }
    const octets = (length + 7) >>> 3
    if (octets > r.left)
      return { offset, message: `a prefix of ${length} bits needs ${octets} octets, ${r.left} are left` }
    const bytes = r.view(octets)
    const prefix = family === "ipv4" ? ipv4Prefix(bytes, length) : ipv6Prefix(bytes, length)
    into.push(pathId === undefined ? { prefix } : { prefix, pathId })
  }
  return undefined
}

/** Writes one prefix. Throws Unencodable where its path identifier and the context do not agree. */
export const writeNlri = (w: Writer, { prefix, pathId }: Nlri, addPath: boolean): void => {
  if (addPath !== (pathId !== undefined)) {
    throw new Unencodable(
      `${prefix}: ${addPath ? "a path identifier is needed" : "no path identifier is possible"} here`
    )
  }
  if (pathId !== undefined) w.u32(pathId)
  const length = prefixLength(prefix)
  w.u8(length).put(addressBytes(prefixAddress(prefix)).subarray(0, (length + 7) >>> 3))
}
