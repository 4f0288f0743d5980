// The same config in other words, without end and from a seed: documents and keys in another order, lists that are sets shuffled, other
// quotes, layouts and indents, flow and block style, comments, defaults written out. What a people's editor, a template or a
// colleague with taste may do to a file that means what it meant.
import { Document, isMap, isScalar, isSeq, Scalar, visit } from "yaml"

/** A small generator of numbers (mulberry32): a seed gives the same rewordings everywhere. */
export const chance = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const shuffled = <T>(items: ReadonlyArray<T>, next: () => number): Array<T> => {
  const result = [...items]
  for (let at = result.length - 1; at > 0; at--) {
    const other = Math.floor(next() * (at + 1))
    const [one, two] = [result[at], result[other]]
    if (one === undefined || two === undefined) continue
    result[at] = two
    result[other] = one
  }
  return result
}

/** Lists whose order means nothing. */
const SETS = new Set(["bgpPeers", "floatingIPs", "nodes", "cidrBlocks", "communities", "controlPlaneNodes"])

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** What a peer has where nobody says otherwise. */
const PEER_DEFAULTS = { port: 179, passive: false, addPaths: true }

const reworded = (value: unknown, key: string, next: () => number): unknown => {
  if (Array.isArray(value)) {
    const items = value.map((item) => reworded(item, key === "bgpPeers" ? "peer" : "", next))
    return SETS.has(key) ? shuffled(items, next) : items
  }
  if (!isRecord(value)) return value
  const isPeer = key === "peer" || "peerIP" in value
  const defaults = isPeer ? Object.entries(PEER_DEFAULTS).filter(([name]) => !(name in value) && next() < 0.3) : []
  const entries = [...Object.entries(value), ...defaults]
  return Object.fromEntries(shuffled(entries, next).map(([name, item]) => [name, reworded(item, name, next)]))
}

const WORDS = ["ask the network team", "checked on Monday", "--- not a document", "key: value", "ä€😀", "TBD: nothing"]
const QUOTES = [Scalar.PLAIN, Scalar.QUOTE_DOUBLE, Scalar.QUOTE_SINGLE] as const

const pick = <T>(items: ReadonlyArray<T>, next: () => number): T | undefined => items[Math.floor(next() * items.length)]

/** YAML of one document in some style. */
const written = (value: unknown, next: () => number): string => {
  if (next() < 0.15) return `${JSON.stringify(value, undefined, next() < 0.5 ? 0 : 3)}\n`
  const document = new Document(value)
  if (next() < 0.7) document.commentBefore = ` ${pick(WORDS, next)}`
  visit(document, {
    Node: (_, node) => {
      if (isScalar(node) && typeof node.value === "string") node.type = pick(QUOTES, next) ?? Scalar.PLAIN
      if ((isMap(node) || isSeq(node)) && next() < 0.2) node.flow = true
      if (isScalar(node) && next() < 0.1) node.comment = ` ${pick(WORDS, next)}`
    }
  })
  const indent = 2 + Math.floor(next() * 4)
  return document.toString({ indent, lineWidth: next() < 0.5 ? 0 : 60, indentSeq: next() < 0.5 })
}

/** `documents` in other words. */
export const reword = (documents: ReadonlyArray<unknown>, next: () => number): string => {
  const texts = shuffled(documents, next).map((one) => written(reworded(one, "", next), next))
  const comments = () => (next() < 0.3 ? `# ${pick(WORDS, next)}\n\n` : "")
  const start = next() < 0.5 ? "---\n" : ""
  return start + comments() + texts.join(`---\n${comments()}`) + (next() < 0.3 ? "...\n" : "")
}
