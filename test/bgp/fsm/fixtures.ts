// Values that the state machine's tests share: a configuration, OPENs, machines brought into each state by events alone.
import { encodeMessage } from "../../../src/bgp/codec.ts"
import { defaultContext } from "../../../src/bgp/context.ts"
import { makeFsm, step } from "../../../src/bgp/fsm/step.ts"
import type { Action, EventName, Fsm, FsmConfig, FsmEvent, State } from "../../../src/bgp/fsm/types.ts"
import type { Message, MessageError, Open } from "../../../src/bgp/message/types.ts"

export const openOf = (asn: number, routerId: string, holdTime = 90): Open => ({
  type: "OPEN",
  version: 4,
  asn,
  holdTime,
  routerId,
  capabilities: [
    { code: 1, name: "multiprotocol", afi: 1, safi: 1, family: "ipv4-unicast" },
    { code: 65, name: "four-octet-as", asn }
  ]
})

export const config: FsmConfig = {
  localAsn: 65001,
  peerAsn: 65002,
  routerId: "10.0.1.10",
  holdTime: 90,
  keepaliveTime: 30,
  connectRetryMs: 5000,
  passive: false,
  delayOpenMs: 0,
  open: openOf(65001, "10.0.1.10")
}

export const peerOpen = openOf(65002, "10.0.1.254")

export const frame = (message: Message): Uint8Array => encodeMessage(message, defaultContext)

const error = (code: number, subcode: number): MessageError => ({
  outcome: "session-reset",
  code,
  subcode,
  data: "",
  offset: 0,
  message: "made wrong on purpose"
})

/** An event of each name, with something in it where it carries something. */
export const events: Readonly<Record<EventName, FsmEvent>> = {
  ManualStart: { type: "ManualStart" },
  ManualStop: { type: "ManualStop", stop: { subcode: 2, message: "bye" } },
  AutomaticStart: { type: "AutomaticStart" },
  ManualStartPassive: { type: "ManualStartPassive" },
  AutomaticStartPassive: { type: "AutomaticStartPassive" },
  AutomaticStartDamped: { type: "AutomaticStartDamped" },
  AutomaticStartDampedPassive: { type: "AutomaticStartDampedPassive" },
  AutomaticStop: { type: "AutomaticStop", stop: { subcode: 1 } },
  ConnectRetryTimerExpires: { type: "ConnectRetryTimerExpires" },
  HoldTimerExpires: { type: "HoldTimerExpires" },
  KeepaliveTimerExpires: { type: "KeepaliveTimerExpires" },
  DelayOpenTimerExpires: { type: "DelayOpenTimerExpires" },
  IdleHoldTimerExpires: { type: "IdleHoldTimerExpires" },
  TcpConnectionValid: { type: "TcpConnectionValid", why: "" },
  TcpCrInvalid: { type: "TcpCrInvalid", why: "" },
  TcpCrAcked: { type: "TcpCrAcked", connection: 7 },
  TcpConnectionConfirmed: { type: "TcpConnectionConfirmed", connection: 7 },
  TcpConnectionFails: { type: "TcpConnectionFails", why: "connection reset by the peer" },
  BgpOpen: { type: "BgpOpen", open: peerOpen },
  BgpOpenDelayed: { type: "BgpOpenDelayed", open: peerOpen },
  BgpHeaderErr: { type: "BgpHeaderErr", error: error(1, 1) },
  BgpOpenMsgErr: { type: "BgpOpenMsgErr", error: error(2, 2) },
  OpenCollisionDump: { type: "OpenCollisionDump" },
  NotifMsgVerErr: { type: "NotifMsgVerErr", notification: { type: "NOTIFICATION", code: 2, subcode: 1 } },
  NotifMsg: { type: "NotifMsg", notification: { type: "NOTIFICATION", code: 6, subcode: 2 } },
  KeepAliveMsg: { type: "KeepAliveMsg" },
  UpdateMsg: { type: "UpdateMsg", update: { type: "UPDATE", announce: [], withdraw: [], attributes: {} } },
  UpdateMsgErr: { type: "UpdateMsgErr", error: error(3, 1) },
  SendHoldTimerExpires: { type: "SendHoldTimerExpires" },
  RouteRefreshMsg: { type: "RouteRefreshMsg", refresh: { type: "ROUTE-REFRESH", afi: 1, safi: 1, subtype: "request" } },
  Sent: { type: "Sent" },
  Leave: { type: "Leave" }
}

/** Events that bring a fresh machine into each state; the connection is number 1. */
const paths: Readonly<Record<State, ReadonlyArray<FsmEvent>>> = (() => {
  const connect: ReadonlyArray<FsmEvent> = [events.AutomaticStart]
  const openSent: ReadonlyArray<FsmEvent> = [...connect, { type: "TcpCrAcked", connection: 1 }]
  const openConfirm = [...openSent, events.BgpOpen]
  return {
    Idle: [],
    Connect: connect,
    Active: [events.AutomaticStartPassive],
    OpenSent: openSent,
    OpenConfirm: openConfirm,
    Established: [...openConfirm, events.KeepAliveMsg]
  }
})()

export const run = (
  fsm: Fsm,
  list: ReadonlyArray<FsmEvent>,
  now = 0,
  with_: FsmConfig = config
): { fsm: Fsm; actions: Array<Action> } => {
  const actions: Array<Action> = []
  let current = fsm
  for (const event of list) {
    const result = step(current, event, now, with_)
    current = result.fsm
    actions.push(...result.actions)
  }
  return { fsm: current, actions }
}

export const inState = (state: State, now = 0, with_: FsmConfig = config): Fsm =>
  run(makeFsm(42), paths[state], now, with_).fsm
