// The dated directory that a preflight leaves behind (S25): `preflight-YYYYMMDD-HHMMSS` below the cluster's log directory, with the lines
// that were shown (preflight.log), everything that the nodes said (events.ndjson) and the result (result.json).
import { appendFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"

export interface PreflightLog {
  readonly directory: string
  readonly line: (text: string) => void
  readonly event: (value: unknown) => void
  readonly result: (value: unknown) => void
}

/** Local time, as people who look for it by name would. */
const stamp = (at: Date): string => {
  const two = (n: number): string => String(n).padStart(2, "0")
  const day = `${at.getFullYear()}${two(at.getMonth() + 1)}${two(at.getDate())}`
  return `${day}-${two(at.getHours())}${two(at.getMinutes())}${two(at.getSeconds())}`
}

/** Throws what the file system says. Two runs in one second get a directory each. */
export const openLog = (base: string, at: Date): PreflightLog => {
  let directory = join(base, `preflight-${stamp(at)}`)
  for (let n = 2; existsSync(directory); n++) directory = join(base, `preflight-${stamp(at)}-${n}`)
  mkdirSync(directory, { recursive: true })
  const lines = join(directory, "preflight.log")
  const events = join(directory, "events.ndjson")
  writeFileSync(lines, "")
  writeFileSync(events, "")
  return {
    directory,
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are for terminals
    line: (text) => appendFileSync(lines, `${text.replaceAll(/\x1b\[\d*m/g, "")}\n`),
    event: (value) => appendFileSync(events, `${JSON.stringify(value)}\n`),
    result: (value) => writeFileSync(join(directory, "result.json"), `${JSON.stringify(value, undefined, 2)}\n`)
  }
}
