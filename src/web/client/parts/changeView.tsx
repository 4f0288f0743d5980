// What a change would do: a line for each thing that moves, with its verdict, most harmful first; what only goes by
// force; what is wrong with the documents, with the way to the line.
import type { ApplyOutcome } from "../../../api/control.ts"
import type { Problem } from "../../../config/problem.ts"
import type { ChangeLine, ClusterChange, Guard, Verdict } from "../../../plan/change.ts"
import { plural } from "../model/format.ts"
import { Sign, type Tone } from "./icons.tsx"
import { Badge } from "./small.tsx"
import { type Column, Table } from "./table.tsx"

const tones: Readonly<Record<Verdict, Tone>> = {
  "no effect": "off",
  "new announcement": "good",
  "session added": "good",
  "address added": "good",
  "session soft": "trying",
  withdraw: "warn",
  "session removed": "warn",
  "address removed": "warn",
  "address moved": "warn",
  "session reset": "bad"
}

const columns: ReadonlyArray<Column<ChangeLine>> = [
  { name: "Verdict", cell: ({ verdict }) => <Badge tone={tones[verdict] ?? "off"}>{verdict}</Badge> },
  { name: "What", role: "main", cell: ({ subject }) => <span dir="auto">{subject}</span> },
  { name: "Node", cell: ({ node }) => <span dir="auto">{node ?? "all"}</span> },
  {
    name: "Detail",
    cell: ({ detail, parameters }) => (
      <span class="reason" dir="auto">
        {detail}
        {parameters !== undefined && parameters.length > 0 && <span>; forced by {parameters.join(", ")}</span>}
      </span>
    )
  }
]

const Lines = ({ change }: { change: ClusterChange }) => (
  <Table
    label="What the change does"
    id="change-"
    columns={columns}
    items={change.lines}
    keyOf={({ verdict, node = "", subject, detail }) => `${verdict} ${node} ${subject} ${detail}`}
    empty="Nothing moves: no session, no route and no address is touched."
  />
)

const Guards = ({ guards }: { guards: ReadonlyArray<Guard> }) =>
  guards.length === 0 ? null : (
    <div class="guards" role="alert">
      <p>
        <Sign tone="bad" /> <strong>This goes only if you insist:</strong>
      </p>
      <ul>
        {guards.map(({ subject, reason }) => (
          <li key={subject + reason} dir="auto">
            <strong>{subject}</strong>: {reason}
          </li>
        ))}
      </ul>
    </div>
  )

interface ProblemsProps {
  readonly problems: ReadonlyArray<Problem>
  readonly onProblem: ((problem: Problem) => void) | undefined
}

const PROBLEMS_SHOWN = 100

const Problems = ({ problems, onProblem }: ProblemsProps) => (
  <ul class="config-problems">
    {problems.slice(0, PROBLEMS_SHOWN).map((problem) => (
      <li key={`${problem.line}:${problem.column}:${problem.path}:${problem.message}`} dir="auto">
        <Sign tone={problem.severity === "error" ? "bad" : "warn"} size={14} />
        {onProblem === undefined ? (
          <span>line {problem.line}</span>
        ) : (
          <button type="button" class="plain" onClick={() => onProblem(problem)}>
            line {problem.line}
          </button>
        )}
        <span>
          {problem.path !== "" && <code>{problem.path}</code>} {problem.message}
          {problem.found !== undefined && <span class="dim"> Found {problem.found}.</span>}
          {problem.expected !== undefined && <span class="dim"> Expected {problem.expected}.</span>}
          {problem.hint !== undefined && <span> Did you mean {problem.hint}?</span>}
        </span>
      </li>
    ))}
    {problems.length > PROBLEMS_SHOWN && <li class="dim">and {problems.length - PROBLEMS_SHOWN} more</li>}
  </ul>
)

interface ChangeViewProps {
  readonly outcome: ApplyOutcome
  readonly onProblem?: (problem: Problem) => void
}

export const ChangeView = ({ outcome, onProblem }: ChangeViewProps) => {
  switch (outcome.outcome) {
    case "invalid": {
      const errors = outcome.problems.filter(({ severity }) => severity === "error").length
      return (
        <section aria-label="What is wrong">
          <p class="refusal" role="status">
            <Sign tone="bad" /> This is no valid config: {plural(errors, "mistake")}.
          </p>
          <Problems problems={outcome.problems} onProblem={onProblem} />
        </section>
      )
    }
    case "guarded":
      return (
        <section aria-label="What the change does">
          <h3>What it does: {outcome.change.summary}</h3>
          <Guards guards={outcome.guards} />
          <Lines change={outcome.change} />
        </section>
      )
    case "applied":
    case "unchanged":
    case "planned":
      return (
        <section aria-label="What the change does">
          <h3>
            {outcome.outcome === "unchanged" || outcome.change.lines.length === 0
              ? "It means the same as what is in force"
              : `What it does: ${outcome.change.summary}`}
          </h3>
          <Guards guards={outcome.change.guards} />
          {outcome.warnings.length > 0 && <Problems problems={outcome.warnings} onProblem={onProblem} />}
          <Lines change={outcome.change} />
        </section>
      )
    default:
      return (
        <p class="refusal" role="status" dir="auto">
          <Sign tone="bad" /> {outcome.reason}
        </p>
      )
  }
}

/** What has to be insisted on. */
export const guardsOf = (outcome: ApplyOutcome): ReadonlyArray<Guard> => {
  if (outcome.outcome === "guarded") return outcome.guards
  return "change" in outcome ? outcome.change.guards : []
}

/** Whether there is something to apply. */
export const appliable = (outcome: ApplyOutcome): boolean =>
  outcome.outcome === "guarded" || outcome.outcome === "planned" || outcome.outcome === "unchanged"
