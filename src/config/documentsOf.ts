// The documents of a config's files one by one: which are objects (identity.ts), what they say, where they stand in the text. And what
// the store of configs keeps beside them: when an object came to be, and how often it has changed since.
import { hash64 } from "../net/hash.ts"
import { clusterNamespaceOf, contentOfObject, isRecord, type ObjectContent, refKey, refOf } from "./identity.ts"
import type { ConfigFile } from "./load.ts"
import type { ConfigObject, ObjectRef } from "./objects.ts"
import { splitPieces } from "./pieces.ts"
import { remembered } from "./remember.ts"
import { parseSource } from "./source.ts"
import { stableJson } from "./stableJson.ts"

export interface ConfigDocument {
  /** Index of its file, and of its piece of that file's text (pieces.ts). */
  readonly file: number
  readonly piece: number
  /** `refKey`, or for what is no object, its content. */
  readonly key: string
  /** Equal for documents that say the same. */
  readonly content: string
  /** Absent: no object of ours. */
  readonly object?: { readonly ref: ObjectRef; readonly content: ObjectContent }
}

const read = (files: ReadonlyArray<ConfigFile>): ReadonlyArray<ConfigDocument> => {
  const sources = files.map(({ path, text }) => ({
    documents: parseSource(path, text).documents,
    pieces: splitPieces(text)
  }))
  const namespace = clusterNamespaceOf(sources.flatMap(({ documents }) => documents.map(({ value }) => value)))
  return sources.flatMap(({ documents, pieces }, file) =>
    documents.map(({ value, locate }): ConfigDocument => {
      const { line } = locate([])
      const piece = pieces.findLastIndex((one) => one.line <= line)
      const ref = refOf(value, namespace)
      if (ref === undefined || !isRecord(value)) {
        const content = stableJson(value)
        return { file, piece, key: content, content }
      }
      const content = contentOfObject(value, ref)
      return { file, piece, key: refKey(ref), content: stableJson(content), object: { ref, content } }
    })
  )
}

/** In the order of the files and their lines. Documents with syntax errors are left out. */
export const documentsOf = remembered(read)

/** What the store of configs knows of an object beside its document. */
export interface ObjectMeta {
  readonly generation: number
  /** RFC 3339. */
  readonly created: string
  /** Revision that it came with: an object that was deleted and made again is another one. */
  readonly since: number
}

/** By `refKey`. */
export type ObjectMetas = ReadonlyMap<string, ObjectMeta>

const hex = (text: string): string => hash64(text).toString(16).padStart(16, "0")

/** A UUID (version 8, RFC 9562) that every node works out alike. */
const uidOf = (key: string, { created, since }: ObjectMeta): string => {
  const digits = hex(`${key} ${since} ${created}`) + hex(`${created} ${key} ${since}`)
  const parts = [digits.slice(0, 8), digits.slice(8, 12), `8${digits.slice(13, 16)}`, `8${digits.slice(17, 20)}`]
  return [...parts, digits.slice(20)].join("-")
}

/** The documents of `files` that are objects. One that `metas` does not have is as new as `otherwise` says. */
export const configObjects = (
  files: ReadonlyArray<ConfigFile>,
  metas: ObjectMetas,
  otherwise: ObjectMeta
): ReadonlyArray<ConfigObject> =>
  documentsOf(files).flatMap(({ key, object }) => {
    if (object === undefined) return []
    const meta = metas.get(key) ?? otherwise
    const { apiVersion, kind, metadata, ...rest } = object.content
    const { name, namespace, ...more } = metadata
    const given = { uid: uidOf(key, meta), generation: meta.generation, creationTimestamp: meta.created }
    return [{ apiVersion, kind, metadata: { name, namespace, ...given, ...more }, ...rest }]
  })

const contents = (files: ReadonlyArray<ConfigFile>): ReadonlyMap<string, string> =>
  new Map(documentsOf(files).map(({ key, content }) => [key, content]))

const areReadable = remembered((files) =>
  files.every(({ path, text }) => !parseSource(path, text).problems.some(({ severity }) => severity === "error"))
)

/** Whether both have the same documents, whatever their order, comments and layout. What cannot be read is like nothing else. */
export const sameDocuments = (a: ReadonlyArray<ConfigFile>, b: ReadonlyArray<ConfigFile>): boolean => {
  if (!areReadable(a) || !areReadable(b)) return false
  const [left, right] = [contents(a), contents(b)]
  // Twice the same is not the same: it is a mistake.
  if (left.size !== documentsOf(a).length || right.size !== documentsOf(b).length) return false
  return left.size === right.size && [...left].every(([key, content]) => right.get(key) === content)
}

/** What is known of the objects of `files`, which become revision `revision` in the place of `before`. */
export const nextMetas = (
  before: { readonly files: ReadonlyArray<ConfigFile>; readonly metas: ObjectMetas } | undefined,
  files: ReadonlyArray<ConfigFile>,
  revision: number,
  at: string
): ObjectMetas => {
  const old = before === undefined ? new Map<string, string>() : contents(before.files)
  return new Map(
    documentsOf(files).flatMap(({ key, content, object }) => {
      if (object === undefined) return []
      const meta = old.has(key) ? before?.metas.get(key) : undefined
      if (meta === undefined) return [[key, { generation: 1, created: at, since: revision }] as const]
      const changed = old.get(key) !== content
      return [[key, changed ? { ...meta, generation: meta.generation + 1 } : meta] as const]
    })
  )
}
