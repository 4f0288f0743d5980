// The stream of octets: where messages end, which headers are refused (RFC 4271 6.1, RFC 8654), and what is held.
import { describe, expect, test } from "bun:test"
import { Framer } from "../../src/bgp/framer.ts"
import { octets } from "./messages.ts"

const MARKER = "ff".repeat(16)
const KEEPALIVE = `${MARKER} 0013 04`

const fed = (hex: string, framer = new Framer()): Framer => {
  framer.push(octets(hex))
  return framer
}

describe("headers that are refused (RFC 4271 6.1)", () => {
  const rows: ReadonlyArray<readonly [why: string, hex: string, code: string, data: string]> = [
    ["a marker that is not ones", `${"ff".repeat(15)}fe 0013 04`, "1/1", ""],
    ["length 18", `${MARKER} 0012 04`, "1/2", "0012"],
    ["length 4097", `${MARKER} 1001 02`, "1/2", "1001"],
    ["a KEEPALIVE of 20 octets", `${MARKER} 0014 04`, "1/2", "0014"],
    ["an OPEN of 28 octets", `${MARKER} 001c 01`, "1/2", "001c"],
    ["an UPDATE of 22 octets", `${MARKER} 0016 02`, "1/2", "0016"],
    ["a NOTIFICATION of 20 octets", `${MARKER} 0014 03`, "1/2", "0014"],
    ["a ROUTE-REFRESH of 22 octets", `${MARKER} 0016 05`, "1/2", "0016"],
    ["type 0", `${MARKER} 0013 00`, "1/3", "00"],
    ["type 6", `${MARKER} 0013 06`, "1/3", "06"]
  ]
  for (const [why, hex, code, data] of rows) {
    test(`${why}: ${code}`, () => {
      const next = fed(hex).next()
      if (next === undefined || next instanceof Uint8Array) throw new Error("not refused")
      expect([`${next.code}/${next.subcode}`, next.data, next.outcome]).toEqual([code, data, "session-reset"])
    })
  }
})

test("several messages in one piece come out one by one", () => {
  const framer = fed(`${KEEPALIVE} ${KEEPALIVE} ff`)
  expect([framer.next(), framer.next(), framer.next()]).toEqual([octets(KEEPALIVE), octets(KEEPALIVE), undefined])
})

test("after an error nothing comes any more but the error", () => {
  const framer = fed(`${MARKER} 0012 04`)
  const error = framer.next()
  framer.push(octets(KEEPALIVE))
  expect(error).toMatchObject({ code: 1, subcode: 2 })
  expect(framer.next()).toEqual(error)
})

test("a good message before a broken header comes out first", () => {
  const framer = fed(`${KEEPALIVE} ${MARKER} 0013 09`)
  expect(framer.next()).toEqual(octets(KEEPALIVE))
  expect(framer.next()).toMatchObject({ code: 1, subcode: 3 })
})

test("65,535 octets are accepted once extended messages were agreed to, but never for an OPEN (RFC 8654 section 3)", () => {
  const long = (type: string) => `${MARKER} ffff ${type}`
  expect(fed(long("02")).next()).toMatchObject({ code: 1, subcode: 2 })
  const extended = new Framer()
  extended.allowExtended()
  expect(fed(long("02"), extended).next()).toBeUndefined()
  const open = new Framer()
  open.allowExtended()
  expect(fed(long("01"), open).next()).toMatchObject({ code: 1, subcode: 2 })
})

test("what was handed out does not change with what comes next", () => {
  const chunk = octets(KEEPALIVE)
  const framer = new Framer()
  framer.push(chunk)
  const first = framer.next()
  chunk.fill(0)
  framer.push(octets(KEEPALIVE))
  framer.next()
  expect(first).toEqual(octets(KEEPALIVE))
})
