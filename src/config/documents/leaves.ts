// The values at the ends of the documents, as schemas: addresses, prefixes, AS numbers, ports, times, communities.
// Each says in its `expected` annotation what belongs there, which is what an operator reads when something else
// is found. Addresses and prefixes decode to their canonical form. RFC 7607 (AS 0), RFC 6793 (AS 23456), RFC 7300
// (last AS numbers), RFC 4271 4.2 (hold time), RFC 5082 (GTSM), RFC 1997 and RFC 8092 (communities).
import { Effect, Schema, SchemaIssue, SchemaTransformation } from "effect"
import { type Address, addressBytes, type Prefix, parseAddress, parsePrefix, prefixFromBytes } from "../../net/ip.ts"

/** A mapping that is not ours as a whole: what it has beyond `fields` passes. */
export const open = <Fields extends Schema.Struct.Fields>(fields: Fields) =>
  Schema.StructWithRest(Schema.Struct(fields), [Schema.Record(Schema.String, Schema.Unknown)])

/** Text with a meaning: decodes with `parse`; what that refuses is an error with `explain` as its message. */
const textOf = <T extends string>(
  expected: string,
  parse: (text: string) => T | undefined,
  explain: (text: string) => string
) =>
  Schema.String.annotate({ expected, description: expected }).pipe(
    Schema.decodeTo(
      Schema.declare((u: unknown): u is T => typeof u === "string", { expected }),
      SchemaTransformation.transformEffect({
        decode: (text: string) => {
          const value = parse(text)
          return value === undefined
            ? Effect.fail(new SchemaIssue.InvalidValue({ message: explain(text) }))
            : Effect.succeed(value)
        },
        encode: (value: T) => Effect.succeed<string>(value)
      })
    )
  )

export const AddressText = textOf<Address>("an IPv4 or IPv6 address", parseAddress, (text) =>
  text.includes("/") ? "is a prefix, not an address" : "is not an address"
)

const explainPrefix = (text: string): string => {
  const slash = text.indexOf("/")
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash))
  const length = Number(text.slice(slash + 1))
  if (address === undefined) return "is not a prefix"
  if (slash < 0) return "has no prefix length"
  const bytes = addressBytes(address)
  if (!Number.isInteger(length) || length < 0 || length > bytes.length * 8) return "has no valid prefix length"
  return `has host bits set: the prefix is ${prefixFromBytes(bytes, length)}`
}

export const PrefixText = textOf<Prefix>("a prefix like 10.96.0.0/16 or fd00::/112", parsePrefix, explainPrefix)

const AS_MAX = 0xffffffff
const asnReason = (asn: number): true | string => {
  if (asn === 0) return "AS number 0 is reserved (RFC 7607)"
  if (asn === 23456) return "AS number 23456 is AS_TRANS, which no network has (RFC 6793)"
  if (asn === 65535 || asn === AS_MAX) return `AS number ${asn} is reserved (RFC 7300)`
  return (asn >= 1 && asn <= AS_MAX) || "is out of the range of AS numbers"
}

/** Private and documentation AS numbers are fine. The `asn` annotation lets the reader of issues recognize asdot. */
export const Asn = Schema.Int.check(
  Schema.makeFilter(asnReason),
  Schema.isBetween({ minimum: 1, maximum: AS_MAX - 1 })
).annotate({ expected: "an AS number from 1 to 4294967294 in plain form", asn: true })

/** An integer between two bounds, both included. */
export const intBetween = (minimum: number, maximum: number, unit = "") => {
  const expected = `an integer from ${minimum} to ${maximum}${unit}`
  return Schema.Int.check(Schema.isBetween({ minimum, maximum })).annotate({ expected })
}

export const Port = intBetween(1, 65535)

export const HoldTime = Schema.Int.check(
  Schema.makeFilter((n: number) => n === 0 || (n >= 3 && n <= 65535), { expected: "0, or 3 to 65535 seconds" })
).annotate({ expected: "0, or 3 to 65535 seconds" })

export const TtlSecurity = Schema.Union([Schema.Literal(true), intBetween(1, 254)]).annotate({
  expected: "true, or the number of hops from 1 to 254"
})

export const AbsolutePath = Schema.String.check(
  Schema.makeFilter((text: string) => text.startsWith("/") && text.length > 1)
).annotate({ expected: "an absolute path of a file" })

const numbersUpTo = (text: string, count: number, max: number): boolean => {
  const parts = text.split(":")
  return parts.length === count && parts.every((part) => /^(?:0|[1-9]\d{0,9})$/.test(part) && Number(part) <= max)
}

export const Community = Schema.String.check(Schema.makeFilter((text: string) => numbersUpTo(text, 2, 65535))).annotate(
  {
    expected: "a community like 65001:100, both halves up to 65535"
  }
)

export const LargeCommunity = Schema.String.check(
  Schema.makeFilter((text: string) => numbersUpTo(text, 3, AS_MAX))
).annotate({ expected: "a large community like 65001:1:2, each part up to 4294967295" })

/** Names stand in paths, on terminals and in files; Kubernetes is narrower, and its own names all pass. */
export const Name = Schema.String.check(
  Schema.makeFilter(
    (text: string) => text.trim() !== "" && text.length <= 253 && !/[/\\\p{Cc}\p{Zl}\p{Zp}]/u.test(text)
  )
).annotate({
  expected: "a name of at most 253 characters, without slashes and control characters"
})

export const Labels = Schema.Record(
  Schema.String,
  Schema.String.annotate({ expected: 'text; write true, false and numbers in quotes, as in "true"' })
)
