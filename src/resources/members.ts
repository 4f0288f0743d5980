// The nodes whose daemons are known to be alive: as the store has them, and this node in any case. A store that this node has for itself
// says nothing of other nodes, and where nothing in the config needs one it says nothing of this node either.
import type { MemberStatus, NodeStatus } from "./nodeStatus.ts"
import { readiness } from "./readiness.ts"

/** Whether this node would know of others that are alive. */
export const sharesStore = ({ store }: Pick<NodeStatus, "store">): boolean =>
  store !== undefined && store.kind !== "embedded"

/** This node's own record where the store has none of it. */
const ownRecord = (status: NodeStatus): MemberStatus => {
  const { ready, summary } = readiness(status)
  const established = status.sessions.filter(({ state }) => state === "Established").length
  return {
    name: status.node,
    address: status.address ?? "",
    version: status.version,
    configHash: status.config.hash,
    startedAt: status.startedAt,
    nextHops: {},
    leaving: false,
    drained: false,
    report: { ready, summary, sessions: { established, expected: status.sessions.length }, held: [] }
  }
}

/** Nodes that are alive as far as this one knows, itself among them. */
export const membersOf = (status: NodeStatus): ReadonlyArray<MemberStatus> =>
  status.members.some(({ name }) => name === status.node) ? status.members : [ownRecord(status), ...status.members]
