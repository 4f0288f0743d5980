// `NetworkGatewayGroup` of networking.gke.io/v1 (S8, S19): the floating IPs that service sessions start from.
// `name` and `namespace` at the top, without `metadata`, are a form that is in circulation: accepted, with a
// warning by the checks.
import { Schema } from "effect"
import { Metadata, nonEmpty } from "./common.ts"
import { AddressText, Name } from "./leaves.ts"

export const NetworkGatewayGroupDocument = Schema.Struct({
  apiVersion: Schema.Literal("networking.gke.io/v1"),
  kind: Schema.Literal("NetworkGatewayGroup"),
  metadata: Schema.optionalKey(Metadata),
  name: Schema.optionalKey(Name),
  namespace: Schema.optionalKey(Name),
  spec: Schema.Struct({ floatingIPs: nonEmpty(AddressText, "at least one address of a node subnet") }),
  status: Schema.optionalKey(Schema.Unknown)
})
export type NetworkGatewayGroupDocument = typeof NetworkGatewayGroupDocument.Type
