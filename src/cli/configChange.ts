// What the commands that change the config share (diff, apply, rollback): their flags, what they send, and how they show what came of
// it: the lines of the change with their verdicts, what has to be insisted on, and what to do next. A refusal says how to go on.
import { Console, Effect, Option } from "effect"
import { Flag } from "effect/cli"
import type { Outcome } from "../api/verbs/answers.ts"
import { formatProblem } from "../config/problem.ts"
import type { ClusterChange, Verdict } from "../plan/change.ts"
import { printChange } from "../plan/printChange.ts"
import { AdminError } from "./adminClient.ts"
import { parseSeconds } from "./duration.ts"
import { exitWithFailure, type NamedFiles, outputFlag, readFiles } from "./loadFiles.ts"

/** ApplyOutcome as it comes over the wire. */
type Answered = typeof Outcome.Type

export const changeFlags = {
  dryRun: Flag.Boolean("dry-run").pipe(
    Flag.withDescription("Show what it would do and change nothing"),
    Flag.withDefault(false)
  ),
  force: Flag.Boolean("force").pipe(
    Flag.withDescription("Also where a node's last session, the last control-plane path or a service's address goes"),
    Flag.withDefault(false)
  ),
  message: Flag.String("message").pipe(
    Flag.withAlias("m"),
    Flag.withDescription("Why, for the history"),
    Flag.optional
  ),
  confirmWithin: Flag.String("confirm-within").pipe(
    Flag.withDescription('Take it back by itself after this time (such as 2m) unless "viaduct confirm" comes first'),
    Flag.optional
  ),
  output: outputFlag
}

interface Wishes {
  readonly force: boolean
  readonly message: Option.Option<string>
  readonly confirmWithin: Option.Option<string>
}

const SECONDS_MAX = 86_400

/** From `least` seconds to a day, as the API takes it. */
export const seconds = (flag: string, text: string, least = 1): Effect.Effect<number, AdminError> => {
  const parsed = parseSeconds(text)
  if (parsed !== undefined && parsed >= least && parsed <= SECONDS_MAX) return Effect.succeed(parsed)
  const wanted = parsed === undefined ? "a duration such as 90s, 2m or 1h" : `from ${least}s to 24h`
  return Effect.fail(new AdminError({ message: `--${flag} is "${text}": it has to be ${wanted}` }))
}

/** A change that is taken back sooner could not be confirmed by a person. */
const CONFIRM_LEAST = 5

/** The part of the request that is the same for all changes. */
export const wishes = Effect.fnUntraced(function* ({ force, message, confirmWithin }: Wishes) {
  const within = Option.isNone(confirmWithin)
    ? undefined
    : yield* seconds("confirm-within", confirmWithin.value, CONFIRM_LEAST)
  return {
    ...(force ? { force } : {}),
    ...(Option.isNone(message) ? {} : { message: message.value }),
    ...(within === undefined ? {} : { confirmWithinSeconds: within })
  }
})

export const filesOf = (named: NamedFiles) =>
  Effect.mapError(readFiles(named), ({ message }) => new AdminError({ message }))

const COLOURS: Readonly<Record<Verdict, number>> = {
  "no effect": 2,
  "new announcement": 32,
  "address added": 32,
  "session added": 32,
  "session soft": 33,
  withdraw: 33,
  "session reset": 31,
  "session removed": 31,
  "address removed": 31,
  "address moved": 31
}

const coloured = (): boolean => process.stdout.isTTY === true && (process.env.NO_COLOR ?? "") === ""

const paint = (verdict: Verdict, text: string): string =>
  coloured() ? `\x1b[${COLOURS[verdict]}m${text}\x1b[0m` : text

const timeOf = (rfc3339: string): string => {
  const at = new Date(rfc3339)
  return Number.isNaN(at.getTime()) ? rfc3339 : at.toTimeString().slice(0, 8)
}

const done = (outcome: Extract<Answered, { readonly outcome: "applied" | "unchanged" | "planned" }>): string => {
  switch (outcome.outcome) {
    case "applied":
      return outcome.confirmUntil === undefined
        ? `revision ${outcome.revision} is in force`
        : `revision ${outcome.revision} is in force until ${timeOf(outcome.confirmUntil)} and is then taken back: ` +
            'run "viaduct confirm" to keep it'
    case "unchanged":
      return `nothing to do: it means the same as revision ${outcome.revision}, which is in force`
    case "planned":
      return "nothing was changed: this is what it would do"
  }
}

const NEXT: Readonly<Record<"exists" | "not-found" | "conflict" | "refused", string>> = {
  exists: "nothing was changed",
  "not-found": 'nothing was changed; "viaduct history" has the revisions that are kept',
  conflict: "nothing was changed; look at what is in force now and apply again",
  refused: "nothing was changed"
}

/** A node gets one session and loses another by the same change. */
const swapsPeers = ({ lines }: ClusterChange): boolean => {
  const nodes = (wanted: Verdict) => lines.filter(({ verdict }) => verdict === wanted).map(({ node }) => node)
  const added = new Set(nodes("session added"))
  return nodes("session removed").some((node) => added.has(node))
}

const SWAP_HINT =
  "hint: sessions come and go at the same moment here; apply --staged has the new ones Established before the old ones go"

/** Shows what came of it on standard output, and on standard error what was refused and how to go on. */
export const showOutcome = Effect.fnUntraced(function* (outcome: Answered, output: "text" | "json") {
  if (output === "json") return yield* Console.log(JSON.stringify(outcome, undefined, 2))
  switch (outcome.outcome) {
    case "invalid":
      for (const problem of outcome.problems) yield* Console.error(formatProblem(problem))
      return yield* Console.error("not valid: nothing was changed")
    case "guarded":
      yield* Console.log(printChange(outcome.change, { paint }))
      if (outcome.change.guards.length === 0)
        for (const { reason } of outcome.guards) yield* Console.error(`  - ${reason}`)
      if (swapsPeers(outcome.change)) yield* Console.error(SWAP_HINT)
      return yield* Console.error(
        "refused, and nothing was changed: change the files so that nothing is lost, or insist on it with --force"
      )
    case "applied":
    case "unchanged":
    case "planned":
      for (const problem of outcome.warnings) yield* Console.error(formatProblem(problem))
      if (outcome.outcome !== "unchanged")
        yield* Console.log(printChange(outcome.change, { paint, done: outcome.outcome === "applied" }))
      yield* Console.log(done(outcome))
      if (outcome.outcome === "planned" && swapsPeers(outcome.change)) yield* Console.error(SWAP_HINT)
      return
    default:
      return yield* Console.error(`error: ${outcome.reason}\n${NEXT[outcome.outcome]}`)
  }
})

const DONE: ReadonlyArray<Answered["outcome"]> = ["applied", "unchanged", "planned"]

/** Exit status 1 for everything that was not done. */
export const finish = Effect.fnUntraced(function* (outcome: Answered, output: "text" | "json") {
  yield* showOutcome(outcome, output)
  if (!DONE.includes(outcome.outcome)) yield* exitWithFailure
})
