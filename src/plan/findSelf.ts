// Which node of the cluster file this is: the one that somebody names, otherwise the one whose address is
// configured here. No guess: none or several is an answer with a reason that lists what the file knows (I9).
import { type Address, parseAddress } from "../net/ip.ts"
import type { ClusterNode, DesiredCluster } from "./desired.ts"

/** Every machine of the file once. */
export const allNodes = (cluster: DesiredCluster): ReadonlyArray<ClusterNode> => {
  const entries = [...cluster.controlPlaneNodes, ...cluster.workerNodes, ...cluster.loadBalancer.nodes]
  return [...new Map(entries.map((node) => [node.address, node])).values()]
}

const label = (node: ClusterNode): string =>
  node.name === node.address ? node.address : `${node.name} (${node.address})`

const list = (nodes: ReadonlyArray<ClusterNode>): string => nodes.map(label).join(", ")

/**
 * `node` is a name or an address given by hand and decides alone; without it the local `addresses` are looked up
 * among the nodes of the file.
 */
export const findSelf = (
  cluster: DesiredCluster,
  hints: { readonly node?: string; readonly addresses: ReadonlyArray<Address> }
): { readonly node: ClusterNode } | { readonly reason: string } => {
  const nodes = allNodes(cluster)
  if (hints.node !== undefined) {
    const address = parseAddress(hints.node)
    const node = nodes.find((n) => n.name === hints.node) ?? nodes.find((n) => n.address === address)
    return node === undefined ? { reason: `the file names no node ${hints.node}; it has ${list(nodes)}` } : { node }
  }
  const here = nodes.filter((node) => hints.addresses.includes(node.address))
  const [only, another] = here
  if (only === undefined) return { reason: `no address of this machine is a node of the file; it has ${list(nodes)}` }
  if (another !== undefined)
    return { reason: `this machine has the addresses of several nodes: ${list(here)}; name one` }
  return { node: only }
}
