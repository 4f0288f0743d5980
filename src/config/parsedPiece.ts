// One piece of a YAML file (pieces.ts) parsed: its value, where its content begins, what is wrong with it. Parsing is what costs time
// with thousands of documents, and it is done on the thread that BGP runs on: what was parsed lately is not parsed again, and a
// piece that could hold the parser up for long is refused before it is looked at (I5).
import { type Document, isScalar, LineCounter, type Node, parseAllDocuments, visit } from "yaml"

/** UTF-16 units. One of this size takes the parser a fifth of a second, and twice that where there is nothing right in it. */
const DOCUMENT_LENGTH_MAX = 256 * 1024
const DEPTH_MAX = 100
const PROBLEMS_MAX = 20

/** Line and column from 1, within the piece. */
export interface PieceProblem {
  readonly severity: "error" | "warning"
  readonly line: number
  readonly column: number
  readonly message: string
  /** The line to which the message points, at its end. */
  readonly firstLine?: number
}

export interface PieceDocument {
  /** Plain JSON-like value, never null; to be read only. */
  readonly value: unknown
  /** Offset of the content in the piece. */
  readonly offset: number
}

export interface ParsedPiece {
  /** One, as a rule. */
  readonly documents: ReadonlyArray<PieceDocument>
  /** Documents in it, empty ones and broken ones included. */
  readonly count: number
  readonly problems: ReadonlyArray<PieceProblem>
  /** No document had to be left out. */
  readonly complete: boolean
}

export interface PieceTree {
  readonly documents: ReadonlyArray<Document.Parsed>
  readonly lines: LineCounter
}

/** The parser's own tree, for who needs to know where something stands. Throws as the parser does. */
export const treeOf = (text: string): PieceTree => {
  const lines = new LineCounter()
  const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, logLevel: "silent" })
  return { documents: Array.isArray(parsed) ? parsed : [], lines }
}

export const rangeOf = (node: unknown): readonly [number, number] | undefined => {
  const range = (node as Node | null | undefined)?.range
  return range === null || range === undefined ? undefined : [range[0], range[1]]
}

/** The parser's words without the excerpt of the source that it appends. */
/** The parser quotes what it found, however long that is. */
const QUOTED_MAX = 160

const firstSentence = (message: string): string => {
  const line = (message.split("\n")[0] ?? message).replace(/:$/, "")
  return line.length > QUOTED_MAX ? `${line.slice(0, QUOTED_MAX)}…` : line
}

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

/** Brackets within text count as well: no document of ours has a hundred of them open. */
const tooDeep = (text: string): boolean => {
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 0x5b || code === 0x7b) depth++
    else if (code === 0x5d || code === 0x7d) depth = Math.max(0, depth - 1)
    if (depth > DEPTH_MAX) return true
  }
  return /^[ \t]*(?:[-?:][ \t]+){100}/m.test(text)
}

const whyNotParsed = (text: string): string | undefined => {
  if (text.length > DOCUMENT_LENGTH_MAX)
    return `the document has ${Math.ceil(text.length / 1024)} KiB: one of more than ${DOCUMENT_LENGTH_MAX / 1024} is not read`
  return tooDeep(text) ? `the document is nested more than ${DEPTH_MAX} deep` : undefined
}

/** Blank, comments, markers: nothing that the parser would have to look at. */
const isEmpty = (text: string): boolean => /^(?:\uFEFF?(?:---|\.\.\.)?[ \t]*(?:#.*)?\r?(?:\n|$))*$/.test(text)

const NOTHING: ParsedPiece = { documents: [], count: 0, problems: [], complete: true }

const parse = (text: string): ParsedPiece => {
  if (isEmpty(text)) return { ...NOTHING, count: /^---/m.test(text) ? 1 : 0 }
  const refusal = whyNotParsed(text)
  const problems = new Map<string, PieceProblem>()
  const report = (
    lines: LineCounter | undefined,
    offset: number,
    severity: "error" | "warning",
    message: string,
    more: Pick<PieceProblem, "firstLine"> = {}
  ) => {
    const { line, col } = lines?.linePos(offset) ?? { line: 1, col: 1 }
    // One mistake upsets the parser several times over: of a line, its first complaint is the one to read.
    const key = `${severity} ${Math.max(1, line)}`
    if (problems.has(key) || problems.size >= PROBLEMS_MAX) return
    problems.set(key, { severity, line: Math.max(1, line), column: Math.max(1, col), message, ...more })
  }
  const done = (documents: ReadonlyArray<PieceDocument>, count: number, complete: boolean): ParsedPiece => ({
    documents,
    count,
    problems: [...problems.values()],
    complete
  })
  if (refusal !== undefined) {
    report(undefined, 0, "error", refusal)
    return done([], 1, false)
  }
  const documents: Array<PieceDocument> = []
  let [complete, count] = [true, 0]
  try {
    const { documents: parsed, lines } = treeOf(text)
    count = parsed.length
    for (const doc of parsed) {
      for (const { pos, message } of doc.warnings) report(lines, pos[0], "warning", `YAML: ${firstSentence(message)}`)
      for (const { code, pos, message } of doc.errors) {
        const first = code === "DUPLICATE_KEY" ? firstOfKey(doc, pos[0]) : undefined
        if (first === undefined) report(lines, pos[0], "error", `YAML: ${firstSentence(message)}`)
        else {
          const firstLine = lines.linePos(first.offset).line
          report(lines, pos[0], "error", `YAML: the key ${first.key} is there twice, first`, { firstLine })
        }
      }
      if (doc.errors.some((error) => error.code !== "DUPLICATE_KEY")) complete = false
      else if (doc.contents !== null) {
        const value: unknown = doc.toJS({ maxAliasCount: 100 })
        if (value !== null) documents.push({ value, offset: rangeOf(doc.contents)?.[0] ?? doc.range[0] })
      }
    }
  } catch (cause) {
    // Aliases without an anchor, alias bombs and nesting beyond the stack end up here: the piece cannot be read.
    report(undefined, 0, "error", `YAML: ${firstSentence(cause instanceof Error ? cause.message : String(cause))}`)
    return done([], Math.max(1, count), false)
  }
  return done(documents, count, complete)
}

/** By text. Two generations: what neither of the last few loads asked for is forgotten. */
const GENERATION_LENGTH_MAX = 8 * 1024 * 1024
let [young, old] = [new Map<string, ParsedPiece>(), new Map<string, ParsedPiece>()]
let youngLength = 0

/** The same text gives the same value. Never throws. */
export const parsedPiece = (text: string): ParsedPiece => {
  const known = young.get(text)
  if (known !== undefined) return known
  const piece = old.get(text) ?? parse(text)
  if (youngLength > GENERATION_LENGTH_MAX) {
    ;[young, old, youngLength] = [new Map(), young, 0]
  }
  young.set(text, piece)
  youngLength += text.length
  return piece
}
