// Where clients find the shapes of the resources: /openapi/v2 as protobuf (kubectl) or JSON, /openapi/v3 with a document for each
// group and version. Made when somebody asks, and kept for the release that answers.
import { Hono } from "hono"
import { hash64 } from "../../net/hash.ts"
import { groupPath } from "../../resources/kind.ts"
import { allKinds } from "../../resources/kinds.ts"
import { ApiError, unknownPath } from "../failure.ts"
import type { NodeSource } from "../source.ts"
import { openApiV2Protobuf } from "./protobuf.ts"
import { openApiV2 } from "./v2.ts"
import { openApiV3 } from "./v3.ts"

const PROTOBUF = /application\/com\.github\.proto-openapi\.spec\.v2/
/** As a media type, without the `@` of the Accept header, which is none. */
const PROTOBUF_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"

export const openApiRoutes = (source: NodeSource): Hono => {
  const routes = new Hono()
  /** Path of the group without its slash, `apis/viaduct.dev/v1` → its kinds. */
  const groups = Map.groupBy(allKinds, (kind) => groupPath(kind).slice(1))
  const made = new Map<string, Uint8Array | string>()
  const once = async (key: string, make: (version: string) => Uint8Array | string) => {
    const { version } = await source.status()
    const known = made.get(`${key} ${version}`)
    if (known !== undefined) return known
    const document = make(version)
    made.set(`${key} ${version}`, document)
    return document
  }
  const groupDocument = (path: string): Promise<Uint8Array | string> => {
    const kinds = groups.get(path)
    if (kinds === undefined) throw new ApiError(unknownPath)
    return once(path, (version) => JSON.stringify(openApiV3(kinds, version)))
  }

  routes.get("/openapi/v2", async (context) => {
    const binary = PROTOBUF.test(context.req.header("accept") ?? "")
    const document = binary
      ? await once("protobuf", (version) => openApiV2Protobuf(allKinds, version))
      : await once("v2", (version) => JSON.stringify(openApiV2(allKinds, version)))
    const headers = { "content-type": binary ? PROTOBUF_TYPE : "application/json" }
    return new Response(typeof document === "string" ? document : new Uint8Array(document), { headers })
  })
  routes.get("/openapi/v3", async (context) => {
    const paths: Record<string, { serverRelativeURL: string }> = {}
    for (const path of groups.keys()) {
      const hash = hash64(String(await groupDocument(path))).toString(16)
      paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }
    }
    return context.json({ paths })
  })
  routes.get("/openapi/v3/*", async (context) => {
    const document = await groupDocument(context.req.path.slice("/openapi/v3/".length))
    return new Response(String(document), { headers: { "content-type": "application/json" } })
  })
  return routes
}
