// One BGP session: a fiber that feeds what happens (octets, closed connections, time, new routes) to the peer's state
// machines and carries out their actions. It decides nothing about BGP. Octets in are bounded by holding the socket back,
// octets out by working out a difference only when the one before has left; a new wanted set replaces one that waits. RFC 4271, I5, I7.
import { Cause, Clock, Deferred, Effect, Exit, Fiber, Queue, Random, type Scope } from "effect"
import { AdjRibIn } from "../bgp/adjRibIn.ts"
import { UpdateGroups } from "../bgp/adjRibOut.ts"
import type { Negotiated } from "../bgp/capability/negotiate.ts"
import { decodeMessage, encodeMessage } from "../bgp/codec.ts"
import { defaultContext } from "../bgp/context.ts"
import { Framer } from "../bgp/framer.ts"
import { foremost, makePeer, nextWake, type Peer, type PeerEvent, peerStep } from "../bgp/fsm/peer.ts"
import type { Action, ConnectionId, FsmConfig, StopReason } from "../bgp/fsm/types.ts"
import type { Message } from "../bgp/message/types.ts"
import { describeNotification } from "../bgp/notification.ts"
import type { PlannedRoute, SessionParameters } from "../plan/types.ts"
import { Secrets } from "../ports/Secrets.ts"
import { type Connection, type ExpectedPeer, type SocketOptions, Transport } from "../ports/Transport.ts"
import type { SessionStatus } from "../resources/nodeStatus.ts"
import { Listeners } from "./Listeners.ts"
import { Outbox } from "./Outbox.ts"
import { countMessage, makeSessionLog, type SessionLog, sessionReport } from "./sessionLog.ts"
import { nextReasons } from "./sessionReason.ts"

export type Transition = Extract<Action, { readonly type: "Transition" }>

/** Who wants to see a session work: logs, the message trace, the demo's screen. Called in the session's fiber; must not throw. */
export interface SessionObserver {
  readonly onTransition?: (transition: Transition) => void
  readonly onMessage?: (direction: "sent" | "received", message: Message) => void
  /** Something in the status changed. */
  readonly onChange?: () => void
  /** The session's fiber died of a mistake in the program; nothing more happens in this session. */
  readonly onCrash?: (cause: Cause.Cause<unknown>) => void
}

export interface Session {
  /** The whole wanted set; the session works out the difference. */
  readonly announce: (routes: ReadonlyArray<PlannedRoute>) => void
  readonly report: () => ReturnType<typeof sessionReport>
  /** Paths that the peer announces, as it announced them. */
  readonly received: () => AdjRibIn
  /** Done when what was announced or withdrawn so far has left for the peer, or there is no peer to take it. */
  readonly settled: Effect.Effect<void>
  /** Withdraws, sends the Cease, closes; done when the connection is gone or a second has passed (D8). */
  readonly stop: (stop: StopReason) => Effect.Effect<void>
}

type Input =
  | { readonly type: "event"; readonly event: PeerEvent }
  | { readonly type: "data"; readonly connection: ConnectionId; readonly bytes: Uint8Array }
  | { readonly type: "drain"; readonly connection: ConnectionId }
  | { readonly type: "wanted"; readonly routes: ReadonlyArray<PlannedRoute> }
  | { readonly type: "stop"; readonly stop: StopReason }
  | { readonly type: "settle"; readonly done: () => void }

const tick: Input = { type: "event", event: { type: "Tick" } }

interface Link {
  readonly connection: Connection
  readonly framer: Framer
  /** Chunks that were read and not yet looked at. */
  waiting: number
}

/** Received routes that the status shows. */
const sampleMax = 10
/** Chunks of one connection that may wait before its socket is held back. */
const chunksMax = 16
/** The status is never older than this, in ms, so that a stuck session shows. */
const reportEveryMs = 2000
/** How long a stop waits for the withdrawals to leave, in ms. */
const withdrawMs = 700

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
  const runner = new Runner(parameters, fsmConfig, observer, groups, peer, yield* Clock.currentTimeMillis, put)
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
        peerAddress: parameters.peerAddress,
        peerPort: parameters.peerPort,
        timeoutMs: fsmConfig.connectRetryMs,
        ...socketOptions(parameters, md5Key)
      })
      .pipe(Effect.mapError((error) => error.message))
    runner.dialled(connection)
  }).pipe(Effect.catch((why) => Effect.sync(() => runner.post({ type: "DialFailed", why }))))

  const listen = Effect.gen(function* () {
    const md5Key = yield* key
    const expected: ExpectedPeer = { peerAddress: parameters.peerAddress, ...socketOptions(parameters, md5Key) }
    yield* listeners
      .take(parameters.localAddress, parameters.peerPort, expected, (connection) => runner.accepted(connection))
      .pipe(Effect.mapError((error) => error.message))
  }).pipe(
    Effect.catch((why) =>
      parameters.passive
        ? Effect.sync(() => runner.complain(why))
        : Effect.logDebug(`the peer cannot connect to us, we connect to it: ${why}`)
    )
  )

  let dialling: Fiber.Fiber<void> | undefined
  const carryOut = Effect.fnUntraced(function* (order: "Dial" | "CancelDial") {
    if (dialling !== undefined) yield* Fiber.interrupt(dialling)
    dialling = order === "Dial" ? yield* Effect.forkChild(dial) : undefined
  })

  const loop = Effect.gen(function* () {
    yield* listen
    put({ type: "event", event: { type: "Start" } })
    while (!runner.finished) {
      yield* Queue.take(signal).pipe(Effect.timeoutOption(runner.waitMs(yield* monotonicMs)))
      const inputs: ReadonlyArray<Input> = inbox.length > 0 ? inbox.splice(0) : [tick]
      for (const input of inputs) yield* turn(input)
    }
    yield* Deferred.succeed(stopped, undefined)
  })

  const turn = Effect.fnUntraced(function* (input: Input) {
    const orders = runner.handle(input, yield* monotonicMs, yield* Clock.currentTimeMillis)
    for (const order of orders) yield* carryOut(order)
  })

  yield* Effect.addFinalizer(() => Effect.sync(() => runner.abort()))
  const supervised = Effect.onExit(loop, (exit) =>
    Effect.sync(() => {
      if (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)) observer.onCrash?.(exit.cause)
    })
  )
  yield* Effect.forkScoped(supervised)

  return {
    announce: (routes) => put({ type: "wanted", routes }),
    settled: Effect.callback((resume) => put({ type: "settle", done: () => resume(Effect.void) })),
    report: () => runner.report(),
    received: () => runner.adjRibIn,
    stop: (stop) =>
      Effect.sync(() => put({ type: "stop", stop })).pipe(
        Effect.andThen(Deferred.await(stopped)),
        Effect.timeoutOption(withdrawMs + 300),
        Effect.asVoid
      )
  }
})

const monotonicMs = Effect.clockWith((clock) => clock.monotonicTimeNanos).pipe(
  Effect.map((nanos) => Number(nanos / 1_000_000n))
)

/** The state that the fiber works on: the machines, the connections, the routes. Methods run in the fiber, and finish. */
class Runner {
  readonly log: SessionLog
  adjRibIn = new AdjRibIn()
  finished = false
  private readonly parameters: SessionParameters
  private readonly config: FsmConfig
  private readonly observer: SessionObserver
  private readonly put: (input: Input) => void
  private peer: Peer
  private readonly links = new Map<ConnectionId, Link>()
  private nextConnection = 1
  private up: { readonly link: Link; readonly id: ConnectionId; readonly negotiated: Negotiated } | undefined
  private readonly outbox: Outbox
  private writable = true
  private settling: Array<() => void> = []
  private stopping: { readonly stop: StopReason; readonly deadline: number } | undefined
  private now = 0
  private wallClock: number

  constructor(
    parameters: SessionParameters,
    config: FsmConfig,
    observer: SessionObserver,
    groups: UpdateGroups,
    peer: Peer,
    wallClock: number,
    put: (input: Input) => void
  ) {
    this.parameters = parameters
    this.config = config
    this.observer = observer
    this.outbox = new Outbox(parameters, groups)
    this.peer = peer
    this.wallClock = wallClock
    this.put = put
    this.log = makeSessionLog(wallClock)
  }

  post(event: PeerEvent): void {
    this.put({ type: "event", event })
  }

  dialled(connection: Connection): void {
    this.post({ type: "Dialled", connection: this.attach(connection) })
  }

  accepted(connection: Connection): void {
    this.post({ type: "Accepted", connection: this.attach(connection) })
  }

  /** A reason that no state machine knows of. */
  complain(why: string): void {
    this.log.reasons = { progress: why, failure: why }
    this.observer.onChange?.()
  }

  waitMs(now: number): number {
    const wake = nextWake(this.peer) ?? Number.POSITIVE_INFINITY
    const stop = this.stopping?.deadline ?? Number.POSITIVE_INFINITY
    return Math.max(0, Math.min(wake, stop, now + reportEveryMs) - now)
  }

  /** Handles one input and says what the fiber has to do about dialling. */
  handle(input: Input, now: number, wallClock: number): ReadonlyArray<"Dial" | "CancelDial"> {
    this.now = now
    this.wallClock = wallClock
    this.log.lastReport = wallClock
    const orders: Array<"Dial" | "CancelDial"> = []
    switch (input.type) {
      case "event":
        this.feed(input.event, orders)
        break
      case "data":
        this.read(input.connection, input.bytes, orders)
        break
      case "drain":
        if (input.connection === this.up?.id) this.writable = true
        this.feed({ type: "Sent", connection: input.connection }, orders)
        break
      case "wanted":
        this.outbox.want(input.routes)
        break
      case "stop":
        this.stopping ??= { stop: input.stop, deadline: now + withdrawMs }
        this.outbox.want([])
        break
      case "settle":
        this.settling.push(input.done)
    }
    const wake = nextWake(this.peer)
    if (wake !== undefined && wake <= now) this.feed({ type: "Tick" }, orders)
    this.pump()
    if (this.settled) for (const done of this.settling.splice(0)) done()
    this.maybeStop(orders)
    return orders
  }

  abort(): void {
    for (const link of this.links.values()) link.connection.close(true)
    this.links.clear()
  }

  report(): ReturnType<typeof sessionReport> {
    const sample = this.adjRibIn.sample(sampleMax).map(({ prefix, nextHop }) => ({ prefix, nextHop }))
    const more = this.adjRibIn.overflowed ? { more: true as const } : {}
    const received: SessionStatus["received"] = { routes: this.adjRibIn.count, ...more, sample }
    return sessionReport(this.log, this.outbox.advertised, this.outbox.withheld, received)
  }

  private attach(connection: Connection): ConnectionId {
    const id = this.nextConnection++
    const link: Link = { connection, framer: new Framer(), waiting: 0 }
    this.links.set(id, link)
    connection.start({
      onData: (bytes) => {
        link.waiting++
        if (link.waiting === chunksMax) connection.hold(true)
        this.put({ type: "data", connection: id, bytes })
      },
      onDrain: () => this.put({ type: "drain", connection: id }),
      onClose: (why) => this.post({ type: "Closed", connection: id, why })
    })
    return id
  }

  private read(id: ConnectionId, bytes: Uint8Array, orders: Array<"Dial" | "CancelDial">): void {
    const link = this.links.get(id)
    if (link === undefined) return
    if (link.waiting === chunksMax) link.connection.hold(false)
    link.waiting--
    link.framer.push(bytes)
    for (let frame = link.framer.next(); frame !== undefined && this.links.has(id); frame = link.framer.next()) {
      if (!(frame instanceof Uint8Array)) {
        this.feed({ type: "BadHeader", connection: id, error: frame }, orders)
        return
      }
      countMessage(this.log.got, frame)
      this.watch("received", frame)
      this.feed({ type: "Received", connection: id, frame }, orders)
    }
  }

  private feed(event: PeerEvent, orders: Array<"Dial" | "CancelDial">): void {
    const { peer, actions } = peerStep(this.peer, event, this.now, this.config)
    this.peer = peer
    for (const action of actions) this.act(action, orders)
    if (event.type === "Closed") this.links.delete(event.connection)
  }

  private act(action: Action, orders: Array<"Dial" | "CancelDial">): void {
    switch (action.type) {
      case "Dial":
      case "CancelDial":
        orders.push(action.type)
        break
      case "Send":
        this.send(action.connection, action.message)
        break
      case "Close":
        this.links.get(action.connection)?.connection.close()
        this.links.delete(action.connection)
        break
      case "Up":
        this.goUp(action.connection, action.negotiated)
        break
      case "Down":
        this.goDown(action.connection)
        break
      case "Deliver":
        this.adjRibIn.apply(action.update)
        break
      case "Refresh":
        this.outbox.resend(action.refresh)
        break
      case "Transition":
        this.moved(action)
    }
  }

  private moved(transition: Transition): void {
    const shown = foremost(this.peer)
    if (shown.state !== this.log.state) this.log.since = this.wallClock
    this.log.state = shown.state
    this.log.reasons = nextReasons(this.log.reasons, transition, this.parameters)
    this.log.negotiated = shown.negotiated
    this.log.keepaliveTime = Math.round(shown.keepaliveMs / 1000)
    this.observer.onTransition?.(transition)
    this.observer.onChange?.()
  }

  private send(id: ConnectionId, message: Message): void {
    const link = this.links.get(id)
    if (link === undefined) return
    const frame = encodeMessage(message, defaultContext)
    countMessage(this.log.sent, frame)
    this.watch("sent", frame)
    if (message.type === "NOTIFICATION") this.remember("sent", describeNotification(message))
    if (link.connection.write(frame)) this.put({ type: "event", event: { type: "Sent", connection: id } })
    else if (id === this.up?.id) this.writable = false
  }

  private remember(direction: "sent" | "received", text: string): void {
    this.log.lastNotification = { direction, at: new Date(this.wallClock).toISOString(), text }
  }

  /** Decodes for whoever looks on; a NOTIFICATION from the peer is always kept. */
  private watch(direction: "sent" | "received", frame: Uint8Array): void {
    const notified = direction === "received" && frame[18] === 3
    if (this.observer.onMessage === undefined && !notified) return
    const context =
      this.up === undefined ? defaultContext : this.up.negotiated[direction === "sent" ? "send" : "receive"]
    const { message } = decodeMessage(frame, context)
    if (message === undefined) return
    if (notified && message.type === "NOTIFICATION") this.remember("received", describeNotification(message))
    this.observer.onMessage?.(direction, message)
  }

  private goUp(id: ConnectionId, negotiated: Negotiated): void {
    const link = this.links.get(id)
    if (link === undefined) return
    if (negotiated.receive.extendedMessage) link.framer.allowExtended()
    this.up = { link, id, negotiated }
    this.adjRibIn = new AdjRibIn()
    this.outbox.open(negotiated)
    this.writable = true
  }

  private goDown(id: ConnectionId): void {
    if (this.up?.id !== id) return
    this.up = undefined
    this.writable = true
    this.outbox.close()
    this.adjRibIn = new AdjRibIn()
    this.log.flaps++
  }

  private pump(): void {
    const up = this.up
    if (up === undefined || !this.writable) return
    const moved = this.outbox.flush((frame) => {
      countMessage(this.log.sent, frame)
      this.watch("sent", frame)
      this.writable = up.link.connection.write(frame)
      return this.writable
    })
    if (moved) this.observer.onChange?.()
  }

  private get settled(): boolean {
    return this.outbox.empty && this.writable
  }

  /** Once the withdrawals have left, or their time is up: Cease. Finished when no connection is left. */
  private maybeStop(orders: Array<"Dial" | "CancelDial">): void {
    if (this.stopping === undefined || this.finished) return
    if (!this.settled && this.now < this.stopping.deadline) return
    this.feed({ type: "Stop", stop: this.stopping.stop }, orders)
    this.finished = true
  }
}
