// Where the cluster's state lies in the store, and what the values look like (D4). Keys stand below one prefix per cluster.
//
//   nodes/<node>        lease   the node's own record (Member)
//   claims/<address>    lease   { node }: who holds an address that moves; its generation is the key's create revision
//   allocations/<ip>            who has a service address (Binding)
//   resting/<ip>                a service address that nobody gets yet (RestingAddress)
//   allocator                   changes with every allocation: what allocations are compared and swapped on
//   drain/<node>                the node is drained
//   status/<node>       lease   how the node does (NodeSummary)
//   config/current              which config is in force (ConfigRevision); its documents, and those of before: revisions.ts
//
// Values are JSON. A value that this version cannot read is passed over and told, never an error: a newer node may have
// written it.
import { Result, Schema } from "effect"
import type { Claim } from "../election/types.ts"
import type { Binding, RestingAddress } from "../ipam/types.ts"
import { type Address, parseAddress } from "../net/ip.ts"
import type { ClusterView, ConfigRevision, Member, NodeSummary } from "../plan/view.ts"

export const nodeKey = (node: string): string => `nodes/${node}`
export const claimKey = (address: Address): string => `claims/${address}`
export const allocationKey = (address: Address): string => `allocations/${address}`
export const restingKey = (address: Address): string => `resting/${address}`
export const drainKey = (node: string): string => `drain/${node}`
export const allocatorKey = "allocator"
export const statusKey = (node: string): string => `status/${node}`
export const configKey = "config/current"

const AddressText = Schema.declare((u: unknown): u is Address => typeof u === "string" && parseAddress(u) === u)

const MemberRecord = Schema.Struct({
  name: Schema.String,
  address: AddressText,
  addresses: Schema.Array(Schema.Struct({ address: AddressText, prefixLength: Schema.Int, interface: Schema.String })),
  macs: Schema.Record(Schema.String, Schema.String),
  nextHops: Schema.Struct({ ipv4: Schema.optionalKey(AddressText), ipv6: Schema.optionalKey(AddressText) }),
  version: Schema.String,
  configHash: Schema.String,
  startedAt: Schema.String,
  leaving: Schema.optionalKey(Schema.Boolean)
})

const ClaimRecord = Schema.Struct({ node: Schema.String })

const BindingRecord = Schema.Struct({
  address: AddressText,
  pool: Schema.String,
  owners: Schema.Array(
    Schema.Struct({
      service: Schema.String,
      ports: Schema.Array(Schema.Struct({ protocol: Schema.Literals(["TCP", "UDP", "SCTP"]), port: Schema.Int })),
      sharingKey: Schema.optionalKey(Schema.String)
    })
  )
})

const RestingRecord = Schema.Struct({ address: AddressText, service: Schema.String, until: Schema.Number })

const states = ["Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established"] as const

const FailureRecord = Schema.Struct({
  type: Schema.Literals(["timeout", "refused", "unreachable", "reset", "closed", "sent", "received", "local"]),
  in: Schema.Literals(states),
  at: Schema.String,
  text: Schema.String,
  notification: Schema.optionalKey(
    Schema.Struct({ code: Schema.Int, subcode: Schema.Int, data: Schema.optionalKey(Schema.String) })
  )
})

const OpenRecord = Schema.Struct({
  at: Schema.String,
  asn: Schema.Number,
  holdTime: Schema.Number,
  routerId: Schema.String,
  capabilities: Schema.Array(Schema.String)
})

const SessionRecord = Schema.Struct({
  name: Schema.String,
  purpose: Schema.Literals(["control-plane", "service"]),
  localAsn: Schema.Number,
  peerAsn: Schema.Number,
  localAddress: Schema.String,
  peerAddress: Schema.String,
  peerPort: Schema.Int,
  state: Schema.Literals(states),
  since: Schema.String,
  reason: Schema.optionalKey(Schema.String),
  flaps: Schema.Int,
  lastFailure: Schema.optionalKey(FailureRecord),
  lastOpen: Schema.optionalKey(OpenRecord),
  passwordFile: Schema.optionalKey(Schema.String),
  ttlSecurity: Schema.optionalKey(Schema.Int),
  advertised: Schema.Int,
  received: Schema.Int
})

const RouteRecord = Schema.Struct({
  nextHops: Schema.Array(Schema.String),
  sessions: Schema.Array(Schema.Int),
  routes: Schema.Array(Schema.Tuple([Schema.String, Schema.String]))
})

const SummaryRecord = Schema.Struct({
  node: Schema.String,
  ready: Schema.Boolean,
  summary: Schema.String,
  sessions: Schema.Struct({ established: Schema.Int, expected: Schema.Int }),
  held: Schema.Array(AddressText),
  reportedAt: Schema.optionalKey(Schema.String),
  bgp: Schema.optionalKey(
    Schema.Struct({
      sessions: Schema.Array(SessionRecord),
      routes: Schema.Array(RouteRecord),
      more: Schema.Int,
      conflicts: Schema.optionalKey(Schema.Array(Schema.Struct({ address: Schema.String, reason: Schema.String })))
    })
  )
})

const ConfigRecord = Schema.Struct({
  revision: Schema.Int,
  hash: Schema.String,
  node: Schema.String,
  at: Schema.String,
  by: Schema.optionalKey(Schema.String),
  origin: Schema.optionalKey(Schema.Literals(["file", "api", "apply", "rollback", "unconfirmed"])),
  message: Schema.optionalKey(Schema.String),
  summary: Schema.optionalKey(Schema.String),
  unconfirmed: Schema.optionalKey(Schema.Struct({ until: Schema.String, rollbackTo: Schema.Int }))
})

export const summaryValue = (summary: NodeSummary): string => JSON.stringify(summary)
export const configValue = (config: ConfigRevision): string => JSON.stringify(config)
export const memberValue = (member: Member): string => JSON.stringify(member)
export const claimValue = (node: string): string => JSON.stringify({ node })
export const bindingValue = (binding: Binding): string => JSON.stringify(binding)
export const restingValue = (resting: RestingAddress): string => JSON.stringify(resting)

/** What of a store's entry is needed here. */
export interface Entry {
  readonly key: string
  readonly value: string
  readonly createRevision: number
}

const reader =
  <S extends Schema.Codec<unknown, unknown>>(schema: S) =>
  (entry: Entry): S["Type"] | undefined => {
    const read = Schema.decodeUnknownResult(Schema.fromJsonString(schema))(entry.value)
    return Result.isSuccess(read) ? read.success : undefined
  }

const readMember = reader(MemberRecord)
const readClaim = reader(ClaimRecord)
const readBinding = reader(BindingRecord)
const readResting = reader(RestingRecord)
const readSummary = reader(SummaryRecord)
const readConfig = reader(ConfigRecord)

type Item =
  | { readonly type: "member"; readonly value: Member }
  | { readonly type: "claim"; readonly value: Claim }
  | { readonly type: "binding"; readonly value: Binding }
  | { readonly type: "resting"; readonly value: RestingAddress }
  | { readonly type: "drain"; readonly value: string }
  | { readonly type: "summary"; readonly value: NodeSummary }
  | { readonly type: "config"; readonly value: ConfigRevision }
  | { readonly type: "other" }
  | { readonly type: "unreadable" }

const unreadable: Item = { type: "unreadable" }
const item = <T extends Item["type"], V>(type: T, value: V | undefined) =>
  value === undefined ? unreadable : ({ type, value } as { readonly type: T; readonly value: V })

const claimOf = (entry: Entry, address: Address | undefined): Claim | undefined => {
  const record = readClaim(entry)
  return record === undefined || address === undefined
    ? undefined
    : { address, node: record.node, generation: entry.createRevision }
}

const readEntry = (entry: Entry): Item => {
  const slash = entry.key.indexOf("/")
  const rest = entry.key.slice(slash + 1)
  switch (entry.key.slice(0, Math.max(0, slash))) {
    case "nodes":
      return item("member", readMember(entry))
    case "claims":
      return item("claim", claimOf(entry, parseAddress(rest)))
    case "allocations":
      return item("binding", readBinding(entry))
    case "resting":
      return item("resting", readResting(entry))
    case "drain":
      return { type: "drain", value: rest }
    case "status":
      return item("summary", readSummary(entry))
    case "config":
      return entry.key === configKey ? item("config", readConfig(entry)) : { type: "other" }
    default:
      return { type: "other" }
  }
}

/** An entry is read once: entries are values and do not change. */
const known = new WeakMap<Entry, Item>()
const itemOf = (entry: Entry): Item => {
  const before = known.get(entry)
  if (before !== undefined) return before
  const read = readEntry(entry)
  known.set(entry, read)
  return read
}

/** What `entries` say of the cluster, and the keys that could not be read. In the order of the keys. */
export const viewOf = (
  entries: Iterable<Entry>
): { readonly view: ClusterView; readonly unreadable: ReadonlyArray<string> } => {
  const members: Array<Member> = []
  const claims: Array<Claim> = []
  const bindings: Array<Binding> = []
  const resting: Array<RestingAddress> = []
  const drained: Array<string> = []
  const summaries: Array<NodeSummary> = []
  let config: ConfigRevision | undefined
  const bad: Array<string> = []
  for (const entry of [...entries].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))) {
    const read = itemOf(entry)
    if (read.type === "member") members.push(read.value)
    else if (read.type === "claim") claims.push(read.value)
    else if (read.type === "binding") bindings.push(read.value)
    else if (read.type === "resting") resting.push(read.value)
    else if (read.type === "drain") drained.push(read.value)
    else if (read.type === "summary") summaries.push(read.value)
    else if (read.type === "config") config = read.value
    else if (read.type === "unreadable") bad.push(entry.key)
  }
  const view = { members, claims, bindings, resting, drained, summaries, ...(config === undefined ? {} : { config }) }
  return { view, unreadable: bad }
}
