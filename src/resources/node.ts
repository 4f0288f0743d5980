// Node (v1): the nodes of the cluster: those that the documents name and those whose daemons are alive, from their own records in the
// store. A node that is named and not there is NotReady: its daemon is down, or cannot reach the store. Where there is no store, or
// one of this node alone, a node knows of itself alone. Labels, addresses and conditions are those that Kubernetes clients look for.
import { Schema } from "effect"
import type { ConfigSnapshot } from "../config/objects.ts"
import { age } from "./age.ts"
import { Condition, condition } from "./condition.ts"
import { documentsOf } from "./documents/document.ts"
import { derivedMeta, groupVersion, objectTime, type ResourceKind, type ResourceObject } from "./kind.ts"
import { membersOf, sharesStore } from "./members.ts"
import type { MemberStatus, NodeStatus } from "./nodeStatus.ts"
import { listAt, textAt } from "./valueAt.ts"

const { Int, String: Text, optionalKey, Struct } = Schema

const Spec = Struct({ unschedulable: optionalKey(Schema.Boolean) })

const Status = Struct({
  phase: Schema.Literals(["Ready", "NotReady", "Drained", "Leaving", "Unknown"]),
  conditions: Schema.Array(Condition),
  addresses: Schema.Array(Struct({ type: Text, address: Text })),
  nodeInfo: Struct({ kubeletVersion: Text }),
  sessions: optionalKey(Struct({ established: Int, expected: Int })),
  heldAddresses: optionalKey(Schema.Array(Text)),
  nextHops: optionalKey(Struct({ ipv4: optionalKey(Text), ipv6: optionalKey(Text) })),
  configHash: optionalKey(Text),
  startTime: optionalKey(Text)
})

type Role = "control-plane" | "load-balancer" | "worker"
type Phase = (typeof Status.Type)["phase"]
type Node = ResourceObject<typeof Spec.Type, typeof Status.Type>

interface NamedNode {
  readonly address: string
  readonly name: string
  readonly roles: ReadonlySet<Role>
}

const ROLES: ReadonlyArray<Role> = ["control-plane", "load-balancer", "worker"]
const ROLE_LABEL = "node-role.kubernetes.io/"
const BAREMETAL = "baremetal.cluster.gke.io/v1"

/** The nodes of the documents by address, in the order of the documents. */
const namedNodes = (config: ConfigSnapshot): ReadonlyMap<string, NamedNode> => {
  const nodes = new Map<string, NamedNode>()
  const add = (list: ReadonlyArray<unknown>, role: Role): void => {
    for (const entry of list) {
      const address = textAt(entry, "address")
      if (address === undefined) continue
      const known = nodes.get(address)
      const name = textAt(entry, "name") ?? known?.name ?? address
      nodes.set(address, { address, name, roles: new Set([...(known?.roles ?? []), role]) })
    }
  }
  for (const cluster of documentsOf(config, BAREMETAL, "Cluster")) {
    const controlPlane = listAt(cluster, "spec.controlPlane.nodePoolSpec.nodes")
    const loadBalancers = listAt(cluster, "spec.loadBalancer.nodePoolSpec.nodes")
    add(controlPlane, "control-plane")
    add(loadBalancers.length > 0 ? loadBalancers : controlPlane, "load-balancer")
  }
  for (const pool of documentsOf(config, BAREMETAL, "NodePool")) add(listAt(pool, "spec.nodes"), "worker")
  return nodes
}

const phaseOf = ({ leaving, drained, report }: MemberStatus): Phase => {
  if (leaving) return "Leaving"
  if (drained) return "Drained"
  return report?.ready === false ? "NotReady" : "Ready"
}

const messages: Readonly<Record<Phase, string>> = {
  Ready: "its daemon is alive",
  NotReady: "",
  Drained: "drained: it takes no traffic and no floating IP",
  Leaving: "its daemon is stopping",
  Unknown: "nothing is known of it: the node that was asked has no store in common with it"
}

const aliveStatus = (one: MemberStatus): typeof Status.Type => {
  const phase = phaseOf(one)
  const ready = phase === "Ready" || phase === "Drained"
  return {
    phase,
    conditions: [condition("Ready", ready, phase, one.report?.summary ?? messages[phase], one.startedAt)],
    addresses: [
      ...(one.address === "" ? [] : [{ type: "InternalIP", address: one.address }]),
      { type: "Hostname", address: one.name }
    ],
    nodeInfo: { kubeletVersion: one.version },
    ...(one.report === undefined ? {} : { sessions: one.report.sessions, heldAddresses: one.report.held }),
    nextHops: one.nextHops,
    configHash: one.configHash,
    startTime: objectTime(one.startedAt)
  }
}

const absentStatus = ({ address, name }: NamedNode, status: NodeStatus): typeof Status.Type => {
  const known = sharesStore(status)
  const phase: Phase = known ? "NotReady" : "Unknown"
  const message = known ? "its daemon is down, or cannot reach the store" : messages.Unknown
  const found = condition("Ready", false, known ? "DaemonAbsent" : "Unknown", message, status.startedAt)
  return {
    phase,
    conditions: [known ? found : { ...found, status: "Unknown" }],
    addresses: [
      { type: "InternalIP", address },
      { type: "Hostname", address: name }
    ],
    nodeInfo: { kubeletVersion: "" }
  }
}

const derive = (status: NodeStatus, config: ConfigSnapshot): ReadonlyArray<Node> => {
  const named = namedNodes(config)
  const object = (name: string, roles: ReadonlySet<Role>, drained: boolean, found: typeof Status.Type): Node => ({
    apiVersion: groupVersion(node),
    kind: node.kind,
    metadata: {
      ...derivedMeta(node, status, name),
      labels: {
        "kubernetes.io/hostname": name,
        ...Object.fromEntries(ROLES.filter((role) => roles.has(role)).map((role) => [`${ROLE_LABEL}${role}`, ""]))
      }
    },
    spec: drained ? { unschedulable: true } : {},
    status: found
  })
  const alive = membersOf(status)
  const there = new Set(alive.flatMap(({ address, name }) => [address, name]))
  const none: ReadonlySet<Role> = new Set()
  const rolesOf = ({ address, name }: MemberStatus): ReadonlySet<Role> =>
    (named.get(address) ?? [...named.values()].find((one) => one.name === name))?.roles ?? none
  return [
    ...alive.map((one) => object(one.name, rolesOf(one), one.drained, aliveStatus(one))),
    ...[...named.values()]
      .filter(({ address, name }) => !there.has(address) && !there.has(name))
      .map((one) => object(one.name, one.roles, false, absentStatus(one, status)))
  ]
}

const rolesText = ({ metadata }: Node): string =>
  ROLES.filter((role) => metadata.labels?.[`${ROLE_LABEL}${role}`] !== undefined).join(",") || "<none>"

export const node: ResourceKind<Node> = {
  group: "",
  version: "v1",
  kind: "Node",
  plural: "nodes",
  singular: "node",
  shortNames: ["no"],
  namespaced: false,
  description: "A node of the cluster: named in the documents, or with a daemon that is alive",
  schema: Struct({ spec: Spec, status: Status }),
  fields: {
    spec: "What is wanted of the node",
    "spec.unschedulable": "Drained: it takes no traffic and no floating IP",
    status: "How the node does",
    "status.phase": "How it is, in one word",
    "status.conditions": "Ready: its daemon is alive and nothing is missing, in the node's own words",
    "status.addresses": "Its address in the documents, and its name",
    "status.nodeInfo": "Release of the daemon, where clients look for it",
    "status.sessions": "BGP sessions that are Established, of those that it shall have",
    "status.heldAddresses": "Addresses that move and are on this node",
    "status.nextHops": "Where traffic for services is sent to",
    "status.configHash": "Names the config that it runs",
    "status.startTime": "When its daemon started"
  },
  selectableFields: ["spec.unschedulable", "status.phase", "status.configHash"],
  columns: [
    {
      name: "Name",
      type: "string",
      format: "name",
      description: "Name of the node",
      cell: ({ metadata }) => metadata.name
    },
    {
      name: "Status",
      type: "string",
      description: "Whether it is ready, and whether it takes traffic and floating IPs",
      cell: ({ status: { phase } }) => (phase === "Drained" ? "Ready,Drained" : phase)
    },
    { name: "Roles", type: "string", description: "What the documents name it for", cell: rolesText },
    {
      name: "Age",
      type: "string",
      description: "How long ago its daemon started",
      cell: ({ status }, now) => (status.startTime === undefined ? "<unknown>" : age(status.startTime, now))
    },
    {
      name: "Version",
      type: "string",
      description: "Release that it runs",
      cell: ({ status }) => status.nodeInfo.kubeletVersion || "<unknown>"
    },
    {
      name: "Internal-IP",
      type: "string",
      description: "Its address in the documents",
      wide: true,
      cell: ({ status }) => status.addresses.find(({ type }) => type === "InternalIP")?.address ?? "<none>"
    },
    {
      name: "Sessions",
      type: "string",
      description: "BGP sessions that are Established, of those that it shall have",
      wide: true,
      cell: ({ status: { sessions } }) =>
        sessions === undefined ? null : `${sessions.established}/${sessions.expected}`
    },
    {
      name: "Config",
      type: "string",
      description: "Hash of the config that it runs",
      wide: true,
      cell: ({ status }) => status.configHash ?? null
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
      cell: ({ status: { nextHops } }) =>
        [nextHops?.ipv4, nextHops?.ipv6].filter((address) => address !== undefined).join(",")
    }
  ],
  derive,
  content: ({ spec, status, metadata: { labels } }) => ({ spec, status, labels })
}
