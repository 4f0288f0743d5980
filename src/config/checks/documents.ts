// The documents as a set: one Cluster, nothing twice, the names and namespaces that the source fixes (S8, S9,
// S18), the NetworkGatewayGroup without metadata (S19), NodePools of this cluster.
import { belongsTo, defaultNamespace } from "../desired.ts"
import type { NetworkGatewayGroupDocument } from "../documents/networkGatewayGroup.ts"
import type { Documents, Located } from "../kinds.ts"
import type { Path, Problem } from "../problem.ts"
import { namespaceOf } from "../services.ts"
import type { CheckContext } from "./context.ts"
import { duplicates, errorAt, type Item, lineOf, type Place, warningAt } from "./report.ts"

interface Named {
  readonly name: string
  readonly namespace?: string
}

/** Name and namespace of a group, wherever they stand (S19). */
const groupIdentity = (document: NetworkGatewayGroupDocument): Partial<Named> => document.metadata ?? document

const at = <T>(located: Located<T>, path: Path): Place => ({ source: located.source, path })

const twice = <T>(
  items: ReadonlyArray<Located<T>>,
  key: (value: T) => string,
  name: (value: T) => string
): ReadonlyArray<Problem> =>
  duplicates(
    items.map((item): Item<T> => ({ ...item, path: [] })),
    key,
    (again, first) =>
      errorAt(
        again,
        `${name(again.value)} is there twice: first in ${lineOf(first, again)}, again in ${lineOf(again, again)}`
      )
  )

/** Of which there may be only one, and which names may occur only once. */
export const checkDuplicateDocuments = (documents: Documents): ReadonlyArray<Problem> => [
  ...twice(
    documents.clusters,
    () => "",
    () => "Cluster"
  ),
  ...twice(
    documents.gatewayGroups,
    () => "",
    () => "NetworkGatewayGroup"
  ),
  ...twice(
    documents.loadBalancers,
    () => "",
    () => "BGPLoadBalancer"
  ),
  ...twice(
    documents.peers,
    (d) => d.metadata.name,
    (d) => `BGPPeer ${d.metadata.name}`
  ),
  ...twice(
    documents.nodePools,
    (d) => d.metadata.name,
    (d) => `NodePool ${d.metadata.name}`
  ),
  ...twice(
    documents.cidrConfigs,
    (d) => d.metadata.name,
    (d) => `ClusterCIDRConfig ${d.metadata.name}`
  ),
  ...twice(
    documents.namespaces,
    (d) => d.metadata.name,
    (d) => `Namespace ${d.metadata.name}`
  ),
  ...twice(
    documents.services,
    (d) => `${namespaceOf(d)}/${d.metadata.name}`,
    (d) => `Service ${namespaceOf(d)}/${d.metadata.name}`
  ),
  ...twice(
    documents.endpointSlices,
    (d) => `${namespaceOf(d)}/${d.metadata.name}`,
    (d) => `EndpointSlice ${namespaceOf(d)}/${d.metadata.name}`
  ),
  ...twice(
    documents.daemonConfigs,
    () => "",
    () => "DaemonConfig"
  )
]

const checkGroups = (context: CheckContext): ReadonlyArray<Problem> =>
  context.documents.gatewayGroups.flatMap((group) => {
    const { metadata, name, namespace } = group.value
    if (metadata === undefined) {
      if (name === undefined)
        return [errorAt(at(group, []), "NetworkGatewayGroup has no metadata.name", { expected: "default" })]
      return [warningAt(at(group, ["name"]), "name belongs under metadata; read as metadata.name")]
    }
    return [
      ...(name === undefined
        ? []
        : [errorAt(at(group, ["name"]), "name stands beside metadata; only metadata.name counts")]),
      ...(namespace === undefined
        ? []
        : [errorAt(at(group, ["namespace"]), "namespace stands beside metadata; only metadata.namespace counts")])
    ]
  })

interface Identified extends Place {
  readonly kind: string
  readonly identity: Partial<Named>
  readonly prefix: Path
}

const identified = ({ documents }: CheckContext): ReadonlyArray<Identified> => {
  const of = (kind: string, items: ReadonlyArray<Located<{ readonly metadata: Named }>>): ReadonlyArray<Identified> =>
    items.map((item) => ({ ...at(item, []), kind, identity: item.value.metadata, prefix: ["metadata"] }))
  return [
    ...documents.gatewayGroups.map((group) => ({
      ...at(group, []),
      kind: "NetworkGatewayGroup",
      identity: groupIdentity(group.value),
      prefix: group.value.metadata === undefined ? [] : ["metadata"]
    })),
    ...of("BGPLoadBalancer", documents.loadBalancers),
    ...of("BGPPeer", documents.peers),
    ...of("ClusterCIDRConfig", documents.cidrConfigs)
  ]
}

const checkNames = (context: CheckContext): ReadonlyArray<Problem> =>
  identified(context).flatMap(({ source, kind, identity, prefix }) => {
    const problems: Array<Problem> = []
    const fixed = kind === "NetworkGatewayGroup" || kind === "BGPLoadBalancer"
    if (fixed && identity.name !== undefined && identity.name !== "default") {
      const place = { source, path: [...prefix, "name"] }
      problems.push(errorAt(place, `${kind} must be named default`, { found: identity.name, expected: "default" }))
    }
    if (identity.namespace !== undefined && identity.namespace !== context.namespace) {
      const place = { source, path: [...prefix, "namespace"] }
      problems.push(
        errorAt(place, `${kind} stands outside the cluster's namespace`, {
          found: identity.namespace,
          expected: context.namespace
        })
      )
    }
    return problems
  })

const checkClusterNamespace = ({ cluster }: CheckContext): ReadonlyArray<Problem> => {
  const { name, namespace } = cluster.value.metadata
  const usual = defaultNamespace(name)
  if (namespace === undefined || namespace === usual) return []
  return [
    warningAt(at(cluster, ["metadata", "namespace"]), "the namespace is usually cluster- and the cluster's name", {
      found: namespace,
      expected: usual
    })
  ]
}

const checkNodePools = ({ documents, cluster, namespace }: CheckContext): ReadonlyArray<Problem> =>
  documents.nodePools.flatMap((pool) => {
    const { metadata, spec } = pool.value
    if (!belongsTo(cluster.value.metadata.name, pool)) {
      return [
        warningAt(at(pool, ["spec", "clusterName"]), "the NodePool belongs to another cluster and is left out", {
          ...(spec.clusterName === undefined ? {} : { found: spec.clusterName }),
          expected: cluster.value.metadata.name
        })
      ]
    }
    if (metadata.namespace === undefined || metadata.namespace === namespace) return []
    return [
      warningAt(at(pool, ["metadata", "namespace"]), "the NodePool stands outside the cluster's namespace", {
        found: metadata.namespace,
        expected: namespace
      })
    ]
  })

export const checkDocuments = (context: CheckContext): ReadonlyArray<Problem> => [
  ...checkGroups(context),
  ...checkNames(context),
  ...checkClusterNamespace(context),
  ...checkNodePools(context)
]
