// `NodePool` of baremetal.cluster.gke.io/v1 (S18): names worker nodes of the cluster that `spec.clusterName`
// points to. Taints, labels and the like are left alone.
import { Schema } from "effect"
import { Metadata, NodeList } from "./common.ts"
import { Name, open } from "./leaves.ts"

export const NodePoolDocument = open({
  apiVersion: Schema.Literal("baremetal.cluster.gke.io/v1"),
  kind: Schema.Literal("NodePool"),
  metadata: Metadata,
  spec: open({ clusterName: Schema.optionalKey(Name), nodes: NodeList })
})
export type NodePoolDocument = typeof NodePoolDocument.Type
