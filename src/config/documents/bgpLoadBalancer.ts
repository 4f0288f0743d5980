// `BGPLoadBalancer` of networking.gke.io/v1 (S9): labels that choose which BGPPeer documents serve the services.
// An empty selector chooses all of them, as label selectors do.
import { Schema } from "effect"
import { Metadata } from "./common.ts"
import { Labels } from "./leaves.ts"

export const BgpLoadBalancerDocument = Schema.Struct({
  apiVersion: Schema.Literal("networking.gke.io/v1"),
  kind: Schema.Literal("BGPLoadBalancer"),
  metadata: Metadata,
  spec: Schema.Struct({ peerSelector: Labels }),
  status: Schema.optionalKey(Schema.Unknown)
})
export type BgpLoadBalancerDocument = typeof BgpLoadBalancerDocument.Type
