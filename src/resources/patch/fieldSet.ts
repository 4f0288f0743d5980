// Sets of fields, in which server-side apply thinks: the leaves of an object by their paths, and Kubernetes' form of such a set
// (meta/v1 FieldsV1). A list is one leaf, replaced whole, unless its elements have keys: then each element's fields are leaves.
import { isObject, type JsonObject, sameJson, withKey, withoutKey } from "./json.ts"

/** Elements as FieldsV1 has them: `f:spec` for a key, `k:{"port":80}` for an element of a keyed list. */
export type FieldPath = ReadonlyArray<string>
/** Paths in the form of `pathKey`. */
export type FieldSet = ReadonlySet<string>
export interface FieldsV1 {
  readonly [element: string]: FieldsV1
}

/** Keys of list elements, by the dotted path of the list: only a v1 Service has such a list. */
const KEYED: Readonly<Record<string, ReadonlyArray<string>>> = { "spec.ports": ["port", "protocol"] }
const DEFAULTS: JsonObject = { protocol: "TCP" }

const BETWEEN = "\u0000"
const pathKey = (path: FieldPath): string => path.join(BETWEEN)
export const pathOf = (key: string): FieldPath => key.split(BETWEEN)

/** `.spec.ports[port=80,protocol="TCP"].name`, as conflicts are told. */
export const shownPath = (path: FieldPath): string =>
  path
    .map((element) => {
      if (element.startsWith("f:")) return `.${element.slice(2)}`
      const entries = Object.entries(JSON.parse(element.slice(2)) as JsonObject)
      return `[${entries.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(",")}]`
    })
    .join("")

const dotted = (path: FieldPath): string => path.map((element) => element.slice(2)).join(".")

const elementOf = (item: JsonObject, keys: ReadonlyArray<string>): string =>
  `k:${JSON.stringify(Object.fromEntries(keys.map((key) => [key, item[key] ?? DEFAULTS[key] ?? null])))}`

/** A new element of a keyed list: its keys, but those that are as they would be anyway. */
const newElement = (element: string): JsonObject =>
  Object.fromEntries(
    Object.entries(JSON.parse(element.slice(2)) as JsonObject).filter(
      ([key, value]) => value !== null && value !== DEFAULTS[key]
    )
  )

const keysAt = (kind: string, path: FieldPath): ReadonlyArray<string> | undefined =>
  kind === "v1 Service" ? KEYED[dotted(path)] : undefined

/** What only the server gives, and what names the object: nobody's field. */
const NOBODYS = new Set(
  ["apiVersion", "kind", "status"]
    .map((name) => `f:${name}`)
    .concat(
      [
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "selfLink",
        "managedFields",
        "generateName"
      ].map((name) => pathKey(["f:metadata", `f:${name}`]))
    )
)

/** The leaves of an object; `kind` is `v1 Service`. */
export const fieldsOf = (kind: string, object: unknown): FieldSet => {
  const found = new Set<string>()
  const walk = (value: unknown, path: FieldPath): void => {
    if (NOBODYS.has(pathKey(path))) return
    const keys = keysAt(kind, path)
    const empty = isObject(value) && Object.keys(value).length === 0
    if (keys !== undefined && Array.isArray(value) && value.every(isObject)) {
      for (const item of value) walk(item, [...path, elementOf(item, keys)])
    } else if (!isObject(value) || (empty && path.length > 1)) found.add(pathKey(path))
    else for (const [key, item] of Object.entries(value)) walk(item, [...path, `f:${key}`])
  }
  walk(object, [])
  return found
}

/** The value at a path; undefined where there is none. */
export const fieldAt = (object: unknown, path: FieldPath): unknown =>
  path.reduce<unknown>((inside, element, i) => {
    const rest = element.slice(2)
    if (element.startsWith("f:")) return isObject(inside) && Object.hasOwn(inside, rest) ? inside[rest] : undefined
    const keys = KEYED[dotted(path.slice(0, i))] ?? []
    return Array.isArray(inside)
      ? inside.find((item) => isObject(item) && elementOf(item, keys) === element)
      : undefined
  }, object)

/** `object` with `value` at `path`, or without anything there for undefined. Objects and elements left empty by that go as well. */
export const withField = (object: unknown, path: FieldPath, value: unknown, above: FieldPath = []): unknown => {
  const [element, ...rest] = path
  if (element === undefined) return value
  const name = element.slice(2)
  if (element.startsWith("f:")) {
    const holder = isObject(object) ? object : {}
    const inner = withField(Object.hasOwn(holder, name) ? holder[name] : undefined, rest, value, [...above, element])
    const next = inner === undefined ? withoutKey(holder, name) : withKey(holder, name, inner)
    return value === undefined && Object.keys(next).length === 0 ? undefined : next
  }
  const list = Array.isArray(object) ? object : []
  const keys = KEYED[dotted(above)] ?? []
  const there = list.findIndex((item) => isObject(item) && elementOf(item, keys) === element)
  if (there < 0 && value === undefined) return object
  const inner = withField(there < 0 ? newElement(element) : list[there], rest, value, [...above, element])
  // Without the keys by which it is found it is no element any more.
  const gone = value === undefined && !(isObject(inner) && elementOf(inner, keys) === element)
  const next = gone ? list.filter((_, i) => i !== there) : there < 0 ? [...list, inner] : list.with(there, inner)
  return next.length === 0 && value === undefined ? undefined : next
}

export const toFieldsV1 = (fields: FieldSet): FieldsV1 => {
  const root: Record<string, FieldsV1> = {}
  for (const key of [...fields].sort()) {
    let inside: Record<string, FieldsV1> = root
    for (const element of pathOf(key)) {
      const next: Record<string, FieldsV1> = (inside[element] as Record<string, FieldsV1> | undefined) ?? {}
      inside[element] = next
      inside = next
    }
  }
  return root
}

export const fromFieldsV1 = (fields: unknown): FieldSet => {
  const found = new Set<string>()
  const walk = (inside: unknown, path: FieldPath): void => {
    const entries = isObject(inside) ? Object.entries(inside).filter(([element]) => element !== ".") : []
    if (entries.length === 0 && path.length > 0) found.add(pathKey(path))
    for (const [element, rest] of entries) walk(rest, [...path, element])
  }
  walk(fields, [])
  return found
}

/** The fields of `after` that `before` lacks or has another value of. */
export const changedFields = (kind: string, before: unknown, after: unknown): FieldSet =>
  new Set(
    [...fieldsOf(kind, after)].filter((key) => !sameJson(fieldAt(before, pathOf(key)), fieldAt(after, pathOf(key))))
  )
