// Member (viaduct.dev/v1): a node of the cluster whose daemon is alive, from its own record in the store. A node that is not
// listed is not there: its daemon is down, or it cannot reach the store.
import { age } from "./age.ts"
import { groupVersion, objectTime, type ResourceKind, type ResourceObject, stableUid } from "./kind.ts"
import type { MemberStatus, NodeStatus } from "./nodeStatus.ts"

interface MemberSpec {
  /** As the cluster file has it. */
  readonly address: string
  /** Where traffic for services is sent to. */
  readonly nextHops: MemberStatus["nextHops"]
}

interface MemberResourceStatus {
  readonly state: "Ready" | "Drained" | "Leaving"
  readonly version: string
  /** Hash of the config that it runs. */
  readonly configHash: string
  readonly startTime: string
}

type Member = ResourceObject<MemberSpec, MemberResourceStatus>

const stateOf = ({ leaving, drained }: MemberStatus): MemberResourceStatus["state"] => {
  if (leaving) return "Leaving"
  return drained ? "Drained" : "Ready"
}

const derive = (status: NodeStatus): ReadonlyArray<Member> =>
  status.members.map((one) => ({
    apiVersion: groupVersion(member),
    kind: member.kind,
    metadata: {
      name: one.name,
      namespace: member.namespace,
      uid: stableUid(member.kind, status.cluster, status.node, one.name, one.startedAt),
      creationTimestamp: objectTime(one.startedAt)
    },
    spec: { address: one.address, nextHops: one.nextHops },
    status: {
      state: stateOf(one),
      version: one.version,
      configHash: one.configHash,
      startTime: objectTime(one.startedAt)
    }
  }))

export const member: ResourceKind<Member> = {
  group: "viaduct.dev",
  version: "v1",
  kind: "Member",
  plural: "members",
  singular: "member",
  shortNames: [],
  namespaced: true,
  namespace: "kube-system",
  selectableFields: ["spec.address", "status.state", "status.version", "status.configHash"],
  columns: [
    {
      name: "Name",
      type: "string",
      format: "name",
      description: "Name of the node",
      cell: ({ metadata }) => metadata.name
    },
    { name: "Address", type: "string", description: "Its address in the file", cell: ({ spec }) => spec.address },
    { name: "Version", type: "string", description: "Release that it runs", cell: ({ status }) => status.version },
    {
      name: "Config",
      type: "string",
      description: "Hash of the config that it runs",
      cell: ({ status }) => status.configHash
    },
    {
      name: "State",
      type: "string",
      description: "Whether it takes traffic and floating IPs",
      cell: ({ status }) => status.state
    },
    {
      name: "Age",
      type: "string",
      description: "How long ago its daemon started",
      cell: ({ status }, now) => age(status.startTime, now)
    },
    {
      name: "Next Hops",
      type: "string",
      description: "Where traffic for services is sent to",
      wide: true,
      cell: ({ spec: { nextHops } }) =>
        [nextHops.ipv4, nextHops.ipv6].filter((address) => address !== undefined).join(",")
    }
  ],
  derive,
  content: ({ spec, status }) => ({ spec, status })
}
