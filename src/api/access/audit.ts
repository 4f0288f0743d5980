// A record of every write, done or refused: who, from where, how they showed who they are, what they asked and what came of it. Handlers note
// the outcome of a change; whatever they do not note is told by the status of the answer. No body, no query and no token is in a record (I10).
import type { Context, MiddlewareHandler } from "hono"
import { hash64 } from "../../net/hash.ts"
import type { ApplyOutcome, Done, StageProgress } from "../control.ts"
import { clientOf } from "./actor.ts"
import { neededRole } from "./roles.ts"

/** What came of a change. */
export interface NotedOutcome {
  /** `applied`, `guarded`, `done`, `failed` … */
  readonly outcome: string
  readonly revision?: number
  /** What it changed, or why not, in one line. */
  readonly summary?: string
  /** Hash of the lines of the change: the same for the same change. */
  readonly diff?: string
}

export interface AuditRecord extends NotedOutcome {
  readonly who: string
  readonly via: string
  readonly address: string
  /** `POST /v1/apply`. */
  readonly what: string
  readonly status: number
}

interface Trail {
  noted?: NotedOutcome
  /** Present once the answer has begun. */
  late?: (outcome: NotedOutcome) => void
}

declare module "hono" {
  interface ContextVariableMap {
    auditTrail: Trail | undefined
  }
}

const oneLine = (text: string): string => text.replaceAll(/\s*\n\s*/g, "; ").slice(0, 500)

/** What a record has of an outcome. */
const outcomeNote = (outcome: ApplyOutcome | Done | StageProgress): NotedOutcome => {
  if ("done" in outcome) return { outcome: outcome.done ? "done" : "refused", summary: oneLine(outcome.reason) }
  if ("state" in outcome)
    return { outcome: outcome.state, summary: oneLine(`step ${outcome.step}/${outcome.steps}: ${outcome.what}`) }
  switch (outcome.outcome) {
    case "applied":
    case "unchanged":
    case "planned": {
      const { change, revision } = outcome
      const diff = hash64(JSON.stringify(change.lines)).toString(16).padStart(16, "0")
      return { outcome: outcome.outcome, revision, summary: oneLine(change.summary), diff }
    }
    case "guarded":
      return { outcome: "guarded", summary: oneLine(outcome.guards.map(({ reason }) => reason).join("; ")) }
    case "invalid":
      return { outcome: "invalid", summary: `${outcome.problems.length} problems` }
    default:
      return { outcome: outcome.outcome, summary: oneLine(outcome.reason) }
  }
}

/** Notes what came of the request's change. Of an answer that is still being sent it is told when the answer's end is known. */
export const noteOutcome = (context: Context, outcome: ApplyOutcome | Done | StageProgress): void => {
  const trail = context.get("auditTrail")
  if (trail === undefined) return
  const note = outcomeNote(outcome)
  if (trail.late === undefined) trail.noted = note
  else trail.late(note)
}

const byStatus = (status: number): string =>
  status < 300 ? "done" : status === 401 || status === 403 || status === 429 ? "denied" : "failed"

/** Middleware that gives `log` a record of every request that takes the role write. Goes before those that find out who asks. */
export const audit =
  (log: (record: AuditRecord) => void): MiddlewareHandler =>
  async (context, next) => {
    const { method, path } = context.req
    if (neededRole(method, path, context.req.queries("dryRun")) === "read") return next()
    const trail: Trail = {}
    context.set("auditTrail", trail)
    await next()
    const { status } = context.res
    const record = (note: NotedOutcome): void => {
      const actor = context.get("actor")
      const address = actor?.address ?? clientOf(context).address ?? ""
      log({ who: actor?.name ?? "nobody", via: actor?.via ?? "", address, what: `${method} ${path}`, status, ...note })
    }
    record(trail.noted ?? { outcome: byStatus(status) })
    trail.late = record
  }

/** The record as a line for people. */
export const auditText = ({ who, via, address, what, status, outcome, summary }: AuditRecord): string => {
  const from = [via, address].filter((part) => part !== "").join(" ")
  return `audit: ${who}${from === "" ? "" : ` (${from})`}: ${what}: ${outcome} (${status})${summary === undefined ? "" : `: ${summary}`}`
}
