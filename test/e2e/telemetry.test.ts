// The daemon's telemetry at a collector that reads OTLP by its specification, as protobuf and as JSON; and a collector that is away, answers
// with errors or not at all, which a session must not notice.
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { Collector } from "../lab/otlp.ts"
import { clusterYaml, Directory, program, type Router, Running, startRouter, statusAt, until } from "./world.ts"

let net = 60
const directory = new Directory()
afterAll(() => directory.remove())

const start = async (environment: Readonly<Record<string, string>>, ...args: ReadonlyArray<string>) => {
  const node = `127.${++net}.1.1`
  const router = await startRouter(`127.${net}.1.254`, node)
  const config = directory.write(`cluster-${net}.yaml`, clusterYaml(node, [router.address]))
  const socket = directory.at(`admin-${net}.sock`)
  const daemon = new Running(
    [
      ...[
        "run",
        "--config",
        config,
        "--node",
        "node-01",
        "--data-dir",
        directory.at(`data-${net}`),
        "--admin-socket",
        socket
      ],
      ...["--admin-listen", "none", "--log-format", "json", ...args]
    ],
    ["env", ...Object.entries(environment).map(([name, value]) => `${name}=${value}`), ...program]
  )
  const up = () =>
    until(
      "the session is up",
      async () => (await statusAt(socket).catch(() => undefined))?.sessions[0]?.state === "Established",
      () => daemon.output
    )
  return { router, daemon, socket, up }
}

for (const protocol of ["http/protobuf", "http/json"]) {
  describe(`OTLP as ${protocol}`, () => {
    let collector: Collector
    let world: Awaited<ReturnType<typeof start>>
    beforeAll(async () => {
      collector = new Collector()
      world = await start({
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
        OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20abc,x-scope=lab",
        OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
        OTEL_SERVICE_NAME: "vips",
        OTEL_RESOURCE_ATTRIBUTES: "deployment.environment=test",
        OTEL_METRIC_EXPORT_INTERVAL: "200"
      })
      await world.up()
    }, 30_000)
    afterAll(async () => {
      await world.daemon.end()
      await world.router.stop()
      await collector.stop()
    })

    test("logs, metrics and spans arrive in the shape of the specification, under the service's name", async () => {
      const established = () => collector.logs.find(({ text }) => / -> Established/.test(text))
      const log = await until("the log line of the session", established)
      expect(log.severity).toBe("Info")
      expect(log.attributes).toMatchObject({ new: "Established" })
      const sessionUp = () => collector.metrics.get("viaduct_bgp_session_up")?.points[0]
      const point = await until("the metric of the session", () => (sessionUp()?.value === 1 ? sessionUp() : undefined))
      expect(point.labels.peer).toBe(world.router.address)
      expect(collector.metrics.get("viaduct_bgp_messages_total")?.type).toBe("sum")
      const reconciles = collector.metrics.get("viaduct_reconcile_duration_seconds")
      expect([reconciles?.type, (reconciles?.points[0]?.value ?? 0) > 0]).toEqual(["histogram", true])
      const span = await until("the span of the session's way up", () =>
        collector.spans.find(({ name, failed }) => name === "session.establish" && !failed)
      )
      expect(span.attributes).toMatchObject({ "network.peer.address": world.router.address, "bgp.peer.asn": "65002" })
      await until("the spans of applying and reconciling", () =>
        ["apply", "reconcile"].every((name) => collector.spans.some((one) => one.name === name))
      )
      expect(collector.resource).toMatchObject({
        "service.name": "vips",
        "service.instance.id": expect.stringContaining("e2e/"),
        "viaduct.cluster": "e2e",
        "deployment.environment": "test"
      })
      expect(collector.headers[0]?.get("authorization")).toBe("Bearer abc")
      expect(collector.headers[0]?.get("x-scope")).toBe("lab")
      expect(collector.mistakes).toEqual([])
    })
  })
}

describe("a collector that", () => {
  let collector: Collector
  beforeAll(() => {
    collector = new Collector()
  })
  afterAll(() => collector.stop())

  /** The session stays up and the daemon ends in time; says how often it complained. */
  const bears = async (world: Awaited<ReturnType<typeof start>>, complaint: RegExp) => {
    const { daemon, router, socket, up } = world
    try {
      await up()
      await daemon.says(complaint)
      // More than enough to fill what may wait.
      for (let i = 0; i < 30; i++) daemon.child.kill("SIGHUP")
      await until("metrics were counted as lost", async () => {
        const { measures } = await statusAt(socket)
        return measures?.values.some(
          ({ name, labels }) => name === "viaduct_otlp_exports_total" && labels.outcome === "failed"
        )
      })
      const [session] = (await statusAt(socket)).sessions
      expect([session?.state, session?.flaps]).toEqual(["Established", 0])
      expect(router.routes()).toHaveLength(1)
      const { code, tookMs } = await daemon.end()
      expect([code, tookMs < 2_000]).toEqual([0, true])
      expect(daemon.output.match(new RegExp(complaint, "g"))).toHaveLength(1)
    } finally {
      daemon.child.kill("SIGKILL")
      await router.stop()
    }
  }

  test("is away costs nothing, and is told of once", async () => {
    const world = await start({ OTEL_METRIC_EXPORT_INTERVAL: "100" }, "--otlp", "http://127.0.0.1:9")
    await bears(world, /telemetry does not get through to http:\/\/127\.0\.0\.1:9\/v1\/\w+: /)
  }, 30_000)

  test("answers 500 costs nothing, and is told of once", async () => {
    collector.answer = () => new Response("no", { status: 500 })
    const world = await start({ OTEL_METRIC_EXPORT_INTERVAL: "100" }, "--otlp", collector.url)
    await bears(world, /telemetry does not get through to \S+: it answers 500/)
  }, 30_000)

  test("never answers costs nothing, and is told of once", async () => {
    collector.answer = () => new Promise<Response>(() => undefined)
    const world = await start(
      { OTEL_METRIC_EXPORT_INTERVAL: "100", OTEL_EXPORTER_OTLP_TIMEOUT: "300" },
      "--otlp",
      collector.url
    )
    await bears(world, /telemetry does not get through to \S+: no answer within 300 ms/)
  }, 30_000)

  test("is named wrongly leaves the daemon running without one", async () => {
    const world: { daemon: Running; router: Router; up: () => Promise<unknown> } = await start({
      OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4317",
      OTEL_EXPORTER_OTLP_PROTOCOL: "grpc"
    })
    await world.up()
    await world.daemon.says(/OTEL_EXPORTER_OTLP_ENDPOINT is \\"collector:4317\\": expected http:\/\/HOST:4318/)
    await world.daemon.says(/OTEL_EXPORTER_OTLP_PROTOCOL is \\"grpc\\": known are http\/protobuf, http\/json/)
    await world.daemon.end()
    await world.router.stop()
  }, 30_000)
})

test("--log-level and --log-format decide what the log looks like", async () => {
  const { daemon, router, up } = await start({}, "--log-level", "warn")
  await up()
  await daemon.end()
  expect(daemon.output).not.toContain('"level":"info"')
  await router.stop()
}, 30_000)
