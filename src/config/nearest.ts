// The nearest valid name to a misspelt one, for "did you mean …?". The distance is Damerau-Levenshtein's in its
// optimal string alignment form: insertions, deletions, substitutions and swaps of neighbours cost one each, case
// costs nothing but breaks ties. A name is near when at most a third of the longer name has to change.

const distance = (a: string, b: string): number => {
  let twoBack: ReadonlyArray<number> = []
  let previous: ReadonlyArray<number> = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let best = Math.min((row[j - 1] ?? 0) + 1, (previous[j] ?? 0) + 1, (previous[j - 1] ?? 0) + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, (twoBack[j - 2] ?? 0) + 1)
      row.push(best)
    }
    twoBack = previous
    previous = row
  }
  return previous[b.length] ?? 0
}

/** Longer input is no typing mistake of a name, and comparing it would cost its square. */
const NAME_LENGTH_MAX = 100

/** The valid name that `name` most likely stands for, or undefined where none is near. */
export const nearest = (name: string, valid: ReadonlyArray<string>): string | undefined => {
  if (name.length > NAME_LENGTH_MAX) return undefined
  let best: string | undefined
  let bestCost = Number.POSITIVE_INFINITY
  for (const candidate of valid) {
    const changes = distance(name.toLowerCase(), candidate.toLowerCase())
    const limit = Math.max(1, Math.floor(Math.max(name.length, candidate.length) / 3))
    const cost = changes + (distance(name, candidate) - changes) / 1000
    if (changes <= limit && cost < bestCost) {
      best = candidate
      bestCost = cost
    }
  }
  return best
}
