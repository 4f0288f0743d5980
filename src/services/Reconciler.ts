// From documents and the cluster's view to a running node: read, validate, plan, apply, and again whenever one of them changes. A
// config that is not valid, a node that is not in it, or pools that would take a service's address away change nothing and
// are remembered as the last error (I5). Rows S5, S6, S8, S20; decisions D2, D5; invariants I2, I4, I8.
import { Cause, Clock, Context, Effect, Layer, Queue, Schema, Semaphore, Stream } from "effect"
import { configKey, configValue } from "../cluster/layout.ts"
import type { DaemonSettings } from "../config/daemonSettings.ts"
import { type ConfigResult, loadCluster } from "../config/load.ts"
import { formatProblem } from "../config/problem.ts"
import { losing } from "../ipam/restore.ts"
import type { Address } from "../net/ip.ts"
import type { ClusterNode, DesiredCluster } from "../plan/desired.ts"
import { allNodes, findSelf } from "../plan/findSelf.ts"
import { ownAddress } from "../plan/ownAddress.ts"
import { planNode } from "../plan/planNode.ts"
import type { ClusterStanding, LocalAddress, NodePlan, NodeView, PlannedSession, Refusal } from "../plan/types.ts"
import type { Member } from "../plan/view.ts"
import { ClusterStore } from "../ports/ClusterStore.ts"
import { ConfigSource } from "../ports/ConfigSource.ts"
import { LinkControl } from "../ports/LinkControl.ts"
import type { NodeStatus, StoreStatus } from "../resources/nodeStatus.ts"
import { Allocator } from "./Allocator.ts"
import { Cluster } from "./Cluster.ts"
import { elsewhere, floatingIpStatus, makePoolStatus, memberStatus, serviceStatus } from "./clusterStatus.ts"
import { Elector } from "./Elector.ts"
import { EventJournal } from "./EventJournal.ts"
import { cease, type EndMode } from "./endMode.ts"
import { reconcileSeconds, timed } from "./measures.ts"
import { Supervisor } from "./Supervisor.ts"
import { keepTelling } from "./telling.ts"

/** The config was refused; every line is a problem with its place. */
export class ConfigRefused extends Schema.TaggedError<ConfigRefused>()("ConfigRefused", { message: Schema.String }) {}

export interface NodeOptions {
  /** `--node`: a name or an address in the file. Absent: found by the local addresses. */
  readonly node?: string
  /** What the node calls itself where the file gives it no name. */
  readonly hostname: string
  readonly version: string
  readonly settings: DaemonSettings
}

export class Reconciler extends Context.Service<
  Reconciler,
  {
    /** Reads the documents and makes the node follow them. Refusal leaves everything as it was. */
    readonly reload: Effect.Effect<void, ConfigRefused>
    /** The same, also where services lose the address that their pool no longer has. */
    readonly forceReload: Effect.Effect<void, ConfigRefused>
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
  readonly cluster: DesiredCluster
  readonly hash: string
  readonly at: number
  readonly self: ClusterNode
  readonly name: string
}

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

const makeReconciler = Effect.fnUntraced(function* (options: NodeOptions) {
  const source = yield* ConfigSource
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
  let lastError: string | undefined
  let leaving = false
  /** A config was accepted that the cluster has not been told of. */
  let unnoted: { readonly reloaded: boolean } | undefined
  /** Set when the store was heard first: until then nodes that have not shown up are waited for. */
  let settledAt: number | undefined

  const wakeUp = (): void => {
    Queue.offerUnsafe(wake, undefined)
  }

  const load = Effect.gen(function* () {
    const files = yield* source.read
    const result = loadCluster(files)
    for (const problem of result.problems)
      if (problem.severity === "warning") yield* Effect.logWarning(formatProblem(problem))
    return yield* valid(result)
  })

  /** What is on the node of its own: nothing that this program put there, and no VIP. */
  const ownAddresses = Effect.fnUntraced(function* (desired: DesiredCluster) {
    const vips = new Set<string>(desired.loadBalancer.controlPlaneVips)
    const all = yield* link.addresses
    return all.flatMap(({ ours, ...local }) => (ours || vips.has(local.address) ? [] : [local]))
  })

  const findNode = Effect.fnUntraced(function* (desired: DesiredCluster) {
    const addresses = yield* ownAddresses(desired)
    const found = findSelf(desired, {
      ...(options.node === undefined ? {} : { node: options.node }),
      addresses: addresses.map(({ address }) => address)
    })
    if ("reason" in found) return yield* new ConfigRefused({ message: found.reason })
    const named = found.node.name !== found.node.address
    return { self: found.node, name: named ? found.node.name : options.hostname }
  })

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
        ...(leaving ? { leaving } : {})
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

  /**
   * The cluster's config revision: counted up by whoever is given another config while it runs. A node that starts with another one
   * says so and does not count: it may as well be the one that missed the last change.
   */
  const noteRevision = Effect.fnUntraced(function* ({ hash, name }: Accepted, reloaded: boolean) {
    const { entries, view } = cluster.state()
    const current = view.config
    if (current?.hash === hash) return
    if (current !== undefined && !reloaded)
      return yield* Effect.logWarning(
        `this node runs config ${hash}, revision ${current.revision} of the cluster's config is ${current.hash} ` +
          `(from node ${current.node}, ${current.at}): give all nodes the same file`
      )
    const at = new Date(yield* Clock.currentTimeMillis).toISOString()
    const next = { revision: (current?.revision ?? 0) + 1, hash, node: name, at }
    const when = [{ key: configKey, modRevision: entries.get(configKey)?.modRevision ?? 0 }]
    const put = { type: "put" as const, key: configKey, value: configValue(next) }
    const { done } = yield* cluster.commit({ when, operations: [put] })
    // Another node was faster: with the same config as a rule, and if not, its word is the later one.
    if (done) yield* Effect.logInfo(`config ${hash} is revision ${next.revision} of the cluster's config`)
  })

  /** Once for each config that was accepted, as soon as the store can be asked. */
  const noteOnce = Effect.suspend(() => {
    if (unnoted === undefined || accepted === undefined || cluster.state().store !== "connected") return Effect.void
    const { reloaded } = unnoted
    unnoted = undefined
    return Effect.catch(noteRevision(accepted, reloaded), (error) =>
      Effect.logWarning(`the config revision could not be written: ${error.message}`)
    )
  })

  /** The node as its config and the cluster want it by now. */
  const followOnce = Effect.fnUntraced(function* (config: Accepted) {
    const { cluster: desired, self, name } = config
    const addresses = yield* ownAddresses(desired)
    const me = yield* memberOf(config, addresses)
    const why = noStanding(desired)
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

  const refuseLosses = Effect.fnUntraced(function* (desired: DesiredCluster, before: DesiredCluster) {
    const { bindings } = cluster.state().view
    const lost = losing(desired.loadBalancer.pools, desired.services, bindings, before.loadBalancer.pools)
    if (lost.length === 0) return
    const lines = lost.map(({ service, address, reason }) => `service ${service} would lose ${address}: ${reason}`)
    return yield* new ConfigRefused({ message: [...lines, "reload with --force to move them"].join("\n") })
  })

  const accept = Effect.fnUntraced(function* (force: boolean) {
    const { cluster: desired, hash } = yield* load
    const found = yield* findNode(desired)
    if (accepted !== undefined && !force) yield* refuseLosses(desired, accepted.cluster)
    if (force) yield* allocator.force(desired)
    const same = accepted?.hash === hash
    const next: Accepted = { cluster: desired, hash, at: yield* Clock.currentTimeMillis, ...found }
    yield* follow(next)
    if (!same) unnoted = { reloaded: accepted !== undefined }
    accepted = next
    lastError = undefined
    wakeUp()
    const { sessions, addresses } = plan ?? { sessions: [], addresses: [] }
    const what = `${sessions.length} sessions, ${addresses.length} addresses on node ${next.name}`
    yield* Effect.logInfo(`config ${source.name} ${same ? "means the same as before" : "accepted"}: ${what}`)
  })

  const refused = Effect.fnUntraced(function* (error: { readonly message: string }) {
    lastError = error.message
    return yield* new ConfigRefused({ message: error.message })
  })

  const reload = (force: boolean) => one.withPermits(1)(Effect.catch(accept(force), refused))

  const followAgain = one.withPermits(1)(
    Effect.suspend(() => (accepted === undefined ? Effect.void : follow(accepted))).pipe(
      Effect.catch((error) => Effect.logError(`the node does not follow the cluster: ${error.message}`))
    )
  )

  const keepFollowing = Effect.gen(function* () {
    for (;;) {
      const take = Queue.take(wake)
      const waitMs = settledAt === undefined || settledAt === 0 ? undefined : Math.max(1, settledAt - now())
      yield* waitMs === undefined ? take : Effect.timeoutOption(take, waitMs)
      yield* followAgain
      yield* Effect.forkIn(noteOnce, outer)
    }
  })
  yield* Effect.forkScoped(
    Effect.tapCause(keepFollowing, (cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.void
        : Effect.logError("the reconciler ended by a fault of this program", cause)
    )
  )
  for (const changes of [cluster.changes, elector.changes, allocator.changes])
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
  const status = Effect.gen(function* () {
    const { view } = cluster.state()
    const storeStatus = yield* cluster.status
    const nowMs = yield* Clock.currentTimeMillis
    return {
      node: accepted?.name ?? options.node ?? options.hostname,
      cluster: accepted?.cluster.name ?? "",
      version: options.version,
      startedAt,
      config: {
        source: source.name,
        loadedAt: accepted === undefined ? startedAt : new Date(accepted.at).toISOString(),
        hash: accepted?.hash ?? "",
        mode: "file" as const,
        revision: view.config?.revision ?? 0,
        ...(view.config === undefined ? {} : { cluster: view.config }),
        ...(lastError === undefined ? {} : { lastError })
      },
      floatingIps: floatingIpStatus(plan, view, elector.standings(), startedAt),
      services: serviceStatus(plan, allocator.statuses()),
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
    leaving = true
    yield* followAgain
    const others = cluster.state().view.members.length > 1
    const poll = Effect.andThen(Effect.sleep(10), elector.idle)
    yield* Effect.timeoutOption(Effect.repeat(poll, { until: (idle) => idle }), giveBackMs)
    if (others) yield* Effect.sleep(withdrawElsewhereMs)
  })

  return Reconciler.of({
    reload: reload(false),
    forceReload: reload(true),
    leave,
    desired: () => accepted?.cluster,
    status
  })
})

const valid = (result: ConfigResult): Effect.Effect<{ cluster: DesiredCluster; hash: string }, ConfigRefused> => {
  const errors = result.problems.filter(({ severity }) => severity === "error")
  if (errors.length === 0 && result.cluster !== undefined)
    return Effect.succeed({ cluster: result.cluster, hash: result.hash ?? "" })
  const message = errors.map(formatProblem).join("\n") || "the files hold no Cluster document"
  return Effect.fail(new ConfigRefused({ message }))
}
