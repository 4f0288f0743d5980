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
  readonly state: "Ready" | "NotReady" | "Drained" | "Leaving"
  /** What is up, or what is missing, in the node's own words. */
  readonly summary?: string
  readonly sessions?: { readonly established: number; readonly expected: number }
  /** Addresses that move and are on this node. */
  readonly heldAddresses?: ReadonlyArray<string>
  readonly version: string
  /** Hash of the config that it runs. */
  readonly configHash: string
  readonly startTime: string
}

type Member = ResourceObject<MemberSpec, MemberResourceStatus>

const stateOf = ({ leaving, drained, report }: MemberStatus): MemberResourceStatus["state"] => {
  if (leaving) return "Leaving"
  if (drained) return "Drained"
  return report?.ready === false ? "NotReady" : "Ready"
}

const reported = ({ report }: MemberStatus): Partial<MemberResourceStatus> =>
  report === undefined ? {} : { summary: report.summary, sessions: report.sessions, heldAddresses: report.held }

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
      ...reported(one),
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
      name: "Sessions",
      type: "string",
      description: "BGP sessions that are Established, of those that it shall have",
      cell: ({ status: { sessions } }) =>
        sessions === undefined ? null : `${sessions.established}/${sessions.expected}`
    },
    {
      name: "Age",
      type: "string",
      description: "How long ago its daemon started",
      cell: ({ status }, now) => age(status.startTime, now)
    },
    {
      name: "Holds",
      type: "string",
      description: "Addresses that move and are on this node",
      wide: true,
      cell: ({ status }) => status.heldAddresses?.join(",") ?? null
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
