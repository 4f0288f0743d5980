// JSON values as patches see them, and the few things that every kind of patch does to them. Values are never changed in place.

export interface JsonObject {
  readonly [key: string]: unknown
}

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Whether two JSON values are the same; the order of keys means nothing. */
export const sameJson = (a: unknown, b: unknown): boolean => {
  if (a === b) return true
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => sameJson(item, b[i]))
  if (!isObject(a) || !isObject(b)) return false
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && sameJson(a[key], b[key]))
}

/** `object` with `value` under `key`, at its place where the key is there already. */
export const withKey = (object: JsonObject, key: string, value: unknown): JsonObject =>
  // A computed `__proto__` is a key like any other; assigning to it would not be.
  ({ ...object, [key]: value })

export const withoutKey = (object: JsonObject, key: string): JsonObject =>
  Object.fromEntries(Object.entries(object).filter(([name]) => name !== key))

/** A patch that cannot be applied. `malformed`: it is no patch at all; otherwise it does not fit the object. */
export class PatchError extends Error {
  readonly _tag = "PatchError"
  readonly malformed: boolean

  constructor(message: string, malformed = false) {
    super(message)
    this.malformed = malformed
  }
}
