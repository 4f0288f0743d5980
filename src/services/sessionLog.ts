// What a session counts and remembers about itself, and how that reads as a status (src/resources/nodeStatus.ts). Plain
// data that the session's fiber changes; wall-clock times are milliseconds since 1970.
import type { Negotiated } from "../bgp/capability/negotiate.ts"
import type { State } from "../bgp/fsm/types.ts"
import type { AdvertisedRoute, MessageCounts, SessionStatus } from "../resources/nodeStatus.ts"
import { noReasons, type Reasons, reasonText } from "./sessionReason.ts"

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export interface SessionLog {
  state: State
  since: number
  lastReport: number
  reasons: Reasons
  flaps: number
  negotiated: Negotiated | undefined
  keepaliveTime: number
  readonly sent: Mutable<MessageCounts>
  readonly got: Mutable<MessageCounts>
  lastNotification: SessionStatus["lastNotification"]
  lastFailure: SessionStatus["lastFailure"]
  readonly failures: Mutable<NonNullable<SessionStatus["failures"]>>
  lastOpen: SessionStatus["lastOpen"]
  lastUpdateSent: number | undefined
}

const noMessages = (): Mutable<MessageCounts> => ({
  open: 0,
  update: 0,
  notification: 0,
  keepalive: 0,
  routeRefresh: 0
})

export const makeSessionLog = (now: number): SessionLog => ({
  state: "Idle",
  since: now,
  lastReport: now,
  reasons: noReasons,
  flaps: 0,
  negotiated: undefined,
  keepaliveTime: 0,
  sent: noMessages(),
  got: noMessages(),
  lastNotification: undefined,
  lastFailure: undefined,
  failures: {},
  lastOpen: undefined,
  lastUpdateSent: undefined
})

const kinds = [undefined, "open", "update", "notification", "keepalive", "routeRefresh"] as const

/** Counts a message by the type in its header (RFC 4271 4.1). */
export const countMessage = (counts: Mutable<MessageCounts>, frame: Uint8Array): void => {
  const kind = kinds[frame[18] ?? 0]
  if (kind !== undefined) counts[kind]++
}

const iso = (ms: number): string => new Date(ms).toISOString()

const gracefulRestartStatus = ({ gracefulRestart }: Negotiated) => {
  if (gracefulRestart === undefined) return {}
  const families = gracefulRestart.families.map((family) => `${family}-unicast`)
  return { gracefulRestart: { ...gracefulRestart, families } }
}

const negotiatedStatus = (log: SessionLog, negotiated: Negotiated): NonNullable<SessionStatus["negotiated"]> => ({
  holdTime: negotiated.holdTime,
  keepaliveTime: log.keepaliveTime,
  peerRouterId: negotiated.peer.routerId,
  families: negotiated.families.map((family) => `${family}-unicast`),
  capabilities: negotiated.capabilities,
  peerCapabilities: negotiated.peerCapabilities,
  addPathSend: negotiated.families.filter((family) => negotiated.send.addPath[family]).map((f) => `${f}-unicast`),
  ...gracefulRestartStatus(negotiated)
})

/** What the peer was told and what not: an Outbox. */
interface Told {
  readonly advertised: ReadonlyArray<AdvertisedRoute>
  readonly withheld: NonNullable<SessionStatus["withheld"]>
  readonly notes: ReadonlyArray<string>
}

/** The part of a status that the session itself knows. */
export const sessionReport = (
  log: SessionLog,
  { advertised, withheld, notes }: Told,
  received: SessionStatus["received"]
): Omit<SessionStatus, "name" | "purpose" | "localAsn" | "peerAsn" | "localAddress" | "peerAddress" | "peerPort"> => ({
  state: log.state,
  since: iso(log.since),
  lastReport: iso(log.lastReport),
  ...(log.state === "Established" ? {} : { reason: reasonText(log.reasons) }),
  ...(log.lastUpdateSent === undefined ? {} : { lastUpdateSent: iso(log.lastUpdateSent) }),
  ...(log.lastFailure === undefined ? {} : { lastFailure: log.lastFailure }),
  failures: { ...log.failures },
  ...(log.lastOpen === undefined ? {} : { lastOpen: log.lastOpen }),
  flaps: log.flaps,
  ...(log.negotiated === undefined ? {} : { negotiated: negotiatedStatus(log, log.negotiated) }),
  advertised,
  ...(withheld.length === 0 ? {} : { withheld }),
  ...(notes.length === 0 ? {} : { notes }),
  received,
  sent: { ...log.sent },
  got: { ...log.got },
  ...(log.lastNotification === undefined ? {} : { lastNotification: log.lastNotification })
})
