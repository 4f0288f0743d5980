// The admin API of a node as one portable fetch handler: probes, metrics, the resources at their Kubernetes paths
// (D3) and the node's whole status. Read-only: anything but a read is refused with 405. The daemon serves it on
// its socket and on loopback, a worker serves the same over a node somewhere else; which of the two is the
// source's affair.
//
//   /healthz /livez /readyz                            probes
//   /metrics                                           Prometheus text
//   /version /api /apis …                              discovery
//   /apis/networking.gke.io/v1/[namespaces/NS/]KIND    list, watch; /NAME: get
//   /v1/status                                         NodeStatus; ?watch=true: one a line, now and on each change
//   /v1/config                                         ConfigSnapshot
//   POST /v1/reload[?force=true]                       reads the config again; only where `reload` is given
import { Hono } from "hono"
import { discoveryRoutes } from "./discovery.ts"
import { explainErrors, failure, unknownPath } from "./failure.ts"
import { healthRoutes } from "./health.ts"
import { METRICS_CONTENT_TYPE, metricsText } from "./metrics.ts"
import { resourceRoutes } from "./resourceRoutes.ts"
import type { NodeSource } from "./source.ts"
import { streamJson } from "./stream.ts"
import { makeWatchHub } from "./watchHub.ts"

export interface AppOptions {
  /** Milliseconds since the epoch; `Date.now` in a daemon. Ages and the first resource version come from it. */
  readonly now: () => number
  /** Gets errors that nobody foresaw, which a client is not told; the console where absent. */
  readonly report?: (error: unknown) => void
  /** Reads the config again; the answer is why it was refused, or undefined. Absent: whoever asks here may only look. */
  readonly reload?: (force: boolean) => Promise<string | undefined>
}

/** The application over `source`. To guard a TCP listener, mount it below `localOnly()`. */
export const createApp = (source: NodeSource, { now, report = console.error, reload }: AppOptions): Hono => {
  const explain = explainErrors(report)
  const app = new Hono()
  if (reload !== undefined)
    app.post("/v1/reload", async (context) => {
      const refused = await reload(context.req.query("force") === "true")
      if (refused === undefined) return context.json({ reloaded: true })
      return context.json(failure(422, "Invalid", refused), 422)
    })
  app.use("*", async (context, next) => {
    const { method } = context.req
    if (method === "GET" || method === "HEAD") return next()
    context.header("allow", "GET, HEAD")
    const message = `the server does not allow this method on the requested resource: ${method} (the API is read-only)`
    return context.json(failure(405, "MethodNotAllowed", message), 405)
  })
  app.route("/", healthRoutes(source))
  app.get("/metrics", async (context) =>
    context.body(metricsText(await source.status()), 200, { "content-type": METRICS_CONTENT_TYPE })
  )
  app.route("/", discoveryRoutes(source))
  app.route("/", resourceRoutes(makeWatchHub(source, now()), now, explain))
  app.get("/v1/status", async (context) => {
    if (context.req.query("watch") !== "true") return context.json(await source.status())
    async function* changes(signal: AbortSignal): AsyncGenerator<unknown> {
      yield* source.changes(signal)
    }
    return streamJson(context.req.raw, changes, explain)
  })
  app.get("/v1/config", async (context) => context.json(await source.config()))
  app.notFound((context) => context.json(unknownPath, unknownPath.code))
  app.onError((error, context) => {
    const status = explain(error)
    return context.json(status, status.code)
  })
  return app
}
