// JSON that is the same for equal values: keys in order, `undefined` left out. What canonical forms and comparisons of documents are
// made of.

/** `items` by the order of their keys as text. */
export const byText = <T>(items: ReadonlyArray<T>, key: (item: T) => string): ReadonlyArray<T> =>
  items
    .map((item) => ({ item, key: key(item) }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ item }) => item)

/** JSON with the keys of every object in order. */
export const stableJson = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(stableJson).join(",")}]`
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null"
  const entries = Object.entries(value).filter(([, item]) => item !== undefined)
  return `{${byText(entries, ([key]) => key)
    .map(([key, item]) => `${JSON.stringify(key)}:${stableJson(item)}`)
    .join(",")}}`
}
