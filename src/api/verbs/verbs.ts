// All verbs that a node serves: what only shows comes from its source, the rest is there where its control is given. Beside them the
// OpenAPI document of just these verbs and the page that shows it.
import { Hono } from "hono"
import { accessVerb, type Reach } from "../access/access.ts"
import type { NodeControl } from "../control.ts"
import type { ExplainError } from "../failure.ts"
import type { NodeSource } from "../source.ts"
import { configVerbs, historyVerb } from "./config.ts"
import { drainVerb, eventsVerb, explainVerb, traceVerb } from "./node.ts"
import { openApi } from "./openapi.ts"
import { PAGE_HEADERS, referencePage } from "./page.ts"
import { preflightVerbs } from "./preflight.ts"
import { supportBundleVerb } from "./supportBundle.ts"
import { serveVerb, type Verb } from "./verb.ts"

export interface VerbOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly explain: ExplainError
  readonly reach: () => Reach
}

/** The verbs in the order in which the reference shows them. */
export const verbsOf = (
  source: NodeSource,
  control: NodeControl,
  { now, reach }: Omit<VerbOptions, "explain">
): ReadonlyArray<Verb> => [
  ...(control.config === undefined ? [] : configVerbs(control.config)),
  historyVerb(source),
  ...(control.drain === undefined ? [] : [drainVerb(control.drain)]),
  ...(control.explain === undefined ? [] : [explainVerb(control.explain)]),
  eventsVerb(source),
  ...(control.trace === undefined ? [] : [traceVerb(control.trace)]),
  accessVerb(source, reach),
  ...(control.preflight === undefined ? [] : preflightVerbs(control.preflight)),
  supportBundleVerb(source, control, now)
]

export const verbRoutes = (source: NodeSource, control: NodeControl, options: VerbOptions): Hono => {
  const routes = new Hono()
  const verbs = verbsOf(source, control, options)
  for (const verb of verbs) serveVerb(routes, verb, options.explain)
  const document = async () => openApi(verbs, (await source.status()).version)
  routes.get("/v1/openapi.json", async (context) => context.json(await document()))
  routes.get("/v1/docs", async (context) => context.body(referencePage(await document()), 200, PAGE_HEADERS))
  return routes
}
