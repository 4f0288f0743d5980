// What is wrong with a configuration, as a value that names the place: file, line and column of the offending
// node, its path inside the document, what was found and what is expected. Problems are collected, never thrown,
// so that one run shows them all. Nothing here holds a secret (I10): `found` quotes the file, which names keys by
// file only.

export type Severity = "error" | "warning"

/** The way from a document's root to a node: keys of mappings and indices of lists. */
export type Path = ReadonlyArray<string | number>

export interface Problem {
  readonly severity: Severity
  readonly file: string
  /** From 1. */
  readonly line: number
  /** From 1, in UTF-16 units. */
  readonly column: number
  /** "spec.loadBalancer.bgpPeers[0].asn"; empty for a document as a whole. */
  readonly path: string
  readonly message: string
  /** As it stands in the file. */
  readonly found?: string
  readonly expected?: string
  /** What was probably meant: the nearest valid name or a value to write instead. */
  readonly hint?: string
}

const PLAIN_KEY = /^[A-Za-z_][\w-]*$/

/** `["spec", "bgpPeers", 0, "a/b"]` as `spec.bgpPeers[0]["a/b"]`. */
export const formatPath = (path: Path): string =>
  path
    .map((key, i) => {
      if (typeof key === "number") return `[${key}]`
      if (!PLAIN_KEY.test(key)) return `[${JSON.stringify(key)}]`
      return i === 0 ? key : `.${key}`
    })
    .join("")

/** What a file has may not write to the terminal that it is told on. */
const escaped = (character: string): string => JSON.stringify(character).slice(1, -1)

/**
 * One line for people and editors: `file:line:column: error: path: message (found …, expected …; did you mean
 * …?)`.
 */
export const formatProblem = (p: Problem): string => {
  const facts = [
    p.found === undefined ? undefined : `found ${p.found}`,
    p.expected === undefined ? undefined : `expected ${p.expected}`
  ].filter((fact) => fact !== undefined)
  const hint = p.hint === undefined ? undefined : `did you mean ${p.hint}?`
  const details = [facts.join(", "), hint].filter((part) => part !== undefined && part !== "").join("; ")
  const path = p.path === "" ? "" : `${p.path}: `
  const text = `${p.severity}: ${path}${p.message}${details === "" ? "" : ` (${details})`}`
  return `${p.file}:${p.line}:${p.column}: ${text.replace(/\p{Cc}/gu, escaped)}`
}

/** By place in the files, in the order in which the files were given; the same place twice keeps its order. */
export const sortProblems = (
  problems: ReadonlyArray<Problem>,
  files: ReadonlyArray<string> = []
): ReadonlyArray<Problem> =>
  [...problems].sort((a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line || a.column - b.column)
