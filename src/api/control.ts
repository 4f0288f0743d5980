// What a node does for those who may write: the other half of NodeSource. In the daemon it is this process; a console forwards it to
// the node. Every refusal is a value with its reason. Nothing here knows HTTP or who may do what: that is settled before.
import type { ApplyRequest, ConfigChange } from "../config/change.ts"
import type { ConfigObject } from "../config/objects.ts"
import type { Problem } from "../config/problem.ts"
import type { ExplainTarget, Explanation } from "../explain/types.ts"
import type { TraceRecord } from "../observe/trace.ts"
import type { ClusterChange, Guard } from "../plan/change.ts"

export type ApplyOutcome =
  | {
      /** `planned`: a dry run; `unchanged`: means the same as what is in force. */
      readonly outcome: "applied" | "unchanged" | "planned"
      readonly revision: number
      readonly change: ClusterChange
      /** Problems of severity warning. */
      readonly warnings: ReadonlyArray<Problem>
      /** The object that was put, as it is now. */
      readonly object?: ConfigObject
      /** The time by which it has to be confirmed (RFC 3339). */
      readonly confirmUntil?: string
    }
  /** What it asks for is no valid config; nothing changed (I5). */
  | { readonly outcome: "invalid"; readonly problems: ReadonlyArray<Problem> }
  /** The object is there already, is gone, or has changed since. */
  | { readonly outcome: "exists" | "not-found" | "conflict"; readonly reason: string }
  /** Needs `force`. */
  | { readonly outcome: "guarded"; readonly change: ClusterChange; readonly guards: ReadonlyArray<Guard> }
  /** Cannot be done here and now: recovery mode, no store, a change that waits to be confirmed. */
  | { readonly outcome: "refused"; readonly reason: string }

/** A step of a change that is made peer by peer (S20). */
export interface StageProgress {
  readonly step: number
  readonly steps: number
  /** `add peer 10.0.1.254`. */
  readonly what: string
  readonly state: "started" | "waiting" | "done" | "failed"
  /** What is waited for, or why it failed. */
  readonly detail: string
}

export interface Done {
  readonly done: boolean
  /** Why not, or what was done. */
  readonly reason: string
}

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
  /** Takes a node out of service or back: no next hop, no floating IP. */
  readonly drain?: (node: string, on: boolean, by: string) => Promise<Done>
  readonly explain?: (target: ExplainTarget) => Promise<Explanation>
  /** The messages that are kept, oldest first, and with `follow` those to come. `session`: a session's name or a peer's address. */
  readonly trace?: (
    filter: { readonly session?: string; readonly follow: boolean },
    signal: AbortSignal
  ) => AsyncIterable<TraceRecord>
}
