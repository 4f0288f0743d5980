// The network around the cluster of the proof: four nodes in two racks, three external routers of three makes that the floating
// IPs call from afar (ext-1 BIRD, ext-2 FRR, ext-3 GoBGP), and the routers of the racks, to which ext-1 passes everything on
// with its next hops unchanged. A client behind ext-1 reaches a service over two stages of kernel ECMP.
import type { Lab } from "../lab/Lab.ts"
import { startRouter } from "../lab/routers/index.ts"
import { familyOfText, type Router } from "../lab/routers/Router.ts"

export const CLUSTER_ASN = 65001
export const EXTERNALS = [
  { host: "ext-1", make: "bird", ip: "10.8.0.10", asn: 65008 },
  { host: "ext-2", make: "frr", ip: "10.8.0.11", asn: 65009 },
  { host: "ext-3", make: "gobgp", ip: "10.8.0.12", asn: 65010 }
] as const
/** Those that control-plane nodes have sessions with too. */
export const CONTROL_PLANE_PEERS = EXTERNALS.slice(0, 2)
const TORS = [
  { host: "tor-1", make: "frr", ip: "10.8.0.1", asn: 65101, rack: 1 },
  { host: "tor-2", make: "bird", ip: "10.8.0.2", asn: 65102, rack: 2 }
] as const

export const NODES = [
  { host: "node-01", ipv4: "10.0.1.10", ipv6: "2001:db8:1::10" },
  { host: "node-02", ipv4: "10.0.1.11", ipv6: "2001:db8:1::11" },
  { host: "node-03", ipv4: "10.0.2.10", ipv6: "2001:db8:2::10" },
  { host: "node-04", ipv4: "10.0.2.11", ipv6: "2001:db8:2::11" }
] as const
export const FLOATING_IPS = ["10.0.1.100", "10.0.2.100"] as const

/** A path identifier by a node: its IPv4 address read as a number (D9). */
export const pathIdOf = (ipv4: string): number => ipv4.split(".").reduce((id, octet) => id * 256 + Number(octet), 0)

export interface Network {
  /** ext-1, ext-2, ext-3. */
  readonly externals: ReadonlyArray<Router>
  readonly tors: ReadonlyArray<Router>
}

export interface NetworkSpec {
  /** The external routers receive additional paths. Default true. */
  readonly addPath?: boolean
  /** Seconds; what the external routers propose. Default 90: nothing here may need the hold timer. */
  readonly holdTime?: number
  /** Addresses that may call the control plane's peers. */
  readonly callers?: ReadonlyArray<string>
}

/** Starts the five routers; they wait for the cluster to call. */
export const startNetwork = async (lab: Lab, spec: NetworkSpec = {}): Promise<Network> => {
  const { addPath = true, holdTime = 90, callers = [] } = spec
  const controlPlane = CONTROL_PLANE_PEERS.map((one) => one.host)
  const speakers = (ips: ReadonlyArray<string>) => ips.map((ip) => ({ ip, asn: CLUSTER_ASN }))
  const [first] = EXTERNALS
  const externals = EXTERNALS.map(({ host, make, ip, asn }) => {
    const forwards = host === first.host
    const tors = TORS.map((tor) => ({ ip: tor.ip, asn: tor.asn, passive: false, passOn: true }))
    return startRouter(lab, make, {
      host,
      asn,
      routerId: ip,
      addPath,
      holdTime,
      gracefulRestart: true,
      installRoutes: forwards,
      neighbors: [
        ...speakers(FLOATING_IPS),
        ...(controlPlane.some((one) => one === host) ? speakers(callers) : []),
        ...(forwards ? tors : [])
      ]
    })
  })
  const tors = TORS.map(({ host, make, ip, asn, rack }) =>
    startRouter(lab, make, {
      host,
      asn,
      routerId: ip,
      addPath: true,
      installRoutes: true,
      acceptNextHops: [`10.0.${rack}.0/24`, `2001:db8:${rack}::/64`],
      neighbors: [{ ip: first.ip, asn: first.asn }]
    })
  )
  return { externals: await Promise.all(externals), tors: await Promise.all(tors) }
}

/** "10.0.0.8" as routers write it: with the length of a single address. */
export const hostPrefix = (address: string): string => `${address}/${familyOfText(address) === "ipv6" ? 128 : 32}`

/** Next hops that a router holds for an address, by the session that they came over; sorted. */
export const nextHopsBySession = async (
  router: Router,
  address: string
): Promise<Readonly<Record<string, ReadonlyArray<string>>>> => {
  const found: Record<string, Array<string>> = {}
  for (const { prefix, neighbor, nextHop } of await router.routes()) {
    if (prefix !== hostPrefix(address)) continue
    found[neighbor] = [...(found[neighbor] ?? []), nextHop].sort()
  }
  return found
}
