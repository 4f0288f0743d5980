// What a session has announced, and the UPDATEs that lead from there to what it shall announce: only the difference,
// withdrawals first, packed by equal attributes and next hop up to the message size. RFC 4271 4.3, 9.2, RFC 4760,
// RFC 7911, RFC 4724 2 (End-of-RIB), RFC 7313 4 (enhanced route refresh). Sessions with the same context share the packing
// through `UpdateGroups`. Invariant I5: an equal wanted set gives no message.
import { type Address, addressBytes, type Family, familyOf, type Prefix, prefixLength } from "../net/ip.ts"
import type { Attributes } from "./attribute/types.ts"
import type { Negotiated } from "./capability/negotiate.ts"
import { encodeMessage, maxMessageLength } from "./codec.ts"
import type { CodecContext } from "./context.ts"
import { familyOfAfi } from "./iana.ts"
import type { Announcement, RouteRefresh, Update, Withdrawal } from "./message/types.ts"

/** A path as one session announces it. */
export interface Route {
  readonly prefix: Prefix
  readonly nextHop: Address
  readonly pathId?: number
  readonly attributes: Attributes
}

/** What of a planned route goes on the wire. */
interface Exportable {
  readonly prefix: Prefix
  readonly nextHop: Address
  readonly pathId?: number
  readonly med?: number
  readonly communities?: ReadonlyArray<string>
  readonly largeCommunities?: ReadonlyArray<string>
}

/** RFC 4271 5.1.5: what an internal peer is told where nobody prefers anything. */
const defaultLocalPref = 100

/** The route as the peer gets it: an own AS path towards another AS, LOCAL_PREF inside the same one (RFC 4271 5.1.2, 5.1.5). */
export const exportRoute = (
  route: Exportable,
  ends: { readonly localAsn: number; readonly peerAsn: number }
): Route => {
  const external = ends.localAsn !== ends.peerAsn
  return {
    prefix: route.prefix,
    nextHop: route.nextHop,
    ...(route.pathId === undefined ? {} : { pathId: route.pathId }),
    attributes: {
      origin: "igp",
      asPath: external ? [[ends.localAsn]] : [],
      ...(route.med === undefined ? {} : { med: route.med }),
      ...(external ? {} : { localPref: defaultLocalPref }),
      ...(route.communities?.length ? { communities: [...route.communities].sort() } : {}),
      ...(route.largeCommunities?.length ? { largeCommunities: [...route.largeCommunities].sort() } : {})
    }
  }
}

interface Change {
  readonly announce: ReadonlyArray<Route>
  readonly withdraw: ReadonlyArray<Route>
}

/** Equal for routes that can share an UPDATE; interned, since most routes of a session have the same one. */
const shareKey = (route: Route): string =>
  `${familyOf(route.prefix)} ${route.nextHop} ${JSON.stringify(route.attributes)}`

/** What the peer tells routes apart by. */
const pathKey = (route: Route): string =>
  route.pathId === undefined ? route.prefix : `${route.prefix} ${route.pathId}`

/** A route with IPv4 NLRI and an IPv6 next hop travels in MP_REACH_NLRI, and is withdrawn in MP_UNREACH_NLRI (RFC 8950). */
const withdrawal = (route: Route): Withdrawal => ({
  prefix: route.prefix,
  ...(route.pathId === undefined ? {} : { pathId: route.pathId }),
  ...(familyOf(route.prefix) === "ipv4" && familyOf(route.nextHop) === "ipv6" ? { multiprotocol: true } : {})
})

const announcement = (route: Route): Announcement => ({
  prefix: route.prefix,
  nextHop: route.nextHop,
  ...(route.pathId === undefined ? {} : { pathId: route.pathId })
})

const nlriOctets = (prefix: Prefix, pathId: number | undefined): number =>
  (pathId === undefined ? 1 : 5) + ((prefixLength(prefix) + 7) >>> 3)

/** An attribute's extended length and the multiprotocol attribute's header. */
const slackOctets = 8

/** Encodes `items` in as few messages as there must be; `update` makes the message that holds some of them. */
const pack = <T extends { readonly prefix: Prefix; readonly pathId?: number }>(
  items: ReadonlyArray<T>,
  update: (some: ReadonlyArray<T>) => Update,
  ctx: CodecContext
): ReadonlyArray<Uint8Array> => {
  const [first] = items
  if (first === undefined) return []
  const overhead = encodeMessage(update([first]), ctx).length - nlriOctets(first.prefix, first.pathId)
  const room = maxMessageLength(ctx) - overhead - slackOctets
  const messages: Array<Uint8Array> = []
  let from = 0
  let octets = 0
  for (let i = 0; i < items.length; i++) {
    const { prefix, pathId } = items[i] as T
    const more = nlriOctets(prefix, pathId)
    if (octets + more > room) {
      messages.push(encodeMessage(update(items.slice(from, i)), ctx))
      from = i
      octets = 0
    }
    octets += more
  }
  messages.push(encodeMessage(update(items.slice(from)), ctx))
  return messages
}

const grouped = <T>(items: ReadonlyArray<T>, key: (item: T) => string): ReadonlyArray<ReadonlyArray<T>> => [
  ...Map.groupBy(items, key).values()
]

const packChange = ({ announce, withdraw }: Change, ctx: CodecContext): ReadonlyArray<Uint8Array> => {
  const gone = grouped(withdraw.map(withdrawal), (w) => `${familyOf(w.prefix)} ${w.multiprotocol ?? false}`)
  const come = grouped(announce, shareKey)
  return [
    ...gone.flatMap((group) =>
      pack(group, (some) => ({ type: "UPDATE", announce: [], withdraw: some, attributes: {} }), ctx)
    ),
    ...come.flatMap((group) => {
      const attributes = group[0]?.attributes ?? {}
      const update = (some: ReadonlyArray<Announcement>): Update => ({
        type: "UPDATE",
        announce: some,
        withdraw: [],
        attributes
      })
      return pack(group.map(announcement), update, ctx)
    })
  ]
}

const contextKey = (ctx: CodecContext): string =>
  [ctx.as4, ctx.addPath.ipv4, ctx.addPath.ipv6, ctx.ebgp, ctx.extendedMessage, ctx.extendedNextHop].map(Number).join("")

/** Packings that are remembered. */
const groupsMax = 64

/**
 * Update groups: a change that several sessions have to send in the same context is encoded once, and the same octets are
 * written to all. The least recently used packing goes first.
 */
export class UpdateGroups {
  private readonly packed = new Map<string, ReadonlyArray<Uint8Array>>()

  messages(change: Change, ctx: CodecContext): ReadonlyArray<Uint8Array> {
    if (change.announce.length === 0 && change.withdraw.length === 0) return []
    const wanted = change.announce.map((route) => `+${pathKey(route)} ${shareKey(route)}`)
    const gone = change.withdraw.map((route) => `-${pathKey(route)} ${familyOf(route.nextHop)}`)
    const key = [contextKey(ctx), ...gone, ...wanted].join("\n")
    const known = this.packed.get(key)
    const messages = known ?? packChange(change, ctx)
    this.packed.delete(key)
    this.packed.set(key, messages)
    const oldest = this.packed.keys().next().value
    if (this.packed.size > groupsMax && oldest !== undefined) this.packed.delete(oldest)
    return messages
  }
}

/** One session's Adj-RIB-Out. `update` and `refresh` return messages that have to be sent, in order, before the next call. */
export class AdjRibOut {
  private readonly groups: UpdateGroups
  private sent = new Map<string, Route>()
  private begun = false

  constructor(groups = new UpdateGroups()) {
    this.groups = groups
  }

  get size(): number {
    return this.sent.size
  }

  /** From what was sent to `wanted`; the first time with an End-of-RIB for each family. */
  update(wanted: ReadonlyArray<Route>, { send, families }: Negotiated): Array<Uint8Array> {
    const next = new Map<string, Route>()
    for (const route of wanted) {
      const fitted = fit(route, send)
      // Without ADD-PATH one path of a prefix can be known: the first that is wanted.
      if (!next.has(pathKey(fitted))) next.set(pathKey(fitted), fitted)
    }
    const change = difference(this.sent, next)
    this.sent = next
    const messages = [...this.groups.messages(change, send)]
    if (!this.begun) for (const family of families) messages.push(endOfRib(family, send))
    this.begun = true
    return messages
  }

  /** A family again, between its markers where both ends have them (RFC 7313 section 4). */
  refresh({ afi, safi }: RouteRefresh, { send, families, enhancedRouteRefresh }: Negotiated): Array<Uint8Array> {
    const family = familyOfAfi(afi, safi)
    if (family === undefined || !families.includes(family)) return []
    const announce = [...this.sent.values()].filter((route) => familyOf(route.prefix) === family)
    const routes = this.groups.messages({ announce, withdraw: [] }, send)
    if (!enhancedRouteRefresh) return [...routes]
    const marker = (subtype: "begin" | "end") => encodeMessage({ type: "ROUTE-REFRESH", afi, safi, subtype }, send)
    return [marker("begin"), ...routes, marker("end")]
  }
}

const endOfRib = (family: Family, ctx: CodecContext): Uint8Array =>
  encodeMessage({ type: "UPDATE", announce: [], withdraw: [], endOfRib: `${family}-unicast`, attributes: {} }, ctx)

/** A path identifier where the session has them, none where it has not. */
const fit = (route: Route, { addPath }: CodecContext): Route => {
  if (!addPath[familyOf(route.prefix)]) {
    const { pathId: _pathId, ...single } = route
    return single
  }
  return route.pathId === undefined ? { ...route, pathId: pathIdOf(route.nextHop) } : route
}

/** The last 32 bits of the next hop: stable, and different for the nodes of a subnet. */
const pathIdOf = (nextHop: Address): number =>
  addressBytes(nextHop)
    .subarray(-4)
    .reduce((n, octet) => n * 256 + octet, 0)

const difference = (before: ReadonlyMap<string, Route>, after: ReadonlyMap<string, Route>): Change => {
  const announce: Array<Route> = []
  const withdraw: Array<Route> = []
  for (const [key, route] of before) if (!after.has(key)) withdraw.push(route)
  for (const [key, route] of after) {
    const old = before.get(key)
    if (old !== undefined && shareKey(old) === shareKey(route)) continue
    announce.push(route)
    // The new path replaces the old one (RFC 4271 3.1) unless they travel in different fields.
    if (old !== undefined && familyOf(old.nextHop) !== familyOf(route.nextHop)) withdraw.push(old)
  }
  return { announce, withdraw }
}
