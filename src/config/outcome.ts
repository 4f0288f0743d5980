// What became of a change of the config that somebody asked for (change.ts). Every refusal is a value with its reason.
import type { ClusterChange, Guard } from "../plan/change.ts"
import type { ConfigObject } from "./objects.ts"
import type { Problem } from "./problem.ts"

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
