// Documents of Kubernetes' core group that cluster files carry (S18): `Namespace`, whose labels pools select by, and
// `Service`. Unknown fields pass: these kinds are not ours. Of a Service that is no load balancer only the outline is
// looked at; of one that is, every field that an address depends on.
import { Schema } from "effect"
import { AddressText, Labels, Name, open, Port } from "./leaves.ts"

const NamedObject = open({
  name: Name,
  namespace: Schema.optionalKey(Name),
  labels: Schema.optionalKey(Labels),
  annotations: Schema.optionalKey(Labels)
})

export const NamespaceDocument = open({
  apiVersion: Schema.Literal("v1"),
  kind: Schema.Literal("Namespace"),
  metadata: NamedObject
})
export type NamespaceDocument = typeof NamespaceDocument.Type

/** Any other Service than a load balancer. */
export const OtherServiceDocument = open({
  apiVersion: Schema.Literal("v1"),
  kind: Schema.Literal("Service"),
  metadata: open({ name: Name, namespace: Schema.optionalKey(Name) }),
  spec: open({ type: Schema.optionalKey(Schema.String) })
})

const ServicePortEntry = open({
  port: Port,
  protocol: Schema.optionalKey(Schema.Literals(["TCP", "UDP", "SCTP"]).annotate({ expected: "TCP, UDP or SCTP" }))
})

export const ServiceDocument = open({
  apiVersion: Schema.Literal("v1"),
  kind: Schema.Literal("Service"),
  metadata: NamedObject,
  spec: open({
    type: Schema.optionalKey(Schema.String),
    ports: Schema.optionalKey(Schema.Array(ServicePortEntry)),
    loadBalancerIP: Schema.optionalKey(AddressText),
    loadBalancerClass: Schema.optionalKey(Schema.String),
    ipFamilies: Schema.optionalKey(
      Schema.Array(Schema.Literals(["IPv4", "IPv6"]).annotate({ expected: "IPv4 or IPv6" }))
    ),
    ipFamilyPolicy: Schema.optionalKey(
      Schema.Literals(["SingleStack", "PreferDualStack", "RequireDualStack"]).annotate({
        expected: "SingleStack, PreferDualStack or RequireDualStack"
      })
    ),
    externalTrafficPolicy: Schema.optionalKey(
      Schema.Literals(["Cluster", "Local"]).annotate({ expected: "Cluster or Local" })
    )
  })
})
export type ServiceDocument = typeof ServiceDocument.Type
