// The port to ping: whether an address answers at all, and how large a packet may be on the way there. Implemented by adapters/linux
// with raw sockets (RFC 792, RFC 4443; path MTU: RFC 1191, RFC 8201).
import { Context, type Effect, Schema } from "effect"
import type { Address } from "../net/ip.ts"

/** We may not or cannot ask; the message says why. It says nothing about the target. */
export class ReachabilityError extends Schema.TaggedError<ReachabilityError>()("ReachabilityError", {
  message: Schema.String
}) {}

export interface PingRequest {
  readonly target: Address
  /** Absent: the kernel's choice. */
  readonly source?: Address
  /** Of the whole packet, IP header included; absent: 84 (IPv4) or 104 (IPv6), as ping(8) does. */
  readonly octets?: number
  /** Nobody on the way may take the packet apart. */
  readonly dontFragment?: boolean
  readonly timeoutMs: number
}

export type PingAnswer =
  /** `ttlHops`: the time to live that was left of the answer's; absent where the kernel does not tell (IPv6). */
  | { readonly type: "answer"; readonly tookMs: number; readonly ttlHops?: number }
  | { readonly type: "silence" }
  /** Somebody on the way, or our own kernel, says that it does not get there. */
  | { readonly type: "unreachable"; readonly why: string }
  /** Does not fit; `mtu` is the largest packet, in octets, that the kernel knows to fit. */
  | { readonly type: "too-big"; readonly mtu: number }

export class Reachability extends Context.Service<
  Reachability,
  {
    /** One packet, one answer. */
    readonly ping: (request: PingRequest) => Effect.Effect<PingAnswer, ReachabilityError>
  }
>()("viaduct/ports/Reachability") {}
