// A preflight as people read it: a line for each finding while it runs, a summary at the end, and the whole as JSON for machines.
import { CHECK_KINDS, type Check, type Finding, type Outcome, type Severity, severityOf } from "./types.ts"

const WORDS: Readonly<Record<Severity, string>> = { ok: "ok", skipped: "skip", warning: "WARN", failed: "FAIL" }
const COLOURS: Readonly<Record<Severity, string>> = {
  ok: "\x1b[32m",
  skipped: "\x1b[2m",
  warning: "\x1b[33m",
  failed: "\x1b[31m"
}

/** "cp1 -> 10.8.0.10 10.0.0.8". */
const who = ({ node, peer, subject }: Check): string => {
  const ends = [node, peer].filter((end) => end !== undefined).join(" -> ")
  return [ends, subject === node ? "" : subject].filter((part) => part !== "").join(" ")
}

const took = ({ check, tookMs }: Outcome): string =>
  check.task.type === "judged" || tookMs === 0 ? "" : ` (${(tookMs / 1_000).toFixed(2)} s)`

const painted = (severity: Severity, colour: boolean): string => {
  const word = WORDS[severity].padEnd(4)
  return colour ? `${COLOURS[severity]}${word}\x1b[0m` : word
}

/** Lines for a check that is over: one for each finding, its hints below it. `at`: RFC 3339, shown by its time of day. */
export const outcomeLines = (outcome: Outcome, at: string, colour: boolean): ReadonlyArray<string> =>
  outcome.findings.flatMap(({ severity, text, hints }, index) => {
    const line = [
      at.slice(11, 23),
      painted(severity, colour),
      outcome.check.kind.padEnd(9),
      `${who(outcome.check)}:`.padEnd(34),
      `${text}${index === 0 ? took(outcome) : ""}`
    ].join(" ")
    return [line, ...hints.map((hint) => `${" ".repeat(18)}-> ${hint}`)]
  })

const columns = (rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => (row[at] ?? "").length)))
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join("   ")
      .trimEnd()
  )
}

const SEVERITIES = ["ok", "warning", "failed", "skipped"] as const

const withSeverity = (outcomes: ReadonlyArray<Outcome>, severity: Severity): number =>
  outcomes.filter(({ findings }) => severityOf(findings) === severity).length

/** One sentence about all. */
export const verdict = (outcomes: ReadonlyArray<Outcome>): string => {
  const count = (severity: Severity): number => withSeverity(outcomes, severity)
  const more = [
    ...(count("warning") === 0 ? [] : [`${count("warning")} with a warning`]),
    ...(count("skipped") === 0 ? [] : [`${count("skipped")} not tried`])
  ].join(", ")
  const rest = more === "" ? "" : ` (${more})`
  if (count("failed") > 0) return `${count("failed")} of ${outcomes.length} checks failed${rest}`
  return more === "" ? `all ${outcomes.length} checks are well` : `nothing failed in ${outcomes.length} checks${rest}`
}

const problems = (
  outcomes: ReadonlyArray<Outcome>
): ReadonlyArray<{ readonly check: Check; readonly finding: Finding }> =>
  (["failed", "warning"] as const).flatMap((severity) =>
    outcomes.flatMap(({ check, findings }) =>
      findings.filter((finding) => finding.severity === severity).map((finding) => ({ check, finding }))
    )
  )

/** The table of the kinds of check, then what is not well, then the verdict. */
export const summaryLines = (outcomes: ReadonlyArray<Outcome>): ReadonlyArray<string> => {
  const kinds = CHECK_KINDS.filter((kind) => outcomes.some(({ check }) => check.kind === kind))
  const table = columns([
    ["CHECK", "OK", "WARNING", "FAILED", "SKIPPED"],
    ...kinds.map((kind) => {
      const own = outcomes.filter(({ check }) => check.kind === kind)
      return [kind, ...SEVERITIES.map((severity) => String(withSeverity(own, severity)))]
    })
  ])
  const list = problems(outcomes).flatMap(({ check, finding: { severity, text, hints } }) => [
    `${WORDS[severity]} ${check.kind} ${who(check)}: ${text}`,
    ...hints.map((hint) => `     -> ${hint}`)
  ])
  return [...table, "", ...(list.length === 0 ? [] : [...list, ""]), verdict(outcomes)]
}

/** What `-o json` prints and the log directory keeps. `startedAt`: RFC 3339. */
export const reportJson = (
  cluster: string,
  startedAt: string,
  outcomes: ReadonlyArray<Outcome>,
  complete: boolean
): unknown => ({
  cluster,
  startedAt,
  /** False: it was interrupted. */
  complete,
  result: !complete
    ? "incomplete"
    : withSeverity(outcomes, "failed") > 0
      ? "failed"
      : withSeverity(outcomes, "warning") > 0
        ? "warning"
        : "ok",
  counts: Object.fromEntries(SEVERITIES.map((severity) => [severity, withSeverity(outcomes, severity)])),
  checks: outcomes.map(({ check, findings, tookMs }) => ({
    id: check.id,
    kind: check.kind,
    ...(check.node === undefined ? {} : { node: check.node }),
    ...(check.peer === undefined ? {} : { peer: check.peer }),
    ...(check.subject === "" ? {} : { subject: check.subject }),
    result: severityOf(findings),
    tookMs: Math.round(tookMs),
    findings
  }))
})
