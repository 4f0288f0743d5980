// What the checks across documents share: a problem at a node of a document, and "where else" in words.
import { formatPath, type Path, type Problem, type Severity } from "../problem.ts"
import type { SourceDocument } from "../source.ts"

/** A node of a document, to point at. */
export interface Place {
  readonly source: SourceDocument
  readonly path: Path
}

type Details = Partial<Pick<Problem, "found" | "expected" | "hint">>

const problem = (severity: Severity, place: Place, message: string, details: Details): Problem => ({
  severity,
  file: place.source.file,
  ...place.source.locate(place.path),
  path: formatPath(place.path),
  message,
  ...details
})

export const errorAt = (place: Place, message: string, details: Details = {}): Problem =>
  problem("error", place, message, details)

export const warningAt = (place: Place, message: string, details: Details = {}): Problem =>
  problem("warning", place, message, details)

/** "line 12", with the file where it is another one than `from`'s. */
export const lineOf = (place: Place, from: Place): string => {
  const { line } = place.source.locate(place.path)
  return place.source.file === from.source.file ? `line ${line}` : `${place.source.file}:${line}`
}

export interface Item<T> extends Place {
  readonly value: T
}

/** For each item whose key an earlier one had: the problem that `describe` makes of the two. */
export const duplicates = <T>(
  items: ReadonlyArray<Item<T>>,
  key: (value: T) => string,
  describe: (again: Item<T>, first: Item<T>) => Problem
): ReadonlyArray<Problem> => {
  const seen = new Map<string, Item<T>>()
  return items.flatMap((item) => {
    const first = seen.get(key(item.value))
    if (first !== undefined) return [describe(item, first)]
    seen.set(key(item.value), item)
    return []
  })
}
