// The last revision that a node ran, in its own data directory: what it starts from when the store cannot be reached. Where the revision
// waits to be confirmed, what it is taken back to is kept beside it.
import { type Effect, Result, Schema } from "effect"
import { type RevisionRecord, readRevision, revisionValue } from "../cluster/revisions.ts"
import type { ConfigRevision } from "../plan/view.ts"

export interface ConfigCopy {
  /** Undefined: there is none. */
  readonly read: Effect.Effect<string | undefined>
  readonly write: (text: string) => Effect.Effect<void>
}

const Copy = Schema.fromJsonString(
  Schema.Struct({
    unconfirmed: Schema.optionalKey(Schema.Struct({ until: Schema.String, rollbackTo: Schema.Int })),
    revision: Schema.String,
    fallback: Schema.optionalKey(Schema.String)
  })
)

export const copyText = (
  { unconfirmed }: ConfigRevision,
  record: RevisionRecord,
  fallback: string | undefined
): string => JSON.stringify({ unconfirmed, revision: revisionValue(record), fallback })

/** Undefined: none that could be read. */
export const readCopy = (text: string) => {
  const copy = Schema.decodeUnknownResult(Copy)(text)
  if (Result.isFailure(copy)) return undefined
  const { unconfirmed, revision, fallback } = copy.success
  const record = readRevision(revision)
  if (record === undefined) return undefined
  return { record, unconfirmed, fallback: fallback === undefined ? undefined : readRevision(fallback) }
}
