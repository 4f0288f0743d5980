// The port to what the nodes of a cluster agree on: keys with values, revisions, transactions, leases and a watch, as etcd has
// them (D4). Implemented by adapters/etcd, adapters/sqlite (one node, survives kill -9) and adapters/memory (simulation), held
// to one test suite. Keys are text below the cluster's own prefix ("nodes/node-01"); the adapter adds what stands before.
import { Context, type Effect, type Layer, Schema, type Scope } from "effect"
import type { EtcdSettings } from "../config/daemonSettings.ts"

/**
 * Why the store could not do it. `unreachable`: nobody answers in time, whether it was done is unknown. `lease-gone`: the lease
 * has ended. `refused`: the store answered no (credentials, quota); the message says what to do.
 */
export class StoreError extends Schema.TaggedError<StoreError>()("StoreError", {
  reason: Schema.Literals(["unreachable", "lease-gone", "refused"]),
  message: Schema.String
}) {}

export interface StoreEntry {
  readonly key: string
  readonly value: string
  /** Revision of the last change of this key. */
  readonly modRevision: number
  /** Revision at which it came to be. */
  readonly createRevision: number
  /** Absent: it stays until it is deleted. */
  readonly lease?: LeaseId
}

export type LeaseId = string

/** A condition of a transaction; `modRevision` 0 means that the key is not there. */
export interface StoreCondition {
  readonly key: string
  readonly modRevision: number
}

export type StoreOperation =
  | { readonly type: "put"; readonly key: string; readonly value: string; readonly lease?: LeaseId }
  | { readonly type: "delete"; readonly key: string }

export interface StoreTransaction {
  readonly when: ReadonlyArray<StoreCondition>
  /** At most 100. */
  readonly operations: ReadonlyArray<StoreOperation>
}

/** What a watcher is told. First comes a snapshot, and again whenever events in between were lost (compaction). */
export type StoreNews =
  | { readonly type: "snapshot"; readonly revision: number; readonly entries: ReadonlyArray<StoreEntry> }
  | { readonly type: "changes"; readonly revision: number; readonly changes: ReadonlyArray<StoreChange> }
  /** The connection to the store is gone; told also where it cannot be made at first. "regained" or a "snapshot" follows. */
  | { readonly type: "lost"; readonly why: string }
  /** The store answers again; nothing was lost: what happened meanwhile follows as "changes". */
  | { readonly type: "regained" }

export type StoreChange =
  | { readonly type: "put"; readonly entry: StoreEntry }
  | { readonly type: "delete"; readonly key: string }

export class ClusterStore extends Context.Service<
  ClusterStore,
  {
    readonly kind: "etcd" | "embedded" | "memory"
    /** For people: the endpoints without credentials, or the file. */
    readonly name: string
    /** All entries whose key starts with `prefix` ("" for all), as one consistent state. */
    readonly read: (
      prefix: string
    ) => Effect.Effect<{ readonly revision: number; readonly entries: ReadonlyArray<StoreEntry> }, StoreError>
    /** True: every condition held and everything was done, in one step. False: nothing was done. */
    readonly commit: (
      transaction: StoreTransaction
    ) => Effect.Effect<{ readonly done: boolean; readonly revision: number }, StoreError>
    /**
     * Tells `onNews` until the scope ends; keeps trying by itself. `onNews` is called in order and must not throw.
     * The events of one revision come together.
     */
    readonly watch: (prefix: string, onNews: (news: StoreNews) => void) => Effect.Effect<void, never, Scope.Scope>
    /** A lease that ends `seconds` after it was granted or last kept alive. */
    readonly grant: (seconds: number) => Effect.Effect<LeaseId, StoreError>
    /** Seconds that the store gives it from now. May be called again before the answer is there (a slow store). */
    readonly keepAlive: (lease: LeaseId) => Effect.Effect<number, StoreError>
    /** Ends the lease and deletes its keys. A lease that is gone is no error. */
    readonly revoke: (lease: LeaseId) => Effect.Effect<void, StoreError>
  }
>()("viaduct/ports/ClusterStore") {}

/** The port to the stores there are: where a daemon keeps its cluster's state is in its config, and so known only when it runs. */
export class ClusterStores extends Context.Service<
  ClusterStores,
  {
    /** An etcd that the nodes share; keys stand below one prefix for each cluster. */
    readonly etcd: (settings: EtcdSettings, cluster: string) => Layer.Layer<ClusterStore, StoreError>
    /** A store of this node alone, in its data directory. */
    readonly embedded: (directory: string) => Layer.Layer<ClusterStore, StoreError>
  }
>()("viaduct/ports/ClusterStores") {}
