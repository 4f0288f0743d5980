// The admin API of a node as one portable fetch handler: probes, metrics, the resources at their Kubernetes paths
// (D3), the node's whole status and the verbs. The daemon serves it on its socket and on TCP, a worker serves the same over a node
// somewhere else; which of the two is the source's affair. Who may do what is settled by `access`, before anything else is looked at.
//
//   / /assets/…                                        the dashboard (src/web); it shows what comes from the paths below
//   /healthz /livez /readyz                            probes
//   /metrics                                           Prometheus text
//   /version /api /apis …                              discovery
//   /openapi/v2, /openapi/v3                           the shapes of the resources
//   /apis/networking.gke.io/v1/[namespaces/NS/]KIND    list, watch; /NAME: get; with a control also create, update, patch, delete
//   /v1/status                                         NodeStatus; ?watch=true: one a line, now and on each change
//   /v1/config                                         ConfigSnapshot
//   /v1/plan, apply, rollback, explain, events …       verbs (verbs/), each where its control is given; /v1/openapi.json, /v1/docs
import { Hono, type MiddlewareHandler } from "hono"
import { dashboardRoutes } from "../web/routes.ts"
import type { Reach } from "./access/access.ts"
import { accessReviewRoutes } from "./accessReview.ts"
import type { NodeControl } from "./control.ts"
import { discoveryRoutes } from "./discovery.ts"
import { explainErrors, failure, unknownPath } from "./failure.ts"
import { healthRoutes } from "./health.ts"
import { METRICS_CONTENT_TYPE, metricsText } from "./metrics.ts"
import { nodeRoutes } from "./nodeRoutes.ts"
import { openApiRoutes } from "./openapi/routes.ts"
import { podLogRoutes } from "./podLog.ts"
import { resourceRoutes } from "./resourceRoutes.ts"
import type { NodeSource } from "./source.ts"
import { streamJson } from "./stream.ts"
import { verbRoutes } from "./verbs/verbs.ts"
import { makeWatchHub, type WatchHub } from "./watchHub.ts"
import { writeRoutes } from "./writes/writeRoutes.ts"

export interface AppOptions {
  /** Milliseconds since the epoch; `Date.now` in a daemon. Ages and the first resource version come from it. */
  readonly now: () => number
  /** Gets errors that nobody foresaw, which a client is not told; the console where absent. */
  readonly report?: (error: unknown) => void
  /** A signal that aborts after so many milliseconds (AbortSignal.timeout); without it, watches have no end of their own. */
  readonly timeout?: (ms: number) => AbortSignal
  /** What may be changed here; absent: whoever asks may only look. */
  readonly control?: NodeControl
  /** Where resources are listed and watched, for applications that share it; one of its own where absent. */
  readonly hub?: WatchHub
  /** How the node is reached under TLS. */
  readonly reach?: () => Reach
  /** Guards, in their order: each finds out something about who asks, or refuses. */
  readonly access?: ReadonlyArray<MiddlewareHandler>
}

/** The application over `source`. */
export const createApp = (source: NodeSource, options: AppOptions): Hono => {
  const { now, report = console.error, control = {}, access = [], reach = () => ({}), timeout } = options
  const explain = explainErrors(report)
  const hub = options.hub ?? makeWatchHub(source, now())
  const app = new Hono()
  for (const guard of access) app.use("*", guard)
  app.route("/", dashboardRoutes())
  app.route("/", verbRoutes(source, control, { now, explain, reach }))
  app.route("/", accessReviewRoutes())
  if (control.config !== undefined) app.route("/", writeRoutes(hub, control.config, now))
  app.route("/", nodeRoutes(hub, control.drain))
  app.use("*", async (context, next) => {
    const { method } = context.req
    if (method === "GET" || method === "HEAD") return next()
    context.header("allow", "GET, HEAD")
    const message = `the server does not allow this method on the requested resource: ${method} (it is read-only)`
    return context.json(failure(405, "MethodNotAllowed", message), 405)
  })
  app.route("/", healthRoutes(source))
  app.get("/metrics", async (context) =>
    context.body(metricsText(await source.status()), 200, { "content-type": METRICS_CONTENT_TYPE })
  )
  if (control.logs !== undefined) app.route("/", podLogRoutes(source, control.logs, now))
  app.route("/", discoveryRoutes(source, control))
  app.route("/", openApiRoutes(source))
  app.route("/", resourceRoutes(hub, { now, explain, ...(timeout === undefined ? {} : { timeout }) }))
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
