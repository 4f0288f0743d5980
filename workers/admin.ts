// The admin API as a portable worker: a default export with `fetch`, over the node that VIADUCT_NODE_URL names.
// The same file runs from source and as a bundle (dist/workers/admin.js), under `bun FILE`, `deno serve FILE` and
// whatever else calls a module's fetch handler. Environment is read without importing anything of a runtime.
//
//   VIADUCT_NODE_URL   address of a node's admin API, for example http://127.0.0.1:7179
import { createApp } from "../src/api/app.ts"
import { failure } from "../src/api/failure.ts"
import { remoteNode } from "./remoteNode.ts"

interface Runtime {
  readonly process?: { readonly env?: Readonly<Record<string, string | undefined>> }
  readonly Deno?: { readonly env: { get(name: string): string | undefined } }
}

const environment = (name: string): string | undefined => {
  const { process, Deno }: Runtime = globalThis
  return process?.env?.[name] ?? Deno?.env.get(name)
}

const unusable = (message: string) => () => Response.json(failure(500, "InternalError", message), { status: 500 })

const handler = (): ((request: Request) => Response | Promise<Response>) => {
  const url = environment("VIADUCT_NODE_URL")
  if (url === undefined || url === "") return unusable("VIADUCT_NODE_URL is not set: it names the node to show")
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) return unusable(`VIADUCT_NODE_URL is "${url}": no http URL`)
  const app = createApp(remoteNode(url), { now: Date.now, timeout: AbortSignal.timeout })
  return (request) => app.fetch(request)
}

const answer = handler()

export default {
  fetch: (request: Request): Response | Promise<Response> => answer(request),
  /** For Bun, in seconds: watches are silent for long. Others do not look at it. */
  idleTimeout: 0
}
