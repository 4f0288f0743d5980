// The difference of two texts by lines, as an editor shows it: the shortest script of kept, removed and added lines
// (Myers, O(ND)), cut to the surroundings of what changes.

export interface DiffLine {
  readonly type: "same" | "added" | "removed" | "skipped"
  readonly text: string
  /** Number in the old and in the new text, from 1. */
  readonly before?: number
  readonly after?: number
}

/** More edits than this and everything counts as replaced: a page has to stay quick. */
const EDITS_MAX = 1000

/** For each number of edits, how far each diagonal reaches (Myers 1986, figure 2). Undefined: too many edits. */
const trace = (a: ReadonlyArray<string>, b: ReadonlyArray<string>): ReadonlyArray<Map<number, number>> | undefined => {
  let reach = new Map<number, number>([[1, 0]])
  const steps: Array<Map<number, number>> = []
  for (let d = 0; d <= Math.min(EDITS_MAX, a.length + b.length); d++) {
    const next = new Map(reach)
    for (let k = -d; k <= d; k += 2) {
      const down = k === -d || (k !== d && (reach.get(k - 1) ?? -1) < (reach.get(k + 1) ?? -1))
      let x = down ? (reach.get(k + 1) ?? 0) : (reach.get(k - 1) ?? 0) + 1
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++
      next.set(k, x)
      if (x >= a.length && x - k >= b.length) return [...steps, reach]
    }
    steps.push(reach)
    reach = next
  }
  return undefined
}

const middleDiff = (a: ReadonlyArray<string>, b: ReadonlyArray<string>): Array<DiffLine> => {
  const steps = trace(a, b)
  if (steps === undefined)
    return [
      ...a.map((text): DiffLine => ({ type: "removed", text })),
      ...b.map((text): DiffLine => ({ type: "added", text }))
    ]
  const lines: Array<DiffLine> = []
  let [x, y] = [a.length, b.length]
  for (let d = steps.length - 1; d >= 0; d--) {
    const reach = steps[d] as Map<number, number>
    const k = x - y
    const down = k === -d || (k !== d && (reach.get(k - 1) ?? -1) < (reach.get(k + 1) ?? -1))
    const fromK = down ? k + 1 : k - 1
    const fromX = d === 0 ? 0 : (reach.get(fromK) ?? 0)
    const fromY = d === 0 ? 0 : fromX - fromK
    while (x > fromX && y > fromY) {
      x--
      y--
      lines.push({ type: "same", text: a[x] ?? "" })
    }
    if (d === 0) break
    if (down) lines.push({ type: "added", text: b[--y] ?? "" })
    else lines.push({ type: "removed", text: a[--x] ?? "" })
  }
  return lines.reverse()
}

/** All lines of both texts in order. */
export const diffLines = (before: string, after: string): ReadonlyArray<DiffLine> => {
  const [a, b] = [before.split("\n"), after.split("\n")]
  let start = 0
  while (start < a.length && start < b.length && a[start] === b[start]) start++
  let end = 0
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++
  const same = (lines: ReadonlyArray<string>) => lines.map((text): DiffLine => ({ type: "same", text }))
  const lines = [
    ...same(a.slice(0, start)),
    ...middleDiff(a.slice(start, a.length - end), b.slice(start, b.length - end)),
    ...same(end === 0 ? [] : a.slice(-end))
  ]
  let [old, fresh] = [0, 0]
  return lines.map((line) => ({
    ...line,
    ...(line.type === "added" ? {} : { before: ++old }),
    ...(line.type === "removed" ? {} : { after: ++fresh })
  }))
}

/** Only what changes, with `context` lines around; what is left out stands as one `skipped` line. */
export const hunks = (lines: ReadonlyArray<DiffLine>, context = 3): ReadonlyArray<DiffLine> => {
  const near = new Uint8Array(lines.length)
  lines.forEach(({ type }, i) => {
    if (type !== "same") near.fill(1, Math.max(0, i - context), i + context + 1)
  })
  const out: Array<DiffLine> = []
  let skipped = 0
  const flush = () => {
    if (skipped > 0) out.push({ type: "skipped", text: `${skipped} unchanged ${skipped === 1 ? "line" : "lines"}` })
    skipped = 0
  }
  lines.forEach((line, i) => {
    if (near[i] === 0) skipped++
    else {
      flush()
      out.push(line)
    }
  })
  flush()
  return out
}
