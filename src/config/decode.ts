// One document against the schema of its kind. Schema issues become problems with a place in the file: each leaf
// of the issue tree once, unknown fields at their key with the nearest valid name, everything else at its value,
// what is missing at the mapping that lacks it. A document whose only fault is unknown fields still gives a value,
// so that the checks across documents run and the operator sees everything at once.
import { Result, Schema, SchemaAST, type SchemaIssue } from "effect"
import { nearest } from "./nearest.ts"
import { formatPath, type Path, type Problem } from "./problem.ts"
import type { SourceDocument } from "./source.ts"

interface Finding {
  readonly kind: "unknown" | "missing" | "invalid"
  readonly path: Path
  readonly message?: string
  readonly expected?: string
  /** Valid names beside an unknown one. */
  readonly names?: ReadonlyArray<string>
  readonly asn?: boolean
}

const namesOf = (ast: SchemaAST.AST): ReadonlyArray<string> =>
  SchemaAST.isObjects(ast) ? ast.propertySignatures.map((signature) => String(signature.name)) : []

const expectedOf = (ast: SchemaAST.AST): Pick<Finding, "expected" | "asn"> => {
  const notes = SchemaAST.resolve(ast)
  const expected = notes?.expected
  return {
    expected: typeof expected === "string" ? expected : (TYPE_NAMES[ast._tag] ?? literalsOf(ast)),
    asn: notes?.asn === true
  }
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  String: "text",
  Number: "a number",
  Boolean: "true or false",
  Objects: "a mapping",
  Arrays: "a list"
}

const literalsOf = (ast: SchemaAST.AST): string =>
  SchemaAST.isLiteral(ast) ? String(ast.literal) : "another kind of value"

type Inherited = Pick<Finding, "expected" | "asn">

/**
 * A union fails as a whole; where exactly one member got inside the value before it failed, its finding is the
 * better one.
 */
const insideUnion = (issue: SchemaIssue.AnyOf, path: Path, inherited: Inherited): ReadonlyArray<Finding> => {
  const deeper = issue.issues
    .flatMap((member) => findings(member, path, inherited))
    .filter((f) => f.path.length > path.length)
  if (deeper.length > 0) return deeper
  const own = expectedOf(issue.ast)
  return [{ kind: "invalid", path, ...own }]
}

const findings = (issue: SchemaIssue.Issue, path: Path, inherited: Inherited): ReadonlyArray<Finding> => {
  switch (issue._tag) {
    case "Pointer":
      return findings(issue.issue, [...path, ...issue.path.map((k) => (typeof k === "symbol" ? String(k) : k))], {})
    case "Composite": {
      const own = expectedOf(issue.ast)
      return issue.issues.flatMap((child) => findings(child, path, own))
    }
    case "Encoding":
      return findings(issue.issue, path, expectedOf(issue.ast))
    case "Filter":
      return findings(issue.issue, path, inherited)
    case "AnyOf":
      return insideUnion(issue, path, inherited)
    case "UnexpectedKey":
      return [{ kind: "unknown", path, names: namesOf(issue.ast) }]
    case "MissingKey":
      return [{ kind: "missing", path }]
    case "InvalidType":
      return [{ kind: "invalid", path, ...expectedOf(issue.ast) }]
    case "InvalidValue": {
      const message = issue.annotations?.message
      return [{ kind: "invalid", path, ...inherited, ...(typeof message === "string" ? { message } : {}) }]
    }
    default:
      return [{ kind: "invalid", path, ...inherited }]
  }
}

/** "1.10" in asdot is 65546 in plain form (RFC 5396). */
const asPlain = (text: string | undefined): string | undefined => {
  const dotted = /^["']?(\d{1,5})\.(\d{1,5})["']?$/.exec(text ?? "")
  return dotted === null ? undefined : String(Number(dotted[1]) * 65536 + Number(dotted[2]))
}

const toProblem = (source: SourceDocument, finding: Finding): Problem => {
  const at = finding.kind === "unknown" ? source.locate(finding.path, "key") : source.locate(finding.path)
  const place = { severity: "error", file: source.file, ...at, path: formatPath(finding.path) } as const
  const last = String(finding.path[finding.path.length - 1] ?? "")
  if (finding.kind === "missing") return { ...place, message: `${last} is missing` }
  if (finding.kind === "unknown") {
    const hint = nearest(last, finding.names ?? [])
    return {
      ...place,
      message: "unknown field",
      found: last,
      ...(hint === undefined ? { expected: `one of ${(finding.names ?? []).join(", ")}` } : { hint })
    }
  }
  const found = source.textAt(finding.path)
  const hint = finding.asn === true ? asPlain(found) : undefined
  return {
    ...place,
    message:
      hint === undefined ? (finding.message ?? "is not valid") : "AS numbers are written in plain form, not asdot",
    ...(found === undefined ? {} : { found }),
    ...(finding.expected === undefined ? {} : { expected: finding.expected }),
    ...(hint === undefined ? {} : { hint })
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** A copy of `value` without the key at `path`. */
const without = (value: unknown, path: Path): unknown => {
  const [head, ...rest] = path
  if (head === undefined) return value
  if (Array.isArray(value)) return value.map((item, i) => (i === head ? without(item, rest) : item))
  if (!isRecord(value)) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, item]) =>
      key !== String(head) ? [[key, item]] : rest.length === 0 ? [] : [[key, without(item, rest)]]
    )
  )
}

export interface DecodedDocument<T> {
  /** Absent where the document is not valid beyond unknown fields. */
  readonly value?: T
  readonly problems: ReadonlyArray<Problem>
}

/** Reads `source` as a document of `schema`. Never throws. */
export const decodeDocument = <S extends Schema.Codec<unknown, unknown>>(
  schema: S,
  source: SourceDocument
): DecodedDocument<S["Type"]> => {
  const decode = Schema.decodeUnknownResult(schema)
  const options = { errors: "all", onExcessProperty: "error" } as const
  const first = decode(source.value, options)
  if (Result.isSuccess(first)) return { value: first.success, problems: [] }
  const found = new Map<string, Finding>()
  for (const finding of findings(first.failure.issue, [], {})) {
    const key = formatPath(finding.path)
    if (!found.has(key)) found.set(key, finding)
  }
  const all = [...found.values()]
  const problems = all.map((finding) => toProblem(source, finding))
  const unknown = all.filter((finding) => finding.kind === "unknown")
  const again = decode(
    unknown.reduce((value, finding) => without(value, finding.path), source.value),
    options
  )
  return Result.isSuccess(again) ? { value: again.success, problems } : { problems }
}
