// A cluster of three nodes in two racks with two routers and two floating IPs, and what its nodes say of themselves.
import { loadCluster } from "../../src/config/load.ts"
import type { DesiredCluster } from "../../src/plan/desired.ts"
import { allNodes } from "../../src/plan/findSelf.ts"
import type { PreflightNodeState } from "../../src/preflight/nodes.ts"
import { type PreflightOptions, preflightPlan } from "../../src/preflight/plan.ts"
import type { Facts } from "../../src/preflight/protocol.ts"
import type { Check } from "../../src/preflight/types.ts"
import { type ClusterSpec, clusterText } from "../interop/preflight/stage.ts"

export const cluster = (spec: ClusterSpec = {}): DesiredCluster => {
  const { cluster, problems } = loadCluster([{ path: "cluster.yaml", text: clusterText(spec) }])
  if (cluster === undefined) throw new Error(JSON.stringify(problems))
  return cluster
}

export const facts = (address: string, more: Partial<Facts> = {}): Facts => ({
  kind: "agent",
  hostname: `host-${address}`,
  version: "0.1.0",
  kernel: "6.1.0",
  clockMs: 0,
  addresses: [
    { address: "127.0.0.1" as Facts["addresses"][number]["address"], prefixLength: 8, interface: "lo", ours: false },
    { address: address as Facts["addresses"][number]["address"], prefixLength: 24, interface: "eth0", ours: false }
  ],
  interfaces: [
    { name: "lo", mac: "00:00:00:00:00:00", up: true, mtuOctets: 65536 },
    {
      name: "eth0",
      mac: `02:00:${address
        .split(".")
        .map((n) => Number(n).toString(16).padStart(2, "0"))
        .join(":")}`,
      up: true,
      mtuOctets: 1500
    }
  ],
  rights: ["NET_BIND_SERVICE", "NET_ADMIN", "NET_RAW"],
  support: ["tcp-md5", "ipv6"],
  bgpListeners: [],
  bgpConnections: [],
  ...more
})

/** Every node answers, with the differences given by its name; "silent" nodes do not. */
export const states = (
  of: DesiredCluster,
  differences: Readonly<Record<string, Partial<Facts> | "silent">> = {},
  aheadMs: Readonly<Record<string, number>> = {}
): ReadonlyArray<PreflightNodeState> =>
  allNodes(of).map((node) => {
    const difference = differences[node.name]
    const url = `https://${node.address}:7180`
    if (difference === "silent") return { node, url, answer: { type: "silent", reason: "connection refused" } }
    const answer = {
      type: "facts",
      facts: facts(node.address, difference),
      aheadMs: aheadMs[node.name] ?? 0,
      uncertainMs: 2
    } as const
    return { node, url, answer }
  })

const options: PreflightOptions = { version: "0.1.0", nodes: [], peers: [], skip: [], etcd: [] }

export const planned = (
  of: DesiredCluster = cluster(),
  differences: Readonly<Record<string, Partial<Facts> | "silent">> = {},
  more: Partial<PreflightOptions> = {}
): ReadonlyArray<Check> => preflightPlan(of, states(of, differences), { ...options, ...more })

export const byId = (checks: ReadonlyArray<Check>, id: string): Check => {
  const found = checks.find((check) => check.id === id)
  if (found === undefined) throw new Error(`no ${id} among\n${checks.map((check) => check.id).join("\n")}`)
  return found
}

/** The sentences of a check that is judged without asking anybody, each with its severity. */
export const judged = (checks: ReadonlyArray<Check>, id: string): ReadonlyArray<string> => {
  const { task } = byId(checks, id)
  if (task.type !== "judged") throw new Error(`${id} is ${task.type}`)
  return task.findings.map(({ severity, text }) => `${severity}: ${text}`)
}
