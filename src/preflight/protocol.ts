// What the preflight asks of a node, and what the node answers: the same of a running daemon and of `viaduct agent`. A request opens a
// stream of events, and what it does lasts as long as the stream and as long as its run is kept alive by the operator's side,
// whichever ends first; addresses have a kernel lifetime besides. So nothing outlives an interrupted run (S25, S27).
import { Schema } from "effect"
import { type Address, type Prefix, parseAddress, parsePrefix } from "../net/ip.ts"

const AddressText = Schema.String.pipe(
  Schema.refine((text): text is Address => parseAddress(text) === text, { expected: "an address in canonical form" })
)
const PrefixText = Schema.String.pipe(
  Schema.refine((text): text is Prefix => parsePrefix(text) === text, { expected: "a prefix in canonical form" })
)
const Family = Schema.Literals(["ipv4", "ipv6"])
const Strings = Schema.Array(Schema.String)
const Port = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 65535 }))
const Milliseconds = Schema.Number.check(Schema.isBetween({ minimum: 1, maximum: 120_000 }))

/** Seconds without word from the operator's side after which a node ends what a run does there. */
export const RUN_LEASE_SECONDS = 6
/** How often the operator's side sends word, in ms. */
export const KEEP_EVERY_MS = 1_500
/** Kernel lifetime of an address that is put on a node, and how often it is given anew. */
export const ADDRESS_SECONDS = 3
/** Longest that one request may last, in seconds. */
export const REQUEST_SECONDS_MAX = 600

const LocalAddress = Schema.Struct({
  address: AddressText,
  prefixLength: Schema.Int,
  interface: Schema.String
})

/** A session that a daemon holds, as its status has it. */
const LiveSession = Schema.Struct({
  name: Schema.String,
  localAddress: Schema.String,
  peerAddress: Schema.String,
  state: Schema.String,
  reason: Schema.optionalKey(Schema.String),
  advertised: Schema.Int,
  notes: Strings
})

/** A node as it is. */
export const Facts = Schema.Struct({
  kind: Schema.Literals(["agent", "daemon"]),
  hostname: Schema.String,
  version: Schema.String,
  /** Of the kernel. */
  kernel: Schema.String,
  /** Milliseconds since 1970 by the node's clock. */
  clockMs: Schema.Number,
  addresses: Schema.Array(Schema.Struct({ ...LocalAddress.fields, ours: Schema.Boolean })),
  interfaces: Schema.Array(
    Schema.Struct({ name: Schema.String, mac: Schema.String, up: Schema.Boolean, mtuOctets: Schema.Int })
  ),
  /** Capabilities of the process that the data path needs and it has: NET_ADMIN, NET_RAW, NET_BIND_SERVICE. */
  rights: Strings,
  /** What the kernel can do: `tcp-md5`, `ipv6`. */
  support: Strings,
  /** Addresses on whose port 179 somebody listens; "0.0.0.0" and "::" mean all. */
  bgpListeners: Strings,
  /** Connections to port 179 of somebody else that this node has, whoever made them. */
  bgpConnections: Schema.Array(Schema.Struct({ localAddress: Schema.String, peerAddress: Schema.String })),
  /** Present in a daemon: what the cluster is doing there, which a preflight leaves alone. */
  live: Schema.optionalKey(
    Schema.Struct({
      sessions: Schema.Array(LiveSession),
      /** Addresses that the cluster has or moves: nobody may probe for them or put them anywhere. */
      reserved: Strings
    })
  )
})
export type Facts = typeof Facts.Type

const SessionTest = Schema.Struct({
  localAddress: AddressText,
  peerAddress: AddressText,
  peerPort: Port,
  localAsn: Schema.Int,
  peerAsn: Schema.Int,
  routerId: AddressText,
  holdTime: Schema.Int,
  keepaliveTime: Schema.Int,
  connectRetryTime: Schema.Int,
  passive: Schema.Boolean,
  ttlSecurity: Schema.optionalKey(Schema.Int),
  /** A file of the node; the key never leaves it (I10). */
  passwordFile: Schema.optionalKey(Schema.String),
  addPaths: Schema.optionalKey(Schema.Literal(true)),
  families: Schema.Array(Family)
})
export type SessionTest = typeof SessionTest.Type

const Route = Schema.Struct({
  name: Schema.String,
  prefix: PrefixText,
  nextHop: AddressText,
  pathId: Schema.optionalKey(Schema.Int),
  single: Schema.optionalKey(Schema.Boolean),
  med: Schema.optionalKey(Schema.Int),
  communities: Schema.optionalKey(Strings),
  largeCommunities: Schema.optionalKey(Strings),
  reason: Schema.String
})

/** What a run is called at the nodes. */
export const RunName = Schema.String.check(Schema.isPattern(/^[\w-]{1,64}$/))
const run = { run: RunName }

/** What lasts has a name within its run, for `end` and `routes`. */
const lasting = { ...run, id: Schema.String }

/** Opens a session and holds it. */
const BgpRequest = Schema.TaggedStruct("bgp", { ...lasting, session: SessionTest })
/** From now on the session `id` announces exactly these. Ends when they have left for the peer. */
const RoutesRequest = Schema.TaggedStruct("routes", { ...lasting, routes: Schema.Array(Route) })
/** Puts an address on an interface. `announce`: tells the segment (gratuitous ARP, unsolicited NA). */
const AddressRequest = Schema.TaggedStruct("address", { ...lasting, ...LocalAddress.fields, announce: Schema.Boolean })
/** Ends what lasts under this name; ready when nothing of it is left. */
const EndRequest = Schema.TaggedStruct("end", lasting)
/** Answers TCP at an address of the node with a nonce, on any port unless one is given. Only `from` are answered. */
const AnswerRequest = Schema.TaggedStruct("answer", {
  ...lasting,
  address: AddressText,
  port: Schema.optionalKey(Port),
  nonce: Schema.String,
  from: Schema.Array(AddressText)
})
/** Asks until somebody answers with the nonce or the time is up, over a new connection each time. */
const ProbeRequest = Schema.TaggedStruct("probe", {
  ...run,
  target: AddressText,
  port: Port,
  source: AddressText,
  nonce: Schema.String,
  withinMs: Milliseconds
})
/** Connects so many times, each from another port, and counts who answers with which nonce. */
const SurveyRequest = Schema.TaggedStruct("survey", {
  ...run,
  target: AddressText,
  port: Port,
  source: AddressText,
  connections: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 256 }))
})
/** Pings; `attempts` until one is answered. */
const PingRequest = Schema.TaggedStruct("ping", {
  ...run,
  target: AddressText,
  source: Schema.optionalKey(AddressText),
  attempts: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 20 })),
  timeoutMs: Milliseconds
})
/** The largest packet that reaches the target in one piece and is answered; `octetsMax` is tried first. */
const MtuRequest = Schema.TaggedStruct("mtu", {
  ...run,
  target: AddressText,
  source: AddressText,
  octetsMax: Schema.Int.check(Schema.isBetween({ minimum: 576, maximum: 65535 })),
  timeoutMs: Milliseconds
})
/** Asks the segment who has the addresses (RFC 5227, duplicate address detection). */
const NeighboursRequest = Schema.TaggedStruct("neighbours", {
  ...run,
  interface: Schema.String,
  addresses: Schema.Array(AddressText).check(Schema.isMaxLength(256))
})
/** Connects over TCP, whoever answers, and closes. */
const ConnectRequest = Schema.TaggedStruct("connect", {
  ...run,
  target: AddressText,
  port: Port,
  timeoutMs: Milliseconds
})

export const PreflightRequest = Schema.Union([
  BgpRequest,
  RoutesRequest,
  AddressRequest,
  EndRequest,
  AnswerRequest,
  ProbeRequest,
  SurveyRequest,
  PingRequest,
  MtuRequest,
  NeighboursRequest,
  ConnectRequest
])
export type PreflightRequest = typeof PreflightRequest.Type
export type RequestOf<T extends PreflightRequest["_tag"]> = Extract<PreflightRequest, { readonly _tag: T }>

/** What is known of a session at a moment. */
const SessionEvent = Schema.TaggedStruct("session", {
  state: Schema.Literals(["Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established"]),
  /** The furthest that it ever came: TCP stands from OpenSent on. */
  furthest: Schema.Literals(["Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established"]),
  reason: Schema.optionalKey(Schema.String),
  lastNotification: Schema.optionalKey(Schema.String),
  negotiated: Schema.optionalKey(
    Schema.Struct({
      holdTime: Schema.Int,
      families: Strings,
      peerCapabilities: Strings,
      /** Families in which the peer receives additional paths. */
      addPathSend: Strings
    })
  )
})
export type SessionEvent = typeof SessionEvent.Type

export const PreflightEvent = Schema.Union([
  SessionEvent,
  /** It is as asked for: the address is on the node, the routes have left for the peer. */
  Schema.TaggedStruct("ready", {}),
  /** Answers at this port. */
  Schema.TaggedStruct("listening", { port: Port }),
  /** What came of a probe. `said`: the nonce of who answered last, where it is not the one that was expected. */
  Schema.TaggedStruct("probed", {
    reached: Schema.Boolean,
    tookMs: Schema.Number,
    attempts: Schema.Int,
    said: Schema.optionalKey(Schema.String),
    reason: Schema.optionalKey(Schema.String)
  }),
  /** What came of a survey: nonces with how often each was heard, and how many connections nobody answered. */
  Schema.TaggedStruct("surveyed", {
    answers: Schema.Array(Schema.Struct({ nonce: Schema.String, count: Schema.Int })),
    lost: Schema.Int,
    reason: Schema.optionalKey(Schema.String)
  }),
  Schema.TaggedStruct("pinged", { answered: Schema.Boolean, reason: Schema.optionalKey(Schema.String) }),
  /** `octets` 0: nothing was answered, not even the smallest. `blackHole`: what is larger vanishes without a word. */
  Schema.TaggedStruct("mtu", { octets: Schema.Int, blackHole: Schema.Boolean }),
  Schema.TaggedStruct("neighbours", {
    owners: Schema.Array(Schema.Struct({ address: Schema.String, mac: Schema.String }))
  }),
  Schema.TaggedStruct("connected", { tookMs: Schema.Number }),
  /** It is not done, or not any more; the stream ends. */
  Schema.TaggedStruct("refused", { reason: Schema.String }),
  /** Nothing happened; told every second, so that a broken connection shows. */
  Schema.TaggedStruct("alive", {})
])
export type PreflightEvent = typeof PreflightEvent.Type
export type EventOf<T extends PreflightEvent["_tag"]> = Extract<PreflightEvent, { readonly _tag: T }>

/** What a node does for a preflight: in the daemon and in the agent this process, for the operator's side over HTTP. */
export interface PreflightNode {
  readonly facts: () => Promise<Facts>
  /** Does it until the signal aborts, the run is over, or it has ended by itself. */
  readonly perform: (request: PreflightRequest, signal: AbortSignal) => AsyncIterable<PreflightEvent>
  /** The run goes on: another RUN_LEASE_SECONDS. */
  readonly keep: (run: string) => Promise<void>
}
