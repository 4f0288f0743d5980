// Label and field selectors in Kubernetes' syntax, as pure tests of an object. Labels: `a=b`, `a==b`, `a!=b`, `a
// in (b,c)`, `a notin (b,c)`, `a`, `!a`, joined by commas. Fields: `path=value`, `path==value`, `path!=value`,
// joined by commas, for the paths that the kind declares. A selector that cannot be read is refused with its
// reason; it never selects by chance.
import { Result } from "effect"
import { type ApiObject, qualified, type ResourceKind } from "./kind.ts"
import { valueAt } from "./valueAt.ts"

type Select = (object: ApiObject) => boolean

const everything: Select = () => true

const all =
  (tests: ReadonlyArray<Select>): Select =>
  (object) =>
    tests.every((test) => test(object))

/** Parts between commas that are not inside parentheses; blank parts are dropped. */
const parts = (text: string): ReadonlyArray<string> =>
  (text.match(/(?:\([^)]*\)|[^,(])+|\(/g) ?? []).map((part) => part.trim()).filter((part) => part !== "")

/** The test that the selector's text means, or why it means none. Text that is empty or absent selects everything. */
export const labelSelector = (text: string | undefined): Result.Result<Select, string> => {
  const tests: Array<Select> = []
  for (const part of parts(text ?? "")) {
    const test = requirement(part)
    if (test === undefined) return Result.fail(`unable to parse requirement in label selector: "${part}"`)
    tests.push(test)
  }
  return Result.succeed(tests.length === 0 ? everything : all(tests))
}

const KEY = "[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?"
const EXISTS = new RegExp(`^(!?)\\s*(${KEY})$`)
const EQUALS = new RegExp(`^(${KEY})\\s*(==|=|!=)\\s*([A-Za-z0-9._-]*)$`)
const IN = new RegExp(`^(${KEY})\\s+(in|notin)\\s*\\(([^()]*)\\)$`)

const requirement = (part: string): Select | undefined => {
  const exists = EXISTS.exec(part)
  if (exists !== null) {
    const [, not, key = ""] = exists
    return ({ metadata }) => (metadata.labels?.[key] === undefined) === (not === "!")
  }
  const equals = EQUALS.exec(part)
  if (equals !== null) {
    const [, key = "", operator, value = ""] = equals
    return ({ metadata }) => (metadata.labels?.[key] === value) === (operator !== "!=")
  }
  const set = IN.exec(part)
  if (set !== null) {
    const [, key = "", operator, list = ""] = set
    const values = list.split(",").map((value) => value.trim())
    return ({ metadata }) => {
      const label = metadata.labels?.[key]
      return (label !== undefined && values.includes(label)) === (operator === "in")
    }
  }
  return undefined
}

/** The test that a field selector means for objects of `kind`, or why it means none. */
export const fieldSelector = (kind: ResourceKind, text: string | undefined): Result.Result<Select, string> => {
  const known = ["metadata.name", "metadata.namespace", ...kind.selectableFields]
  const tests: Array<Select> = []
  for (const part of parts(text ?? "")) {
    const [, path, operator, value] = /^([^=!]+?)\s*(==|=|!=)\s*(.*)$/.exec(part) ?? []
    if (path === undefined) return Result.fail(`invalid field selector: "${part}" is not path=value or path!=value`)
    if (!known.includes(path)) {
      const name = qualified(kind.plural, kind)
      return Result.fail(`field label not supported for ${name}: "${path}" (supported: ${known.join(", ")})`)
    }
    tests.push((object) => (fieldAt(object, path) === value) === (operator !== "!="))
  }
  return Result.succeed(tests.length === 0 ? everything : all(tests))
}

/** The value at a dotted path, as text; empty where there is none, as Kubernetes has it. */
const fieldAt = (object: ApiObject, path: string): string => {
  const value = valueAt(object, path)
  return value === undefined || value === null ? "" : String(value)
}
