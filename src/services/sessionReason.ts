// Why a session is not up, in words that an operator can act on (I9), from the transitions of its state machines. What went
// wrong last is worth more than "trying again", and what one end told the other (a NOTIFICATION) is worth more than the
// bare closes that a router answers the next tries with.
import type { Action, EventName } from "../bgp/fsm/types.ts"
import type { SessionParameters } from "../plan/types.ts"
import type { SessionFailure, SessionStatus } from "../resources/nodeStatus.ts"

type Transition = Extract<Action, { readonly type: "Transition" }>

export interface Reasons {
  /** What the session is doing. */
  readonly progress: string
  /** What went wrong last; gone when the session is up. */
  readonly failure?: string
  /** The last failure that came with a NOTIFICATION from either end. */
  readonly told?: string
}

export const noReasons: Reasons = { progress: "starting" }

/** Failures that one end explained to the other. */
const explained: ReadonlySet<EventName> = new Set([
  "NotifMsg",
  "NotifMsgVerErr",
  "BgpOpenMsgErr",
  "BgpHeaderErr",
  "UpdateMsgErr",
  "HoldTimerExpires"
])

/** A try failed, or a session ended. */
const fell = ({ from, to, event }: Pick<Transition, "from" | "to" | "event">): boolean =>
  (to === "Idle" || (to === "Active" && from === "OpenSent") || from === to) && event !== "OpenCollisionDump"

/** Ends that we wanted. */
const deliberate: ReadonlySet<EventName> = new Set(["ManualStop", "AutomaticStop", "Leave"])

const failureType = (event: EventName, trouble: SessionFailure["type"]): SessionFailure["type"] => {
  if (event === "NotifMsg" || event === "NotifMsgVerErr") return "received"
  if (event === "TcpConnectionFails") return trouble
  return event === "ConnectRetryTimerExpires" ? "timeout" : "sent"
}

interface Said {
  readonly lastFailure: SessionFailure | undefined
  readonly lastNotification: SessionStatus["lastNotification"] | undefined
}

/** The last failure after `transition`; `trouble` is what the wire showed of the connection, `at` the time (RFC 3339). */
export const failureOf = (
  { lastFailure, lastNotification }: Said,
  { from, to, event, reason }: Pick<Transition, "from" | "to" | "event" | "reason">,
  trouble: SessionFailure["type"],
  at: string
): SessionFailure | undefined => {
  if (to === "Established") return undefined
  if (!fell({ from, to, event }) || deliberate.has(event)) return lastFailure
  const type = failureType(event, trouble)
  const { code, subcode, data } = lastNotification ?? {}
  const told = (type === "sent" || type === "received") && code !== undefined && subcode !== undefined
  return {
    type,
    in: from,
    at,
    text: reason,
    ...(told ? { notification: { code, subcode, ...(data === undefined ? {} : { data }) } } : {})
  }
}

/** The reasons after `transition`. A collision that settled the matter is no failure. */
export const nextReasons = (
  before: Reasons,
  { from, to, event, reason }: Pick<Transition, "from" | "to" | "event" | "reason">,
  parameters: Pick<SessionParameters, "passwordFile" | "ttlSecurity">
): Reasons => {
  if (to === "Established") return { progress: reason }
  if (!fell({ from, to, event }))
    return { ...before, progress: to === "OpenSent" ? waitingForOpen(reason, parameters) : reason }
  if (from === "Established" || explained.has(event)) {
    return { progress: reason, failure: reason, ...(explained.has(event) ? { told: reason } : {}) }
  }
  return { ...before, progress: reason, failure: withSuspects(reason, parameters) }
}

export const reasonText = ({ progress, failure, told }: Reasons): string => {
  if (failure === undefined) return progress
  return told === undefined || told === failure ? failure : `${told}; since then: ${failure}`
}

const farPeer = (hops: number): string => `a peer more than ${hops} hops away or without GTSM`

/** A router may answer the first packets with TTL 255, until it knows whose they are: then only its OPEN does not arrive. */
const waitingForOpen = (reason: string, { ttlSecurity }: Pick<SessionParameters, "ttlSecurity">): string =>
  ttlSecurity === undefined ? reason : `${reason} (it does not arrive from ${farPeer(ttlSecurity)})`

/** What else a peer's silence may mean: the kernel drops what has the wrong key or comes from too far, and says nothing. */
const withSuspects = (
  reason: string,
  { passwordFile, ttlSecurity }: Pick<SessionParameters, "passwordFile" | "ttlSecurity">
): string => {
  if (!/^no answer|timed out/i.test(reason)) return reason
  const key = passwordFile === undefined ? [] : [`another MD5 key at the peer than in ${passwordFile}, or none`]
  const hops = ttlSecurity === undefined ? [] : [farPeer(ttlSecurity)]
  const suspects = [...key, ...hops].join(", or ")
  return suspects === "" ? reason : `${reason} (so it looks with ${suspects}, too)`
}
