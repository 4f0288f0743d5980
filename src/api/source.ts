// Where the API gets what it shows: the status of one node, now and whenever it changes. In the daemon the
// node is this process; in a worker it is somewhere else and may be away, which is an answer too and not a
// crash.
import type { ConfigSnapshot } from "../config/objects.ts"
import type { ApiObject, ResourceKind } from "../resources/kind.ts"
import type { NodeStatus } from "../resources/nodeStatus.ts"

export interface NodeSource {
  /** The status as it is now. Rejects with NodeUnavailable where the node does not answer. */
  status(): Promise<NodeStatus>
  /** The status as it is now and then each time that something in it changed, until `signal` aborts. */
  changes(signal: AbortSignal): AsyncIterable<NodeStatus>
  /** The config that the node runs; another one whenever `config.revision` or `config.hash` of the status is. */
  config(): Promise<ConfigSnapshot>
  /**
   * The objects of each kind, where they come from more than one node: as they were when `status` was answered or `changes` told last.
   * Absent: they are those of the status and its config.
   */
  resources?(): Promise<(kind: ResourceKind) => ReadonlyArray<ApiObject>>
}

/** The node cannot be asked. The message says which node and why; it is shown to whoever asked. */
export class NodeUnavailable extends Error {
  readonly _tag = "NodeUnavailable"
}
