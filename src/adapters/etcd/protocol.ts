// etcd's v3 API as its JSON gateway speaks it: octets in base64, 64-bit numbers as text, what is zero or empty left out.
// Messages as values in both directions, for the keys below one cluster's prefix; nothing here talks to anybody.
// Source: the gateway's swagger file (Documentation/dev-guide/apispec/swagger/rpc.swagger.json), v3.4.
import type { StoreChange, StoreEntry, StoreTransaction } from "../../ports/ClusterStore.ts"

export const paths = {
  range: "/v3/kv/range",
  txn: "/v3/kv/txn",
  watch: "/v3/watch",
  grant: "/v3/lease/grant",
  keepAlive: "/v3/lease/keepalive",
  revoke: "/v3/lease/revoke",
  authenticate: "/v3/auth/authenticate"
} as const

interface Header {
  /** Another one: another etcd, or one that was restored from a backup. */
  readonly cluster_id?: string
  readonly revision?: string
}

interface KeyValueJson {
  readonly key?: string
  readonly value?: string
  readonly create_revision?: string
  readonly mod_revision?: string
  readonly lease?: string
}

export interface RangeAnswer {
  readonly header?: Header
  readonly kvs?: ReadonlyArray<KeyValueJson>
}

export interface TxnAnswer {
  readonly header?: Header
  readonly succeeded?: boolean
}

export interface LeaseAnswer {
  readonly ID?: string
  /** Seconds; left out: the lease is gone. */
  readonly TTL?: string
}

/** One line of an answer that is a stream. */
export interface StreamAnswer<A> {
  readonly result?: A
  readonly error?: ErrorAnswer
}

/** gRPC's status: its code and etcd's words. */
export interface ErrorAnswer {
  readonly code?: number
  readonly grpc_code?: number
  readonly message?: string
  readonly error?: string
}

export interface WatchAnswer {
  readonly header?: Header
  readonly created?: boolean
  readonly canceled?: boolean
  readonly cancel_reason?: string
  /** The oldest revision that the store remembers; there only when the watch wanted an older one. */
  readonly compact_revision?: string
  readonly events?: ReadonlyArray<{ readonly type?: "PUT" | "DELETE"; readonly kv?: KeyValueJson }>
}

const toBase64 = (text: string): string => Buffer.from(text, "utf8").toString("base64")
const fromBase64 = (text: string | undefined): string => Buffer.from(text ?? "", "base64").toString("utf8")

/** The first key after all that start with `prefix`. UTF-8 has no octet 255, so the last one can be raised. */
const endOf = (prefix: string): string => {
  const octets = Buffer.from(prefix, "utf8")
  const last = octets.length - 1
  octets[last] = (octets[last] ?? 0) + 1
  return octets.toString("base64")
}

export const revisionOf = (answer: { readonly header?: Header }): number => Number(answer.header?.revision ?? 0)

/** All keys that start with `prefix`, as the whole cluster agrees on them. */
export const rangeRequest = (prefix: string) => ({ key: toBase64(prefix), range_end: endOf(prefix) })

/**
 * A read that costs next to nothing and that only a member with a leader answers. With a revision it fails where that is
 * no longer, or not yet, known.
 */
export const probeRequest = (prefix: string, revision?: number) => ({
  key: toBase64(prefix),
  count_only: true,
  ...(revision === undefined ? {} : { revision: String(revision) })
})

const entryOf = (json: KeyValueJson, prefix: string): StoreEntry => ({
  key: fromBase64(json.key).slice(prefix.length),
  value: fromBase64(json.value),
  createRevision: Number(json.create_revision),
  modRevision: Number(json.mod_revision),
  ...(json.lease === undefined || json.lease === "0" ? {} : { lease: json.lease })
})

/** Entries without the cluster's `prefix`, by key. */
export const entriesOf = (answer: RangeAnswer, prefix: string): ReadonlyArray<StoreEntry> =>
  (answer.kvs ?? []).map((json) => entryOf(json, prefix))

export const txnRequest = (transaction: StoreTransaction, prefix: string) => ({
  compare: transaction.when.map(({ key, modRevision }) => ({
    key: toBase64(prefix + key),
    target: "MOD",
    result: "EQUAL",
    mod_revision: String(modRevision)
  })),
  success: transaction.operations.map((operation) =>
    operation.type === "delete"
      ? { request_delete_range: { key: toBase64(prefix + operation.key) } }
      : {
          request_put: {
            key: toBase64(prefix + operation.key),
            value: toBase64(operation.value),
            ...(operation.lease === undefined ? {} : { lease: operation.lease })
          }
        }
  )
})

/** Everything below `prefix` from `revision` on. */
export const watchRequest = (prefix: string, revision: number) => ({
  create_request: { ...rangeRequest(prefix), start_revision: String(revision) }
})

/** The events of one answer by their revision. etcd never divides a revision between two answers. */
export const changesOf = (
  answer: WatchAnswer,
  prefix: string
): ReadonlyArray<{ readonly revision: number; readonly changes: ReadonlyArray<StoreChange> }> => {
  const revisions: Array<{ readonly revision: number; readonly changes: Array<StoreChange> }> = []
  for (const { type, kv } of answer.events ?? []) {
    const entry = entryOf(kv ?? {}, prefix)
    const change: StoreChange = type === "DELETE" ? { type: "delete", key: entry.key } : { type: "put", entry }
    const last = revisions.at(-1)
    if (last?.revision === entry.modRevision) last.changes.push(change)
    else revisions.push({ revision: entry.modRevision, changes: [change] })
  }
  return revisions
}
