// What every check looks at: the one Cluster document, the documents beside it, and the lists that several checks
// walk, each entry with its place in the file.
import type { Address } from "../../net/ip.ts"
import { belongsTo, controlPlaneVips, defaultNamespace } from "../desired.ts"
import type { BgpPeerEntry, ClusterDocument } from "../documents/cluster.ts"
import type { Documents, Located } from "../kinds.ts"
import type { Item, Place } from "./report.ts"

export interface NodeEntry {
  readonly address: Address
  readonly name?: string
}

export interface CheckContext {
  readonly documents: Documents
  readonly cluster: Located<ClusterDocument>
  readonly namespace: string
  readonly loadBalancer: Place
  readonly controlPlaneNodes: ReadonlyArray<Item<NodeEntry>>
  /** Of the load balancer's own pool; empty where the control-plane nodes are the LB nodes. */
  readonly lbNodes: ReadonlyArray<Item<NodeEntry>>
  readonly workers: ReadonlyArray<Item<NodeEntry>>
  readonly peers: ReadonlyArray<Item<typeof BgpPeerEntry.Type>>
  readonly vips: ReadonlyArray<Item<Address>>
  readonly floatingIps: ReadonlyArray<Item<Address>>
}

const LB = ["spec", "loadBalancer"] as const

export const checkContext = (cluster: Located<ClusterDocument>, documents: Documents): CheckContext => {
  const { source, value } = cluster
  const lb = value.spec.loadBalancer
  const single = typeof lb.vips.controlPlaneVIP === "string"
  return {
    documents,
    cluster,
    namespace: value.metadata.namespace ?? defaultNamespace(value.metadata.name),
    loadBalancer: { source, path: LB },
    controlPlaneNodes: value.spec.controlPlane.nodePoolSpec.nodes.map((node, i) => ({
      source,
      path: ["spec", "controlPlane", "nodePoolSpec", "nodes", i, "address"],
      value: node
    })),
    lbNodes: (lb.nodePoolSpec?.nodes ?? []).map((node, i) => ({
      source,
      path: [...LB, "nodePoolSpec", "nodes", i, "address"],
      value: node
    })),
    workers: documents.nodePools
      .filter((pool) => belongsTo(value.metadata.name, pool))
      .flatMap((pool) =>
        pool.value.spec.nodes.map((node, i) => ({
          source: pool.source,
          path: ["spec", "nodes", i, "address"],
          value: node
        }))
      ),
    peers: (lb.bgpPeers ?? []).map((peer, i) => ({ source, path: [...LB, "bgpPeers", i], value: peer })),
    vips: controlPlaneVips(value).map((vip, i) => ({
      source,
      path: [...LB, "vips", "controlPlaneVIP", ...(single ? [] : [i])],
      value: vip
    })),
    floatingIps: documents.gatewayGroups.flatMap((group) =>
      group.value.spec.floatingIPs.map((ip, i) => ({
        source: group.source,
        path: ["spec", "floatingIPs", i],
        value: ip
      }))
    )
  }
}
