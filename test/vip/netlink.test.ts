// rtnetlink messages about addresses, checked against octets that the kernel and iproute2 exchange (rtnetlink(7)).
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import type { Address } from "../../src/net/ip.ts"
import {
  addAddress,
  decodeReplies,
  holdAddress,
  listAddresses,
  listLinks,
  removeAddress
} from "../../src/vip/netlink.ts"

const hex = (bytes: Uint8Array) => bytes.toHex()
const vip = { address: "10.0.0.8" as Address, prefixLength: 32, interfaceIndex: 1 }
const vip6 = { address: "2001:db8::8" as Address, prefixLength: 128, interfaceIndex: 2 }

describe("netlink requests", () => {
  test("an IPv4 address is added with our mark, exclusively, with acknowledgement", () => {
    expect(hex(addAddress(vip, 7))).toBe(
      "30000000140005060700000000000000" + // length 48, RTM_NEWADDR, REQUEST|ACK|EXCL|CREATE, sequence 7
        "0220000001000000" + // AF_INET, /32, interface 1
        "080002000a000008" + // IFA_LOCAL
        "080001000a000008" + // IFA_ADDRESS
        "05000b0076000000" // IFA_PROTO, padded
    )
  })

  test("an IPv6 address is added without duplicate address detection and without a route of its own", () => {
    expect(hex(addAddress(vip6, 1))).toEndWith("0800080002020000")
  })

  test("an address is held with preferred lifetime 0, exclusively at first and replacing afterwards", () => {
    const body =
      "0220000001000000" +
      "080002000a000008" +
      "080001000a000008" +
      "1400060000000000030000000000000000000000" + // IFA_CACHEINFO: preferred 0, valid 3 s
      "05000b0076000000"
    expect(hex(holdAddress(vip, 3, false, 7))).toBe(`44000000140005060700000000000000${body}`)
    expect(hex(holdAddress(vip, 3, true, 8))).toBe(`44000000140005050800000000000000${body}`)
    expect(hex(holdAddress(vip6, 3, true, 8))).toEndWith("0800080002020000")
  })

  test("interfaces are listed by a dump", () => {
    expect(hex(listLinks(4))).toBe(`20000000120001030400000000000000${"00".repeat(16)}`)
  })

  test("removal names the address and its prefix length", () => {
    expect(hex(removeAddress(vip, 2))).toBe(
      "28000000150005000200000000000000" + "0220000001000000" + "080002000a000008" + "080001000a000008"
    )
  })

  test("the list request is a dump of both families", () => {
    expect(hex(listAddresses(3))).toBe("18000000160001030300000000000000" + "0000000000000000")
  })
})

describe("netlink replies", () => {
  test("an address of ours comes back as what was asked for", () => {
    expect(decodeReplies(addAddress(vip6, 9))).toEqual([
      { type: "address", sequence: 9, address: { ...vip6, ours: true } }
    ])
  })

  test("an address without the mark is somebody else's", () => {
    const bytes = addAddress(vip, 1)
    bytes[bytes.length - 4] = 3
    expect(decodeReplies(bytes)).toMatchObject([{ address: { ours: false } }])
  })

  const link = (type: string, flags: string) =>
    decodeReplies(
      Uint8Array.fromHex(
        `38000000${type}00000000000000000000` + // length 56, sequence and port 0
          `0000010002000000${flags}00000000` + // struct ifinfomsg: Ethernet, interface 2
          "090003006574683000000000" + // IFLA_IFNAME "eth0"
          "0a00010002000000000a0000" // IFLA_ADDRESS
      )
    )

  test("an interface is up when it is switched on and has a carrier", () => {
    const eth0 = { index: 2, name: "eth0", mac: "02:00:00:00:00:0a" }
    expect(link("1000", "43100100")).toEqual([{ type: "link", sequence: 0, link: { ...eth0, up: true } }])
    expect(link("1000", "03100000")).toMatchObject([{ link: { up: false } }])
    expect(link("1100", "02100000")).toEqual([{ type: "link-gone", sequence: 0, link: { ...eth0, up: false } }])
  })

  test("what goes is told as gone", () => {
    const [first] = decodeReplies(removeAddress(vip, 0))
    expect(first).toMatchObject({ type: "address-gone", address: vip })
  })

  test("no octets make it throw", () => {
    const message = fc.record({
      type: fc.constantFrom(2, 3, 16, 17, 20, 21),
      body: fc.uint8Array({ maxLength: 80 }),
      rest: fc.uint8Array({ maxLength: 20 })
    })
    fc.assert(
      fc.property(message, ({ type, body, rest }) => {
        const bytes = Uint8Array.of(...new Uint8Array(16), ...body, ...rest)
        const view = new DataView(bytes.buffer)
        view.setUint32(0, 16 + body.length, true)
        view.setUint16(4, type, true)
        expect(decodeReplies(bytes).every((reply) => reply.sequence >= 0)).toBe(true)
      }),
      { seed: 3, numRuns: 2000 }
    )
  })

  test("several messages in one datagram, then the end of the dump", () => {
    const done = Uint8Array.fromHex("10000000030000000100000000000000")
    const replies = decodeReplies(Uint8Array.of(...addAddress(vip, 1), ...addAddress(vip6, 1), ...done))
    expect(replies.map((reply) => reply.type)).toEqual(["address", "address", "done"])
  })

  test("a refusal carries its errno", () => {
    const refusal = Uint8Array.fromHex(`24000000020000000500000000000000${"efffffff"}${"00".repeat(16)}`)
    expect(decodeReplies(refusal)).toEqual([{ type: "ack", sequence: 5, errno: 17 }])
  })

  test("a truncated message ends the list and does not throw", () => {
    const whole = addAddress(vip, 1)
    for (let n = 0; n < whole.length; n++) expect(decodeReplies(whole.subarray(0, n))).toEqual([])
  })
})
