// Adj-RIB-Out and Adj-RIB-In: only the difference, packed, shared; checked by what a peer's table holds afterwards.
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { AdjRibIn } from "../../src/bgp/adjRibIn.ts"
import {
  advance,
  emptyTable,
  exportRoute,
  initialTable,
  type Route,
  refreshTable,
  type SendContext,
  UpdateGroups
} from "../../src/bgp/adjRibOut.ts"
import { decodeMessage } from "../../src/bgp/codec.ts"
import { defaultContext } from "../../src/bgp/context.ts"
import type { Message } from "../../src/bgp/message/types.ts"
import type { Address, Prefix } from "../../src/net/ip.ts"

const out: SendContext = { ctx: defaultContext, families: ["ipv4", "ipv6"] }
const withPaths: SendContext = { ...out, ctx: { ...defaultContext, addPath: { ipv4: true, ipv6: true } } }

const route = (prefix: string, nextHop: string, more: Partial<Route> = {}): Route => ({
  prefix: prefix as Prefix,
  nextHop: nextHop as Address,
  attributes: { origin: "igp", asPath: [[65001]] },
  ...more
})

const messages = (frames: ReadonlyArray<Uint8Array>, { ctx } = out): ReadonlyArray<Message> =>
  frames.map((frame) => {
    const { message, error } = decodeMessage(frame, ctx)
    if (message === undefined || error !== undefined) throw new Error(JSON.stringify(error))
    return message
  })

/** What a peer holds that was told `frames` in this order. */
const held = (rib: AdjRibIn, frames: ReadonlyArray<Uint8Array>, to = out): ReadonlyArray<string> => {
  for (const message of messages(frames, to)) if (message.type === "UPDATE") rib.apply(message)
  return rib
    .list()
    .map(({ prefix, nextHop, pathId }) => `${prefix} ${pathId ?? "-"} ${nextHop}`)
    .toSorted()
}

const A = route("10.0.0.8/32", "10.0.1.1")
const B = route("2001:db8::8/128", "2001:db8::1")

describe("the difference", () => {
  test("an equal wanted set makes no message (I5)", () => {
    const { sent } = advance(emptyTable, [A, B], out)
    expect(advance(sent, [{ ...B, attributes: { ...B.attributes } }, { ...A }], out).messages).toEqual([])
  })

  test("withdrawals go before announcements", () => {
    const { sent } = advance(emptyTable, [A], out)
    const next = messages(advance(sent, [B], out).messages)
    expect(next).toMatchObject([
      { withdraw: [{ prefix: A.prefix }], announce: [] },
      { withdraw: [], announce: [{ prefix: B.prefix }] }
    ])
  })

  test("a changed attribute announces the route again and nothing else", () => {
    const { sent } = advance(emptyTable, [A, B], out)
    const changed = { ...A, attributes: { ...A.attributes, med: 5 } }
    expect(messages(advance(sent, [changed, B], out).messages)).toMatchObject([
      { withdraw: [], announce: [{ prefix: A.prefix }], attributes: { med: 5 } }
    ])
  })

  test("of a speaker before this one nothing stays with a peer that kept its paths (RFC 4724, RFC 7911)", () => {
    const path = (prefix: string, pathId: number) => route(prefix, `10.0.1.${pathId}`, { pathId })
    const kept = new AdjRibIn()
    const before = [11, 12, 13].flatMap((id) => [path("10.0.0.8/32", id), path("10.0.0.9/32", id)])
    held(kept, advance(emptyTable, before, withPaths).messages, withPaths)
    const wanted = [path("10.0.0.8/32", 12), path("10.0.0.9/32", 12), path("10.0.0.9/32", 13)]
    const { messages: frames } = initialTable(wanted, withPaths, [11, 12, 13])
    expect(held(kept, frames, withPaths)).toEqual([
      "10.0.0.8/32 12 10.0.1.12",
      "10.0.0.9/32 12 10.0.1.12",
      "10.0.0.9/32 13 10.0.1.13"
    ])
    expect(messages(frames, withPaths).slice(-2)).toMatchObject([
      { endOfRib: "ipv4-unicast" },
      { endOfRib: "ipv6-unicast" }
    ])
    expect(initialTable(wanted, out, [11, 12, 13])).toEqual(initialTable(wanted, out))
  })

  test("the first table ends with End-of-RIB for each family (RFC 4724 section 2)", () => {
    const all = messages(initialTable([A], out).messages)
    expect(all.map((m) => m.type === "UPDATE" && m.endOfRib)).toEqual([
      undefined,
      "ipv4-unicast",
      "ipv6-unicast"
    ] as never)
  })

  test("after any steps the peer holds exactly what is wanted", () => {
    const hops = fc.constantFrom("10.0.1.1", "10.0.1.2", "2001:db8::1")
    const one = fc.record({
      n: fc.nat(20),
      hop: hops,
      pathId: fc.nat(2),
      med: fc.option(fc.nat(2), { nil: undefined })
    })
    const steps = fc.array(fc.array(one, { maxLength: 12 }), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(steps, fc.constantFrom(out, withPaths), (all, to) => {
        const rib = new AdjRibIn()
        let sent = emptyTable
        for (const wanted of all) {
          const routes = wanted.map(({ n, hop, pathId, med }) =>
            exportRoute(
              {
                prefix: `10.0.0.${n}/32` as Prefix,
                nextHop: hop as Address,
                pathId,
                ...(med === undefined ? {} : { med })
              },
              { localAsn: 65001, peerAsn: 65002 }
            )
          )
          const step = advance(sent, routes, to)
          sent = step.sent
          const paths = new Map<string, string>()
          for (const { prefix, nextHop, pathId } of routes) {
            const key = to === withPaths ? `${prefix} ${pathId}` : `${prefix} -`
            if (!paths.has(key)) paths.set(key, `${key} ${nextHop}`)
          }
          expect(held(rib, step.messages, to)).toEqual([...paths.values()].toSorted())
        }
      }),
      { numRuns: 200, seed: 20260 }
    )
  })
})

describe("packing", () => {
  const many = (n: number, nextHop = "10.0.1.1") =>
    Array.from({ length: n }, (_, i) => route(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32`, nextHop))

  test("equal attributes share messages, which are as full as 4,096 octets allow", () => {
    const { messages: frames } = advance(emptyTable, many(3000), out)
    expect(frames.length).toBe(4)
    for (const frame of frames.slice(0, -1)) expect(frame.length).toBeGreaterThan(4096 - 6)
    expect(held(new AdjRibIn(), frames).length).toBe(3000)
  })

  test("one message does where extended messages were agreed to (RFC 8654)", () => {
    const long: SendContext = { ...out, ctx: { ...defaultContext, extendedMessage: true } }
    expect(advance(emptyTable, many(3000), long).messages.length).toBe(1)
  })

  test("another next hop takes another message, IPv6 fills MP_REACH_NLRI, withdrawals are packed too", () => {
    const six = Array.from({ length: 700 }, (_, i) => route(`2001:db8::${i.toString(16)}/128`, "2001:db8::1"))
    const first = advance(emptyTable, [...many(3), route("10.9.0.1/32", "10.0.1.2"), ...six], out)
    expect(first.messages.length).toBe(2 + 3)
    const gone = advance(first.sent, [], out).messages
    expect(gone.length).toBe(1 + 3)
    const rib = new AdjRibIn()
    expect(held(rib, first.messages).length).toBe(704)
    expect(held(rib, gone)).toEqual([])
  })
})

describe("routes that a session cannot carry are named with the reason (I9)", () => {
  const noHop: SendContext = { ...out, ctx: { ...defaultContext, extendedNextHop: false } }
  const rows: ReadonlyArray<readonly [string, ReadonlyArray<Route>, SendContext, string]> = [
    ["a family that was not agreed to", [B], { ...out, families: ["ipv4"] }, "did not agree to ipv6"],
    ["an IPv6 route with an IPv4 next hop", [route("2001:db8::8/128", "10.0.1.1")], out, "needs an IPv6 next hop"],
    ["an IPv6 next hop without RFC 8950", [route("10.0.0.8/32", "2001:db8::1")], noHop, "RFC 8950"],
    ["a second path without ADD-PATH", [A, route("10.0.0.8/32", "10.0.1.2")], out, "another path"],
    ["a community that is none", [{ ...A, attributes: { communities: ["65001"] } }], out, "community"]
  ]
  for (const [what, wanted, to, reason] of rows) {
    test(what, () => {
      const { unsent } = advance(emptyTable, wanted, to)
      expect(unsent.map((one) => one.reason)).toEqual([expect.stringContaining(reason)])
    })
  }
})

describe("refresh", () => {
  const { sent } = advance(emptyTable, [A, B], out)

  test("the whole table of one family again (RFC 2918)", () => {
    expect(messages(refreshTable(sent, "ipv6", out, false))).toMatchObject([{ announce: [{ prefix: B.prefix }] }])
  })

  test("between BoRR and EoRR where both ends have them (RFC 7313 section 4)", () => {
    expect(messages(refreshTable(sent, "ipv4", out, true))).toMatchObject([
      { type: "ROUTE-REFRESH", afi: 1, subtype: "begin" },
      { type: "UPDATE", announce: [{ prefix: A.prefix }] },
      { type: "ROUTE-REFRESH", afi: 1, subtype: "end" }
    ])
  })

  test("nothing for a family that was not agreed to", () => {
    expect(refreshTable(sent, "ipv6", { ...out, families: ["ipv4"] }, true)).toEqual([])
  })
})

describe("update groups (D10)", () => {
  test("sessions alike get the very same octets, others their own", () => {
    const groups = new UpdateGroups()
    const first = groups.initialTable([A], out)
    expect(groups.initialTable([{ ...A }], { ...out })).toBe(first)
    expect(groups.initialTable([A], withPaths)).not.toBe(first)
    const step = groups.advance(first.sent, [A, B], out)
    expect(groups.advance(first.sent, [{ ...A }, { ...B }], out)).toBe(step)
    expect(step.messages.length).toBe(1)
  })
})

describe("export", () => {
  const path = { prefix: A.prefix, nextHop: A.nextHop, communities: ["65001:2", "65001:1"], med: 0 }

  test("to another AS: the own AS number, no LOCAL_PREF (RFC 4271 5.1.2, 5.1.5)", () => {
    expect(exportRoute(path, { localAsn: 65001, peerAsn: 65002 }).attributes).toEqual({
      origin: "igp",
      asPath: [[65001]],
      med: 0,
      communities: ["65001:1", "65001:2"]
    })
  })

  test("within the AS: an empty path and LOCAL_PREF (RFC 4271 5.1.2, 5.1.5)", () => {
    expect(exportRoute(A, { localAsn: 65001, peerAsn: 65001 }).attributes).toEqual({
      origin: "igp",
      asPath: [],
      localPref: 100
    })
  })
})

describe("Adj-RIB-In", () => {
  test("counts paths, shows a few, forgets a family or everything", () => {
    const rib = new AdjRibIn()
    held(rib, advance(emptyTable, [A, B], out).messages)
    expect([rib.count, rib.sample(1).length]).toEqual([2, 1])
    rib.clear("ipv6")
    expect(rib.list()).toEqual([{ prefix: A.prefix, nextHop: A.nextHop }])
    rib.clear()
    expect(rib.count).toBe(0)
  })

  test("a prefix in both lists of one UPDATE is announced (RFC 4271 4.3)", () => {
    const rib = new AdjRibIn()
    rib.apply({ type: "UPDATE", announce: [A], withdraw: [A], attributes: A.attributes })
    expect(rib.count).toBe(1)
  })
})
