// Namespace (v1) as a resource: those that are documents, whose labels pools select by, and beside them every namespace that some
// object is in, so that a client that asks for one finds it.
import { Schema } from "effect"
import type { ConfigSnapshot } from "../../config/objects.ts"
import { type ApiObject, derivedMeta, SYSTEM_NAMESPACE } from "../kind.ts"
import type { NodeStatus } from "../nodeStatus.ts"
import { ageColumn, documentKind, documentsOf, fieldColumn, nameColumn } from "./document.ts"

const KIND = { apiVersion: "v1", kind: "Namespace" }
const phase = { phase: "Active" }

const implied = (status: NodeStatus, config: ConfigSnapshot): ReadonlyArray<ApiObject> => {
  const documents = new Set(documentsOf(config, KIND.apiVersion, KIND.kind).map(({ metadata }) => metadata.name))
  const used = new Set([
    "default",
    SYSTEM_NAMESPACE,
    ...config.objects.filter(({ kind }) => kind !== KIND.kind).map(({ metadata }) => metadata.namespace),
    ...status.services.map(({ namespace }) => namespace)
  ])
  return [...used]
    .filter((name) => name !== "" && !documents.has(name))
    .toSorted()
    .map((name) => ({
      ...KIND,
      metadata: { ...derivedMeta(KIND, status, name), labels: { "kubernetes.io/metadata.name": name } },
      spec: {},
      status: phase
    }))
}

export const namespace = documentKind({
  ...KIND,
  plural: "namespaces",
  singular: "namespace",
  shortNames: ["ns"],
  namespaced: false,
  description: "A namespace; pools select services by its labels",
  fields: { status: "How it is", "status.phase": "Always Active" },
  knownFields: { spec: "any" },
  statusSchema: Schema.Struct({ phase: Schema.String }),
  status: () => () => phase,
  others: implied,
  selectableFields: ["status.phase"],
  columns: [nameColumn, fieldColumn("Status", "status.phase", "Always Active"), ageColumn]
})
