// The canonical form of a desired cluster and its hash: equal meaning, equal text, whatever the order of keys,
// documents and lists that are sets, and whether a default is written out or not (I5: applying it again changes
// nothing). Lists whose order means something, pools and their ranges, keep it. What nothing is planned from is
// not part of it.
import { hash64 } from "../net/hash.ts"
import type { DesiredCluster, PeerOptions } from "../plan/desired.ts"
import { resolvePeerOptions } from "../plan/peerDefaults.ts"

const byText = <T>(items: ReadonlyArray<T>, key: (item: T) => string): ReadonlyArray<T> =>
  items
    .map((item) => ({ item, key: key(item) }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ item }) => item)

const asSet = (texts: ReadonlyArray<string>): ReadonlyArray<string> => [...new Set(texts)].sort()

/** JSON with the keys of every object in order. */
const stableJson = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(stableJson).join(",")}]`
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null"
  const entries = Object.entries(value).filter(([, item]) => item !== undefined)
  return `{${byText(entries, ([key]) => key)
    .map(([key, item]) => `${JSON.stringify(key)}:${stableJson(item)}`)
    .join(",")}}`
}

const peerOptions = <P extends PeerOptions>(peer: P) => {
  const resolved = resolvePeerOptions(peer)
  return {
    ...peer,
    ...resolved,
    communities: asSet(peer.communities ?? []),
    largeCommunities: asSet(peer.largeCommunities ?? [])
  }
}

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
    servicePeers: byText(cluster.servicePeers.map(peerOptions), (peer) => peer.name)
  })
}

/** Sixteen hex digits that name a canonical form. */
export const hashOf = (canonical: string): string => hash64(canonical).toString(16).padStart(16, "0")
