// The admin API and the dashboard as a portable worker: a default export with `fetch`, over one node or a fleet of them. The same file runs
// from source and as a bundle (dist/workers/console.js), under `bun FILE`, `deno serve FILE` and whatever else calls a module's fetch handler.
// It keeps no state: what it shows is what the nodes say, and what it is asked to change a node changes.
//
//   VIADUCT_NODES            addresses of admin APIs, separated by commas: http://127.0.0.1:7179,https://10.0.1.11:7180
//   VIADUCT_TOKEN            what the console itself looks with (role read is enough); VIADUCT_TOKENS: one for each node, in their order, or none
//   VIADUCT_CA               PEM, or PEM files separated by commas, that the nodes' certificates are checked against
//   VIADUCT_CONSOLE_TOKENS   who may use the console: `NAME read|write SHA256`, separated by commas or lines. What they change is changed
//                            with VIADUCT_TOKEN. Absent: callers bring tokens of the nodes; the nodes say who they are and do what they ask
import { Hono, type MiddlewareHandler } from "hono"
import type { Reach } from "../src/api/access/access.ts"
import { makeAttempts } from "../src/api/access/attempts.ts"
import { authenticate } from "../src/api/access/authenticate.ts"
import { authorize, isOpen } from "../src/api/access/roles.ts"
import { parseTokens } from "../src/api/access/tokens.ts"
import { createApp } from "../src/api/app.ts"
import { explainErrors, failure } from "../src/api/failure.ts"
import { fleetControl } from "../src/api/fleet/control.ts"
import { fleetReadiness, nobodyAnswers } from "../src/api/fleet/status.ts"
import { METRICS_CONTENT_TYPE, metricsTextOf } from "../src/api/metrics.ts"
import { prefersJson } from "../src/api/negotiate.ts"
import { NodeUnavailable } from "../src/api/source.ts"
import { makeWatchHub } from "../src/api/watchHub.ts"
import { type ConsoleNode, type FleetSource, fleetSource } from "./fleetSource.ts"
import { environment, nodeHttp } from "./http.ts"
import { type Caller, remoteCaller, remoteControl } from "./remoteNode.ts"

type Handler = (request: Request) => Response | Promise<Response>

/** How long the nodes' word on who somebody is counts, and of how many callers it is kept. */
const CALLER_MS = 30_000
const CALLERS_MAX = 200

/** Fewer failures than a node lets an address have: a console whose callers guess tokens must not be locked out itself. */
const attemptLimits = { burst: 10, refillMs: 6_000, addressesMax: 4_096 }

const unusable = (message: string): Handler => {
  const status = failure(500, "InternalError", message)
  return () => Response.json(status, { status: 500 })
}

const list = (text: string | undefined): ReadonlyArray<string> =>
  (text ?? "").split(",").flatMap((part) => (part.trim() === "" ? [] : [part.trim()]))

const bearer = (token: string | undefined) => (token === undefined ? {} : { authorization: `Bearer ${token}` })

const sha256 = async (text: string): Promise<string> => {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)))
  return [...digest].map((octet) => octet.toString(16).padStart(2, "0")).join("")
}

/** Keeps what was used last. */
class Recent<V> {
  private readonly entries = new Map<string, V>()

  get(key: string): V | undefined {
    const value = this.entries.get(key)
    if (value === undefined) return undefined
    this.entries.delete(key)
    this.entries.set(key, value)
    return value
  }

  set(key: string, value: V): void {
    this.entries.set(key, value)
    const oldest = this.entries.size > CALLERS_MAX ? this.entries.keys().next().value : undefined
    if (oldest !== undefined) this.entries.delete(oldest)
  }
}

/** Asks the nodes who a caller is: one node of each cluster, until one knows them. */
const askNodes = async (source: FleetSource, nodes: ReadonlyArray<ConsoleNode>, auth: { authorization?: string }) => {
  const seen = await source.look()
  const leads = seen.flatMap(({ nodes: [lead] }) => lead?.url ?? [])
  if (leads.length === 0) throw new NodeUnavailable(nobodyAnswers(seen))
  let refused: unknown
  for (const url of leads) {
    const http = nodes.find((node) => node.http.url === url)?.http
    if (http === undefined) continue
    try {
      return await remoteCaller(http, auth)
    } catch (error) {
      refused = error
    }
  }
  throw refused
}

/** Middleware for callers with the nodes' own tokens. */
const passThrough = (source: FleetSource, nodes: ReadonlyArray<ConsoleNode>): MiddlewareHandler => {
  const known = new Recent<{ readonly caller: Caller; readonly until: number }>()
  const attempts = makeAttempts(attemptLimits)
  const explain = explainErrors(console.error)
  return async (context, next) => {
    if (isOpen(context.req.path)) return next()
    const authorization = context.req.header("authorization")
    const key = authorization ?? ""
    const before = known.get(key)
    let caller = before !== undefined && before.until > Date.now() ? before.caller : undefined
    if (caller === undefined) {
      const wait = attempts.waitSeconds("callers", Date.now())
      if (wait > 0 && authorization !== undefined) {
        context.header("retry-after", String(wait))
        return context.json(failure(429, "TooManyRequests", `too many logins have failed: try again in ${wait} s`), 429)
      }
      try {
        caller = await askNodes(source, nodes, authorization === undefined ? {} : { authorization })
        known.set(key, { caller, until: Date.now() + CALLER_MS })
      } catch (error) {
        const status = explain(error)
        if (status.code === 401) {
          if (authorization !== undefined) attempts.failed("callers", Date.now())
          context.header("www-authenticate", "Bearer")
        }
        return context.json(status, status.code)
      }
    }
    context.set("actor", { ...caller, via: "token" })
    return next()
  }
}

/** Middleware for callers with tokens of the console's own. */
const ownTokens = (text: string): MiddlewareHandler | string => {
  const { tokens, problems } = parseTokens(text.replaceAll(",", "\n"))
  if (problems.length > 0) return `VIADUCT_CONSOLE_TOKENS: ${problems.join("; ")}`
  return authenticate({
    ...{ tokens: async () => tokens, sha256, attempts: makeAttempts(attemptLimits) },
    now: () => Date.now()
  })
}

/** Probes and metrics of more than one node. */
const fleetRoutes = (source: FleetSource): Hono => {
  const routes = new Hono()
  routes.get("/readyz", async (context) => {
    const found = fleetReadiness(await source.look())
    const code = found.ready ? 200 : 503
    if (prefersJson(context.req.header("accept"))) return context.json(found, code)
    const lines = [
      ...found.missing.map((text) => `[-]${text}`),
      `${found.ready ? "ready" : "not ready"}: ${found.nodes} nodes`
    ]
    return context.text(`${lines.join("\n")}\n`, code)
  })
  routes.get("/metrics", async (context) => {
    const all = (await source.look()).flatMap(({ name, nodes }) =>
      nodes.map(({ status }) => ({ labels: { cluster: name, node: status.node }, status }))
    )
    return context.body(metricsTextOf(all), 200, { "content-type": METRICS_CONTENT_TYPE })
  })
  return routes
}

const consoleHandler = (nodes: ReadonlyArray<ConsoleNode>, guard: MiddlewareHandler | undefined): Handler => {
  const source = fleetSource(nodes)
  const hub = makeWatchHub(source, Date.now())
  const access = [guard ?? passThrough(source, nodes), authorize()]
  const reach = (): Reach => ({})
  const timeout = (ms: number) => AbortSignal.timeout(ms)

  /** What is asked of nodes is asked with the caller's own token, or, where the console knows its callers itself, with its own. */
  const applicationFor = (authorization: string | undefined): Hono => {
    const controlOf = (url: string) => {
      const node = nodes.find(({ http }) => http.url === url)
      if (node === undefined) throw new Error(`no node has the address ${url}`)
      return remoteControl(node.http, guard === undefined ? bearerless(authorization) : node)
    }
    const control = fleetControl({ clusters: source.clusters, controlOf })
    const app = createApp(source, { now: Date.now, hub, control, access, reach, timeout })
    if (nodes.length === 1) return app
    const whole = new Hono()
    for (const one of access) whole.use("/metrics", one)
    return whole.route("/", fleetRoutes(source)).route("/", app)
  }

  const applications = new Recent<Hono>()
  return (request) => {
    const authorization = guard === undefined ? (request.headers.get("authorization") ?? undefined) : undefined
    const key = authorization ?? ""
    let app = applications.get(key)
    if (app === undefined) {
      app = applicationFor(authorization)
      applications.set(key, app)
    }
    return app.fetch(request)
  }
}

const bearerless = (authorization: string | undefined) => (authorization === undefined ? {} : { authorization })

const handler = (): Handler => {
  const urls = list(environment("VIADUCT_NODES"))
  if (urls.length === 0) return unusable("VIADUCT_NODES is not set: it names the nodes to show")
  const wrong = urls.find((url) => !/^https?:\/\//.test(url) || !URL.canParse(url))
  if (wrong !== undefined) return unusable(`VIADUCT_NODES has "${wrong}": no http URL`)
  const each = environment("VIADUCT_TOKENS")
    ?.split(",")
    .map((one) => (one.trim() === "" ? undefined : one.trim()))
  if (each !== undefined && each.length !== urls.length)
    return unusable(`VIADUCT_TOKENS has ${each.length} tokens for ${urls.length} nodes`)
  const token = environment("VIADUCT_TOKEN")
  const ca = environment("VIADUCT_CA")
  const nodes = urls.map((url, at) => ({ http: nodeHttp(url, ca), ...bearer(each === undefined ? token : each[at]) }))
  const tokens = environment("VIADUCT_CONSOLE_TOKENS")
  const guard = tokens === undefined ? undefined : ownTokens(tokens)
  return typeof guard === "string" ? unusable(guard) : consoleHandler(nodes, guard)
}

const answer = handler()

export default {
  fetch: (request: Request): Response | Promise<Response> => answer(request),
  /** For Bun, in seconds: watches are silent for long. Others do not look at it. */
  idleTimeout: 0
}
