// What each mistake in an UPDATE costs: one row for each rule of RFC 7606 and of the documents that refer to it.
import { describe, expect, test } from "bun:test"
import { decodeMessage } from "../../src/bgp/codec.ts"
import { type CodecContext, defaultContext } from "../../src/bgp/context.ts"
import type { MessageError, Update } from "../../src/bgp/message/types.ts"
import { AS_PATH, MANDATORY, NEXT_HOP, ORIGIN, octets, ROUTE, update } from "./messages.ts"

const ibgp: CodecContext = { ...defaultContext, ebgp: false }
const as2: CodecContext = { ...defaultContext, as4: false }
const noExtendedNextHop: CodecContext = { ...defaultContext, extendedNextHop: false }

interface Row {
  readonly rule: string
  readonly frame: Uint8Array
  readonly ctx?: CodecContext
  readonly is: readonly [MessageError["outcome"], code: string, attribute?: string]
  readonly data?: string
}

const REACH6 = "80 0e 26 0002 01 10 20010db8000000000000000000000001 00 80 20010db8000000000000000000000008"
const taw = "treat-as-withdraw"
const discard = "attribute-discard"
const reset = "session-reset"
const disable = "afi-safi-disable"

/** The mandatory attributes, then one more. */
const withAttribute = (attribute: string) => update(`${MANDATORY} ${attribute}`, ROUTE)

const rows: ReadonlyArray<Row> = [
  {
    rule: "3.b Withdrawn Routes Length too large",
    frame: octets(`${"ff".repeat(16)} 0017 02 0005 0000`),
    is: [reset, "3/1"]
  },
  {
    rule: "3.b Total Attribute Length too large",
    frame: octets(`${"ff".repeat(16)} 0017 02 0000 0005`),
    is: [reset, "3/1"]
  },
  {
    rule: "3.c flags of ORIGIN",
    frame: update(`c0 01 01 00 ${AS_PATH} ${NEXT_HOP}`, ROUTE),
    is: [taw, "3/4", "ORIGIN"],
    data: "c0010100"
  },
  {
    rule: "3.c flags of NEXT_HOP",
    frame: update(`${ORIGIN} ${AS_PATH} 80 03 04 0a000101`, ROUTE),
    is: [taw, "3/4", "NEXT_HOP"]
  },
  {
    rule: "3.c flags of MULTI_EXIT_DISC",
    frame: withAttribute("c0 04 04 00000001"),
    is: [taw, "3/4", "MULTI_EXIT_DISC"]
  },
  { rule: "3.c flags of COMMUNITIES", frame: withAttribute("80 08 04 fde90064"), is: [taw, "3/4", "COMMUNITIES"] },
  {
    rule: "3.d ORIGIN missing",
    frame: update(`${AS_PATH} ${NEXT_HOP}`, ROUTE),
    is: [taw, "3/3", "ORIGIN"],
    data: "01"
  },
  {
    rule: "3.d AS_PATH missing",
    frame: update(`${ORIGIN} ${NEXT_HOP}`, ROUTE),
    is: [taw, "3/3", "AS_PATH"],
    data: "02"
  },
  {
    rule: "3.d NEXT_HOP missing",
    frame: update(`${ORIGIN} ${AS_PATH}`, ROUTE),
    is: [taw, "3/3", "NEXT_HOP"],
    data: "03"
  },
  {
    rule: "3.d AS_PATH missing beside MP_REACH_NLRI",
    frame: update(`${REACH6} ${ORIGIN}`),
    is: [taw, "3/3", "AS_PATH"]
  },
  {
    rule: "3.g MED twice",
    frame: withAttribute("80 04 04 00000001 80 04 04 00000002"),
    is: [discard, "3/1", "MULTI_EXIT_DISC"]
  },
  {
    rule: "3.g unknown attribute twice",
    frame: withAttribute("c0 63 01 00 c0 63 01 01"),
    is: [discard, "3/1", "attribute 99"]
  },
  {
    rule: "3.g MP_REACH_NLRI twice",
    frame: update(`${REACH6} ${REACH6} ${ORIGIN} ${AS_PATH}`),
    is: [reset, "3/1", "MP_REACH_NLRI"]
  },
  {
    rule: "3.g MP_UNREACH_NLRI twice",
    frame: update("80 0f 03 000201 80 0f 03 000201"),
    is: [reset, "3/1", "MP_UNREACH_NLRI"]
  },
  {
    rule: "3.h discard and treat-as-withdraw",
    frame: withAttribute("40 06 01 00 80 04 01 00"),
    is: [taw, "3/5", "MULTI_EXIT_DISC"]
  },
  {
    rule: "3.h treat-as-withdraw and session reset",
    frame: withAttribute("80 04 01 00 40 63 00"),
    is: [reset, "3/2", "attribute 99"]
  },
  {
    rule: "4 attribute longer than the field",
    frame: update(`${MANDATORY} 80 04 09 00`, ROUTE),
    is: [taw, "3/5", "MULTI_EXIT_DISC"]
  },
  { rule: "4 too few octets for an attribute", frame: update(`${MANDATORY} 80 04`, ROUTE), is: [taw, "3/1"] },
  { rule: "4 too few octets for an extended length", frame: update(`${MANDATORY} 90 04 00`, ROUTE), is: [taw, "3/1"] },
  {
    rule: "3.j MP_REACH_NLRI longer than the field",
    frame: update(`${MANDATORY} 80 0e 40 000201`, ROUTE),
    is: [reset, "3/5", "MP_REACH_NLRI"]
  },
  { rule: "5.2 mistake without any route", frame: update("80 04 01 00"), is: [reset, "3/5", "MULTI_EXIT_DISC"] },
  {
    rule: "5.2 mistake beside withdrawn routes only",
    frame: update("40 01 01 07", "", ROUTE),
    is: [reset, "3/6", "ORIGIN"]
  },
  {
    rule: "5.2 attribute discard without any route stays one",
    frame: update("40 06 01 00"),
    is: [discard, "3/5", "ATOMIC_AGGREGATE"]
  },
  { rule: "5.3 prefix length 33 in NLRI", frame: update(MANDATORY, "21 0a00000800"), is: [reset, "3/10"] },
  { rule: "5.3 NLRI cut short", frame: update(MANDATORY, "20 0a0000"), is: [reset, "3/10"] },
  { rule: "5.3 prefix length 33 in Withdrawn Routes", frame: update("", "", "21 0a00000800"), is: [reset, "3/10"] },
  { rule: "5.3 Withdrawn Routes cut short", frame: update("", "", "18 0a00"), is: [reset, "3/10"] },
  {
    rule: "5.3 prefix length 129 in MP_REACH_NLRI",
    frame: update(`80 0e 16 000201 10 20010db8000000000000000000000001 00 81 ${ORIGIN} ${AS_PATH}`),
    is: [disable, "3/9", "MP_REACH_NLRI"]
  },
  {
    rule: "5.3 MP_UNREACH_NLRI cut short",
    frame: update("80 0f 06 000201 80 2001"),
    is: [disable, "3/9", "MP_UNREACH_NLRI"]
  },
  {
    rule: "5.3 flags of MP_REACH_NLRI",
    frame: update(`c${REACH6.slice(1)} ${ORIGIN} ${AS_PATH}`),
    is: [disable, "3/4", "MP_REACH_NLRI"]
  },
  {
    rule: "5.3 MP_REACH_NLRI shorter than 5",
    frame: update(`80 0e 04 00020100 ${ORIGIN} ${AS_PATH}`),
    is: [reset, "3/9", "MP_REACH_NLRI"]
  },
  { rule: "5.3 MP_UNREACH_NLRI shorter than 3", frame: update("80 0f 02 0002"), is: [reset, "3/9", "MP_UNREACH_NLRI"] },
  {
    rule: "7.1 ORIGIN length",
    frame: update(`40 01 02 0000 ${AS_PATH} ${NEXT_HOP}`, ROUTE),
    is: [taw, "3/5", "ORIGIN"]
  },
  {
    rule: "7.1 ORIGIN value",
    frame: update(`40 01 01 03 ${AS_PATH} ${NEXT_HOP}`, ROUTE),
    is: [taw, "3/6", "ORIGIN"],
    data: "40010103"
  },
  {
    rule: "7.2 AS_PATH segment type",
    frame: update(`${ORIGIN} 40 02 06 05 01 0000fde9 ${NEXT_HOP}`, ROUTE),
    is: [taw, "3/11", "AS_PATH"]
  },
  {
    rule: "7.2 AS_PATH segment overrun",
    frame: update(`${ORIGIN} 40 02 06 02 02 0000fde9 ${NEXT_HOP}`, ROUTE),
    is: [taw, "3/11", "AS_PATH"]
  },
  {
    rule: "7.2 AS_PATH segment underrun",
    frame: update(`${ORIGIN} 40 02 07 02 01 0000fde9 00 ${NEXT_HOP}`, ROUTE),
    is: [taw, "3/11", "AS_PATH"]
  },
  {
    rule: "7.2 AS_PATH empty segment",
    frame: update(`${ORIGIN} 40 02 02 02 00 ${NEXT_HOP}`, ROUTE),
    is: [taw, "3/11", "AS_PATH"]
  },
  {
    rule: "RFC 5065 5 confederation segment from outside",
    frame: update(`${ORIGIN} 40 02 06 03 01 0000fde9 ${NEXT_HOP}`, ROUTE),
    is: [taw, "3/11", "AS_PATH"]
  },
  {
    rule: "RFC 7607 AS 0 in AS_PATH",
    frame: update(`${ORIGIN} 40 02 06 02 01 00000000 ${NEXT_HOP}`, ROUTE),
    is: [taw, "3/11", "AS_PATH"]
  },
  {
    rule: "7.3 NEXT_HOP length",
    frame: update(`${ORIGIN} ${AS_PATH} 40 03 03 0a0001`, ROUTE),
    is: [taw, "3/5", "NEXT_HOP"]
  },
  {
    rule: "RFC 4271 6.3 NEXT_HOP 0.0.0.0",
    frame: update(`${ORIGIN} ${AS_PATH} 40 03 04 00000000`, ROUTE),
    is: [taw, "3/8", "NEXT_HOP"]
  },
  {
    rule: "RFC 4271 6.3 NEXT_HOP multicast",
    frame: update(`${ORIGIN} ${AS_PATH} 40 03 04 e0000001`, ROUTE),
    is: [taw, "3/8", "NEXT_HOP"]
  },
  { rule: "7.4 MULTI_EXIT_DISC length", frame: withAttribute("80 04 03 000000"), is: [taw, "3/5", "MULTI_EXIT_DISC"] },
  {
    rule: "7.5 LOCAL_PREF from another AS",
    frame: withAttribute("40 05 04 00000064"),
    is: [discard, "3/1", "LOCAL_PREF"]
  },
  { rule: "7.5 LOCAL_PREF length", frame: withAttribute("40 05 03 000064"), ctx: ibgp, is: [taw, "3/5", "LOCAL_PREF"] },
  {
    rule: "7.6 ATOMIC_AGGREGATE length",
    frame: withAttribute("40 06 01 00"),
    is: [discard, "3/5", "ATOMIC_AGGREGATE"]
  },
  {
    rule: "7.7 AGGREGATOR length with four octets",
    frame: withAttribute("c0 07 06 fde90a000001"),
    is: [discard, "3/5", "AGGREGATOR"]
  },
  {
    rule: "7.7 AGGREGATOR length with two octets",
    frame: update(`${ORIGIN} 40 02 04 02 01 fde9 ${NEXT_HOP} c0 07 08 0000fde90a000001`, ROUTE),
    ctx: as2,
    is: [discard, "3/5", "AGGREGATOR"]
  },
  {
    rule: "RFC 7607 AS 0 in AGGREGATOR",
    frame: withAttribute("c0 07 08 00000000 0a000001"),
    is: [discard, "3/9", "AGGREGATOR"]
  },
  { rule: "7.8 COMMUNITIES length", frame: withAttribute("c0 08 05 fde9006400"), is: [taw, "3/5", "COMMUNITIES"] },
  { rule: "7.8 COMMUNITIES empty", frame: withAttribute("c0 08 00"), is: [taw, "3/5", "COMMUNITIES"] },
  {
    rule: "7.9 ORIGINATOR_ID from another AS",
    frame: withAttribute("80 09 04 0a000001"),
    is: [discard, "3/1", "ORIGINATOR_ID"]
  },
  {
    rule: "7.9 ORIGINATOR_ID length",
    frame: withAttribute("80 09 03 0a0000"),
    ctx: ibgp,
    is: [taw, "3/5", "ORIGINATOR_ID"]
  },
  {
    rule: "7.10 CLUSTER_LIST from another AS",
    frame: withAttribute("80 0a 04 0a000001"),
    is: [discard, "3/1", "CLUSTER_LIST"]
  },
  {
    rule: "7.10 CLUSTER_LIST length",
    frame: withAttribute("80 0a 05 0a00000100"),
    ctx: ibgp,
    is: [taw, "3/5", "CLUSTER_LIST"]
  },
  {
    rule: "7.11 MP_REACH_NLRI next hop length",
    frame: update(`80 0e 0d 000201 08 0000000000000000 00 ${ORIGIN} ${AS_PATH}`),
    is: [disable, "3/9", "MP_REACH_NLRI"]
  },
  {
    rule: "7.11 MP_REACH_NLRI next hop cut short",
    frame: update(`80 0e 07 000201 10 200100 ${ORIGIN} ${AS_PATH}`),
    is: [disable, "3/9", "MP_REACH_NLRI"]
  },
  {
    rule: "RFC 8950 4 IPv6 next hop not agreed to",
    frame: update(`80 0e 1a 000101 10 20010db8000000000000000000000001 00 20 0a000008 ${ORIGIN} ${AS_PATH}`),
    ctx: noExtendedNextHop,
    is: [disable, "3/9", "MP_REACH_NLRI"]
  },
  {
    rule: "RFC 4271 6.3 IPv6 next hop multicast",
    frame: update(
      `${REACH6.replace("20010db8000000000000000000000001", "ff020000000000000000000000000001")} ${ORIGIN} ${AS_PATH}`
    ),
    is: [taw, "3/8", "MP_REACH_NLRI"]
  },
  {
    rule: "7.14 EXTENDED_COMMUNITIES length",
    frame: withAttribute("c0 10 07 00020000000000"),
    is: [taw, "3/5", "EXTENDED_COMMUNITIES"]
  },
  {
    rule: "RFC 8092 6 LARGE_COMMUNITY length",
    frame: withAttribute("c0 20 04 0000fde9"),
    is: [taw, "3/5", "LARGE_COMMUNITY"]
  },
  { rule: "RFC 9234 5 OTC length", frame: withAttribute("c0 23 03 00fde9"), is: [taw, "3/5", "OTC"] },
  {
    rule: "RFC 6793 4.1 AS4_PATH from a four-octet peer",
    frame: withAttribute("c0 11 06 02 01 00011170"),
    is: [discard, "3/1", "AS4_PATH"]
  },
  {
    rule: "RFC 6793 6 AS4_PATH segment overrun",
    frame: update(`${ORIGIN} 40 02 04 02 01 5ba0 ${NEXT_HOP} c0 11 06 02 02 00011170`, ROUTE),
    ctx: as2,
    is: [discard, "3/9", "AS4_PATH"]
  },
  {
    rule: "RFC 6793 6 AS4_AGGREGATOR length",
    frame: update(`${ORIGIN} 40 02 04 02 01 5ba0 ${NEXT_HOP} c0 12 06 5ba00a000001`, ROUTE),
    ctx: as2,
    is: [discard, "3/5", "AS4_AGGREGATOR"]
  },
  {
    rule: "RFC 4271 6.3 unrecognized well-known attribute",
    frame: withAttribute("40 63 02 abcd"),
    is: [reset, "3/2", "attribute 99"],
    data: "406302abcd"
  }
]

describe("RFC 7606 and its kin", () => {
  for (const { rule, frame, ctx = defaultContext, is, data } of rows) {
    test(`${rule}: ${is[0]}`, () => {
      const { error } = decodeMessage(frame, ctx)
      expect([error?.outcome, `${error?.code}/${error?.subcode}`, error?.attribute] as unknown[]).toEqual([
        is[0],
        is[1],
        is[2]
      ])
      if (data !== undefined) expect(error?.data).toBe(data)
    })
  }
})

const decoded = (frame: Uint8Array, ctx = defaultContext): Update => {
  const found = decodeMessage(frame, ctx).message
  if (found?.type !== "UPDATE") throw new Error(`no UPDATE: ${JSON.stringify(found)}`)
  return found
}

describe("what is left of the message", () => {
  test("treat-as-withdraw moves announced routes of both families to withdraw", () => {
    const left = decoded(update(`${REACH6} ${MANDATORY} 80 04 01 00`, ROUTE, "18 0a0100"))
    expect(left.announce).toEqual([])
    expect(left.withdraw.map((route) => route.prefix as string)).toEqual([
      "10.1.0.0/24",
      "10.0.0.8/32",
      "2001:db8::8/128"
    ])
  })

  test("attribute discard keeps the routes and loses the attribute", () => {
    const left = decoded(withAttribute("40 05 04 00000064"))
    expect(left.announce.map((route) => route.prefix as string)).toEqual(["10.0.0.8/32"])
    expect(left.attributes.localPref).toBeUndefined()
  })

  test("AFI/SAFI disable names the family and keeps the other one's routes", () => {
    const frame = update(`80 0f 06 000201 80 2001 ${MANDATORY}`, ROUTE)
    expect(decodeMessage(frame, defaultContext).error?.family).toBe("ipv6")
    expect(decoded(frame).announce.map((route) => route.prefix as string)).toEqual(["10.0.0.8/32"])
  })

  test("the first of two equal attributes stays (3.g)", () => {
    expect(decoded(withAttribute("80 04 04 00000001 80 04 04 00000002")).attributes.med).toBe(1)
  })

  test("the offset of a mistake counts from the marker", () => {
    const { error } = decodeMessage(update(`${ORIGIN} 40 02 01 00 ${NEXT_HOP}`, ROUTE), defaultContext)
    expect(error?.offset).toBe(19 + 4 + 4)
  })

  test("another family is kept as octets, and is no mistake", () => {
    const vpn = "80 0e 05 0001 80 00 00"
    expect(decodeMessage(update(`${vpn} ${ORIGIN} ${AS_PATH}`), defaultContext)).toEqual({
      message: {
        type: "UPDATE",
        announce: [],
        withdraw: [],
        attributes: { origin: "igp", asPath: [[65001]], unknown: [{ type: 14, flags: 0x80, value: "0001800000" }] }
      }
    })
  })
})
