// FloatingIP (viaduct.dev/v1): an address that one node at a time holds, as this node sees it: floating IPs, and in layer 2
// mode the VIPs. `state` says how this node stands to it, `node` who has it by the store's word. Why each node does or does
// not come into question stands among the candidates (I9).
import { Schema } from "effect"
import { age } from "./age.ts"
import { Condition, condition } from "./condition.ts"
import {
  derivedMeta,
  groupVersion,
  objectTime,
  type ResourceKind,
  type ResourceObject,
  SYSTEM_NAMESPACE
} from "./kind.ts"
import type { FloatingIpStatus, NodeStatus } from "./nodeStatus.ts"

const { Int, String: Text, optionalKey } = Schema

const Spec = Schema.Struct({
  address: Text,
  purpose: Schema.Literals(["floating-ip", "control-plane-vip", "service-vip"]),
  of: Text
})

const Status = Schema.Struct({
  state: Schema.Literals(["other", "unassigned", "claiming", "probing", "conflict", "held", "holdover", "releasing"]),
  lastTransitionTime: Text,
  node: optionalKey(Text),
  interface: optionalKey(Text),
  generation: optionalKey(Int),
  reason: Text,
  candidates: Schema.Array(Schema.Struct({ node: Text, eligible: Schema.Boolean, reason: Text })),
  conditions: Schema.Array(Condition)
})

type FloatingIp = ResourceObject<typeof Spec.Type, typeof Status.Type>

/** On its interface, with or without word from the store. */
export const holds = ({ state }: Pick<FloatingIpStatus, "state">): boolean => state === "held" || state === "holdover"

const statusOf = (one: FloatingIpStatus): typeof Status.Type => ({
  state: one.state,
  lastTransitionTime: objectTime(one.since),
  ...(one.node === undefined ? {} : { node: one.node }),
  ...(one.interface === undefined ? {} : { interface: one.interface }),
  ...(one.generation === undefined ? {} : { generation: one.generation }),
  reason: one.reason,
  candidates: one.judgements.map(({ node, ok, reason }) => ({ node, eligible: ok, reason })),
  conditions: [condition("Held", holds(one), one.state, one.reason, one.since)]
})

const derive = (status: NodeStatus): ReadonlyArray<FloatingIp> =>
  status.floatingIps.map((one) => ({
    apiVersion: groupVersion(floatingIp),
    kind: floatingIp.kind,
    metadata: derivedMeta(floatingIp, status, one.address),
    spec: { address: one.address, purpose: one.purpose, of: one.of },
    status: statusOf(one)
  }))

export const floatingIp: ResourceKind<FloatingIp> = {
  group: "viaduct.dev",
  version: "v1",
  kind: "FloatingIP",
  plural: "floatingips",
  singular: "floatingip",
  shortNames: ["fip"],
  namespaced: true,
  namespace: SYSTEM_NAMESPACE,
  description: "An address that one node at a time holds, as this node sees it",
  schema: Schema.Struct({ spec: Spec, status: Status }),
  fields: {
    spec: "The address and what it is for",
    "spec.purpose": "floating-ip: sessions start from it; the others: a VIP in layer 2 mode",
    "spec.of": "The group, cluster or service that it belongs to",
    status: "Who has it",
    "status.state": "How this node stands to it; other: another node has it or shall have it",
    "status.lastTransitionTime": "When this node came to stand so",
    "status.node": "Who has it by the store's word",
    "status.interface": "Where it is, or would be",
    "status.generation": "Grows each time that the address changes hands",
    "status.reason": "Why this node stands so to it",
    "status.candidates": "Why each node does or does not come into question",
    "status.conditions": "Held: whether this node has it"
  },
  selectableFields: ["spec.purpose", "status.state", "status.node"],
  columns: [
    {
      name: "Name",
      type: "string",
      format: "name",
      description: "The address",
      cell: ({ metadata }) => metadata.name
    },
    { name: "Purpose", type: "string", description: "What the address is for", cell: ({ spec }) => spec.purpose },
    {
      name: "Node",
      type: "string",
      description: "Who has it by the store's word",
      cell: ({ status }) => status.node ?? null
    },
    {
      name: "State",
      type: "string",
      description: "How this node stands to it",
      cell: ({ status }) => status.state
    },
    {
      name: "Interface",
      type: "string",
      description: "Where it is, or would be",
      cell: ({ status }) => status.interface ?? null
    },
    {
      name: "Age",
      type: "string",
      description: "How long this node has stood so to it",
      cell: ({ status }, now) => age(status.lastTransitionTime, now)
    },
    {
      name: "Of",
      type: "string",
      description: "The group, cluster or service that it belongs to",
      wide: true,
      cell: ({ spec }) => spec.of
    },
    {
      name: "Reason",
      type: "string",
      description: "Why this node stands so to it",
      wide: true,
      cell: ({ status }) => status.reason
    }
  ],
  derive,
  content: ({ spec, status }) => ({ spec, status })
}
