// A Kubernetes label selector as pools have it. Read strictly: a misspelt selector would select everything.
import { Schema } from "effect"
import { Labels } from "./leaves.ts"

const OPERATORS = ["In", "NotIn", "Exists", "DoesNotExist"] as const

interface Expression {
  readonly operator: (typeof OPERATORS)[number]
  readonly values?: ReadonlyArray<string>
}

const judge = ({ operator, values = [] }: Expression) => {
  const wants = operator === "In" || operator === "NotIn"
  if (wants && values.length === 0) return { path: ["operator"], issue: `${operator} needs values` }
  return wants || values.length === 0 || { path: ["values"], issue: `${operator} takes no values` }
}

const MatchExpression = Schema.Struct({
  key: Schema.String,
  operator: Schema.Literals(OPERATORS).annotate({ expected: "In, NotIn, Exists or DoesNotExist" }),
  values: Schema.optionalKey(Schema.Array(Schema.String))
}).check(Schema.makeFilter(judge))

export const LabelSelectorPart = Schema.Struct({
  matchLabels: Schema.optionalKey(Labels),
  matchExpressions: Schema.optionalKey(Schema.Array(MatchExpression))
})
