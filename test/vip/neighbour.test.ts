// ARP and Neighbor Discovery frames against octets worked out from the RFCs and frames that Linux sends, and the promise that
// no octets make the decoders throw.
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { type Address, addressFromBytes } from "../../src/net/ip.ts"
import { macFromBytes } from "../../src/net/mac.ts"
import { arpAnnouncement, arpProbe, decodeArp } from "../../src/vip/arp.ts"
import { dadSolicitation, decodeNdp, solicitedNode, unsolicitedAdvertisement } from "../../src/vip/ndp.ts"
import type { NeighbourMessage } from "../../src/vip/neighbour.ts"

const mac = "02:00:00:00:00:0a"
const v4 = "10.0.1.50" as Address
const v6 = "2001:db8:1::50" as Address
const hex = (bytes: Uint8Array) => bytes.toHex()
const arp = (text: string) => decodeArp(Uint8Array.fromHex(text.replaceAll(" ", "")))
const ndp = (text: string) => decodeNdp(Uint8Array.fromHex(text.replaceAll(" ", "")))

const ethernet = "ffffffffffff 02000000000a 0806"

describe("ARP frames", () => {
  test("a probe leaves the sender's address out (RFC 5227, 2.1.1)", () => {
    expect(hex(arpProbe(mac, v4))).toBe(
      `${ethernet} 0001080006040001 02000000000a 00000000 000000000000 0a000132`.replaceAll(" ", "")
    )
  })

  test("an announcement comes as a request and as a reply, both with the address twice", () => {
    expect(arpAnnouncement(mac, v4).map(hex)).toEqual([
      `${ethernet} 0001080006040001 02000000000a 0a000132 000000000000 0a000132`.replaceAll(" ", ""),
      `${ethernet} 0001080006040002 02000000000a 0a000132 02000000000a 0a000132`.replaceAll(" ", "")
    ])
  })

  const said: Readonly<Record<string, readonly [string, NeighbourMessage | undefined]>> = {
    "an ordinary request uses the sender's address": [
      `${ethernet} 0001080006040001 02000000000a 0a00010a 000000000000 0a000132`,
      { type: "announcement", address: "10.0.1.10" as Address, mac }
    ],
    "a reply to a probe is an answer, padded to the least length of a frame": [
      `02000000000b 02000000000a 0806 0001080006040002 02000000000a 0a000132 02000000000b 00000000 ${"00".repeat(18)}`,
      { type: "answer", address: v4, mac }
    ],
    "a reply to a request is an answer": [
      "02000000000b 02000000000a 0806 0001080006040002 02000000000a 0a000132 02000000000b 0a00010b",
      { type: "answer", address: v4, mac }
    ],
    "a request for nothing from nobody": [
      `${ethernet} 0001080006040001 02000000000a 00000000 000000000000 00000000`,
      undefined
    ],
    "a reply from nobody": [`${ethernet} 0001080006040002 02000000000a 00000000 02000000000b 0a00010b`, undefined],
    "RARP's operations": [`${ethernet} 0001080006040003 02000000000a 0a000132 02000000000b 0a00010b`, undefined],
    "other hardware than Ethernet": [
      `${ethernet} 0006080006040001 02000000000a 0a000132 000000000000 0a000132`,
      undefined
    ],
    "another ethertype": [
      "ffffffffffff 02000000000a 0800 0001080006040001 02000000000a 0a000132 000000000000 0a000132",
      undefined
    ]
  }
  for (const [name, [frame, message]] of Object.entries(said)) test(name, () => expect(arp(frame)).toEqual(message))
})

/** A neighbor solicitation or advertisement; the checksum is the test's own, written by hand. */
const ipv6 = (destinationMac: string, source: string, destination: string, message: string, hopLimit = "ff") => {
  const length = (message.replaceAll(" ", "").length / 2).toString(16).padStart(4, "0")
  return `${destinationMac} 02000000000a 86dd 60000000 ${length} 3a ${hopLimit} ${source} ${destination} ${message}`
}
const nobody = "00".repeat(16)
const target = "20010db8000100000000000000000050"
const host = "20010db800010000000000000000000a"
const group = "ff0200000000000000000001ff000050"
const all = "ff020000000000000000000000000001"

describe("Neighbor Discovery frames", () => {
  test("the group of an address is its last 24 bits (RFC 4291, 2.7.1)", () => {
    expect(addressFromBytes(solicitedNode("2001:db8::1:2abc:def0" as Address))).toBe("ff02::1:ffbc:def0" as Address)
  })

  test("duplicate address detection asks from :: to the solicited-node group, hop limit 255", () => {
    expect(hex(dadSolicitation(mac, v6))).toBe(
      ipv6("3333ff000050", nobody, group, `8700 4c4e 00000000 ${target}`).replaceAll(" ", "")
    )
  })

  test("an unsolicited advertisement overrides and names our MAC", () => {
    expect(hex(unsolicitedAdvertisement(mac, v6))).toBe(
      ipv6("333300000001", target, all, `8800 f881 20000000 ${target} 0201 02000000000a`).replaceAll(" ", "")
    )
  })

  const said: Readonly<Record<string, readonly [string, NeighbourMessage | undefined]>> = {
    "an ordinary solicitation uses the sender's address": [
      ipv6("3333ff000050", host, group, `8700 1b77 00000000 ${target} 0101 02000000000a`),
      { type: "announcement", address: "2001:db8:1::a" as Address, mac }
    ],
    "a solicited advertisement is an answer": [
      ipv6("02000000000b", target, host, `8800 89c1 60000000 ${target} 0201 02000000000a`),
      { type: "answer", address: v6, mac }
    ],
    "an advertisement without an option names the frame's sender": [
      ipv6("02000000000b", target, host, `8800 8dd4 60000000 ${target}`),
      { type: "answer", address: v6, mac }
    ],
    "a wrong checksum": [ipv6("3333ff000050", nobody, group, `8700 4c4d 00000000 ${target}`), undefined],
    "a hop limit below 255 has come over a router": [
      ipv6("3333ff000050", nobody, group, `8700 4c4e 00000000 ${target}`, "fe"),
      undefined
    ],
    "an option of length 0": [
      ipv6("3333ff000050", nobody, group, `8700 493c 00000000 ${target} 0100 02000000000a`),
      undefined
    ]
  }
  for (const [name, [frame, message]] of Object.entries(said)) test(name, () => expect(ndp(frame)).toEqual(message))
})

describe("properties", () => {
  const macs = fc.uint8Array({ minLength: 6, maxLength: 6 }).map(macFromBytes)
  const v4s = fc
    .uint8Array({ minLength: 4, maxLength: 4 })
    .filter((bytes) => bytes.some((octet) => octet !== 0))
    .map(addressFromBytes)
  const v6s = fc
    .uint8Array({ minLength: 16, maxLength: 16 })
    .filter((bytes) => bytes[0] !== 0xff && bytes.some((octet) => octet !== 0))
    .map(addressFromBytes)

  test("what is said is heard", () => {
    fc.assert(
      fc.property(macs, v4s, v6s, (mac, four, six) => {
        expect(decodeArp(arpProbe(mac, four))).toEqual({ type: "probe", address: four, mac })
        for (const frame of arpAnnouncement(mac, four))
          expect(decodeArp(frame)).toEqual({ type: "announcement", address: four, mac })
        expect(decodeNdp(dadSolicitation(mac, six))).toEqual({ type: "probe", address: six, mac })
        expect(decodeNdp(unsolicitedAdvertisement(mac, six))).toEqual({ type: "announcement", address: six, mac })
      }),
      { seed: 4 }
    )
  })

  const frames = [
    arpProbe(mac, v4),
    ...arpAnnouncement(mac, v4),
    dadSolicitation(mac, v6),
    unsolicitedAdvertisement(mac, v6)
  ]

  test("no octets make a decoder throw, and a damaged Neighbor Discovery message says nothing", () => {
    const damage = fc.record({
      frame: fc.constantFrom(...frames),
      keep: fc.nat(90),
      at: fc.nat(90),
      octet: fc.integer({ min: 0, max: 255 })
    })
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), damage, (any, { frame, keep, at, octet }) => {
        const damaged = frame.slice(0, keep)
        if (at < damaged.length) damaged[at] = octet
        for (const bytes of [any, damaged]) {
          const heard = [decodeArp(bytes), decodeNdp(bytes)]
          expect(heard.filter((message) => message !== undefined).length).toBeLessThanOrEqual(1)
        }
        const original = frame[at]
        const inMessage = at >= 22 && at < damaged.length && octet !== original
        // 0x00 for 0xff in one octet of a word is the one change that a checksum of ones' complement may not see.
        if (frame[12] === 0x86 && inMessage && ![0, 0xff].includes(octet)) expect(decodeNdp(damaged)).toBeUndefined()
      }),
      { seed: 5, numRuns: 2000 }
    )
  })
})
