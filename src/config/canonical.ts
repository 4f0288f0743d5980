// The canonical form of a desired cluster and its hash: equal meaning, equal text, whatever the order of keys,
// documents and lists that are sets, and whether a default is written out or not (I5: applying it again changes
// nothing). Lists whose order means something, pools and their ranges, keep it. What nothing is planned from is
// not part of it, and how a daemon runs (DaemonConfig) is not either: nodes may differ in that.

import type { AddressPool, LabelSelector } from "../ipam/types.ts"
import { serviceKey } from "../ipam/types.ts"
import { hash64 } from "../net/hash.ts"
import type { DesiredCluster, PeerOptions, ServicePeer } from "../plan/desired.ts"
import { resolvePeerOptions, SERVICE_RESTART_TIME } from "../plan/peerDefaults.ts"
import { byText, stableJson } from "./stableJson.ts"

const asSet = (texts: ReadonlyArray<string>): ReadonlyArray<string> => [...new Set(texts)].sort()

const peerOptions = <P extends PeerOptions>(peer: P) => {
  const resolved = resolvePeerOptions(peer)
  return {
    ...peer,
    ...resolved,
    communities: asSet(peer.communities ?? []),
    largeCommunities: asSet(peer.largeCommunities ?? [])
  }
}

const servicePeer = (peer: ServicePeer) => ({
  ...peerOptions(peer),
  gracefulRestartTime: peer.gracefulRestartTime ?? SERVICE_RESTART_TIME
})

const selector = ({ matchLabels = {}, matchExpressions = [] }: LabelSelector) => ({
  matchLabels,
  matchExpressions: byText(
    matchExpressions.map((expression) => ({ ...expression, values: asSet(expression.values ?? []) })),
    stableJson
  )
})

const pool = (one: AddressPool) => ({
  ...one,
  ...(one.namespaces === undefined ? {} : { namespaces: asSet(one.namespaces) }),
  ...(one.namespaceSelector === undefined ? {} : { namespaceSelector: selector(one.namespaceSelector) }),
  ...(one.serviceSelector === undefined ? {} : { serviceSelector: selector(one.serviceSelector) })
})

/** The one text of everything that means the same as `cluster`: JSON with keys and sets in order. */
export const canonicalForm = (cluster: DesiredCluster): string => {
  const lb = cluster.loadBalancer
  const nodes = (list: DesiredCluster["workerNodes"]) => byText(list, (node) => node.address)
  return stableJson({
    ...cluster,
    loadBalancer: {
      ...lb,
      controlPlaneVips: asSet(lb.controlPlaneVips),
      ingressVips: asSet(lb.ingressVips),
      nodes: nodes(lb.nodes),
      pools: lb.pools.map(pool),
      controlPlanePeers: byText(
        lb.controlPlanePeers.map((peer) => ({
          ...peerOptions(peer),
          ...(peer.controlPlaneNodes === undefined ? {} : { controlPlaneNodes: asSet(peer.controlPlaneNodes) })
        })),
        (peer) => `${peer.ip} ${peer.port}`
      )
    },
    controlPlaneNodes: nodes(cluster.controlPlaneNodes),
    workerNodes: nodes(cluster.workerNodes),
    serviceCidrs: asSet(cluster.serviceCidrs),
    floatingIps: asSet(cluster.floatingIps),
    servicePeers: byText(cluster.servicePeers.map(servicePeer), (peer) => peer.name),
    services: byText(
      cluster.services.map((service) => ({ ...service, addresses: asSet(service.addresses) })),
      serviceKey
    ),
    endpoints: byText(
      cluster.endpoints.map((entry) => ({ ...entry, nodes: asSet(entry.nodes) })),
      (entry) => entry.service
    )
  })
}

/** Sixteen hex digits that name a canonical form. */
export const hashOf = (canonical: string): string => hash64(canonical).toString(16).padStart(16, "0")
