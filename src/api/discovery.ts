// What a Kubernetes client asks before it asks for anything: which groups, versions and kinds there are, and which
// release answers. Beside it the two core things that kubectl looks for when it describes an object or does not
// find one: events (there are none yet) and the namespace that the objects are in.
import { Hono } from "hono"
import { groupVersion, type ResourceKind } from "../resources/kind.ts"
import { allKinds } from "../resources/kinds.ts"
import { ApiError, failure } from "./failure.ts"
import type { NodeSource } from "./source.ts"

const READ_VERBS = ["get", "list", "watch"]

/** A group with the one version in which its kinds are served. */
const groupOf = (kind: ResourceKind) => {
  const served = { groupVersion: groupVersion(kind), version: kind.version }
  return { name: kind.group, versions: [served], preferredVersion: served }
}

const groups = [...new Map(allKinds.map((kind) => [kind.group, groupOf(kind)])).values()]

const resourceList = (served: string, kinds: ReadonlyArray<ResourceKind>) => ({
  kind: "APIResourceList",
  apiVersion: "v1",
  groupVersion: served,
  resources: kinds.map(({ plural, singular, namespaced, kind, shortNames }) => ({
    name: plural,
    singularName: singular,
    namespaced,
    kind,
    verbs: READ_VERBS,
    shortNames
  }))
})

/** `version.Info` for a release such as "0.1.0". */
const versionInfo = (release: string) => {
  const [major = "0", minor = "0"] = release.split(".")
  return {
    major,
    minor,
    gitVersion: `v${release}`,
    gitCommit: "",
    gitTreeState: "",
    buildDate: "",
    goVersion: "",
    compiler: "",
    platform: ""
  }
}

export const discoveryRoutes = (source: NodeSource): Hono => {
  const routes = new Hono()
  routes.get("/version", async (c) => c.json(versionInfo((await source.status()).version)))
  routes.get("/api", (c) => c.json({ kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs: [] }))
  routes.get("/api/v1", (c) => c.json(resourceList("v1", [])))
  routes.get("/apis", (c) => c.json({ kind: "APIGroupList", apiVersion: "v1", groups }))
  for (const group of groups) {
    routes.get(`/apis/${group.name}`, (c) => c.json({ kind: "APIGroup", apiVersion: "v1", ...group }))
    const served = group.preferredVersion.groupVersion
    const kinds = allKinds.filter((kind) => groupVersion(kind) === served)
    routes.get(`/apis/${served}`, (c) => c.json(resourceList(served, kinds)))
  }
  routes.get("/api/v1/namespaces/:namespace/events", (c) =>
    c.json({ kind: "EventList", apiVersion: "v1", metadata: { resourceVersion: "0" }, items: [] })
  )
  routes.get("/api/v1/namespaces/:namespace", (c) => {
    const name = c.req.param("namespace")
    if (!allKinds.some(({ namespace }) => namespace === name)) {
      throw new ApiError(failure(404, "NotFound", `namespaces "${name}" not found`, { name, kind: "namespaces" }))
    }
    return c.json({ kind: "Namespace", apiVersion: "v1", metadata: { name }, status: { phase: "Active" } })
  })
  return routes
}
