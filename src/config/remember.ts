// What was worked out from the files of a config lately, by what they say: one change asks several times over for what is in force and
// for what is to be, in arrays of their own each time, and thousands of documents take a second.
import type { ConfigFile } from "./load.ts"

/** What is in force, what is to be, and what was before. */
const KEPT = 3

const sameFiles = (a: ReadonlyArray<ConfigFile>, b: ReadonlyArray<ConfigFile>): boolean =>
  a === b || (a.length === b.length && a.every(({ path, text }, at) => path === b[at]?.path && text === b[at]?.text))

/** The last few results, by what the files say. They are values that nobody changes. */
export const makeMemory = <T>() => {
  let kept: ReadonlyArray<{ readonly files: ReadonlyArray<ConfigFile>; readonly result: T }> = []
  const keep = (files: ReadonlyArray<ConfigFile>, result: T): T => {
    kept = [{ files, result }, ...kept.filter((other) => !sameFiles(other.files, files))].slice(0, KEPT)
    return result
  }
  /** Undefined: not among them. */
  const recall = (files: ReadonlyArray<ConfigFile>): T | undefined => {
    const one = kept.find((other) => sameFiles(other.files, files))
    return one === undefined ? undefined : keep(one.files, one.result)
  }
  return { keep, recall }
}

/** `work`, with its last few results kept. */
export const remembered = <T extends NonNullable<unknown>>(work: (files: ReadonlyArray<ConfigFile>) => T) => {
  const { keep, recall } = makeMemory<T>()
  return (files: ReadonlyArray<ConfigFile>): T => recall(files) ?? keep(files, work(files))
}
