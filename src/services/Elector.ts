// Holds the addresses that the plan gives to this node: one fence machine each (election/fence.ts), whose actions this fiber
// carries out on the store, the segment and the kernel. It decides nothing. Quick actions are done in their order and at once,
// what asks the store runs beside them and comes back as an event. D5, D6, D6b; I1, I2, I8.
import { Cause, Clock, Context, Effect, Exit, Layer, PubSub, Queue, Scope, Stream } from "effect"
import { claimKey, claimValue } from "../cluster/layout.ts"
import {
  type Fence,
  type FenceAction,
  type FenceConfig,
  type FenceEvent,
  fenceStep,
  fenceWake,
  makeFence
} from "../election/fence.ts"
import type { Address } from "../net/ip.ts"
import type { LocalAddress, PlannedClaim } from "../plan/types.ts"
import { LinkControl } from "../ports/LinkControl.ts"
import { type NeighbourMessage, Neighbours, type Segment } from "../ports/Neighbours.ts"
import { Cluster } from "./Cluster.ts"
import { Supervisor } from "./Supervisor.ts"
import { makeTakeovers } from "./takeovers.ts"

/** How an address stands on this node. */
export interface Standing {
  readonly address: Address
  readonly phase: Fence["phase"]
  readonly reason: string
  /** Milliseconds since the epoch. */
  readonly since: number
  readonly interface: string
  /** The last plan gave it to this node. */
  readonly wanted: boolean
}

export class Elector extends Context.Service<
  Elector,
  {
    /** This node's name, and the whole set of addresses that it shall try to hold. */
    readonly want: (node: string, claims: ReadonlyArray<PlannedClaim>) => Effect.Effect<void>
    /** Addresses that sessions and VIPs may rely on now (I2). */
    readonly held: () => ReadonlyArray<Address>
    readonly standings: () => ReadonlyArray<Standing>
    /** The sessions from this address have ended. */
    readonly closed: (address: Address) => Effect.Effect<void>
    /** `held` or `standings` have changed. */
    readonly changes: Stream.Stream<void>
    /** Nothing is on this node any more, or on its way off. */
    readonly idle: Effect.Effect<boolean>
  }
>()("viaduct/services/Elector") {
  static readonly layer = (config: FenceConfig) => Layer.effect(Elector, makeElector(config))
}

/** A claim that could not be given back is tried again after this, in ms. */
const giveBackAgainMs = 250
/** So often a claim to give back may be missing in what the watch has shown. */
const unseenMax = 8

interface Holding {
  claim: PlannedClaim
  fence: Fence
  sinceWall: number
  /** The other node whose claim the store showed last. */
  claimedBy?: string | undefined
  /** That claim is gone, and the machine has yet to hear of it. */
  freed?: boolean
}

interface OpenSegment {
  readonly segment: Segment
  readonly scope: Scope.Closeable
}

const holds = ({ phase }: Fence): boolean => phase === "held" || phase === "holdover"

const localOf = ({ address, prefixLength, interface: name }: PlannedClaim): LocalAddress => ({
  address,
  prefixLength,
  interface: name
})

const makeElector = Effect.fnUntraced(function* (config: FenceConfig) {
  const cluster = yield* Cluster
  const link = yield* LinkControl
  const neighbours = yield* Neighbours
  const supervisor = yield* Supervisor
  const outer = yield* Effect.scope
  const { now, wallClock } = yield* Clock.clockWith((clock) =>
    Effect.succeed({
      now: () => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n),
      wallClock: () => clock.currentTimeMillisUnsafe()
    })
  )
  const followTakeover = yield* makeTakeovers
  const changed = yield* PubSub.sliding<void>(1)
  const signal = yield* Queue.sliding<void>(1)
  const inbox: Array<{ readonly address: Address; readonly event: FenceEvent }> = []
  const holdings = new Map<Address, Holding>()
  const segments = new Map<string, OpenSegment>()
  /** Of every member that was ever seen: one that this node has lost sight of may still ask for an address. */
  const macs = new Map<string, string>()
  let node = ""
  let leaseId: string | undefined
  let leaseUntil = 0

  const post = (address: Address, event: FenceEvent): void => {
    inbox.push({ address, event })
    Queue.offerUnsafe(signal, undefined)
  }

  const hear = (name: string) => (message: NeighbourMessage) => {
    const holding = holdings.get(message.address)
    if (holding === undefined || holding.claim.interface !== name) return
    const member = macs.get(message.mac)
    if (member === node) return
    post(message.address, {
      type: "Heard",
      message: message.type,
      mac: message.mac,
      ...(member === undefined ? {} : { member })
    })
  }

  const segmentOf = Effect.fnUntraced(function* (name: string) {
    const there = segments.get(name)
    if (there !== undefined) return there.segment
    const scope = yield* Scope.fork(outer)
    const segment = yield* neighbours.open(name, hear(name)).pipe(
      Scope.provide(scope),
      Effect.tapError(() => Scope.close(scope, Exit.void))
    )
    segments.set(name, { segment, scope })
    return segment
  })

  /** A claim that is there already is ours when it names this node; its lease is renewed with the new one. */
  const claim = Effect.fnUntraced(function* (address: Address) {
    const { id } = cluster.lease()
    const key = claimKey(address)
    const { store, entries, view } = cluster.state()
    if (id === undefined) return yield* Effect.fail("this node has no lease in the store yet")
    if (store === "never") return yield* Effect.fail("no word from the store yet")
    const there = entries.get(key)
    const other = view.claims.find((one) => one.address === address)
    if (there !== undefined && other !== undefined && other.node !== node)
      return yield* Effect.fail(`node ${other.node} has claimed it`)
    const when = [{ key, modRevision: there?.modRevision ?? 0 }]
    const put = { type: "put" as const, key, value: claimValue(node), lease: id }
    const { done, revision } = yield* Effect.mapError(
      cluster.commit({ when, operations: [put] }),
      (error) => `it could not be claimed in the store: ${error.message}`
    )
    if (!done) return yield* Effect.fail("the claim has just changed in the store")
    return there?.createRevision ?? revision
  })

  /** Only a claim of this node is deleted, and only as it was seen. */
  const unclaim = Effect.fnUntraced(function* (address: Address) {
    const key = claimKey(address)
    const { entries, view } = cluster.state()
    const there = entries.get(key)
    const claimed = view.claims.find((one) => one.address === address)
    if (there === undefined) return "unseen" as const
    if (claimed?.node !== node) return "gone" as const
    const { done } = yield* cluster.commit({
      when: [{ key, modRevision: there.modRevision }],
      operations: [{ type: "delete", key }]
    })
    return done ? ("gone" as const) : ("unseen" as const)
  })

  /**
   * Until it is gone, or wanted again: under a lease that lives on a claim would stay for ever, and nobody could have the address. A
   * claim just made may take a moment until the watch shows it.
   */
  const giveBack = Effect.fnUntraced(function* (address: Address) {
    const { id } = cluster.lease()
    for (let unseen = 0; unseen < unseenMax; ) {
      if (holdings.get(address)?.fence.wanted === true || cluster.lease().id !== id) return
      const result = yield* Effect.result(unclaim(address))
      if (result._tag === "Success" && result.success === "gone") return
      if (result._tag === "Success") unseen++
      else yield* Effect.logWarning(`the claim of ${address} could not be given back yet: ${result.failure.message}`)
      yield* Effect.sleep(giveBackAgainMs)
    }
  })

  const ask = (address: Address, action: "Claim" | "Unclaim") => {
    const asked =
      action === "Claim"
        ? claim(address).pipe(
            Effect.map((generation): FenceEvent => ({ type: "Claimed", generation })),
            Effect.catch((why) => Effect.succeed<FenceEvent>({ type: "ClaimFailed", why })),
            Effect.map((event) => post(address, event))
          )
        : giveBack(address)
    return Effect.asVoid(Effect.forkIn(asked, outer))
  }

  const onSegment = (holding: Holding, say: (segment: Segment) => Effect.Effect<void, { readonly message: string }>) =>
    segmentOf(holding.claim.interface).pipe(
      Effect.flatMap(say),
      Effect.catch((error) => Effect.sync(() => post(holding.claim.address, { type: "PutFailed", why: error.message })))
    )

  const carryOut = (holding: Holding, action: FenceAction): Effect.Effect<void> => {
    const { address } = holding.claim
    const local = localOf(holding.claim)
    switch (action.type) {
      case "Claim":
      case "Unclaim":
        return ask(address, action.type)
      case "Probe":
        return onSegment(holding, (segment) => segment.probe(address))
      case "Announce":
        return onSegment(holding, (segment) => segment.announce(address))
      case "Hold":
        return link.hold(local, action.seconds).pipe(
          Effect.map((added) => post(address, { type: "Put", added })),
          Effect.catch((error) => Effect.sync(() => post(address, { type: "PutFailed", why: error.message })))
        )
      case "Drop":
        return Effect.catch(Effect.asVoid(link.remove(local)), (error) => Effect.logError(error.message))
      case "Open":
        return Effect.void
      case "Close":
        return action.end === "vanish" ? supervisor.vanish(address) : Effect.void
      case "Report": {
        const text = `${address}: ${action.text}`
        if (action.level === "error") return Effect.logError(text)
        return action.level === "warning" ? Effect.logWarning(text) : Effect.logInfo(text)
      }
    }
  }

  const feed = Effect.fnUntraced(function* (holding: Holding, event: FenceEvent) {
    const before = holding.fence
    const { fence, actions } = fenceStep(before, event, now(), config)
    holding.fence = fence
    if (fence.since !== before.since) holding.sinceWall = wallClock()
    for (const action of actions) yield* carryOut(holding, action)
    if (fence.phase === before.phase && fence.reason === before.reason) return
    yield* followTakeover(holding.claim.address, fence)
    PubSub.publishUnsafe(changed, undefined)
  })

  /** What the store says by now: the lease, and who has claimed what. */
  const look = Effect.gen(function* () {
    const { view, entries } = cluster.state()
    for (const member of view.members) for (const mac of Object.values(member.macs)) macs.set(mac, member.name)
    const lease = cluster.lease()
    const gone = leaseId !== undefined && lease.id !== leaseId
    const renewed = lease.until > leaseUntil || (lease.id !== leaseId && lease.id !== undefined)
    leaseId = lease.id
    leaseUntil = lease.until
    const claimants = new Map(view.claims.map((claimed) => [claimed.address, claimed.node]))
    for (const [address, holding] of holdings) {
      if (gone) yield* feed(holding, { type: "LeaseGone" })
      if (renewed) yield* feed(holding, { type: "Lease", until: lease.until })
      const claimant = entries.has(claimKey(address)) ? claimants.get(address) : undefined
      const other = claimant === node ? undefined : claimant
      if (other !== undefined) yield* feed(holding, { type: "Taken", by: other })
      holding.freed = other === undefined && (holding.freed === true || holding.claimedBy !== undefined)
      holding.claimedBy = other
    }
  })

  /** A claim that is on its way will fail because of the one that has just gone: that is waited for. */
  const tellFreed = Effect.gen(function* () {
    for (const holding of holdings.values()) {
      const { phase, wakeAt } = holding.fence
      if (holding.freed !== true || (phase === "claiming" && !Number.isFinite(wakeAt))) continue
      holding.freed = false
      yield* feed(holding, { type: "Freed" })
    }
  })

  const forgetIdle = Effect.gen(function* () {
    for (const [address, { fence }] of holdings) if (fence.phase === "idle" && !fence.wanted) holdings.delete(address)
    const used = new Set([...holdings.values()].map(({ claim: { interface: name } }) => name))
    for (const [name, { scope }] of segments) {
      if (used.has(name)) continue
      segments.delete(name)
      yield* Scope.close(scope, Exit.void)
    }
  })

  const loop = Effect.gen(function* () {
    for (;;) {
      const wake = Math.min(...[...holdings.values()].map(({ fence }) => fenceWake(fence)))
      const take = Queue.take(signal)
      yield* Number.isFinite(wake) ? Effect.timeoutOption(take, Math.max(1, wake - now())) : take
      yield* look
      for (let next = inbox.shift(); next !== undefined; next = inbox.shift()) {
        const holding = holdings.get(next.address)
        if (holding !== undefined) yield* feed(holding, next.event)
      }
      yield* tellFreed
      for (const holding of holdings.values())
        if (fenceWake(holding.fence) <= now()) yield* feed(holding, { type: "Tick" })
      yield* forgetIdle
    }
  })
  yield* Effect.forkScoped(
    Effect.tapCause(loop, (cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.void
        : Effect.logError("the elector ended by a fault of this program", cause)
    )
  )
  const poke = Effect.sync(() => Queue.offerUnsafe(signal, undefined))
  yield* Effect.forkScoped(
    Stream.runForEach(Stream.merge(cluster.changes, cluster.renewals), () => poke),
    { startImmediately: true }
  )
  yield* link
    .watch(() => {
      for (const address of holdings.keys()) post(address, { type: "LinkUp" })
    })
    .pipe(Effect.catch((error) => Effect.logWarning(`changes of interfaces are not seen: ${error.message}`)))

  const want = (name: string, claims: ReadonlyArray<PlannedClaim>): void => {
    node = name
    const wanted = new Set(claims.map(({ address }) => address))
    for (const one of claims) {
      const there = holdings.get(one.address)
      if (there === undefined) {
        holdings.set(one.address, { claim: one, fence: makeFence(now()), sinceWall: wallClock() })
        post(one.address, { type: "Lease", until: leaseUntil })
      } else if (there.fence.phase === "idle") there.claim = one
      if (there?.fence.wanted !== true) post(one.address, { type: "Want" })
    }
    for (const [address, { fence }] of holdings)
      if (!wanted.has(address) && fence.wanted)
        post(address, { type: "Unwant", reason: "not assigned to this node any more" })
  }

  return Elector.of({
    want: (name, claims) => Effect.sync(() => want(name, claims)),
    held: () => [...holdings].flatMap(([address, { fence }]) => (holds(fence) ? [address] : [])).sort(),
    standings: () =>
      [...holdings.values()].map(({ claim: { address, interface: name }, fence, sinceWall }) => ({
        address,
        phase: fence.phase,
        reason: fence.reason,
        since: sinceWall,
        interface: name,
        wanted: fence.wanted
      })),
    closed: (address) => Effect.sync(() => post(address, { type: "Closed" })),
    changes: Stream.fromPubSub(changed),
    idle: Effect.sync(() => [...holdings.values()].every(({ fence }) => fence.phase === "idle"))
  })
})
