// What a console knows of the nodes that it shows: those that answer, with what they say, by cluster, and those that do not. Pure. In a
// cluster the node with the newest config leads: documents are shown as it has them, and changes of the config go to it.
import type { ConfigSnapshot } from "../../config/objects.ts"
import { stableUid } from "../../resources/kind.ts"
import type { EventRecord, NodeStatus } from "../../resources/nodeStatus.ts"

/** A node that answers. */
export interface SeenNode {
  readonly url: string
  readonly status: NodeStatus
  readonly config: ConfigSnapshot
}

/** A node that does not. */
export interface AwayNode {
  readonly url: string
  /** Why, for people. */
  readonly why: string
  /** RFC 3339. */
  readonly since: string
  /** What it said last; absent: it has never answered. */
  readonly last?: NodeStatus
}

export interface SeenCluster {
  readonly name: string
  /** The one that leads comes first; none: the whole cluster is away. */
  readonly nodes: ReadonlyArray<SeenNode>
  readonly away: ReadonlyArray<AwayNode>
}

/** A name for a node that has never said one. */
export const nameOfUrl = (url: string): string => new URL(url).host.replaceAll(/[[\]]/g, "").replaceAll(":", "-")

export const nameOfAway = ({ url, last }: AwayNode): string => last?.node ?? nameOfUrl(url)

/**
 * The clusters in the order in which they were named. A node that has never answered counts to the only cluster there is, or to one without
 * a name.
 */
export const clustersOf = (
  seen: ReadonlyArray<SeenNode>,
  away: ReadonlyArray<AwayNode>
): ReadonlyArray<SeenCluster> => {
  const names = [
    ...new Set([...seen.map(({ status }) => status.cluster), ...away.flatMap(({ last }) => last?.cluster ?? [])])
  ]
  const only = names.length === 1 ? names[0] : undefined
  const of = (node: AwayNode): string => node.last?.cluster ?? only ?? ""
  const all = new Set([...names, ...away.map(of)])
  return [...all].map((name) => ({
    name,
    nodes: seen.filter(({ status }) => status.cluster === name).sort((a, b) => b.config.revision - a.config.revision),
    away: away.filter((node) => of(node) === name)
  }))
}

export const awayText = ({ why, url }: AwayNode): string => `the console cannot ask it at ${url}: ${why}`

/** That a node does not answer, as something that happened. */
export const awayEvent = (away: AwayNode, cluster: string): EventRecord => ({
  uid: stableUid("fleet", cluster, "Event", away.url, away.since),
  type: "Warning",
  reason: "NodeUnreachable",
  message: awayText(away),
  about: { apiVersion: "v1", kind: "Node", namespace: "", name: nameOfAway(away) },
  count: 1,
  firstAt: away.since,
  lastAt: away.since
})
