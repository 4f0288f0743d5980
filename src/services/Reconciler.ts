// From the config in force and the cluster's view to a running node: plan, apply, and again whenever one of them changes. Which config is in
// force is the ConfigStore's affair. A node that is not in it hands over what it has, in order, and holds nothing.
// Rows S5, S6, S8, S20; decisions D2, D5; invariants I2, I4, I5, I8.
import { Cause, Clock, Context, Effect, Layer, Queue, Semaphore, Stream } from "effect"
import type { DaemonSettings } from "../config/daemonSettings.ts"
import type { Address } from "../net/ip.ts"
import type { ClusterNode, DesiredCluster } from "../plan/desired.ts"
import { allNodes } from "../plan/findSelf.ts"
import { ownAddress } from "../plan/ownAddress.ts"
import { planNode } from "../plan/planNode.ts"
import type { ClusterStanding, LocalAddress, NodePlan, NodeView, PlannedSession, Refusal } from "../plan/types.ts"
import type { Member } from "../plan/view.ts"
import { ClusterStore } from "../ports/ClusterStore.ts"
import { LinkControl } from "../ports/LinkControl.ts"
import type { NodeStatus, StoreStatus } from "../resources/nodeStatus.ts"
import { Allocator } from "./Allocator.ts"
import { Cluster } from "./Cluster.ts"
import { ConfigStore } from "./ConfigStore.ts"
import { elsewhere, floatingIpStatus, makePoolStatus, makeServiceStatus, memberStatus } from "./clusterStatus.ts"
import type { ConfigRefused } from "./configStanding.ts"
import { Elector } from "./Elector.ts"
import { EventJournal } from "./EventJournal.ts"
import { cease, type EndMode } from "./endMode.ts"
import type { InForce } from "./inForce.ts"
import { reconcileSeconds, timed } from "./measures.ts"
import { Supervisor } from "./Supervisor.ts"
import { keepTelling } from "./telling.ts"
import { type Hints, ownAddresses, whoAmI } from "./whoAmI.ts"

export interface NodeOptions extends Hints {
  readonly version: string
  readonly settings: DaemonSettings
}

export class Reconciler extends Context.Service<
  Reconciler,
  {
    /** Takes up the config in force, if there is one by now, and follows it and the cluster from then on. */
    readonly start: Effect.Effect<void, ConfigRefused>
    /** Hands what moves over to the other nodes: no next hop here any more, floating IPs given back in order (D8). */
    readonly leave: Effect.Effect<void>
    /** What the documents in force want; undefined: none was accepted yet. */
    readonly desired: () => DesiredCluster | undefined
    /** Everything but the process's own figures. */
    readonly status: Effect.Effect<Omit<NodeStatus, "process">>
  }
>()("viaduct/services/Reconciler") {
  static readonly layer = (options: NodeOptions) => Layer.effect(Reconciler, makeReconciler(options))
}

interface Accepted {
  readonly serial: number
  readonly cluster: DesiredCluster
  readonly hash: string
  readonly self: ClusterNode
  readonly name: string
}

const noServices: NodePlan["services"] = []
const noPools: DesiredCluster["loadBalancer"]["pools"] = []

const deconfigured = cease({ subcode: 3 })

const hasSuccessor = ({ assignments, node }: NodePlan, address: Address): boolean => {
  const successor = assignments.find((one) => one.address === address)?.node
  return successor !== undefined && successor !== node
}

const refusalText = ({ subject, reason }: Refusal): string => `${subject}: ${reason}`

/** How long a stop waits for the other nodes to send traffic elsewhere, and for addresses to be given back, in ms. */
const withdrawElsewhereMs = 300
const giveBackMs = 1_000

/** Long enough for a segment to be sent three times; the fence waits a second at most. */
const goodbyeAfter = "700 millis"

/** A node that could not follow its config tries again so soon. */
const retryAfter = "1 second"

const noPlan = (node: string): NodePlan => ({
  node,
  sessions: [],
  addresses: [],
  claims: [],
  assignments: [],
  services: [],
  refusals: []
})

const makeReconciler = Effect.fnUntraced(function* (options: NodeOptions) {
  const configs = yield* ConfigStore
  const link = yield* LinkControl
  const store = yield* ClusterStore
  const supervisor = yield* Supervisor
  const cluster = yield* Cluster
  const elector = yield* Elector
  const allocator = yield* Allocator
  const journal = yield* EventJournal
  const startedAt = new Date(yield* Clock.currentTimeMillis).toISOString()
  const { now } = yield* Clock.clockWith((clock) =>
    Effect.succeed({ now: () => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n) })
  )
  const outer = yield* Effect.scope
  const one = yield* Semaphore.make(1)
  const wake = yield* Queue.sliding<void>(1)
  const leaseMs = options.settings.leaseSeconds * 1_000
  let accepted: Accepted | undefined
  let plan: NodePlan | undefined
  let stopping = false
  /** Why the config in force is not for this node; it holds nothing then. */
  let outside: { reason: string; handedOver: boolean } | undefined
  /** What the cluster knows of this node. */
  let published: Member | undefined
  /** Set when the store was heard first: until then nodes that have not shown up are waited for. */
  let settledAt: number | undefined

  const wakeUp = (): void => {
    Queue.offerUnsafe(wake, undefined)
  }

  const memberOf = ({ cluster: desired, self, name, hash }: Accepted, addresses: ReadonlyArray<LocalAddress>) =>
    Effect.map(link.interfaces, (interfaces): Member => {
      const view = { name, addresses }
      const [ipv4, ipv6] = (["ipv4", "ipv6"] as const).map((family) => ownAddress(desired, view, self, family))
      const used = new Set(addresses.map((local) => local.interface))
      return {
        name,
        address: self.address,
        addresses,
        macs: Object.fromEntries(
          interfaces.flatMap((one) => (used.has(one.name) && /[1-9a-f]/.test(one.mac) ? [[one.name, one.mac]] : []))
        ),
        nextHops: { ...(ipv4 === undefined ? {} : { ipv4 }), ...(ipv6 === undefined ? {} : { ipv6 }) },
        version: options.version,
        configHash: hash,
        startedAt,
        ...(stopping || outside !== undefined ? { leaving: true } : {})
      }
    })

  /** Who holds what is only decided in a store that all nodes share. */
  const noStanding = (desired: DesiredCluster): string | undefined => {
    const nodes = allNodes(desired)
    if (store.kind === "embedded" && nodes.length > 1)
      return (
        `the cluster has ${nodes.length} nodes and this one keeps its state to itself: ` +
        "name the etcd that they share in a DaemonConfig document or with --etcd"
      )
    return cluster.state().store === "never" ? `no word from the store yet (${store.name})` : undefined
  }

  const settling = (desired: DesiredCluster, members: ReadonlyArray<Member>): boolean => {
    const there = new Set(members.map(({ address }) => address))
    const missing = allNodes(desired).some(({ address }) => !there.has(address))
    settledAt ??= now() + leaseMs
    if (missing && now() < settledAt) return true
    settledAt = 0
    return false
  }

  const standing = (desired: DesiredCluster, me: Member): ClusterStanding => {
    const { view } = cluster.state()
    // Of itself a node knows more than the store does, also while it has yet to join.
    const members = [...view.members.filter(({ name }) => name !== me.name), me]
    const claimed = new Set(view.claims.map(({ address }) => address))
    const underWay = elector
      .standings()
      .flatMap(({ address, wanted }) =>
        wanted && !claimed.has(address) ? [{ address, node: me.name, generation: 0 }] : []
      )
    return {
      // What this node is about to claim counts as claimed until the store says otherwise: a plan that did not count it would
      // give it to somebody else, and the next one, which sees the claim, back.
      view: { ...view, members, claims: [...underWay, ...view.claims] },
      held: elector.held(),
      sessionNames: new Map((plan?.sessions ?? []).map(({ key, name }) => [key, name])),
      settling: settling(desired, members)
    }
  }

  /**
   * An address goes when its sessions have ended. Where no node goes on with them they said goodbye, and while the address is here the
   * kernel sends again what of it was lost; nobody waits for the address.
   */
  const letGo = (address: Address, successor: boolean) =>
    supervisor
      .ended(address)
      .pipe(
        Effect.andThen(successor ? Effect.void : Effect.sleep(goodbyeAfter)),
        Effect.andThen(elector.closed(address))
      )

  /** Why a session goes decides how: its peer or floating IP is not wanted, another node goes on with it, or has it already. */
  const endingOf =
    (desired: DesiredCluster, next: NodePlan) =>
    ({ purpose, parameters: { localAddress } }: PlannedSession): EndMode => {
      if (purpose === "control-plane" || !desired.floatingIps.includes(localAddress)) return deconfigured
      const stands = elector.standings().find(({ address }) => address === localAddress)
      if (stands?.phase === "held" || stands?.phase === "holdover") return deconfigured
      if (stands?.phase !== "releasing") return { type: "vanish" }
      return hasSuccessor(next, localAddress) ? { type: "leave" } : deconfigured
    }

  /** The node as its config and the cluster want it by now. */
  const followOnce = Effect.fnUntraced(function* (config: Accepted) {
    const { cluster: desired, self, name } = config
    const addresses = yield* ownAddresses(link, desired)
    const me = yield* memberOf(config, addresses)
    const why = noStanding(desired)
    published = me
    if (why === undefined || store.kind !== "embedded") yield* cluster.publish(me)
    yield* allocator.follow(me, desired, why === undefined && desired.type !== "admin")
    const view: NodeView = {
      name,
      addresses,
      ...(why === undefined ? { cluster: standing(desired, me) } : { withoutCluster: why })
    }
    const next = planNode(desired, view, self)
    const held = view.cluster?.held ?? []
    yield* elector.want(name, next.claims)
    const incomplete = cluster.state().store === "never" && store.kind !== "embedded"
    yield* supervisor.apply(next, { ending: endingOf(desired, next), incomplete })
    const known = new Set((plan?.refusals ?? []).map(refusalText))
    for (const refusal of next.refusals.map(refusalText)) if (!known.has(refusal)) yield* Effect.logInfo(refusal)
    plan = next
    for (const { address, phase } of elector.standings())
      if (phase === "releasing" && !held.includes(address))
        yield* Effect.forkIn(letGo(address, hasSuccessor(next, address)), outer)
  })

  const follow = (config: Accepted) => timed(reconcileSeconds, Effect.withSpan(followOnce(config), "reconcile"))

  const givenBack = Effect.suspend(() => {
    const poll = Effect.andThen(Effect.sleep(10), elector.idle)
    return Effect.timeoutOption(Effect.repeat(poll, { until: (idle) => idle }), giveBackMs)
  })

  /** As at a stop: with nobody but this node waiting for it, and only while it lasts. */
  const handOver = Effect.fnUntraced(function* (mine: NonNullable<typeof outside>) {
    yield* givenBack
    if (cluster.state().view.members.length > 1) yield* Effect.sleep(withdrawElsewhereMs)
    mine.handedOver = true
    wakeUp()
  })

  /** The config is not for this node: what moves is handed over, then everything goes. */
  const standAside = Effect.fnUntraced(function* (config: InForce, reason: string) {
    if (outside?.reason !== reason) yield* Effect.logWarning(`this node holds nothing: ${reason}`)
    if (outside === undefined) {
      outside = { reason, handedOver: accepted === undefined }
      if (!outside.handedOver) yield* Effect.forkIn(handOver(outside), outer)
    }
    outside.reason = reason
    // The others go by the new config already; by the old one this node knows who goes on with its addresses.
    if (!outside.handedOver && accepted !== undefined) return yield* follow({ ...accepted, hash: config.hash })
    const node = accepted?.name ?? plan?.node ?? options.node ?? options.hostname
    accepted = undefined
    plan = { ...noPlan(node), refusals: [{ subject: `node ${node}`, reason }] }
    yield* elector.want(node, [])
    yield* supervisor.apply(plan, { ending: () => deconfigured })
    if (published === undefined) return
    published = { ...published, configHash: config.hash, leaving: true }
    yield* cluster.publish(published)
    yield* allocator.follow(published, config.cluster, false)
  })

  const accept = Effect.fnUntraced(function* (config: InForce) {
    const found = yield* Effect.result(whoAmI(link, options, config.cluster))
    if (found._tag === "Failure") {
      if (found.failure._tag !== "NotInConfig") return yield* found.failure
      return yield* standAside(config, found.failure.message)
    }
    outside = undefined
    if (config.force)
      yield* Effect.catch(allocator.force(config.cluster), ({ message }) =>
        Effect.logError(`services that shall move keep their addresses for now: ${message}`)
      )
    const { serial, cluster: desired, hash, info } = config
    accepted = { serial, cluster: desired, hash, ...found.success }
    yield* follow(accepted)
    wakeUp()
    const { sessions, addresses } = plan ?? { sessions: [], addresses: [] }
    const { mode, source, note } = configs.status()
    const what =
      info === undefined
        ? mode === "store"
          ? "of this node's own file"
          : source
        : `revision ${info.revision} (${info.origin}${info.origin === "file" ? ` of ${info.node}` : ` by ${info.by}`})`
    yield* Effect.logInfo(
      `config ${what} accepted: ${sessions.length} sessions, ${addresses.length} addresses on node ${accepted.name}` +
        (note === undefined ? "" : `; ${note}`)
    )
  })

  /** Takes up the config in force where that is a new one; else the node as its config and the cluster want it by now. */
  const followAgain = Effect.gen(function* () {
    const config = configs.current()
    if (config === undefined) return
    const fresh = config.serial !== accepted?.serial
    if (fresh && !stopping) yield* accept(config)
    else if (accepted !== undefined) yield* follow(accepted)
    configs.took(config)
  })

  const keepUp = one.withPermits(1)(
    Effect.catch(followAgain, (error) =>
      Effect.andThen(
        Effect.logError(`the node does not follow its config and the cluster: ${error.message}`),
        Effect.forkIn(Effect.andThen(Effect.sleep(retryAfter), Effect.sync(wakeUp)), outer)
      )
    )
  )

  const keepFollowing = Effect.gen(function* () {
    for (;;) {
      const take = Queue.take(wake)
      const waitMs = settledAt === undefined || settledAt === 0 ? undefined : Math.max(1, settledAt - now())
      yield* waitMs === undefined ? take : Effect.timeoutOption(take, waitMs)
      yield* keepUp
    }
  })
  yield* Effect.forkScoped(
    Effect.tapCause(keepFollowing, (cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.void
        : Effect.logError("the reconciler ended by a fault of this program", cause)
    )
  )
  for (const changes of [configs.changes, cluster.changes, elector.changes, allocator.changes])
    yield* Effect.forkScoped(
      Stream.runForEach(changes, () => Effect.sync(wakeUp)),
      { startImmediately: true }
    )
  yield* Effect.catch(link.watch(wakeUp), (error) =>
    Effect.logWarning(`changes of addresses are not seen: ${error.message}`)
  )

  /** Up to when the nodes whose leases stand are known to have been alive, in ms since the epoch. */
  const provenMs = ({ state, since }: StoreStatus, nowMs: number): number =>
    (state === "connected" ? nowMs : Date.parse(since)) - leaseMs

  const poolStatus = makePoolStatus()
  const serviceStatus = makeServiceStatus()
  const status = Effect.gen(function* () {
    const { view } = cluster.state()
    const storeStatus = yield* cluster.status
    const nowMs = yield* Clock.currentTimeMillis
    return {
      node: accepted?.name ?? options.node ?? options.hostname,
      ...(accepted === undefined ? {} : { address: accepted.self.address }),
      cluster: accepted?.cluster.name ?? "",
      version: options.version,
      startedAt,
      config: {
        ...configs.status(),
        hash: accepted?.hash ?? "",
        ...(outside === undefined ? {} : { note: `this node holds nothing: ${outside.reason}` })
      },
      floatingIps: floatingIpStatus(plan, view, elector.standings(), startedAt),
      services: serviceStatus(plan?.services ?? noServices, allocator.statuses()),
      pools: poolStatus(accepted?.cluster.loadBalancer.pools ?? noPools, view.bindings, view.resting),
      events: journal.events(),
      elsewhere: elsewhere(view, accepted?.name ?? "", provenMs(storeStatus, nowMs)),
      members: memberStatus(view),
      store: storeStatus,
      ...(yield* supervisor.status)
    }
  })

  yield* keepTelling(Effect.suspend(() => (accepted === undefined ? Effect.succeed(undefined) : status)))

  const leave = Effect.gen(function* () {
    stopping = true
    yield* keepUp
    const others = cluster.state().view.members.length > 1
    yield* givenBack
    if (others) yield* Effect.sleep(withdrawElsewhereMs)
  })

  configs.introduce(() => {
    if (accepted === undefined) return undefined
    const sessionNames = new Map((plan?.sessions ?? []).map(({ key, name }) => [key, name]))
    return {
      name: accepted.name,
      addresses: published?.addresses ?? [],
      sessionNames,
      established: supervisor.established()
    }
  })

  const start = Effect.gen(function* () {
    yield* configs.start
    yield* keepUp
  })

  return Reconciler.of({ start, leave, desired: () => accepted?.cluster, status })
})
