// The revisions of the cluster's config as the store keeps them. `config/current` (layout.ts) says which one is in force and how it came
// to be; `config/revisions/<n>` has its documents, and what is known of each object beside its document. Both are written in one
// transaction. etcd takes 1.5 MB in one request: documents are compressed (RFC 1951) where that is worth it, old revisions are
// forgotten. A value that cannot be read is undefined, never an error.
import { Result, Schema } from "effect"
import { deflateSync, inflateSync, strFromU8, strToU8 } from "fflate"
import type { ObjectMeta, ObjectMetas } from "../config/documentsOf.ts"
import type { ConfigFile } from "../config/load.ts"
import type { RevisionInfo } from "../config/objects.ts"
import type { ConfigRevision } from "../plan/view.ts"

export interface RevisionRecord {
  /** Without `unconfirmed`, which stands in `config/current` alone. */
  readonly info: RevisionInfo
  readonly files: ReadonlyArray<ConfigFile>
  readonly metas: ObjectMetas
}

const prefix = "config/revisions/"

/** In the order of the numbers. */
export const revisionKey = (revision: number): string => `${prefix}${String(revision).padStart(10, "0")}`

export const revisionOfKey = (key: string): number | undefined => {
  const match = /^config\/revisions\/(\d+)$/.exec(key)
  return match === null ? undefined : Number(match[1])
}

/** What a node took from its file last: what its file has changed since is told by that. Kept where the file is a source. */
export const takenFileKey = "config/file"

const InfoRecord = Schema.Struct({
  revision: Schema.Int,
  hash: Schema.String,
  at: Schema.String,
  by: Schema.String,
  node: Schema.String,
  origin: Schema.Literals(["file", "api", "apply", "rollback", "unconfirmed"]),
  message: Schema.optionalKey(Schema.String),
  summary: Schema.optionalKey(Schema.String)
})

const BodyRecord = Schema.Struct({
  files: Schema.Array(Schema.Struct({ path: Schema.String, text: Schema.String })),
  /** Key, generation, when it came to be, in which revision. */
  objects: Schema.Array(Schema.Tuple([Schema.String, Schema.Int, Schema.String, Schema.Int]))
})

const Stored = Schema.Struct({
  info: Schema.optionalKey(InfoRecord),
  body: Schema.optionalKey(BodyRecord),
  /** The body's JSON, deflated, in base64. */
  deflated: Schema.optionalKey(Schema.String)
})

/** Bodies shorter than this can be read as they are in the store. */
const compressFrom = 4_096

/** What one value may be long: etcd's limit is 1.5 MB for a request, and values travel in base64. */
export const revisionLengthMax = 1_000_000

const bodyOf = (files: ReadonlyArray<ConfigFile>, metas: ObjectMetas) => {
  const objects = [...metas].map(([key, { generation, created, since }]) => [key, generation, created, since] as const)
  const body = { files, objects }
  const text = JSON.stringify(body)
  if (text.length < compressFrom) return { body }
  return { deflated: btoa(strFromU8(deflateSync(strToU8(text), { level: 9 }), true)) }
}

export const revisionValue = ({ info: { unconfirmed: _, ...info }, files, metas }: RevisionRecord): string =>
  JSON.stringify({ info, ...bodyOf(files, metas) })

export const takenFileValue = (files: ReadonlyArray<ConfigFile>): string => JSON.stringify(bodyOf(files, new Map()))

const decodeStored = Schema.decodeUnknownResult(Schema.fromJsonString(Stored))
const decodeBody = Schema.decodeUnknownResult(Schema.fromJsonString(BodyRecord))

const inflated = (text: string): string | undefined => {
  try {
    return strFromU8(inflateSync(strToU8(atob(text), true)))
  } catch {
    // Not what this program wrote: unreadable, which is the caller's to tell.
    return undefined
  }
}

const readStored = (value: string) => {
  const stored = Result.getOrUndefined(decodeStored(value))
  const { deflated, body } = stored ?? {}
  const read = deflated === undefined ? body : Result.getOrUndefined(decodeBody(inflated(deflated) ?? ""))
  return { info: stored?.info, body: read }
}

export const readRevision = (value: string): RevisionRecord | undefined => {
  const { info, body } = readStored(value)
  if (info === undefined || body === undefined) return undefined
  const metas = new Map(
    body.objects.map(([key, generation, created, since]): [string, ObjectMeta] => [key, { generation, created, since }])
  )
  return { info, files: body.files, metas }
}

/** The record without its documents. */
export const readRevisionInfo = (value: string): RevisionInfo | undefined =>
  Result.getOrUndefined(decodeStored(value))?.info

export const readTakenFile = (value: string): ReadonlyArray<ConfigFile> | undefined => readStored(value).body?.files

/** What a pointer says of its revision; one that an older version wrote says less. */
export const infoOf = ({ by, origin, ...rest }: ConfigRevision): RevisionInfo => ({
  ...rest,
  by: by ?? rest.node,
  origin: origin ?? "file"
})

const revisionsMax = 50
const lengthMax = 4_000_000

/** Of the revisions in the store those to be forgotten: all but the newest few, as far as they fit, and what is in `needed`. */
export const outdated = (
  revisions: ReadonlyArray<{ readonly revision: number; readonly length: number }>,
  needed: ReadonlySet<number>
): ReadonlyArray<number> => {
  let [count, length] = [0, 0]
  return [...revisions]
    .sort((a, b) => b.revision - a.revision)
    .filter((one) => {
      count++
      length += one.length
      return (count > revisionsMax || length > lengthMax) && !needed.has(one.revision)
    })
    .map(({ revision }) => revision)
}
