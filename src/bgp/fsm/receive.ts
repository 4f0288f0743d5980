// From octets to events: decodes a frame in the context of the machine that got it, and checks an OPEN against what the
// session is configured for (RFC 4271 6.2, RFC 6286 2.2).
import { decodeMessage } from "../codec.ts"
import { defaultContext } from "../context.ts"
import type { MessageError, Notification, Open } from "../message/types.ts"
import type { Fsm, FsmConfig, FsmEvent } from "./types.ts"

const openError = (subcode: number, offset: number, message: string): MessageError => ({
  outcome: "session-reset",
  code: 2,
  subcode,
  data: "",
  offset,
  message
})

const checkOpen = (open: Open, config: FsmConfig): MessageError | undefined => {
  if (open.asn !== config.peerAsn)
    return openError(2, 20, `Bad Peer AS: the peer is AS ${open.asn}, configured is AS ${config.peerAsn}`)
  if (open.routerId === config.routerId && config.localAsn === config.peerAsn)
    return openError(3, 24, `Bad BGP Identifier: the peer uses our own, ${open.routerId}`)
  return undefined
}

const errorEvent = (error: MessageError): FsmEvent => {
  if (error.code === 1) return { type: "BgpHeaderErr", error }
  if (error.code === 2) return { type: "BgpOpenMsgErr", error }
  return { type: "UpdateMsgErr", error }
}

/** RFC 4271 8.1.5: a NOTIFICATION with Unsupported Version Number is an event of its own. */
const notificationEvent = (notification: Notification): FsmEvent =>
  notification.code === 2 && notification.subcode === 1
    ? { type: "NotifMsgVerErr", notification }
    : { type: "NotifMsg", notification }

/** The event that `frame`, one whole message, is for `fsm`. */
export const eventOf = (frame: Uint8Array, fsm: Fsm, config: FsmConfig): FsmEvent => {
  const { message, error } = decodeMessage(frame, fsm.negotiated?.receive ?? defaultContext)
  if (message?.type === "NOTIFICATION") return notificationEvent(message)
  if (error?.outcome === "session-reset") return errorEvent(error)
  switch (message?.type) {
    case "OPEN": {
      const wrong = checkOpen(message, config)
      if (wrong !== undefined) return { type: "BgpOpenMsgErr", error: wrong }
      return { type: fsm.timers.DelayOpen === undefined ? "BgpOpen" : "BgpOpenDelayed", open: message }
    }
    case "KEEPALIVE":
      return { type: "KeepAliveMsg" }
    case "ROUTE-REFRESH":
      return { type: "RouteRefreshMsg", refresh: message }
    case "UPDATE":
      return { type: "UpdateMsg", update: message, ...(error === undefined ? {} : { error }) }
    default:
      // A NOTIFICATION too short to read: the peer ends the session without saying why (RFC 4271 6.4).
      return { type: "NotifMsg", notification: { type: "NOTIFICATION", code: 0, subcode: 0 } }
  }
}
