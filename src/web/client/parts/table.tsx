// One table for all pages: sorted by its heads, a hundred rows at a time, rows that open something. On a narrow screen
// each row becomes a card (styles/table.css); the roles say what it is there, too.
import { useSignal } from "@preact/signals"
import type { ComponentChildren } from "preact"
import { useEffect, useMemo } from "preact/hooks"
import { amount } from "../model/format.ts"
import { parameter, setParameters } from "../state.ts"
import { Arrow } from "./icons.tsx"

export interface Column<T> {
  readonly name: string
  readonly cell: (item: T) => ComponentChildren
  /** What it is sorted by; absent: it cannot be. */
  readonly sort?: (item: T) => string | number
  /** Numbers stand to the right. */
  readonly numeric?: true
  /** `main` heads the card on a narrow screen, `wide` is left out there. */
  readonly role?: "main" | "wide"
}

const PAGE = 100
const collator = new Intl.Collator("en", { numeric: true })

const compare = (a: string | number, b: string | number): number =>
  typeof a === "number" && typeof b === "number" ? a - b : collator.compare(String(a), String(b))

interface TableProps<T> {
  readonly label: string
  readonly columns: ReadonlyArray<Column<T>>
  readonly items: ReadonlyArray<T>
  readonly keyOf: (item: T) => string
  /** Shown where there are no items. */
  readonly empty: ComponentChildren
  readonly onOpen?: (item: T) => void
  /** Key of the row that is open. */
  readonly open?: string | undefined
  /** Prefix of its parameters in the address. */
  readonly id?: string
  readonly toneOf?: (item: T) => string
}

const useSorted = <T,>({ columns, items, id = "" }: TableProps<T>) => {
  const [name = "", direction = ""] = parameter(`${id}sort`).split(".")
  const column = columns.find((candidate) => candidate.name === name && candidate.sort !== undefined)
  const sorted = useMemo(() => {
    const by = column?.sort
    if (by === undefined) return items
    const sign = direction === "down" ? -1 : 1
    return [...items].sort((a, b) => sign * compare(by(a), by(b)))
  }, [items, column, direction])
  const toggle = (head: Column<T>) => {
    const next = head.name !== name ? "up" : direction === "up" ? "down" : ""
    setParameters({ [`${id}sort`]: next === "" ? "" : `${head.name}.${next}` })
  }
  return { sorted, name: column === undefined ? "" : name, down: direction === "down", toggle }
}

const Pager = ({
  page,
  pages,
  count,
  onPage
}: {
  page: number
  pages: number
  count: number
  onPage: (page: number) => void
}) => (
  <nav class="pager" aria-label="Pages of the table">
    <button type="button" disabled={page === 0} onClick={() => onPage(page - 1)}>
      Previous
    </button>
    <span role="status">
      {amount(page * PAGE + 1)} to {amount(Math.min(count, (page + 1) * PAGE))} of {amount(count)}
    </span>
    <button type="button" disabled={page >= pages - 1} onClick={() => onPage(page + 1)}>
      Next
    </button>
  </nav>
)

export const Table = <T,>(props: TableProps<T>) => {
  const { label, columns, items, keyOf, empty, onOpen, open, toneOf } = props
  const { sorted, name, down, toggle } = useSorted(props)
  const chosen = useSignal(0)
  const pages = Math.max(1, Math.ceil(sorted.length / PAGE))
  const page = Math.min(chosen.value, pages - 1)
  useEffect(() => {
    chosen.value = 0
  }, [chosen, name, down])
  if (items.length === 0) return <p class="empty">{empty}</p>
  return (
    <div class="table-box">
      <table class="table" role="table" aria-label={label} aria-rowcount={sorted.length + 1}>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map((column) => (
              <th
                key={column.name}
                role="columnheader"
                scope="col"
                class={`${column.numeric ? "numeric" : ""} ${column.role ?? ""}`}
                aria-sort={column.name === name ? (down ? "descending" : "ascending") : undefined}
              >
                {column.sort === undefined ? (
                  column.name
                ) : (
                  <button type="button" class="sort" onClick={() => toggle(column)}>
                    {column.name}
                    <span class={column.name === name ? "arrow shown" : "arrow"}>
                      <Arrow down={column.name === name && down} />
                    </span>
                  </button>
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {sorted.slice(page * PAGE, (page + 1) * PAGE).map((item, i) => {
            const key = keyOf(item)
            return (
              <Row
                key={key}
                {...{ item, columns }}
                index={page * PAGE + i}
                tone={toneOf?.(item)}
                open={open === key}
                onOpen={onOpen}
              />
            )
          })}
        </tbody>
      </table>
      {pages > 1 && <Pager page={page} pages={pages} count={sorted.length} onPage={(next) => (chosen.value = next)} />}
    </div>
  )
}

interface RowProps<T> {
  readonly item: T
  readonly columns: ReadonlyArray<Column<T>>
  readonly index: number
  readonly tone: string | undefined
  readonly open: boolean
  readonly onOpen: ((item: T) => void) | undefined
}

/** Click anywhere in a row; by keyboard it is the button in its first cell. */
const Row = <T,>({ item, columns, index, tone, open, onOpen }: RowProps<T>) => (
  <tr
    role="row"
    aria-rowindex={index + 2}
    class={`${onOpen === undefined ? "" : "opens"} ${open ? "open" : ""} ${tone === undefined ? "" : `row-${tone}`}`}
    onClick={(event) => {
      const target = event.target instanceof Element ? event.target.closest("a, button") : null
      if (target === null && getSelection()?.isCollapsed !== false) onOpen?.(item)
    }}
  >
    {columns.map((column, i) => (
      <td
        key={column.name}
        role="cell"
        class={`${column.numeric ? "numeric" : ""} ${column.role ?? ""}`}
        data-name={column.name}
      >
        {i === 0 && onOpen !== undefined ? (
          <button type="button" class="opener" aria-expanded={open} onClick={() => onOpen(item)}>
            {column.cell(item)}
          </button>
        ) : (
          column.cell(item)
        )}
      </td>
    ))}
  </tr>
)
