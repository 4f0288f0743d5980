// What stands at a dotted path of an object, for selectors and columns of kinds whose shape is the document's own affair.

/** The value at `path` (`spec.peerIP`, `spec.nodes.0`), or undefined where there is none. */
export const valueAt = (object: unknown, path: string): unknown =>
  path
    .split(".")
    .reduce<unknown>(
      (inside, key) =>
        typeof inside === "object" && inside !== null && Object.hasOwn(inside, key)
          ? Object.entries(inside).find(([name]) => name === key)?.[1]
          : undefined,
      object
    )

/** The list at `path`; empty where there is none. */
export const listAt = (object: unknown, path: string): ReadonlyArray<unknown> => {
  const value = valueAt(object, path)
  return Array.isArray(value) ? value : []
}

/** The text, number or boolean at `path` as text; undefined for anything else. */
export const textAt = (object: unknown, path: string): string | undefined => {
  const value = valueAt(object, path)
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    ? String(value)
    : undefined
}
