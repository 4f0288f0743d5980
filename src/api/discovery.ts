// What a Kubernetes client asks before it asks for anything: which groups, versions and kinds there are, what can be done to them, and
// which release answers. Newer clients ask for everything at once (apidiscovery.k8s.io/v2).
import { type Context, Hono } from "hono"
import { groupVersion, type ResourceKind } from "../resources/kind.ts"
import { allKinds } from "../resources/kinds.ts"
import { REVIEW_GROUP, REVIEW_KINDS } from "./accessReview.ts"
import type { NodeControl } from "./control.ts"
import type { NodeSource } from "./source.ts"
import { WRITE_VERBS } from "./writes/writeRoutes.ts"

/** Kinds by the category that `kubectl get viaduct` names. */
const CATEGORY = "viaduct"

/** A kind as discovery tells it. */
interface Served {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly plural: string
  readonly singular: string
  readonly namespaced: boolean
  readonly shortNames: ReadonlyArray<string>
  readonly categories: ReadonlyArray<string>
  readonly verbs: ReadonlyArray<string>
}

const verbsOf = (kind: ResourceKind, control: NodeControl): ReadonlyArray<string> => {
  const writes = kind.writable === true && control.config !== undefined ? WRITE_VERBS : []
  const drains = kind.kind === "Node" && control.drain !== undefined ? ["patch"] : []
  return [...writes, ...drains, "get", "list", "watch"].toSorted()
}

const servedKinds = (control: NodeControl): ReadonlyArray<Served> => [
  ...allKinds.map((kind) => ({ ...kind, categories: [CATEGORY], verbs: verbsOf(kind, control) })),
  ...REVIEW_KINDS.map(({ kind, plural, singular }) => ({
    ...{ ...REVIEW_GROUP, kind, plural, singular },
    namespaced: false,
    shortNames: [],
    categories: [],
    verbs: ["create"]
  }))
]

const resourceList = (served: string, kinds: ReadonlyArray<Served>) => ({
  kind: "APIResourceList",
  apiVersion: "v1",
  groupVersion: served,
  resources: kinds.map(({ plural, singular, namespaced, kind, verbs, shortNames, categories }) => ({
    name: plural,
    singularName: singular,
    namespaced,
    kind,
    verbs,
    ...(shortNames.length === 0 ? {} : { shortNames }),
    ...(categories.length === 0 ? {} : { categories })
  }))
})

const groupOf = (name: string, versions: ReadonlyArray<string>) => {
  const served = versions.map((version) => ({ groupVersion: `${name}/${version}`, version }))
  return { name, versions: served, preferredVersion: served[0] }
}

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

const AGGREGATED = /as=APIGroupDiscoveryList/
const AGGREGATED_VERSION = /;v=(v2(?:beta1)?)(?:[;,]|$)/

/** The version of the aggregated form that a client asks for, the newest first. */
const aggregatedVersion = (context: Context): string | undefined => {
  const ranges = (context.req.header("accept") ?? "").split(",").filter((range) => AGGREGATED.test(range))
  return ranges.map((range) => AGGREGATED_VERSION.exec(range)?.[1]).find((version) => version !== undefined)
}

const aggregated = (context: Context, version: string, kinds: ReadonlyArray<Served>): Response => {
  const groups = Map.groupBy(kinds, ({ group }) => group)
  const items = [...groups].map(([name, ofGroup]) => ({
    metadata: { name, creationTimestamp: null },
    versions: [...Map.groupBy(ofGroup, (kind) => kind.version)].map(([served, ofVersion]) => ({
      version: served,
      resources: ofVersion.map(({ plural, singular, namespaced, kind, verbs, shortNames, categories }) => ({
        resource: plural,
        responseKind: { group: name, version: served, kind },
        scope: namespaced ? "Namespaced" : "Cluster",
        singularResource: singular,
        verbs,
        shortNames,
        categories
      })),
      freshness: "Current"
    }))
  }))
  const list = { kind: "APIGroupDiscoveryList", apiVersion: `apidiscovery.k8s.io/${version}`, metadata: {}, items }
  const type = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`
  return context.body(JSON.stringify(list), 200, { "content-type": type })
}

export const discoveryRoutes = (source: NodeSource, control: NodeControl): Hono => {
  const routes = new Hono()
  const kinds = servedKinds(control)
  const core = kinds.filter(({ group }) => group === "")
  const named = kinds.filter(({ group }) => group !== "")
  const versions = Map.groupBy(named, ({ group }) => group)
  const groups = [...versions].map(([name, ofGroup]) => groupOf(name, [...new Set(ofGroup.map((one) => one.version))]))
  /** The answer of a path in both forms. */
  const either = (context: Context, ofPath: ReadonlyArray<Served>, plain: object): Response => {
    const version = aggregatedVersion(context)
    return version === undefined ? context.json(plain) : aggregated(context, version, ofPath)
  }
  routes.get("/version", async (c) => c.json(versionInfo((await source.status()).version)))
  routes.get("/api", (c) => either(c, core, { kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs: [] }))
  routes.get("/api/v1", (c) => c.json(resourceList("v1", core)))
  routes.get("/apis", (c) => either(c, named, { kind: "APIGroupList", apiVersion: "v1", groups }))
  for (const group of groups) {
    routes.get(`/apis/${group.name}`, (c) => c.json({ kind: "APIGroup", apiVersion: "v1", ...group }))
    for (const { groupVersion: served } of group.versions) {
      const ofVersion = named.filter((kind) => groupVersion(kind) === served)
      routes.get(`/apis/${served}`, (c) => c.json(resourceList(served, ofVersion)))
    }
  }
  return routes
}
