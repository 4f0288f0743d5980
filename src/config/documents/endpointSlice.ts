// `EndpointSlice` of discovery.k8s.io/v1 (L4): on which nodes a service has endpoints. Only the node and the conditions of
// an endpoint matter; everything else passes.
import { Schema } from "effect"
import { Labels, Name, open } from "./leaves.ts"

const Condition = Schema.optionalKey(Schema.NullOr(Schema.Boolean))

const Endpoint = open({
  nodeName: Schema.optionalKey(Schema.NullOr(Schema.String)),
  conditions: Schema.optionalKey(open({ ready: Condition, serving: Condition, terminating: Condition }))
})

export const EndpointSliceDocument = open({
  apiVersion: Schema.Literal("discovery.k8s.io/v1"),
  kind: Schema.Literal("EndpointSlice"),
  metadata: open({ name: Name, namespace: Schema.optionalKey(Name), labels: Schema.optionalKey(Labels) }),
  endpoints: Schema.optionalKey(Schema.NullOr(Schema.Array(Endpoint)))
})
export type EndpointSliceDocument = typeof EndpointSliceDocument.Type
