// A change of the config as somebody asks for it: one document, all of them, or a revision of before.
import type { ConfigFile } from "./load.ts"
import type { ObjectRef } from "./objects.ts"

export type ConfigChange =
  /** Makes the document be exactly this; `metadata` that only a server gives (uid, resourceVersion …) and `status` are left out. */
  | {
      readonly type: "put"
      readonly object: Readonly<Record<string, unknown>>
      /** It must not exist (create). */
      readonly ifAbsent?: true
      /** It must exist and still have this generation. */
      readonly ifGeneration?: number
    }
  | { readonly type: "delete"; readonly ref: ObjectRef; readonly ifGeneration?: number }
  /** The whole config becomes these files. */
  | { readonly type: "files"; readonly files: ReadonlyArray<ConfigFile> }
  | { readonly type: "rollback"; readonly to: number }

export interface ApplyRequest {
  readonly change: ConfigChange
  /** Who asks, for the history and the audit. */
  readonly by: string
  readonly message?: string
  /** Everything but the doing. */
  readonly dryRun?: boolean
  /** Also what a guard holds back. */
  readonly force?: boolean
  /** Taken back after so long unless somebody confirms it. */
  readonly confirmWithinSeconds?: number
  /** Peer by peer: how long each step may take until its sessions are Established; absent: a minute. */
  readonly stepSeconds?: number
}
