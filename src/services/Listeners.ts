// The sockets that peers connect to: one per local address and port, shared by the sessions there, there as long as one of
// them wants it. A port that cannot be had is reported to the session; it goes on dialling (RFC 4271 8.2.1).
import { Context, Effect, Exit, Layer, Scope, Semaphore } from "effect"
import type { Address } from "../net/ip.ts"
import {
  type Connection,
  type ExpectedPeer,
  type Listener,
  Transport,
  type TransportError
} from "../ports/Transport.ts"

interface Shared {
  readonly listener: Listener
  readonly scope: Scope.Closeable
  readonly takers: Map<Address, (connection: Connection) => void>
}

export class Listeners extends Context.Service<
  Listeners,
  {
    /** Takes the connections of `peer` at this address and port until the scope ends. */
    readonly take: (
      localAddress: Address,
      port: number,
      peer: ExpectedPeer,
      onConnection: (connection: Connection) => void
    ) => Effect.Effect<void, TransportError, Scope.Scope>
  }
>()("viaduct/services/Listeners") {
  static readonly layer = Layer.effect(
    Listeners,
    Effect.gen(function* () {
      const transport = yield* Transport
      const shared = new Map<string, Shared>()
      // Opening takes a while, in which nobody else may open the same port.
      const lock = yield* Semaphore.make(1)

      const open = Effect.fnUntraced(function* (localAddress: Address, port: number) {
        const takers: Shared["takers"] = new Map()
        const scope = yield* Scope.make()
        const listener = yield* transport
          .listen(localAddress, port, (connection) => {
            const taker = takers.get(connection.peerAddress)
            if (taker === undefined) connection.close(true)
            else taker(connection)
          })
          .pipe(
            Scope.provide(scope),
            Effect.tapError(() => Scope.close(scope, Exit.void))
          )
        return { listener, scope, takers }
      })

      const acquire = Effect.fnUntraced(function* (
        localAddress: Address,
        port: number,
        peer: ExpectedPeer,
        onConnection: (connection: Connection) => void
      ) {
        const key = `${localAddress} ${port}`
        const entry = shared.get(key) ?? (yield* open(localAddress, port))
        shared.set(key, entry)
        entry.takers.set(peer.peerAddress, onConnection)
        yield* entry.listener.expect(peer)
      })

      const release = Effect.fnUntraced(function* (
        localAddress: Address,
        port: number,
        peerAddress: Address,
        onConnection: (connection: Connection) => void
      ) {
        const key = `${localAddress} ${port}`
        const entry = shared.get(key)
        // Another session to the same peer may have taken its place.
        if (entry === undefined || entry.takers.get(peerAddress) !== onConnection) return
        entry.takers.delete(peerAddress)
        yield* entry.listener.unexpect(peerAddress)
        if (entry.takers.size > 0) return
        shared.delete(key)
        yield* Scope.close(entry.scope, Exit.void)
      })

      return Listeners.of({
        take: (localAddress, port, peer, onConnection) =>
          Effect.acquireRelease(lock.withPermits(1)(acquire(localAddress, port, peer, onConnection)), () =>
            lock.withPermits(1)(release(localAddress, port, peer.peerAddress, onConnection))
          )
      })
    })
  )
}
