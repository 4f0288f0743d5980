// Messages as JSON that somebody wrote: the shapes of types.ts as schemas, so that `viaduct encode` can say what is wrong
// and where. Ranges are those of the fields on the wire (RFC 4271 section 4). What a schema cannot see, such as a
// community that is no number or two next hops in one message, the encoder refuses.
import { Result, Schema, SchemaIssue } from "effect"
import { parseAddress, parsePrefix } from "../../net/ip.ts"
import type { Message } from "./types.ts"

const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))
const u8 = upTo(0xff)
const u16 = upTo(0xffff)
const u32 = upTo(0xffffffff)
const optional = Schema.optionalKey
const texts = Schema.Array(Schema.String)

const hex = Schema.String.check(
  Schema.makeFilter((text) => /^(?:[0-9a-fA-F]{2})*$/.test(text) || "expected an even number of hex digits")
)
const address = Schema.String.check(
  Schema.makeFilter((text) => parseAddress(text) !== undefined || "expected an IPv4 or IPv6 address")
)
const prefix = Schema.String.check(
  Schema.makeFilter(
    (text) => parsePrefix(text) !== undefined || 'expected a prefix like "10.0.0.8/32", no host bits set'
  )
)

const afiSafi = { afi: u16, safi: u8 }
const code = <C extends number, N extends string>(number: C, name: N) => ({
  code: Schema.Literals([number]),
  name: Schema.Literals([name])
})
const marked = { ...afiSafi, forwardingPreserved: Schema.Boolean }

const capability = Schema.Union([
  Schema.Struct({ ...code(1, "multiprotocol"), ...afiSafi, family: optional(Schema.String) }),
  Schema.Struct(code(2, "route-refresh")),
  Schema.Struct({
    ...code(5, "extended-next-hop"),
    families: Schema.Array(Schema.Struct({ afi: u16, safi: u16, nextHopAfi: u16 }))
  }),
  Schema.Struct(code(6, "extended-message")),
  Schema.Struct({
    ...code(9, "role"),
    role: Schema.Union([Schema.Literals(["provider", "route-server", "route-server-client", "customer", "peer"]), u8])
  }),
  Schema.Struct({
    ...code(64, "graceful-restart"),
    restarting: Schema.Boolean,
    notification: Schema.Boolean,
    restartTime: upTo(4095),
    families: Schema.Array(Schema.Struct(marked))
  }),
  Schema.Struct({ ...code(65, "four-octet-as"), asn: u32 }),
  Schema.Struct({
    ...code(69, "add-path"),
    families: Schema.Array(
      Schema.Struct({ ...afiSafi, mode: Schema.Union([Schema.Literals(["receive", "send", "both"]), u8]) })
    )
  }),
  Schema.Struct(code(70, "enhanced-route-refresh")),
  Schema.Struct({
    ...code(71, "long-lived-graceful-restart"),
    families: Schema.Array(Schema.Struct({ ...marked, staleTime: upTo(0xffffff) }))
  }),
  Schema.Struct({ ...code(73, "fqdn"), hostname: Schema.String, domain: Schema.String }),
  Schema.Struct({ code: u8, name: Schema.Literals(["unknown", "route-refresh-cisco"]), value: hex })
])

const asns = Schema.Array(u32).check(Schema.isMinLength(1))
const asPath = Schema.Array(
  Schema.Union([
    asns,
    Schema.Struct({ set: asns }),
    Schema.Struct({ confedSequence: asns }),
    Schema.Struct({ confedSet: asns })
  ])
)

const attributes = Schema.Struct({
  origin: optional(Schema.Literals(["igp", "egp", "incomplete"])),
  asPath: optional(asPath),
  med: optional(u32),
  localPref: optional(u32),
  atomicAggregate: optional(Schema.Literals([true])),
  aggregator: optional(Schema.Struct({ asn: u32, address })),
  communities: optional(texts),
  originatorId: optional(address),
  clusterList: optional(Schema.Array(address)),
  extendedCommunities: optional(texts),
  largeCommunities: optional(texts),
  otc: optional(u32),
  unknown: optional(Schema.Array(Schema.Struct({ type: u8, flags: u8, value: hex })))
})

const withdrawal = { prefix, pathId: optional(u32), multiprotocol: optional(Schema.Literals([true])) }

const type = <T extends Message["type"]>(name: T) => ({ type: Schema.Literals([name]) })

const byType = {
  OPEN: Schema.Struct({
    ...type("OPEN"),
    version: u8,
    asn: u32,
    holdTime: u16,
    routerId: address,
    capabilities: Schema.Array(capability)
  }),
  UPDATE: Schema.Struct({
    ...type("UPDATE"),
    announce: Schema.Array(Schema.Struct({ ...withdrawal, nextHop: address, linkLocal: optional(address) })),
    withdraw: Schema.Array(Schema.Struct(withdrawal)),
    endOfRib: optional(Schema.Literals(["ipv4-unicast", "ipv6-unicast"])),
    attributes
  }),
  NOTIFICATION: Schema.Struct({
    ...type("NOTIFICATION"),
    code: u8,
    subcode: u8,
    name: optional(Schema.String),
    message: optional(Schema.String),
    data: optional(hex),
    hardReset: optional(Schema.Struct({ code: u8, subcode: u8, name: optional(Schema.String) }))
  }),
  KEEPALIVE: Schema.Struct(type("KEEPALIVE")),
  "ROUTE-REFRESH": Schema.Struct({
    ...type("ROUTE-REFRESH"),
    afi: u16,
    safi: u8,
    subtype: Schema.Union([Schema.Literals(["request", "begin", "end"]), u8])
  })
} as const

const isType = (value: unknown): value is Message["type"] => typeof value === "string" && Object.hasOwn(byType, value)

const place = (path: ReadonlyArray<PropertyKey>): string =>
  path
    .map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`))
    .join("")
    .replace(/^\./, "")

const format = SchemaIssue.makeFormatterStandardSchemaV1()

/** The message that `json` describes, or what is wrong with it, one text for each mistake: "announce[0].prefix: …". */
export const messageFromJson = (json: unknown): { readonly message: Message } | { readonly problems: string[] } => {
  const name = typeof json === "object" && json !== null && "type" in json ? json.type : undefined
  if (!isType(name)) return { problems: [`type: expected one of ${Object.keys(byType).join(", ")}`] }
  const schema = byType[name] as Schema.Codec<unknown>
  const result = Schema.decodeUnknownResult(schema)(json, { errors: "all", onExcessProperty: "error" })
  if (Result.isSuccess(result)) return { message: result.success as Message }
  const { issues } = format(result.failure.issue)
  return {
    problems: issues.map((issue) => {
      const at = place((issue.path ?? []).map((part) => (typeof part === "object" ? part.key : part)))
      return at === "" ? issue.message : `${at}: ${issue.message}`
    })
  }
}
