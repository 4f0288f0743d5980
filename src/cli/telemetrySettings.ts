// Where telemetry goes over OTLP, from the environment variables of the OpenTelemetry specification ("Environment Variable Specification",
// "OTLP Exporter Configuration") and the flag that stands for the endpoint. Pure. What is wrong is told and left out: a node does not stay
// down for its telemetry.
export type Signal = "logs" | "metrics" | "traces"

interface Target {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly timeoutMs: number
  readonly compression: "gzip" | "none"
}

export interface TelemetrySettings {
  /** Absent: the signal is not exported. */
  readonly targets: Readonly<Partial<Record<Signal, Target>>>
  readonly protocol: "http/protobuf" | "http/json"
  readonly serviceName: string
  readonly metricIntervalMs: number
  /** Path of a PEM file that certificates are checked against; the system's where absent. */
  readonly certificate?: string
}

export interface TelemetryConfig {
  readonly settings?: TelemetrySettings
  /** Sentences for the log. */
  readonly problems: ReadonlyArray<string>
}

type Environment = Readonly<Record<string, string | undefined>>

const signals: ReadonlyArray<Signal> = ["logs", "metrics", "traces"]
const defaultTimeoutMs = 10_000
const defaultMetricIntervalMs = 60_000

/** `key=value,key=value`, both percent-encoded (W3C Baggage). */
const headersIn = (text: string): Record<string, string> | undefined => {
  const pairs = text.split(",").filter((pair) => pair.trim() !== "")
  const headers: Record<string, string> = {}
  for (const pair of pairs) {
    const [, name, value] = /^\s*([^=\s]+)\s*=(.*)$/.exec(pair) ?? []
    if (name === undefined || value === undefined || /%(?![0-9a-fA-F]{2})/.test(value)) return undefined
    headers[name.toLowerCase()] = decodeURIComponent(value.trim())
  }
  return headers
}

const httpUrl = (text: string): URL | undefined => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url?.protocol === "http:" || url?.protocol === "https:" ? url : undefined
}

/** Reads the environment of one process; keeps what it finds wrong. */
class Reader {
  readonly problems: Array<string> = []
  private readonly environment: Environment

  constructor(environment: Environment) {
    this.environment = environment
  }

  /** The first of `names` that is set; empty counts as not set. */
  text(...names: ReadonlyArray<string>): { readonly name: string; readonly value: string } | undefined {
    for (const name of names) {
      const value = this.environment[name]?.trim()
      if (value !== undefined && value !== "") return { name, value }
    }
    return undefined
  }

  milliseconds(fallback: number, ...names: ReadonlyArray<string>): number {
    const found = this.text(...names)
    if (found === undefined) return fallback
    if (/^[1-9]\d{0,8}$/.test(found.value)) return Number(found.value)
    this.problems.push(`${found.name} is "${found.value}": expected milliseconds; ${fallback} is used`)
    return fallback
  }

  choice<const T extends string>(fallback: T, known: ReadonlyArray<T>, ...names: ReadonlyArray<string>): T {
    const found = this.text(...names)
    if (found === undefined) return fallback
    const chosen = known.find((one) => one === found.value)
    if (chosen === undefined)
      this.problems.push(`${found.name} is "${found.value}": known are ${known.join(", ")}; ${fallback} is used`)
    return chosen ?? fallback
  }
}

const targetOf = (reader: Reader, signal: Signal, endpoint: string | undefined): Target | undefined => {
  const upper = signal.toUpperCase()
  const exporter = reader.text(`OTEL_${upper}_EXPORTER`)
  if (exporter !== undefined && !exporter.value.split(",").some((one) => one.trim() === "otlp")) return undefined
  const own = reader.text(`OTEL_EXPORTER_OTLP_${upper}_ENDPOINT`)
  const base = endpoint === undefined ? reader.text("OTEL_EXPORTER_OTLP_ENDPOINT") : { name: "--otlp", value: endpoint }
  const found = own ?? base
  if (found === undefined) return undefined
  const url = httpUrl(found.value)
  if (url === undefined) {
    const problem = `${found.name} is "${found.value}": expected http://HOST:4318; no ${signal} are exported`
    reader.problems.push(problem)
    return undefined
  }
  if (own === undefined) url.pathname = `${url.pathname.replace(/\/+$/, "")}/v1/${signal}`
  const given = reader.text(`OTEL_EXPORTER_OTLP_${upper}_HEADERS`, "OTEL_EXPORTER_OTLP_HEADERS")
  const headers = given === undefined ? {} : headersIn(given.value)
  // Their values may be secrets: the message names the variable only.
  if (headers === undefined) reader.problems.push(`${given?.name} is not name=value[,name=value]; it is left out`)
  return {
    url: url.toString(),
    headers: headers ?? {},
    timeoutMs: reader.milliseconds(
      defaultTimeoutMs,
      `OTEL_EXPORTER_OTLP_${upper}_TIMEOUT`,
      "OTEL_EXPORTER_OTLP_TIMEOUT"
    ),
    compression: reader.choice(
      "none",
      ["none", "gzip"],
      `OTEL_EXPORTER_OTLP_${upper}_COMPRESSION`,
      "OTEL_EXPORTER_OTLP_COMPRESSION"
    )
  }
}

/** `endpoint` comes from the command line and wins over the environment's for all signals. */
export const telemetryConfig = (environment: Environment, endpoint?: string): TelemetryConfig => {
  const reader = new Reader(environment)
  if (reader.text("OTEL_SDK_DISABLED")?.value.toLowerCase() === "true") return { problems: [] }
  const targets: Partial<Record<Signal, Target>> = {}
  for (const signal of signals) {
    const target = targetOf(reader, signal, endpoint)
    if (target !== undefined) targets[signal] = target
  }
  const certificate = reader.text("OTEL_EXPORTER_OTLP_CERTIFICATE")?.value
  const protocol = reader.choice("http/protobuf", ["http/protobuf", "http/json"], "OTEL_EXPORTER_OTLP_PROTOCOL")
  const settings: TelemetrySettings = {
    targets,
    protocol,
    serviceName: reader.text("OTEL_SERVICE_NAME")?.value ?? "viaduct",
    metricIntervalMs: reader.milliseconds(defaultMetricIntervalMs, "OTEL_METRIC_EXPORT_INTERVAL"),
    ...(certificate === undefined ? {} : { certificate })
  }
  const any = Object.keys(targets).length > 0
  return any ? { settings, problems: [...new Set(reader.problems)] } : { problems: [...new Set(reader.problems)] }
}
