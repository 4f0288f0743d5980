// The cluster's store in etcd (v3.4 and later), through its JSON gateway over fetch: nothing to bundle, a third of a gRPC
// client's memory, and connections that are ours to give up (figures in ARCHITECTURE.md). Keys stand below one prefix per
// cluster, so that clusters share an etcd.
import { Effect, Layer } from "effect"
import type { EtcdSettings } from "../../config/daemonSettings.ts"
import {
  ClusterStore,
  type LeaseId,
  StoreError,
  type StoreNews,
  type StoreTransaction
} from "../../ports/ClusterStore.ts"
import { problemOf } from "../store/transaction.ts"
import { EtcdClient } from "./EtcdClient.ts"
import { EtcdWatch } from "./EtcdWatch.ts"
import { toStoreError } from "./failure.ts"
import {
  entriesOf,
  type LeaseAnswer,
  paths,
  type RangeAnswer,
  rangeRequest,
  revisionOf,
  type StreamAnswer,
  type TxnAnswer,
  txnRequest
} from "./protocol.ts"

const leaseGone = (lease: LeaseId): StoreError =>
  new StoreError({ reason: "lease-gone", message: `lease ${lease} has ended: it was not kept alive in time` })

/** "https://user:secret@host" as people may not see it. */
const withoutCredentials = (endpoint: string): string => endpoint.replace(/\/\/[^@/]*@/, "//")

const make = (settings: EtcdSettings, prefix: string) => {
  const client = new EtcdClient(settings, prefix)

  const call = <A>(path: string, body: unknown, repeatable: boolean): Effect.Effect<A, StoreError> =>
    Effect.tryPromise({ try: (signal) => client.call<A>(path, body, repeatable, signal), catch: toStoreError })

  const commit = Effect.fnUntraced(function* (transaction: StoreTransaction) {
    const problem = problemOf(transaction)
    if (problem !== undefined) return yield* new StoreError({ reason: "refused", message: problem })
    const answer = yield* call<TxnAnswer>(paths.txn, txnRequest(transaction, prefix), false)
    return { done: answer.succeeded === true, revision: revisionOf(answer) }
  })

  const keepAlive = Effect.fnUntraced(function* (lease: LeaseId) {
    const answer = yield* call<StreamAnswer<LeaseAnswer>>(paths.keepAlive, { ID: lease }, true)
    const seconds = Number(answer.result?.TTL ?? 0)
    return seconds > 0 ? seconds : yield* leaseGone(lease)
  })

  const revoke = (lease: LeaseId) =>
    call(paths.revoke, { ID: lease }, true).pipe(
      Effect.asVoid,
      Effect.catch((error) => (error.reason === "lease-gone" ? Effect.void : Effect.fail(error)))
    )

  return ClusterStore.of({
    kind: "etcd",
    name: settings.endpoints.map(withoutCredentials).join(", "),
    read: (below) =>
      Effect.map(call<RangeAnswer>(paths.range, rangeRequest(prefix + below), true), (answer) => ({
        revision: revisionOf(answer),
        entries: entriesOf(answer, prefix)
      })),
    commit,
    watch: (below, onNews: (news: StoreNews) => void) => {
      const watch = new EtcdWatch(client, prefix, below, onNews)
      return Effect.asVoid(Effect.forkScoped(Effect.promise((signal) => watch.run(signal))))
    },
    grant: (seconds) =>
      Effect.map(call<LeaseAnswer>(paths.grant, { TTL: String(seconds) }, true), (answer) => answer.ID ?? ""),
    keepAlive,
    revoke
  })
}

/** The store below `prefix` ("/viaduct/<cluster>/"). Nothing is asked before the first use, so that etcd may come later. */
export const etcdStore = (settings: EtcdSettings, prefix: string): Layer.Layer<ClusterStore> =>
  Layer.sync(ClusterStore, () => make(settings, prefix))
