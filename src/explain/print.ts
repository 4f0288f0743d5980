// An explanation as people read it on a terminal: a mark for each link, what hangs on it indented, hints behind an arrow, the verdict
// last. Links that are as they should be are one line; what they consist of is shown where something is wrong, or when asked.
import type { ExplainLink, Explanation, LinkState } from "./types.ts"

const MARKS: Readonly<Record<LinkState, string>> = { ok: "✓", warn: "!", broken: "✗", unknown: "·" }
const COLOURS: Readonly<Record<LinkState, string>> = { ok: "32", warn: "33", broken: "31", unknown: "90" }

export interface PrintOptions {
  readonly colours: boolean
}

const paint = (code: string, text: string, { colours }: PrintOptions): string =>
  colours ? `\u001b[${code}m${text}\u001b[0m` : text

const lines = (
  { subject, state, text, hints, links }: ExplainLink,
  indent: string,
  options: PrintOptions
): ReadonlyArray<string> => [
  `${indent}${paint(COLOURS[state], MARKS[state], options)} ${paint("1", subject, options)}: ${text}`,
  ...hints.map((hint) => `${indent}    ${paint("36", "→", options)} ${hint}`),
  ...links.flatMap((child) => lines(child, `${indent}  `, options))
]

/** One line each. */
export const printExplanation = (
  { chain, verdict, state, broken }: Explanation,
  options: PrintOptions
): ReadonlyArray<string> => [
  ...chain.flatMap((link) => lines(link, "", options)),
  "",
  `${paint(COLOURS[state], MARKS[state], options)} ${paint("1", verdict, options)}`,
  ...(broken?.hints ?? []).map((hint) => `    ${paint("36", "→", options)} ${hint}`)
]
