// rtnetlink messages about addresses, checked against octets that the kernel and iproute2 exchange (rtnetlink(7)).
import { describe, expect, test } from "bun:test"
import type { Address } from "../../src/net/ip.ts"
import { addAddress, decodeReplies, listAddresses, removeAddress } from "../../src/vip/netlink.ts"

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

  test("an IPv6 address is added without duplicate address detection", () => {
    expect(hex(addAddress(vip6, 1))).toEndWith("0800080002000000")
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
