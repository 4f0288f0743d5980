// Log lines: for people on a terminal, one JSON object a line otherwise. Annotations (session, old, new, reason) are
// fields in the JSON; the text says the same in words. Log output goes to standard output, where a service manager reads it.
import { Cause, Logger, References } from "effect"

interface Line {
  readonly ts: string
  readonly level: string
  readonly msg: string
  readonly fields: Readonly<Record<string, unknown>>
  readonly cause?: string
}

const lineOf = ({ message, logLevel, cause, fiber, date }: Logger.Options<unknown>): Line => {
  const parts = Array.isArray(message) ? message : [message]
  return {
    ts: date.toISOString(),
    level: logLevel.toLowerCase(),
    msg: parts.map((part) => (typeof part === "string" ? part : JSON.stringify(part))).join(" "),
    fields: fiber.getRef(References.CurrentLogAnnotations),
    ...(cause.reasons.length === 0 ? {} : { cause: Cause.pretty(cause) })
  }
}

const colours: Readonly<Record<string, string>> = {
  debug: "\x1b[2m",
  warn: "\x1b[33m",
  error: "\x1b[31m",
  fatal: "\x1b[31m"
}

const pretty = ({ ts, level, msg, cause }: Line): string => {
  const colour = colours[level] ?? ""
  return `\x1b[2m${ts.slice(11, 23)}\x1b[0m ${colour}${level.padEnd(5)} ${msg}\x1b[0m${cause === undefined ? "" : `\n${cause}`}`
}

const plain = ({ ts, level, msg, cause }: Line): string =>
  `${ts.slice(11, 23)} ${level.padEnd(5)} ${msg}${cause === undefined ? "" : `\n${cause}`}`

const json = ({ ts, level, msg, fields, cause }: Line): string =>
  JSON.stringify({ ts, level, msg, ...fields, ...(cause === undefined ? {} : { cause }) })

const formats = { pretty, plain, json }

/** Writes each line with `write`, which gets it without its line end. */
export const logger = (format: keyof typeof formats, write: (line: string) => void): Logger.Logger<unknown, void> =>
  Logger.make((options) => write(formats[format](lineOf(options))))
