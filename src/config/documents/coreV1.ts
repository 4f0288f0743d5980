// Documents of Kubernetes' core group that cluster files carry (S18): `Namespace`, and `Service`, of which so far
// only the outline is checked. Unknown fields pass: these kinds are not ours.
import { Schema } from "effect"
import { Name, open } from "./leaves.ts"

const NamedObject = open({ name: Name, namespace: Schema.optionalKey(Name) })

export const NamespaceDocument = open({
  apiVersion: Schema.Literal("v1"),
  kind: Schema.Literal("Namespace"),
  metadata: NamedObject
})

export const ServiceDocument = open({
  apiVersion: Schema.Literal("v1"),
  kind: Schema.Literal("Service"),
  metadata: NamedObject,
  spec: open({ type: Schema.optionalKey(Schema.String) })
})
