// Probes. `/healthz` and `/livez` say that whoever answers is alive, and nothing about sessions: a node whose
// routers are away must not be restarted for it. `/readyz` is S7: 200 only when every expected session is
// Established and no address failed, otherwise 503, and the body says what is missing and why, as text or, for
// `Accept: application/json`, as JSON.
import { type Context, Hono } from "hono"
import { readiness, readinessText } from "../resources/readiness.ts"
import { prefersJson } from "./negotiate.ts"
import type { NodeSource } from "./source.ts"

export const healthRoutes = (source: NodeSource): Hono => {
  const routes = new Hono()
  const alive = (c: Context) => (prefersJson(c.req.header("accept")) ? c.json({ alive: true }) : c.text("ok"))
  routes.get("/healthz", alive)
  routes.get("/livez", alive)
  routes.get("/readyz", async (c) => {
    const found = readiness(await source.status())
    const code = found.ready ? 200 : 503
    return prefersJson(c.req.header("accept")) ? c.json(found, code) : c.text(readinessText(found), code)
  })
  return routes
}
