// Metrics of how the daemon is operated and how it keeps up: the config and its changes, pools, events, and what it counts and times itself
// (NodeStatus.measures).
import type { PoolStatus } from "../resources/nodeStatus.ts"
import { type MetricDeclaration, one, perSession, seconds } from "./metric.ts"

const perPool =
  (value: (pool: PoolStatus) => number): MetricDeclaration["samples"] =>
  ({ pools }) =>
    pools.map((pool) => ({ labels: { pool: pool.name }, value: value(pool) }))

/** A metric that the daemon keeps under its name. */
const measured = (name: string, type: MetricDeclaration["type"], help: string): MetricDeclaration => ({
  name,
  type,
  help,
  samples: ({ measures }) =>
    type === "histogram"
      ? (measures?.timings ?? []).flatMap((timing) => {
          const { labels, count, sum, buckets } = timing
          return timing.name === name ? [{ labels, value: count, sum, buckets }] : []
        })
      : (measures?.values ?? []).flatMap((one) => (one.name === name ? [{ labels: one.labels, value: one.value }] : []))
})

export const operationMetrics: ReadonlyArray<MetricDeclaration> = [
  {
    name: "viaduct_bgp_advertised_next_hops",
    type: "gauge",
    help: "Different next hops that the session announces.",
    samples: perSession(({ advertised }) => one(new Set(advertised.map(({ nextHop }) => nextHop)).size))
  },
  {
    name: "viaduct_bgp_withheld_prefixes",
    type: "gauge",
    help: "Prefixes that the session ought to announce and cannot carry; /v1/status has the reasons.",
    samples: perSession(({ withheld }) => one(new Set((withheld ?? []).map(({ prefix }) => prefix)).size))
  },
  {
    name: "viaduct_bgp_last_update_sent_timestamp_seconds",
    type: "gauge",
    help: "When the session sent its last UPDATE, in seconds since the epoch; absent until it has sent one.",
    samples: perSession(({ lastUpdateSent }) => (lastUpdateSent === undefined ? [] : one(seconds(lastUpdateSent))))
  },
  {
    name: "viaduct_bgp_session_last_report_timestamp_seconds",
    type: "gauge",
    help: "When the session was last looked after, in seconds since the epoch; it stands still where the session is stuck.",
    samples: perSession(({ lastReport }) => one(seconds(lastReport)))
  },
  {
    name: "viaduct_bgp_session_failures_total",
    type: "counter",
    help: "Times that the session, or a try to have it, came to its end, by what the wire showed.",
    samples: perSession(({ failures }) =>
      Object.entries(failures ?? {}).map(([cause, value]) => ({ labels: { cause }, value }))
    )
  },
  {
    name: "viaduct_pool_addresses",
    type: "gauge",
    help: "Addresses that the pool may give out.",
    samples: perPool(({ total }) => Number(total))
  },
  {
    name: "viaduct_pool_addresses_used",
    type: "gauge",
    help: "Addresses of the pool that services have.",
    samples: perPool(({ used }) => used)
  },
  {
    name: "viaduct_pool_addresses_resting",
    type: "gauge",
    help: "Addresses of the pool that were given back a moment ago and are for nobody yet.",
    samples: perPool(({ resting }) => resting)
  },
  {
    name: "viaduct_config_revision",
    type: "gauge",
    help: "The revision of the config that the node runs; 0 in recovery mode.",
    samples: ({ config }) => one(config.revision)
  },
  {
    name: "viaduct_config_cluster_revision",
    type: "gauge",
    help: "The revision of the config that was given to the cluster last; absent where there is no store.",
    samples: ({ config }) => (config.cluster === undefined ? [] : one(config.cluster.revision))
  },
  {
    name: "viaduct_config_unconfirmed",
    type: "gauge",
    help: "1 while the config in force is taken back unless somebody confirms it, otherwise 0.",
    samples: ({ config }) => one(config.unconfirmed === undefined ? 0 : 1)
  },
  {
    name: "viaduct_config_local_mode",
    type: "gauge",
    help: "1 in recovery mode, where the node's file wins whatever the store says (--config-local), otherwise 0.",
    samples: ({ config }) => one(config.mode === "local" ? 1 : 0)
  },
  measured(
    "viaduct_config_applies_total",
    "counter",
    "Changes of the config that were asked for through the API, by outcome."
  ),
  measured("viaduct_events_total", "counter", "Events, by reason and type (Normal, Warning)."),
  measured(
    "viaduct_reconcile_duration_seconds",
    "histogram",
    "How long it took to plan the node anew and to have the difference carried out."
  ),
  measured(
    "viaduct_takeover_duration_seconds",
    "histogram",
    "How long an address took from the moment that the node went for it until it was held."
  ),
  measured(
    "viaduct_store_request_duration_seconds",
    "histogram",
    "How long the store took to answer, by operation and outcome (done, conflict, failed)."
  ),
  measured("viaduct_trace_messages", "gauge", "BGP messages that are kept for viaduct trace."),
  measured("viaduct_trace_bytes", "gauge", "Memory that they take, roughly."),
  measured("viaduct_trace_missed_total", "counter", "Messages that readers of the trace were too slow for."),
  measured(
    "viaduct_otlp_exports_total",
    "counter",
    "Requests to the OTLP collector, by signal and outcome (done, failed)."
  )
]
