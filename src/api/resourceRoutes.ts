// The resources at their Kubernetes paths: list, get and watch of every kind, in its namespace or across all, as objects or tables. A
// list may come in pieces (paging.ts). A watch from version 0, or from none, begins with what is there as ADDED; one from a list's
// version goes on from that list without a gap. It lasts until the client leaves or `timeoutSeconds` are over; with
// `allowWatchBookmarks` it is told every so often how far it has got, so that it can go on from there.
import { Result } from "effect"
import { type Context, Hono } from "hono"
import { type ApiObject, groupPath, groupVersion, type ResourceKind } from "../resources/kind.ts"
import { allKinds } from "../resources/kinds.ts"
import { fieldSelector, labelSelector } from "../resources/selectors.ts"
import { badRequest, type ExplainError, expired, notFound } from "./failure.ts"
import { negotiate, tableMaker } from "./negotiate.ts"
import { makePager, type Pager } from "./paging.ts"
import { streamJson } from "./stream.ts"
import { eventOf, type WatchEvent } from "./versions.ts"
import type { WatchHub } from "./watchHub.ts"

/** A watch that heard of nothing of its own is told how far it has got after so many versions; the history has more. */
const VERSIONS_PER_BOOKMARK = 500

export interface ReadOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly explain: ExplainError
  /** A signal that aborts after so many milliseconds; without it watches have no end of their own. */
  readonly timeout?: (ms: number) => AbortSignal
}

/** What one request asks for, read from its path, query and headers. */
interface Wanted {
  readonly kind: ResourceKind
  readonly selects: (object: ApiObject) => boolean
  readonly asTable: ReturnType<typeof tableMaker> | undefined
}

/** Where a kind's objects are served: everywhere, and within a namespace; the same where it has none. */
export const collectionPaths = (kind: ResourceKind): { readonly all: string; readonly inNamespace: string } => {
  const all = `${groupPath(kind)}/${kind.plural}`
  return { all, inNamespace: kind.namespaced ? `${groupPath(kind)}/namespaces/:namespace/${kind.plural}` : all }
}

export const resourceRoutes = (hub: WatchHub, options: ReadOptions): Hono => {
  const routes = new Hono()
  const pager = makePager()
  for (const kind of allKinds) {
    const { all, inNamespace } = collectionPaths(kind)
    const collection = (context: Context) => {
      const want = wanted(kind, context, options.now)
      return isTrue(context, "watch") ? watch(hub, want, context, options) : list(hub, pager, want, context)
    }
    routes.get(all, collection)
    if (kind.namespaced) routes.get(inNamespace, collection)
    routes.get(`${inNamespace}/:name`, (context) => get(hub, wanted(kind, context, options.now), context))
  }
  return routes
}

const isTrue = (context: Context, name: string): boolean => ["true", "1"].includes(context.req.query(name) ?? "")

/** What label and field selectors and the namespace of a path pick. Throws ApiError (400). */
export const selection = (kind: ResourceKind, context: Context): ((object: ApiObject) => boolean) => {
  const labels = Result.mapError(labelSelector(context.req.query("labelSelector")), badRequest)
  const fields = Result.mapError(fieldSelector(kind, context.req.query("fieldSelector")), badRequest)
  const byLabel = Result.getOrThrow(labels)
  const byField = Result.getOrThrow(fields)
  const namespace = kind.namespaced ? context.req.param("namespace") : undefined
  return (object) =>
    (namespace === undefined || object.metadata.namespace === namespace) && byLabel(object) && byField(object)
}

/** Throws ApiError for a selector or an Accept header that cannot be honoured. */
const wanted = (kind: ResourceKind, context: Context, now: () => number): Wanted => {
  const table = negotiate(context.req.header("accept")) === "table"
  return {
    kind,
    selects: selection(kind, context),
    asTable: table ? tableMaker(kind, context.req.query("includeObject"), now) : undefined
  }
}

/** A whole number of a query; 0 where it is absent. */
const count = (context: Context, name: string): number => {
  const text = context.req.query(name) ?? ""
  if (/^\d{0,9}$/.test(text)) return Number(text)
  throw badRequest(`${name} is "${text}": it has to be a whole number`)
}

const list = async (hub: WatchHub, pager: Pager, want: Wanted, context: Context): Promise<Response> => {
  const { kind, selects, asTable } = want
  const limit = count(context, "limit")
  const token = context.req.query("continue") ?? ""
  const { listed, from } = token === "" ? { listed: await hub.list(kind), from: 0 } : pager.resume(kind, token)
  const { items, metadata } = pager.page(kind, listed, selects, from, limit)
  return context.json(
    asTable?.(items, metadata) ?? { kind: `${kind.kind}List`, apiVersion: groupVersion(kind), metadata, items }
  )
}

/** The version of an object alone, as tables of one row have it. */
const versionOf = ({ metadata: { resourceVersion } }: ApiObject) =>
  resourceVersion === undefined ? {} : { resourceVersion }

const get = async (hub: WatchHub, { kind, selects, asTable }: Wanted, context: Context): Promise<Response> => {
  const name = context.req.param("name") ?? ""
  const { objects } = await hub.list(kind)
  const object = objects.find((candidate) => candidate.metadata.name === name && selects(candidate))
  if (object === undefined) throw notFound(kind, name)
  return context.json(asTable?.([object], versionOf(object)) ?? object)
}

const watch = async (hub: WatchHub, want: Wanted, context: Context, options: ReadOptions): Promise<Response> => {
  const { kind, selects, asTable } = want
  const from = startOf(context.req.query("resourceVersion"))
  const { version, objects } = await hub.list(kind)
  if (from > version) throw expired(String(from))
  const streamsList = isTrue(context, "sendInitialEvents")
  const bookmarks = isTrue(context, "allowWatchBookmarks")
  const begins = from === 0 || streamsList
  const seconds = count(context, "timeoutSeconds")
  const over = seconds > 0 ? options.timeout?.(seconds * 1000) : undefined

  const shown = ({ type, object }: WatchEvent): unknown => ({
    type,
    object: asTable?.([object], versionOf(object)) ?? object
  })
  async function* events(gone: AbortSignal): AsyncGenerator<unknown> {
    if (begins) for (const object of objects.filter(selects)) yield shown({ type: "ADDED", object })
    if (streamsList) yield bookmark(kind, version, { "k8s.io/initial-events-end": "true" })
    let told = begins ? version : from
    let reached = told
    const signal = over === undefined ? gone : AbortSignal.any([gone, over])
    for await (const news of hub.watch(kind, told, signal)) {
      for (const change of news.changes) {
        const event = eventOf(change, selects)
        if (event === undefined) continue
        told = change.version
        yield shown(event)
      }
      reached = news.version
      if (!bookmarks || reached - told < VERSIONS_PER_BOOKMARK) continue
      told = reached
      yield bookmark(kind, reached)
    }
    if (bookmarks && reached > told && !gone.aborted) yield bookmark(kind, reached)
  }
  return streamJson(context.req.raw, events, (error) => ({ type: "ERROR", object: options.explain(error) }))
}

/** The version to watch from; 0 begins with what is there. */
const startOf = (resourceVersion: string | undefined): number => {
  if (resourceVersion === undefined || resourceVersion === "") return 0
  if (/^\d{1,16}$/.test(resourceVersion)) return Number(resourceVersion)
  throw badRequest(`resourceVersion is "${resourceVersion}": it has to be a number that a list gave`)
}

/** Says that everything up to a version was sent; with the annotation, that the initial list was. */
const bookmark = (kind: ResourceKind, version: number, annotations?: Readonly<Record<string, string>>): unknown => ({
  type: "BOOKMARK",
  object: {
    apiVersion: groupVersion(kind),
    kind: kind.kind,
    metadata: { resourceVersion: String(version), ...(annotations === undefined ? {} : { annotations }) }
  }
})
