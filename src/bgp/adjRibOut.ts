// Adj-RIB-Out: what a peer was told, what it shall be told, and the UPDATEs between the two. RFC 4271 3.2, 5.1 and 9.2,
// End-of-RIB RFC 4724 section 2, refresh RFC 2918 and RFC 7313, paths RFC 7911. Design D10: sessions with the same
// context, the same table and the same wanted routes share one encoding. Invariants: an equal wanted set makes no message
// (I5); withdrawals go first; a route that cannot be sent is returned with its reason, not dropped silently (I9).
import { type Address, addressBytes, type Family, familyOf, type Prefix } from "../net/ip.ts"
import { attributesToWrite } from "./attribute/list.ts"
import type { Attributes } from "./attribute/types.ts"
import { encodeMessage } from "./codec.ts"
import type { CodecContext } from "./context.ts"
import { Unencodable } from "./errors.ts"
import { Afi, Safi } from "./iana.ts"
import { withdrawalOf } from "./message/multiprotocol.ts"
import type { Announcement } from "./message/types.ts"
import { packAnnouncements, packWithdrawals } from "./packing.ts"

/** A path as it goes to a peer. */
export interface Route {
  readonly prefix: Prefix
  readonly nextHop: Address
  /** Ignored where ADD-PATH was not negotiated; made from the next hop where it was and there is none. */
  readonly pathId?: number
  readonly attributes: Attributes
}

/** What a planner says about a path, before a session's own attributes are put to it. */
export interface ExportablePath {
  readonly prefix: Prefix
  readonly nextHop: Address
  readonly pathId?: number
  readonly med?: number
  readonly communities?: ReadonlyArray<string>
  readonly largeCommunities?: ReadonlyArray<string>
}

interface Entry {
  readonly announcement: Announcement
  readonly attributes: Attributes
  /** Equal for routes that can share a message: family, next hop and the octets of the attributes. */
  readonly group: string
}

/** What the peer was told. Immutable: each step gives a new one. Keys name prefix and path. */
export type Sent = ReadonlyMap<string, Entry>

/** What a peer knows at the start of a session. */
export const emptyTable: Sent = new Map()

export interface Unsent {
  readonly route: Route
  readonly reason: string
}

export interface Advance {
  readonly messages: ReadonlyArray<Uint8Array>
  readonly sent: Sent
  readonly unsent: ReadonlyArray<Unsent>
}

/** How one direction of a session is encoded and which families it carries. */
export interface SendContext {
  readonly ctx: CodecContext
  readonly families: ReadonlyArray<Family>
}

/** Default LOCAL_PREF towards peers in the same AS (RFC 4271 9.1.1 leaves the value to the speaker). */
const LOCAL_PREF = 100

/**
 * The route of a path as this speaker originates it (RFC 4271 5.1.2, 5.1.5): to another AS with an AS_PATH of its own AS
 * number and no LOCAL_PREF, within the AS with an empty AS_PATH and LOCAL_PREF 100.
 */
export const exportRoute = (
  path: ExportablePath,
  { localAsn, peerAsn }: { readonly localAsn: number; readonly peerAsn: number }
): Route => {
  const { prefix, nextHop, pathId, med } = path
  const communities = inOrder(path.communities)
  const largeCommunities = inOrder(path.largeCommunities)
  const scope = localAsn === peerAsn ? { asPath: [], localPref: LOCAL_PREF } : { asPath: [[localAsn]] }
  return {
    prefix,
    nextHop,
    ...(pathId === undefined ? {} : { pathId }),
    attributes: {
      origin: "igp",
      ...scope,
      ...(med === undefined ? {} : { med }),
      ...(communities === undefined ? {} : { communities }),
      ...(largeCommunities === undefined ? {} : { largeCommunities })
    }
  }
}

/** The route with the longest encoding. */
const probe = (ctx: CodecContext): Announcement => ({
  prefix: "::/128" as Prefix,
  nextHop: "2001:db8::1" as Address,
  ...(ctx.addPath.ipv6 ? { pathId: 0 } : {})
})

/** Attributes as text, equal where their octets are; or why they have none. */
const attributesKey = (
  attributes: Attributes,
  ctx: CodecContext
): { readonly key: string } | { readonly reason: string } => {
  try {
    // A message with one route tells whether the set fits into any.
    packAnnouncements([probe(ctx)], attributes, ctx)
    const written = attributesToWrite(attributes, ctx)
    return { key: written.map(({ type, flags, value }) => `${type}.${flags}.${value.toHex()}`).join() }
  } catch (cause) {
    if (cause instanceof Unencodable) return { reason: cause.message }
    throw cause
  }
}

/** Why the session cannot carry the route, or undefined where it can. */
const obstacle = (route: Route, { ctx, families }: SendContext): string | undefined => {
  const family = familyOf(route.prefix)
  if (!families.includes(family)) return `the peer did not agree to ${family} routes`
  const nextHopFamily = familyOf(route.nextHop)
  if (family === nextHopFamily) return undefined
  if (family === "ipv6") return "an IPv6 route needs an IPv6 next hop"
  return ctx.extendedNextHop ? undefined : "the peer does not accept IPv6 next hops for IPv4 routes (RFC 8950)"
}

/** The last 32 bits of the next hop: stable, and different for the nodes of a subnet. */
const pathIdOf = (nextHop: Address): number =>
  addressBytes(nextHop)
    .subarray(-4)
    .reduce((n, octet) => n * 256 + octet, 0)

/** Communities are a set (RFC 1997): in one order, so that the same set is the same attribute. */
const inOrder = (communities: ReadonlyArray<string> | undefined): ReadonlyArray<string> | undefined =>
  communities === undefined || communities.length === 0 ? undefined : communities.toSorted()

/** The wanted routes as table entries, and those that this session cannot carry. */
const enter = (wanted: ReadonlyArray<Route>, out: SendContext) => {
  const table = new Map<string, Entry>()
  const unsent: Unsent[] = []
  const keys = new Map<Attributes, ReturnType<typeof attributesKey>>()
  for (const route of wanted) {
    const { prefix, nextHop, attributes } = route
    const family = familyOf(prefix)
    const addPath = out.ctx.addPath[family]
    const pathId = addPath ? (route.pathId ?? pathIdOf(nextHop)) : undefined
    const key = pathId === undefined ? prefix : `${prefix} ${pathId}`
    const taken = table.has(key) ? "another path of this prefix is announced, the session carries one" : undefined
    const known = keys.get(attributes) ?? attributesKey(attributes, out.ctx)
    keys.set(attributes, known)
    const reason = obstacle(route, out) ?? taken
    if (reason !== undefined) unsent.push({ route, reason })
    else if ("reason" in known) unsent.push({ route, reason: known.reason })
    else {
      const announcement: Announcement = { prefix, nextHop, ...(pathId === undefined ? {} : { pathId }) }
      table.set(key, { announcement, attributes, group: `${family} ${nextHop} ${known.key}` })
    }
  }
  return { table, unsent }
}

/** Entries that can share messages, group by group in the order in which the groups first appear. */
const announcements = (entries: Iterable<Entry>, ctx: CodecContext): Uint8Array[] => {
  const groups = new Map<string, { readonly attributes: Attributes; readonly routes: Announcement[] }>()
  for (const { announcement, attributes, group } of entries) {
    const found = groups.get(group)
    if (found === undefined) groups.set(group, { attributes, routes: [announcement] })
    else found.routes.push(announcement)
  }
  return [...groups.values()].flatMap(({ attributes, routes }) => packAnnouncements(routes, attributes, ctx))
}

/**
 * The UPDATEs that bring a peer from `sent` to `wanted`: what is no longer wanted is withdrawn, then what is new or
 * different is announced; what the peer has already is not sent again. Total: attributes without octets (a community that
 * is no number, more than a message holds) are a reason not to send.
 */
export const advance = (sent: Sent, wanted: ReadonlyArray<Route>, out: SendContext): Advance => {
  const { table, unsent } = enter(wanted, out)
  const gone: Entry[] = []
  for (const [key, entry] of sent) if (!table.has(key)) gone.push(entry)
  const changed: Entry[] = []
  for (const [key, entry] of table) if (sent.get(key)?.group !== entry.group) changed.push(entry)
  const withdrawals = packWithdrawals(
    gone.map((entry) => withdrawalOf(entry.announcement)),
    out.ctx
  )
  return { messages: [...withdrawals, ...announcements(changed, out.ctx)], sent: table, unsent }
}

const endOfRib = (family: Family, ctx: CodecContext): Uint8Array =>
  encodeMessage({ type: "UPDATE", announce: [], withdraw: [], endOfRib: `${family}-unicast`, attributes: {} }, ctx)

/** Paths of the table's prefixes with one of the identifiers, that are not in the table themselves. */
const formerPaths = (table: Sent, pathIds: ReadonlyArray<number>) => {
  const prefixes = new Set<Prefix>()
  for (const { announcement } of table.values())
    if (announcement.pathId !== undefined) prefixes.add(announcement.prefix)
  return [...prefixes].flatMap((prefix) =>
    pathIds.filter((pathId) => !table.has(`${prefix} ${pathId}`)).map((pathId) => ({ prefix, pathId }))
  )
}

/**
 * The first table of a session: all wanted routes, then End-of-RIB for each family (RFC 4724 section 2). `formerIds`: path
 * identifiers that a speaker before this one may have left with the peer. End-of-RIB should end what is not renewed, but
 * FRR 8.4 drops one stale path of a prefix and keeps the others for minutes: they are withdrawn by name.
 */
export const initialTable = (
  wanted: ReadonlyArray<Route>,
  out: SendContext,
  formerIds: ReadonlyArray<number> = []
): Advance => {
  const first = advance(emptyTable, wanted, out)
  const former = packWithdrawals(formerPaths(first.sent, formerIds), out.ctx)
  return {
    ...first,
    messages: [...first.messages, ...former, ...out.families.map((family) => endOfRib(family, out.ctx))]
  }
}

/**
 * The table of one family once more, as a ROUTE-REFRESH asks for it (RFC 2918). With enhanced route refresh it stands
 * between BoRR and EoRR (RFC 7313 section 4), so that the peer can drop what is not in it.
 */
export const refreshTable = (
  sent: Sent,
  family: Family,
  out: SendContext,
  enhanced: boolean
): ReadonlyArray<Uint8Array> => {
  if (!out.families.includes(family)) return []
  const entries = [...sent.values()].filter((entry) => familyOf(entry.announcement.prefix) === family)
  const messages = announcements(entries, out.ctx)
  if (!enhanced) return messages
  const mark = (subtype: "begin" | "end") =>
    encodeMessage({ type: "ROUTE-REFRESH", afi: Afi[family], safi: Safi.unicast, subtype }, out.ctx)
  return [mark("begin"), ...messages, mark("end")]
}

/** Steps that are kept for each table: sessions of one group take the same step at about the same time. */
const STEPS_KEPT = 8

const contextKey = ({ ctx, families }: SendContext): string =>
  [ctx.as4, ctx.addPath.ipv4, ctx.addPath.ipv6, ctx.ebgp, ctx.extendedMessage, ctx.extendedNextHop, families].join()

/** Hands out one encoding to all sessions that are to take the same step (D10). Tables start at `emptyTable`. */
export class UpdateGroups {
  private readonly steps = new WeakMap<Sent, Map<string, Advance>>()
  private readonly wantedKeys = new WeakMap<ReadonlyArray<Route>, string>()

  private wantedKey(wanted: ReadonlyArray<Route>): string {
    const key = this.wantedKeys.get(wanted) ?? JSON.stringify(wanted)
    this.wantedKeys.set(wanted, key)
    return key
  }

  private shared(sent: Sent, key: string, make: () => Advance): Advance {
    const steps = this.steps.get(sent) ?? new Map<string, Advance>()
    this.steps.set(sent, steps)
    const known = steps.get(key)
    if (known !== undefined) return known
    const made = make()
    steps.set(key, made)
    const [oldest] = steps.keys()
    if (steps.size > STEPS_KEPT && oldest !== undefined) steps.delete(oldest)
    return made
  }

  /** As the function `advance`; the same answer, by identity, for the same table, routes and context. */
  advance(sent: Sent, wanted: ReadonlyArray<Route>, out: SendContext): Advance {
    return this.shared(sent, `${contextKey(out)} ${this.wantedKey(wanted)}`, () => advance(sent, wanted, out))
  }

  /** As the function `initialTable`. */
  initialTable(wanted: ReadonlyArray<Route>, out: SendContext, formerIds: ReadonlyArray<number> = []): Advance {
    const key = `initial ${contextKey(out)} ${formerIds.join()} ${this.wantedKey(wanted)}`
    return this.shared(emptyTable, key, () => initialTable(wanted, out, formerIds))
  }
}
