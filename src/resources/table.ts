// Tables (meta.k8s.io/v1 Table): how a server sends objects as rows, and how a terminal shows them. The server
// decides columns and cells; whoever prints them needs to know nothing about the kind. Columns of priority 0 are
// always shown, others with `-o wide`.
import type { ApiObject, Cell, ObjectMeta, ResourceKind } from "./kind.ts"

interface TableColumn {
  readonly name: string
  readonly type: string
  readonly format: string
  readonly description: string
  readonly priority: number
}

export interface TableRow {
  readonly cells: ReadonlyArray<Cell>
  /** Absent where a reader asked for no object. */
  readonly object?: ApiObject | PartialObject
}

interface PartialObject {
  readonly kind: "PartialObjectMetadata"
  readonly apiVersion: "meta.k8s.io/v1"
  readonly metadata: ObjectMeta
}

export interface Table {
  readonly kind: "Table"
  readonly apiVersion: "meta.k8s.io/v1"
  /** Of the list, where it is one. */
  readonly metadata: {
    readonly resourceVersion?: string
    readonly continue?: string
    readonly remainingItemCount?: number
  }
  readonly columnDefinitions: ReadonlyArray<TableColumn>
  readonly rows: ReadonlyArray<TableRow>
}

/** How much of each object its row carries. */
export type IncludeObject = "None" | "Metadata" | "Object"

/**
 * The objects as a table with all columns, the wide ones with priority 1.
 * @param now milliseconds since the epoch, for ages
 */
export const toTable = (
  kind: ResourceKind,
  objects: ReadonlyArray<ApiObject>,
  now: number,
  options: { readonly metadata?: Table["metadata"]; readonly includeObject?: IncludeObject } = {}
): Table => ({
  kind: "Table",
  apiVersion: "meta.k8s.io/v1",
  metadata: options.metadata ?? {},
  columnDefinitions: kind.columns.map(({ name, type, format, description, wide }) => ({
    name,
    type,
    format: format ?? "",
    description,
    priority: wide === true ? 1 : 0
  })),
  rows: objects.map((object) => ({
    cells: kind.columns.map((column) => column.cell(object, now)),
    ...rowObject(object, options.includeObject ?? "Metadata")
  }))
})

const rowObject = (object: ApiObject, include: IncludeObject): Pick<TableRow, "object"> => {
  if (include === "None") return {}
  if (include === "Object") return { object }
  return { object: { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: object.metadata } }
}

/** The columns and rows of a table that a reader wants to see, as text: the header first. */
export const tableLines = (
  table: Pick<Table, "columnDefinitions"> & { readonly rows: ReadonlyArray<Pick<TableRow, "cells">> },
  options: { readonly wide: boolean; readonly headers: boolean }
): ReadonlyArray<ReadonlyArray<string>> => {
  const shown = table.columnDefinitions.flatMap(({ priority }, i) => (priority === 0 || options.wide ? [i] : []))
  const header = shown.map((i) => (table.columnDefinitions[i]?.name ?? "").toUpperCase())
  const rows = table.rows.map(({ cells }) => shown.map((i) => String(cells[i] ?? "")))
  return options.headers ? [header, ...rows] : rows
}

const MIN_WIDTH = 6
const GAP = 3

/**
 * Lines of text in columns three spaces apart, and the widths that they needed: handed in again as `widths`, they keep
 * rows that come later (a watch) in line with those that came before.
 */
export const alignColumns = (
  lines: ReadonlyArray<ReadonlyArray<string>>,
  widths: ReadonlyArray<number> = []
): { readonly text: ReadonlyArray<string>; readonly widths: ReadonlyArray<number> } => {
  const count = Math.max(widths.length, ...lines.map((line) => line.length))
  const needed = Array.from({ length: count }, (_, i) =>
    Math.max(MIN_WIDTH, widths[i] ?? 0, ...lines.map((line) => (line[i] === undefined ? 0 : line[i].length + GAP)))
  )
  const text = lines.map((line) =>
    line.map((cell, i) => (i === line.length - 1 ? cell : cell.padEnd(needed[i] ?? 0))).join("")
  )
  return { text, widths: needed }
}
