// The metrics' text, parsed back by the rules of the format (0.0.4) and compared with the status that it came from.
import { describe, expect, test } from "bun:test"
import { createApp } from "../../src/api/app.ts"
import { metricDeclarations, metricsText } from "../../src/api/metrics.ts"
import type { Measures } from "../../src/resources/nodeStatus.ts"
import { clusterStatus, down, NOW, nodeStatus, s22, s23, session } from "../resources/fixtures.ts"
import { fakeNode } from "./fakeNode.ts"

interface Parsed {
  readonly name: string
  readonly labels: Record<string, string>
  readonly value: number
}

const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/

/** Reads labels to the last character; anything that is no label throws. */
const parseLabels = (text: string): Record<string, string> => {
  const labels: Record<string, string> = {}
  LABEL.lastIndex = 0
  for (let at = 0; at < text.length; at = LABEL.lastIndex) {
    const [, name, value] = LABEL.exec(text) ?? []
    if (name === undefined || value === undefined) throw new Error(`no label at ${at} of ${text}`)
    labels[name] = value.replace(/\\(.)/g, (_, c: string) => (c === "n" ? "\n" : c))
  }
  return labels
}

const parse = (text: string): { samples: ReadonlyArray<Parsed>; types: Map<string, string> } => {
  if (!text.endsWith("\n")) throw new Error("the last line has no line feed")
  const samples: Array<Parsed> = []
  const types = new Map<string, string>()
  const helped = new Set<string>()
  for (const line of text.slice(0, -1).split("\n")) {
    const [, comment, named = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? []
    if (comment === "HELP") helped.add(named)
    else if (comment === "TYPE") types.set(named, rest)
    else {
      const [, name = "", labels = "", value = ""] = SAMPLE.exec(line) ?? []
      const family = types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, "")
      if (family !== name && types.get(family) !== "histogram") throw new Error(`no histogram: ${line}`)
      if (!helped.has(family) || !types.has(family)) throw new Error(`no HELP or TYPE before ${line}`)
      if (Number.isNaN(Number(value))) throw new Error(`no number in ${line}`)
      samples.push({ name, labels: parseLabels(labels), value: Number(value) })
    }
  }
  return { samples, types }
}

const valueOf = (text: string, name: string, labels: Record<string, string> = {}): number | undefined =>
  parse(text).samples.find(
    (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value)
  )?.value

describe("metrics", () => {
  const status = nodeStatus([
    session("10.0.1.254-n", { advertised: s23.sessions[0]?.advertised ?? [], received: { routes: 7, sample: [] } }),
    down("10.0.3.254-n", "refused", { purpose: "control-plane", flaps: 3 })
  ])

  test("say of each session whether it is up, in which state, how often it flapped, what it sent", () => {
    const text = metricsText(status)
    expect(parse(text).samples.filter(({ name }) => name === "viaduct_bgp_session_up")).toEqual([
      {
        name: "viaduct_bgp_session_up",
        labels: { name: "10.0.1.254-n", peer: "10.0.1.254", local: "10.0.1.178", purpose: "service" },
        value: 1
      },
      {
        name: "viaduct_bgp_session_up",
        labels: { name: "10.0.3.254-n", peer: "10.0.3.254", local: "10.0.1.178", purpose: "control-plane" },
        value: 0
      }
    ])
    const downSession = { name: "10.0.3.254-n" }
    expect(valueOf(text, "viaduct_bgp_session_state", { ...downSession, state: "Connect" })).toBe(1)
    expect(valueOf(text, "viaduct_bgp_session_state", { ...downSession, state: "Established" })).toBe(0)
    expect(valueOf(text, "viaduct_bgp_session_flaps_total", downSession)).toBe(3)
    expect(valueOf(text, "viaduct_bgp_messages_total", { direction: "sent", type: "keepalive" })).toBe(40)
    expect(valueOf(text, "viaduct_bgp_advertised_prefixes", { name: "10.0.1.254-n" })).toBe(2)
    expect(valueOf(text, "viaduct_bgp_received_prefixes", { name: "10.0.1.254-n" })).toBe(7)
  })

  test("say whether the node is ready and its last config was taken", () => {
    expect(valueOf(metricsText(s22), "viaduct_ready")).toBe(1)
    expect(valueOf(metricsText(status), "viaduct_ready")).toBe(0)
    expect(valueOf(metricsText(status), "viaduct_config_last_reload_success")).toBe(1)
    const refused = { ...status, config: { ...status.config, lastError: "line 3" } }
    expect(valueOf(metricsText(refused), "viaduct_config_last_reload_success")).toBe(0)
    expect(valueOf(metricsText(status), "process_start_time_seconds")).toBe(1623707940.25)
  })

  test("say how the cluster stands: addresses that move, services, members, store", () => {
    const text = metricsText(clusterStatus)
    const of = (address: string) =>
      ["held", "conflict", "assignable"].map((what) => valueOf(text, `viaduct_floating_ip_${what}`, { address }))
    expect([of("10.0.3.100"), of("10.0.3.101"), of("10.9.9.9")]).toEqual([
      [1, 0, 1],
      [0, 1, 1],
      [0, 0, 0]
    ])
    expect(valueOf(text, "viaduct_services", { address: "yes" })).toBe(1)
    expect(valueOf(text, "viaduct_services", { address: "no" })).toBe(1)
    expect(valueOf(text, "viaduct_service_next_hops", { namespace: "default", service: "web" })).toBe(2)
    expect(valueOf(text, "viaduct_members")).toBe(2)
    expect(valueOf(text, "viaduct_members_other_config")).toBe(1)
    expect(valueOf(text, "viaduct_store_connected", { store: "etcd" })).toBe(0)
    expect(valueOf(text, "viaduct_store_lease_held", { store: "etcd" })).toBe(0)
    expect(metricsText(s22)).not.toMatch(/viaduct_(members|store|floating_ip)/)
  })

  test("say how the node is operated: config, pools, why sessions failed, what was last sent", () => {
    const failing = down("10.0.3.254-n", "refused", { failures: { timeout: 4, received: 1 } })
    const told = session("10.0.1.254-n", {
      advertised: s23.sessions[0]?.advertised ?? [],
      withheld: [{ prefix: "10.9.9.9/32", reason: "no IPv6 next hop" }],
      lastUpdateSent: "2021-06-14T22:05:00.5Z"
    })
    const pools = [
      {
        name: "big",
        addresses: ["2001:db8::/64"],
        total: "18446744073709551616",
        used: 3,
        resting: 1,
        manualAssign: false
      }
    ]
    const base = nodeStatus([told, failing], { pools })
    const unconfirmed = { until: "2021-06-14T22:10:00Z", rollbackTo: 6 }
    const cluster = { revision: 8, hash: "a", node: "b", at: "2021-06-14T22:05:00Z" }
    const text = metricsText({ ...base, config: { ...base.config, mode: "local", revision: 7, unconfirmed, cluster } })
    const failures = (cause: string) =>
      valueOf(text, "viaduct_bgp_session_failures_total", { name: failing.name, cause })
    expect([failures("timeout"), failures("received"), failures("reset")]).toEqual([4, 1, undefined])
    expect(valueOf(text, "viaduct_bgp_advertised_next_hops", { name: told.name })).toBe(2)
    expect(valueOf(text, "viaduct_bgp_withheld_prefixes", { name: told.name })).toBe(1)
    expect(valueOf(text, "viaduct_bgp_last_update_sent_timestamp_seconds", { name: told.name })).toBe(1623708300.5)
    expect(valueOf(text, "viaduct_bgp_last_update_sent_timestamp_seconds", { name: failing.name })).toBeUndefined()
    expect(valueOf(text, "viaduct_pool_addresses", { pool: "big" })).toBe(2 ** 64)
    expect(valueOf(text, "viaduct_pool_addresses_used", { pool: "big" })).toBe(3)
    expect(
      ["revision", "cluster_revision", "unconfirmed", "local_mode"].map((what) =>
        valueOf(text, `viaduct_config_${what}`)
      )
    ).toEqual([7, 8, 1, 1])
    expect(valueOf(metricsText(base), "viaduct_config_unconfirmed")).toBe(0)
  })

  test("have what the daemon counted and timed, histograms with all their buckets", () => {
    const measures: Measures = {
      values: [{ name: "viaduct_events_total", labels: { reason: "SessionLost", type: "Warning" }, value: 3 }],
      timings: [
        {
          name: "viaduct_store_request_duration_seconds",
          labels: { operation: "commit", outcome: "done" },
          count: 5,
          sum: 1.25,
          buckets: [
            [0.1, 2],
            [1, 4]
          ]
        }
      ]
    }
    const text = metricsText({ ...status, measures })
    expect(valueOf(text, "viaduct_events_total", { reason: "SessionLost" })).toBe(3)
    const name = "viaduct_store_request_duration_seconds"
    expect(["0.1", "1", "+Inf"].map((le) => valueOf(text, `${name}_bucket`, { operation: "commit", le }))).toEqual([
      2, 4, 5
    ])
    expect([valueOf(text, `${name}_sum`), valueOf(text, `${name}_count`)]).toEqual([1.25, 5])
    expect(metricsText(status)).not.toContain(name)
  })

  test("escape what a label may not hold as it is", () => {
    const source = 'C:\\dir\\"a"\nb'
    const text = metricsText({ ...status, config: { ...status.config, source } })
    expect(parse(text).samples.find(({ name }) => name === "viaduct_config_info")?.labels).toEqual({
      hash: "9f2c",
      source
    })
  })

  test("are each declared once, with the suffix that their type asks for", () => {
    const names = metricDeclarations.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    for (const { name, type } of metricDeclarations)
      expect([name, type === "counter"]).toEqual([name, name.endsWith("_total")])
  })

  test("are served as text of version 0.0.4", async () => {
    const response = await createApp(fakeNode(status), { now: () => NOW }).request("/metrics")
    expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8")
    expect(await response.text()).toBe(metricsText(status))
  })
})
