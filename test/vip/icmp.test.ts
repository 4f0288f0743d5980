// Echo messages against captured ones, and what is none.
import { describe, expect, test } from "bun:test"
import { decodeEchoReply, echoOctetsMin, echoRequest } from "../../src/vip/icmp.ts"

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"))
const echo = { identifier: 0x1234, sequence: 1 }

describe("echo", () => {
  test("a request is as long as its packet shall be, and its checksum is right", () => {
    expect(echoRequest("ipv4", echo, 28)).toEqual(hex("0800 e5ca 1234 0001"))
    expect(echoRequest("ipv6", echo, 48)).toEqual(hex("8000 0000 1234 0001"))
    expect(echoRequest("ipv4", echo, 1500).length).toBe(1480)
    expect(echoRequest("ipv6", echo, 1500).length).toBe(1460)
    const odd = echoRequest("ipv4", echo, 84 + 1)
    let sum = 0
    for (let at = 0; at < odd.length; at += 2) sum += ((odd[at] ?? 0) << 8) + (odd[at + 1] ?? 0)
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
    expect(sum).toBe(0xffff)
  })

  test("no packet is shorter than its headers", () => {
    expect(echoRequest("ipv4", echo, 0).length).toBe(8)
    expect([echoOctetsMin("ipv4"), echoOctetsMin("ipv6")]).toEqual([28, 48])
  })

  test("a reply is found behind an IPv4 header of any length", () => {
    const reply = hex("0000 edca 1234 0001")
    const header = (words: number) => Uint8Array.of(0x40 + words, ...new Uint8Array(words * 4 - 1))
    for (const words of [5, 6, 15])
      expect(decodeEchoReply("ipv4", Uint8Array.of(...header(words), ...reply))).toEqual(echo)
    expect(decodeEchoReply("ipv6", hex("8100 0000 1234 0001"))).toEqual(echo)
  })

  test("requests, errors and stumps are no replies", () => {
    const ipv4 = (message: string) => Uint8Array.of(0x45, ...new Uint8Array(19), ...hex(message))
    for (const message of ["0800 e5ca 1234 0001", "0301 fcfe 0000 0000", "0000 edca 1234", ""])
      expect(decodeEchoReply("ipv4", ipv4(message))).toBeUndefined()
    for (const message of ["8000 0000 1234 0001", "8101 0000 1234 0001", "8100"])
      expect(decodeEchoReply("ipv6", hex(message))).toBeUndefined()
  })
})
