// Logs, spans and metrics over OTLP/HTTP, as the environment says (telemetrySettings.ts). A collector that is away, slow or answers with
// errors costs nothing: a request is given up after a time, two of a signal are under way at most, what comes on top of them and a batch is
// dropped, and nobody waits. It is said once when it begins and once when it is over.
import { readFileSync } from "node:fs"
import { Clock, Context, Effect, Layer, Metric, type Scope } from "effect"
import { FetchHttpClient, HttpClient, HttpClientError, type HttpClientRequest } from "effect/http"
import { OtlpExporter, OtlpLogger, OtlpResource, OtlpSerialization, OtlpTracer } from "effect/observability"
import { metricDeclarations } from "../api/metrics.ts"
import { otlpMetrics } from "../api/otlpMetrics.ts"
import type { NodeStatus } from "../resources/nodeStatus.ts"
import { exportCount } from "../services/measures.ts"
import { type Signal, type TelemetryConfig, type TelemetrySettings, telemetryConfig } from "./telemetrySettings.ts"

export class Telemetry extends Context.Service<
  Telemetry,
  {
    /** Exports the metrics of `status` from time to time, for as long as the scope lives. */
    readonly exportMetrics: (status: Effect.Effect<NodeStatus>) => Effect.Effect<void, never, Scope.Scope>
  }
>()("viaduct/cli/Telemetry") {}

export interface TelemetryIdentity {
  readonly version: string
  readonly hostname: string
  readonly cluster: string
}

const underWayMost = 2
const batchMost = 512
/** The daemon has ended by then; what is still to be told has so long for each signal, in ms. */
const shutdownMs = 250

const because = ({ reason }: HttpClientError.HttpClientError): string => {
  if ("description" in reason && reason.description !== undefined) return reason.description
  return "cause" in reason && reason.cause instanceof Error ? reason.cause.message : reason.message
}

/** Counts what goes out, gives up what takes too long, and says what changes. */
const guarded = ({ targets }: TelemetrySettings) => {
  const signalOf = new Map(Object.entries(targets).map(([signal, { url }]) => [url, signal as Signal]))
  const underWay = new Map<string, number>()
  let well = true

  const count = (signal: string, outcome: string) =>
    Metric.update(Metric.withAttributes(exportCount, { signal, outcome }), 1)

  const failed = (signal: string, url: string, why: string) =>
    Effect.suspend(() => {
      const before = well
      well = false
      const said = `telemetry does not get through to ${url}: ${why}; it is dropped until the collector answers`
      return Effect.andThen(count(signal, "failed"), before ? Effect.logWarning(said) : Effect.void)
    })

  const done = (signal: string, url: string) =>
    Effect.suspend(() => {
      const before = well
      well = true
      const said = `the collector at ${url} takes telemetry again`
      return Effect.andThen(count(signal, "done"), before ? Effect.void : Effect.logInfo(said))
    })

  const failure = (request: HttpClientRequest.HttpClientRequest, description: string, transient: boolean) => {
    const reason = transient
      ? new HttpClientError.TransportError({ request, description })
      : new HttpClientError.EncodeError({ request, description })
    return Effect.fail(new HttpClientError.HttpClientError({ reason }))
  }

  return HttpClient.transform<HttpClientError.HttpClientError, never, HttpClientError.HttpClientError, never>(
    (effect, request) =>
      Effect.suspend(() => {
        const { url } = request
        const signal = signalOf.get(url) ?? "other"
        const now = underWay.get(signal) ?? 0
        if (now >= underWayMost) {
          const why = `${now} requests wait for an answer already`
          return Effect.andThen(failed(signal, url, why), failure(request, why, false))
        }
        underWay.set(signal, now + 1)
        const { timeoutMs = 10_000 } = signal === "other" ? {} : (targets[signal] ?? {})
        return effect.pipe(
          Effect.timeoutOrElse({
            duration: timeoutMs,
            orElse: () => failure(request, `no answer within ${timeoutMs} ms`, true)
          }),
          Effect.tap((response) =>
            response.status < 300 ? done(signal, url) : failed(signal, url, `it answers ${response.status}`)
          ),
          Effect.tapError((error) => failed(signal, url, because(error))),
          Effect.ensuring(Effect.sync(() => underWay.set(signal, (underWay.get(signal) ?? 1) - 1)))
        )
      })
  )
}

/** A file that cannot be read is told of, and the system's certificates are used. */
const trusted = (path: string | undefined) => {
  if (path === undefined) return Layer.empty
  const read = Effect.try({ try: () => readFileSync(path, "utf8"), catch: () => undefined })
  return Layer.unwrap(
    Effect.match(read, {
      onSuccess: (ca) => {
        const init: RequestInit & { readonly tls: { readonly ca: string } } = { tls: { ca } }
        return Layer.succeed(FetchHttpClient.RequestInit, init)
      },
      onFailure: () => Layer.empty
    })
  )
}

const makeTelemetry = (settings: TelemetrySettings, identity: TelemetryIdentity) =>
  Effect.gen(function* () {
    const target = settings.targets.metrics
    if (target === undefined) return Telemetry.of({ exportMetrics: () => Effect.void })
    const serialization = yield* OtlpSerialization.OtlpSerialization
    const resource = yield* OtlpResource.fromConfig(resourceOf(settings, identity))
    const context = yield* Effect.context<OtlpExporter.Flusher | HttpClient.HttpClient>()
    const scope = { name: "viaduct", version: identity.version }

    const exportMetrics = Effect.fnUntraced(function* (status: Effect.Effect<NodeStatus>) {
      const exporter = yield* OtlpExporter.make({
        label: "viaduct-metrics",
        url: target.url,
        headers: target.headers,
        compression: target.compression,
        // One set of figures a time: the last one stands for those that could not be told.
        maxBatchSize: "disabled",
        exportInterval: Math.min(1_000, settings.metricIntervalMs),
        body: (items: Array<ReturnType<typeof otlpMetrics>>) => {
          const metrics = items.at(-1) ?? []
          return [
            serialization.metrics({ resourceMetrics: [{ resource, scopeMetrics: [{ scope, metrics }] }] }),
            Effect.void
          ]
        },
        shutdownTimeout: shutdownMs
      })
      const push = Effect.gen(function* () {
        exporter.push(otlpMetrics(metricDeclarations, yield* status, yield* Clock.currentTimeMillis))
      })
      yield* Effect.forkScoped(Effect.forever(Effect.andThen(push, Effect.sleep(settings.metricIntervalMs))))
    })
    return Telemetry.of({ exportMetrics: (status) => Effect.provide(exportMetrics(status), context) })
  })

const resourceOf = ({ serviceName }: TelemetrySettings, { version, hostname, cluster }: TelemetryIdentity) => ({
  serviceName,
  serviceVersion: version,
  attributes: {
    "service.instance.id": cluster === "" ? hostname : `${cluster}/${hostname}`,
    "host.name": hostname,
    ...(cluster === "" ? {} : { "viaduct.cluster": cluster })
  }
})

const exporting = (settings: TelemetrySettings, identity: TelemetryIdentity) => {
  const { logs, traces } = settings.targets
  const common = { resource: resourceOf(settings, identity), maxBatchSize: batchMost, shutdownTimeout: shutdownMs }
  const client = Layer.effect(HttpClient.HttpClient, Effect.map(HttpClient.HttpClient, guarded(settings))).pipe(
    Layer.provide(FetchHttpClient.layer),
    Layer.provideMerge(trusted(settings.certificate))
  )
  return Layer.mergeAll(
    logs === undefined ? Layer.empty : OtlpLogger.layer({ ...common, ...logs }),
    traces === undefined ? Layer.empty : OtlpTracer.layer({ ...common, ...traces }),
    Layer.effect(Telemetry, makeTelemetry(settings, identity)).pipe(Layer.provide(OtlpExporter.layerFlusher))
  ).pipe(
    Layer.provide(client),
    Layer.provide(settings.protocol === "http/json" ? OtlpSerialization.layerJson : OtlpSerialization.layerProtobuf)
  )
}

const nothing = Layer.succeed(Telemetry, { exportMetrics: () => Effect.void })

/** What a daemon's telemetry needs; without a collector to tell it to, nothing. */
export const telemetry = (identity: TelemetryIdentity, endpoint: string | undefined): Layer.Layer<Telemetry> => {
  const { settings, problems }: TelemetryConfig = telemetryConfig(process.env, endpoint)
  const said = Layer.effectDiscard(Effect.forEach(problems, (problem) => Effect.logWarning(problem)))
  return Layer.merge(said, settings === undefined ? nothing : exporting(settings, identity))
}
