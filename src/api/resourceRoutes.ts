// The resources at their Kubernetes paths: list, get and watch of every kind, in its namespace or across all, as
// objects or tables. `limit`, `timeoutSeconds` and the like are tolerated: an answer is always whole, a watch
// lasts until the client leaves. A watch from version 0, or from none, begins with what is there as ADDED; one
// from a list's version goes on from that list without a gap.
import { Result } from "effect"
import { type Context, Hono } from "hono"
import { groupVersion, type ResourceKind, type ResourceObject } from "../resources/kind.ts"
import { allKinds } from "../resources/kinds.ts"
import { fieldSelector, labelSelector } from "../resources/selectors.ts"
import { badRequest, type ExplainError, expired, notFound } from "./failure.ts"
import { negotiate, tableMaker } from "./negotiate.ts"
import { streamJson } from "./stream.ts"
import { eventOf, type WatchEvent } from "./versions.ts"
import type { WatchHub } from "./watchHub.ts"

/** What one request asks for, read from its path, query and headers. */
interface Wanted {
  readonly kind: ResourceKind
  readonly selects: (object: ResourceObject) => boolean
  readonly asTable: ReturnType<typeof tableMaker> | undefined
}

/** All kinds' routes. `now` gives milliseconds since the epoch. */
export const resourceRoutes = (hub: WatchHub, now: () => number, explain: ExplainError): Hono => {
  const routes = new Hono()
  for (const kind of allKinds) {
    const base = `/apis/${groupVersion(kind)}`
    const inNamespace = kind.namespaced ? `${base}/namespaces/:namespace/${kind.plural}` : `${base}/${kind.plural}`
    const collection = (context: Context) => {
      const want = wanted(kind, context, now)
      return isWatch(context) ? watch(hub, want, context, explain) : list(hub, want, context)
    }
    routes.get(`${base}/${kind.plural}`, collection)
    if (kind.namespaced) routes.get(inNamespace, collection)
    routes.get(`${inNamespace}/:name`, (context) => get(hub, wanted(kind, context, now), context))
  }
  return routes
}

const isWatch = (context: Context): boolean => ["true", "1"].includes(context.req.query("watch") ?? "")

/** Throws ApiError for a selector or an Accept header that cannot be honoured. */
const wanted = (kind: ResourceKind, context: Context, now: () => number): Wanted => {
  const labels = Result.mapError(labelSelector(context.req.query("labelSelector")), badRequest)
  const fields = Result.mapError(fieldSelector(kind, context.req.query("fieldSelector")), badRequest)
  const byLabel = Result.getOrThrow(labels)
  const byField = Result.getOrThrow(fields)
  const namespace = context.req.param("namespace")
  const table = negotiate(context.req.header("accept")) === "table"
  return {
    kind,
    selects: (object) =>
      (namespace === undefined || object.metadata.namespace === namespace) && byLabel(object) && byField(object),
    asTable: table ? tableMaker(kind, context.req.query("includeObject"), now) : undefined
  }
}

const list = async (hub: WatchHub, { kind, selects, asTable }: Wanted, context: Context): Promise<Response> => {
  const { version, objects } = await hub.list(kind)
  const items = objects.filter(selects)
  const resourceVersion = String(version)
  return context.json(
    asTable?.(items, resourceVersion) ?? {
      kind: `${kind.kind}List`,
      apiVersion: groupVersion(kind),
      metadata: { resourceVersion },
      items
    }
  )
}

const get = async (hub: WatchHub, { kind, selects, asTable }: Wanted, context: Context): Promise<Response> => {
  const name = context.req.param("name") ?? ""
  const { objects } = await hub.list(kind)
  const object = objects.find((candidate) => candidate.metadata.name === name && selects(candidate))
  if (object === undefined) throw notFound(kind, name)
  return context.json(asTable?.([object], object.metadata.resourceVersion) ?? object)
}

const watch = async (hub: WatchHub, want: Wanted, context: Context, explain: ExplainError): Promise<Response> => {
  const { kind, selects, asTable } = want
  const from = startOf(context.req.query("resourceVersion"))
  const { version, objects } = await hub.list(kind)
  if (from > version) throw expired(String(from))
  const initial = from === 0 ? objects.filter(selects) : []
  const bookmark = context.req.query("sendInitialEvents") === "true"

  const shown = ({ type, object }: WatchEvent): unknown => ({
    type,
    object: asTable?.([object], object.metadata.resourceVersion) ?? object
  })
  async function* events(signal: AbortSignal): AsyncGenerator<unknown> {
    for (const object of initial) yield shown({ type: "ADDED", object })
    if (bookmark) yield initialEventsEnd(kind, version)
    for await (const changes of hub.watch(from === 0 ? version : from, signal)) {
      for (const change of changes) {
        const event = change.kind === kind ? eventOf(change, selects) : undefined
        if (event !== undefined) yield shown(event)
      }
    }
  }
  return streamJson(context.req.raw, events, (error) => ({ type: "ERROR", object: explain(error) }))
}

/** The version to watch from; 0 begins with what is there. */
const startOf = (resourceVersion: string | undefined): number => {
  if (resourceVersion === undefined || resourceVersion === "") return 0
  if (/^\d{1,16}$/.test(resourceVersion)) return Number(resourceVersion)
  throw badRequest(`resourceVersion is "${resourceVersion}": it has to be a number that a list gave`)
}

/** Tells a client that streams its initial list (sendInitialEvents) that it has all of it. */
const initialEventsEnd = (kind: ResourceKind, version: number): unknown => ({
  type: "BOOKMARK",
  object: {
    apiVersion: groupVersion(kind),
    kind: kind.kind,
    metadata: { resourceVersion: String(version), annotations: { "k8s.io/initial-events-end": "true" } }
  }
})
