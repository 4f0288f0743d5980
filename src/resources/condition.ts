// Conditions as Kubernetes objects have them (meta/v1 Condition): what `kubectl wait --for=condition=…` waits for.
import { Schema } from "effect"
import { objectTime } from "./kind.ts"

export const Condition = Schema.Struct({
  type: Schema.String,
  status: Schema.Literals(["True", "False", "Unknown"]),
  reason: Schema.String,
  message: Schema.optionalKey(Schema.String),
  lastTransitionTime: Schema.String
})
export type Condition = typeof Condition.Type

/**
 * A condition that holds or does not.
 * @param reason CamelCase
 * @param since RFC 3339
 */
export const condition = (type: string, holds: boolean, reason: string, message: string, since: string): Condition => ({
  type,
  status: holds ? "True" : "False",
  reason,
  ...(message === "" ? {} : { message }),
  lastTransitionTime: objectTime(since)
})
