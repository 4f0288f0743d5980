// The body of a request, read up to a limit and as strictly as the schema that it is decoded with. What is wrong is told by field, with
// what was found and what is expected: 413 for too much, 415 for another form, 400 for no JSON, 422 for JSON that says something else.
import type { Schema } from "effect"
import { decodeDocument } from "../config/decode.ts"
import type { Path, Problem } from "../config/problem.ts"
import { ApiError, badRequest, failure, type StatusCause } from "./failure.ts"

/** Octets of one object. */
export const OBJECT_OCTETS_MAX = 1024 * 1024
/** Octets of a whole config. */
export const CONFIG_OCTETS_MAX = 8 * 1024 * 1024

const FOUND_LENGTH_MAX = 60

const tooLarge = (maxOctets: number): ApiError =>
  new ApiError(failure(413, "RequestEntityTooLarge", `the body is larger than ${maxOctets} octets`))

/** The body in octets; throws ApiError (413). Reads no more than it takes to know that there is too much. */
export const readOctets = async (request: Request, maxOctets: number): Promise<Uint8Array> => {
  if (Number(request.headers.get("content-length") ?? 0) > maxOctets) throw tooLarge(maxOctets)
  const chunks: Array<Uint8Array> = []
  let octets = 0
  for await (const chunk of request.body ?? []) {
    octets += chunk.byteLength
    if (octets > maxOctets) throw tooLarge(maxOctets)
    chunks.push(chunk)
  }
  const all = new Uint8Array(octets)
  let offset = 0
  for (const chunk of chunks) {
    all.set(chunk, offset)
    offset += chunk.byteLength
  }
  return all
}

/** The body as text; throws ApiError (413, 400). */
export const readText = async (request: Request, maxOctets: number): Promise<string> => {
  const octets = await readOctets(request, maxOctets)
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(octets)
  } catch {
    throw badRequest("the body is not UTF-8")
  }
}

/** The body as JSON; an empty one is `{}`. Throws ApiError (413, 415, 400). */
export const readJson = async (request: Request, maxOctets: number): Promise<unknown> => {
  const text = await readText(request, maxOctets)
  if (text.trim() === "") return {}
  const type = request.headers.get("content-type") ?? "application/json"
  if (!/^application\/json\s*(;|$)/i.test(type))
    throw new ApiError(failure(415, "UnsupportedMediaType", `the body is ${type}: it has to be application/json`))
  try {
    return JSON.parse(text)
  } catch (error) {
    throw badRequest(`the body is not JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
}

const at = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>(
    (inside, key) => (typeof inside === "object" && inside !== null ? Reflect.get(inside, key) : undefined),
    value
  )

const shown = (value: unknown): string | undefined => {
  if (value === undefined) return undefined
  if (Array.isArray(value)) return "a list"
  if (typeof value === "object" && value !== null) return "a mapping"
  const text = JSON.stringify(value)
  return text.length > FOUND_LENGTH_MAX ? `${text.slice(0, FOUND_LENGTH_MAX)}…` : text
}

/** "is not valid (found 3, expected text)". */
const sentence = ({ message, found, expected, hint }: Problem): string => {
  const facts = [
    found === undefined ? undefined : `found ${found}`,
    expected === undefined ? undefined : `expected ${expected}`,
    hint === undefined ? undefined : `did you mean ${hint}?`
  ].filter((fact) => fact !== undefined)
  return facts.length === 0 ? message : `${message} (${facts.join(", ")})`
}

/**
 * What is wrong with a field, as a Status tells it.
 * @param whole what stands there for the whole, since kubectl prints an empty field as it is: ": …"
 */
export const problemCause = (problem: Problem, whole = "kind"): StatusCause => ({
  reason: problem.message.endsWith("is missing") ? "FieldValueRequired" : "FieldValueInvalid",
  message: sentence(problem),
  field: problem.path === "" ? whole : problem.path
})

/** `value` as `schema` has it, unknown fields refused. Throws ApiError of `code` that names every field that is wrong. */
export const decodeStrictly = <S extends Schema.Codec<unknown, unknown>>(
  schema: S,
  value: unknown,
  what: "body" | "query",
  code: 400 | 422
): S["Type"] => {
  const position = { line: 1, column: 1 }
  const decoded = decodeDocument(schema, {
    file: what,
    index: 0,
    value,
    locate: () => position,
    textAt: (path) => shown(at(value, path))
  })
  if (decoded.problems.length === 0 && "value" in decoded) return decoded.value as S["Type"]
  const causes = decoded.problems.map((problem) => problemCause(problem, what))
  const text = causes.map(({ field, message }) => (field === what ? message : `${field}: ${message}`)).join("; ")
  const reason = code === 400 ? "BadRequest" : "Invalid"
  throw new ApiError(failure(code, reason, `the ${what} is not valid: ${text}`, { causes }))
}
