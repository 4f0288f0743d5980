// OPEN and what two of them amount to: refusals of RFC 4271 6.2, optional parameters, negotiation per direction.
import { describe, expect, test } from "bun:test"
import { negotiate } from "../../src/bgp/capability/negotiate.ts"
import type { Capability } from "../../src/bgp/capability/types.ts"
import { decodeMessage, encodeMessage } from "../../src/bgp/codec.ts"
import { defaultContext } from "../../src/bgp/context.ts"
import type { Open } from "../../src/bgp/message/types.ts"
import { message, open } from "./messages.ts"

describe("an OPEN that is refused without looking at the configuration (RFC 4271 6.2)", () => {
  const rows: ReadonlyArray<readonly [why: string, frame: Uint8Array, code: string, data?: string]> = [
    ["version 3", open("", "03 fde9 005a 0a000001"), "2/1", "0004"],
    ["AS 0 (RFC 7607)", open("", "04 0000 005a 0a000001"), "2/2"],
    ["AS 0 in the capability (RFC 7607)", open("02 06 41 04 00000000"), "2/2"],
    ["hold time 1", open("", "04 fde9 0001 0a000001"), "2/6"],
    ["hold time 2", open("", "04 fde9 0002 0a000001"), "2/6"],
    ["identifier 0.0.0.0", open("", "04 fde9 005a 00000000"), "2/3"],
    ["optional parameter 1", open("01 02 0000"), "2/4"],
    ["parameter longer than the field", open("02 06 01 04 0001"), "2/0"],
    ["capability longer than its parameter", open("02 04 01 04 0001"), "2/0"],
    ["parameters shorter than said", message(1, "04 fde9 005a 0a000001 05"), "2/0"],
    ["octets behind the parameters", message(1, "04 fde9 005a 0a000001 00 0202"), "2/0"]
  ]
  for (const [why, frame, code, data = ""] of rows) {
    test(`${why}: ${code}`, () => {
      const { error } = decodeMessage(frame, defaultContext)
      expect([error?.outcome, `${error?.code}/${error?.subcode}`, error?.data]).toEqual(["session-reset", code, data])
    })
  }

  test("hold times 0 and 3 are good", () => {
    for (const time of ["0000", "0003"]) {
      expect(decodeMessage(open("", `04 fde9 ${time} 0a000001`), defaultContext).error).toBeUndefined()
    }
  })
})

const base: Open = { type: "OPEN", version: 4, asn: 65001, holdTime: 90, routerId: "10.0.0.1", capabilities: [] }
const unknown = (n: number): Capability => ({ code: 200, name: "unknown", value: "00".repeat(n) })

describe("optional parameters", () => {
  test("beyond 255 octets the extended form is written and read back (RFC 9072)", () => {
    const big: Open = { ...base, capabilities: [unknown(200), unknown(100)] }
    const frame = encodeMessage(big, defaultContext)
    expect([frame[28], frame[29]]).toEqual([255, 255])
    expect(decodeMessage(frame, defaultContext)).toEqual({ message: big })
  })

  test("the extended form is read where it was not needed (RFC 9072 section 2)", () => {
    for (const length of ["ff", "08"]) {
      const frame = message(1, `04 fde9 005a 0a000001 ${length} ff 0005 02 0002 0200`)
      expect(decodeMessage(frame, defaultContext)).toEqual({
        message: { ...base, capabilities: [{ code: 2, name: "route-refresh" }] }
      })
    }
  })

  test("AS_TRANS stands in My Autonomous System for a four-octet AS number (RFC 6793 section 9)", () => {
    const wide: Open = {
      ...base,
      asn: 4273481989,
      capabilities: [{ code: 65, name: "four-octet-as", asn: 4273481989 }]
    }
    const frame = encodeMessage(wide, defaultContext)
    expect([frame[20], frame[21]]).toEqual([0x5b, 0xa0])
    expect(decodeMessage(frame, defaultContext)).toEqual({ message: wide })
  })

  test("a known capability of odd length is kept as octets and costs nothing", () => {
    const { message: found, error } = decodeMessage(open("02 03 01 01 00"), defaultContext)
    expect(error).toBeUndefined()
    expect(found?.type === "OPEN" && found.capabilities).toEqual([{ code: 1, name: "unknown", value: "00" }])
  })

  test("an AS number that nothing would say cannot be encoded", () => {
    expect(() => encodeMessage({ ...base, asn: 70000 }, defaultContext)).toThrow("four-octet-as")
  })
})

const mp = (afi: number): Capability => ({ code: 1, name: "multiprotocol", afi, safi: 1 })
const as4: Capability = { code: 65, name: "four-octet-as", asn: 65001 }
const addPath = (mode: "send" | "receive" | "both" | number): Capability => ({
  code: 69,
  name: "add-path",
  families: [{ afi: 1, safi: 1, mode }]
})
const both = (ours: ReadonlyArray<Capability>, theirs: ReadonlyArray<Capability>) =>
  negotiate({ ...base, capabilities: ours }, { ...base, holdTime: 30, capabilities: theirs }, true)

describe("negotiation", () => {
  test("the smaller hold time holds (RFC 4271 4.2)", () => expect(both([], []).holdTime).toBe(30))

  test("a peer without multiprotocol means IPv4 unicast (RFC 4760 section 8)", () => {
    expect(both([mp(1), mp(2)], []).families).toEqual(["ipv4"])
    expect(both([mp(1), mp(2)], [mp(2)]).families).toEqual(["ipv6"])
    expect(both([mp(1), mp(2)], [mp(2), mp(1)]).families).toEqual(["ipv4", "ipv6"])
  })

  test("four-octet AS numbers only where both have them (RFC 6793)", () => {
    expect(both([as4], []).send.as4).toBe(false)
    expect(both([as4], [as4]).receive.as4).toBe(true)
  })

  test("ADD-PATH needs send on one end and receive on the other, each direction alone (RFC 7911 section 4)", () => {
    const directions = (ours: Parameters<typeof addPath>[0], theirs: Parameters<typeof addPath>[0]) => {
      const { send, receive } = both([addPath(ours)], [addPath(theirs)])
      return [send.addPath.ipv4, receive.addPath.ipv4]
    }
    expect(directions("send", "receive")).toEqual([true, false])
    expect(directions("receive", "send")).toEqual([false, true])
    expect(directions("both", "both")).toEqual([true, true])
    expect(directions("send", "send")).toEqual([false, false])
    expect(directions("both", 7)).toEqual([false, false])
    expect(both([addPath("both")], [addPath("both")]).send.addPath.ipv6).toBe(false)
  })

  test("extended messages only where both have them (RFC 8654)", () => {
    const extended: Capability = { code: 6, name: "extended-message" }
    expect(both([extended], []).send.extendedMessage).toBe(false)
    expect(both([extended], [extended]).send.extendedMessage).toBe(true)
  })

  test("it is the receiver who allows IPv6 next hops for IPv4 (RFC 8950 section 4)", () => {
    const hop: Capability = { code: 5, name: "extended-next-hop", families: [{ afi: 1, safi: 1, nextHopAfi: 2 }] }
    const { send, receive } = both([hop], [])
    expect([send.extendedNextHop, receive.extendedNextHop]).toEqual([false, true])
  })

  test("graceful restart: the peer's time and families, the N bit only where both set it (RFC 4724, RFC 8538)", () => {
    const restart = (notification: boolean): Capability => ({
      code: 64,
      name: "graceful-restart",
      restarting: true,
      notification,
      restartTime: 120,
      families: [{ afi: 2, safi: 1, forwardingPreserved: true }]
    })
    expect(both([restart(true)], []).gracefulRestart).toBeUndefined()
    expect(both([restart(false)], [restart(true)]).gracefulRestart).toEqual({
      restartTime: 120,
      restarting: true,
      notification: false,
      families: ["ipv6"]
    })
    expect(both([restart(true)], [restart(true)]).gracefulRestart?.notification).toBe(true)
  })

  test("refresh and the names of what is shared", () => {
    const refresh: Capability = { code: 2, name: "route-refresh" }
    const enhanced: Capability = { code: 70, name: "enhanced-route-refresh" }
    const found = both([refresh, enhanced, as4], [refresh, enhanced])
    expect([found.routeRefresh, found.enhancedRouteRefresh]).toEqual([true, true])
    expect(found.capabilities).toEqual(["route-refresh", "enhanced-route-refresh"])
    expect(both([refresh], []).routeRefresh).toBe(false)
  })
})
