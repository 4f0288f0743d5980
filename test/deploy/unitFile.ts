// deploy/viaduct.service as a value: what the tests read is what systemd would.
import { readFileSync } from "node:fs"
import { join, resolve } from "node:path"

export const ROOT = resolve(import.meta.dir, "../..")
export const UNIT = join(ROOT, "deploy/viaduct.service")

/** The values of a key of the unit, in their order. No key of ours goes over several lines. */
export const unitValues = (key: string): ReadonlyArray<string> =>
  readFileSync(UNIT, "utf8")
    .split("\n")
    .flatMap((line) => (line.startsWith(`${key}=`) ? [line.slice(key.length + 1)] : []))

/** The words of a key that is given once. */
export const unitWords = (key: string): ReadonlyArray<string> => {
  const [value, ...more] = unitValues(key)
  if (value === undefined || more.length > 0) throw new Error(`the unit gives ${key} ${more.length + 1} times or never`)
  return value.split(" ")
}
