// What `viaduct decode` and `viaduct encode` make of input: pasted hex, raw octets, broken messages, JSON of any kind.
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { defaultContext } from "../../src/bgp/context.ts"
import { decodeInput, dumpOf } from "../../src/bgp/dump.ts"
import { messageFromJson } from "../../src/bgp/message/schema.ts"
import { contexts, messages } from "../property/codecArbitraries.ts"
import { octets } from "./messages.ts"

const M = "ff".repeat(16)
const text = (hex: string) => new TextEncoder().encode(hex)
const types = (input: Uint8Array) =>
  decodeInput(input, defaultContext).map(({ message, error }) => message?.type ?? `${error?.code}/${error?.subcode}`)

describe("input", () => {
  test("hex with blanks, colons, newlines and capitals", () => {
    expect(types(text(`${"FF:".repeat(16)} 00 13\n04\r\n${M}001304\n`))).toEqual(["KEEPALIVE", "KEEPALIVE"])
  })

  test("raw octets", () => expect(types(octets(`${M}001304`))).toEqual(["KEEPALIVE"]))

  test("reading goes on behind a message of unknown type by its length", () => {
    expect(types(text(`${M}001509 0000 ${M}001304`))).toEqual(["1/3", "KEEPALIVE"])
  })

  test("reading goes on at the next marker where the header is not sane", () => {
    expect(types(text(`00112233445566778899aabbccddeeff001122 ${M}001304`))).toEqual(["1/1", "KEEPALIVE"])
    expect(types(text(`${M}000104 ${M}001304`))).toEqual(["1/2", "KEEPALIVE"])
  })

  test("a message cut short says so", () => {
    expect(types(text(`${M}001702 00`))).toEqual(["1/2"])
    expect(types(text(`${M}0013`))).toEqual(["1/0"])
  })

  const bad: ReadonlyArray<readonly [string, string, string]> = [
    ["nothing", "", "empty"],
    ["blanks", " \n:", "empty"],
    ["an odd number of digits", `${M}00130`, "hex digits"],
    ["text", "hello", '"h" at character 0']
  ]
  for (const [what, input, words] of bad) {
    test(`${what} is an error in words`, () => {
      const [only, ...more] = decodeInput(text(input), defaultContext)
      expect(only?.error?.message).toContain(words)
      expect(more).toEqual([])
    })
  }

  test("any octets give at least one answer and never throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (input) => {
        expect(decodeInput(input, defaultContext).length).toBeGreaterThan(0)
      }),
      { numRuns: 500, seed: 20260 }
    )
  })
})

describe("JSON", () => {
  test("what decoding prints is what encoding reads", () => {
    const both = contexts.chain((ctx) => messages(ctx))
    fc.assert(
      fc.property(both, (message) => {
        const json = JSON.parse(JSON.stringify(dumpOf({ message })))
        expect(messageFromJson(json)).toEqual({ message })
      }),
      { numRuns: 500, seed: 20260 }
    )
  })

  const base = { type: "UPDATE", announce: [], withdraw: [], attributes: {} }
  const rows: ReadonlyArray<readonly [string, unknown, ReadonlyArray<string>]> = [
    ["no object", 5, ["type: expected one of OPEN"]],
    ["an unknown type", { type: "HELLO" }, ["type: expected one of OPEN"]],
    ["host bits", { ...base, withdraw: [{ prefix: "10.0.0.8/24" }] }, ["withdraw[0].prefix: expected a prefix"]],
    ["a misspelt attribute", { ...base, attributes: { orgin: "igp" } }, ["attributes.orgin: "]],
    ["two mistakes at once", { ...base, announce: 5, withdraw: 6 }, ["announce: ", "withdraw: "]],
    ["an error of decode", { ...base, error: {} }, ["error: "]],
    ["hex of odd length", { type: "NOTIFICATION", code: 6, subcode: 2, data: "abc" }, ["data: expected an even number"]]
  ]
  for (const [what, json, problems] of rows) {
    test(`${what} is told with its place`, () => {
      const found = messageFromJson(json)
      expect("problems" in found ? found.problems : []).toEqual(problems.map((words) => expect.stringContaining(words)))
    })
  }
})
