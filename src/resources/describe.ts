// One object, written out for a person: the layout that kubectl gives any object whose kind it does not know, so
// that both show the same text. Keys are sorted and their camelCase is taken apart ("lastReportTime" becomes "Last
// Report Time"); values that follow each other stand in a column; maps and lists are indented below their key
// (S22, S23).
import type { ApiObject } from "./kind.ts"

/** A line; one with a value stands in a column with its neighbours. */
interface Line {
  readonly label: string
  readonly value?: string
}

const INDENT = "  "
const GAP = 2
const ACRONYMS = new Set(["API", "URL", "UID", "OSB", "GUID"])

/** Metadata that is shown at the top, or that says nothing to a person. */
const SHOWN_ABOVE = new Set(["name", "namespace", "labels", "annotations", "managedFields"])

/** The object in full, each line ended by a line feed. */
export const describe = (object: ApiObject): string => {
  const { metadata, ...rest } = object
  const shown = Object.fromEntries(Object.entries(metadata).filter(([key]) => !SHOWN_ABOVE.has(key)))
  const lines: ReadonlyArray<Line> = [
    { label: "Name:", value: metadata.name },
    { label: "Namespace:", value: metadata.namespace ?? "" },
    ...pairs("Labels:", metadata.labels ?? {}, "="),
    ...pairs("Annotations:", metadata.annotations ?? {}, ": "),
    ...fields({ ...rest, metadata: shown }, 0)
  ]
  return inColumns(lines)
    .map((line) => `${line}\n`)
    .join("")
}

const pairs = (label: string, entries: Readonly<Record<string, string>>, between: string): ReadonlyArray<Line> => {
  const sorted = Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1))
  if (sorted.length === 0) return [{ label, value: "<none>" }]
  return sorted.map(([key, value], i) => ({ label: i === 0 ? label : "", value: `${key}${between}${value}` }))
}

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const fields = (map: Readonly<Record<string, unknown>>, level: number): ReadonlyArray<Line> =>
  Object.keys(map)
    .filter((key) => map[key] !== undefined)
    .sort()
    .flatMap((key) => {
      const value = map[key]
      const label = `${INDENT.repeat(level)}${labelFor(key)}:`
      if (isMap(value)) return [{ label }, ...fields(value, level + 1)]
      if (Array.isArray(value)) return [{ label }, ...value.flatMap((item) => listItem(item, level + 1))]
      return [{ label, value: value === null ? "<nil>" : String(value) }]
    })

const listItem = (item: unknown, level: number): ReadonlyArray<Line> =>
  isMap(item) ? fields(item, level) : [{ label: `${INDENT.repeat(level)}${String(item)}` }]

/** "localASN" as "Local ASN"; a key with anything but letters and hyphens stays as it is. */
export const labelFor = (key: string): string => {
  if (!/^[A-Za-z-]+$/.test(key)) return key
  const words = key.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+|-+/g) ?? [key]
  return words
    .map((word) => {
      const upper = word.toUpperCase()
      return ACRONYMS.has(upper) ? upper : `${upper.slice(0, 1)}${word.slice(1)}`
    })
    .join(" ")
}

/** Pads the labels of lines with values that follow each other to one width. */
const inColumns = (lines: ReadonlyArray<Line>): ReadonlyArray<string> => {
  const out: Array<string> = []
  for (let start = 0; start < lines.length; ) {
    let end = start
    while (lines[end]?.value !== undefined) end++
    const block = lines.slice(start, end)
    const width = Math.max(0, ...block.map(({ label }) => label.length)) + GAP
    for (const { label, value } of block) out.push(`${label.padEnd(width)}${value}`)
    const bare = lines[end]
    if (bare !== undefined) out.push(bare.label)
    start = end + 1
  }
  return out
}
