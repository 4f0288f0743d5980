// The cluster of the proof as its file says it: three control-plane nodes that peer with two external routers, four
// load-balancer nodes, a floating IP for each rack, sessions to three external routers, and one dual-stack service whose
// addresses are the only ones of their pool.
import { CLUSTER_ASN, CONTROL_PLANE_PEERS, EXTERNALS, FLOATING_IPS, NODES } from "./network.ts"

export const SERVICE_VIPS = { ipv4: "203.0.113.10", ipv6: "2001:db8:f::10" } as const
const CONTROL_PLANE_VIP = "10.0.0.8"
/** Nodes that have control-plane sessions, and the routers that they have them with. */
export const CONTROL_PLANE = { nodes: NODES.slice(0, 3), peers: CONTROL_PLANE_PEERS } as const
export const LEASE_MS = 3_000
/** Longer than anything that is proved here takes: no bound is reached thanks to the hold timer. */
const HOLD_TIME = 9

const namespace = "cluster-bm"
const labels = { serves: "services" }

const documents = (): ReadonlyArray<object> => [
  {
    apiVersion: "baremetal.cluster.gke.io/v1",
    kind: "Cluster",
    metadata: { name: "bm", namespace },
    spec: {
      type: "hybrid",
      controlPlane: {
        nodePoolSpec: { nodes: CONTROL_PLANE.nodes.map(({ host, ipv4 }) => ({ address: ipv4, name: host })) }
      },
      clusterNetwork: {
        advancedNetworking: true,
        services: { cidrBlocks: ["10.96.0.0/16", "fd00::/112"] }
      },
      loadBalancer: {
        mode: "bundled",
        type: "bgp",
        localASN: CLUSTER_ASN,
        bgpPeers: CONTROL_PLANE.peers.map(({ ip, asn }) => ({ ip, asn, holdTime: HOLD_TIME, connectRetryTime: 1 })),
        vips: { controlPlaneVIP: CONTROL_PLANE_VIP },
        nodePoolSpec: { nodes: NODES.map(({ host, ipv4 }) => ({ address: ipv4, name: host })) },
        addressPools: [{ name: "one", addresses: [`${SERVICE_VIPS.ipv4}/32`, `${SERVICE_VIPS.ipv6}/128`] }]
      }
    }
  },
  {
    apiVersion: "baremetal.cluster.gke.io/v1alpha1",
    kind: "ClusterCIDRConfig",
    metadata: { name: "pods", namespace },
    spec: {
      ipv4: { cidr: "192.168.0.0/16", perNodeMaskSize: 24 },
      ipv6: { cidr: "2001:db8:ff::/112", perNodeMaskSize: 120 }
    }
  },
  {
    apiVersion: "networking.gke.io/v1",
    kind: "NetworkGatewayGroup",
    metadata: { name: "default", namespace },
    spec: { floatingIPs: FLOATING_IPS }
  },
  {
    apiVersion: "networking.gke.io/v1",
    kind: "BGPLoadBalancer",
    metadata: { name: "default", namespace },
    spec: { peerSelector: labels }
  },
  ...EXTERNALS.map(({ host, ip, asn }) => ({
    apiVersion: "networking.gke.io/v1",
    kind: "BGPPeer",
    metadata: { name: host, namespace, labels },
    spec: {
      localASN: CLUSTER_ASN,
      peerASN: asn,
      peerIP: ip,
      sessions: FLOATING_IPS.length,
      holdTime: HOLD_TIME,
      connectRetryTime: 1
    }
  })),
  {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "default" },
    spec: {
      type: "LoadBalancer",
      ipFamilyPolicy: "RequireDualStack",
      ipFamilies: ["IPv4", "IPv6"],
      ports: [{ name: "web", port: 8443, protocol: "TCP" }]
    }
  }
]

/** The text of the file. JSON is YAML. */
export const clusterText = (): string =>
  documents()
    .map((one) => JSON.stringify(one, undefined, 2))
    .join("\n---\n")
