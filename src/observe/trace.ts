// A BGP message that a session sent or got, as a recorder keeps it and a trace shows it.

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
  /** The whole message with its header; absent where the ring does not keep it (keepalives). */
  readonly hex?: string
}
