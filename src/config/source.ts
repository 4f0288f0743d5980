// YAML text as documents that remember where everything stands, piece by piece (pieces.ts). A path inside a document leads back to a line
// and a column, for keys and for values. Syntax errors and duplicate keys are problems with a place; no text makes this throw. A
// document with syntax errors has no value and is not looked into further.
import { type Document, isAlias, isMap, isScalar, isSeq } from "yaml"
import { type ParsedPiece, type PieceDocument, type PieceTree, parsedPiece, rangeOf, treeOf } from "./parsedPiece.ts"
import { FILE_LENGTH_MAX, splitPieces } from "./pieces.ts"
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

const describeNode = (node: unknown, text: string): string => {
  if (isMap(node)) return "a mapping"
  if (isSeq(node)) return "a list"
  const range = rangeOf(node)
  const raw = range === undefined ? "" : (text.slice(range[0], range[1]).split("\n")[0] ?? "").trim()
  if (raw === "") return "nothing"
  return raw.length > FOUND_LENGTH_MAX ? `${raw.slice(0, FOUND_LENGTH_MAX)}…` : raw
}

/** Where a document is: document `nth` of a piece that begins in `line` of its file. */
interface Place {
  readonly file: string
  readonly index: number
  readonly piece: string
  readonly nth: number
  readonly line: number
}

/** Of an offset in `text`, from 1. */
const positionAt = (text: string, offset: number): Position => {
  const before = text.slice(0, offset)
  const newline = before.lastIndexOf("\n")
  return { line: before.split("\n").length, column: offset - newline }
}

const sourceDocument = ({ file, index, piece, nth, line }: Place, { value, offset }: PieceDocument): SourceDocument => {
  // Few are asked where something stands.
  let tree: PieceTree | undefined
  const found = (path: Path) => {
    tree ??= treeOf(piece)
    const doc = tree.documents.filter(({ contents }) => contents !== null)[nth]
    return { doc, lines: tree.lines, found: doc === undefined ? undefined : follow(doc, path) }
  }
  return {
    file,
    index,
    value,
    locate: (path, what = "value") => {
      if (path.length === 0) {
        const start = positionAt(piece, offset)
        return { line: start.line + line - 1, column: start.column }
      }
      const { doc, lines, found: at } = found(path)
      const range =
        (what === "key" && at?.complete === true ? rangeOf(at.key) : undefined) ?? rangeOf(at?.node) ?? rangeOf(at?.key)
      const position = lines.linePos(range?.[0] ?? doc?.range[0] ?? 0)
      return { line: Math.max(1, position.line) + line - 1, column: Math.max(1, position.col) }
    },
    textAt: (path) => {
      const { found: at } = found(path)
      return at?.complete === true ? describeNode(at.node, piece) : undefined
    }
  }
}

const PROBLEMS_MAX = 100

const tooLarge = (file: string, text: string): Problem => ({
  severity: "error",
  file,
  line: 1,
  column: 1,
  path: "",
  message: `the file has ${Math.ceil(text.length / 1024 / 1024)} MiB: one of more than ${FILE_LENGTH_MAX / 1024 / 1024} is not read`
})

const SLICE_LENGTH = 32 * 1024

/** Parses what `parseSource` will ask for, a slice at each step. */
export function* parseAhead(text: string): Generator<void, void> {
  if (text.length > FILE_LENGTH_MAX) return
  let length = 0
  for (const { text: piece } of splitPieces(text)) {
    parsedPiece(piece)
    length += piece.length
    if (length < SLICE_LENGTH) continue
    length = 0
    yield
  }
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
  if (text.length > FILE_LENGTH_MAX) return { documents: [], problems: [tooLarge(file, text)], complete: false }
  let complete = true
  let index = 0
  const problems: Array<Problem> = []
  const documents: Array<SourceDocument> = []
  const add = (piece: ParsedPiece, pieceText: string, line: number): void => {
    for (const [nth, document] of piece.documents.entries())
      documents.push(sourceDocument({ file, index: index + nth, piece: pieceText, nth, line }, document))
    for (const { firstLine, message, ...problem } of piece.problems) {
      const first = firstLine === undefined ? "" : ` in line ${firstLine + line - 1}`
      problems.push({ ...problem, file, path: "", line: problem.line + line - 1, message: `${message}${first}` })
    }
    index += piece.count
    complete &&= piece.complete
  }
  for (const { text: piece, line } of splitPieces(text)) {
    if (problems.length >= PROBLEMS_MAX) return { documents, problems, complete: false }
    add(parsedPiece(piece), piece, line)
  }
  return { documents, problems, complete }
}
