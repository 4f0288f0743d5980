// Changes of single documents in the text of a config: one is replaced, added or taken out, and all others stay as they are to the
// octet. And the merge of a file that people edit with a config that was changed elsewhere meanwhile, document by document.
import { stringify } from "yaml"
import type { ConfigChange } from "./change.ts"
import { type ConfigDocument, documentsOf } from "./documentsOf.ts"
import { asWritten, clusterNamespaceOf, type Json, refKey, refOf, refText } from "./identity.ts"
import { KINDS } from "./kinds.ts"
import type { ConfigFile } from "./load.ts"
import type { ObjectRef } from "./objects.ts"
import { contentOf, splitPieces, withContent, withoutContent } from "./pieces.ts"
import type { Problem } from "./problem.ts"

export type Edited =
  | { readonly outcome: "edited"; readonly files: ReadonlyArray<ConfigFile>; readonly ref: ObjectRef }
  | { readonly outcome: "exists" | "not-found" | "conflict"; readonly reason: string }
  /** It names no kind that we know, or has no name. */
  | { readonly outcome: "invalid"; readonly problems: ReadonlyArray<Problem> }

export type DocumentChange = Extract<ConfigChange, { readonly type: "put" | "delete" }>

/** Texts of the pieces by file; what is empty in the end is no file any more. */
class Draft {
  private readonly pieces: Array<Array<string>>
  private readonly changed = new Set<number>()
  private readonly left: Array<number>
  private readonly added: Array<ConfigFile> = []

  constructor(private readonly files: ReadonlyArray<ConfigFile>) {
    this.pieces = files.map(({ text }) => splitPieces(text).map((piece) => piece.text))
    this.left = files.map(() => 0)
    for (const { file } of documentsOf(files)) this.left[file] = (this.left[file] ?? 0) + 1
  }

  private change({ file, piece }: ConfigDocument, how: (text: string) => string): void {
    const pieces = this.pieces[file]
    if (pieces === undefined) return
    pieces[piece] = how(pieces[piece] ?? "")
    this.changed.add(file)
  }

  replace(document: ConfigDocument, content: string): void {
    this.change(document, (text) => withContent(text, content))
  }

  remove(document: ConfigDocument): void {
    this.change(document, withoutContent)
    this.left[document.file] = (this.left[document.file] ?? 0) - 1
  }

  add(path: string, text: string): void {
    const taken = new Set([...this.files, ...this.added].map((file) => file.path))
    let free = path
    for (let n = 2; taken.has(free); n++) free = path.replace(/\.yaml$/, `-${n}.yaml`)
    this.added.push({ path: free, text })
  }

  result(): ReadonlyArray<ConfigFile> {
    const kept = this.files.flatMap((file, index) => {
      if (!this.changed.has(index)) return [file]
      return this.left[index] === 0 ? [] : [{ path: file.path, text: (this.pieces[index] ?? []).join("") }]
    })
    return [...kept, ...this.added]
  }
}

const pathOf = ({ kind, namespace, name }: ObjectRef): string =>
  `${[kind.toLowerCase(), ...(namespace === "" ? [] : [namespace]), name].join("/")}.yaml`

/** As JSON has it, so that YAML writes nothing that JSON does not know. */
const yamlOf = (value: Json): string =>
  stringify(JSON.parse(JSON.stringify(asWritten(value))), { lineWidth: 0, aliasDuplicateObjects: false })

const problem = (path: string, message: string, more: Partial<Problem> = {}): Problem => ({
  severity: "error",
  file: "object",
  line: 1,
  column: 1,
  path,
  message,
  ...more
})

const notNamed = (value: Json): ReadonlyArray<Problem> => {
  const known = KINDS.filter(({ kind }) => kind === value.kind)
  if (known.length === 0)
    return [problem("kind", "is no kind of a cluster's config", { expected: KINDS.map(({ kind }) => kind).join(", ") })]
  if (known.every(({ apiVersion }) => apiVersion !== value.apiVersion))
    return [
      problem("apiVersion", `${value.kind} is not known in this version`, { expected: known[0]?.apiVersion ?? "" })
    ]
  return [problem("metadata.name", "name is missing")]
}

/** Namespaces of what is put follow the Cluster in force, or the one that is put. */
const namespaceFor = (files: ReadonlyArray<ConfigFile>, value: Json): string => {
  const contents = documentsOf(files).flatMap(({ object }) => object?.content ?? [])
  return clusterNamespaceOf([...contents, value])
}

const conflict = (ref: ObjectRef, wanted: number, found: number): Edited => ({
  outcome: "conflict",
  reason: `${refText(ref)} has changed meanwhile: it is at generation ${found}, the change is of generation ${wanted}`
})

/** `files` with one document changed. `generationOf` is asked about objects that are there. */
export const editFiles = (
  files: ReadonlyArray<ConfigFile>,
  change: DocumentChange,
  generationOf: (ref: ObjectRef) => number
): Edited => {
  const ref = change.type === "delete" ? change.ref : refOf(change.object, namespaceFor(files, change.object))
  if (ref === undefined) return { outcome: "invalid", problems: change.type === "put" ? notNamed(change.object) : [] }
  const [first, ...again] = documentsOf(files).filter(({ key }) => key === refKey(ref))
  const wanted = change.ifGeneration
  if (first === undefined && (change.type === "delete" || wanted !== undefined))
    return { outcome: "not-found", reason: `there is no ${refText(ref)}` }
  if (first !== undefined) {
    if (change.type === "put" && change.ifAbsent === true)
      return { outcome: "exists", reason: `${refText(ref)} is there already` }
    if (wanted !== undefined && wanted !== generationOf(ref)) return conflict(ref, wanted, generationOf(ref))
  }
  const draft = new Draft(files)
  if (change.type === "delete") {
    if (first !== undefined) draft.remove(first)
  } else if (first === undefined) draft.add(pathOf(ref), yamlOf(change.object))
  else draft.replace(first, yamlOf(change.object))
  for (const document of again) draft.remove(document)
  return { outcome: "edited", files: draft.result(), ref }
}

const byKey = (files: ReadonlyArray<ConfigFile>): ReadonlyMap<string, ConfigDocument> =>
  new Map(documentsOf(files).map((document) => [document.key, document]))

/** The text of one document alone. */
const textOf = (files: ReadonlyArray<ConfigFile>, { file, piece }: ConfigDocument): string =>
  contentOf(splitPieces(files[file]?.text ?? "")[piece]?.text ?? "")

const isOwnFile = (files: ReadonlyArray<ConfigFile>, document: ConfigDocument): boolean =>
  documentsOf(files).filter(({ file }) => file === document.file).length === 1

/**
 * `edited`, which people made out of `base`, with what was changed in `current` since then. Document by document: what the file has
 * changed or left out is as the file says, everything else as `current` says.
 */
export const mergeFiles = (
  base: ReadonlyArray<ConfigFile>,
  edited: ReadonlyArray<ConfigFile>,
  current: ReadonlyArray<ConfigFile>
): ReadonlyArray<ConfigFile> => {
  const [old, mine, theirs] = [byKey(base), byKey(edited), byKey(current)]
  const draft = new Draft(edited)
  for (const [key, document] of mine) {
    if (old.get(key)?.content !== document.content) continue
    const other = theirs.get(key)
    if (other === undefined) draft.remove(document)
    else if (other.content !== document.content) draft.replace(document, textOf(current, other))
  }
  for (const [key, other] of theirs) {
    if (mine.has(key) || old.has(key)) continue
    const path = isOwnFile(current, other) ? current[other.file]?.path : undefined
    const own = other.object === undefined ? "documents.yaml" : pathOf(other.object.ref)
    draft.add(path ?? own, textOf(current, other))
  }
  return draft.result()
}
