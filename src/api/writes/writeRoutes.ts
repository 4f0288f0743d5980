// The routes of writes (D3): create, update, patch, delete and deletecollection of the kinds that are documents of the config, where
// the node has a control that takes them. What is no document is read-only. Bodies are JSON, for apply and create YAML too.
import { type Context, Hono } from "hono"
import { objectKey, type ResourceKind } from "../../resources/kind.ts"
import { allKinds } from "../../resources/kinds.ts"
import { isObject, type JsonObject } from "../../resources/patch/json.ts"
import type { ConfigControl } from "../control.ts"
import { badRequest } from "../failure.ts"
import { collectionPaths, selection } from "../resourceRoutes.ts"
import type { WatchHub } from "../watchHub.ts"
import { APPLY_PATCH, patched, patchTypes } from "./patches.ts"
import { conflict, mediaType, namedObject, OBJECT_TYPES, readBody, statusDetails, writeOptions } from "./request.ts"
import { Writer, type Written } from "./Writer.ts"

export const WRITE_VERBS = ["create", "delete", "deletecollection", "patch", "update"] as const

const BODIES = ["application/json", "application/yaml"]
const PROPAGATION = ["Background", "Foreground", "Orphan"]

const answer = (context: Context, { object, created, warnings }: Written, dryRun: boolean): Response => {
  for (const warning of warnings) context.header("warning", warning, { append: true })
  return context.json(object, created && !dryRun ? 201 : 200)
}

/** `DeleteOptions`: what is known of it is checked, the rest means nothing here. */
const deleteOptions = async (context: Context) => {
  const body = await readBody(context, BODIES)
  const given: JsonObject = isObject(body) ? body : {}
  const policy = given.propagationPolicy ?? context.req.query("propagationPolicy")
  if (policy !== undefined && !PROPAGATION.includes(String(policy)))
    throw badRequest(`propagationPolicy is "${String(policy)}": it has to be ${PROPAGATION.join(", ")}`)
  const preconditions = isObject(given.preconditions) ? given.preconditions : {}
  return { options: writeOptions(context, given.dryRun), preconditions }
}

/** Objects in a namespace keep it: they would be in none. */
const checkEmpty = async (hub: WatchHub, name: string, kind: ResourceKind): Promise<void> => {
  if (kind.kind !== "Namespace" || kind.group !== "") return
  const documents = allKinds.filter((one) => one.writable === true && one.namespaced)
  const lists = await Promise.all(documents.map((one) => hub.list(one)))
  const inside = lists.flatMap(({ objects }) => objects.filter(({ metadata }) => metadata.namespace === name))
  if (inside.length === 0) return
  const first = inside.slice(0, 3).map((object) => `${object.kind} ${objectKey(object)}`)
  throw conflict(kind, name, `${inside.length} objects are in it (${first.join(", ")}): delete them first`)
}

export const writeRoutes = (hub: WatchHub, config: ConfigControl, now: () => number): Hono => {
  const routes = new Hono()
  const writer = new Writer(hub, config, now)
  for (const kind of allKinds) {
    if (kind.writable !== true) continue
    const { all, inNamespace } = collectionPaths(kind)
    const target = (context: Context) => ({
      namespace: kind.namespaced ? context.req.param("namespace") : undefined,
      name: context.req.param("name") ?? ""
    })

    const create = async (context: Context) => {
      const { namespace } = target(context)
      const named = namedObject(kind, await readBody(context, OBJECT_TYPES), { namespace })
      const options = writeOptions(context)
      // What a dry run would make is answered as made: clients look for it.
      return answer(context, await writer.create(kind, named, options), false)
    }
    routes.post(inNamespace, create)
    if (kind.namespaced) routes.post(all, create)

    routes.put(`${inNamespace}/:name`, async (context) => {
      const named = namedObject(kind, await readBody(context, OBJECT_TYPES), target(context))
      const options = writeOptions(context)
      return answer(context, await writer.replace(kind, named, options), options.dryRun)
    })

    routes.patch(`${inNamespace}/:name`, async (context) => {
      const body = await readBody(context, patchTypes(kind))
      const type = mediaType(context)
      const options = writeOptions(context)
      if (type !== APPLY_PATCH) {
        const change = (object: JsonObject) => patched(kind, type, object, body)
        return answer(context, await writer.patch(kind, target(context), change, options), options.dryRun)
      }
      if (!context.req.query("fieldManager")) throw badRequest("fieldManager is required for an apply patch")
      const named = namedObject(kind, body, target(context))
      if (named.metadata.managedFields !== undefined) throw badRequest("metadata.managedFields must not be applied")
      return answer(context, await writer.apply(kind, named, options), options.dryRun)
    })

    routes.delete(`${inNamespace}/:name`, async (context) => {
      const { options, preconditions } = await deleteOptions(context)
      const live = await writer.existing(kind, target(context))
      writer.matches(kind, live, preconditions)
      await checkEmpty(hub, live.metadata.name, kind)
      await writer.delete(kind, live, options)
      const details = { ...statusDetails(kind, live.metadata.name), uid: live.metadata.uid }
      return context.json({ kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", details })
    })

    routes.delete(inNamespace, async (context) => {
      const { options } = await deleteOptions(context)
      const selects = selection(kind, context)
      const { version, objects } = await hub.list(kind)
      const items = objects.filter((object) => object.metadata.generation !== undefined && selects(object))
      for (const live of items) {
        await checkEmpty(hub, live.metadata.name, kind)
        await writer.delete(kind, live, options)
      }
      const metadata = { resourceVersion: String(version) }
      return context.json({ kind: `${kind.kind}List`, apiVersion: items[0]?.apiVersion ?? "v1", metadata, items })
    })
  }
  return routes
}
