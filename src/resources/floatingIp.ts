// FloatingIP (viaduct.dev/v1): an address that one node at a time holds, as this node sees it: floating IPs, and in layer 2
// mode the VIPs. `state` says how this node stands to it, `node` who has it by the store's word. Why each node does or does
// not come into question stands among the candidates (I9).
import { age } from "./age.ts"
import { groupVersion, objectTime, type ResourceKind, type ResourceObject, stableUid } from "./kind.ts"
import type { FloatingIpState, FloatingIpStatus, NodeStatus } from "./nodeStatus.ts"

interface FloatingIpSpec {
  readonly address: string
  readonly purpose: FloatingIpStatus["purpose"]
  /** The floating IP's group, the VIP's cluster or service. */
  readonly of: string
}

/** As Kubernetes objects have them. */
interface Condition {
  /** Whether this node holds it. */
  readonly type: "Held"
  readonly status: "True" | "False"
  readonly reason: string
  readonly message: string
  readonly lastTransitionTime: string
}

interface FloatingIpResourceStatus {
  readonly state: FloatingIpState
  readonly lastTransitionTime: string
  readonly node?: string
  readonly interface?: string
  readonly generation?: number
  readonly reason: string
  readonly candidates: ReadonlyArray<{ readonly node: string; readonly eligible: boolean; readonly reason: string }>
  readonly conditions: ReadonlyArray<Condition>
}

type FloatingIp = ResourceObject<FloatingIpSpec, FloatingIpResourceStatus>

/** On its interface, with or without word from the store. */
export const holds = ({ state }: Pick<FloatingIpStatus, "state">): boolean => state === "held" || state === "holdover"

const statusOf = (one: FloatingIpStatus): FloatingIpResourceStatus => ({
  state: one.state,
  lastTransitionTime: objectTime(one.since),
  ...(one.node === undefined ? {} : { node: one.node }),
  ...(one.interface === undefined ? {} : { interface: one.interface }),
  ...(one.generation === undefined ? {} : { generation: one.generation }),
  reason: one.reason,
  candidates: one.judgements.map(({ node, ok, reason }) => ({ node, eligible: ok, reason })),
  conditions: [
    {
      type: "Held",
      status: holds(one) ? "True" : "False",
      reason: one.state,
      message: one.reason,
      lastTransitionTime: objectTime(one.since)
    }
  ]
})

const derive = (status: NodeStatus): ReadonlyArray<FloatingIp> =>
  status.floatingIps.map((one) => ({
    apiVersion: groupVersion(floatingIp),
    kind: floatingIp.kind,
    metadata: {
      name: one.address,
      namespace: floatingIp.namespace,
      uid: stableUid(floatingIp.kind, status.cluster, status.node, one.address, status.startedAt),
      creationTimestamp: objectTime(status.startedAt)
    },
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
  namespace: "kube-system",
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
