// Which kinds of documents there are (S18), and sorting the documents of a configuration by kind. A kind that is
// not ours passes untouched; a kind or version that looks like a misspelt one of ours does not, because a document
// that is silently ignored is the worst kind of typing mistake.
import type { Schema } from "effect"
import { decodeDocument } from "./decode.ts"
import { BgpLoadBalancerDocument } from "./documents/bgpLoadBalancer.ts"
import { BgpPeerDocument } from "./documents/bgpPeer.ts"
import { ClusterDocument } from "./documents/cluster.ts"
import { ClusterCidrConfigDocument } from "./documents/clusterCidrConfig.ts"
import { NamespaceDocument, OtherServiceDocument, ServiceDocument } from "./documents/coreV1.ts"
import { DaemonConfigDocument } from "./documents/daemonConfig.ts"
import { EndpointSliceDocument } from "./documents/endpointSlice.ts"
import { NetworkGatewayGroupDocument } from "./documents/networkGatewayGroup.ts"
import { NodePoolDocument } from "./documents/nodePool.ts"
import { nearest } from "./nearest.ts"
import { formatPath, type Path, type Problem } from "./problem.ts"
import type { SourceDocument } from "./source.ts"

/** A decoded document and where it came from. */
export interface Located<T> {
  readonly value: T
  readonly source: SourceDocument
}

/** The documents that mean something here, by kind, in the order of the files. */
export interface Documents {
  readonly clusters: Array<Located<ClusterDocument>>
  readonly nodePools: Array<Located<NodePoolDocument>>
  readonly gatewayGroups: Array<Located<NetworkGatewayGroupDocument>>
  readonly loadBalancers: Array<Located<BgpLoadBalancerDocument>>
  readonly peers: Array<Located<BgpPeerDocument>>
  readonly cidrConfigs: Array<Located<ClusterCidrConfigDocument>>
  readonly namespaces: Array<Located<NamespaceDocument>>
  /** Those of type LoadBalancer, whoever is to serve them. */
  readonly services: Array<Located<ServiceDocument>>
  readonly endpointSlices: Array<Located<EndpointSliceDocument>>
  readonly daemonConfigs: Array<Located<DaemonConfigDocument>>
}

export const noDocuments = (): Documents => ({
  clusters: [],
  nodePools: [],
  gatewayGroups: [],
  loadBalancers: [],
  peers: [],
  cidrConfigs: [],
  namespaces: [],
  services: [],
  endpointSlices: [],
  daemonConfigs: []
})

export interface Kind {
  readonly apiVersion: string
  readonly kind: string
  readonly schema: Schema.Top
  readonly read: (source: SourceDocument, into: Documents) => Reading
}

/** What became of one document. */
export interface Reading {
  readonly problems: ReadonlyArray<Problem>
  /** It is where it belongs, or none of ours: nothing that it says is missing from the documents. */
  readonly complete: boolean
}

const kindOf = <S extends Schema.Codec<unknown, unknown>>(
  apiVersion: string,
  kind: string,
  schema: S,
  collect?: (into: Documents) => Array<Located<S["Type"]>>
): Kind => ({
  apiVersion,
  kind,
  schema,
  read: (source, into) => {
    const { value, problems } = decodeDocument(schema, source)
    if (value !== undefined) collect?.(into).push({ value, source })
    return { problems, complete: value !== undefined }
  }
})

const BAREMETAL = "baremetal.cluster.gke.io/v1"
const NETWORKING = "networking.gke.io/v1"
const OWN_GROUP = "viaduct.dev"

const isLoadBalancer = ({ value }: SourceDocument): boolean => {
  const spec = typeof value === "object" && value !== null && "spec" in value ? value.spec : undefined
  return typeof spec === "object" && spec !== null && "type" in spec && spec.type === "LoadBalancer"
}

/** A Service is read closely where it is a load balancer; what others hold is not our business. */
const serviceKind = (): Kind => {
  const balancer = kindOf("v1", "Service", ServiceDocument, (into) => into.services)
  const other = kindOf("v1", "Service", OtherServiceDocument)
  return { ...balancer, read: (source, into) => (isLoadBalancer(source) ? balancer : other).read(source, into) }
}

export const KINDS: ReadonlyArray<Kind> = [
  kindOf(BAREMETAL, "Cluster", ClusterDocument, (into) => into.clusters),
  kindOf(BAREMETAL, "NodePool", NodePoolDocument, (into) => into.nodePools),
  kindOf(
    "baremetal.cluster.gke.io/v1alpha1",
    "ClusterCIDRConfig",
    ClusterCidrConfigDocument,
    (into) => into.cidrConfigs
  ),
  kindOf(NETWORKING, "NetworkGatewayGroup", NetworkGatewayGroupDocument, (into) => into.gatewayGroups),
  kindOf(NETWORKING, "BGPLoadBalancer", BgpLoadBalancerDocument, (into) => into.loadBalancers),
  kindOf(NETWORKING, "BGPPeer", BgpPeerDocument, (into) => into.peers),
  kindOf("v1", "Namespace", NamespaceDocument, (into) => into.namespaces),
  serviceKind(),
  kindOf("discovery.k8s.io/v1", "EndpointSlice", EndpointSliceDocument, (into) => into.endpointSlices),
  kindOf(`${OWN_GROUP}/v1`, "DaemonConfig", DaemonConfigDocument, (into) => into.daemonConfigs)
]

const KIND_NAMES = KINDS.map((kind) => kind.kind)

const groupOf = (apiVersion: string): string =>
  apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : ""

const OUR_GROUPS = [...new Set(KINDS.map((kind) => groupOf(kind.apiVersion)))].filter((group) => group !== "")

const problemAt = (source: SourceDocument, path: Path, rest: Pick<Problem, "message"> & Partial<Problem>): Problem => ({
  severity: "error",
  file: source.file,
  ...source.locate(path),
  path: formatPath(path),
  ...rest
})

const PASSED: Reading = { problems: [], complete: true }

const refused = (source: SourceDocument, path: Path, rest: Parameters<typeof problemAt>[2]): Reading => ({
  problems: [problemAt(source, path, rest)],
  complete: false
})

/** The key paths that `bmctl` writes in front (`sshPrivateKeyPath: …`): a mapping that is no object at all. */
const isKeyPaths = (source: SourceDocument, value: object): boolean =>
  source.index === 0 && !["apiVersion", "kind", "metadata", "spec"].some((key) => key in value)

/**
 * A kind of another group with one of our names, or near one in a group of ours: a mistake, or none of our
 * business?
 */
const judgeUnknown = (source: SourceDocument, apiVersion: string, kind: string): Reading => {
  const group = groupOf(apiVersion)
  const sameName = KINDS.find((known) => known.kind === kind)
  const meantGroup = OUR_GROUPS.includes(group) ? group : nearest(group, OUR_GROUPS)
  if (sameName !== undefined && (group === "" || meantGroup === groupOf(sameName.apiVersion))) {
    const hint = sameName.apiVersion
    return refused(source, ["apiVersion"], { message: `${kind} is not known in this version`, found: apiVersion, hint })
  }
  if (meantGroup === undefined) return PASSED
  const hint = nearest(kind, KIND_NAMES)
  const found = { found: kind, ...(hint === undefined ? {} : { hint }) }
  if (group === OWN_GROUP || hint !== undefined) return refused(source, ["kind"], { message: "unknown kind", ...found })
  return PASSED
}

/** Decodes `source` into its place in `documents`. */
export const readDocument = (source: SourceDocument, documents: Documents): Reading => {
  const value = source.value
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const found = source.textAt([])
    const details = { expected: "a mapping", ...(found === undefined ? {} : { found }) }
    return refused(source, [], { message: "is no document", ...details })
  }
  const { apiVersion, kind } = value as { readonly apiVersion?: unknown; readonly kind?: unknown }
  if (apiVersion === undefined && kind === undefined && isKeyPaths(source, value)) return PASSED
  if (typeof kind !== "string")
    return refused(source, ["kind"], { message: "the document names no kind", expected: "text" })
  if (typeof apiVersion !== "string") {
    const expected = KINDS.find((known) => known.kind === kind)?.apiVersion ?? "text"
    return refused(source, ["apiVersion"], { message: "the document names no apiVersion", expected })
  }
  const known = KINDS.find((k) => k.kind === kind && k.apiVersion === apiVersion)
  return known === undefined ? judgeUnknown(source, apiVersion, kind) : known.read(source, documents)
}
