// This node's place in the cluster: its record under a lease that is kept alive, and what the store tells about the others (D4).
// Everybody else looks at `state` and `lease` when `changes` says so. A slow store is no lost store: keepalives are sent on
// time whether the ones before were answered or not, and a lease counts from when its keepalive was sent. I11.
import { Cause, Clock, Context, Effect, Fiber, Layer, PubSub, Queue, Stream } from "effect"
import { memberValue, nodeKey, statusKey, summaryValue } from "../cluster/layout.ts"
import { type ClusterState, endGrace, graceEnd, hearNews, noState } from "../cluster/state.ts"
import type { Member, NodeSummary } from "../plan/view.ts"
import { ClusterStore, type LeaseId, type StoreError, type StoreTransaction } from "../ports/ClusterStore.ts"
import type { StoreStatus } from "../resources/nodeStatus.ts"

export interface Lease {
  readonly id?: LeaseId
  /** Until when it holds for certain, in ms of the monotonic clock; 0: there was none yet. */
  readonly until: number
}

export class Cluster extends Context.Service<
  Cluster,
  {
    readonly state: () => ClusterState
    readonly lease: () => Lease
    /** Something in `state` has changed that plans are made from. */
    readonly changes: Stream.Stream<void>
    /** What nodes say of themselves, and the config revision, have changed. */
    readonly reports: Stream.Stream<void>
    /** `lease` has changed: several times in its length. */
    readonly renewals: Stream.Stream<void>
    /** What the others shall know of this node; the first time it joins. */
    readonly publish: (member: Member) => Effect.Effect<void>
    /** How this node does, for the others to see; stands in the store as long as its lease. */
    readonly report: (summary: NodeSummary) => Effect.Effect<void>
    readonly commit: (transaction: StoreTransaction) => Effect.Effect<{ done: boolean; revision: number }, StoreError>
    /** Leaves: the record and everything else under the lease goes. */
    readonly resign: Effect.Effect<void>
    readonly status: Effect.Effect<StoreStatus>
  }
>()("viaduct/services/Cluster") {
  static readonly layer = (options: ClusterOptions) => Layer.effect(Cluster, makeCluster(options))
}

export interface ClusterOptions {
  readonly leaseSeconds: number
}

/** Keepalives that may wait for their answer. */
const outstandingMax = 8
/** How soon a store that did not answer is tried again, in ms. */
const retryMs = 200
/** How soon a node whose name is taken tries again, in ms. */
const takenMs = 5_000

const monotonic = Clock.clockWith((clock) =>
  Effect.succeed(() => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n))
)

const planned = ["members", "claims", "bindings", "resting", "drained"] as const

/** Whether the difference is one that no plan depends on. */
const sameToPlan = (a: ClusterState, b: ClusterState): boolean =>
  a.store === b.store && planned.every((part) => a.view[part] === b.view[part])

const makeCluster = Effect.fnUntraced(function* ({ leaseSeconds }: ClusterOptions) {
  const store = yield* ClusterStore
  const now = yield* monotonic
  const wallClock = yield* Clock.clockWith((clock) => Effect.succeed(() => clock.currentTimeMillisUnsafe()))
  const changed = yield* PubSub.sliding<void>(1)
  const renewed = yield* PubSub.sliding<void>(1)
  const told = yield* PubSub.sliding<void>(1)
  /** Something may have to be written. */
  const wake = yield* Queue.sliding<void>(1)
  /** Something may be due sooner than it was. */
  const beat = yield* Queue.sliding<void>(1)
  const leaseMs = leaseSeconds * 1_000
  const everyMs = Math.min(1_000, leaseMs / 3)
  let state = noState(now())
  let sinceWall = wallClock()
  let lease: Lease = { until: 0 }
  let member: Member | undefined
  /** What stands in the store under our lease. */
  let published: string | undefined
  let summary: NodeSummary | undefined
  let reported: string | undefined
  let outstanding = 0
  let failing = false
  /** What is wrong and has been said, by what it is about. */
  const troubles = new Map<"name" | "lease" | "store", string>()

  const renew = (next: Lease): void => {
    lease = next
    PubSub.publishUnsafe(renewed, undefined)
  }

  const become = (next: ClusterState): void => {
    if (next.store !== state.store) sinceWall = wallClock()
    if (next === state) return
    const before = state
    state = next
    PubSub.publishUnsafe(sameToPlan(before, next) ? told : changed, undefined)
  }

  yield* store.watch("", (news) => {
    become(hearNews(state, news, now(), leaseMs))
    Queue.offerUnsafe(wake, undefined)
    Queue.offerUnsafe(beat, undefined)
  })

  /** Said once, until it changes. */
  const complain = Effect.fnUntraced(function* (about: "name" | "lease" | "store", text: string) {
    if (text === troubles.get(about)) return
    troubles.set(about, text)
    yield* Effect.logWarning(text)
  })

  const loseLease = Effect.fnUntraced(function* (id: LeaseId) {
    if (lease.id !== id) return
    yield* Effect.logWarning("the lease of this node has ended in the store; it joins again")
    published = undefined
    reported = undefined
    renew({ until: 0 })
    Queue.offerUnsafe(wake, undefined)
  })

  /** The record into the store; a number: not now, but after so many ms. */
  const put = Effect.fnUntraced(function* (record: Member, id: LeaseId) {
    const key = nodeKey(record.name)
    const there = state.entries.get(key)
    const other = state.view.members.find(({ name }) => name === record.name)
    if (there !== undefined && there.lease !== id && other !== undefined && other.address !== record.address) {
      yield* complain(
        "name",
        `another machine, ${other.address}, has joined as node ${record.name}; this one waits until it leaves`
      )
      return takenMs
    }
    const value = memberValue(record)
    const when = there === undefined ? [] : [{ key, modRevision: there.modRevision }]
    const { done } = yield* store.commit({ when, operations: [{ type: "put", key, value, lease: id }] })
    if (!done) return retryMs
    published = value
    return undefined
  })

  const putSummary = Effect.fnUntraced(function* (record: NodeSummary, id: LeaseId) {
    const value = summaryValue(record)
    const put = { type: "put" as const, key: statusKey(record.node), value, lease: id }
    yield* store.commit({ when: [], operations: [put] })
    reported = value
  })

  const join = Effect.fnUntraced(function* (record: Member) {
    const sentAt = now()
    const id = yield* store.grant(leaseSeconds)
    const notNow = yield* put(record, id)
    if (notNow !== undefined) {
      yield* store.revoke(id)
      return notNow
    }
    renew({ id, until: sentAt + leaseMs })
    troubles.delete("name")
    yield* Effect.logInfo(`joined the cluster in ${store.name} as node ${record.name}, lease ${leaseSeconds} s`)
    return everyMs
  })

  const keepAlive = Effect.fnUntraced(function* (id: LeaseId) {
    const sentAt = now()
    const seconds = yield* store.keepAlive(id)
    failing = false
    troubles.delete("lease")
    if (lease.id !== id) return
    const until = sentAt + seconds * 1_000
    if (until > lease.until) renew({ id, until })
  })

  const keptAlive = (id: LeaseId) =>
    keepAlive(id).pipe(
      Effect.catch((error) => {
        if (error.reason === "lease-gone") return loseLease(id)
        failing = true
        Queue.offerUnsafe(beat, undefined)
        return complain("lease", `the lease could not be kept alive: ${error.message}`)
      }),
      Effect.ensuring(
        Effect.sync(() => {
          outstanding--
        })
      )
    )

  /** One turn; the result is when the next one is due, in ms. */
  const turn = Effect.gen(function* () {
    const record = member
    if (record === undefined || state.store === "never") return everyMs
    const { id } = lease
    if (id === undefined) return yield* join(record)
    if (summary !== undefined && reported !== summaryValue(summary)) yield* putSummary(summary, id)
    return published === memberValue(record) ? undefined : yield* put(record, id)
  })

  const writing = Effect.gen(function* () {
    for (;;) {
      const result = yield* Effect.result(turn)
      if (result._tag === "Failure") {
        if (result.failure.reason === "lease-gone" && lease.id !== undefined) yield* loseLease(lease.id)
        else yield* complain("store", `the cluster's store: ${result.failure.message}`)
      } else troubles.delete("store")
      const waitMs = result._tag === "Failure" ? retryMs : (result.success ?? everyMs)
      yield* Effect.timeoutOption(Queue.take(wake), waitMs)
    }
  })

  /** What has to happen in time, whatever a request beside it waits for. */
  const beating = Effect.gen(function* () {
    let keepAliveAt = 0
    for (;;) {
      if (graceEnd(state) <= now()) become(endGrace(state, now()))
      const { id } = lease
      if (id !== undefined && now() >= keepAliveAt && outstanding < outstandingMax) {
        outstanding++
        keepAliveAt = now() + (failing ? retryMs : everyMs)
        yield* Effect.forkScoped(keptAlive(id))
      }
      if (failing) keepAliveAt = Math.min(keepAliveAt, now() + retryMs)
      const waitMs = Math.min(id === undefined ? everyMs : keepAliveAt - now(), graceEnd(state) - now())
      yield* Effect.timeoutOption(Queue.take(beat), Math.max(1, waitMs))
    }
  })

  const living = yield* Effect.forkScoped(
    Effect.all([writing, beating], { concurrency: "unbounded" }).pipe(
      Effect.tapCause((cause) => (Cause.hasInterruptsOnly(cause) ? Effect.void : Effect.logError("cluster", cause)))
    )
  )

  return Cluster.of({
    state: () => state,
    lease: () => lease,
    changes: Stream.fromPubSub(changed),
    renewals: Stream.fromPubSub(renewed),
    reports: Stream.fromPubSub(told),
    publish: (record) =>
      Effect.sync(() => {
        member = record
        Queue.offerUnsafe(wake, undefined)
      }),
    report: (record) =>
      Effect.sync(() => {
        summary = record
        if (reported !== summaryValue(record)) Queue.offerUnsafe(wake, undefined)
      }),
    commit: store.commit,
    resign: Effect.gen(function* () {
      yield* Fiber.interrupt(living)
      const { id } = lease
      lease = { until: 0 }
      member = undefined
      if (id !== undefined) yield* Effect.ignore(store.revoke(id))
    }),
    status: Effect.sync(() => ({
      kind: store.kind,
      name: store.name,
      state: state.store === "connected" ? ("connected" as const) : ("lost" as const),
      since: new Date(sinceWall).toISOString(),
      ...(state.why === undefined || state.store === "connected" ? {} : { reason: state.why }),
      lease: {
        seconds: leaseSeconds,
        state:
          lease.id === undefined ? ("none" as const) : lease.until > now() ? ("held" as const) : ("expired" as const)
      }
    }))
  })
})
