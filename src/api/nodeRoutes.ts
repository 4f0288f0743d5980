// The one thing that can be changed of a Node: `spec.unschedulable`, which is what `kubectl cordon`, `uncordon` and `drain` write. It
// drains the node, or takes it back into service.
import { Hono } from "hono"
import { groupPath } from "../resources/kind.ts"
import { node } from "../resources/node.ts"
import { isObject, sameJson, withoutKey } from "../resources/patch/json.ts"
import type { NodeControl } from "./control.ts"
import { ApiError, failure, notFound } from "./failure.ts"
import type { WatchHub } from "./watchHub.ts"
import { APPLY_PATCH, patched, patchTypes } from "./writes/patches.ts"
import { conflict, invalid, mediaType, readBody, writeOptions } from "./writes/request.ts"

const specOf = (object: unknown): object => (isObject(object) && isObject(object.spec) ? object.spec : {})
const drainedIn = (spec: object): boolean => "unschedulable" in spec && spec.unschedulable === true

export const nodeRoutes = (hub: WatchHub, drain: NodeControl["drain"]): Hono => {
  const routes = new Hono()
  if (drain === undefined) return routes
  routes.patch(`${groupPath(node)}/${node.plural}/:name`, async (context) => {
    const name = context.req.param("name")
    const find = async () => (await hub.list(node)).objects.find(({ metadata }) => metadata.name === name)
    const body = await readBody(
      context,
      patchTypes(node).filter((type) => type !== APPLY_PATCH)
    )
    const options = writeOptions(context)
    const live = await find()
    if (live === undefined) throw notFound(node, name)
    const wanted = patched(node, mediaType(context), { ...live }, body)
    const [before, after] = [specOf(live), specOf(wanted)]
    if (!sameJson(withoutKey({ ...before }, "unschedulable"), withoutKey({ ...after }, "unschedulable"))) {
      const message = "only spec.unschedulable can be changed: it drains the node"
      throw invalid(node, name, [{ reason: "FieldValueForbidden", message, field: "spec" }])
    }
    const on = drainedIn(after)
    if (on === drainedIn(before) || options.dryRun) return context.json(on === drainedIn(before) ? live : wanted)
    const outcome = await drain(name, on, options.by)
    options.note(outcome)
    const { done, reason } = outcome
    if (!done) throw conflict(node, name, reason)
    const now = await find()
    if (now === undefined) throw new ApiError(failure(404, "NotFound", `nodes "${name}" is gone`))
    return context.json(now)
  })
  return routes
}
