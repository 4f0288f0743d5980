// What each role may do: `read` looks, asks what it may do, and tries out what a change would do; everything else takes `write`. Probes
// and the dashboard's own files are for everybody: they hold nothing of the cluster.
import type { MiddlewareHandler } from "hono"
import { isDashboard } from "../../web/routes.ts"
import { failure } from "../failure.ts"
import type { Role } from "./actor.ts"

const PROBES = ["/healthz", "/livez", "/readyz"]

/** Answered without knowing who asks: a prober has no token, and the dashboard's page has nothing of the cluster in it. */
export const isOpen = (path: string): boolean => PROBES.includes(path) || isDashboard(path)

const REVIEWS = /^\/apis\/authorization\.k8s\.io\/v1\/selfsubject(access|rules)reviews$/

/** What a request needs. `dryRun`: the values of that query parameter, as Kubernetes has it. */
export const neededRole = (method: string, path: string, dryRun: ReadonlyArray<string> = []): Role => {
  if (method === "GET" || method === "HEAD" || method === "OPTIONS") return "read"
  if (method === "POST" && (path === "/v1/plan" || path === "/v1/change/plan" || REVIEWS.test(path))) return "read"
  const onResources = path.startsWith("/api/") || path.startsWith("/apis/")
  if (onResources && dryRun.length > 0 && dryRun.every((value) => value === "All")) return "read"
  return "write"
}

/** Middleware that answers 403 to who may not do what the request asks, and 401 where nobody knows who that is. */
export const authorize = (): MiddlewareHandler => async (context, next) => {
  const { method, path } = context.req
  if (isOpen(path)) return next()
  const actor = context.get("actor")
  if (actor === undefined)
    return context.json(failure(401, "Unauthorized", "say who you are: a token is needed here"), 401)
  if (actor.role === "write" || neededRole(method, path, context.req.queries("dryRun")) === "read") return next()
  const message = `${actor.name} may read only, and ${method} ${path} takes the role write`
  return context.json(failure(403, "Forbidden", message), 403)
}
