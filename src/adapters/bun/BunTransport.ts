// TCP on the machine's own kernel: sockets made through FFI, because Bun cannot bind a local address or set TTL, MD5 or the
// user timeout before connecting, then taken into Bun's event loop. RFC 2385 (MD5), RFC 5082 (GTSM), RFC 4271 E (TOS CS6).
import { Effect, Layer } from "effect"
import { type Address, familyOf, parseAddress } from "../../net/ip.ts"
import {
  type Connection,
  type DialRequest,
  type ExpectedPeer,
  type Listener,
  type SocketOptions,
  Transport,
  TransportError
} from "../../ports/Transport.ts"
import * as c from "./libc.ts"
import { BunConnection, socketHandler } from "./sockets.ts"

/** IP precedence 6, internetwork control: what routers give their routing protocols. */
const tosCs6 = 0xc0

/** Everything but MD5, which has to be in the listening socket before the peer's SYN comes. */
const setOptions = (fd: number, address: Address, options: SocketOptions): void => {
  if (familyOf(address) === "ipv4") {
    c.setInt(fd, c.IPPROTO_IP, 2, options.ttlHops, "IP_TTL")
    c.setInt(fd, c.IPPROTO_IP, 1, tosCs6, "IP_TOS")
    if (options.ttlHopsMin > 0) c.setInt(fd, c.IPPROTO_IP, 21, options.ttlHopsMin, "IP_MINTTL")
  } else {
    c.setInt(fd, c.IPPROTO_IPV6, 16, options.ttlHops, "IPV6_UNICAST_HOPS")
    c.setInt(fd, c.IPPROTO_IPV6, 67, tosCs6, "IPV6_TCLASS")
    if (options.ttlHopsMin > 0) c.setInt(fd, c.IPPROTO_IPV6, 73, options.ttlHopsMin, "IPV6_MINHOPCOUNT")
  }
  c.setInt(fd, c.IPPROTO_TCP, 1, 1, "TCP_NODELAY")
  if (options.userTimeoutMs > 0) c.setInt(fd, c.IPPROTO_TCP, 18, options.userTimeoutMs, "TCP_USER_TIMEOUT")
}

const transportError = (error: unknown): TransportError =>
  new TransportError({ message: error instanceof Error ? error.message : String(error) })

/** The socket, bound and on its way. */
const begin = (request: DialRequest): { fd: number; done: boolean } => {
  const fd = c.streamSocket(request.localAddress)
  try {
    setOptions(fd, request.localAddress, request)
    if (request.md5Key !== undefined) c.setMd5Key(fd, request.peerAddress, request.md5Key)
    c.bindTo(fd, request.localAddress, 0)
    return { fd, done: c.startConnect(fd, request.peerAddress, request.peerPort) }
  } catch (error) {
    c.close(fd)
    throw error
  }
}

/** Polls, first after 1 ms and then less often: adopting an unfinished connection would hide a refusal from us. */
const established = Effect.fnUntraced(function* (fd: number, done: boolean, request: DialRequest) {
  let waitedMs = 0
  for (let pauseMs = 1; !done; pauseMs = Math.min(50, pauseMs * 2)) {
    const result = c.connectResult(fd)
    if (result === 0) return
    if (result !== undefined) return yield* new TransportError({ message: c.errnoText(result) })
    if (waitedMs >= request.timeoutMs)
      return yield* new TransportError({ message: `no answer from ${request.peerAddress} port ${request.peerPort}` })
    yield* Effect.sleep(pauseMs)
    waitedMs += pauseMs
  }
})

/** Bun takes a descriptor here; its types know that only for other calls. */
type AdoptOptions = {
  readonly fd: number
  readonly socket: ReturnType<typeof socketHandler>
  readonly allowHalfOpen: true
}

const adopt = (fd: number, request: DialRequest) =>
  Effect.callback<Connection, TransportError>((resume) => {
    const options: AdoptOptions = {
      fd,
      allowHalfOpen: true,
      socket: socketHandler((socket) => {
        const connection = new BunConnection(socket, { ...request, localPort: socket.localPort })
        socket.data = connection
        resume(Effect.succeed(connection))
      })
    }
    Bun.connect(options as unknown as Bun.TCPSocketConnectOptions<BunConnection>).catch((error) =>
      resume(Effect.fail(transportError(error)))
    )
  })

const dial = (request: DialRequest) =>
  Effect.gen(function* () {
    const { fd, done } = yield* Effect.try({ try: () => begin(request), catch: transportError })
    let ours = true
    return yield* established(fd, done, request).pipe(
      Effect.andThen(
        Effect.suspend(() => {
          ours = false
          return adopt(fd, request)
        })
      ),
      Effect.ensuring(Effect.sync(() => (ours ? c.close(fd) : undefined)))
    )
  })

const listen = (localAddress: Address, port: number, onConnection: (connection: Connection) => void) =>
  Effect.gen(function* () {
    const expected = new Map<Address, ExpectedPeer>()
    const accepted = socketHandler((socket) => {
      const peerAddress = parseAddress(socket.remoteAddress.replace(/^::ffff:(?=\d+\.)/, ""))
      const peer = peerAddress && expected.get(peerAddress)
      const fd = "fd" in socket && typeof socket.fd === "number" ? socket.fd : -1
      if (peer === undefined || peerAddress === undefined || fd < 0) {
        socket.terminate()
        return
      }
      setOptions(fd, localAddress, peer)
      const ends = { localAddress, localPort: port, peerAddress, peerPort: socket.remotePort }
      socket.data = new BunConnection(socket, ends)
      onConnection(socket.data)
    })
    const server = yield* Effect.acquireRelease(
      Effect.try({
        try: () => Bun.listen<BunConnection>({ hostname: localAddress, port, allowHalfOpen: true, socket: accepted }),
        catch: (error) =>
          new TransportError({
            message: `cannot listen on ${localAddress} port ${port}: ${transportError(error).message}`
          })
      }),
      (server) => Effect.sync(() => server.stop(true))
    )
    const fd = "fd" in server && typeof server.fd === "number" ? server.fd : -1
    setListenerTtl(fd, localAddress)
    const listener: Listener = {
      port: server.port,
      expect: (peer) =>
        Effect.try({
          try: () => {
            if (peer.md5Key !== undefined) c.setMd5Key(fd, peer.peerAddress, peer.md5Key)
            expected.set(peer.peerAddress, peer)
          },
          catch: transportError
        }),
      unexpect: (peerAddress) =>
        Effect.sync(() => {
          const peer = expected.get(peerAddress)
          expected.delete(peerAddress)
          if (peer?.md5Key !== undefined) c.setMd5Key(fd, peerAddress, "")
        })
    }
    return listener
  })

/** A peer with GTSM drops a SYN-ACK with any other TTL. */
const setListenerTtl = (fd: number, address: Address): void => {
  if (familyOf(address) === "ipv4") c.setInt(fd, c.IPPROTO_IP, 2, 255, "IP_TTL")
  else c.setInt(fd, c.IPPROTO_IPV6, 16, 255, "IPV6_UNICAST_HOPS")
}

export const BunTransport = Layer.succeed(Transport, Transport.of({ dial, listen }))
