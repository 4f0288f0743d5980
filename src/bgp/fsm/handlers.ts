// What the rows of the table are made of: sending, stopping, failing, starting, each written once. A handler takes the
// machine and the scratch of one step, pushes actions and returns the next machine. RFC 4271 8.2.2, RFC 4486, RFC 6608.
import { negotiate } from "../capability/negotiate.ts"
import type { Message, Notification, Open } from "../message/types.ts"
import { describeNotification, notificationFor } from "../notification.ts"
import { clear, idleHoldMs, set, setJittered } from "./timers.ts"
import type { Action, EventName, Fsm, FsmConfig, FsmEvent, PlainEvent, State, StopReason, TimerName } from "./types.ts"

export interface Scratch {
  readonly now: number
  readonly config: FsmConfig
  readonly actions: Action[]
  readonly event: FsmEvent
}

export type Handler = (fsm: Fsm, s: Scratch) => Fsm

export const expiredEvent: Readonly<Record<TimerName, PlainEvent>> = {
  ConnectRetry: "ConnectRetryTimerExpires",
  Hold: "HoldTimerExpires",
  Keepalive: "KeepaliveTimerExpires",
  DelayOpen: "DelayOpenTimerExpires",
  IdleHold: "IdleHoldTimerExpires",
  SendHold: "SendHoldTimerExpires"
}

/** RFC 4271 8.2.2: "a large value", suggested 4 minutes, for the time between our OPEN and the peer's. */
const openHoldMs = 240_000
/** RFC 9687 section 4: the greater of 8 minutes and twice the hold time. */
const sendHoldMs = (fsm: Fsm): number => Math.max(480_000, 2 * fsm.holdMs)
/** A session that lasted this long starts the back-off anew. */
const lastedMs = 30_000

const enter = (fsm: Fsm, s: Scratch, to: State, reason: string): Fsm => {
  s.actions.push({ type: "Transition", from: fsm.state, to, event: s.event.type, direction: fsm.direction, reason })
  return { ...fsm, state: to }
}

const send = (fsm: Fsm, s: Scratch, message: Message): void => {
  if (fsm.connection !== undefined) s.actions.push({ type: "Send", connection: fsm.connection, message })
}

/** Closes the connection, or ends the attempt to have one. */
const drop = (fsm: Fsm, s: Scratch): void => {
  if (fsm.connection !== undefined) s.actions.push({ type: "Close", connection: fsm.connection })
  else if (fsm.state === "Connect") s.actions.push({ type: "CancelDial" })
}

/** What is left when a connection and all that was learnt over it is gone. */
const rested = (fsm: Fsm): Fsm => {
  const { connection: _c, peerOpen: _p, negotiated: _n, establishedAt: _e, disagreed: _d, ...left } = fsm
  return { ...left, timers: {}, direction: "outgoing", keepaliveMs: 0, holdMs: 0 }
}

const down = (fsm: Fsm, s: Scratch): void => {
  if (fsm.state === "Established" && fsm.connection !== undefined)
    s.actions.push({ type: "Down", connection: fsm.connection })
}

/** To Idle by our own will: nothing starts again by itself. */
const rest = (fsm: Fsm, s: Scratch, reason: string): Fsm => {
  down(fsm, s)
  drop(fsm, s)
  return enter({ ...rested(fsm), connectRetryCounter: 0, failures: 0 }, s, "Idle", reason)
}

interface Failure {
  /** Whether the network failed or the two ends disagree. */
  readonly kind: "transport" | "protocol"
  readonly reason: string
  readonly notification?: Notification
  /** The connection ended by itself: there is nothing left to close. */
  readonly gone?: true
}

/**
 * To Idle because something went wrong, with the IdleHoldTimer set for the next try. A transport failure retries within
 * the connect retry time for ever; a disagreement backs off further, since only a person can mend it.
 */
const fail = (fsm: Fsm, s: Scratch, failure: Failure): Fsm => {
  if (failure.notification !== undefined) send(fsm, s, failure.notification)
  down(fsm, s)
  if (failure.gone !== true) drop(fsm, s)
  const lasted = fsm.establishedAt !== undefined && s.now - fsm.establishedAt >= lastedMs
  const failures = lasted ? 1 : fsm.failures + 1
  const disagreed = failure.kind === "protocol" ? { disagreed: true as const } : {}
  const counted = { ...rested(fsm), ...disagreed, failures, connectRetryCounter: fsm.connectRetryCounter + 1 }
  const idle = enter(counted, s, "Idle", failure.reason)
  return setJittered(idle, "IdleHold", s.now, idleHoldMs(failures, failure.kind, s.config.connectRetryMs))
}

export const ignore: Handler = (fsm) => fsm

/** Idle refuses connections (RFC 4271 8.2.2); so does a machine that already has one (peer.ts gives it another machine). */
export const refuse: Handler = (fsm, s) => {
  if ("connection" in s.event) s.actions.push({ type: "Close", connection: s.event.connection })
  return fsm
}

export const startActive: Handler = (fsm, s) => {
  s.actions.push({ type: "Dial" })
  const started = setJittered(clear(fsm, "IdleHold"), "ConnectRetry", s.now, s.config.connectRetryMs)
  return enter({ ...started, direction: "outgoing" }, s, "Connect", "started")
}

export const startPassive: Handler = (fsm, s) =>
  enter({ ...clear(fsm, "IdleHold"), direction: "incoming" }, s, "Active", "waiting for the peer to connect")

/** The back-off is over: start in the way that is configured (events 6 and 7 without their own names). */
export const startAgain: Handler = (fsm, s) => (s.config.passive ? startPassive(fsm, s) : startActive(fsm, s))

/** ConnectRetryTimer in Connect: give up this attempt, make another. */
export const redial: Handler = (fsm, s) => {
  if (fsm.connection !== undefined) s.actions.push({ type: "Close", connection: fsm.connection })
  else s.actions.push({ type: "CancelDial" })
  s.actions.push({ type: "Dial" })
  const { connection: _c, ...rest } = clear(fsm, "DelayOpen")
  const again = setJittered(rest, "ConnectRetry", s.now, s.config.connectRetryMs)
  return enter(again, s, "Connect", "no answer to the connection request within the connect retry time")
}

/** ConnectRetryTimer in Active. */
export const dial: Handler = (fsm, s) => {
  if (s.config.passive) return fsm
  s.actions.push({ type: "Dial" })
  const { connection: _c, ...rest } = fsm
  const dialling = setJittered(
    { ...rest, direction: "outgoing" as const },
    "ConnectRetry",
    s.now,
    s.config.connectRetryMs
  )
  return enter(dialling, s, "Connect", "connect retry timer expired")
}

const sendOpen = (fsm: Fsm, s: Scratch, reason: string): Fsm => {
  send(fsm, s, s.config.open)
  const waiting = set(clear(fsm, "ConnectRetry", "DelayOpen"), "Hold", s.now + openHoldMs)
  return enter(waiting, s, "OpenSent", reason)
}

/** A connection is there (events 16 and 17). */
export const connected: Handler = (fsm, s) => {
  if (!("connection" in s.event)) return fsm
  const incoming = s.event.type === "TcpConnectionConfirmed"
  const direction = incoming ? ("incoming" as const) : ("outgoing" as const)
  const held: Fsm = { ...fsm, connection: s.event.connection, direction }
  if (s.config.delayOpenMs > 0)
    return setJittered(clear(held, "ConnectRetry"), "DelayOpen", s.now, s.config.delayOpenMs)
  return sendOpen(
    held,
    s,
    incoming ? "the peer connected; waiting for its OPEN" : "connected; waiting for the peer's OPEN"
  )
}

export const delayOver: Handler = (fsm, s) => sendOpen(fsm, s, "delay open timer expired")

/** The peer's OPEN is good: KEEPALIVE, timers as negotiated (RFC 4271 4.2, 8.2.2 OpenSent event 19). */
export const opened: Handler = (fsm, s) => {
  if (!("open" in s.event)) return fsm
  const open: Open = s.event.open
  if (fsm.state !== "OpenSent") send(fsm, s, s.config.open)
  send(fsm, s, { type: "KEEPALIVE" })
  const negotiated = negotiate(s.config.open, open, s.config.localAsn !== s.config.peerAsn)
  const holdMs = negotiated.holdTime * 1000
  const keepaliveMs = Math.min(s.config.keepaliveTime * 1000, holdMs / 3)
  let next: Fsm = {
    ...clear(fsm, "ConnectRetry", "DelayOpen", "Hold"),
    peerOpen: open,
    negotiated,
    holdMs,
    keepaliveMs
  }
  if (holdMs > 0) {
    next = set(next, "Hold", s.now + holdMs)
    next = setJittered(next, "Keepalive", s.now, keepaliveMs)
  }
  return enter(next, s, "OpenConfirm", "the peer's OPEN is acceptable")
}

export const establish: Handler = (fsm, s) => {
  if (fsm.connection === undefined || fsm.negotiated === undefined) return fsm
  const up = enter({ ...heard(fsm, s), establishedAt: s.now }, s, "Established", "the peer accepted our OPEN")
  s.actions.push({ type: "Up", connection: fsm.connection, negotiated: fsm.negotiated })
  return fsm.holdMs > 0 ? set(up, "SendHold", s.now + sendHoldMs(up)) : up
}

/** KEEPALIVE or UPDATE came in: the HoldTimer starts again. */
export const heard: Handler = (fsm, s) => (fsm.holdMs > 0 ? set(fsm, "Hold", s.now + fsm.holdMs) : fsm)

export const keepalive: Handler = (fsm, s) => {
  send(fsm, s, { type: "KEEPALIVE" })
  return setJittered(fsm, "Keepalive", s.now, fsm.keepaliveMs)
}

export const deliver: Handler = (fsm, s) => {
  if (s.event.type !== "UpdateMsg" || fsm.connection === undefined) return fsm
  const error = s.event.error === undefined ? {} : { error: s.event.error }
  s.actions.push({ type: "Deliver", connection: fsm.connection, update: s.event.update, ...error })
  return heard(fsm, s)
}

export const refresh: Handler = (fsm, s) => {
  if (s.event.type !== "RouteRefreshMsg" || fsm.connection === undefined) return fsm
  s.actions.push({ type: "Refresh", connection: fsm.connection, refresh: s.event.refresh })
  return fsm
}

/** RFC 9687: progress on the way out. */
export const sent: Handler = (fsm, s) =>
  fsm.timers.SendHold === undefined ? fsm : set(fsm, "SendHold", s.now + sendHoldMs(fsm))

const cease = (stop: StopReason): Notification => ({
  type: "NOTIFICATION",
  code: 6,
  subcode: stop.subcode,
  ...(stop.message === undefined ? {} : { message: stop.message })
})

/** A peer that keeps routes over NOTIFICATIONs is told not to: the reason goes inside a Hard Reset (RFC 8538 3.1). */
const final = (fsm: Fsm, stop: StopReason): Notification =>
  fsm.negotiated?.gracefulRestart?.notification === true
    ? { ...cease(stop), subcode: 9, hardReset: { code: 6, subcode: stop.subcode } }
    : cease(stop)

/** ManualStop and AutomaticStop; a peer that has our OPEN is told why (RFC 4486, RFC 9003). */
export const stop: Handler = (fsm, s) => {
  if (!("stop" in s.event)) return fsm
  if (fsm.state === "OpenSent" || fsm.state === "OpenConfirm" || fsm.state === "Established")
    send(fsm, s, final(fsm, s.event.stop))
  return rest(fsm, s, s.event.stop.message ?? "stopped")
}

/** Closes without a word: to the peer we are a speaker that restarts, whose routes it keeps if that was agreed on (RFC 4724 4.2). */
export const leave: Handler = (fsm, s) => rest(fsm, s, "left: this speaker comes back, or another node goes on for it")

export const collided: Handler = (fsm, s) => {
  send(fsm, s, cease({ subcode: 7 }))
  return rest(fsm, s, "another connection to this peer was kept (RFC 4271 6.8)")
}

export const holdExpired: Handler = (fsm, s) => {
  const reason =
    fsm.state === "OpenSent"
      ? "the peer connected but sent no OPEN"
      : `hold timer expired: nothing heard for ${fsm.holdMs / 1000} s`
  return fail(fsm, s, { kind: "transport", reason, notification: { type: "NOTIFICATION", code: 4, subcode: 0 } })
}

/** RFC 9687 section 4. The runner closes without waiting for a peer that reads nothing. */
export const sendHoldExpired: Handler = (fsm, s) =>
  fail(fsm, s, {
    kind: "transport",
    reason: "send hold timer expired: the peer reads nothing that we send",
    notification: { type: "NOTIFICATION", code: 8, subcode: 0 }
  })

const why = (s: Scratch): string => ("why" in s.event ? s.event.why : "connection lost")

export const tcpFailed: Handler = (fsm, s) => fail(fsm, s, { kind: "transport", reason: why(s), gone: true })

/**
 * OpenSent event 18: back to Active, where the ConnectRetryTimer or the peer makes the next connection. A router that still
 * has a session with us, or with the node that had our address before, closes the first connection and takes the next: the
 * timer's first values are short, and grow as in any back-off.
 */
export const lostBeforeOpen: Handler = (fsm, s) => {
  const failures = fsm.failures + 1
  const retryMs = idleHoldMs(failures, "transport", s.config.connectRetryMs)
  const waiting = setJittered({ ...rested(fsm), failures }, "ConnectRetry", s.now, retryMs)
  return enter(waiting, s, "Active", `${why(s)} before the peer sent an OPEN`)
}

/** A message that the codec could not take: the NOTIFICATION says what was wrong (RFC 4271 6). */
export const badMessage: Handler = (fsm, s) => {
  if (!("error" in s.event) || s.event.error === undefined) return fsm
  const reason = `we refused the peer's message: ${s.event.error.message}`
  return fail(fsm, s, { kind: "protocol", reason, notification: notificationFor(s.event.error) })
}

/** Before our OPEN there is nobody to complain to (SendNOTIFICATIONwithoutOPEN is off). */
export const badMessageUnopened: Handler = (fsm, s) => {
  const found = "error" in s.event && s.event.error !== undefined ? s.event.error.message : "unexpected message"
  return fail(fsm, s, { kind: "protocol", reason: `we refused the peer's message: ${found}` })
}

export const notified: Handler = (fsm, s) => {
  if (!("notification" in s.event)) return fsm
  const { code, subcode } = s.event.notification
  // Cease and an expired hold timer pass by themselves; anything else is a disagreement.
  const kind = code === 6 || code === 4 ? "transport" : "protocol"
  const hint = code === 2 && subcode === 2 ? `: it does not expect AS ${s.config.localAsn} from us` : ""
  return fail(fsm, s, { kind, reason: `peer says ${describeNotification(s.event.notification)}${hint}` })
}

const unexpectedSubcode: Partial<Record<State, number>> = { OpenSent: 1, OpenConfirm: 2, Established: 3 }

/** RFC 6608 section 4: the data field names the type of the unexpected message. */
const messageTypes: Partial<Record<EventName, string>> = {
  BgpOpen: "01",
  BgpOpenDelayed: "01",
  UpdateMsg: "02",
  UpdateMsgErr: "02",
  KeepAliveMsg: "04",
  RouteRefreshMsg: "05"
}

/** RFC 4271 6.6 with the subcodes of RFC 6608. */
export const unexpected: Handler = (fsm, s) => {
  const data = messageTypes[s.event.type]
  const notification: Notification = {
    type: "NOTIFICATION",
    code: 5,
    subcode: unexpectedSubcode[fsm.state] ?? 0,
    ...(data === undefined ? {} : { data })
  }
  return fail(fsm, s, { kind: "protocol", reason: `${s.event.type} does not belong into ${fsm.state}`, notification })
}

/** Connect and Active, "any other event": start over. */
export const astray: Handler = (fsm, s) =>
  fail(fsm, s, { kind: "transport", reason: `${s.event.type} does not belong into ${fsm.state}` })
