// One entry per path attribute that becomes a field of `Attributes`: its flags, which lengths are well-formed, what a
// malformed one costs, and how its value is read and written. The cost is section 7 of RFC 7606 (7.1 ORIGIN to 7.14
// EXTENDED_COMMUNITIES), RFC 8092 section 6 (LARGE_COMMUNITY), RFC 9234 section 5 (OTC) and RFC 6793 section 6 (AS4_*).
// What holds for all attributes alike (flags, duplicates, order) is in list.ts.
import { type Reader, Writer } from "../../net/bytes.ts"
import { addressBytes, addressFromBytes, parseAddress } from "../../net/ip.ts"
import type { CodecContext } from "../context.ts"
import { Unencodable } from "../errors.ts"
import { AS_TRANS, Flag, AttributeType as Type, UpdateError } from "../iana.ts"
import { type AsPath, hasConfederation, needsAs4Path, readAsPath, withoutConfederation, writeAsPath } from "./asPath.ts"
import * as community from "./communities.ts"
import type { Aggregator, Attributes } from "./types.ts"

/** Attributes while they are read, with what a two-octet peer sends beside them. */
export type Draft = { -readonly [K in keyof Attributes]: Attributes[K] } & {
  as4Path?: AsPath
  as4Aggregator?: Aggregator
}

/** Why a value is malformed. `data`: whether the NOTIFICATION carries the attribute (RFC 4271 6.3). */
export interface Fault {
  readonly subcode: number
  readonly message: string
  readonly data: boolean
}

export interface AttributeEntry {
  /** Optional and Transitive bits. */
  readonly flags: number
  /** The well-formed lengths, in words, and as a test. */
  readonly lengths: string
  readonly fits: (length: number, ctx: CodecContext) => boolean
  readonly malformed: "treat-as-withdraw" | "attribute-discard"
  /** Where it is not expected at all and therefore discarded, whatever it says. */
  readonly unexpected?: (ctx: CodecContext) => string | undefined
  /** Reads a value whose length fits. */
  readonly read: (r: Reader, into: Draft, ctx: CodecContext) => Fault | undefined
  /** The value's octets, or undefined where the attributes have none. Throws Unencodable. */
  readonly write: (from: Attributes, ctx: CodecContext) => Uint8Array | undefined
}

const WELL_KNOWN = Flag.transitive
const OPTIONAL = Flag.optional
const OPTIONAL_TRANSITIVE = Flag.optional | Flag.transitive
const ORIGINS = ["igp", "egp", "incomplete"] as const

const exactly = (length: number) => ({ lengths: `${length}`, fits: (n: number) => n === length })
const multipleOf = (unit: number) => ({
  lengths: `a multiple of ${unit} and not 0`,
  fits: (n: number) => n > 0 && n % unit === 0
})
const anyLength = { lengths: "any", fits: () => true }

const fault = (subcode: number, message: string, data = true): Fault => ({ subcode, message, data })

const internalOnly = (ctx: CodecContext): string | undefined =>
  ctx.ebgp ? "it may not come from another AS" : undefined

const twoOctetPeersOnly = (ctx: CodecContext): string | undefined =>
  ctx.as4 ? "a peer with four-octet AS numbers may not send it (RFC 6793 section 4.1)" : undefined

const u32 = (value: number | undefined): Uint8Array | undefined =>
  value === undefined ? undefined : new Writer(4).u32(value).done()

const ipv4 = (text: string, what: string): Uint8Array => {
  const address = parseAddress(text)
  if (address === undefined || address.includes(":")) throw new Unencodable(`${what} ${text} is no IPv4 address`)
  return addressBytes(address)
}

const readAll = <A>(r: Reader, read: (r: Reader) => A): ReadonlyArray<A> => {
  const all: A[] = []
  while (r.left > 0) all.push(read(r))
  return all
}

const writeAll = (
  texts: ReadonlyArray<string> | undefined,
  write: (w: Writer, text: string) => void
): Uint8Array | undefined => {
  if (texts === undefined || texts.length === 0) return undefined
  const w = new Writer(texts.length * 12)
  for (const text of texts) write(w, text)
  return w.done()
}

const writeAggregator = ({ asn, address }: Aggregator, as4: boolean): Uint8Array => {
  const w = new Writer(8)
  if (as4) w.u32(asn)
  else w.u16(asn > 0xffff ? AS_TRANS : asn)
  return w.put(ipv4(address, "aggregator")).done()
}

const aggregator = (asn: number, r: Reader): Aggregator => ({ asn, address: addressFromBytes(r.view(4)) })
const AGGREGATOR_OF_AS_0 = fault(UpdateError.optionalAttribute, "the aggregator is AS 0 (RFC 7607)")

const readPath = (r: Reader, into: Draft, ctx: CodecContext): Fault | undefined => {
  const path = readAsPath(r, ctx.as4)
  if (typeof path === "string") return fault(UpdateError.malformedAsPath, path, false)
  if (ctx.ebgp && hasConfederation(path)) {
    return fault(UpdateError.malformedAsPath, "a peer outside the confederation sent its segments (RFC 5065 5)", false)
  }
  into.asPath = path
  return undefined
}

/** By type code. */
export const attributeTable: ReadonlyMap<number, AttributeEntry> = new Map<number, AttributeEntry>([
  [
    Type.origin,
    {
      ...exactly(1),
      flags: WELL_KNOWN,
      malformed: "treat-as-withdraw",
      read: (r, into) => {
        const value = r.u8()
        const origin = ORIGINS[value]
        if (origin === undefined) return fault(UpdateError.invalidOrigin, `origin ${value} is unknown`)
        into.origin = origin
        return undefined
      },
      write: ({ origin }) => (origin === undefined ? undefined : Uint8Array.of(ORIGINS.indexOf(origin)))
    }
  ],
  [
    Type.asPath,
    {
      ...anyLength,
      flags: WELL_KNOWN,
      malformed: "treat-as-withdraw",
      read: readPath,
      write: ({ asPath }, ctx) => (asPath === undefined ? undefined : writeAsPath(asPath, ctx.as4))
    }
  ],
  [
    Type.med,
    {
      ...exactly(4),
      flags: OPTIONAL,
      malformed: "treat-as-withdraw",
      read: (r, into) => {
        into.med = r.u32()
        return undefined
      },
      write: ({ med }) => u32(med)
    }
  ],
  [
    Type.localPref,
    {
      ...exactly(4),
      flags: WELL_KNOWN,
      malformed: "treat-as-withdraw",
      unexpected: internalOnly,
      read: (r, into) => {
        into.localPref = r.u32()
        return undefined
      },
      write: ({ localPref }) => u32(localPref)
    }
  ],
  [
    Type.atomicAggregate,
    {
      ...exactly(0),
      flags: WELL_KNOWN,
      malformed: "attribute-discard",
      read: (_r, into) => {
        into.atomicAggregate = true
        return undefined
      },
      write: ({ atomicAggregate }) => (atomicAggregate === true ? new Uint8Array(0) : undefined)
    }
  ],
  [
    Type.aggregator,
    {
      lengths: "8 with four-octet AS numbers and 6 without",
      fits: (n, ctx) => n === (ctx.as4 ? 8 : 6),
      flags: OPTIONAL_TRANSITIVE,
      malformed: "attribute-discard",
      read: (r, into, ctx) => {
        const asn = ctx.as4 ? r.u32() : r.u16()
        if (asn === 0) return AGGREGATOR_OF_AS_0
        into.aggregator = aggregator(asn, r)
        return undefined
      },
      write: ({ aggregator: value }, ctx) => (value === undefined ? undefined : writeAggregator(value, ctx.as4))
    }
  ],
  [
    Type.communities,
    {
      ...multipleOf(4),
      flags: OPTIONAL_TRANSITIVE,
      malformed: "treat-as-withdraw",
      read: (r, into) => {
        into.communities = readAll(r, community.readCommunity)
        return undefined
      },
      write: ({ communities }) => writeAll(communities, community.writeCommunity)
    }
  ],
  [
    Type.originatorId,
    {
      ...exactly(4),
      flags: OPTIONAL,
      malformed: "treat-as-withdraw",
      unexpected: internalOnly,
      read: (r, into) => {
        into.originatorId = addressFromBytes(r.view(4))
        return undefined
      },
      write: ({ originatorId }) => (originatorId === undefined ? undefined : ipv4(originatorId, "originatorId"))
    }
  ],
  [
    Type.clusterList,
    {
      ...multipleOf(4),
      flags: OPTIONAL,
      malformed: "treat-as-withdraw",
      unexpected: internalOnly,
      read: (r, into) => {
        into.clusterList = readAll(r, (one) => addressFromBytes(one.view(4)))
        return undefined
      },
      write: ({ clusterList }) => writeAll(clusterList, (w, text) => w.put(ipv4(text, "clusterList entry")))
    }
  ],
  [
    Type.extendedCommunities,
    {
      ...multipleOf(8),
      flags: OPTIONAL_TRANSITIVE,
      malformed: "treat-as-withdraw",
      read: (r, into) => {
        into.extendedCommunities = readAll(r, community.readExtendedCommunity)
        return undefined
      },
      write: ({ extendedCommunities }) => writeAll(extendedCommunities, community.writeExtendedCommunity)
    }
  ],
  [
    Type.as4Path,
    {
      ...multipleOf(2),
      flags: OPTIONAL_TRANSITIVE,
      malformed: "attribute-discard",
      unexpected: twoOctetPeersOnly,
      read: (r, into) => {
        const path = readAsPath(r, true)
        if (typeof path === "string") return fault(UpdateError.optionalAttribute, path)
        into.as4Path = withoutConfederation(path)
        return undefined
      },
      write: ({ asPath }, ctx) =>
        ctx.as4 || asPath === undefined || !needsAs4Path(withoutConfederation(asPath))
          ? undefined
          : writeAsPath(withoutConfederation(asPath), true)
    }
  ],
  [
    Type.as4Aggregator,
    {
      ...exactly(8),
      flags: OPTIONAL_TRANSITIVE,
      malformed: "attribute-discard",
      unexpected: twoOctetPeersOnly,
      read: (r, into) => {
        const asn = r.u32()
        if (asn === 0) return AGGREGATOR_OF_AS_0
        into.as4Aggregator = aggregator(asn, r)
        return undefined
      },
      write: ({ aggregator: value }, ctx) =>
        ctx.as4 || value === undefined || value.asn <= 0xffff ? undefined : writeAggregator(value, true)
    }
  ],
  [
    Type.largeCommunities,
    {
      ...multipleOf(12),
      flags: OPTIONAL_TRANSITIVE,
      malformed: "treat-as-withdraw",
      read: (r, into) => {
        into.largeCommunities = readAll(r, community.readLargeCommunity)
        return undefined
      },
      write: ({ largeCommunities }) => writeAll(largeCommunities, community.writeLargeCommunity)
    }
  ],
  [
    Type.otc,
    {
      ...exactly(4),
      flags: OPTIONAL_TRANSITIVE,
      malformed: "treat-as-withdraw",
      read: (r, into) => {
        into.otc = r.u32()
        return undefined
      },
      write: ({ otc }) => u32(otc)
    }
  ]
])
