// What a node does for those who may write: the other half of NodeSource. In the daemon it is this process; a console forwards it to
// the node. Every refusal is a value with its reason. Nothing here knows HTTP or who may do what: that is settled before.
import type { ApplyRequest, ConfigChange } from "../config/change.ts"
import type { ApplyOutcome, Done, StageProgress } from "../config/outcome.ts"
import type { ExplainQuestion, Explanation } from "../explain/types.ts"
import type { LogQuery } from "../observe/LogRing.ts"
import type { TraceRecord } from "../observe/trace.ts"
import type { PreflightNode } from "../preflight/protocol.ts"

export type { ApplyOutcome, Done, StageProgress } from "../config/outcome.ts"

/** Changes of the config. */
export interface ConfigControl {
  apply(request: ApplyRequest): Promise<ApplyOutcome>
  /** The same one peer at a time; ends with the last step, or at the first that fails. */
  stage(
    request: Omit<ApplyRequest, "change"> & { readonly change: Extract<ConfigChange, { type: "files" }> },
    signal: AbortSignal
  ): AsyncIterable<StageProgress>
  /** Keeps a change that waits for it. */
  confirm(by: string): Promise<Done>
  /** The documents of a revision as YAML; 0 means the one in force. Undefined: not kept any more. */
  documents(revision: number): Promise<string | undefined>
  /** Reads the local file again. */
  reload(force: boolean): Promise<Done>
}

/** Everything that a node can be asked to do; what is absent is not served here. */
export interface NodeControl {
  readonly config?: ConfigControl
  /** Takes a node out of service or back: no next hop, no floating IP. What no other node takes over needs `force`. */
  readonly drain?: (node: string, on: boolean, by: string, force?: boolean) => Promise<Done>
  /** The lines of this daemon's log, with their times in milliseconds since 1970. */
  readonly logs?: (
    query: LogQuery,
    signal: AbortSignal
  ) => AsyncIterable<{ readonly at: number; readonly text: string }>
  readonly explain?: (question: ExplainQuestion) => Promise<Explanation>
  /** The messages that are kept, oldest first, and with `follow` those to come. `session`: a session's name or a peer's address. */
  readonly trace?: (
    filter: { readonly session?: string; readonly follow: boolean },
    signal: AbortSignal
  ) => AsyncIterable<TraceRecord>
  /** Works for a preflight. */
  readonly preflight?: PreflightNode
}
