// The node's status in Prometheus' text format 0.0.4: the metrics of sessions, addresses and the cluster, and the text of them all. Label
// values are escaped as the format asks.

import { nextHopNodes } from "../resources/documents/service.ts"
import { holds } from "../resources/floatingIp.ts"
import type {
  FloatingIpStatus,
  MessageCounts,
  NodeStatus,
  SessionState,
  SessionStatus
} from "../resources/nodeStatus.ts"
import { readiness } from "../resources/readiness.ts"
import { type Labels, type MetricDeclaration, one, perSession, type Sample, seconds } from "./metric.ts"
import { operationMetrics } from "./operationMetrics.ts"

export const METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

const STATES: ReadonlyArray<SessionState> = ["Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established"]

const MESSAGE_TYPES: ReadonlyArray<readonly [type: string, count: keyof MessageCounts]> = [
  ["open", "open"],
  ["update", "update"],
  ["notification", "notification"],
  ["keepalive", "keepalive"],
  ["route_refresh", "routeRefresh"]
]

const messages = (session: SessionStatus): ReadonlyArray<Sample> =>
  (["sent", "received"] as const).flatMap((direction) =>
    MESSAGE_TYPES.map(([type, count]) => ({
      labels: { direction, type },
      value: (direction === "sent" ? session.sent : session.got)[count]
    }))
  )

const perFloatingIp =
  (is: (one: FloatingIpStatus) => boolean): MetricDeclaration["samples"] =>
  ({ floatingIps }) =>
    floatingIps.map((one) => ({ labels: { address: one.address, purpose: one.purpose }, value: is(one) ? 1 : 0 }))

/** All metrics, in the order in which they are written. */
export const metricDeclarations: ReadonlyArray<MetricDeclaration> = [
  {
    name: "viaduct_build_info",
    type: "gauge",
    help: "Always 1; the release that runs is in the label.",
    samples: ({ version }) => one(1, { version })
  },
  {
    name: "viaduct_node_info",
    type: "gauge",
    help: "Always 1; the cluster and the node are in the labels.",
    samples: ({ cluster, node }) => one(1, { cluster, node })
  },
  {
    name: "viaduct_ready",
    type: "gauge",
    help: "1 when every expected session is Established, no address failed and none is in conflict, otherwise 0.",
    samples: (status) => one(readiness(status).ready ? 1 : 0)
  },
  {
    name: "viaduct_config_info",
    type: "gauge",
    help: "Always 1; where the config came from and the hash of its canonical form are in the labels.",
    samples: ({ config }) => one(1, { hash: config.hash, source: config.source })
  },
  {
    name: "viaduct_config_last_reload_success",
    type: "gauge",
    help: "0 when the last config that was loaded was refused and the one before goes on, otherwise 1.",
    samples: ({ config }) => one(config.lastError === undefined ? 1 : 0)
  },
  {
    name: "viaduct_config_loaded_timestamp_seconds",
    type: "gauge",
    help: "When the config that is in force was loaded, in seconds since the epoch.",
    samples: ({ config }) => one(seconds(config.loadedAt))
  },
  {
    name: "viaduct_bgp_session_up",
    type: "gauge",
    help: "1 when the session is Established, otherwise 0.",
    samples: perSession(({ state }) => one(state === "Established" ? 1 : 0))
  },
  {
    name: "viaduct_bgp_session_state",
    type: "gauge",
    help: "1 for the state that the session is in (RFC 4271 8.2.2), 0 for the others.",
    samples: perSession((session) =>
      STATES.map((state) => ({ labels: { state }, value: session.state === state ? 1 : 0 }))
    )
  },
  {
    name: "viaduct_bgp_session_state_timestamp_seconds",
    type: "gauge",
    help: "When the session entered its state, in seconds since the epoch.",
    samples: perSession(({ since }) => one(seconds(since)))
  },
  {
    name: "viaduct_bgp_session_flaps_total",
    type: "counter",
    help: "Times that the session left Established.",
    samples: perSession(({ flaps }) => one(flaps))
  },
  {
    name: "viaduct_bgp_session_hold_time_seconds",
    type: "gauge",
    help: "Negotiated hold time; absent until both ends have sent their OPEN.",
    samples: perSession(({ negotiated }) => (negotiated === undefined ? [] : one(negotiated.holdTime)))
  },
  {
    name: "viaduct_bgp_messages_total",
    type: "counter",
    help: "BGP messages by direction (sent, received) and type.",
    samples: perSession(messages)
  },
  {
    name: "viaduct_bgp_advertised_prefixes",
    type: "gauge",
    help: "Prefixes that the session announces.",
    samples: perSession(({ advertised }) => one(new Set(advertised.map(({ prefix }) => prefix)).size))
  },
  {
    name: "viaduct_bgp_received_prefixes",
    type: "gauge",
    help: "Paths that the peer announces; they are counted and dropped.",
    samples: perSession(({ received }) => one(received.routes))
  },
  {
    name: "viaduct_address_present",
    type: "gauge",
    help: "1 when an address that the node shall have is there, otherwise 0.",
    samples: ({ addresses }) =>
      addresses.map(({ address, interface: device, state }) => ({
        labels: { address, interface: device },
        value: state === "present" ? 1 : 0
      }))
  },
  {
    name: "viaduct_floating_ip_held",
    type: "gauge",
    help: "1 when this node holds the floating IP (in layer 2 mode: the VIP), otherwise 0.",
    samples: perFloatingIp((one) => holds(one))
  },
  {
    name: "viaduct_floating_ip_conflict",
    type: "gauge",
    help: "1 when the address falls to this node and another host has it, otherwise 0.",
    samples: perFloatingIp(({ state }) => state === "conflict")
  },
  {
    name: "viaduct_floating_ip_assignable",
    type: "gauge",
    help: "0 when no node of the cluster can hold the address, otherwise 1.",
    samples: perFloatingIp(({ state }) => state !== "unassigned")
  },
  {
    name: "viaduct_services",
    type: "gauge",
    help: "Services of type LoadBalancer, with and without an address.",
    samples: ({ services }) =>
      [true, false].map((has) => ({
        labels: { address: has ? "yes" : "no" },
        value: services.filter(({ addresses }) => addresses.length > 0 === has).length
      }))
  },
  {
    name: "viaduct_service_next_hops",
    type: "gauge",
    help: "Load-balancer nodes that take the traffic of the service.",
    samples: ({ services }) =>
      services.map((service) => ({
        labels: { namespace: service.namespace, service: service.name },
        value: nextHopNodes(service)
      }))
  },
  {
    name: "viaduct_members",
    type: "gauge",
    help: "Nodes of the cluster whose daemons are alive.",
    samples: ({ members }) => (members.length === 0 ? [] : one(members.length))
  },
  {
    name: "viaduct_members_other_config",
    type: "gauge",
    help: "Nodes of the cluster that run another config than this one.",
    samples: ({ members, config }) =>
      members.length === 0 ? [] : one(members.filter(({ configHash }) => configHash !== config.hash).length)
  },
  {
    name: "viaduct_store_connected",
    type: "gauge",
    help: "1 when the cluster's store answers, otherwise 0; absent where no store is needed.",
    samples: ({ store }) => (store === undefined ? [] : one(store.state === "connected" ? 1 : 0, { store: store.kind }))
  },
  {
    name: "viaduct_store_lease_held",
    type: "gauge",
    help: "1 while this node's lease in the store is alive, otherwise 0.",
    samples: ({ store }) =>
      store === undefined ? [] : one(store.lease.state === "held" ? 1 : 0, { store: store.kind })
  },
  ...operationMetrics,
  {
    name: "viaduct_refusals",
    type: "gauge",
    help: "Things that the config might lead one to expect and that the node does not do; /v1/status has the reasons.",
    samples: ({ refusals }) => one(refusals.length)
  },
  {
    name: "process_resident_memory_bytes",
    type: "gauge",
    help: "Resident memory of the daemon.",
    samples: ({ process }) => one(process.residentBytes)
  },
  {
    name: "process_cpu_seconds_total",
    type: "counter",
    help: "User and system CPU time that the daemon has used.",
    samples: ({ process }) => one(process.cpuSeconds)
  },
  {
    name: "process_start_time_seconds",
    type: "gauge",
    help: "When the daemon started, in seconds since the epoch.",
    samples: ({ startedAt }) => one(seconds(startedAt))
  }
]

const escapeHelp = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")

const escapeLabel = (text: string): string => escapeHelp(text).replaceAll('"', '\\"')

const labelText = (labels: Labels): string =>
  `{${Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeLabel(value)}"`)
    .join(",")}}`

const lineOf = (name: string, labels: Labels | undefined, value: number): string =>
  `${name}${labels === undefined || Object.keys(labels).length === 0 ? "" : labelText(labels)} ${value}\n`

const linesOf = (name: string, { labels, value, sum, buckets }: Sample): ReadonlyArray<string> => {
  if (buckets === undefined) return [lineOf(name, labels, value)]
  const all: ReadonlyArray<readonly [string, number]> = [
    ...buckets.map(([upTo, count]) => [String(upTo), count] as const),
    ["+Inf", value]
  ]
  return [
    ...all.map(([le, count]) => lineOf(`${name}_bucket`, { ...labels, le }, count)),
    lineOf(`${name}_sum`, labels, sum ?? 0),
    lineOf(`${name}_count`, labels, value)
  ]
}

/** The text of all metrics of several nodes, each with labels of its own. A metric without a sample is left out, with its help. */
export const metricsTextOf = (nodes: ReadonlyArray<{ readonly labels: Labels; readonly status: NodeStatus }>): string =>
  metricDeclarations
    .flatMap(({ name, type, help, samples }) => {
      const lines = nodes.flatMap(({ labels: own, status }) =>
        samples(status).flatMap((sample) => linesOf(name, { ...sample, labels: { ...own, ...sample.labels } }))
      )
      return lines.length === 0 ? [] : [`# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`, ...lines]
    })
    .join("")

export const metricsText = (status: NodeStatus): string => metricsTextOf([{ labels: {}, status }])
