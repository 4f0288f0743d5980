// Cluster (baremetal.cluster.gke.io/v1, S18) as a resource: the cluster's document, and how the cluster does as far as the node that is
// asked knows: its sessions, its pools' use, which revision of the config it runs.
import { Schema } from "effect"
import { Condition, condition } from "../condition.ts"
import type { NodeStatus } from "../nodeStatus.ts"
import { readiness } from "../readiness.ts"
import { textAt, valueAt } from "../valueAt.ts"
import { peerOptionFields } from "./bgpPeer.ts"
import { ageColumn, documentKind, fieldColumn, nameColumn } from "./document.ts"
import { countSessions, knownSessions, SessionCount } from "./status.ts"

const { Int, String: Text, optionalKey } = Schema

const LB = "spec.loadBalancer"

const Status = Schema.Struct({
  sessions: SessionCount,
  nodes: Schema.Struct({ ready: Int, alive: Int }),
  pools: Schema.Array(
    Schema.Struct({
      name: Text,
      addresses: Schema.Array(Text),
      total: Text,
      used: Int,
      resting: Int,
      manualAssign: Schema.Boolean
    })
  ),
  config: Schema.Struct({
    mode: Schema.Literals(["file", "store", "local"]),
    revision: Int,
    hash: Text,
    note: optionalKey(Text),
    lastError: optionalKey(Text),
    unconfirmed: optionalKey(Schema.Struct({ until: Text, rollbackTo: Int }))
  }),
  conditions: Schema.Array(Condition)
})

/** Members that are ready, in their own words; this node in this node's. */
const readyNodes = (
  status: NodeStatus
): { readonly ready: number; readonly alive: number; readonly missing: string } => {
  const own = readiness(status)
  const others = status.members.filter(({ name }) => name !== status.node)
  const unready = others.filter(({ report, leaving }) => leaving || report?.ready === false)
  const missing = [...(own.ready ? [] : [`${status.node} ${own.summary}`])]
  for (const { name, report } of unready) missing.push(`${name} ${report?.summary ?? "is leaving"}`)
  return { ready: others.length + 1 - missing.length, alive: others.length + 1, missing: missing.join("; ") }
}

const statusOf = (status: NodeStatus): typeof Status.Type => {
  const sessions = knownSessions(status)
  const { missing, ...nodes } = readyNodes(status)
  const { mode, revision, hash, note, lastError, unconfirmed, loadedAt } = status.config
  const since = sessions.map((session) => session.since).toSorted()
  const all = `all ${nodes.alive} nodes whose daemons are alive are ready`
  return {
    sessions: countSessions(sessions),
    nodes,
    pools: status.pools,
    config: {
      mode,
      revision,
      hash,
      ...(note === undefined ? {} : { note }),
      ...(lastError === undefined ? {} : { lastError }),
      ...(unconfirmed === undefined ? {} : { unconfirmed })
    },
    conditions: [
      condition(
        "Ready",
        missing === "",
        missing === "" ? "NodesReady" : "NodesNotReady",
        missing === "" ? all : missing,
        since.at(-1) ?? status.startedAt
      ),
      condition(
        "ConfigAccepted",
        lastError === undefined,
        lastError === undefined ? "InForce" : "Refused",
        lastError ?? note ?? `revision ${revision} is in force`,
        loadedAt
      )
    ]
  }
}

export const cluster = documentKind({
  apiVersion: "baremetal.cluster.gke.io/v1",
  kind: "Cluster",
  plural: "clusters",
  singular: "cluster",
  shortNames: ["cl"],
  description: "The cluster: its nodes, its load balancer and the peers of its control plane",
  fields: {
    spec: "The cluster. Fields that are not listed here are kept and not looked at",
    "spec.type": "admin, user, hybrid or standalone",
    "spec.controlPlane": "The control plane",
    "spec.controlPlane.nodePoolSpec": "Its nodes",
    "spec.controlPlane.nodePoolSpec.nodes": "The control-plane nodes",
    "spec.controlPlane.nodePoolSpec.nodes.address": "Address of the node, which its sessions start from",
    "spec.controlPlane.nodePoolSpec.nodes.name": "What sessions and people call the node",
    "spec.clusterNetwork": "Networks of pods and services",
    "spec.clusterNetwork.advancedNetworking": "Turns floating IPs and their kin on",
    [LB]: "The load balancer",
    [`${LB}.mode`]: "manual: somebody else balances. Default bundled",
    [`${LB}.type`]: "bgp or layer2. Default layer2",
    [`${LB}.localASN`]: "Our AS number",
    [`${LB}.bgpPeers`]: "Routers that the control-plane nodes announce the control-plane VIP to",
    [`${LB}.bgpPeers.ip`]: "The peer's address",
    [`${LB}.bgpPeers.asn`]: "The peer's AS number",
    [`${LB}.bgpPeers.controlPlaneNodes`]: "Only these nodes have a session with the peer; all where absent",
    ...peerOptionFields(`${LB}.bgpPeers`),
    [`${LB}.ports`]: "Ports of the load balancer",
    [`${LB}.ports.controlPlaneLBPort`]: "Port of the control plane. Default 443",
    [`${LB}.vips`]: "Virtual IPs",
    [`${LB}.vips.controlPlaneVIP`]: "Address of the control plane, or one of each family",
    [`${LB}.vips.ingressVIP`]: "Address of the ingress service",
    [`${LB}.addressPools`]: "Where addresses of services come from",
    [`${LB}.addressPools.name`]: "Name of the pool",
    [`${LB}.addressPools.addresses`]: "Prefixes and ranges, IPv4 and IPv6",
    [`${LB}.addressPools.avoidBuggyIPs`]: "Leaves out .0 and .255",
    [`${LB}.addressPools.manualAssign`]: "Only for services that name the pool or one of its addresses",
    [`${LB}.addressPools.priority`]: "Lower is asked first",
    [`${LB}.addressPools.namespaces`]: "Only services of these namespaces",
    [`${LB}.addressPools.namespaceSelector`]: "Only services of namespaces with these labels",
    [`${LB}.addressPools.serviceSelector`]: "Only services with these labels",
    [`${LB}.nodePoolSpec`]: "The load-balancer nodes; the control-plane nodes where absent",
    [`${LB}.nodePoolSpec.nodes`]: "The nodes",
    [`${LB}.nodePoolSpec.nodes.address`]: "Address of the node",
    [`${LB}.vipInterface`]: "The interface that gets the VIPs, or none. Default lo",
    status: "How the cluster does",
    "status.sessions": "BGP sessions that are known",
    "status.nodes": "Nodes whose daemons are alive, and those that are ready",
    "status.pools": "Address pools and how much of each is used",
    "status.pools.total": "How many addresses may be given out",
    "status.pools.used": "How many services have",
    "status.pools.resting": "Given back a moment ago and for nobody yet",
    "status.config": "The config that the node runs",
    "status.config.mode": "What wins: the node's file, the store, or, in recovery, the local file",
    "status.config.revision": "Number of the revision",
    "status.config.hash": "Names everything that means the same",
    "status.config.note": "What an operator should know",
    "status.config.lastError": "Why the last config was refused",
    "status.config.unconfirmed": "Present while the revision waits to be confirmed",
    "status.conditions": "Ready: every node whose daemon is alive is ready; ConfigAccepted: the last config was"
  },
  statusSchema: Status,
  status: (status) => {
    const found = statusOf(status)
    return () => found
  },
  selectableFields: ["spec.type", `${LB}.type`, `${LB}.mode`],
  columns: [
    nameColumn,
    fieldColumn("Type", `${LB}.type`, "bgp or layer2"),
    fieldColumn("VIP", `${LB}.vips.controlPlaneVIP`, "Address of the control plane"),
    {
      name: "Nodes",
      type: "string",
      description: "Nodes that are ready, of those whose daemons are alive",
      cell: (object) => `${textAt(object, "status.nodes.ready")}/${textAt(object, "status.nodes.alive")}`
    },
    {
      name: "Sessions",
      type: "string",
      description: "Sessions that are Established, of those that there are",
      cell: (object) => `${textAt(object, "status.sessions.established")}/${textAt(object, "status.sessions.expected")}`
    },
    fieldColumn("Ready", "status.conditions.0.status", "Whether every node is ready"),
    fieldColumn("Revision", "status.config.revision", "The config that the node runs", { type: "integer" }),
    ageColumn,
    {
      name: "Pools",
      type: "string",
      description: "Addresses in use, of all, by pool",
      wide: true,
      cell: (object) => {
        const pools = valueAt(object, "status.pools")
        return Array.isArray(pools)
          ? pools.map((one) => `${textAt(one, "name")} ${textAt(one, "used")}/${textAt(one, "total")}`).join(",")
          : null
      }
    },
    fieldColumn("Mode", "status.config.mode", "What wins: file, store or local", { wide: true }),
    fieldColumn("Reason", "status.conditions.0.message", "What is missing", { wide: true })
  ]
})
