// A BGP message that a session sent or got, as a trace shows it.
import type { Message } from "../bgp/message/types.ts"

export interface TraceRecord {
  /** Grows by one with each message of the daemon. */
  readonly sequence: number
  /** RFC 3339 with microseconds where they are known. */
  readonly at: string
  readonly session: string
  readonly direction: "sent" | "received"
  readonly localAddress: string
  readonly localPort: number
  readonly peerAddress: string
  readonly peerPort: number
  readonly type: "OPEN" | "UPDATE" | "NOTIFICATION" | "KEEPALIVE" | "ROUTE-REFRESH" | "unknown"
  /** One line for people. */
  readonly text: string
  /** The message as `viaduct decode` shows it; absent where nothing of it can be read. */
  readonly message?: Message
  /** What is wrong with it. */
  readonly error?: string
  /** The whole message with its header; absent where the ring does not keep it (keepalives, which are all alike). */
  readonly hex?: string
  /** How many messages before this one were not told, because whoever follows reads more slowly than they came. */
  readonly missed?: number
}
