// Bun's TCP sockets as the port's connections: partial writes kept in order until the kernel takes them, reading that can be
// held back, and a close that lets the last message (a NOTIFICATION) arrive before the connection goes.
import type { Socket, SocketHandler } from "bun"
import type { Address } from "../../net/ip.ts"
import type { CloseKind, Connection, ConnectionHandler } from "../../ports/Transport.ts"
import * as c from "./libc.ts"

/** How long a peer may take to close its half after we closed ours, in ms. */
const lingerMs = 1000

export class BunConnection implements Connection {
  readonly localAddress: Address
  readonly localPort: number
  readonly peerAddress: Address
  readonly peerPort: number
  private readonly socket: Socket<BunConnection>
  private handler: ConnectionHandler | undefined
  private readonly early: Array<Uint8Array> = []
  private closedEarly: Ending | undefined
  private readonly queue: Array<Uint8Array> = []
  private state: "open" | "closing" | "closed" = "open"
  private linger: Timer | undefined
  private error: Ending | undefined

  constructor(
    socket: Socket<BunConnection>,
    ends: Pick<Connection, "localAddress" | "localPort" | "peerAddress" | "peerPort">
  ) {
    this.socket = socket
    this.localAddress = ends.localAddress
    this.localPort = ends.localPort
    this.peerAddress = ends.peerAddress
    this.peerPort = ends.peerPort
  }

  start(handler: ConnectionHandler): void {
    this.handler = handler
    for (const bytes of this.early.splice(0)) handler.onData(bytes)
    if (this.closedEarly !== undefined) handler.onClose(this.closedEarly.why, this.closedEarly.kind)
  }

  write(bytes: Uint8Array): boolean {
    if (this.state !== "open") return true
    this.queue.push(bytes)
    return this.flush()
  }

  hold(held: boolean): void {
    if (this.state !== "open") return
    if (held) this.socket.pause()
    else this.socket.resume()
  }

  close(abort = false): void {
    if (this.state === "closed" || (this.state === "closing" && !abort)) return
    this.handler = undefined
    this.state = "closing"
    if (abort) this.socket.terminate()
    else if (this.queue.length === 0) this.finish()
    else this.linger = setTimeout(() => this.socket.terminate(), lingerMs)
  }

  /**
   * A socket under repair is closed without FIN or reset, and what it had still to send is thrown away (TCP_REPAIR, as for
   * moving a process to another machine). Without the right to that, a reset is what is left.
   */
  vanish(): void {
    if (this.state === "closed") return
    const fd = "fd" in this.socket && typeof this.socket.fd === "number" ? this.socket.fd : -1
    if (fd >= 0) c.startRepair(fd)
    this.queue.length = 0
    this.close(true)
  }

  /** Our half is closed; the peer's FIN or the linger time ends the rest, so that no unread octet turns it into a reset. */
  private finish(): void {
    clearTimeout(this.linger)
    this.socket.resume()
    this.socket.shutdown()
    this.linger = setTimeout(() => this.socket.terminate(), lingerMs)
  }

  private flush(): boolean {
    for (let bytes = this.queue[0]; bytes !== undefined; bytes = this.queue[0]) {
      const written = Math.max(0, this.socket.write(bytes))
      if (written < bytes.length) {
        this.queue[0] = bytes.subarray(written)
        return false
      }
      this.queue.shift()
    }
    return true
  }

  drained(): void {
    if (!this.flush()) return
    if (this.state === "closing") this.finish()
    else this.handler?.onDrain()
  }

  received(bytes: Uint8Array): void {
    if (this.state !== "open") return
    // Bun reuses its buffer after the callback.
    const copy = bytes.slice()
    if (this.handler === undefined) this.early.push(copy)
    else this.handler.onData(copy)
  }

  failed(error: Error): void {
    this.error = endingOf(error)
  }

  ended(): void {
    this.error ??= peerClosed
    this.socket.end()
  }

  closed(error?: Error | undefined): void {
    clearTimeout(this.linger)
    const was = this.state
    this.state = "closed"
    this.queue.length = 0
    if (was === "closing") return
    const ending = error === undefined ? (this.error ?? peerClosed) : endingOf(error)
    if (this.handler === undefined) this.closedEarly = ending
    else this.handler.onClose(ending.why, ending.kind)
  }
}

/** Why a connection is gone, in words and as a kind. */
interface Ending {
  readonly why: string
  readonly kind?: CloseKind
}

const peerClosed: Ending = { why: "the peer closed the connection", kind: "closed" }

const codes: Readonly<Record<string, Ending>> = {
  ECONNRESET: { why: "connection reset by the peer", kind: "reset" },
  ETIMEDOUT: { why: "the peer acknowledges nothing (timed out)", kind: "timeout" },
  EPIPE: peerClosed,
  EHOSTUNREACH: { why: "no route to host", kind: "unreachable" },
  ENETUNREACH: { why: "network is unreachable", kind: "unreachable" },
  ECONNREFUSED: { why: "connection refused", kind: "reset" }
}

const endingOf = (error: Error): Ending => {
  const code = "code" in error && typeof error.code === "string" ? error.code : ""
  return codes[code] ?? { why: code || error.message }
}

/** The callbacks shared by every socket; `opened` makes the connection and puts it into `socket.data`. */
export const socketHandler = (opened: (socket: Socket<BunConnection>) => void): SocketHandler<BunConnection> => ({
  binaryType: "uint8array",
  open: opened,
  data: (socket, bytes) => socket.data?.received(bytes),
  drain: (socket) => socket.data?.drained(),
  error: (socket, error) => socket.data?.failed(error),
  end: (socket) => socket.data?.ended(),
  close: (socket, error) => socket.data?.closed(error)
})
