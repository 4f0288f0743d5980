// A change of the config as text for people: most harmful first, what is the same on many nodes together, then what has to be
// insisted on, and one line that sums it up. Colour is the caller's.
import type { ChangeLine, ClusterChange, Guard, Verdict } from "./change.ts"

const NAMES_MAX = 4

/** Lines that say the same of several nodes. */
interface Group {
  readonly verdict: Verdict
  readonly detail: string
  readonly subjects: ReadonlyArray<string>
  readonly nodes: ReadonlyArray<string>
}

/** `session`, `address`: what stands before the name. */
const kindOf = (subject: string): string => subject.split(" ")[0] ?? ""

/** In the order of the first line of each. */
const groupsOf = (lines: ReadonlyArray<ChangeLine>): ReadonlyArray<Group> => {
  const groups = new Map<string, { verdict: Verdict; detail: string; subjects: Set<string>; nodes: Set<string> }>()
  for (const { verdict, node, subject, detail } of lines) {
    // Nodes of one session would be told as if each had all of them.
    const key = JSON.stringify([verdict, detail, kindOf(subject), node === undefined ? subject : ""])
    const group = groups.get(key) ?? { verdict, detail, subjects: new Set(), nodes: new Set() }
    groups.set(key, group)
    group.subjects.add(subject)
    if (node !== undefined) group.nodes.add(node)
  }
  return [...groups.values()].map((group) => ({ ...group, subjects: [...group.subjects], nodes: [...group.nodes] }))
}

const some = (names: ReadonlyArray<string>, what: string): string =>
  names.length > NAMES_MAX
    ? `${names.slice(0, NAMES_MAX - 1).join(", ")} and ${names.length - NAMES_MAX + 1} more ${what}`
    : names.join(", ")

const plural = (kind: string): string => (kind.endsWith("s") ? `${kind}es` : `${kind}s`)

const subjectText = (subjects: ReadonlyArray<string>): string => {
  const [first = ""] = subjects
  if (subjects.length === 1) return first
  const kind = kindOf(first)
  return `${plural(kind)} ${some(
    subjects.map((subject) => subject.slice(kind.length + 1)),
    plural(kind)
  )}`
}

const WIDTH = "new announcement".length

const groupText = (
  { verdict, detail, subjects, nodes }: Group,
  paint: (verdict: Verdict, text: string) => string
): ReadonlyArray<string> => {
  const where = nodes.length === 0 ? "" : ` on ${some(nodes, "nodes")}`
  return [
    `${paint(verdict, verdict.padEnd(WIDTH))}  ${subjectText(subjects)}${where}`,
    ...detail.split("\n").map((line) => `${" ".repeat(WIDTH)}    ${line}`)
  ]
}

/** A line for each thing that has to be insisted on, without a title. */
const printGuards = (guards: ReadonlyArray<Guard>): string => guards.map(({ reason }) => `  - ${reason}`).join("\n")

export interface PrintOptions {
  /** Colours the word of a verdict, which may have spaces behind it. */
  readonly paint?: (verdict: Verdict, text: string) => string
  /** It was done by force, and what a guard held back is lost. */
  readonly done?: boolean
}

/** Lines without a final line break. */
export const printChange = ({ lines, guards, summary }: ClusterChange, options: PrintOptions = {}): string => {
  const { paint = (_, text) => text, done = false } = options
  const title = done ? "Insisted on:" : "Has to be insisted on (--force):"
  return [
    ...groupsOf(lines).flatMap((group) => groupText(group, paint)),
    ...(guards.length === 0 ? [] : [title, printGuards(guards)]),
    summary
  ].join("\n")
}
