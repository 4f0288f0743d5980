// The text of a YAML file as pieces with one document each, so that one document can be replaced and the others stay as they are to
// the octet, with their comments. Only markers count: in YAML a line that begins with `---` or `...` is never part of a document, not
// even inside a text block. The pieces put together are the file.

/** A stretch of a file with at most one document: its marker, its comments and its content. */
export interface Piece {
  readonly text: string
  /** Of its first line, from 1. */
  readonly line: number
}

const STARTS = /^\uFEFF?---(?=[ \t\r\n]|$)/
const ENDS = /^\.\.\.(?=[ \t\r\n]|$)/
const DIRECTIVE = /^%/
const EMPTY = /^[ \t]*(?:#.*)?\r?\n?$/

const linesOf = (text: string): ReadonlyArray<string> => text.match(/[^\n]*\n|[^\n]+$/g) ?? []

/** Directives stand before the marker of the document that they are for. */
const awaitsMarker = (lines: ReadonlyArray<string>): boolean =>
  lines.some((line) => DIRECTIVE.test(line)) && lines.every((line) => DIRECTIVE.test(line) || EMPTY.test(line))

/** UTF-16 units. What is longer is not read, and not taken apart either: that alone would take a while. */
export const FILE_LENGTH_MAX = 8 * 1024 * 1024

const PIECES_MAX = 100_000

export const splitPieces = (text: string): ReadonlyArray<Piece> => {
  if (text.length > FILE_LENGTH_MAX) return [{ text, line: 1 }]
  const pieces: Array<Piece> = []
  let lines: Array<string> = []
  let line = 1
  const close = (): void => {
    if (lines.length === 0) return
    pieces.push({ text: lines.join(""), line })
    line += lines.length
    lines = []
  }
  for (const one of linesOf(text)) {
    if (STARTS.test(one) && !awaitsMarker(lines)) close()
    lines.push(one)
    if (ENDS.test(one)) close()
  }
  close()
  // A million documents of nothing take as long as a few large ones.
  return pieces.length > PIECES_MAX ? [{ text, line: 1 }] : pieces
}

interface Parts {
  /** Directives, marker, and the comments before the content. */
  readonly head: string
  readonly content: string
  /** Comments behind it that begin a line (what stands farther in may be part of a text block), and the end marker. */
  readonly tail: string
}

const partsOf = (text: string): Parts => {
  const lines = [...linesOf(text)]
  const head: Array<string> = []
  let marked = false
  while (lines[0] !== undefined) {
    const line = lines[0]
    const marker = marked ? null : STARTS.exec(line)
    if (marker !== null) {
      marked = true
      const rest = line.slice(marker[0].length)
      head.push(EMPTY.test(rest) ? line : "---\n")
      if (EMPTY.test(rest)) lines.shift()
      else lines[0] = rest.trimStart()
      continue
    }
    if (!EMPTY.test(line) && (marked || !DIRECTIVE.test(line))) break
    head.push(line)
    lines.shift()
  }
  let end = lines.length
  while (end > 0 && /^(?:#|[ \t]*\r?\n?$|\.\.\.(?=[ \t\r\n]|$))/.test(lines[end - 1] ?? "")) end--
  return { head: head.join(""), content: lines.slice(0, end).join(""), tail: lines.slice(end).join("") }
}

const inLines = (text: string): string => (text === "" || text.endsWith("\n") ? text : `${text}\n`)

/** The content of a piece alone. */
export const contentOf = (text: string): string => inLines(partsOf(text).content)

/** The piece with another content, its marker and the comments around it as they were. */
export const withContent = (text: string, content: string): string => {
  const { head, tail } = partsOf(text)
  return `${inLines(head)}${inLines(content)}${tail}`
}

/** What is left of a piece whose document goes: comments that may be about the next one. */
export const withoutContent = (text: string): string => {
  const { tail } = partsOf(text)
  return tail.trim() === "" ? "" : tail
}
