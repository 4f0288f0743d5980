// ConfigRevision (viaduct.dev/v1): a config that is or was in force, by its number: who gave it, when, where and why, and what it
// changed. Newest first. `viaduct rollback` takes the name.
import { Schema } from "effect"
import type { ConfigSnapshot } from "../config/objects.ts"
import { age } from "./age.ts"
import {
  groupVersion,
  objectTime,
  type ResourceKind,
  type ResourceObject,
  SYSTEM_NAMESPACE,
  stableUid
} from "./kind.ts"
import type { NodeStatus } from "./nodeStatus.ts"

const { Int, String: Text, optionalKey } = Schema

const Spec = Schema.Struct({
  revision: Int,
  hash: Text,
  by: Text,
  node: Text,
  origin: Schema.Literals(["file", "api", "apply", "rollback", "unconfirmed"]),
  message: optionalKey(Text)
})
const Status = Schema.Struct({
  state: Schema.Literals(["InForce", "Unconfirmed", "Past"]),
  summary: optionalKey(Text),
  confirmUntil: optionalKey(Text),
  rollbackTo: optionalKey(Int)
})

type ConfigRevision = ResourceObject<typeof Spec.Type, typeof Status.Type>

const derive = (status: NodeStatus, { revision: current, history }: ConfigSnapshot): ReadonlyArray<ConfigRevision> =>
  history.map(({ revision, hash, at, by, node, origin, message, summary, unconfirmed }) => {
    const name = String(revision)
    const waits = unconfirmed === undefined ? "InForce" : "Unconfirmed"
    return {
      apiVersion: groupVersion(configRevision),
      kind: configRevision.kind,
      metadata: {
        name,
        namespace: SYSTEM_NAMESPACE,
        uid: stableUid(configRevision.kind, status.cluster, name, hash, at),
        creationTimestamp: objectTime(at)
      },
      spec: { revision, hash, by, node, origin, ...(message === undefined ? {} : { message }) },
      status: {
        state: revision === current ? waits : "Past",
        ...(summary === undefined ? {} : { summary }),
        ...(unconfirmed === undefined
          ? {}
          : { confirmUntil: objectTime(unconfirmed.until), rollbackTo: unconfirmed.rollbackTo })
      }
    }
  })

export const configRevision: ResourceKind<ConfigRevision> = {
  group: "viaduct.dev",
  version: "v1",
  kind: "ConfigRevision",
  plural: "configrevisions",
  singular: "configrevision",
  shortNames: ["cfgrev"],
  namespaced: true,
  namespace: SYSTEM_NAMESPACE,
  description: "A config that is or was in force",
  schema: Schema.Struct({ spec: Spec, status: Status }),
  fields: {
    spec: "How the revision came to be",
    "spec.hash": "Names everything that means the same",
    "spec.by": "Who gave it",
    "spec.node": "Where it was given",
    "spec.origin": "How it came in; unconfirmed: an earlier one that came back because nobody confirmed its successor",
    "spec.message": "Why, in the operator's words",
    status: "What became of it",
    "status.state": "Whether it is in force",
    "status.summary": "What it changed, in one line",
    "status.confirmUntil": "It is taken back at that time unless somebody confirms it",
    "status.rollbackTo": "The revision that would come back"
  },
  selectableFields: ["spec.hash", "spec.by", "spec.node", "spec.origin", "status.state"],
  columns: [
    {
      name: "Name",
      type: "string",
      format: "name",
      description: "Number of the revision",
      cell: ({ metadata }) => metadata.name
    },
    { name: "State", type: "string", description: "Whether it is in force", cell: ({ status }) => status.state },
    { name: "Origin", type: "string", description: "How it came in", cell: ({ spec }) => spec.origin },
    { name: "By", type: "string", description: "Who gave it", cell: ({ spec }) => spec.by },
    { name: "Node", type: "string", description: "Where it was given", cell: ({ spec }) => spec.node },
    {
      name: "Age",
      type: "string",
      description: "How long ago",
      cell: ({ metadata }, now) => age(metadata.creationTimestamp, now)
    },
    {
      name: "Summary",
      type: "string",
      description: "What it changed",
      cell: ({ status }) => status.summary ?? null
    },
    {
      name: "Message",
      type: "string",
      description: "Why, in the operator's words",
      wide: true,
      cell: ({ spec }) => spec.message ?? null
    },
    { name: "Hash", type: "string", description: "Names its meaning", wide: true, cell: ({ spec }) => spec.hash }
  ],
  derive,
  content: ({ spec, status }) => ({ spec, status })
}
