// An entry of `addressPools[].addresses` (S14): a prefix (1.2.3.0/24) or an inclusive range (1.2.3.1-1.2.3.5) of
// one family, first not after last. Kept as text in the document; `parseRange` gives the two ends.
import { Schema } from "effect"
import {
  type Address,
  addressBytes,
  addressFromBytes,
  addressToBigInt,
  familyOf,
  parseAddress,
  parsePrefix,
  prefixAddress,
  prefixLength
} from "../../net/ip.ts"

export interface AddressRange {
  readonly first: Address
  readonly last: Address
}

const lastOf = (first: Address, length: number): Address => {
  const bytes = addressBytes(first)
  for (let bit = length; bit < bytes.length * 8; bit++)
    bytes[bit >>> 3] = (bytes[bit >>> 3] ?? 0) | (0x80 >>> (bit & 7))
  return addressFromBytes(bytes)
}

/** The two ends, or why the text is no range. */
export const parseRange = (text: string): AddressRange | string => {
  if (text.includes("/")) {
    const prefix = parsePrefix(text.trim())
    if (prefix === undefined) return "is not a prefix, or has host bits set"
    const first = prefixAddress(prefix)
    return { first, last: lastOf(first, prefixLength(prefix)) }
  }
  const ends = text.split("-")
  const first = parseAddress((ends[0] ?? "").trim())
  const last = parseAddress((ends[1] ?? "").trim())
  if (ends.length !== 2 || first === undefined || last === undefined) return "is neither a prefix nor a range"
  if (familyOf(first) !== familyOf(last)) return "has ends of two families"
  if (addressToBigInt(first) > addressToBigInt(last)) return "ends before it begins"
  return { first, last }
}

const EXPECTED = "a prefix (1.2.3.0/24) or a range (1.2.3.1-1.2.3.5)"

export const addressRange = Schema.String.annotate({ description: EXPECTED }).check(
  Schema.makeFilter(
    (text: string) => {
      const range = parseRange(text)
      return typeof range !== "string" || range
    },
    { expected: EXPECTED }
  )
)
