// Carries a node's plan out: one supervised fiber per session, the addresses on the node, in the order that keeps traffic
// whole: address before announcement, withdrawal before removal (I8). A new plan touches only what differs (I5), and a
// route whose address the kernel refused is not announced, with the reason (I9). What takes time (a slow peer that is to take
// a withdrawal, an address that waits for it) goes on beside everything else: no failover waits for it.
import { type Cause, Context, Deferred, Effect, Exit, Layer, PubSub, Schedule, Scope, Semaphore, Stream } from "effect"
import { UpdateGroups } from "../bgp/adjRibOut.ts"
import type { StopReason } from "../bgp/fsm/types.ts"
import { type Address, hostPrefix } from "../net/ip.ts"
import { diffPlans, type ResetSession } from "../plan/diff.ts"
import type { LocalAddress, NodePlan, PlannedAddress, PlannedRoute, PlannedSession } from "../plan/types.ts"
import { LinkControl } from "../ports/LinkControl.ts"
import type { Secrets } from "../ports/Secrets.ts"
import type { Transport } from "../ports/Transport.ts"
import type { NodeStatus, SessionStatus } from "../resources/nodeStatus.ts"
import { cease, type EndMode } from "./endMode.ts"
import { Listeners } from "./Listeners.ts"
import { runSession, type Session, type SessionObserver } from "./SessionRunner.ts"
import { fsmConfig } from "./sessionConfig.ts"
import { sessionSpans } from "./sessionSpans.ts"
import { stretches } from "./spans.ts"

type AddressStatus = NodeStatus["addresses"][number]

interface Running {
  planned: PlannedSession
  readonly session: Session
  readonly scope: Scope.Closeable
}

/** A session on its way out; its successor under the same key waits for it. */
interface Ending {
  readonly localAddress: Address
  readonly session: Session
  readonly gone: Deferred.Deferred<void>
}

/** What of a node's status the supervisor knows. */
export type PlanStatus = Pick<NodeStatus, "sessions" | "addresses" | "refusals">

/** How often the addresses are looked after: somebody may take one off, and a refusal may pass. */
const addressCheck = Schedule.spaced("5 seconds")

const restartAfter = "1 second"

const deconfigured = cease({ subcode: 3 })
const reconfigured = cease({ subcode: 6 })

/** The same speaker with other timers or capabilities: a peer that keeps the routes meanwhile loses nothing (RFC 4724). */
const resetMode = ({ before, after, changed }: ResetSession): EndMode => {
  const kept = before.parameters.gracefulRestart !== undefined && after.parameters.gracefulRestart !== undefined
  const another = changed.some((name) => name === "localAsn" || name === "peerAsn" || name === "routerId")
  return kept && !another ? { type: "leave" } : reconfigured
}

/** How long addresses wait at most for what leads to them to be withdrawn. */
const withdrawalMost = "1 second"

export interface ApplyOptions extends EndOptions {
  /** The plan may still lack what only the store knows: what an earlier run left on the node stays until it does not. */
  readonly incomplete?: boolean
}

export interface EndOptions {
  /** How a session that is to go ends; without it, with a Cease. */
  readonly ending?: (session: PlannedSession) => EndMode
}

export class Supervisor extends Context.Service<
  Supervisor,
  {
    /**
     * Makes the node hold exactly what the plan says. Done when all is done that needs nobody else: sessions that vanish are
     * gone, addresses are on, new sessions dial, changed routes are handed over. Withdrawals, endings and the addresses that
     * wait for them follow by themselves, within a second or so.
     */
    readonly apply: (plan: NodePlan, options?: ApplyOptions) => Effect.Effect<void>
    /** Ends every session from this address without a word, at once: it is another node's, or not on this node any more. */
    readonly vanish: (localAddress: Address) => Effect.Effect<void>
    /** Done when no session from this address is ending any more: what a floating IP waits for before it goes (I2, I8). */
    readonly ended: (localAddress: Address) => Effect.Effect<void>
    /**
     * Ends the sessions, with this reason unless `ending` says otherwise, then takes the addresses off. Bounded in time. The
     * addresses of routes that a session left behind stay: the peer sends traffic on, and the next run takes them over. Plans that
     * come afterwards are not carried out any more.
     */
    readonly stop: (reason: StopReason, options?: EndOptions) => Effect.Effect<void>
    readonly status: Effect.Effect<PlanStatus>
    /** Names of the sessions that are Established. */
    readonly established: () => ReadonlySet<string>
    /** Of these prefixes those that peers announce to us, by name of the session. */
    readonly heardBack: (prefixes: ReadonlySet<string>) => ReadonlyMap<string, ReadonlyArray<string>>
    /** Something in the status may have changed. */
    readonly changes: Stream.Stream<void>
  }
>()("viaduct/services/Supervisor") {
  static readonly layer = (options: SupervisorOptions = {}) =>
    Layer.effect(Supervisor, makeSupervisor(options)).pipe(Layer.provide(Listeners.layer))
}

export interface SupervisorOptions {
  /** Asked once per session, for whoever wants to look on. */
  readonly observe?: (planned: PlannedSession) => SessionObserver
  /** Where the addresses that are on the node outlive the process. Without it nothing of an earlier run is touched. */
  readonly record?: AddressRecord
}

/** The addresses that this daemon put on the node, kept over restarts. */
export interface AddressRecord {
  readonly read: Effect.Effect<ReadonlyArray<LocalAddress>>
  readonly write: (addresses: ReadonlyArray<LocalAddress>) => Effect.Effect<void>
}

const addressKey = ({ address, interface: name }: LocalAddress): string => `${address} ${name}`

const noRecord: AddressRecord = { read: Effect.succeed([]), write: () => Effect.void }

const makeSupervisor = Effect.fnUntraced(function* ({ observe = () => ({}), record = noRecord }: SupervisorOptions) {
  const link = yield* LinkControl
  const context = yield* Effect.context<Transport | Secrets | Listeners>()
  const outer = yield* Effect.scope
  const changed = yield* PubSub.sliding<void>(1)
  const one = yield* Semaphore.make(1)
  const begin = yield* stretches
  const groups = new UpdateGroups()
  const running = new Map<string, Running>()
  const ending = new Map<string, Ending>()
  const addresses = new Map<string, AddressStatus & { readonly planned: PlannedAddress }>()
  let plan: NodePlan | undefined
  /** What an earlier run left on the node and nobody has looked through yet. */
  let left = yield* record.read
  let swept = false
  let stopped = false
  const touch = (): void => {
    PubSub.publishUnsafe(changed, undefined)
  }

  /** Logs, wakes who watches, passes on. */
  const observer = (planned: PlannedSession): SessionObserver => {
    const own = observe(planned)
    const spans = sessionSpans(planned, begin)
    return {
      onTransition: (transition) => {
        const { from, to, event, reason, direction } = transition
        const log = { session: planned.name, old: from, new: to, event, reason, direction }
        const message = `session ${planned.name}: ${from} -> ${to}: ${reason}`
        Effect.runForkWith(context)(Effect.annotateLogs(Effect.logInfo(message), log))
        spans.moved(transition)
        own.onTransition?.(transition)
      },
      onChange: () => {
        touch()
        own.onChange?.()
      },
      onEnd: () => {
        spans.ended()
        own.onEnd?.()
      },
      onCrash: (cause) => void Effect.runForkWith(context)(Effect.forkIn(restart(planned.key, cause), outer)),
      ...(own.onMessage === undefined ? {} : { onMessage: own.onMessage }),
      ...(own.onFrame === undefined ? {} : { onFrame: own.onFrame })
    }
  }

  /** A route that leads to this node is held back while its address is not here; paths to other nodes are their affair. */
  const announceable = (routes: ReadonlyArray<PlannedRoute>): ReadonlyArray<PlannedRoute> => {
    const missing = new Set<string>()
    for (const { planned, state } of addresses.values())
      if (state === "failed") missing.add(hostPrefix(planned.address))
    const here = plan?.nextHopsHere
    return routes.filter((route) => !missing.has(route.prefix) || here?.includes(route.nextHop) === false)
  }

  const announce = ({ planned, session }: Pick<Running, "planned" | "session">): void =>
    session.announce(announceable(planned.routes), planned.formerIds)

  const start = Effect.fnUntraced(function* (planned: PlannedSession) {
    if (ending.has(planned.key)) return
    const scope = yield* Scope.fork(outer)
    const config = fsmConfig(planned.parameters, plan?.node ?? "")
    const session = yield* runSession(planned.parameters, config, observer(planned), groups).pipe(
      Scope.provide(scope),
      Effect.provideContext(context)
    )
    running.set(planned.key, { planned, session, scope })
    announce({ planned, session })
  })

  /** Begins to end a session; what vanishes is gone when this returns. */
  const end = Effect.fnUntraced(function* (key: string, mode: EndMode) {
    const entry = running.get(key)
    if (entry === undefined) return
    running.delete(key)
    const gone = yield* Deferred.make<void>()
    ending.set(key, { localAddress: entry.planned.parameters.localAddress, session: entry.session, gone })
    const whole = entry.session
      .stop(mode)
      .pipe(
        Effect.andThen(Scope.close(entry.scope, Exit.void)),
        Effect.exit,
        Effect.andThen(one.withPermits(1)(free(key)))
      )
    yield* Effect.forkIn(whole, outer, { startImmediately: true })
  })

  /** The session of this key is gone; one that the plan has wanted meanwhile may start. */
  const free = Effect.fnUntraced(function* (key: string) {
    const before = ending.get(key)
    ending.delete(key)
    const wanted = plan?.sessions.find((session) => session.key === key)
    if (wanted !== undefined) yield* start(wanted)
    if (before !== undefined) yield* Deferred.succeed(before.gone, undefined)
  })

  /** A session's fiber died of a mistake in this program: told in full, and the session starts anew. */
  const restart = Effect.fnUntraced(function* (key: string, cause: Cause.Cause<unknown>) {
    const crashed = running.get(key)
    if (crashed === undefined) return
    yield* Effect.logError(`session ${crashed.planned.name} ended by a fault of this program; it starts again`, cause)
    yield* Effect.sleep(restartAfter)
    yield* one.withPermits(1)(
      Effect.gen(function* () {
        if (running.get(key) !== crashed) return
        running.delete(key)
        yield* Scope.close(crashed.scope, Exit.void)
        yield* start(crashed.planned)
      })
    )
  })

  const put = Effect.fnUntraced(function* (planned: PlannedAddress) {
    const key = addressKey(planned)
    const before = addresses.get(key)
    const result = yield* Effect.result(link.add(planned))
    const state = result._tag === "Success" ? "present" : "failed"
    const reason = result._tag === "Success" ? planned.reason : result.failure.message
    const { address, interface: name } = planned
    addresses.set(key, { address, interface: name, state, reason, planned })
    if (before?.state === state) {
      if (result._tag === "Success" && result.success)
        yield* Effect.logWarning(`${address} was taken off ${name} by somebody else; put back`)
      return
    }
    if (result._tag === "Success") yield* Effect.logInfo(`${address} is on ${name}: ${planned.reason}`)
    else yield* Effect.logError(`${address} is not announced: ${reason}`)
    touch()
  })

  const takeOff = Effect.fnUntraced(function* (planned: PlannedAddress) {
    const key = addressKey(planned)
    const was = addresses.get(key)
    addresses.delete(key)
    if (was?.state !== "present") return
    yield* link.remove(planned).pipe(
      Effect.andThen(Effect.logInfo(`${planned.address} taken off ${planned.interface}`)),
      Effect.catch((error) => Effect.logError(error.message))
    )
  })

  /** What an earlier run of this daemon left on the node, if it still carries our mark and nobody wants it any more. */
  const sweep = Effect.fnUntraced(function* (wanted: ReadonlyArray<PlannedAddress>) {
    const before = left
    left = []
    const there = yield* link.addresses.pipe(Effect.orElseSucceed(() => []))
    const same = (a: LocalAddress, b: LocalAddress) => a.address === b.address && a.interface === b.interface
    const gone = there.filter((a) => a.ours && before.some((b) => same(a, b)) && !wanted.some((w) => same(a, w)))
    yield* Effect.forEach(gone, (address) =>
      link.remove(address).pipe(
        Effect.andThen(Effect.logWarning(`${address.address} taken off ${address.interface}: left by an earlier run`)),
        Effect.catch((error) => Effect.logError(error.message))
      )
    )
  })

  const remember = Effect.suspend(() =>
    record.write([
      ...left,
      ...[...addresses.values()].filter(({ state }) => state === "present").map(({ planned }) => planned)
    ])
  )

  const apply = Effect.fnUntraced(function* (next: NodePlan, options: ApplyOptions = {}) {
    const { ending: how = () => deconfigured, incomplete = false } = options
    const diff = diffPlans(plan, next)
    plan = next
    const endings = [
      ...diff.sessions.removed.map((gone) => ({ key: gone.key, mode: how(gone) })),
      ...diff.sessions.reset.map((reset) => ({ key: reset.after.key, mode: resetMode(reset) }))
    ]
    // Before anything else: the address of a session that vanishes is another node's already. None of these waits.
    for (const { key, mode } of endings) yield* end(key, mode)
    yield* Effect.forEach(diff.addresses.added, put)
    const first = !swept && !incomplete
    if (first) yield* sweep(next.addresses)
    swept ||= first
    if (first || diff.addresses.added.length > 0) yield* remember
    for (const planned of next.sessions) {
      const entry = running.get(planned.key)
      if (entry !== undefined) entry.planned = planned
    }
    for (const { after } of diff.sessions.reset) yield* start(after)
    for (const added of diff.sessions.added) yield* start(added)
    for (const { session: planned } of diff.sessions.routesChanged) {
      const entry = running.get(planned.key)
      if (entry !== undefined) announce(entry)
    }
    if (diff.addresses.removed.length > 0) yield* Effect.forkIn(takeOffLater(diff.addresses.removed), outer)
    touch()
  })

  /** What the plan still says of these sessions is over, too: the next plan knows better. */
  const vanish = Effect.fnUntraced(function* (localAddress: Address) {
    const from = ({ parameters }: PlannedSession) => parameters.localAddress === localAddress
    if (plan !== undefined) plan = { ...plan, sessions: plan.sessions.filter((session) => !from(session)) }
    for (const [key, { planned }] of [...running]) if (from(planned)) yield* end(key, { type: "vanish" })
    // One that was about to end in order must not go on withdrawing in another node's name.
    for (const { localAddress: of, session } of ending.values())
      if (of === localAddress) yield* Effect.forkIn(session.stop({ type: "vanish" }), outer, { startImmediately: true })
    touch()
  })

  /** Withdrawal before removal (I8): waits for the sessions as they are now, then takes off what nobody wants again. */
  const takeOffLater = Effect.fnUntraced(function* (gone: ReadonlyArray<PlannedAddress>) {
    const sessions = [...[...running.values()].map(({ session }) => session.settled), ...settling()]
    yield* Effect.timeoutOption(Effect.all(sessions, { concurrency: "unbounded" }), withdrawalMost)
    const unwanted = Effect.gen(function* () {
      const wanted = new Set((plan?.addresses ?? []).map(addressKey))
      yield* Effect.forEach(
        gone.filter((planned) => !wanted.has(addressKey(planned))),
        takeOff
      )
      yield* remember
      touch()
    })
    yield* one.withPermits(1)(unwanted)
  })

  const settling = () => [...ending.values()].map(({ session }) => session.settled)

  const gone = (which: (session: Ending) => boolean) =>
    Effect.suspend(() =>
      Effect.forEach([...ending.values()].filter(which), (session) => Deferred.await(session.gone), { discard: true })
    )

  const stop = Effect.fnUntraced(function* (
    reason: StopReason,
    { ending: how = () => cease(reason) }: EndOptions = {}
  ) {
    const kept = new Set<string>()
    stopped = true
    yield* one.withPermits(1)(
      Effect.gen(function* () {
        plan = undefined
        for (const [key, { planned }] of [...running]) {
          const mode = how(planned)
          if (mode.type === "leave") for (const route of planned.routes) kept.add(route.prefix)
          yield* end(key, mode)
        }
      })
    )
    yield* gone(() => true)
    const rest = Effect.gen(function* () {
      for (const { planned } of [...addresses.values()])
        if (!kept.has(hostPrefix(planned.address))) yield* takeOff(planned)
      yield* remember
      addresses.clear()
      touch()
    })
    yield* one.withPermits(1)(rest)
  })

  const lookAfterAddresses = Effect.gen(function* () {
    const failed = () => [...addresses.values()].filter(({ state }) => state === "failed").length
    const before = failed()
    yield* Effect.forEach([...addresses.values()], ({ planned }) => put(planned))
    if (failed() !== before) for (const entry of running.values()) announce(entry)
  })
  yield* Effect.forkScoped(Effect.repeat(one.withPermits(1)(lookAfterAddresses), addressCheck))

  const sessionStatus = ({ planned, session }: Running): SessionStatus => {
    const { parameters: p, name, purpose } = planned
    return {
      name,
      purpose,
      localAsn: p.localAsn,
      peerAsn: p.peerAsn,
      localAddress: p.localAddress,
      peerAddress: p.peerAddress,
      peerPort: p.peerPort,
      ...(p.passwordFile === undefined ? {} : { passwordFile: p.passwordFile }),
      ...(p.ttlSecurity === undefined ? {} : { ttlSecurity: p.ttlSecurity }),
      ...session.report()
    }
  }

  return Supervisor.of({
    apply: (next, options) =>
      // The cluster goes on changing while a node leaves it: whoever is told of that late must not start everything again.
      Effect.withSpan(
        one.withPermits(1)(Effect.suspend(() => (stopped ? Effect.void : apply(next, options)))),
        "apply",
        {
          attributes: { "viaduct.sessions": next.sessions.length, "viaduct.addresses": next.addresses.length }
        }
      ),
    vanish,
    ended: (localAddress) => gone((session) => session.localAddress === localAddress),
    stop,
    status: Effect.sync(() => ({
      sessions: [...running.values()].map(sessionStatus),
      addresses: [...addresses.values()].map(({ planned: _planned, ...status }) => status),
      refusals: plan?.refusals ?? []
    })),
    established: () =>
      new Set(
        [...running.values()].flatMap(({ planned, session }) =>
          session.report().state === "Established" ? [planned.name] : []
        )
      ),
    heardBack: (prefixes) =>
      new Map(
        [...running.values()].map(({ planned, session }) => {
          const heard = session
            .received()
            .list()
            .filter(({ prefix }) => prefixes.has(prefix))
          return [planned.name, [...new Set(heard.map(({ prefix }) => prefix))]]
        })
      ),
    changes: Stream.fromPubSub(changed)
  })
})
