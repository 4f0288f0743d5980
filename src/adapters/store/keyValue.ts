// What etcd keeps, as a value: entries with the revisions of their first and last change, leases, transactions that depend
// on revisions, and the changes of the last revisions. A function takes one state and gives the next, with what changed.
// The embedded store and the simulated one are shells around it.
//
// Every transaction that changes something is one revision. A lease takes its keys with it, in one revision. History is
// bounded: who is further behind than it reaches gets a snapshot (etcd calls that compacted). Times are milliseconds of
// any clock that does not go back.
import { HashMap, Option } from "effect"
import type {
  LeaseId,
  StoreChange,
  StoreEntry,
  StoreNews,
  StoreOperation,
  StoreTransaction
} from "../../ports/ClusterStore.ts"
import { problemOf } from "./transaction.ts"

/** What happened in one revision. */
export type Revision = Extract<StoreNews, { type: "changes" }>

interface Lease {
  readonly id: LeaseId
  readonly ttlMs: number
  readonly deadlineMs: number
}

export interface KeyValue {
  readonly revision: number
  readonly entries: HashMap.HashMap<string, StoreEntry>
  readonly leases: HashMap.HashMap<LeaseId, Lease>
  /** Oldest first, at most `historyMax`. */
  readonly history: ReadonlyArray<Revision>
}

/** Revisions that are remembered. */
const historyMax = 1000

/** etcd begins with revision 1, too. */
export const emptyKeyValue: KeyValue = {
  revision: 1,
  entries: HashMap.empty(),
  leases: HashMap.empty(),
  history: []
}

/** The next state, and what it took to get there (nothing: the revision stays). */
export interface Step {
  readonly next: KeyValue
  readonly changes: ReadonlyArray<StoreChange>
}

const byKey = (a: StoreEntry, b: StoreEntry): number => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)

/** Entries below a prefix, by key. */
export const entriesBelow = (state: KeyValue, prefix: string): ReadonlyArray<StoreEntry> =>
  HashMap.toValues(state.entries)
    .filter(({ key }) => key.startsWith(prefix))
    .sort(byKey)

const entryAt = (state: KeyValue, key: string): StoreEntry | undefined =>
  Option.getOrUndefined(HashMap.get(state.entries, key))

const withRevision = (
  state: KeyValue,
  entries: KeyValue["entries"],
  changes: ReadonlyArray<StoreChange>,
  leases = state.leases
): Step => {
  if (changes.length === 0) return { next: { ...state, leases }, changes }
  const revision = state.revision + 1
  const history = [...state.history.slice(-(historyMax - 1)), { type: "changes" as const, revision, changes }]
  return { next: { revision, entries, leases, history }, changes }
}

const apply = (state: KeyValue, operations: ReadonlyArray<StoreOperation>): Step => {
  const modRevision = state.revision + 1
  const changes: Array<StoreChange> = []
  let entries = state.entries
  for (const operation of operations) {
    const { key } = operation
    const before = entryAt(state, key)
    if (operation.type === "delete") {
      if (before === undefined) continue
      entries = HashMap.remove(entries, key)
      changes.push({ type: "delete", key })
      continue
    }
    const { value, lease } = operation
    const createRevision = before?.createRevision ?? modRevision
    const entry = { key, value, modRevision, createRevision, ...(lease === undefined ? {} : { lease }) }
    entries = HashMap.set(entries, key, entry)
    changes.push({ type: "put", entry })
  }
  return withRevision(state, entries, changes)
}

export type Commit =
  | ({ readonly type: "done" } & Step)
  /** A condition did not hold. */
  | { readonly type: "not-done" }
  | { readonly type: "lease-gone"; readonly lease: LeaseId }
  | { readonly type: "refused"; readonly message: string }

/** All of the transaction, or nothing of it. Conditions come before leases, as in etcd. */
export const commit = (state: KeyValue, transaction: StoreTransaction): Commit => {
  const problem = problemOf(transaction)
  if (problem !== undefined) return { type: "refused", message: problem }
  const holds = transaction.when.every(
    ({ key, modRevision }) => (entryAt(state, key)?.modRevision ?? 0) === modRevision
  )
  if (!holds) return { type: "not-done" }
  for (const operation of transaction.operations) {
    if (operation.type !== "put" || operation.lease === undefined) continue
    if (!HashMap.has(state.leases, operation.lease)) return { type: "lease-gone", lease: operation.lease }
  }
  return { type: "done", ...apply(state, transaction.operations) }
}

export const grant = (state: KeyValue, id: LeaseId, seconds: number, nowMs: number): KeyValue => ({
  ...state,
  leases: HashMap.set(state.leases, id, { id, ttlMs: seconds * 1000, deadlineMs: nowMs + seconds * 1000 })
})

/** undefined: the lease is gone. A lease whose time is over lives until `expire` has looked, as in etcd. */
export const keepAlive = (
  state: KeyValue,
  id: LeaseId,
  nowMs: number
): { readonly next: KeyValue; readonly seconds: number } | undefined => {
  const lease = Option.getOrUndefined(HashMap.get(state.leases, id))
  if (lease === undefined) return undefined
  const kept = { ...lease, deadlineMs: nowMs + lease.ttlMs }
  return { next: { ...state, leases: HashMap.set(state.leases, id, kept) }, seconds: lease.ttlMs / 1000 }
}

/** Ends a lease and deletes its keys. */
export const revoke = (state: KeyValue, id: LeaseId): Step => {
  if (!HashMap.has(state.leases, id)) return { next: state, changes: [] }
  const keys = HashMap.toValues(state.entries)
    .filter(({ lease }) => lease === id)
    .sort(byKey)
    .map(({ key }) => key)
  const entries = HashMap.removeMany(state.entries, keys)
  const changes = keys.map((key): StoreChange => ({ type: "delete", key }))
  return withRevision(state, entries, changes, HashMap.remove(state.leases, id))
}

/** Leases whose time is over, the longest over first. */
export const expired = (state: KeyValue, nowMs: number): ReadonlyArray<LeaseId> =>
  HashMap.toValues(state.leases)
    .filter(({ deadlineMs }) => deadlineMs <= nowMs)
    .sort((a, b) => a.deadlineMs - b.deadlineMs || (a.id < b.id ? -1 : 1))
    .map(({ id }) => id)

/** Every lease gets its whole time again, as a new leader of etcd gives it. */
export const promote = (state: KeyValue, nowMs: number): KeyValue => ({
  ...state,
  leases: HashMap.map(state.leases, (lease) => ({ ...lease, deadlineMs: nowMs + lease.ttlMs }))
})

/** Forgets what happened; what is, stays. */
export const compact = (state: KeyValue): KeyValue => ({ ...state, history: [] })

/** One revision as a watcher of `prefix` sees it; undefined: nothing of it concerns that watcher. */
export const changesBelow = ({ revision, changes }: Revision, prefix: string): Revision | undefined => {
  const concerned = changes.filter((change) =>
    (change.type === "put" ? change.entry.key : change.key).startsWith(prefix)
  )
  return concerned.length === 0 ? undefined : { type: "changes", revision, changes: concerned }
}

/** What happened below `prefix` after `revision`, oldest first; undefined: that is no longer remembered. */
export const changesSince = (
  state: KeyValue,
  revision: number,
  prefix: string
): ReadonlyArray<Revision> | undefined => {
  if (state.revision - state.history.length > revision) return undefined
  return state.history.filter((one) => one.revision > revision).flatMap((one) => changesBelow(one, prefix) ?? [])
}

export const snapshotOf = (state: KeyValue, prefix: string): Extract<StoreNews, { type: "snapshot" }> => ({
  type: "snapshot",
  revision: state.revision,
  entries: entriesBelow(state, prefix)
})
