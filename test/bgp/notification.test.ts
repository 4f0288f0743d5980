// NOTIFICATIONs from mistakes, and in words for operators.
import { describe, expect, test } from "bun:test"
import { decodeMessage, encodeMessage } from "../../src/bgp/codec.ts"
import { defaultContext } from "../../src/bgp/context.ts"
import type { MessageError, Notification } from "../../src/bgp/message/types.ts"
import { describeNotification, notificationFor } from "../../src/bgp/notification.ts"
import { open } from "./messages.ts"

test("a mistake becomes a NOTIFICATION with its code, subcode and data", () => {
  const { error } = decodeMessage(open("", "03 fde9 005a 0a000001"), defaultContext)
  expect(notificationFor(error as MessageError)).toEqual({
    type: "NOTIFICATION",
    code: 2,
    subcode: 1,
    name: "OPEN Message Error: Unsupported Version Number",
    data: "0004"
  })
})

test("data beyond 4,096 octets of message are cut (RFC 8654 section 5)", () => {
  const error: MessageError = {
    outcome: "session-reset",
    code: 3,
    subcode: 9,
    data: "00".repeat(60000),
    offset: 0,
    message: ""
  }
  expect(encodeMessage(notificationFor(error), defaultContext).length).toBe(4096)
})

describe("in words", () => {
  const rows: ReadonlyArray<readonly [Partial<Notification>, ReadonlyArray<string>]> = [
    [{ code: 2, subcode: 2 }, ["Bad Peer AS", "not the one that the receiver has configured"]],
    [{ code: 2, subcode: 2, data: "fdf2" }, ["Bad Peer AS", "AS 65010"]],
    [{ code: 4, subcode: 0 }, ["Hold Timer Expired", "nothing was received"]],
    [{ code: 6, subcode: 2, message: "back at 18:00" }, ["Administrative Shutdown", '"back at 18:00"']],
    [
      { code: 6, subcode: 9, message: "bye", hardReset: { code: 6, subcode: 4 } },
      ["Hard Reset", "Administrative Reset", '"bye"']
    ],
    [{ code: 6, subcode: 10 }, ["BFD Down"]],
    [{ code: 1, subcode: 2, data: "0012" }, ["Bad Message Length", "length 18"]],
    [{ code: 2, subcode: 1, data: "0004" }, ["Unsupported Version Number", "version 4"]],
    [{ code: 3, subcode: 3, data: "02" }, ["Missing Well-known Attribute", "AS_PATH"]],
    [{ code: 3, subcode: 4, data: "c0010100" }, ["Attribute Flags Error", "ORIGIN"]],
    [{ code: 99, subcode: 7, data: "ab" }, ["Error code 99: subcode 7", "data ab"]]
  ]
  for (const [notification, words] of rows) {
    test(words.join(", "), () => {
      const text = describeNotification({ type: "NOTIFICATION", code: 0, subcode: 0, ...notification })
      for (const word of words) expect(text).toContain(word)
    })
  }
})

test("a shutdown message beyond 255 octets is cut between characters (RFC 9003)", () => {
  const frame = encodeMessage({ type: "NOTIFICATION", code: 6, subcode: 2, message: "ü".repeat(200) }, defaultContext)
  expect(frame[21]).toBe(254)
  expect(decodeMessage(frame, defaultContext).message).toMatchObject({ message: "ü".repeat(127) })
})
