// One BGP session: a fiber that feeds what happens (octets, closed connections, time, new routes) to the session's core and
// carries out what comes back. It decides nothing about BGP. RFC 4271, I5, I7.
import { Cause, Clock, Deferred, Effect, Exit, Fiber, Queue, Random, type Scope } from "effect"
import type { AdjRibIn } from "../bgp/adjRibIn.ts"
import { UpdateGroups } from "../bgp/adjRibOut.ts"
import { makePeer } from "../bgp/fsm/peer.ts"
import type { FsmConfig } from "../bgp/fsm/types.ts"
import type { PlannedRoute, SessionParameters } from "../plan/types.ts"
import { Secrets } from "../ports/Secrets.ts"
import { type ExpectedPeer, type SocketOptions, Transport } from "../ports/Transport.ts"
import type { EndMode } from "./endMode.ts"
import { Listeners } from "./Listeners.ts"
import { type CoreObserver, type DialOrder, type Input, SessionCore, withdrawMs } from "./SessionCore.ts"
import type { sessionReport } from "./sessionLog.ts"

/** Who wants to see a session work. Called in the session's fiber; must not throw. */
export interface SessionObserver extends CoreObserver {
  /** The session's fiber died of a mistake in the program; nothing more happens in this session. */
  readonly onCrash?: (cause: Cause.Cause<unknown>) => void
  /** The session has ended, in whatever way; nothing of it follows. */
  readonly onEnd?: () => void
}

export interface Session {
  /** The whole wanted set; the session works out the difference. `formerIds` as in PlannedSession. */
  readonly announce: (routes: ReadonlyArray<PlannedRoute>, formerIds?: ReadonlyArray<number>) => void
  readonly report: () => ReturnType<typeof sessionReport>
  /** Paths that the peer announces, as it announced them. */
  readonly received: () => AdjRibIn
  /** Done when what was announced or withdrawn so far has left for the peer, or there is no peer to take it. */
  readonly settled: Effect.Effect<void>
  /** Ends the session in one of the ways of endMode.ts; done when the connection is gone or a second has passed (D8). */
  readonly stop: (mode: EndMode) => Effect.Effect<void>
}

const tick: Input = { type: "event", event: { type: "Tick" } }

const everyHop = 255

const socketOptions = (parameters: SessionParameters, md5Key: string | undefined): SocketOptions => ({
  ttlHops: everyHop,
  ttlHopsMin: parameters.ttlSecurity === undefined ? 0 : everyHop + 1 - parameters.ttlSecurity,
  userTimeoutMs: parameters.holdTime * 1000,
  ...(md5Key === undefined ? {} : { md5Key })
})

/** Starts a session that lives as long as the scope. Sessions that are given the same `groups` encode the same change once. */
export const runSession = Effect.fnUntraced(function* (
  parameters: SessionParameters,
  fsmConfig: FsmConfig,
  observer: SessionObserver,
  groups = new UpdateGroups()
): Effect.fn.Return<Session, never, Transport | Secrets | Listeners | Scope.Scope> {
  const transport = yield* Transport
  const secrets = yield* Secrets
  const listeners = yield* Listeners
  // An array beside the queue: a take that times out at the wrong moment may lose the signal, never an input.
  const inbox: Array<Input> = []
  const signal = yield* Queue.dropping<void>(1)
  const put = (input: Input): void => {
    inbox.push(input)
    Queue.offerUnsafe(signal, undefined)
  }
  const peer = makePeer(yield* Random.nextInt)
  const core = new SessionCore(parameters, fsmConfig, observer, groups, peer, yield* Clock.currentTimeMillis, put)
  const stopped = yield* Deferred.make<void>()

  const key =
    parameters.passwordFile === undefined
      ? Effect.succeed(undefined)
      : secrets.read(parameters.passwordFile).pipe(Effect.mapError((error) => error.message))

  const dial = Effect.gen(function* () {
    const md5Key = yield* key
    const connection = yield* transport
      .dial({
        localAddress: parameters.localAddress,
        ...(parameters.sourcePort === undefined ? {} : { localPort: parameters.sourcePort }),
        peerAddress: parameters.peerAddress,
        peerPort: parameters.peerPort,
        ...(parameters.sourcePort === undefined ? {} : { localPort: parameters.sourcePort }),
        timeoutMs: fsmConfig.connectRetryMs,
        ...socketOptions(parameters, md5Key)
      })
      .pipe(
        Effect.catch((error) =>
          Effect.as(
            Effect.sync(() => core.dialFailed(error.message, error.kind)),
            undefined
          )
        )
      )
    if (connection !== undefined) core.dialled(connection)
  }).pipe(Effect.catch((why) => Effect.sync(() => core.dialFailed(why))))

  const listen = Effect.gen(function* () {
    const md5Key = yield* key
    const expected: ExpectedPeer = { peerAddress: parameters.peerAddress, ...socketOptions(parameters, md5Key) }
    yield* listeners
      .take(parameters.localAddress, parameters.peerPort, expected, (connection) => core.accepted(connection))
      .pipe(Effect.mapError((error) => error.message))
  }).pipe(
    Effect.catch((why) =>
      parameters.passive
        ? Effect.sync(() => core.complain(why))
        : Effect.logDebug(`the peer cannot connect to us, we connect to it: ${why}`)
    )
  )

  let dialling: Fiber.Fiber<void> | undefined
  const carryOut = Effect.fnUntraced(function* (order: DialOrder) {
    if (dialling !== undefined) yield* Fiber.interrupt(dialling)
    dialling = order === "Dial" ? yield* Effect.forkChild(dial) : undefined
  })

  const loop = Effect.gen(function* () {
    yield* listen
    put({ type: "event", event: { type: "Start" } })
    while (!core.finished) {
      yield* Queue.take(signal).pipe(Effect.timeoutOption(core.waitMs(yield* monotonicMs)))
      const inputs: ReadonlyArray<Input> = inbox.length > 0 ? inbox.splice(0) : [tick]
      for (const input of inputs) yield* turn(input)
    }
    yield* carryOut("CancelDial")
  })

  const turn = Effect.fnUntraced(function* (input: Input) {
    const orders = core.handle(input, yield* monotonicMs, yield* Clock.currentTimeMillis)
    for (const order of orders) yield* carryOut(order)
  })

  yield* Effect.addFinalizer(() => Effect.sync(() => core.abort()))
  const supervised = Effect.onExit(loop, (exit) =>
    Effect.sync(() => {
      core.finish()
      for (const left of inbox.splice(0)) if (left.type === "settle") left.done()
      Deferred.doneUnsafe(stopped, Effect.void)
      if (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)) observer.onCrash?.(exit.cause)
      observer.onEnd?.()
    })
  )
  yield* Effect.forkScoped(supervised)

  return {
    announce: (routes, formerIds = []) => put({ type: "wanted", routes, formerIds }),
    settled: Effect.callback((resume) => {
      const done = (): void => resume(Effect.void)
      if (core.finished) done()
      else put({ type: "settle", done })
    }),
    report: () => core.report(),
    received: () => core.adjRibIn,
    stop: (mode) =>
      Effect.sync(() => {
        if (mode.type !== "vanish") return put({ type: "stop", mode })
        core.vanish()
        put(tick)
      }).pipe(Effect.andThen(Deferred.await(stopped)), Effect.timeoutOption(withdrawMs + 300), Effect.asVoid)
  }
})

const monotonicMs = Effect.clockWith((clock) => clock.monotonicTimeNanos).pipe(
  Effect.map((nanos) => Number(nanos / 1_000_000n))
)
