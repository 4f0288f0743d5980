// The cluster file of a stage as a value: what a test is about stands in the test, everything else has a default. Nodes are those
// of the topology `oneRack`: 10.0.1.10, .11, … on the hosts node-01, node-02, ….
import { CLUSTER_ASN, ROUTER, ROUTER_ASN } from "../scenario.ts"

export const FLOATING_IPS = ["10.0.1.100", "10.0.1.101"] as const
/** Seconds; long enough that sessions fall only when something ends them. */
export const HOLD_TIME = 9

export interface ServiceSpec {
  readonly name: string
  readonly namespace?: string
  readonly ports?: ReadonlyArray<{ readonly port: number; readonly protocol?: "TCP" | "UDP" }>
  readonly annotations?: Readonly<Record<string, string>>
  /** More fields of the spec. */
  readonly spec?: Readonly<Record<string, unknown>>
  /** Names of the nodes with an endpoint; absent: no EndpointSlice. */
  readonly endpoints?: ReadonlyArray<string>
}

export interface PoolSpec {
  readonly name: string
  readonly addresses: ReadonlyArray<string>
  readonly [more: string]: unknown
}

export interface FileSpec {
  /** Absent: the source's default, which is layer2. */
  readonly type?: "bgp" | "layer2"
  readonly clusterType?: "admin" | "hybrid"
  /** How many nodes the file has. Default 2. */
  readonly nodes?: number
  /** Hosts that are load-balancer nodes; absent: the control-plane nodes. */
  readonly lbNodes?: ReadonlyArray<string>
  /** Hosts that are control-plane nodes; default all. */
  readonly cpNodes?: ReadonlyArray<string>
  readonly vip?: string | ReadonlyArray<string>
  readonly ingressVip?: string
  readonly pools?: ReadonlyArray<PoolSpec>
  readonly services?: ReadonlyArray<ServiceSpec>
  /** More fields of the control-plane peers, which are there in BGP mode. */
  readonly controlPlanePeer?: Readonly<Record<string, unknown>>
  readonly floatingIps?: ReadonlyArray<string>
  /** BGPPeers, with a BGPLoadBalancer that selects all of them. */
  readonly peers?: ReadonlyArray<Readonly<Record<string, unknown>>>
  /** `spec` of a DaemonConfig. */
  readonly daemon?: Readonly<Record<string, unknown>>
  readonly dualStack?: boolean
}

const namespace = "cluster-bm"
const labels = { serves: "services" }

/** node-01 is 10.0.1.10. */
export const nodeAddress = (host: string): string => `10.0.1.${9 + Number(host.slice(-2))}`
export const nodeAddress6 = (host: string): string => `2001:db8:1::${9 + Number(host.slice(-2))}`

export const hostNames = (count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, index) => `node-0${index + 1}`)

const entries = (hosts: ReadonlyArray<string>) => hosts.map((host) => ({ address: nodeAddress(host), name: host }))

const clusterDocument = (file: FileSpec): object => {
  const hosts = hostNames(file.nodes ?? 2)
  const bgp = file.type === "bgp"
  return {
    apiVersion: "baremetal.cluster.gke.io/v1",
    kind: "Cluster",
    metadata: { name: "bm", namespace },
    spec: {
      type: file.clusterType ?? "hybrid",
      controlPlane: { nodePoolSpec: { nodes: entries(file.cpNodes ?? hosts) } },
      clusterNetwork: {
        advancedNetworking: true,
        services: { cidrBlocks: ["10.96.0.0/16", ...(file.dualStack === true ? ["fd00:96::/112"] : [])] }
      },
      loadBalancer: {
        mode: "bundled",
        ...(file.type === undefined ? {} : { type: file.type }),
        ...(bgp ? { localASN: CLUSTER_ASN } : {}),
        ...(bgp
          ? {
              bgpPeers: [
                { ip: ROUTER, asn: ROUTER_ASN, holdTime: HOLD_TIME, connectRetryTime: 1, ...file.controlPlanePeer }
              ]
            }
          : {}),
        vips: {
          controlPlaneVIP: file.vip ?? (bgp ? "10.0.0.8" : "10.0.1.200"),
          ...(file.ingressVip === undefined ? {} : { ingressVIP: file.ingressVip })
        },
        ...(file.lbNodes === undefined ? {} : { nodePoolSpec: { nodes: entries(file.lbNodes) } }),
        addressPools: file.pools ?? []
      }
    }
  }
}

const serviceDocuments = (service: ServiceSpec): ReadonlyArray<object> => {
  const { name, namespace: own = "default", annotations = {}, ports = [{ port: 8443 }], endpoints } = service
  const owner = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: own, annotations },
    spec: { type: "LoadBalancer", ports: ports.map((one) => ({ name: `p${one.port}`, ...one })), ...service.spec }
  }
  if (endpoints === undefined) return [owner]
  const slice = {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: `${name}-1`, namespace: own, labels: { "kubernetes.io/service-name": name } },
    addressType: "IPv4",
    endpoints: endpoints.map((nodeName, index) => ({
      addresses: [`192.168.0.${index + 1}`],
      nodeName,
      conditions: { ready: true }
    })),
    ports
  }
  return [owner, slice]
}

const networking = (kind: string, metadata: object, spec: object): object => ({
  apiVersion: "networking.gke.io/v1",
  kind,
  metadata: { namespace, ...metadata },
  spec
})

const peerDocument = (peer: Readonly<Record<string, unknown>>, index: number): object =>
  networking(
    "BGPPeer",
    { name: `peer-${index + 1}`, labels },
    {
      localASN: CLUSTER_ASN,
      peerASN: ROUTER_ASN,
      peerIP: ROUTER,
      sessions: 2,
      holdTime: HOLD_TIME,
      connectRetryTime: 1,
      ...peer
    }
  )

/** The text of the file, JSON documents one after the other. */
export const fileText = (file: FileSpec): string => {
  const { floatingIps = [], peers = [], services = [], daemon } = file
  const cidrs = {
    ipv4: { cidr: "192.168.0.0/16", perNodeMaskSize: 24 },
    ipv6: { cidr: "fd00:192::/112", perNodeMaskSize: 120 }
  }
  const pods = {
    apiVersion: "baremetal.cluster.gke.io/v1alpha1",
    kind: "ClusterCIDRConfig",
    metadata: { name: "pods", namespace },
    spec: cidrs
  }
  return [
    clusterDocument(file),
    ...(file.dualStack === true ? [pods] : []),
    ...(daemon === undefined ? [] : [{ apiVersion: "viaduct.dev/v1", kind: "DaemonConfig", spec: daemon }]),
    ...(floatingIps.length === 0
      ? []
      : [networking("NetworkGatewayGroup", { name: "default" }, { floatingIPs: floatingIps })]),
    ...(peers.length === 0 ? [] : [networking("BGPLoadBalancer", { name: "default" }, { peerSelector: labels })]),
    ...peers.map(peerDocument),
    ...services.flatMap(serviceDocuments)
  ]
    .map((one) => JSON.stringify(one, undefined, 1))
    .join("\n---\n")
}
