// What the in-memory network makes of source ports, as kernels do (D7): a SYN from the port of a session that is there ends that
// session and is taken, one from another port leaves it alone.
import { describe, expect, test } from "bun:test"
import { Effect, Fiber, Layer, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { makeMemoryNetwork } from "../../src/adapters/memory/MemoryNetwork.ts"
import type { Address } from "../../src/net/ip.ts"
import { type Connection, type SocketOptions, Transport } from "../../src/ports/Transport.ts"

const floating = "10.0.1.50" as Address
const router = "10.0.1.254" as Address
const options: SocketOptions = { ttlHops: 255, ttlHopsMin: 0, userTimeoutMs: 0 }

interface Scene {
  readonly dial: (localPort?: number) => Effect.Effect<Connection, unknown>
  /** The router's ends in the order in which they came, and why each is over. */
  readonly accepted: ReadonlyArray<{ readonly port: number; readonly over: () => string | undefined }>
}

const scene = (body: (scene: Scene) => Effect.Effect<void, unknown, Scope.Scope>): Promise<void> =>
  Effect.gen(function* () {
    const network = yield* makeMemoryNetwork
    const transport = yield* Effect.service(Transport).pipe(Effect.provide(network.layer))
    const accepted: Array<Scene["accepted"][number]> = []
    const listener = yield* transport.listen(router, 179, (connection) => {
      let over: string | undefined
      const onClose = (why: string): void => {
        over = why
      }
      connection.start({ onData: () => undefined, onDrain: () => undefined, onClose })
      accepted.push({ port: connection.peerPort, over: () => over })
    })
    yield* listener.expect({ ...options, peerAddress: floating })
    const dial = (localPort?: number) =>
      Effect.gen(function* () {
        const port = localPort === undefined ? {} : { localPort }
        const ends = { localAddress: floating, peerAddress: router, peerPort: 179, timeoutMs: 1000 }
        const fiber = yield* Effect.forkChild(transport.dial({ ...options, ...ends, ...port }))
        yield* TestClock.adjust(10)
        return yield* Fiber.join(fiber)
      })
    yield* body({ dial, accepted })
  }).pipe(Effect.scoped, Effect.provide(Layer.mergeAll(TestClock.layer()), { local: true }), Effect.runPromise)

describe("the in-memory network", () => {
  test("dials from the port that is asked for, and from one of its own otherwise", () =>
    scene(({ dial, accepted }) =>
      Effect.gen(function* () {
        expect((yield* dial(61_001)).localPort).toBe(61_001)
        const any = (yield* dial()).localPort
        expect(accepted.map(({ port }) => port)).toEqual([61_001, any])
        expect(any).not.toBe(61_001)
      })
    ))

  test("a dial from the same port ends the session that the router still has, and is taken", () =>
    scene(({ dial, accepted }) =>
      Effect.gen(function* () {
        const old = yield* dial(61_001)
        old.vanish()
        expect(accepted[0]?.over()).toBeUndefined()
        yield* dial(61_001)
        expect(accepted.map(({ port, over }) => [port, over()])).toEqual([
          [61_001, "connection reset by the peer"],
          [61_001, undefined]
        ])
      })
    ))

  test("a dial from another port leaves the old session of the router alone", () =>
    scene(({ dial, accepted }) =>
      Effect.gen(function* () {
        const old = yield* dial(61_001)
        old.vanish()
        yield* dial(61_002)
        expect(accepted.map(({ over }) => over())).toEqual([undefined, undefined])
      })
    ))
})
