// The port to TCP as BGP needs it: connections from a given local address with the socket options that protect a session,
// and listeners on a local address. Implemented by adapters/bun (kernel sockets) and adapters/memory (simulated network).
// RFC 4271 section 4.2 (port 179), RFC 2385 (TCP-MD5), RFC 5082 (GTSM).
import { Context, type Effect, Schema, type Scope } from "effect"
import type { Address } from "../net/ip.ts"

/** Options of both ends of a session's sockets. */
export interface SocketOptions {
  /** TTL or hop limit of what we send. */
  readonly ttlHops: number
  /** Packets that arrive with less are dropped by the kernel (GTSM); 0 turns it off. */
  readonly ttlHopsMin: number
  /** TCP-MD5 key; never logged. */
  readonly md5Key?: string
  /** Milliseconds that sent data may stay unacknowledged (TCP_USER_TIMEOUT); 0 is the kernel's own. */
  readonly userTimeoutMs: number
}

export interface DialRequest extends SocketOptions {
  readonly localAddress: Address
  /**
   * The port to dial from (D7); absent: any. Where it cannot be had, or a dead owner's session at the peer does not give way,
   * another port is taken.
   */
  readonly localPort?: number
  readonly peerAddress: Address
  readonly peerPort: number
  /** Milliseconds until the attempt is given up. */
  readonly timeoutMs: number
}

/** Why there is no connection, in words an operator can act on. */
export class TransportError extends Schema.TaggedError<TransportError>()("TransportError", {
  message: Schema.String,
  /** What the network did; absent: it never came to that, this machine could not begin. */
  kind: Schema.optionalKey(Schema.Literals(["timeout", "refused", "unreachable", "reset"]))
}) {}

/** How a connection ended that nobody here closed; absent: not known. */
export type CloseKind = "timeout" | "unreachable" | "reset" | "closed"

/** What a connection tells its owner. `onClose` comes once and last. */
export interface ConnectionHandler {
  readonly onData: (bytes: Uint8Array) => void
  /** All that was written so far has left for the kernel. */
  readonly onDrain: () => void
  readonly onClose: (why: string, kind?: CloseKind) => void
}

export interface Connection {
  readonly localAddress: Address
  readonly localPort: number
  readonly peerAddress: Address
  readonly peerPort: number
  /** Starts delivery; what came before is delivered first. Call once. */
  readonly start: (handler: ConnectionHandler) => void
  /** Queues `bytes` whole. True: they are with the kernel; false: they wait, and `onDrain` will come. */
  readonly write: (bytes: Uint8Array) => boolean
  /** Stops (true) and resumes (false) reading, so that a fast peer fills its own buffers and not ours. */
  readonly hold: (held: boolean) => void
  /** Closes after what was written has left, at once when `abort`. No handler is called any more. */
  readonly close: (abort?: boolean) => void
  /**
   * Forgets the connection without a word to the peer, not even a reset: its address belongs to another node now, and what we
   * said would be taken as that node's. No handler is called any more.
   */
  readonly vanish: () => void
}

/** A peer that a listener accepts connections from, with the options its sockets get. */
export interface ExpectedPeer extends SocketOptions {
  readonly peerAddress: Address
}

export class Transport extends Context.Service<
  Transport,
  {
    /** Interruption gives the attempt up. */
    readonly dial: (request: DialRequest) => Effect.Effect<Connection, TransportError>
    /**
     * Listens while the scope lives. Connections of peers that were not announced with `expect` are closed unseen.
     * Fails where the address and port cannot be had.
     */
    readonly listen: (
      localAddress: Address,
      port: number,
      onConnection: (connection: Connection) => void
    ) => Effect.Effect<Listener, TransportError, Scope.Scope>
  }
>()("viaduct/ports/Transport") {}

export interface Listener {
  readonly port: number
  /** Sets the options for connections from this peer (the MD5 key sits in the listening socket), or withdraws them. */
  readonly expect: (peer: ExpectedPeer) => Effect.Effect<void, TransportError>
  readonly unexpect: (peerAddress: Address) => Effect.Effect<void>
}
