// Makes messages octet by octet for tests of the codec. Owns no tests.
import { fromHex, toHex } from "../../src/net/bytes.ts"

/** Octets of hex with blanks. */
export const octets = (hex: string): Uint8Array => {
  const bytes = fromHex(hex.replaceAll(/\s/g, ""))
  if (bytes === undefined) throw new Error(`not hex: ${hex}`)
  return bytes
}

const u16 = (n: number): string => n.toString(16).padStart(4, "0")

/** A message with a good header around `body`. */
export const message = (type: number, body: string): Uint8Array => {
  const bytes = octets(body)
  return octets(`${"ff".repeat(16)}${u16(bytes.length + 19)}${type.toString(16).padStart(2, "0")}${toHex(bytes)}`)
}

/** An UPDATE of withdrawn routes, attributes and NLRI, each as hex. */
export const update = (attributes: string, nlri = "", withdrawn = ""): Uint8Array => {
  const [a, n, w] = [attributes, nlri, withdrawn].map((part) => toHex(octets(part))) as [string, string, string]
  return message(2, `${u16(w.length / 2)} ${w} ${u16(a.length / 2)} ${a} ${n}`)
}

/** An OPEN of AS 65001, hold time 90, 10.0.0.1 with the optional parameters in `parameters`. */
export const open = (parameters = "", head = "04 fde9 005a 0a000001"): Uint8Array => {
  const hex = toHex(octets(parameters))
  return message(1, `${head} ${(hex.length / 2).toString(16).padStart(2, "0")} ${hex}`)
}

export const ORIGIN = "40 01 01 00"
export const AS_PATH = "40 02 06 02 01 0000fde9"
export const NEXT_HOP = "40 03 04 0a000101"
/** What every route in the body needs. */
export const MANDATORY = `${ORIGIN} ${AS_PATH} ${NEXT_HOP}`
/** 10.0.0.8/32 */
export const ROUTE = "20 0a000008"
