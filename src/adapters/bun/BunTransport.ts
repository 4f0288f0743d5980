// TCP on the machine's own kernel: how connections are made is in dial.ts; here is who is let in. A connection of a peer that
// nobody expects is closed unseen. RFC 2385 (MD5), RFC 5082 (GTSM).
import { Effect, Layer } from "effect"
import { type Address, parseAddress } from "../../net/ip.ts"
import { type Connection, type ExpectedPeer, type Listener, Transport, TransportError } from "../../ports/Transport.ts"
import { dial, transportError } from "./dial.ts"
import * as c from "./libc.ts"
import { setListenerTtl, setOptions } from "./socketOptions.ts"
import { BunConnection, socketHandler } from "./sockets.ts"

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

export const BunTransport = Layer.succeed(Transport, Transport.of({ dial, listen }))
