// YAML text as documents that remember where everything stands. The parser keeps its nodes, so that a path inside a
// document leads back to a line and a column, for keys and for values. Syntax errors and duplicate keys are problems
// with a place; no text makes this throw. A document with syntax errors has no value and is not looked into further.
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments, visit } from "yaml"
import type { Path, Problem } from "./problem.ts"

export interface Position {
  readonly line: number
  readonly column: number
}

/** One YAML document. */
export interface SourceDocument {
  readonly file: string
  /** From 0, in its file. */
  readonly index: number
  /** Plain JSON-like value. */
  readonly value: unknown
  /** Where the node at `path`, or its key, begins; for a path that is not there, its nearest ancestor. */
  readonly locate: (path: Path, what?: "key" | "value") => Position
  /** The text of a scalar as it stands in the file; a word for anything else. */
  readonly textAt: (path: Path) => string | undefined
}

const FOUND_LENGTH_MAX = 60

interface Found {
  readonly node: unknown
  readonly key: unknown
  readonly complete: boolean
}

/** Follows `path` through mappings, lists and aliases as far as it goes. */
const follow = (doc: Document.Parsed, path: Path): Found => {
  let found: Found = { node: doc.contents, key: undefined, complete: true }
  for (const step of path) {
    const node = isAlias(found.node) ? found.node.resolve(doc) : found.node
    const pair = isMap(node)
      ? node.items.find((item) => (isScalar(item.key) ? String(item.key.value) : String(item.key)) === String(step))
      : undefined
    const next: unknown =
      pair !== undefined ? pair.value : isSeq(node) && typeof step === "number" ? node.items[step] : undefined
    if (pair === undefined && next === undefined) return { ...found, complete: false }
    found = { node: next, key: pair === undefined ? next : pair.key, complete: true }
  }
  return found
}

const rangeOf = (node: unknown): readonly [number, number] | undefined => {
  const range = (node as Node | null | undefined)?.range
  return range === null || range === undefined ? undefined : [range[0], range[1]]
}

const describeNode = (node: unknown, text: string): string => {
  if (isMap(node)) return "a mapping"
  if (isSeq(node)) return "a list"
  const range = rangeOf(node)
  const raw = range === undefined ? "" : (text.slice(range[0], range[1]).split("\n")[0] ?? "").trim()
  if (raw === "") return "nothing"
  return raw.length > FOUND_LENGTH_MAX ? `${raw.slice(0, FOUND_LENGTH_MAX)}…` : raw
}

const sourceDocument = (
  file: string,
  text: string,
  lines: LineCounter,
  doc: Document.Parsed,
  index: number,
  value: unknown
): SourceDocument => ({
  file,
  index,
  value,
  locate: (path, what = "value") => {
    const found = follow(doc, path)
    const range =
      (what === "key" && found.complete ? rangeOf(found.key) : undefined) ?? rangeOf(found.node) ?? rangeOf(found.key)
    const at = lines.linePos(range?.[0] ?? doc.range[0])
    return { line: Math.max(1, at.line), column: Math.max(1, at.col) }
  },
  textAt: (path) => {
    const found = follow(doc, path)
    return found.complete ? describeNode(found.node, text) : undefined
  }
})

/** The parser's words without the excerpt of the source that it appends. */
const firstSentence = (message: string): string => (message.split("\n")[0] ?? message).replace(/:$/, "")

/** For the second of two equal keys at `offset`: the key's text and where the first one stands. */
const firstOfKey = (
  doc: Document.Parsed,
  offset: number
): { readonly key: string; readonly offset: number } | undefined => {
  let found: { readonly key: string; readonly offset: number } | undefined
  visit(doc, {
    Map: (_, map) => {
      const again = map.items.find((item) => rangeOf(item.key)?.[0] === offset)
      if (again === undefined || !isScalar(again.key)) return undefined
      const value = again.key.value
      const first = map.items.find((item) => isScalar(item.key) && item.key.value === value)
      found = { key: String(value), offset: rangeOf(first?.key)?.[0] ?? offset }
      return visit.BREAK
    }
  })
  return found
}

/** The documents of one file; empty documents are left out. Every other irregularity is a problem. */
export const parseSource = (
  file: string,
  text: string
): {
  readonly documents: ReadonlyArray<SourceDocument>
  readonly problems: ReadonlyArray<Problem>
  /** No document had to be left out for its syntax. */
  readonly complete: boolean
} => {
  let complete = true
  const lines = new LineCounter()
  const problems: Array<Problem> = []
  const documents: Array<SourceDocument> = []
  const report = (offset: number, severity: Problem["severity"], message: string) => {
    const at = lines.linePos(offset)
    // One mistake upsets the parser several times over: of a line, its first complaint is the one to read.
    if (problems.some((other) => other.severity === severity && other.line === Math.max(1, at.line))) return
    problems.push({ severity, file, line: Math.max(1, at.line), column: Math.max(1, at.col), path: "", message })
  }
  try {
    const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, logLevel: "silent" })
    const docs: ReadonlyArray<Document.Parsed> = Array.isArray(parsed) ? parsed : []
    for (const [index, doc] of docs.entries()) {
      for (const warning of doc.warnings) report(warning.pos[0], "warning", `YAML: ${firstSentence(warning.message)}`)
      for (const error of doc.errors) {
        const first = error.code === "DUPLICATE_KEY" ? firstOfKey(doc, error.pos[0]) : undefined
        const message =
          first === undefined
            ? firstSentence(error.message)
            : `the key ${first.key} is there twice, first in line ${lines.linePos(first.offset).line}`
        report(error.pos[0], "error", `YAML: ${message}`)
      }
      if (doc.errors.some((error) => error.code !== "DUPLICATE_KEY")) {
        complete = false
        continue
      }
      if (doc.contents === null) continue
      const value: unknown = doc.toJS({ maxAliasCount: 100 })
      if (value !== null) documents.push(sourceDocument(file, text, lines, doc, index, value))
    }
  } catch (cause) {
    // Aliases without an anchor, alias bombs and nesting beyond the stack end up here: the file cannot be read.
    complete = false
    report(0, "error", `YAML: ${firstSentence(cause instanceof Error ? cause.message : String(cause))}`)
  }
  return { documents, problems, complete }
}
