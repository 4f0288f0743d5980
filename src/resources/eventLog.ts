// The last few hundred events as a value: equal ones (type, reason, about, message) within a window are counted and moved to the end,
// the oldest go first. What a node's status shows and kubectl lists. Times come from whoever records.
import { type EventReason, eventReasons } from "./eventReasons.ts"
import { stableUid } from "./kind.ts"
import type { EventRecord } from "./nodeStatus.ts"

/** What happened, before anybody has written it down. */
export interface EventDraft {
  readonly reason: EventReason
  readonly message: string
  readonly about: EventRecord["about"]
}

/** So many are kept. */
export const eventsMax = 300
/** An equal event within so many ms after the last one is the same one again. */
const windowMs = 60 * 60_000
/** A message is for a line on a screen; what a document said in it may be longer. */
const messageMax = 1_000

export interface EventLog {
  /** Oldest first, by the last time. */
  readonly events: ReadonlyArray<EventRecord>
  /** Grows with every event that is new. */
  readonly sequence: number
}

export const emptyLog: EventLog = { events: [], sequence: 0 }

const cut = (text: string): string => (text.length <= messageMax ? text : `${text.slice(0, messageMax - 1)}…`)

const isSame = (event: EventRecord, { reason, about }: EventDraft, message: string): boolean =>
  event.reason === reason &&
  event.message === message &&
  event.about.name === about.name &&
  event.about.kind === about.kind &&
  event.about.namespace === about.namespace

/** The log with `draft` in it, which happened at `nowMs` (ms since the epoch) on `node`. */
export const record = (log: EventLog, draft: EventDraft, node: string, nowMs: number): EventLog => {
  const at = new Date(nowMs).toISOString()
  const message = cut(draft.message)
  const before = log.events.findLast((event) => isSame(event, draft, message))
  const again = before !== undefined && nowMs - Date.parse(before.lastAt) < windowMs
  if (again) {
    const others = log.events.filter((event) => event !== before)
    return { ...log, events: [...others, { ...before, count: before.count + 1, lastAt: at }] }
  }
  const { reason, about } = draft
  const { type } = eventReasons[reason]
  const uid = stableUid("Event", node, at, String(log.sequence))
  const event = { uid, type, reason, message, about, count: 1, firstAt: at, lastAt: at }
  return { events: [...log.events, event].slice(-eventsMax), sequence: log.sequence + 1 }
}
