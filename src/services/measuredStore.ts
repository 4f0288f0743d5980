// A store whose requests are timed, with how they came out: what tells a slow store from a slow node. Keepalives too; the watch is no
// request.
import { Effect, Layer } from "effect"
import { ClusterStore, type StoreError } from "../ports/ClusterStore.ts"
import { storeSeconds, timed } from "./measures.ts"

const request = <A>(
  operation: string,
  asked: Effect.Effect<A, StoreError>,
  outcome: (value: A) => string = () => "done"
): Effect.Effect<A, StoreError> =>
  timed(storeSeconds, asked, (result) => ({
    operation,
    outcome: result === undefined ? "failed" : outcome(result.value)
  }))

/** The same store. */
export const measuredStore = Layer.effect(
  ClusterStore,
  Effect.map(ClusterStore, (store) =>
    ClusterStore.of({
      ...store,
      read: (prefix) => request("read", store.read(prefix)),
      commit: (transaction) => request("commit", store.commit(transaction), ({ done }) => (done ? "done" : "conflict")),
      grant: (seconds) => request("grant", store.grant(seconds)),
      keepAlive: (lease) => request("keepalive", store.keepAlive(lease)),
      revoke: (lease) => request("revoke", store.revoke(lease))
    })
  )
)
