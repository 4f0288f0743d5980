// Links of a chain: made, judged together, and the first that is broken found.
import type { ExplainLink, ExplainTarget, Explanation, LinkState } from "./types.ts"

interface More {
  readonly hints?: ReadonlyArray<string>
  readonly links?: ReadonlyArray<ExplainLink>
}

export const link = (subject: string, state: LinkState, text: string, more: More = {}): ExplainLink => ({
  subject,
  state,
  text,
  hints: more.hints ?? [],
  links: more.links ?? []
})

const isBad = ({ state }: ExplainLink): boolean => state === "broken" || state === "warn"

/** Several that do the same work: none of them does it, some do, all do. */
export const anyOf = (links: ReadonlyArray<ExplainLink>): LinkState => {
  if (links.length === 0 || links.every(({ state }) => state === "broken")) return "broken"
  return links.some(isBad) ? "warn" : "ok"
}

/** Down to where the mistake is. */
const deepest = (link: ExplainLink): ExplainLink => {
  const child =
    link.links.find(({ state }) => state === "broken") ??
    (link.state === "warn" ? link.links.find(({ state }) => state === "warn") : undefined)
  return child === undefined ? link : deepest(child)
}

const firstBad = (chain: ReadonlyArray<ExplainLink>): ExplainLink | undefined => {
  const first = chain.find(({ state }) => state === "broken") ?? chain.find(({ state }) => state === "warn")
  return first === undefined ? undefined : deepest(first)
}

const stateOf = (chain: ReadonlyArray<ExplainLink>): LinkState => {
  if (chain.some(({ state }) => state === "broken")) return "broken"
  if (chain.some(({ state }) => state === "warn")) return "warn"
  return chain.every(({ state }) => state === "unknown") ? "unknown" : "ok"
}

/** `works`: the verdict where nothing is wrong; what the sentence is about comes first in it. */
export const explanation = (target: ExplainTarget, chain: ReadonlyArray<ExplainLink>, works: string): Explanation => {
  const state = stateOf(chain)
  const bad = firstBad(chain)
  if (bad === undefined) {
    const open = chain.find((one) => one.state === "unknown")
    const verdict = works === "" && open !== undefined ? `${target.name}: ${open.text}` : works
    return { target, verdict, state: works === "" ? "unknown" : state, chain }
  }
  const { subject, text, hints } = bad
  const how = state === "warn" ? `${target.name} works, but not as it should` : `${target.name} does not work`
  return { target, verdict: `${how}: ${subject}: ${text}`, state, chain, broken: { subject, text, hints } }
}
