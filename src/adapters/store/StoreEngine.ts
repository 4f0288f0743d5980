// One key-value state that several may use and watch: the shell around keyValue.ts which the embedded and the simulated
// store share. A change is first kept (`keep`, which may refuse), then becomes the state, then is told to the watchers, in
// order, also when one of them changes something while it is told.
import { Clock, Effect } from "effect"
import { type LeaseId, StoreError, type StoreTransaction } from "../../ports/ClusterStore.ts"
import { commit, expired, grant, type KeyValue, keepAlive, type Revision, revoke, type Step } from "./keyValue.ts"

/** How often etcd looks for leases whose time is over, in ms. */
const expiryPollMs = 500

/** A clock that does not go back, in ms. */
export const monotonicMs = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos / 1_000n) / 1_000)

const leaseGone = (lease: LeaseId): StoreError =>
  new StoreError({ reason: "lease-gone", message: `lease ${lease} has ended: it was not kept alive in time` })

export class StoreEngine {
  private current: KeyValue
  /** Makes a change last; throws a StoreError where that cannot be, and nothing is changed. */
  private readonly keep: (step: Step) => void
  private readonly watchers = new Set<(revision: Revision) => void>()
  private readonly untold: Array<Revision> = []
  private telling = false

  constructor(initial: KeyValue, keep: (step: Step) => void = () => undefined) {
    this.current = initial
    this.keep = keep
  }

  get state(): KeyValue {
    return this.current
  }

  /** Replaces the state by one that differs in nothing that a watcher sees (leases, history). */
  adjust(change: (state: KeyValue) => KeyValue): void {
    this.current = change(this.current)
  }

  /** Tells every revision that follows; the result ends it. */
  subscribe(watcher: (revision: Revision) => void): () => void {
    this.watchers.add(watcher)
    return () => void this.watchers.delete(watcher)
  }

  private take(step: Step): void {
    if (step.changes.length > 0) this.keep(step)
    this.current = step.next
    const { revision } = step.next
    if (step.changes.length > 0) this.untold.push({ type: "changes", revision, changes: step.changes })
    if (this.telling) return
    this.telling = true
    try {
      for (let next = this.untold.shift(); next !== undefined; next = this.untold.shift())
        for (const watcher of [...this.watchers]) watcher(next)
    } finally {
      this.telling = false
    }
  }

  private attempt<A>(body: () => A): Effect.Effect<A, StoreError> {
    return Effect.suspend(() => {
      try {
        return Effect.succeed(body())
      } catch (error) {
        return error instanceof StoreError ? Effect.fail(error) : Effect.die(error)
      }
    })
  }

  commit(
    transaction: StoreTransaction
  ): Effect.Effect<{ readonly done: boolean; readonly revision: number }, StoreError> {
    return this.attempt(() => {
      const answer = commit(this.current, transaction)
      if (answer.type === "lease-gone") throw leaseGone(answer.lease)
      if (answer.type === "refused") throw new StoreError({ reason: "refused", message: answer.message })
      if (answer.type === "done") this.take(answer)
      return { done: answer.type === "done", revision: this.current.revision }
    })
  }

  grant(id: LeaseId, seconds: number): Effect.Effect<LeaseId> {
    return Effect.map(monotonicMs, (now) => {
      this.adjust((state) => grant(state, id, seconds, now))
      return id
    })
  }

  keepAlive(lease: LeaseId): Effect.Effect<number, StoreError> {
    return Effect.flatMap(monotonicMs, (now) => {
      const kept = keepAlive(this.current, lease, now)
      if (kept === undefined) return Effect.fail(leaseGone(lease))
      this.current = kept.next
      return Effect.succeed(kept.seconds)
    })
  }

  revoke(lease: LeaseId): Effect.Effect<void, StoreError> {
    return this.attempt(() => this.take(revoke(this.current, lease)))
  }

  /** Ends leases for ever, as often as etcd does; `paused` says when nothing may end. */
  expiring(paused: () => boolean = () => false): Effect.Effect<never> {
    const round = Effect.gen({ self: this }, function* () {
      yield* Effect.sleep(expiryPollMs)
      if (paused()) return
      for (const lease of expired(this.current, yield* monotonicMs)) yield* this.revoke(lease)
    })
    // What could not be kept is tried again with the next round.
    return Effect.forever(Effect.catch(round, (error) => Effect.logWarning(`a lease could not end: ${error.message}`)))
  }
}
