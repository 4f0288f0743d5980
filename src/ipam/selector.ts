// Kubernetes label selectors: every label and every expression must hold; an empty selector holds for everything.
import type { LabelSelector } from "./types.ts"

type Labels = Readonly<Record<string, string>>
type Expression = NonNullable<LabelSelector["matchExpressions"]>[number]

const labelOf = (labels: Labels, key: string): string | undefined =>
  Object.hasOwn(labels, key) ? labels[key] : undefined

const holds = ({ key, operator, values = [] }: Expression, labels: Labels): boolean => {
  const value = labelOf(labels, key)
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value)
    case "NotIn":
      return value === undefined || !values.includes(value)
    case "Exists":
      return value !== undefined
    case "DoesNotExist":
      return value === undefined
  }
}

/** Whether `selector` chooses something with `labels`. */
export const selects = ({ matchLabels = {}, matchExpressions = [] }: LabelSelector, labels: Labels): boolean =>
  Object.entries(matchLabels).every(([key, value]) => labelOf(labels, key) === value) &&
  matchExpressions.every((expression) => holds(expression, labels))
