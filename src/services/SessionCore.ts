// What a session's fiber works on: the peer's state machines, the connections, the routes. Every input is handled to its end,
// and what is left to do outside (dialling) is handed back. Octets in are bounded by holding the socket back, octets out by
// the Outbox. RFC 4271, I5, I7; the ways to end are those of endMode.ts.
import { AdjRibIn } from "../bgp/adjRibIn.ts"
import type { UpdateGroups } from "../bgp/adjRibOut.ts"
import type { Negotiated } from "../bgp/capability/negotiate.ts"
import { decodeMessage, encodeMessage } from "../bgp/codec.ts"
import { type CodecContext, defaultContext } from "../bgp/context.ts"
import { Framer } from "../bgp/framer.ts"
import { foremost, nextWake, type Peer, type PeerEvent, peerStep } from "../bgp/fsm/peer.ts"
import type { Action, ConnectionId, FsmConfig, StopReason } from "../bgp/fsm/types.ts"
import type { Message, Notification } from "../bgp/message/types.ts"
import { describeNotification } from "../bgp/notification.ts"
import type { PlannedRoute, SessionParameters } from "../plan/types.ts"
import type { Connection } from "../ports/Transport.ts"
import type { SessionFailure, SessionStatus } from "../resources/nodeStatus.ts"
import type { EndMode } from "./endMode.ts"
import { Outbox } from "./Outbox.ts"
import { countMessage, makeSessionLog, type SessionLog, sessionReport } from "./sessionLog.ts"
import { failureOf, nextReasons } from "./sessionReason.ts"

export type Transition = Extract<Action, { readonly type: "Transition" }>

/** Who wants to see a session work: logs, the message trace, the demo's screen. Called in the session's fiber; must not throw. */
export interface CoreObserver {
  readonly onTransition?: (transition: Transition) => void
  readonly onMessage?: (direction: "sent" | "received", message: Message) => void
  /** The same before it is decoded. `frame` may be a part of a larger buffer; whoever keeps it keeps all of that. */
  readonly onFrame?: (
    direction: "sent" | "received",
    frame: Uint8Array,
    context: CodecContext,
    connection: Connection
  ) => void
  /** Something in the status changed. */
  readonly onChange?: () => void
}

export type Input =
  | { readonly type: "event"; readonly event: PeerEvent }
  | { readonly type: "data"; readonly connection: ConnectionId; readonly bytes: Uint8Array }
  | { readonly type: "drain"; readonly connection: ConnectionId }
  | { readonly type: "wanted"; readonly routes: ReadonlyArray<PlannedRoute>; readonly formerIds: ReadonlyArray<number> }
  | { readonly type: "stop"; readonly mode: Exclude<EndMode, { readonly type: "vanish" }> }
  | { readonly type: "settle"; readonly done: () => void }

/** What the fiber has to do about dialling. */
export type DialOrder = "Dial" | "CancelDial"

interface Link {
  readonly connection: Connection
  readonly framer: Framer
  /** Chunks that were read and not yet looked at. */
  waiting: number
  /** How the peer or the network ended it. */
  ended?: SessionFailure["type"] | undefined
}

/** Received routes that the status shows. */
const sampleMax = 10
/** Chunks of one connection that may wait before its socket is held back. */
const chunksMax = 16
/** The status is never older than this, in ms, so that a stuck session shows. */
const reportEveryMs = 2000
/** How long a stop waits for the withdrawals to leave, in ms. */
export const withdrawMs = 700

/** Methods run in the fiber, and finish; `vanish` may be called from anywhere. */
export class SessionCore {
  readonly log: SessionLog
  adjRibIn = new AdjRibIn()
  finished = false
  private vanished = false
  private readonly parameters: SessionParameters
  private readonly config: FsmConfig
  private readonly observer: CoreObserver
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
  /** What the wire showed last of a connection, or a try to have one, that is no more. */
  private trouble: SessionFailure["type"] = "local"

  constructor(
    parameters: SessionParameters,
    config: FsmConfig,
    observer: CoreObserver,
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
    this.attach(connection, "Dialled")
  }

  accepted(connection: Connection): void {
    this.attach(connection, "Accepted")
  }

  /** `kind` is absent where this node could not even begin. */
  dialFailed(why: string, kind: SessionFailure["type"] = "local"): void {
    this.trouble = kind
    this.post({ type: "DialFailed", why })
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
  handle(input: Input, now: number, wallClock: number): ReadonlyArray<DialOrder> {
    this.now = now
    this.wallClock = wallClock
    this.log.lastReport = wallClock
    const orders: Array<DialOrder> = []
    if (this.finished) {
      if (input.type === "settle") input.done()
      return orders
    }
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
        this.outbox.want(input.routes, input.formerIds)
        break
      case "stop":
        this.beginStop(input.mode, orders)
        break
      case "settle":
        this.settling.push(input.done)
    }
    if (this.finished) return orders
    const wake = nextWake(this.peer)
    if (wake !== undefined && wake <= now) this.feed({ type: "Tick" }, orders)
    this.pump()
    if (this.settled) this.releaseSettling()
    this.maybeStop(orders)
    return orders
  }

  /** Forgets every connection without a word (endMode.ts), and those that are still being made when they come. */
  vanish(): void {
    for (const link of this.links.values()) link.connection.vanish()
    this.links.clear()
    this.vanished = true
    this.up = undefined
    this.outbox.close()
    this.adjRibIn = new AdjRibIn()
    const reason = "the session's address belongs to another node now"
    this.log.state = "Idle"
    this.log.reasons = { progress: reason, failure: reason }
    this.log.negotiated = undefined
    this.finish()
    this.observer.onChange?.()
  }

  abort(): void {
    for (const link of this.links.values()) link.connection.close(true)
    this.links.clear()
  }

  report(): ReturnType<typeof sessionReport> {
    const sample = this.adjRibIn.sample(sampleMax).map(({ prefix, nextHop }) => ({ prefix, nextHop }))
    const more = this.adjRibIn.overflowed ? { more: true as const } : {}
    const received: SessionStatus["received"] = { routes: this.adjRibIn.count, ...more, sample }
    return sessionReport(this.log, this.outbox, received)
  }

  private attach(connection: Connection, type: "Dialled" | "Accepted"): void {
    const id = this.nextConnection++
    if (this.finished) {
      // Made while the session ended: nobody takes it.
      if (this.vanished) connection.vanish()
      else connection.close(true)
      return
    }
    const link: Link = { connection, framer: new Framer(), waiting: 0 }
    this.links.set(id, link)
    // Before anything that the connection brings: a peer may have spoken already, and its OPEN must not come first.
    this.post({ type, connection: id })
    connection.start({
      onData: (bytes) => {
        link.waiting++
        if (link.waiting === chunksMax) connection.hold(true)
        this.put({ type: "data", connection: id, bytes })
      },
      onDrain: () => this.put({ type: "drain", connection: id }),
      onClose: (why, kind = "closed") => {
        link.ended = kind
        this.post({ type: "Closed", connection: id, why })
      }
    })
  }

  private read(id: ConnectionId, bytes: Uint8Array, orders: Array<DialOrder>): void {
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
      this.watch("received", frame, link)
      this.feed({ type: "Received", connection: id, frame }, orders)
    }
  }

  private feed(event: PeerEvent, orders: Array<DialOrder>): void {
    if (event.type === "Closed") this.trouble = this.links.get(event.connection)?.ended ?? "closed"
    const { peer, actions } = peerStep(this.peer, event, this.now, this.config)
    this.peer = peer
    for (const action of actions) this.act(action, orders)
    if (event.type === "Closed") this.links.delete(event.connection)
  }

  private act(action: Action, orders: Array<DialOrder>): void {
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
    const at = new Date(this.wallClock).toISOString()
    const failure = failureOf(this.log, transition, this.trouble, at)
    if (failure !== undefined && failure !== this.log.lastFailure)
      this.log.failures[failure.type] = (this.log.failures[failure.type] ?? 0) + 1
    this.log.lastFailure = failure
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
    this.watch("sent", frame, link)
    if (message.type === "NOTIFICATION") this.remember("sent", message)
    if (link.connection.write(frame)) this.put({ type: "event", event: { type: "Sent", connection: id } })
    else if (id === this.up?.id) this.writable = false
  }

  private remember(direction: "sent" | "received", message: Notification): void {
    const { code, subcode, data } = message
    this.log.lastNotification = {
      direction,
      at: new Date(this.wallClock).toISOString(),
      text: describeNotification(message),
      code,
      subcode,
      ...(data === undefined ? {} : { data })
    }
  }

  /** Decodes for whoever looks on; the peer's last OPEN and NOTIFICATION are always kept. */
  private watch(direction: "sent" | "received", frame: Uint8Array, link: Link): void {
    const kept = direction === "received" && (frame[18] === 1 || frame[18] === 3)
    const context =
      this.up?.link === link ? this.up.negotiated[direction === "sent" ? "send" : "receive"] : defaultContext
    this.observer.onFrame?.(direction, frame, context, link.connection)
    if (this.observer.onMessage === undefined && !kept) return
    const { message } = decodeMessage(frame, context)
    if (message === undefined) return
    if (direction === "received" && message.type === "NOTIFICATION") this.remember("received", message)
    if (direction === "received" && message.type === "OPEN") {
      const { asn, holdTime, routerId } = message
      const capabilities = message.capabilities.map(({ name }) => name)
      this.log.lastOpen = { at: new Date(this.wallClock).toISOString(), asn, holdTime, routerId, capabilities }
    }
    this.observer.onMessage?.(direction, message)
  }

  private goUp(id: ConnectionId, negotiated: Negotiated): void {
    const link = this.links.get(id)
    if (link === undefined) return
    if (negotiated.receive.extendedMessage) link.framer.allowExtended()
    this.up = { link, id, negotiated }
    this.adjRibIn = new AdjRibIn()
    this.log.lastUpdateSent = undefined
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
      if (frame[18] === 2) this.log.lastUpdateSent = this.wallClock
      this.watch("sent", frame, up.link)
      this.writable = up.link.connection.write(frame)
      return this.writable
    })
    if (moved) this.observer.onChange?.()
  }

  private get settled(): boolean {
    return this.outbox.empty && this.writable
  }

  private beginStop(mode: Extract<Input, { readonly type: "stop" }>["mode"], orders: Array<DialOrder>): void {
    if (mode.type === "cease") {
      this.stopping ??= { stop: mode.stop, deadline: this.now + withdrawMs }
      this.outbox.want([])
      return
    }
    this.feed({ type: "Leave" }, orders)
    this.finish()
  }

  /** Once the withdrawals have left, or their time is up: Cease. Finished when no connection is left. */
  private maybeStop(orders: Array<DialOrder>): void {
    if (this.stopping === undefined || this.finished) return
    if (!this.settled && this.now < this.stopping.deadline) return
    this.feed({ type: "Stop", stop: this.stopping.stop }, orders)
    this.finish()
  }

  /** Nothing is handled any more, and whoever waits for the session to settle waits no longer. */
  finish(): void {
    this.finished = true
    this.releaseSettling()
  }

  private releaseSettling(): void {
    for (const done of this.settling.splice(0)) done()
  }
}
