// Routers of the rack as the peers of everything: control-plane sessions from the nodes' own addresses, service sessions from
// the floating IPs. tor-1 is at .254 and has the client behind it; `leaf` stands beside it at .253.
import type { Lab } from "../../lab/Lab.ts"
import { type MakeName, startRouter } from "../../lab/routers/index.ts"
import type { Router, RouterSpec } from "../../lab/routers/Router.ts"
import { oneRack, type Topology } from "../../lab/topology.ts"
import { CLUSTER_ASN, ROUTER, ROUTER_ASN } from "../scenario.ts"
import { FLOATING_IPS, HOLD_TIME, hostNames, nodeAddress } from "./file.ts"
import { TOR } from "./Stage.ts"

export const LEAF = "leaf"
export const LEAF_IP = "10.0.1.253"
export const LEAF_ASN = 65_011

/** The rack with a second router. */
export const rackWithLeaf = (nodes: number): Topology => [
  ...oneRack(nodes),
  {
    name: LEAF,
    role: "router",
    interfaces: [{ name: "eth0", segment: "rack1", addresses: [`${LEAF_IP}/24`, "2001:db8:1::253/64"] }],
    routes: []
  }
]

const ENDS = {
  [TOR]: { asn: ROUTER_ASN, routerId: ROUTER },
  [LEAF]: { asn: LEAF_ASN, routerId: LEAF_IP }
}

/** A router that anybody of the cluster may call, with additional paths where nothing else is said. */
export const startRackRouter = (
  lab: Lab,
  make: MakeName,
  nodes: number,
  host: keyof typeof ENDS = TOR,
  more: Partial<RouterSpec> = {}
): Promise<Router> =>
  startRouter(lab, make, {
    host,
    ...ENDS[host],
    addPath: true,
    holdTime: HOLD_TIME,
    neighbors: [...hostNames(nodes).map(nodeAddress), ...FLOATING_IPS].map((ip) => ({ ip, asn: CLUSTER_ASN })),
    ...more
  })

/** Next hops that a router holds for a prefix, by the session that they came over. */
export type NextHops = Readonly<Record<string, ReadonlyArray<string>>>

/** Waits until the router holds exactly these next hops for the prefix, by session; sessions without one are left out. */
export const holdsNextHops = (lab: Lab, router: Router, prefix: string, expected: NextHops, deadlineMs = 10_000) => {
  const text = (hops: NextHops): string =>
    Object.keys(hops)
      .sort()
      .map((neighbor) => `${neighbor}: ${[...(hops[neighbor] ?? [])].sort().join(" ")}`)
      .join("; ")
  const wanted = text(expected)
  return lab.until(
    async () => {
      const found: Record<string, Array<string>> = {}
      for (const { prefix: own, neighbor, nextHop } of await router.routes()) {
        if (own !== prefix) continue
        found[neighbor] = [...(found[neighbor] ?? []), nextHop]
      }
      if (text(found) !== wanted) throw new Error(`${prefix} over ${text(found)}`)
      return true as const
    },
    `${router.name} on ${router.spec.host} to hold ${prefix} over ${wanted}`,
    deadlineMs
  )
}
