// Random BGP messages and contexts, as canonical values: what decoding gives back after encoding. Owns no tests.
import fc from "fast-check"
import type { AsPathSegment, Attributes } from "../../src/bgp/attribute/types.ts"
import type { Capability } from "../../src/bgp/capability/types.ts"
import type { CodecContext } from "../../src/bgp/context.ts"
import { notificationName } from "../../src/bgp/iana.ts"
import type { Announcement, Message, Update, Withdrawal } from "../../src/bgp/message/types.ts"
import { type Address, addressFromBytes, type Family, type Prefix, prefixFromBytes } from "../../src/net/ip.ts"

const u8 = fc.integer({ min: 0, max: 0xff })
const u16 = fc.integer({ min: 0, max: 0xffff })
const u32 = fc.integer({ min: 0, max: 0xffffffff })
const hex = (max: number) => fc.uint8Array({ maxLength: max }).map((bytes) => bytes.toHex())
const bytes = (n: number) => fc.uint8Array({ minLength: n, maxLength: n })
const octets = (family: Family) => bytes(family === "ipv4" ? 4 : 16)

export const contexts: fc.Arbitrary<CodecContext> = fc.record({
  as4: fc.boolean(),
  addPath: fc.record({ ipv4: fc.boolean(), ipv6: fc.boolean() }),
  ebgp: fc.boolean(),
  extendedMessage: fc.boolean(),
  extendedNextHop: fc.boolean()
})

const asn2 = fc.integer({ min: 1, max: 0xffff })
const asn4 = fc.integer({ min: 1, max: 0xffffffff })
const asns = fc.array(fc.oneof(asn2, asn4), { minLength: 1, maxLength: 6 })

/** Confederation segments lead (RFC 5065), and only where four octets keep their members. */
const asPaths = (ctx: CodecContext): fc.Arbitrary<ReadonlyArray<AsPathSegment>> => {
  const segment = fc.oneof<fc.Arbitrary<AsPathSegment>[]>(
    asns,
    asns.map((set) => ({ set }))
  )
  const confederation = fc.oneof<fc.Arbitrary<AsPathSegment>[]>(
    asns.map((confedSequence) => ({ confedSequence })),
    asns.map((confedSet) => ({ confedSet }))
  )
  const plain = fc.array(segment, { maxLength: 4 })
  if (ctx.ebgp || !ctx.as4) return plain
  return fc.tuple(fc.array(confederation, { maxLength: 2 }), plain).map((parts) => parts.flat())
}

const ipv4Text = bytes(4).map((b) => addressFromBytes(b) as string)
const some = <A>(one: fc.Arbitrary<A>) => fc.array(one, { minLength: 1, maxLength: 70 })
const extendedCommunity = fc.oneof(
  fc.tuple(fc.constantFrom("rt", "soo"), u16, u32).map((parts) => parts.join(":")),
  fc.tuple(fc.constantFrom("rt", "soo"), fc.integer({ min: 0x10000, max: 0xffffffff }), u16).map((p) => p.join(":")),
  fc.tuple(fc.constantFrom("rt", "soo"), ipv4Text, u16).map((parts) => parts.join(":")),
  bytes(6).map((b) => `0x4004${b.toHex()}`)
)
const unknown = fc.uniqueArray(
  fc.record({
    type: fc.integer({ min: 40, max: 255 }),
    flags: fc.constantFrom(0x80, 0xc0, 0xe0, 0xd0),
    value: hex(40)
  }),
  { selector: (one) => one.type, minLength: 1, maxLength: 3 }
)
const ascending = <A extends { readonly type: number }>(all: ReadonlyArray<A>) =>
  all.toSorted((a, b) => a.type - b.type)

const attributes = (ctx: CodecContext, routes: boolean): fc.Arbitrary<Attributes> => {
  const mandatory = { origin: fc.constantFrom("igp", "egp", "incomplete"), asPath: asPaths(ctx) } as const
  const internal = ctx.ebgp
    ? {}
    : { localPref: u32, originatorId: ipv4Text, clusterList: fc.array(ipv4Text, { minLength: 1, maxLength: 3 }) }
  return fc.record(
    {
      ...mandatory,
      ...internal,
      med: u32,
      atomicAggregate: fc.constant(true as const),
      aggregator: fc.record({ asn: fc.oneof(asn2, asn4), address: ipv4Text }),
      communities: some(fc.tuple(u16, u16).map((parts) => parts.join(":"))),
      extendedCommunities: some(extendedCommunity),
      largeCommunities: some(fc.tuple(u32, u32, u32).map((parts) => parts.join(":"))),
      otc: u32,
      unknown: unknown.map(ascending)
    },
    { requiredKeys: routes ? ["origin", "asPath"] : [] }
  ) as fc.Arbitrary<Attributes>
}

const prefix = (family: Family): fc.Arbitrary<Prefix> =>
  fc
    .tuple(octets(family), fc.integer({ min: 0, max: family === "ipv4" ? 32 : 128 }))
    .map(([b, length]) => prefixFromBytes(b, length))

/** A unicast address that can be a next hop. */
const host = (family: Family): fc.Arbitrary<Address> =>
  octets(family).map((b) => {
    b[0] = family === "ipv4" ? 10 : 0x20
    return addressFromBytes(b)
  })

const nlri = (family: Family, ctx: CodecContext, minLength = 0): fc.Arbitrary<ReadonlyArray<Withdrawal>> => {
  const one = ctx.addPath[family]
    ? fc.record({ prefix: prefix(family), pathId: u32 })
    : fc.record({ prefix: prefix(family) })
  return fc.array(one, { minLength, maxLength: 20 })
}

/** Routes in MP_REACH_NLRI: one family, one next hop. */
const reach = (ctx: CodecContext): fc.Arbitrary<ReadonlyArray<Announcement>> => {
  const ipv6 = fc
    .tuple(nlri("ipv6", ctx), host("ipv6"), fc.option(host("ipv6")))
    .map(([all, nextHop, linkLocal]) =>
      all.map((one) => ({ ...one, nextHop, ...(linkLocal === null ? {} : { linkLocal }) }))
    )
  const ipv4 = fc
    .tuple(nlri("ipv4", ctx), host("ipv4"))
    .map(([all, nextHop]) => all.map((one) => ({ ...one, nextHop, multiprotocol: true as const })))
  const mixed = fc
    .tuple(nlri("ipv4", ctx), host("ipv6"))
    .map(([all, nextHop]) => all.map((one) => ({ ...one, nextHop })))
  return ctx.extendedNextHop ? fc.oneof(ipv6, ipv4, mixed) : fc.oneof(ipv6, ipv4)
}

const unreach = (ctx: CodecContext): fc.Arbitrary<ReadonlyArray<Withdrawal>> =>
  fc.oneof(
    nlri("ipv6", ctx),
    nlri("ipv4", ctx).map((all) => all.map((one) => ({ ...one, multiprotocol: true as const })))
  )

const updates = (ctx: CodecContext): fc.Arbitrary<Update> => {
  const full = fc
    .tuple(nlri("ipv4", ctx), host("ipv4"), reach(ctx), nlri("ipv4", ctx), unreach(ctx))
    .chain(([body, nextHop, mp, withdrawn, mpWithdrawn]) => {
      const announce = [...body.map((one) => ({ ...one, nextHop })), ...mp]
      const withdraw = [...withdrawn, ...mpWithdrawn]
      return attributes(ctx, announce.length > 0).map((all): Update => {
        const empty = announce.length + withdraw.length + Object.keys(all).length === 0
        return { type: "UPDATE", announce, withdraw, ...(empty ? { endOfRib: "ipv4-unicast" } : {}), attributes: all }
      })
    })
  const marker = fc
    .constantFrom("ipv4-unicast" as const, "ipv6-unicast" as const)
    .map((endOfRib): Update => ({ type: "UPDATE", announce: [], withdraw: [], endOfRib, attributes: {} }))
  return fc.oneof({ weight: 8, arbitrary: full }, { weight: 1, arbitrary: marker })
}

const afiSafi = { afi: u16, safi: u8 }
const named = (code: number, name: string, more: Record<string, fc.Arbitrary<unknown>> = {}) =>
  fc.record({ code: fc.constant(code), name: fc.constant(name), ...more })
const families = (more: Record<string, fc.Arbitrary<unknown>>) =>
  fc.array(fc.record({ ...afiSafi, ...more }), { maxLength: 3 })

const capabilities = fc.oneof(
  fc.constant({ code: 1, name: "multiprotocol", afi: 1, safi: 1, family: "ipv4-unicast" }),
  fc.constant({ code: 1, name: "multiprotocol", afi: 2, safi: 1, family: "ipv6-unicast" }),
  named(1, "multiprotocol", { afi: fc.integer({ min: 3, max: 0xffff }), safi: u8 }),
  named(2, "route-refresh"),
  named(5, "extended-next-hop", {
    families: fc.array(fc.record({ afi: u16, safi: u16, nextHopAfi: u16 }), { maxLength: 3 })
  }),
  named(6, "extended-message"),
  named(9, "role", {
    role: fc.oneof(
      fc.constantFrom<(string | number)[]>("provider", "route-server", "route-server-client", "customer", "peer"),
      fc.integer({ min: 5, max: 255 })
    )
  }),
  named(64, "graceful-restart", {
    restarting: fc.boolean(),
    notification: fc.boolean(),
    restartTime: fc.integer({ min: 0, max: 4095 }),
    families: families({ forwardingPreserved: fc.boolean() })
  }),
  named(69, "add-path", {
    families: families({ mode: fc.constantFrom<(string | number)[]>("receive", "send", "both", 0, 9) })
  }),
  named(70, "enhanced-route-refresh"),
  named(71, "long-lived-graceful-restart", {
    families: families({ forwardingPreserved: fc.boolean(), staleTime: fc.integer({ min: 0, max: 0xffffff }) })
  }),
  named(73, "fqdn", { hostname: fc.string({ maxLength: 40 }), domain: fc.string({ maxLength: 40 }) }),
  named(128, "route-refresh-cisco", { value: fc.constant("") }),
  fc.record({ code: fc.integer({ min: 130, max: 255 }), name: fc.constant("unknown"), value: hex(60) })
) as fc.Arbitrary<Capability>

const opens: fc.Arbitrary<Message> = fc
  .record({
    type: fc.constant("OPEN" as const),
    version: fc.constant(4),
    asn: fc.oneof(asn2, asn4),
    holdTime: fc.oneof(fc.constant(0), fc.integer({ min: 3, max: 0xffff })),
    routerId: ipv4Text.filter((text) => text !== "0.0.0.0"),
    // Beyond 253 octets the parameters take the extended form of RFC 9072.
    capabilities: fc.array(capabilities, { maxLength: 30 })
  })
  .map((open) => ({
    ...open,
    capabilities: [...open.capabilities, { code: 65 as const, name: "four-octet-as" as const, asn: open.asn }]
  }))

const notifications: fc.Arbitrary<Message> = fc
  .oneof(
    fc.tuple(u8, u8, hex(200)).filter(([code]) => code !== 6),
    fc.tuple(fc.constant(6), fc.constantFrom(1, 3, 5, 8), hex(20))
  )
  .map(
    ([code, subcode, data]): Message => ({
      type: "NOTIFICATION",
      code,
      subcode,
      name: notificationName(code, subcode),
      ...(data === "" ? {} : { data })
    })
  )

const shutdowns: fc.Arbitrary<Message> = fc
  .tuple(fc.constantFrom(2, 4), fc.string({ unit: "grapheme", maxLength: 20 }), fc.boolean())
  .map(([subcode, message, hard]): Message => {
    const inner = { code: 6, subcode, name: notificationName(6, subcode) }
    if (!hard) return { type: "NOTIFICATION", ...inner, message }
    return { type: "NOTIFICATION", code: 6, subcode: 9, name: notificationName(6, 9), message, hardReset: inner }
  })

const refreshes: fc.Arbitrary<Message> = fc.record({
  type: fc.constant("ROUTE-REFRESH" as const),
  afi: u16,
  safi: u8,
  subtype: fc.constantFrom<("request" | "begin" | "end" | number)[]>("request", "begin", "end", 7)
})

export const messages = (ctx: CodecContext): fc.Arbitrary<Message> =>
  fc.oneof(
    { weight: 6, arbitrary: updates(ctx) },
    { weight: 3, arbitrary: opens },
    { weight: 1, arbitrary: notifications },
    { weight: 1, arbitrary: shutdowns },
    { weight: 1, arbitrary: refreshes },
    { weight: 1, arbitrary: fc.constant({ type: "KEEPALIVE" as const }) }
  )
