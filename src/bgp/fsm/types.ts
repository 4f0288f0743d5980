// The values of the BGP state machine: its states, events, timers and actions under the names of RFC 4271 section 8, with
// RFC 9687 (Send Hold Timer), RFC 2918 (ROUTE-REFRESH) and RFC 4724 (graceful restart) beside them. One `Fsm` drives one TCP connection; a `Peer`
// (peer.ts) owns the one or two of them that a neighbour may have (RFC 4271 8.2.1). Timers are deadlines inside the value, so
// that a runner needs one wake-up and a simulation none. Times are milliseconds of a monotonic clock.
import type { Negotiated } from "../capability/negotiate.ts"
import type { Message, MessageError, Notification, Open, RouteRefresh, Update } from "../message/types.ts"

export type State = "Idle" | "Connect" | "Active" | "OpenSent" | "OpenConfirm" | "Established"

/** RFC 4271 8.1, mandatory and optional events, with their numbers; the last four are no RFC 4271 events. */
export const eventNumbers = {
  ManualStart: 1,
  ManualStop: 2,
  AutomaticStart: 3,
  ManualStartPassive: 4,
  AutomaticStartPassive: 5,
  AutomaticStartDamped: 6,
  AutomaticStartDampedPassive: 7,
  AutomaticStop: 8,
  ConnectRetryTimerExpires: 9,
  HoldTimerExpires: 10,
  KeepaliveTimerExpires: 11,
  DelayOpenTimerExpires: 12,
  IdleHoldTimerExpires: 13,
  TcpConnectionValid: 14,
  TcpCrInvalid: 15,
  TcpCrAcked: 16,
  TcpConnectionConfirmed: 17,
  TcpConnectionFails: 18,
  BgpOpen: 19,
  BgpOpenDelayed: 20,
  BgpHeaderErr: 21,
  BgpOpenMsgErr: 22,
  OpenCollisionDump: 23,
  NotifMsgVerErr: 24,
  NotifMsg: 25,
  KeepAliveMsg: 26,
  UpdateMsg: 27,
  UpdateMsgErr: 28,
  /** RFC 9687 section 4. */
  SendHoldTimerExpires: 29,
  /** RFC 2918; RFC 4271 knows no such message. */
  RouteRefreshMsg: 30,
  /** Octets of ours left for the peer: restarts the SendHoldTimer (RFC 9687). */
  Sent: 31,
  /** We go and come back, or another node goes on in our place: no Cease, which would end what the peer keeps (RFC 4724 4). */
  Leave: 32
} as const

export type EventName = keyof typeof eventNumbers

/** Why we end a session, for the Cease NOTIFICATION: subcode of RFC 4486 and RFC 9003's text. */
export interface StopReason {
  readonly subcode: number
  readonly message?: string
}

/** Events that carry something. All others are their name alone. */
export type FsmEvent =
  | { readonly type: "ManualStop" | "AutomaticStop"; readonly stop: StopReason }
  | { readonly type: "TcpConnectionValid" | "TcpCrInvalid"; readonly why: string }
  | { readonly type: "TcpCrAcked" | "TcpConnectionConfirmed"; readonly connection: ConnectionId }
  | { readonly type: "TcpConnectionFails"; readonly why: string }
  | { readonly type: "BgpOpen" | "BgpOpenDelayed"; readonly open: Open }
  | { readonly type: "BgpHeaderErr" | "BgpOpenMsgErr" | "UpdateMsgErr"; readonly error: MessageError }
  | { readonly type: "NotifMsgVerErr" | "NotifMsg"; readonly notification: Notification }
  | { readonly type: "UpdateMsg"; readonly update: Update; readonly error?: MessageError }
  | { readonly type: "RouteRefreshMsg"; readonly refresh: RouteRefresh }
  | { readonly type: PlainEvent }

export type PlainEvent =
  | "ManualStart"
  | "AutomaticStart"
  | "ManualStartPassive"
  | "AutomaticStartPassive"
  | "AutomaticStartDamped"
  | "AutomaticStartDampedPassive"
  | "ConnectRetryTimerExpires"
  | "HoldTimerExpires"
  | "KeepaliveTimerExpires"
  | "DelayOpenTimerExpires"
  | "IdleHoldTimerExpires"
  | "OpenCollisionDump"
  | "KeepAliveMsg"
  | "SendHoldTimerExpires"
  | "Sent"
  | "Leave"

/** Given out by whoever holds the sockets; unique within a peer. */
export type ConnectionId = number

export const timerNames = ["ConnectRetry", "Hold", "Keepalive", "DelayOpen", "IdleHold", "SendHold"] as const
export type TimerName = (typeof timerNames)[number]

/** What a session is to be; fixed for the life of a state machine. Milliseconds where a name says so. */
export interface FsmConfig {
  readonly localAsn: number
  readonly peerAsn: number
  /** BGP Identifiers are compared as numbers of 32 bits (RFC 4271 6.8). */
  readonly routerId: string
  /** Seconds, offered in the OPEN; 0 turns keepalives off. */
  readonly holdTime: number
  /** Seconds; the negotiated one is never more than a third of the negotiated hold time (RFC 4271 4.4). */
  readonly keepaliveTime: number
  readonly connectRetryMs: number
  readonly passive: boolean
  /** RFC 4271 8.1.1 DelayOpenTime; 0 turns it off. */
  readonly delayOpenMs: number
  /** The OPEN that we send. */
  readonly open: Open
  /** The OPEN once a session with the peer has been Established, where it differs: we are not restarting any more (RFC 4724 3). */
  readonly reopen?: Open
}

export interface Fsm {
  readonly state: State
  /** Who opened the connection, once there is one; "outgoing" as well while we dial. */
  readonly direction: "outgoing" | "incoming"
  readonly connection?: ConnectionId
  readonly timers: Readonly<Partial<Record<TimerName, number>>>
  /** RFC 4271 8: times that a peering was tried without success. */
  readonly connectRetryCounter: number
  /** Failures in a row; sets the idle hold back-off, cleared by a session that lasted. */
  readonly failures: number
  /** The last failure was a disagreement of the two ends, not of the network: nobody is let in before the back-off ends. */
  readonly disagreed?: true
  readonly establishedAt?: number
  readonly peerOpen?: Open
  readonly negotiated?: Negotiated
  /** Milliseconds of the keepalive interval in force. */
  readonly keepaliveMs: number
  /** Milliseconds of the hold time in force; 0 is none. */
  readonly holdMs: number
  /** State of the jitter's generator. */
  readonly random: number
}

export type Action =
  | { readonly type: "Dial" }
  | { readonly type: "CancelDial" }
  | { readonly type: "Send"; readonly connection: ConnectionId; readonly message: Message }
  /** After what was sent before has left. */
  | { readonly type: "Close"; readonly connection: ConnectionId }
  | { readonly type: "Up"; readonly connection: ConnectionId; readonly negotiated: Negotiated }
  | { readonly type: "Down"; readonly connection: ConnectionId }
  | {
      readonly type: "Deliver"
      readonly connection: ConnectionId
      readonly update: Update
      readonly error?: MessageError
    }
  | { readonly type: "Refresh"; readonly connection: ConnectionId; readonly refresh: RouteRefresh }
  | {
      readonly type: "Transition"
      readonly from: State
      readonly to: State
      readonly event: EventName
      readonly direction: "outgoing" | "incoming"
      /** For people. */
      readonly reason: string
    }
