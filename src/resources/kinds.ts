// Every kind that people can look at, and how a word that somebody typed finds its kind. A new kind is one
// declaration in a file of its own and one entry here: the API serves it, discovery lists it and the commands know
// it.
import { type ConfigSnapshot, emptySnapshot } from "../config/objects.ts"
import { bgpAdvertisedRoute } from "./bgpAdvertisedRoute.ts"
import { bgpReceivedRoute } from "./bgpReceivedRoute.ts"
import { bgpSession } from "./bgpSession.ts"
import { configRevision } from "./configRevision.ts"
import { bgpLoadBalancer } from "./documents/bgpLoadBalancer.ts"
import { bgpPeer } from "./documents/bgpPeer.ts"
import { cluster } from "./documents/cluster.ts"
import { namespace } from "./documents/namespace.ts"
import { networkGatewayGroup } from "./documents/networkGatewayGroup.ts"
import { clusterCidrConfig, daemonConfig, endpointSlice, nodePool } from "./documents/plain.ts"
import { service } from "./documents/service.ts"
import { event } from "./event.ts"
import { floatingIp } from "./floatingIp.ts"
import { type ApiObject, qualified, type ResourceKind } from "./kind.ts"
import { node } from "./node.ts"
import type { NodeStatus } from "./nodeStatus.ts"
import { pod } from "./pod.ts"

export const allKinds: ReadonlyArray<ResourceKind> = [
  bgpSession,
  bgpAdvertisedRoute,
  bgpReceivedRoute,
  networkGatewayGroup,
  bgpLoadBalancer,
  bgpPeer,
  floatingIp,
  configRevision,
  daemonConfig,
  cluster,
  nodePool,
  clusterCidrConfig,
  service,
  node,
  pod,
  namespace,
  event,
  endpointSlice
]

/** The objects of `kind` on a node, in the order in which they are shown, without a resourceVersion. */
export const listResources = <O extends ApiObject>(
  kind: ResourceKind<O>,
  status: NodeStatus,
  config: ConfigSnapshot = emptySnapshot
): ReadonlyArray<O> => kind.derive(status, config)

/** Every word for a kind, in lower case: plural, singular, short names, each with or without its group. */
const wordsFor = (kind: ResourceKind): ReadonlyArray<string> => {
  const words = [kind.plural, kind.singular, ...kind.shortNames]
  return [...words, ...words.map((word) => qualified(word, kind))]
}

/** The kind that `word` names, in any case, or undefined. */
export const findKind = (word: string): ResourceKind | undefined =>
  allKinds.find((kind) => wordsFor(kind).includes(word.toLowerCase()))

/** The plural that is closest to a misspelt `word`, or undefined where nothing is close enough to be meant. */
export const nearestKind = (word: string): string | undefined => {
  const typed = word.toLowerCase()
  const distances = allKinds.flatMap((kind) =>
    [kind.plural, kind.singular].map((name) => ({ plural: kind.plural, distance: editDistance(typed, name) }))
  )
  const best = distances.sort((a, b) => a.distance - b.distance)[0]
  return best !== undefined && best.distance <= Math.max(1, Math.floor(typed.length / 3)) ? best.plural : undefined
}

/** Levenshtein's distance: the fewest insertions, deletions and replacements of a character from `a` to `b`. */
const editDistance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1]
    for (let j = 0; j < b.length; j++) {
      const replace = (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1)
      next.push(Math.min(replace, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
