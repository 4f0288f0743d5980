// What a router needs to know of the cluster, before any vendor's words: who calls it, and what they may announce. One value for
// one router (a peer address and port), made from the documents alone. Every peer is set up for all floating IPs, since any of
// them may call (S9); without service peers those of the control plane serve (S10). Rows S2, S3, S5, S8-S12.
import { type Address, type Family, familyOf, hostPrefix } from "../net/ip.ts"
import type { ControlPlanePeer, DesiredCluster, PeerOptions } from "../plan/desired.ts"
import { resolvePeerOptions } from "../plan/peerDefaults.ts"
import { servicePeersOf } from "../plan/servicePeers.ts"
import { familiesInUse } from "../plan/sessionParameters.ts"
import { type Accepted, coveringPrefixes } from "./prefixes.ts"

/** A speaker of the cluster, as the router sees it. */
export interface Neighbour {
  readonly address: Address
  /** AS of the cluster on this session. */
  readonly asn: number
  /** The router's own AS on this session; the same on all of a router's, or `notes` says so. */
  readonly routerAsn: number
  readonly purpose: "control-plane" | "service"
  /** A short word for it, `node 10.0.1.10` or `floating IP 10.0.1.100`. */
  readonly what: string
  /** Seconds, as the cluster offers it. */
  readonly holdTime: number
  readonly keepaliveTime: number
  /** The cluster waits for the router to call. */
  readonly routerCalls: boolean
  /** Hops (RFC 5082); absent: no GTSM. */
  readonly ttlSecurity?: number
  /** Where the nodes keep the TCP-MD5 key. */
  readonly passwordFile?: string
  /** It sends several paths for a prefix (RFC 7911). */
  readonly addPaths: boolean
}

export interface RouterModel {
  readonly cluster: string
  readonly router: Address
  readonly port: number
  readonly asn: number
  readonly neighbours: ReadonlyArray<Neighbour>
  readonly families: ReadonlyArray<Family>
  /** What each kind of session may announce, by family. */
  readonly accepted: Readonly<Record<Neighbour["purpose"], ReadonlyArray<Accepted>>>
  /** Next hops that one prefix may have. */
  readonly paths: number
  /** What the documents do not say, or cannot be had; for a comment in the config. */
  readonly notes: ReadonlyArray<string>
}

/** Addresses and ports of the routers that the documents name, in their order. */
export const routersOf = (cluster: DesiredCluster): ReadonlyArray<{ readonly ip: Address; readonly port: number }> => {
  const all = [
    ...cluster.loadBalancer.controlPlanePeers.map((peer) => ({ ip: peer.ip, port: resolvePeerOptions(peer).port })),
    ...(cluster.type === "admin"
      ? []
      : servicePeersOf(cluster).peers.map(({ peer, port }) => ({ ip: peer.peerIp, port })))
  ]
  return all.filter((one, i) => all.findIndex(({ ip, port }) => ip === one.ip && port === one.port) === i)
}

const shared = (options: PeerOptions) => {
  const { holdTime, keepaliveTime, passive, addPaths, ttlSecurity, passwordFile } = resolvePeerOptions(options)
  return {
    holdTime,
    keepaliveTime,
    routerCalls: passive,
    addPaths,
    ...(ttlSecurity === undefined ? {} : { ttlSecurity }),
    ...(passwordFile === undefined ? {} : { passwordFile })
  }
}

const controlPlaneNeighbours = (cluster: DesiredCluster, peer: ControlPlanePeer) => {
  const { localAsn } = cluster.loadBalancer
  const nodes = cluster.controlPlaneNodes.filter(({ address }) => peer.controlPlaneNodes?.includes(address) ?? true)
  const family = familyOf(peer.ip)
  const reachable = nodes.filter(({ address }) => familyOf(address) === family)
  const neighbours = reachable.map(
    ({ address, name }): Neighbour => ({
      address,
      asn: localAsn ?? 0,
      routerAsn: peer.asn,
      purpose: "control-plane",
      what: name === address ? `node ${address}` : `node ${name}`,
      ...shared(peer),
      addPaths: false
    })
  )
  const name = family === "ipv4" ? "IPv4" : "IPv6"
  const notes = nodes
    .filter(({ address }) => familyOf(address) !== family)
    .map((node) => `node ${node.name} calls from its ${name} address, which the cluster file does not have: add it`)
  return { neighbours: localAsn === undefined ? [] : neighbours, notes }
}

const serviceNeighbours = (cluster: DesiredCluster, router: Address, port: number): ReadonlyArray<Neighbour> =>
  servicePeersOf(cluster)
    .peers.filter(({ peer, port: own }) => peer.peerIp === router && own === port)
    .flatMap(({ peer }) =>
      cluster.floatingIps
        .filter((address) => familyOf(address) === familyOf(router))
        .map(
          (address): Neighbour => ({
            address,
            asn: peer.localAsn,
            routerAsn: peer.peerAsn,
            purpose: "service",
            what: `floating IP ${address}`,
            ...shared(peer)
          })
        )
    )

const acceptedBy = (cluster: DesiredCluster, families: ReadonlyArray<Family>): RouterModel["accepted"] => {
  const { controlPlaneVips, ingressVips, pools } = cluster.loadBalancer
  const inUse = ({ family }: Accepted): boolean => families.includes(family)
  const host = (address: Address): Accepted => ({ family: familyOf(address), prefix: hostPrefix(address) })
  const ranges = [...ingressVips.map((one) => ({ first: one, last: one })), ...pools.flatMap((pool) => pool.ranges)]
  return {
    "control-plane": controlPlaneVips.map(host).filter(inUse),
    service: coveringPrefixes(ranges).filter(inUse)
  }
}

/** What the router at `router` has to be told; `port` as the documents have it for that peer. */
export const routerModel = (cluster: DesiredCluster, router: Address, port: number): RouterModel => {
  const controlPlane = cluster.loadBalancer.controlPlanePeers
    .filter((peer) => peer.ip === router && resolvePeerOptions(peer).port === port)
    .map((peer) => controlPlaneNeighbours(cluster, peer))
  const neighbours = [
    ...controlPlane.flatMap((one) => one.neighbours),
    ...(cluster.type === "admin" ? [] : serviceNeighbours(cluster, router, port))
  ]
  const asns = [...new Set(neighbours.map(({ routerAsn }) => routerAsn))]
  const families = familiesInUse(cluster)
  return {
    cluster: cluster.name,
    router,
    port,
    asn: asns[0] ?? 0,
    neighbours: neighbours.filter(({ address }, i) => neighbours.findIndex((other) => other.address === address) === i),
    families,
    accepted: acceptedBy(cluster, families),
    paths: Math.max(2, cluster.controlPlaneNodes.length, cluster.loadBalancer.nodes.length),
    notes: [
      ...controlPlane.flatMap((one) => one.notes),
      ...(asns.length > 1 ? [`the documents give this router several AS numbers: ${asns.join(", ")}`] : []),
      ...(port === 179 ? [] : [`the cluster calls port ${port} and listens there: this router has to listen on it too`])
    ]
  }
}
