// A TCP connection with a hand on it: a proxy on loopback that passes on, delays what the server answers, holds everything
// back while the connections stay open (as a host that lost its power does), or breaks and refuses them.
import { connect, createServer, type Server, type Socket } from "node:net"

interface Way {
  readonly waiting: Array<{ readonly chunk: Uint8Array; readonly dueMs: number }>
  timer: ReturnType<typeof setTimeout> | undefined
  lastDueMs: number
}

export class TcpProxy {
  /** How long what the server sends is on its way, in ms. */
  delayMs = 0
  private held = false
  private readonly sockets = new Set<Socket>()
  private readonly flushes = new Set<() => void>()
  private readonly stranded = new Set<Socket>()
  private readonly target: URL
  private server: Server | undefined
  private port = 0

  private constructor(target: URL) {
    this.target = target
  }

  /** Stands before the server at `url`. */
  static async before(url: string): Promise<TcpProxy> {
    const proxy = new TcpProxy(new URL(url))
    await proxy.listen()
    return proxy
  }

  /** The URL of this proxy. */
  get url(): string {
    return `${this.target.protocol}//127.0.0.1:${this.port}`
  }

  /** Nothing passes either way from now on; new connections are accepted and as silent. */
  hold(): void {
    this.held = true
  }

  /** What was held back goes on its way. */
  release(): void {
    this.held = false
    for (const flush of [...this.flushes]) flush()
  }

  /** Connections that are open now are silent for ever, as after a firewall forgot them; new ones pass. */
  strand(): void {
    for (const socket of this.sockets) this.stranded.add(socket)
  }

  /** Breaks every connection and refuses new ones until `open`. */
  async close(): Promise<void> {
    const { server } = this
    this.server = undefined
    const closed = new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(() => resolve())))
    for (const socket of [...this.sockets]) socket.destroy()
    await closed
  }

  async open(): Promise<void> {
    if (this.server === undefined) await this.listen()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  private listen(): Promise<void> {
    const server = createServer((client) => this.join(client))
    this.server = server
    return new Promise((resolve, reject) => {
      server.once("error", reject)
      server.listen(this.port, "127.0.0.1", () => {
        const address = server.address()
        if (typeof address === "object" && address !== null) this.port = address.port
        resolve()
      })
    })
  }

  private join(client: Socket): void {
    const server = connect(Number(this.target.port), this.target.hostname)
    this.carry(client, server, () => 0)
    this.carry(server, client, () => this.delayMs)
  }

  private carry(from: Socket, to: Socket, delayMs: () => number): void {
    this.sockets.add(from)
    const way: Way = { waiting: [], timer: undefined, lastDueMs: 0 }
    const flush = () => {
      clearTimeout(way.timer)
      way.timer = undefined
      const now = performance.now()
      if (this.stranded.has(from)) way.waiting.length = 0
      for (let next = way.waiting[0]; next !== undefined && !this.held; next = way.waiting[0]) {
        if (next.dueMs > now) {
          way.timer = setTimeout(flush, next.dueMs - now + 1)
          return
        }
        way.waiting.shift()
        to.write(next.chunk)
      }
    }
    this.flushes.add(flush)
    from.on("data", (chunk: Uint8Array) => {
      way.lastDueMs = Math.max(way.lastDueMs, performance.now() + delayMs())
      way.waiting.push({ chunk, dueMs: way.lastDueMs })
      flush()
    })
    // A reset is an end like any other: `close` follows.
    from.on("error", () => from.destroy())
    from.on("close", () => {
      clearTimeout(way.timer)
      this.flushes.delete(flush)
      this.sockets.delete(from)
      const silent = this.held || this.stranded.delete(from)
      if (!silent) to.destroy()
    })
  }
}
