// A whole valid cluster file in several documents, and edits of it: each test changes one thing and names what it changes.
import { expect } from "bun:test"
import { type ConfigResult, loadCluster } from "../../src/config/load.ts"

export const BASE = `apiVersion: baremetal.cluster.gke.io/v1
kind: Cluster
metadata:
  name: bm
  namespace: cluster-bm
spec:
  type: hybrid
  controlPlane:
    nodePoolSpec:
      nodes:
        - address: 10.0.1.10
          name: cp1
        - address: 10.0.1.11
  clusterNetwork:
    advancedNetworking: true
    services:
      cidrBlocks: [10.96.0.0/16]
  loadBalancer:
    mode: bundled
    type: bgp
    localASN: 65001
    bgpPeers:
      - ip: 10.8.0.10
        asn: 65002
      - ip: 10.8.0.11
        asn: 65002
    vips:
      controlPlaneVIP: 10.0.0.8
      ingressVIP: 10.0.0.1
    addressPools:
      - name: pool1
        addresses: [10.0.0.1-10.0.0.4]
---
apiVersion: networking.gke.io/v1
kind: NetworkGatewayGroup
metadata:
  name: default
  namespace: cluster-bm
spec:
  floatingIPs: [10.0.1.100, 10.0.1.101]
---
apiVersion: networking.gke.io/v1
kind: BGPLoadBalancer
metadata:
  name: default
spec:
  peerSelector:
    use: "yes"
---
apiVersion: networking.gke.io/v1
kind: BGPPeer
metadata:
  name: a
  labels:
    use: "yes"
spec:
  localASN: 65001
  peerASN: 65002
  peerIP: 10.9.0.1
  sessions: 2
---
apiVersion: networking.gke.io/v1
kind: BGPPeer
metadata:
  name: b
  labels:
    use: "yes"
spec:
  localASN: 65001
  peerASN: 65002
  peerIP: 10.9.0.2
  sessions: 2
`

export type Edit = readonly [from: string, to: string]

/** BASE with each `from`, which must be there, replaced once. */
export const edited = (...edits: ReadonlyArray<Edit>): string =>
  edits.reduce((text, [from, to]) => {
    expect(text).toContain(from)
    return text.replace(from, () => to)
  }, BASE)

export const load = (text: string): ConfigResult => loadCluster([{ path: "c.yaml", text }])
