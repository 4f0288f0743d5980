// Routes into as few UPDATEs as they fit in: RFC 4271 4.3 and 9.2 (one attribute set a message), RFC 4760 (IPv6 and IPv4
// with an IPv6 next hop travel in MP_REACH_NLRI), RFC 8654 (message size). What may be announced and when is the
// Adj-RIB-Out's business; here is only how full a message gets.
import { familyOf, prefixLength } from "../net/ip.ts"
import type { Attributes } from "./attribute/types.ts"
import { encodeMessage, maxMessageLength } from "./codec.ts"
import type { CodecContext } from "./context.ts"
import type { Announcement, Update, Withdrawal } from "./message/types.ts"

const update = (
  announce: ReadonlyArray<Announcement>,
  withdraw: ReadonlyArray<Withdrawal>,
  attributes: Attributes
): Update => ({ type: "UPDATE", announce, withdraw, attributes })

/** Octets of a route's NLRI. */
const nlriLength = ({ prefix, pathId }: Withdrawal): number =>
  1 + ((prefixLength(prefix) + 7) >>> 3) + (pathId === undefined ? 0 : 4)

/**
 * Splits `routes`, which `encode` can put into one message if there are few enough, into messages as full as they may
 * be. Throws Unencodable where even a single route does not fit.
 */
const fill = <R extends Withdrawal>(
  routes: ReadonlyArray<R>,
  ctx: CodecContext,
  encode: (some: ReadonlyArray<R>) => Uint8Array
): Uint8Array[] => {
  const [first] = routes
  if (first === undefined) return []
  // One octet more: a multiprotocol attribute that outgrows 255 octets gets a longer length field.
  const overhead = encode([first]).length - nlriLength(first) + 1
  const room = maxMessageLength(ctx) - overhead
  const messages: Uint8Array[] = []
  let start = 0
  let used = 0
  for (const [at, route] of routes.entries()) {
    const length = nlriLength(route)
    if (at > start && used + length > room) {
      messages.push(encode(routes.slice(start, at)))
      start = at
      used = 0
    }
    used += length
  }
  messages.push(encode(routes.slice(start)))
  return messages
}

/** UPDATEs that announce `routes`, all with the same next hop, family and attributes. Throws Unencodable. */
export const packAnnouncements = (
  routes: ReadonlyArray<Announcement>,
  attributes: Attributes,
  ctx: CodecContext
): Uint8Array[] => fill(routes, ctx, (some) => encodeMessage(update(some, [], attributes), ctx))

/** UPDATEs that withdraw `routes`: those of the body first, then one row of messages for each family. */
export const packWithdrawals = (routes: ReadonlyArray<Withdrawal>, ctx: CodecContext): Uint8Array[] => {
  const body = routes.filter((r) => familyOf(r.prefix) === "ipv4" && r.multiprotocol !== true)
  const ipv4 = routes.filter((r) => familyOf(r.prefix) === "ipv4" && r.multiprotocol === true)
  const ipv6 = routes.filter((r) => familyOf(r.prefix) === "ipv6")
  return [body, ipv4, ipv6].flatMap((some) => fill(some, ctx, (few) => encodeMessage(update([], few, {}), ctx)))
}
