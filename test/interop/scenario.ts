// The shortest way to an interop test: one node, one router, one wire, and a cluster file of one control-plane node. Timers
// are as short as RFC 4271 allows, so that a fault shows within seconds.
import type { PeerOptions } from "../../src/plan/desired.ts"
import { Lab } from "../lab/Lab.ts"
import { type MakeName, startRouter } from "../lab/routers/index.ts"
import type { Router, RouterNeighbor, RouterSpec } from "../lab/routers/Router.ts"
import { pair } from "../lab/topology.ts"
import { Daemon } from "./Daemon.ts"

export const NODE = "10.0.1.10"
export const NODE_V6 = "2001:db8:1::10"
export const ROUTER = "10.0.1.254"
export const ROUTER_V6 = "2001:db8:1::254"
export const VIP = "10.0.0.8"
export const VIP_V6 = "2001:db8::8"
export const CLUSTER_ASN = 65001
export const ROUTER_ASN = 65010

export interface ClusterPeer extends PeerOptions {
  readonly ip: string
  readonly asn: number
}

export interface ClusterSpec {
  /** Control-plane nodes; default the one of `pair()`. */
  readonly nodes?: ReadonlyArray<string>
  readonly localAsn?: number
  readonly peers?: ReadonlyArray<ClusterPeer>
  readonly vip?: string | ReadonlyArray<string>
}

/** The text of a cluster file. JSON is YAML. */
export const clusterFile = (spec: ClusterSpec): string =>
  JSON.stringify(
    {
      apiVersion: "baremetal.cluster.gke.io/v1",
      kind: "Cluster",
      metadata: { name: "bm", namespace: "cluster-bm" },
      spec: {
        type: "hybrid",
        controlPlane: { nodePoolSpec: { nodes: (spec.nodes ?? [NODE]).map((address) => ({ address })) } },
        clusterNetwork: { advancedNetworking: true },
        loadBalancer: {
          mode: "bundled",
          type: "bgp",
          localASN: spec.localAsn ?? CLUSTER_ASN,
          bgpPeers: (spec.peers ?? [{ ip: ROUTER, asn: ROUTER_ASN }]).map((peer) => ({
            holdTime: 3,
            connectRetryTime: 1,
            ...peer
          })),
          vips: { controlPlaneVIP: spec.vip ?? VIP },
          ports: { controlPlaneLBPort: 443 }
        }
      }
    },
    undefined,
    2
  )

export interface Scenario extends AsyncDisposable {
  readonly lab: Lab
  readonly router: Router
  readonly daemon: Daemon
}

export interface ScenarioSpec {
  readonly cluster?: ClusterSpec | ((lab: Lab) => ClusterSpec)
  /** Differences from a router that waits for the node. */
  readonly router?: Partial<Omit<RouterSpec, "neighbors">>
  readonly neighbor?: Partial<RouterNeighbor>
  /** Called when the lab stands and nothing runs yet; for faults and files. */
  readonly prepare?: (lab: Lab) => Promise<unknown>
}

const routerSpec = (spec: ScenarioSpec): RouterSpec => ({
  host: "router",
  asn: ROUTER_ASN,
  routerId: ROUTER,
  ...spec.router,
  neighbors: [{ ip: NODE, asn: CLUSTER_ASN, ...spec.neighbor }]
})

/** Router first, then the daemon; both run, neither is waited for any further. */
export const scenario = async (make: MakeName, spec: ScenarioSpec = {}): Promise<Scenario> => {
  const lab = await Lab.create(pair())
  try {
    await spec.prepare?.(lab)
    const router = await startRouter(lab, make, routerSpec(spec))
    const cluster = typeof spec.cluster === "function" ? spec.cluster(lab) : (spec.cluster ?? {})
    const daemon = await Daemon.start(lab, { host: "node", config: { text: clusterFile(cluster) } })
    return { lab, router, daemon, [Symbol.asyncDispose]: () => lab.dispose() }
  } catch (error) {
    await lab.dispose()
    throw error
  }
}
