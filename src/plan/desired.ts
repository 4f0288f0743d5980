// The cluster as its documents want it, after parsing, defaults and validation: the one input of the planners that comes
// from people. Which document and line a value came from does not matter any more here.
import type { AddressPool, ServiceRequest } from "../ipam/types.ts"
import type { Address, Family, Prefix } from "../net/ip.ts"

/** A machine named in the cluster file. */
export interface ClusterNode {
  /** `name` where the file gives one, otherwise the address. */
  readonly name: string
  readonly address: Address
}

/** What can be said about a session to a peer; seconds, hops, attribute values. Absent: the default of the planner. */
export interface PeerOptions {
  /** Default 179. */
  readonly port?: number
  /** Default 90; 0 turns keepalives off; otherwise at least 3 (RFC 4271 4.2). */
  readonly holdTime?: number
  /** Default a third of the hold time. */
  readonly keepaliveTime?: number
  /** Default 5. */
  readonly connectRetryTime?: number
  /** Wait for the peer to connect. */
  readonly passive?: boolean
  /** File that holds the TCP-MD5 key (RFC 2385). */
  readonly passwordFile?: string
  /** GTSM (RFC 5082): the number of hops the peer is away; `true` in a file means 1. */
  readonly ttlSecurity?: number
  /** Seconds that the peer keeps our routes after a session that ended without a goodbye (RFC 4724); 0 turns it off. */
  readonly gracefulRestartTime?: number
  /** Offer several paths for a prefix (RFC 7911) on service sessions. Default true. */
  readonly addPaths?: boolean
  /** Sent with every route to this peer. */
  readonly communities?: ReadonlyArray<string>
  readonly largeCommunities?: ReadonlyArray<string>
  readonly med?: number
}

/** An entry of `loadBalancer.bgpPeers` (S5). */
export interface ControlPlanePeer extends PeerOptions {
  readonly ip: Address
  readonly asn: number
  /** Only these nodes peer with it; absent: all control-plane nodes. */
  readonly controlPlaneNodes?: ReadonlyArray<Address>
}

/** A BGPPeer document (S9). */
export interface ServicePeer extends PeerOptions {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly localAsn: number
  readonly peerAsn: number
  readonly peerIp: Address
  readonly sessions: number
}

/** Nodes on which a service has an endpoint that takes traffic (EndpointSlice), as the slices name them (L4). */
export interface ServiceEndpoints {
  /** `<namespace>/<name>`. */
  readonly service: string
  readonly nodes: ReadonlyArray<string>
}

export interface DesiredCluster {
  readonly name: string
  readonly namespace: string
  readonly type: "admin" | "user" | "hybrid" | "standalone"
  readonly loadBalancer: {
    /** `manual`: somebody else balances and nothing is planned. */
    readonly mode: "bundled" | "manual"
    readonly type: "bgp" | "layer2"
    /** Absent where no BGP is configured. */
    readonly localAsn?: number
    readonly controlPlaneVips: ReadonlyArray<Address>
    readonly ingressVips: ReadonlyArray<Address>
    readonly controlPlaneLbPort: number
    /** Interface that gets the VIPs; "none": they are announced only, somebody else puts them on the node. */
    readonly vipInterface: string
    readonly controlPlanePeers: ReadonlyArray<ControlPlanePeer>
    /** Where the file names none, the control-plane nodes (S1). */
    readonly nodes: ReadonlyArray<ClusterNode>
    readonly pools: ReadonlyArray<AddressPool>
  }
  readonly controlPlaneNodes: ReadonlyArray<ClusterNode>
  readonly workerNodes: ReadonlyArray<ClusterNode>
  /** `clusterNetwork.advancedNetworking` (S16). */
  readonly advancedNetworking: boolean
  readonly serviceCidrs: ReadonlyArray<Prefix>
  readonly serviceFamilies: ReadonlyArray<Family>
  readonly floatingIps: ReadonlyArray<Address>
  readonly servicePeers: ReadonlyArray<ServicePeer>
  readonly services: ReadonlyArray<ServiceRequest>
  /** One entry a service that has slices; a service without one has no known endpoint. */
  readonly endpoints: ReadonlyArray<ServiceEndpoints>
  /** Absent: there is no BGPLoadBalancer (S10). */
  readonly peerSelector?: Readonly<Record<string, string>>
}
