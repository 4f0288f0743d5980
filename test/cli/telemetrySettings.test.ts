// The environment variables of OpenTelemetry, as its specification has them: what wins over what, and what is said about what is wrong.
import { describe, expect, test } from "bun:test"
import { telemetryConfig } from "../../src/cli/telemetrySettings.ts"

const urls = (environment: Record<string, string>, endpoint?: string) => {
  const targets = telemetryConfig(environment, endpoint).settings?.targets ?? {}
  return Object.fromEntries(Object.entries(targets).map(([signal, { url }]) => [signal, url]))
}

describe("where telemetry goes", () => {
  test("nowhere unless somebody says so, and nowhere where it is switched off", () => {
    expect(telemetryConfig({})).toEqual({ problems: [] })
    expect(telemetryConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: " " }).settings).toBeUndefined()
    expect(telemetryConfig({ OTEL_SDK_DISABLED: "True" }, "http://c:4318").settings).toBeUndefined()
  })

  test("to the endpoint with the signal's path, below a path of its own", () => {
    expect(urls({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4318" })).toEqual({
      logs: "http://c:4318/v1/logs",
      metrics: "http://c:4318/v1/metrics",
      traces: "http://c:4318/v1/traces"
    })
    expect(urls({ OTEL_EXPORTER_OTLP_ENDPOINT: "https://c/otlp/" }).traces).toBe("https://c/otlp/v1/traces")
  })

  test("a signal's own endpoint is taken as it is and wins; the flag wins over the common one", () => {
    const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:1", OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: "http://d:2/in" }
    expect(urls(environment)).toMatchObject({ logs: "http://d:2/in", traces: "http://c:1/v1/traces" })
    expect(urls(environment, "http://e:3")).toMatchObject({ logs: "http://d:2/in", traces: "http://e:3/v1/traces" })
  })

  test("not for a signal whose exporter is another one", () => {
    expect(urls({ OTEL_TRACES_EXPORTER: "none", OTEL_LOGS_EXPORTER: "console,otlp" }, "http://c:4318")).toEqual({
      logs: "http://c:4318/v1/logs",
      metrics: "http://c:4318/v1/metrics"
    })
  })
})

test("headers, time-outs, compression and intervals, a signal's own first", () => {
  const { settings, problems } = telemetryConfig(
    {
      OTEL_EXPORTER_OTLP_HEADERS: "Authorization=Bearer%20a%2Cb, x-scope = lab",
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: "x-own=1",
      OTEL_EXPORTER_OTLP_TIMEOUT: "2000",
      OTEL_EXPORTER_OTLP_LOGS_TIMEOUT: "300",
      OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
      OTEL_EXPORTER_OTLP_CERTIFICATE: "/etc/ca.pem",
      OTEL_METRIC_EXPORT_INTERVAL: "5000",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_SERVICE_NAME: "vips"
    },
    "http://c:4318"
  )
  expect(problems).toEqual([])
  expect(settings).toMatchObject({
    protocol: "http/json",
    serviceName: "vips",
    metricIntervalMs: 5000,
    certificate: "/etc/ca.pem",
    targets: {
      logs: { headers: { authorization: "Bearer a,b", "x-scope": "lab" }, timeoutMs: 300, compression: "gzip" },
      metrics: { timeoutMs: 2000 },
      traces: { headers: { "x-own": "1" } }
    }
  })
})

test("what is wrong is said, once, without the values of headers, and the rest goes on", () => {
  const { settings, problems } = telemetryConfig({
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4318",
    OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: "ftp://c",
    OTEL_EXPORTER_OTLP_HEADERS: "secret-without-a-name",
    OTEL_EXPORTER_OTLP_TIMEOUT: "soon",
    OTEL_EXPORTER_OTLP_PROTOCOL: "grpc"
  })
  expect(problems).toEqual([
    'OTEL_EXPORTER_OTLP_LOGS_ENDPOINT is "ftp://c": expected http://HOST:4318; no logs are exported',
    "OTEL_EXPORTER_OTLP_HEADERS is not name=value[,name=value]; it is left out",
    'OTEL_EXPORTER_OTLP_TIMEOUT is "soon": expected milliseconds; 10000 is used',
    'OTEL_EXPORTER_OTLP_PROTOCOL is "grpc": known are http/protobuf, http/json; http/protobuf is used'
  ])
  expect(Object.keys(settings?.targets ?? {})).toEqual(["metrics", "traces"])
})
