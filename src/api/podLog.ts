// `kubectl logs`: the log of the speaker of this node, as text, the last lines and with `follow` those to come. A node has its own
// log only; of the others' it says where to ask.
import { type Context, Hono } from "hono"
import { SYSTEM_NAMESPACE } from "../resources/kind.ts"
import { pod, podName } from "../resources/pod.ts"
import type { NodeControl } from "./control.ts"
import { badRequest, notFound } from "./failure.ts"
import type { NodeSource } from "./source.ts"
import { streamBody } from "./stream.ts"

/** A whole number of a query; undefined where it is absent. Throws ApiError (400). */
const numberOf = (context: Context, name: string): number | undefined => {
  const text = context.req.query(name)
  if (text === undefined) return undefined
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw badRequest(`${name} is "${text}": it has to be a whole number`)
}

const isTrue = (context: Context, name: string): boolean => ["true", "1"].includes(context.req.query(name) ?? "")

export const podLogRoutes = (source: NodeSource, logs: NonNullable<NodeControl["logs"]>, now: () => number): Hono =>
  new Hono().get("/api/v1/namespaces/:namespace/pods/:name/log", async (context) => {
    const name = context.req.param("name")
    const status = await source.status()
    const exists = pod.derive(status, await source.config()).some(({ metadata }) => metadata.name === name)
    if (context.req.param("namespace") !== SYSTEM_NAMESPACE || !exists) throw notFound(pod, name)
    if (name !== podName(status.node))
      throw badRequest(`this is node ${status.node}, which has its own log only: ask the node of ${name} for its log`)
    if (isTrue(context, "previous"))
      throw badRequest("the log of an earlier run is the service manager's: journalctl -u viaduct")
    const tail = numberOf(context, "tailLines")
    const seconds = numberOf(context, "sinceSeconds")
    const query = {
      follow: isTrue(context, "follow"),
      ...(tail === undefined ? {} : { tail }),
      ...(seconds === undefined ? {} : { since: now() - seconds * 1_000 })
    }
    const stamped = isTrue(context, "timestamps")
    async function* lines(signal: AbortSignal): AsyncGenerator<string> {
      for await (const { at, text } of logs(query, signal))
        yield `${stamped ? `${new Date(at).toISOString()} ` : ""}${text}\n`
    }
    return streamBody(context.req.raw, "text/plain; charset=utf-8", "", lines, () => "the log broke off\n")
  })
