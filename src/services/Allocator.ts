// Gives services their addresses: works out what `allocate` wants from what the store has, and brings the store there by
// compare-and-swap on one key, so that two nodes that allocate at once never mix (D4, I4). One node does it at a time, the first by
// name of those that run the prevailing config; that is to save work, correctness does not rest on it.
import { Cause, Clock, Context, Effect, Layer, PubSub, Queue, Semaphore, Stream } from "effect"
import { allocationKey, allocatorKey, bindingValue, restingKey, restingValue } from "../cluster/layout.ts"
import { allocatorOf, isAgreed, whyOutvoted } from "../cluster/prevailing.ts"
import type { StoredEntry } from "../cluster/state.ts"
import { type Allocation, allocate } from "../ipam/allocate.ts"
import type { ServiceKey } from "../ipam/types.ts"
import type { DesiredCluster } from "../plan/desired.ts"
import type { Member } from "../plan/view.ts"
import type { StoreError, StoreOperation } from "../ports/ClusterStore.ts"
import { Cluster } from "./Cluster.ts"
import { EventJournal } from "./EventJournal.ts"

export class Allocator extends Context.Service<
  Allocator,
  {
    /** This node and the config in force; `serving` false: this cluster's services are not ours to serve. */
    readonly follow: (self: Member, cluster: DesiredCluster, serving: boolean) => Effect.Effect<void>
    /** Moves services whose pool no longer has their address, now and by this node. */
    readonly force: (cluster: DesiredCluster) => Effect.Effect<void, StoreError>
    readonly statuses: () => Allocation["statuses"]
    readonly changes: Stream.Stream<void>
  }
>()("viaduct/services/Allocator") {
  static readonly layer = (options: AllocatorOptions) => Layer.effect(Allocator, makeAllocator(options))
}

export interface AllocatorOptions {
  readonly addressRestSeconds: number
}

/** Operations of one transaction, the allocator's own key beside them. */
const operationsMax = 90
const retryMs = 250

/** The operations that make `entries` say what `wanted` says; what is right already is left alone. */
const difference = (
  entries: ReadonlyMap<string, StoredEntry>,
  { bindings, resting }: Pick<Allocation, "bindings" | "resting">
): ReadonlyArray<StoreOperation> => {
  const wanted = new Map([
    ...bindings.map((binding) => [allocationKey(binding.address), bindingValue(binding)] as const),
    ...resting.map((address) => [restingKey(address.address), restingValue(address)] as const)
  ])
  const gone = [...entries.keys()].filter((key) => /^(?:allocations|resting)\//.test(key) && !wanted.has(key))
  const changed = [...wanted].filter(([key, value]) => entries.get(key)?.value !== value)
  return [
    ...gone.map((key): StoreOperation => ({ type: "delete", key })),
    ...changed.map(([key, value]): StoreOperation => ({ type: "put", key, value }))
  ]
}

/** Where this node's config stands among those of the others. */
interface Standing {
  /** Too few nodes run one config for anybody to lose an address. */
  readonly cautious: boolean
  /** Why it is for others to give out addresses. */
  readonly why: string | undefined
}

/** Services that would get something here, with the reason why they have to wait. */
const waiting = ({ changes, statuses }: Allocation, why: string): Allocation["statuses"] => {
  const served = new Set(changes.map(({ service }) => service))
  return new Map([...statuses].map(([key, status]) => [key, served.has(key) ? { ...status, reason: why } : status]))
}

const makeAllocator = Effect.fnUntraced(function* ({ addressRestSeconds }: AllocatorOptions) {
  const cluster = yield* Cluster
  const journal = yield* EventJournal
  const wallClock = yield* Clock.clockWith((clock) => Effect.succeed(() => clock.currentTimeMillisUnsafe()))
  const changed = yield* PubSub.sliding<void>(1)
  const wake = yield* Queue.sliding<void>(1)
  const one = yield* Semaphore.make(1)
  let desired: { readonly self: Member; readonly cluster: DesiredCluster } | undefined
  let statuses: Allocation["statuses"] = new Map()
  let shown = ""

  /** The last allocation and what it came from; it costs time with thousands of services, and most news is about other things. */
  let last: { readonly from: ReadonlyArray<unknown>; readonly allocation: Allocation } | undefined

  /** Of its own config a node knows more than the store, where the record of a former run may stand. */
  const membersNow = (): ReadonlyArray<Member> =>
    cluster.state().view.members.map((member) => (member.name === desired?.self.name ? desired.self : member))

  const work = (config: DesiredCluster, force: boolean): Allocation => {
    const { bindings, resting } = cluster.state().view
    const members = membersNow()
    const standing: Standing = {
      cautious: !force && !isAgreed(members),
      why: whyOutvoted(members, desired?.self.name ?? "")
    }
    const from = [config, bindings, resting, force, standing.cautious, standing.why]
    const rested = Math.min(...resting.map(({ until }) => until)) <= wallClock()
    if (last === undefined || rested || from.some((item, i) => item !== last?.from[i]))
      last = { from, allocation: newAllocation(config, force, standing) }
    return last.allocation
  }

  const newAllocation = (config: DesiredCluster, force: boolean, { cautious, why }: Standing): Allocation => {
    const { view } = cluster.state()
    const allocation = allocate({
      pools: config.loadBalancer.pools,
      services: config.services,
      bindings: view.bindings,
      resting: view.resting,
      serviceFamilies: config.serviceFamilies,
      nowMs: wallClock(),
      restMs: addressRestSeconds * 1_000,
      force,
      cautious
    })
    return why === undefined ? allocation : { ...allocation, statuses: waiting(allocation, why) }
  }

  /** True: the store has it all. False: somebody else was at it; what they did will be seen, and then again. */
  const carryOut = Effect.fnUntraced(function* (node: string, allocation: Allocation) {
    const operations = difference(cluster.state().entries, allocation)
    let modRevision = cluster.state().entries.get(allocatorKey)?.modRevision ?? 0
    for (let at = 0; at < operations.length; at += operationsMax) {
      const batch = operations.slice(at, at + operationsMax)
      const mark: StoreOperation = { type: "put", key: allocatorKey, value: JSON.stringify({ node }) }
      const { done, revision } = yield* cluster.commit({
        when: [{ key: allocatorKey, modRevision }],
        operations: [...batch, mark]
      })
      if (!done) return false
      modRevision = revision
    }
    for (const { service, address, reason } of allocation.changes)
      yield* Effect.logInfo(`service ${service}: ${address}: ${reason}`)
    return true
  })

  const show = (next: Allocation["statuses"]): void => {
    if (next === statuses) return
    const text = JSON.stringify([...next])
    statuses = next
    if (text === shown) return
    shown = text
    PubSub.publishUnsafe(changed, undefined)
  }

  /** One turn; the result is when the next is due, in ms; infinite: at the next change. */
  const turn = Effect.gen(function* () {
    const { store } = cluster.state()
    if (desired === undefined || store === "never") return Number.POSITIVE_INFINITY
    const allocation = work(desired.cluster, false)
    show(allocation.statuses)
    const { name } = desired.self
    if (store !== "connected" || allocatorOf(membersNow()) !== name) return Number.POSITIVE_INFINITY
    if (!(yield* carryOut(name, allocation))) {
      yield* journal.emit({
        reason: "AllocatorConflict",
        message: "another node gives out addresses at the same time; this one looks again",
        about: { apiVersion: "v1", kind: "Node", namespace: "", name }
      })
      return retryMs
    }
    const rested = Math.min(...allocation.resting.map(({ until }) => until))
    return Math.max(retryMs, rested - wallClock())
  })

  const loop = Effect.gen(function* () {
    for (;;) {
      const waitMs = yield* Effect.catch(one.withPermits(1)(turn), (error) =>
        Effect.as(Effect.logWarning(`addresses could not be allocated: ${error.message}`), retryMs)
      )
      const take = Queue.take(wake)
      yield* Number.isFinite(waitMs) ? Effect.timeoutOption(take, waitMs) : take
    }
  })
  yield* Effect.forkScoped(
    Effect.tapCause(loop, (cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.void
        : Effect.logError("the allocator ended by a fault of this program", cause)
    )
  )
  const poke = Effect.sync(() => Queue.offerUnsafe(wake, undefined))
  yield* Effect.forkScoped(
    Stream.runForEach(cluster.changes, () => poke),
    { startImmediately: true }
  )

  const force = Effect.fnUntraced(function* (config: DesiredCluster) {
    const node = desired?.self.name ?? ""
    for (let tries = 0; tries < 20; tries++) {
      if (yield* carryOut(node, work(config, true))) return
      yield* Effect.sleep(retryMs)
    }
  })

  return Allocator.of({
    follow: (self, config, serving) =>
      Effect.andThen(
        Effect.sync(() => {
          desired = serving ? { self, cluster: config } : undefined
          if (!serving) statuses = new Map<ServiceKey, never>()
        }),
        poke
      ),
    force: (config) => one.withPermits(1)(force(config)),
    statuses: () => statuses,
    changes: Stream.fromPubSub(changed)
  })
})
