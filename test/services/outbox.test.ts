// What a session still has to say: bounded, in order, and only the difference (D10, I5).
import { describe, expect, test } from "bun:test"
import { UpdateGroups } from "../../src/bgp/adjRibOut.ts"
import { negotiate } from "../../src/bgp/capability/negotiate.ts"
import { decodeMessage } from "../../src/bgp/codec.ts"
import type { PlannedRoute } from "../../src/plan/types.ts"
import { Outbox } from "../../src/services/Outbox.ts"
import { fsmConfig } from "../../src/services/sessionConfig.ts"
import { nodeAddress, nodeSide, route, routerSide } from "./harness.ts"

const negotiated = negotiate(fsmConfig(nodeSide, "a").open, fsmConfig(routerSide, "b").open, true)
const routes = (n: number): ReadonlyArray<PlannedRoute> =>
  Array.from({ length: n }, (_, i) => route(`10.1.${i >>> 8}.${i & 255}/32`, nodeAddress))

const opened = () => {
  const outbox = new Outbox(nodeSide, new UpdateGroups())
  outbox.open(negotiated)
  return outbox
}

/** Takes every frame, up to `most`. */
const take = (outbox: Outbox, most = Number.POSITIVE_INFINITY) => {
  const frames: Array<Uint8Array> = []
  outbox.flush((frame) => frames.push(frame) < most)
  return frames
}

const spoken = (frames: ReadonlyArray<Uint8Array>) =>
  frames.map((frame) => {
    const { message } = decodeMessage(frame, negotiated.send)
    if (message?.type !== "UPDATE") return message?.type
    return message.endOfRib ?? `+${message.announce.length} -${message.withdraw.length}`
  })

describe("the outbox of a session", () => {
  test("the first table ends with an End-of-RIB for each family", () => {
    const outbox = opened()
    outbox.want(routes(3))
    expect(spoken(take(outbox))).toEqual(["+3 -0", "ipv4-unicast", "ipv6-unicast"])
    expect(outbox.empty).toBe(true)
  })

  test("while a peer takes nothing, a hundred changes wait as one", () => {
    const outbox = opened()
    outbox.want(routes(2000))
    const first = take(outbox, 1)
    expect(first).toHaveLength(1)
    for (let n = 1; n <= 100; n++) outbox.want(routes(2000 + n))
    const rest = take(outbox)
    expect(spoken(rest).at(-1)).toBe("ipv6-unicast")
    expect(outbox.empty).toBe(false)
    expect(spoken(take(outbox))).toEqual(["+100 -0"])
    expect(outbox.empty).toBe(true)
  })

  test("no frame is lost or doubled when the peer takes them one at a time", () => {
    const outbox = opened()
    outbox.want(routes(3000))
    const one: Array<Uint8Array> = []
    for (let frames = take(outbox, 1); frames.length > 0; frames = take(outbox, 1)) one.push(...frames)
    const all = opened()
    all.want(routes(3000))
    expect(one).toEqual(take(all))
  })

  test("what the session cannot carry is withheld with the reason, the rest goes (I9)", () => {
    const outbox = opened()
    outbox.want([...routes(1), route("2001:db8::8/128", nodeAddress)])
    take(outbox)
    expect(outbox.advertised.map(({ prefix }) => prefix)).toEqual(["10.1.0.0/32"])
    expect(outbox.withheld).toEqual([{ prefix: "2001:db8::8/128", reason: "an IPv6 route needs an IPv6 next hop" }])
  })

  describe("several next hops of one prefix (D9)", () => {
    const hops = ["10.0.1.11", "10.0.1.12", "10.0.1.13"]
    const paths = (prefix: string, single: number, addresses = hops) =>
      addresses.map((hop, i) => route(prefix, hop, { pathId: 100 + i, single: i === single }))
    const v6 = paths("2001:db8::8/128", 2, ["2001:db8:1::11", "2001:db8:1::12", "2001:db8:1::13"])
    const withAddPath = (ipv4: boolean, ipv6: boolean, addPaths?: true) => {
      const outbox = new Outbox({ ...nodeSide, ...(addPaths ? { addPaths } : {}) }, new UpdateGroups())
      outbox.open({ ...negotiated, send: { ...negotiated.send, addPath: { ipv4, ipv6 } } })
      outbox.want([...paths("10.0.0.8/32", 1), ...v6])
      take(outbox)
      const told = outbox.advertised.map(({ nextHop, pathId }) => `${nextHop} ${pathId}`)
      return { told, withheld: outbox.withheld, notes: outbox.notes }
    }
    const all4 = hops.map((hop, i) => `${hop} ${100 + i}`)
    const all6 = v6.map(({ nextHop, pathId }) => `${nextHop} ${pathId}`)

    test("all go out with their identifiers where the peer receives additional paths", () => {
      expect(withAddPath(true, true, true)).toEqual({ told: [...all4, ...all6], withheld: [], notes: [] })
    })

    test("where it does not, the one that may stand alone, and one note instead of a problem for each", () => {
      const { told, withheld, notes } = withAddPath(false, false, true)
      expect(told).toEqual(["10.0.1.12 101", "2001:db8:1::13 102"])
      expect(withheld).toEqual([])
      const note = "the peer does not receive additional paths (RFC 7911): one next hop per prefix, 2 more left out"
      expect(notes).toEqual([`ipv4: ${note}`, `ipv6: ${note}`])
    })

    test("families differ; a session that does not offer says so", () => {
      const { told, notes } = withAddPath(false, true)
      expect(told).toEqual(["10.0.1.12 101", ...all6])
      expect(notes).toEqual([
        "ipv4: this session does not offer additional paths (RFC 7911): one next hop per prefix, 2 more left out"
      ])
    })

    test("another choice of the one that stands alone replaces it in one step, without a withdrawal", () => {
      const outbox = opened()
      outbox.want(paths("10.0.0.8/32", 0))
      take(outbox)
      outbox.want(paths("10.0.0.8/32", 1))
      expect(spoken(take(outbox))).toEqual(["+1 -0"])
      expect(outbox.advertised.map(({ nextHop }) => nextHop)).toEqual(["10.0.1.12"])
    })
  })

  test("a refresh sends the family again between its markers (RFC 7313 4), and nothing for a family that is not there", () => {
    const outbox = opened()
    outbox.want(routes(2))
    take(outbox)
    outbox.resend({ type: "ROUTE-REFRESH", afi: 1, safi: 1, subtype: "request" })
    expect(spoken(take(outbox))).toEqual(["ROUTE-REFRESH", "+2 -0", "ROUTE-REFRESH"])
    outbox.resend({ type: "ROUTE-REFRESH", afi: 25, safi: 65, subtype: "request" })
    expect(outbox.empty).toBe(true)
  })

  test("a session that ended has nothing to say, the next one starts from nothing", () => {
    const outbox = opened()
    outbox.want(routes(2))
    take(outbox)
    outbox.close()
    expect([outbox.empty, outbox.advertised]).toEqual([true, []])
    outbox.open(negotiated)
    expect(spoken(take(outbox))[0]).toBe("+2 -0")
  })
})
