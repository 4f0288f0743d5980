// What a daemon says about itself and to whom: the flags of its log lines and of telemetry, and the logger that they amount to.
import { Layer, Logger, References } from "effect"
import { Flag } from "effect/cli"
import { logger } from "../observe/logger.ts"

export const logFlags = {
  logFormat: Flag.Literals("log-format", ["auto", "json", "pretty", "plain"]).pipe(
    Flag.withDescription("Form of log lines: auto is pretty on a terminal and json otherwise"),
    Flag.withDefault("auto")
  ),
  logLevel: Flag.Literals("log-level", ["debug", "info", "warn", "error"]).pipe(
    Flag.withDescription("The least that a log line has to be"),
    Flag.withDefault("info")
  ),
  otlp: Flag.String("otlp").pipe(
    Flag.withDescription(
      "URL of an OTLP collector, for example http://127.0.0.1:4318; OTEL_EXPORTER_OTLP_ENDPOINT where absent"
    ),
    Flag.optional
  )
}

export interface LogOptions {
  readonly logFormat?: "auto" | "json" | "pretty" | "plain"
  readonly logLevel?: "debug" | "info" | "warn" | "error"
  /** URL of the collector; the environment's where absent. */
  readonly otlp?: string
}

const levels = { debug: "Debug", info: "Info", warn: "Warn", error: "Error" } as const

/** Log lines on standard output, and to `keep`, which gets them without their line end. */
export const terminalLog = (
  { logFormat = "auto", logLevel = "info" }: LogOptions,
  keep: (line: string) => void = () => undefined
) => {
  const automatic = process.stdout.isTTY ? "pretty" : "json"
  const lines = logger(logFormat === "auto" ? automatic : logFormat, (line) => {
    process.stdout.write(`${line}\n`)
    keep(line)
  })
  return Layer.merge(Logger.layer([lines]), Layer.succeed(References.MinimumLogLevel, levels[logLevel]))
}
