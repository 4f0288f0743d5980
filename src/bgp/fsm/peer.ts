// A neighbour: one state machine, and a second one while the peer's own connection runs beside ours (RFC 4271 8.2.1). It
// routes what happens on a connection to the machine that owns it, settles collisions (6.8), and keeps one machine in the
// end. A graceful restart's new connection replaces an Established one (RFC 4724 section 5). Pure, like the machines.
import { survivor } from "../collision.ts"
import type { MessageError } from "../message/types.ts"
import { eventOf } from "./receive.ts"
import { dueTimer, makeFsm, nextDeadline, step } from "./step.ts"
import type { Action, ConnectionId, Fsm, FsmConfig, FsmEvent, State, StopReason } from "./types.ts"

export interface Peer {
  readonly primary: Fsm
  /** Tracks the connection that the peer opened while ours was on its way. */
  readonly secondary?: Fsm
  /** A session has been Established: from then on our OPENs are the `reopen` of the configuration. */
  readonly known?: true
}

/** What happens to a neighbour, as the holder of its sockets and the operator see it. */
export type PeerEvent =
  | { readonly type: "Start" }
  | { readonly type: "Stop"; readonly stop: StopReason }
  /** Close without a word: see the event of this name in types.ts. */
  | { readonly type: "Leave" }
  /** The Dial action came to an end. */
  | { readonly type: "Dialled"; readonly connection: ConnectionId }
  | { readonly type: "DialFailed"; readonly why: string }
  /** The peer connected to us. */
  | { readonly type: "Accepted"; readonly connection: ConnectionId }
  | { readonly type: "Closed"; readonly connection: ConnectionId; readonly why: string }
  /** One whole message. */
  | { readonly type: "Received"; readonly connection: ConnectionId; readonly frame: Uint8Array }
  | { readonly type: "BadHeader"; readonly connection: ConnectionId; readonly error: MessageError }
  | { readonly type: "Sent"; readonly connection: ConnectionId }
  /** Time went by. */
  | { readonly type: "Tick" }

type Slot = "primary" | "secondary"

interface Turn {
  peer: Peer
  readonly actions: Action[]
  readonly now: number
  readonly config: FsmConfig
}

export const makePeer = (seed: number): Peer => ({ primary: makeFsm(seed) })

/** When `peerStep` wants a Tick, in ms; undefined: no timer runs. */
export const nextWake = (peer: Peer): number | undefined => {
  const deadlines = [peer.primary, peer.secondary].flatMap((fsm) => (fsm ? (nextDeadline(fsm) ?? []) : []))
  return deadlines.length === 0 ? undefined : Math.min(...deadlines)
}

const rank: Record<State, number> = { Idle: 0, Active: 1, Connect: 2, OpenSent: 3, OpenConfirm: 4, Established: 5 }

/** The machine that is furthest: what people are shown. */
export const foremost = (peer: Peer): Fsm =>
  peer.secondary !== undefined && rank[peer.secondary.state] > rank[peer.primary.state] ? peer.secondary : peer.primary

/** Applies one event at `now` (ms of a monotonic clock). */
export const peerStep = (
  peer: Peer,
  event: PeerEvent,
  now: number,
  config: FsmConfig
): { peer: Peer; actions: Action[] } => {
  const open = peer.known === true && config.reopen !== undefined ? { ...config, open: config.reopen } : config
  const turn: Turn = { peer, actions: [], now, config: open }
  switch (event.type) {
    case "Start":
      feed(turn, "primary", { type: config.passive ? "AutomaticStartPassive" : "AutomaticStart" })
      break
    case "Stop":
      feed(turn, "secondary", { type: "ManualStop", stop: event.stop })
      feed(turn, "primary", { type: "ManualStop", stop: event.stop })
      break
    case "Leave":
      feed(turn, "secondary", event)
      feed(turn, "primary", event)
      break
    case "Dialled":
      dialled(turn, event.connection)
      break
    case "DialFailed":
      if (dialling(peer)) feed(turn, "primary", { type: "TcpConnectionFails", why: event.why })
      break
    case "Accepted":
      accepted(turn, event.connection)
      break
    case "Tick":
      tick(turn)
      break
    default:
      onConnection(turn, event)
  }
  settle(turn)
  if (turn.actions.some(({ type }) => type === "Up")) turn.peer = { ...turn.peer, known: true }
  return { peer: turn.peer, actions: turn.actions }
}

const get = (turn: Turn, slot: Slot): Fsm | undefined => turn.peer[slot]

const feed = (turn: Turn, slot: Slot, event: FsmEvent): void => {
  const fsm = get(turn, slot)
  if (fsm === undefined) return
  const { fsm: next, actions } = step(fsm, event, turn.now, turn.config)
  turn.peer = { ...turn.peer, [slot]: next }
  turn.actions.push(...actions)
}

const dialling = (peer: Peer): boolean => peer.primary.state === "Connect" && peer.primary.connection === undefined

const dialled = (turn: Turn, connection: ConnectionId): void => {
  if (dialling(turn.peer)) feed(turn, "primary", { type: "TcpCrAcked", connection })
  else turn.actions.push({ type: "Close", connection })
}

/**
 * Waiting in Idle after the network failed. The text has Idle refuse all connections; a peer that can reach us while we
 * cannot reach it, or that has just come back, would then hardly ever find the door open.
 */
const backsOff = (fsm: Fsm): boolean =>
  fsm.state === "Idle" && fsm.timers.IdleHold !== undefined && fsm.disagreed !== true

/**
 * A connection of the peer's: to the machine where that one waits for it, otherwise to a second one. A third connection
 * replaces the second, since the peer that opens it has given up on that.
 */
const accepted = (turn: Turn, connection: ConnectionId): void => {
  if (backsOff(turn.peer.primary)) feed(turn, "primary", { type: "AutomaticStartPassive" })
  const { primary, secondary } = turn.peer
  if (primary.state === "Idle" || (primary.state === "Active" && primary.connection === undefined)) {
    feed(turn, "primary", { type: "TcpConnectionConfirmed", connection })
    return
  }
  if (secondary !== undefined)
    feed(turn, "secondary", { type: "TcpConnectionFails", why: "the peer opened another connection" })
  if (secondary?.connection !== undefined) turn.actions.push({ type: "Close", connection: secondary.connection })
  const { random } = primary
  turn.peer = { ...turn.peer, secondary: { ...makeFsm(random ^ 0x5bd1e995), state: "Active", direction: "incoming" } }
  feed(turn, "secondary", { type: "TcpConnectionConfirmed", connection })
}

const tick = (turn: Turn): void => {
  for (const slot of ["primary", "secondary"] as const) {
    for (let fsm = get(turn, slot); fsm !== undefined; fsm = get(turn, slot)) {
      const due = dueTimer(fsm, turn.now)
      if (due === undefined) break
      turn.peer = { ...turn.peer, [slot]: due.fsm }
      feed(turn, slot, due.event)
    }
  }
}

const onConnection = (turn: Turn, event: Extract<PeerEvent, { readonly connection: ConnectionId }>): void => {
  const slot = owner(turn.peer, event.connection)
  const fsm = slot && get(turn, slot)
  if (slot === undefined || fsm === undefined) return
  switch (event.type) {
    case "Closed":
      feed(turn, slot, { type: "TcpConnectionFails", why: event.why })
      break
    case "BadHeader":
      feed(turn, slot, { type: "BgpHeaderErr", error: event.error })
      break
    case "Sent":
      feed(turn, slot, { type: "Sent" })
      break
    case "Received": {
      const received = eventOf(event.frame, fsm, turn.config)
      if (received.type === "BgpOpen" || received.type === "BgpOpenDelayed")
        arbitrate(turn, slot, received.open.routerId)
      feed(turn, slot, received)
      if (get(turn, slot)?.state === "Established") feed(turn, other(slot), { type: "OpenCollisionDump" })
    }
  }
}

const owner = (peer: Peer, connection: ConnectionId): Slot | undefined => {
  if (peer.primary.connection === connection) return "primary"
  return peer.secondary?.connection === connection ? "secondary" : undefined
}

const other = (slot: Slot): Slot => (slot === "primary" ? "secondary" : "primary")

/** RFC 4271 6.8: an OPEN came on `slot`; where the other connection has one too, one of them has to go. */
const arbitrate = (turn: Turn, slot: Slot, remoteId: string): void => {
  const rival = get(turn, other(slot))
  const self = get(turn, slot)
  if (rival === undefined || self === undefined) return
  if (rival.state === "Established") {
    if (rival.negotiated?.gracefulRestart === undefined) {
      feed(turn, slot, { type: "OpenCollisionDump" })
      return
    }
    const gone = rival.connection
    feed(turn, other(slot), { type: "TcpConnectionFails", why: "the peer restarted and opened a new connection" })
    if (gone !== undefined) turn.actions.push({ type: "Close", connection: gone })
    return
  }
  if (rival.state !== "OpenConfirm") return
  const { localAsn, peerAsn, routerId } = turn.config
  const stays = survivor({ routerId, asn: localAsn }, { routerId: remoteId, asn: peerAsn })
  feed(turn, self.direction === stays ? other(slot) : slot, { type: "OpenCollisionDump" })
}

/** A machine that fell to Idle leaves the field to the other one; what it learnt about failing goes along. */
const settle = (turn: Turn): void => {
  const { primary, secondary, ...rest } = turn.peer
  if (secondary === undefined) return
  if (secondary.state === "Idle" || secondary.state === "Active") turn.peer = { ...rest, primary }
  else if (primary.state === "Idle") {
    const { failures, connectRetryCounter } = primary
    turn.peer = { ...rest, primary: { ...secondary, failures, connectRetryCounter } }
  }
}
