// The state machine of RFC 4271 section 8.2.2 as a table: for every state and every event one row that says what happens,
// where the RFC says so, and which handler does it. Where practice or a later RFC departs from the text, the row says why.
// Back-off (DampPeerOscillations with the IdleHoldTimer) is always on, so every fall to Idle ends in event 13.
import * as h from "./handlers.ts"
import type { EventName, State } from "./types.ts"

export interface Row {
  readonly says: string
  readonly rfc: string
  readonly run: h.Handler
}

const row = (says: string, rfc: string, run: h.Handler): Row => ({ says, rfc, run })

const nothing = (rfc: string): Row => row("ignored", rfc, h.ignore)

const starts = (says: string, rfc: string, active: h.Handler, passive: h.Handler) => ({
  ManualStart: row(says, `${rfc}, event 1`, active),
  AutomaticStart: row(says, `${rfc}, event 3`, active),
  ManualStartPassive: row(says, `${rfc}, event 4`, passive),
  AutomaticStartPassive: row(says, `${rfc}, event 5`, passive),
  AutomaticStartDamped: row(says, `${rfc}, event 6`, active),
  AutomaticStartDampedPassive: row(says, `${rfc}, event 7`, passive)
})

const idle: Record<EventName, Row> = {
  ...starts("start connecting, or wait for the peer", "8.2.2 Idle", h.startActive, h.startPassive),
  ManualStop: nothing("8.2.2 Idle, event 2"),
  AutomaticStop: nothing("8.2.2 Idle, event 8"),
  IdleHoldTimerExpires: row("back-off over: start again as configured", "8.2.2 Idle, event 13; 8.1.1", h.startAgain),
  TcpConnectionValid: row("refused", "8.2.2 Idle: refuses all incoming connections", h.refuse),
  TcpCrInvalid: row("refused", "8.2.2 Idle", h.refuse),
  TcpCrAcked: row("closed: nobody waits for it", "8.2.2 Idle", h.refuse),
  TcpConnectionConfirmed: row("closed: Idle takes no connection", "8.2.2 Idle", h.refuse),
  ConnectRetryTimerExpires: nothing("8.2.2 Idle, events 9-12, 15-28"),
  HoldTimerExpires: nothing("8.2.2 Idle, events 9-12, 15-28"),
  KeepaliveTimerExpires: nothing("8.2.2 Idle, events 9-12, 15-28"),
  DelayOpenTimerExpires: nothing("8.2.2 Idle, events 9-12, 15-28"),
  TcpConnectionFails: nothing("8.2.2 Idle, events 9-12, 15-28"),
  BgpOpen: nothing("8.2.2 Idle, events 9-12, 15-28"),
  BgpOpenDelayed: nothing("8.2.2 Idle, events 9-12, 15-28"),
  BgpHeaderErr: nothing("8.2.2 Idle, events 9-12, 15-28"),
  BgpOpenMsgErr: nothing("8.2.2 Idle, events 9-12, 15-28"),
  OpenCollisionDump: nothing("8.2.2 Idle, events 9-12, 15-28"),
  NotifMsgVerErr: nothing("8.2.2 Idle, events 9-12, 15-28"),
  NotifMsg: nothing("8.2.2 Idle, events 9-12, 15-28"),
  KeepAliveMsg: nothing("8.2.2 Idle, events 9-12, 15-28"),
  UpdateMsg: nothing("8.2.2 Idle, events 9-12, 15-28"),
  UpdateMsgErr: nothing("8.2.2 Idle, events 9-12, 15-28"),
  SendHoldTimerExpires: nothing("RFC 9687 4: only Established has the timer"),
  RouteRefreshMsg: nothing("RFC 2918: no session"),
  Sent: nothing("RFC 9687: no session"),
  Leave: nothing("RFC 4724: no session")
}

/** Connect and Active answer most events alike. */
const unconnected = (state: string): Record<EventName, Row> => {
  const other = (event: number) => row("fall to Idle, back off", `8.2.2 ${state}, any other event (${event})`, h.astray)
  return {
    ...starts("ignored: already started", `8.2.2 ${state}`, h.ignore, h.ignore),
    ManualStop: row("drop the attempt, rest in Idle", `8.2.2 ${state}, event 2`, h.stop),
    AutomaticStop: row("drop the attempt, rest in Idle", `8.2.2 ${state}, any other event (8)`, h.stop),
    ConnectRetryTimerExpires: row("give up the attempt, make another", `8.2.2 ${state}, event 9`, h.redial),
    HoldTimerExpires: other(10),
    KeepaliveTimerExpires: other(11),
    DelayOpenTimerExpires: row("send OPEN", `8.2.2 ${state}, event 12`, h.delayOver),
    IdleHoldTimerExpires: other(13),
    TcpConnectionValid: nothing(`8.2.2 ${state}, event 14: the connection follows as event 17`),
    TcpCrInvalid: nothing(`8.2.2 ${state}, event 15: rejected by the listener`),
    TcpCrAcked: row("send OPEN, or delay it", `8.2.2 ${state}, event 16`, h.connected),
    TcpConnectionConfirmed: row("send OPEN, or delay it", `8.2.2 ${state}, event 17`, h.connected),
    TcpConnectionFails: row("fall to Idle, back off", `8.2.2 ${state}, event 18`, h.tcpFailed),
    BgpOpen: other(19),
    BgpOpenDelayed: row("OPEN while ours is delayed: answer both", `8.2.2 ${state}, event 20`, h.opened),
    BgpHeaderErr: row("fall to Idle without a word", `8.2.2 ${state}, event 21`, h.badMessageUnopened),
    BgpOpenMsgErr: row("fall to Idle without a word", `8.2.2 ${state}, event 22`, h.badMessageUnopened),
    OpenCollisionDump: row("drop the attempt: another connection won", `8.2.2 ${state}, event 23; 6.8`, h.collided),
    NotifMsgVerErr: row("fall to Idle", `8.2.2 ${state}, event 24`, h.notified),
    NotifMsg: row("fall to Idle", `8.2.2 ${state}, any other event (25)`, h.notified),
    KeepAliveMsg: other(26),
    UpdateMsg: other(27),
    UpdateMsgErr: other(28),
    SendHoldTimerExpires: other(29),
    RouteRefreshMsg: other(30),
    Sent: nothing("RFC 9687: only Established has the timer"),
    Leave: row("drop the attempt, rest in Idle", "RFC 4724 4", h.leave)
  }
}

const connect: Record<EventName, Row> = unconnected("Connect")

const active: Record<EventName, Row> = {
  ...unconnected("Active"),
  ConnectRetryTimerExpires: row("dial", "8.2.2 Active, event 9", h.dial)
}

/** OpenSent, OpenConfirm and Established answer these alike. */
const connected = (state: string): Record<EventName, Row> => {
  const error = (event: number) =>
    row("NOTIFICATION FSM Error, back off", `8.2.2 ${state}, any other event (${event}); RFC 6608`, h.unexpected)
  const second = (event: number) =>
    row("closed: a second connection has a machine of its own", `8.2.2 ${state}, event ${event}; 6.8`, h.refuse)
  return {
    ...starts("ignored: already started", `8.2.2 ${state}`, h.ignore, h.ignore),
    ManualStop: row("Cease, rest in Idle", `8.2.2 ${state}, event 2; RFC 4486, RFC 9003`, h.stop),
    AutomaticStop: row("Cease, rest in Idle", `8.2.2 ${state}, event 8; RFC 4486, RFC 9003`, h.stop),
    ConnectRetryTimerExpires: error(9),
    HoldTimerExpires: row("NOTIFICATION Hold Timer Expired, back off", `8.2.2 ${state}, event 10`, h.holdExpired),
    KeepaliveTimerExpires: error(11),
    DelayOpenTimerExpires: error(12),
    IdleHoldTimerExpires: error(13),
    TcpConnectionValid: nothing(`8.2.2 ${state}, event 14: a second connection has a machine of its own`),
    TcpCrInvalid: nothing(`8.2.2 ${state}, event 15`),
    TcpCrAcked: second(16),
    TcpConnectionConfirmed: second(17),
    TcpConnectionFails: row("fall to Idle, back off", `8.2.2 ${state}, event 18`, h.tcpFailed),
    BgpOpen: error(19),
    BgpOpenDelayed: error(20),
    BgpHeaderErr: row("NOTIFICATION Message Header Error, back off", `8.2.2 ${state}, event 21; 6.1`, h.badMessage),
    BgpOpenMsgErr: row("NOTIFICATION OPEN Message Error, back off", `8.2.2 ${state}, event 22; 6.2`, h.badMessage),
    OpenCollisionDump: row("Cease, rest in Idle", `8.2.2 ${state}, event 23; 6.8; RFC 4486`, h.collided),
    NotifMsgVerErr: row("fall to Idle, back off", `8.2.2 ${state}, event 24`, h.notified),
    // The text has OpenSent answer with FSM Error; 6.4 forbids to answer a NOTIFICATION, and peers do refuse before their OPEN.
    NotifMsg: row("fall to Idle, back off", `8.2.2 ${state}, event 25; 6.4`, h.notified),
    KeepAliveMsg: error(26),
    UpdateMsg: error(27),
    UpdateMsgErr: error(28),
    SendHoldTimerExpires: error(29),
    RouteRefreshMsg: error(30),
    Sent: nothing("RFC 9687: only Established has the timer"),
    Leave: row("close without a NOTIFICATION, rest in Idle", "RFC 4724 4", h.leave)
  }
}

const openSent: Record<EventName, Row> = {
  ...connected("OpenSent"),
  TcpConnectionFails: row("wait in Active", "8.2.2 OpenSent, event 18", h.lostBeforeOpen),
  BgpOpen: row("KEEPALIVE, to OpenConfirm", "8.2.2 OpenSent, event 19", h.opened)
}

const openConfirm: Record<EventName, Row> = {
  ...connected("OpenConfirm"),
  KeepaliveTimerExpires: row("KEEPALIVE", "8.2.2 OpenConfirm, event 11", h.keepalive),
  KeepAliveMsg: row("to Established", "8.2.2 OpenConfirm, event 26", h.establish)
}

const established: Record<EventName, Row> = {
  ...connected("Established"),
  KeepaliveTimerExpires: row("KEEPALIVE", "8.2.2 Established, event 11", h.keepalive),
  KeepAliveMsg: row("the hold timer starts again", "8.2.2 Established, event 26", h.heard),
  UpdateMsg: row("deliver, the hold timer starts again", "8.2.2 Established, event 27", h.deliver),
  UpdateMsgErr: row("NOTIFICATION UPDATE Message Error, back off", "8.2.2 Established, event 28; 6.3", h.badMessage),
  RouteRefreshMsg: row("send the family again", "RFC 2918 4, RFC 7313 4", h.refresh),
  SendHoldTimerExpires: row("NOTIFICATION Send Hold Timer Expired, back off", "RFC 9687 4.3", h.sendHoldExpired),
  Sent: row("the send hold timer starts again", "RFC 9687 4.2", h.sent)
}

export const table: Readonly<Record<State, Readonly<Record<EventName, Row>>>> = {
  Idle: idle,
  Connect: connect,
  Active: active,
  OpenSent: openSent,
  OpenConfirm: openConfirm,
  Established: established
}
