// Errors as the API says them: a Kubernetes Status object (v1) with a message for people, a reason for programs
// and the HTTP code, which clients such as kubectl print as they are. No error carries a stack trace or the text
// of an unexpected exception: that may hold what nobody should see (I10).
import type { ContentfulStatusCode } from "hono/utils/http-status"
import type { ResourceKind } from "../resources/kind.ts"
import { qualified } from "../resources/kind.ts"
import { NodeUnavailable } from "./source.ts"

export interface StatusCause {
  readonly reason: string
  readonly message: string
  readonly field: string
}

interface StatusDetails {
  readonly name?: string
  readonly group?: string
  readonly kind?: string
  readonly uid?: string
  /** What is wrong, field by field. */
  readonly causes?: ReadonlyArray<StatusCause>
}

/** Status (v1) of a request that failed. */
export interface FailureStatus {
  readonly kind: "Status"
  readonly apiVersion: "v1"
  readonly metadata: Readonly<Record<string, never>>
  readonly status: "Failure"
  readonly message: string
  readonly reason: string
  readonly details: StatusDetails
  readonly code: ContentfulStatusCode
}

export const failure = (
  code: ContentfulStatusCode,
  reason: string,
  message: string,
  details: StatusDetails = {}
): FailureStatus => ({
  kind: "Status",
  apiVersion: "v1",
  metadata: {},
  status: "Failure",
  message,
  reason,
  details,
  code
})

/** Thrown where a request cannot be answered; the application turns it into its Status. */
export class ApiError extends Error {
  readonly _tag = "ApiError"
  readonly status: FailureStatus

  constructor(status: FailureStatus) {
    super(status.message)
    this.status = status
  }
}

export const unknownPath: FailureStatus = failure(404, "NotFound", "the server could not find the requested resource")

export const notFound = (kind: ResourceKind, name: string): ApiError =>
  new ApiError(
    failure(404, "NotFound", `${qualified(kind.plural, kind)} "${name}" not found`, {
      name,
      group: kind.group,
      kind: kind.plural
    })
  )

export const badRequest = (message: string): ApiError => new ApiError(failure(400, "BadRequest", message))

/** The history does not reach back (or not yet forward) to the version: list again and watch from there. */
export const expired = (version: string): ApiError =>
  new ApiError(
    failure(410, "Expired", `no history for resource version ${version}: list again and watch from its version`)
  )

/** Turns anything that was thrown into what to answer. */
export type ExplainError = (error: unknown) => FailureStatus

/** An explanation for whoever asked; an error that nobody foresaw goes to `report`, and its text no further. */
export const explainErrors =
  (report: (error: unknown) => void): ExplainError =>
  (error) => {
    if (error instanceof ApiError) return error.status
    if (error instanceof NodeUnavailable) return failure(502, "NodeUnavailable", error.message)
    report(error)
    return failure(500, "InternalError", "the request failed inside the daemon; its log says why")
  }
