// What became of a write, in Kubernetes' words: the object, or a Status that says what is wrong field by field, who is in the way, and
// how to insist. What would be lost or reset is told with it as a warning, which kubectl prints.
import { FORCE_ANNOTATION } from "../../config/annotations.ts"
import type { ApplyOutcome } from "../../config/outcome.ts"
import type { ClusterChange, Guard, Verdict } from "../../plan/change.ts"
import { qualified, type ResourceKind } from "../../resources/kind.ts"
import { problemCause } from "../body.ts"
import { ApiError, failure } from "../failure.ts"
import { conflict, invalid, statusDetails } from "./request.ts"

const WARNINGS_MAX = 20
/** What an operator should hear of even where nobody has to insist on it. */
const NOTABLE: ReadonlyArray<Verdict> = [
  "withdraw",
  "session removed",
  "session reset",
  "address removed",
  "address moved"
]

type Succeeded = Extract<ApplyOutcome, { readonly outcome: "applied" | "unchanged" | "planned" }>

const forbidden = (kind: ResourceKind, name: string, guards: ReadonlyArray<Guard>): ApiError => {
  const reasons = guards.map(({ reason }) => reason).join("; ")
  const how =
    `to do it all the same, annotate the object with ${FORCE_ANNOTATION}=true (the write that needs it uses it up), ` +
    'or add "?force=true" to the request'
  const message = `${qualified(kind.plural, kind)} "${name}" is forbidden: ${reasons} (${how})`
  const causes = guards.map(({ type, subject, reason }) => ({ reason: type, message: reason, field: subject }))
  return new ApiError(failure(403, "Forbidden", message, { ...statusDetails(kind, name), causes }))
}

/** What was done; throws ApiError for what was not. */
export const succeeded = (kind: ResourceKind, name: string, outcome: ApplyOutcome): Succeeded => {
  switch (outcome.outcome) {
    case "applied":
    case "unchanged":
    case "planned":
      return outcome
    case "invalid": {
      const errors = outcome.problems.filter(({ severity }) => severity === "error")
      throw invalid(
        kind,
        name,
        errors.map((problem) => problemCause(problem))
      )
    }
    case "exists": {
      const message = `${qualified(kind.plural, kind)} "${name}" already exists`
      throw new ApiError(failure(409, "AlreadyExists", message, statusDetails(kind, name)))
    }
    case "not-found": {
      const message = `${qualified(kind.plural, kind)} "${name}" not found`
      throw new ApiError(failure(404, "NotFound", message, statusDetails(kind, name)))
    }
    case "conflict":
      throw conflict(kind, name, `${outcome.reason}; take the object as it is now and change that`)
    case "guarded":
      throw forbidden(kind, name, outcome.guards)
    case "refused": {
      const message = `${qualified(kind.plural, kind)} "${name}" cannot be changed now: ${outcome.reason}`
      throw new ApiError(failure(503, "ServiceUnavailable", message, statusDetails(kind, name)))
    }
  }
}

const notable = ({ lines }: ClusterChange): ReadonlyArray<string> =>
  lines
    .filter(({ verdict }) => NOTABLE.includes(verdict))
    .map(
      ({ verdict, node, subject, detail }) =>
        `${verdict}: ${node === undefined ? "" : `${node}: `}${subject}: ${detail}`
    )

/** Header values of RFC 7234 5.5, code 299: what the config's checks warn of, and what the change does to sessions and addresses. */
export const warningHeaders = ({ warnings, change, confirmUntil }: Succeeded): ReadonlyArray<string> => {
  const problems = warnings.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`))
  const told = notable(change)
  const more = told.length > WARNINGS_MAX ? [`and ${told.length - WARNINGS_MAX} more changes of this kind`] : []
  const waits = confirmUntil === undefined ? [] : [`taken back at ${confirmUntil} unless it is confirmed`]
  return [...problems.slice(0, WARNINGS_MAX), ...told.slice(0, WARNINGS_MAX), ...more, ...waits].map(
    // A header holds visible ASCII: what else there is in a message would be read as garbage.
    (text) =>
      `299 viaduct "${text
        .replaceAll("→", "->")
        .replace(/[^\x20-\x7e]+/g, "?")
        .replace(/["\\]/g, "\\$&")}"`
  )
}
