// What the verbs answer, as schemas: the OpenAPI document is made of them and clients decode with them. The types are those of the
// contracts (control.ts, plan/change.ts, explain/types.ts …); that they agree is checked where a verb returns a contract's value.
import { Schema } from "effect"

const { String: Text, Int, Boolean: Flag, optionalKey } = Schema
const named = <S extends Schema.Top>(identifier: string, schema: S) => schema.annotate({ identifier })

const Problem = named(
  "Problem",
  Schema.Struct({
    severity: Schema.Literals(["error", "warning"]),
    file: Text,
    line: Int,
    column: Int,
    path: Text,
    message: Text,
    found: optionalKey(Text),
    expected: optionalKey(Text),
    hint: optionalKey(Text)
  })
)

const ChangeLine = named(
  "ChangeLine",
  Schema.Struct({
    verdict: Schema.Literals([
      "no effect",
      "new announcement",
      "withdraw",
      "session soft",
      "session added",
      "session removed",
      "session reset",
      "address added",
      "address removed",
      "address moved"
    ]),
    node: optionalKey(Text),
    subject: Text,
    detail: Text,
    parameters: optionalKey(Schema.Array(Text))
  })
)

const Guard = named(
  "Guard",
  Schema.Struct({
    type: Schema.Literals(["last-session", "last-control-plane-path", "service-address"]),
    subject: Text,
    reason: Text,
    pause: optionalKey(Schema.Literal(true))
  })
)

const ClusterChange = named(
  "ClusterChange",
  Schema.Struct({ lines: Schema.Array(ChangeLine), guards: Schema.Array(Guard), summary: Text })
)

const ConfigObject = named("ConfigObject", Schema.Record(Text, Schema.Unknown))

/** ApplyOutcome. */
export const Outcome = named(
  "ApplyOutcome",
  Schema.Union([
    Schema.Struct({
      outcome: Schema.Literals(["applied", "unchanged", "planned"]),
      revision: Int,
      change: ClusterChange,
      warnings: Schema.Array(Problem),
      object: optionalKey(ConfigObject),
      confirmUntil: optionalKey(Text)
    }),
    Schema.Struct({ outcome: Schema.Literal("invalid"), problems: Schema.Array(Problem) }),
    Schema.Struct({ outcome: Schema.Literals(["exists", "not-found", "conflict"]), reason: Text }),
    Schema.Struct({ outcome: Schema.Literal("guarded"), change: ClusterChange, guards: Schema.Array(Guard) }),
    Schema.Struct({ outcome: Schema.Literal("refused"), reason: Text })
  ])
)

export const Progress = named(
  "StageProgress",
  Schema.Struct({
    step: Int,
    steps: Int,
    what: Text,
    state: Schema.Literals(["started", "waiting", "done", "failed"]),
    detail: Text
  })
)

export const DoneAnswer = named("Done", Schema.Struct({ done: Flag, reason: Text }))

const Revision = named(
  "RevisionInfo",
  Schema.Struct({
    revision: Int,
    hash: Text,
    at: Text,
    by: Text,
    node: Text,
    origin: Schema.Literals(["file", "api", "apply", "rollback", "unconfirmed"]),
    message: optionalKey(Text),
    summary: optionalKey(Text),
    unconfirmed: optionalKey(Schema.Struct({ until: Text, rollbackTo: Int }))
  })
)

export const History = named("History", Schema.Struct({ revision: Int, hash: Text, history: Schema.Array(Revision) }))

const State = Schema.Literals(["ok", "warn", "broken", "unknown"])

interface Link {
  readonly subject: string
  readonly state: typeof State.Type
  readonly text: string
  readonly hints: ReadonlyArray<string>
  readonly links: ReadonlyArray<Link>
}

const ExplainLink: Schema.Codec<Link> = named(
  "ExplainLink",
  Schema.Struct({
    subject: Text,
    state: State,
    text: Text,
    hints: Schema.Array(Text),
    links: Schema.Array(Schema.suspend((): Schema.Codec<Link> => ExplainLink))
  })
)

export const ExplanationAnswer = named(
  "Explanation",
  Schema.Struct({
    target: Schema.Struct({ type: Schema.Literals(["vip", "service", "peer", "floatingip", "node"]), name: Text }),
    verdict: Text,
    state: State,
    chain: Schema.Array(ExplainLink),
    broken: optionalKey(Schema.Struct({ subject: Text, text: Text, hints: Schema.Array(Text) }))
  })
)

export const Message = named(
  "TraceRecord",
  Schema.Struct({
    sequence: Int,
    at: Text,
    session: Text,
    direction: Schema.Literals(["sent", "received"]),
    localAddress: Text,
    localPort: Int,
    peerAddress: Text,
    peerPort: Int,
    type: Schema.Literals(["OPEN", "UPDATE", "NOTIFICATION", "KEEPALIVE", "ROUTE-REFRESH", "unknown"]),
    text: Text,
    hex: optionalKey(Text)
  })
)
