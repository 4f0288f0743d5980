// Carries a node's plan out: one supervised fiber per session, the addresses on the node, in the order that keeps traffic
// whole: address before announcement, withdrawal before removal (I8). A new plan touches only what differs (I5), and a
// route whose address the kernel refused is not announced, with the reason (I9).
import { type Cause, Context, Effect, Exit, Layer, PubSub, Schedule, Scope, Semaphore, Stream } from "effect"
import { UpdateGroups } from "../bgp/adjRibOut.ts"
import type { StopReason } from "../bgp/fsm/types.ts"
import { hostPrefix } from "../net/ip.ts"
import { diffPlans } from "../plan/diff.ts"
import type { LocalAddress, NodePlan, PlannedAddress, PlannedRoute, PlannedSession } from "../plan/types.ts"
import { LinkControl } from "../ports/LinkControl.ts"
import type { Secrets } from "../ports/Secrets.ts"
import type { Transport } from "../ports/Transport.ts"
import type { NodeStatus, SessionStatus } from "../resources/nodeStatus.ts"
import { Listeners } from "./Listeners.ts"
import { runSession, type Session, type SessionObserver } from "./SessionRunner.ts"
import { fsmConfig } from "./sessionConfig.ts"

type AddressStatus = NodeStatus["addresses"][number]

interface Running {
  planned: PlannedSession
  readonly session: Session
  readonly scope: Scope.Closeable
}

/** What of a node's status the supervisor knows. */
export type PlanStatus = Pick<NodeStatus, "sessions" | "addresses" | "refusals">

/** How often the addresses are looked after: somebody may take one off, and a refusal may pass. */
const addressCheck = Schedule.spaced("5 seconds")

const restartAfter = "1 second"

const deconfigured: StopReason = { subcode: 3 }
const reconfigured: StopReason = { subcode: 6 }

export class Supervisor extends Context.Service<
  Supervisor,
  {
    /** Makes the node hold exactly what the plan says. */
    readonly apply: (plan: NodePlan) => Effect.Effect<void>
    /** Withdraws everything, ends the sessions with this reason, takes the addresses off. Bounded in time. */
    readonly stop: (reason: StopReason) => Effect.Effect<void>
    readonly status: Effect.Effect<PlanStatus>
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

const noRecord: AddressRecord = { read: Effect.succeed([]), write: () => Effect.void }

const makeSupervisor = Effect.fnUntraced(function* ({ observe = () => ({}), record = noRecord }: SupervisorOptions) {
  const link = yield* LinkControl
  const context = yield* Effect.context<Transport | Secrets | Listeners>()
  const outer = yield* Effect.scope
  const changed = yield* PubSub.sliding<void>(1)
  const one = yield* Semaphore.make(1)
  const groups = new UpdateGroups()
  const running = new Map<string, Running>()
  const addresses = new Map<string, AddressStatus & { readonly planned: PlannedAddress }>()
  let plan: NodePlan | undefined
  const touch = (): void => {
    PubSub.publishUnsafe(changed, undefined)
  }

  /** Logs, wakes who watches, passes on. */
  const observer = (planned: PlannedSession): SessionObserver => {
    const own = observe(planned)
    return {
      onTransition: (transition) => {
        const { from, to, event, reason, direction } = transition
        const log = { session: planned.name, old: from, new: to, event, reason, direction }
        const message = `session ${planned.name}: ${from} -> ${to}: ${reason}`
        Effect.runForkWith(context)(Effect.annotateLogs(Effect.logInfo(message), log))
        own.onTransition?.(transition)
      },
      onChange: () => {
        touch()
        own.onChange?.()
      },
      onCrash: (cause) => void Effect.runForkWith(context)(Effect.forkIn(restart(planned.key, cause), outer)),
      ...(own.onMessage === undefined ? {} : { onMessage: own.onMessage })
    }
  }

  /** A route is held back while the address it leads to is not on this node. */
  const announceable = (routes: ReadonlyArray<PlannedRoute>): ReadonlyArray<PlannedRoute> => {
    const missing = new Set<string>()
    for (const { planned, state } of addresses.values())
      if (state === "failed") missing.add(hostPrefix(planned.address))
    return routes.filter((route) => !missing.has(route.prefix))
  }

  const start = Effect.fnUntraced(function* (planned: PlannedSession, node: string) {
    const scope = yield* Scope.fork(outer)
    const config = fsmConfig(planned.parameters, node)
    const session = yield* runSession(planned.parameters, config, observer(planned), groups).pipe(
      Scope.provide(scope),
      Effect.provideContext(context)
    )
    running.set(planned.key, { planned, session, scope })
    session.announce(announceable(planned.routes))
  })

  const end = Effect.fnUntraced(function* (key: string, reason: StopReason) {
    const entry = running.get(key)
    if (entry === undefined) return
    running.delete(key)
    yield* entry.session.stop(reason)
    yield* Scope.close(entry.scope, Exit.void)
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
        yield* start(crashed.planned, plan?.node ?? "")
      })
    )
  })

  const put = Effect.fnUntraced(function* (planned: PlannedAddress) {
    const key = `${planned.address} ${planned.interface}`
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
    const key = `${planned.address} ${planned.interface}`
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
    const before = yield* record.read
    const there = yield* link.addresses.pipe(Effect.orElseSucceed(() => []))
    const same = (a: LocalAddress, b: LocalAddress) => a.address === b.address && a.interface === b.interface
    const left = there.filter((a) => a.ours && before.some((b) => same(a, b)) && !wanted.some((w) => same(a, w)))
    yield* Effect.forEach(left, (address) =>
      link.remove(address).pipe(
        Effect.andThen(Effect.logWarning(`${address.address} taken off ${address.interface}: left by an earlier run`)),
        Effect.catch((error) => Effect.logError(error.message))
      )
    )
  })

  const remember = Effect.suspend(() =>
    record.write([...addresses.values()].filter(({ state }) => state === "present").map(({ planned }) => planned))
  )

  const apply = Effect.fnUntraced(function* (next: NodePlan) {
    const diff = diffPlans(plan, next)
    if (plan === undefined) yield* sweep(next.addresses)
    plan = next
    yield* Effect.forEach(diff.sessions.removed, (gone) => end(gone.key, deconfigured), { concurrency: "unbounded" })
    yield* Effect.forEach(diff.sessions.reset, ({ after }) => end(after.key, reconfigured), {
      concurrency: "unbounded"
    })
    yield* Effect.forEach(diff.addresses.added, put)
    yield* remember
    for (const { after } of diff.sessions.reset) yield* start(after, next.node)
    for (const added of diff.sessions.added) yield* start(added, next.node)
    for (const planned of next.sessions) {
      const entry = running.get(planned.key)
      if (entry !== undefined) entry.planned = planned
    }
    for (const { session: planned } of diff.sessions.routesChanged)
      running.get(planned.key)?.session.announce(announceable(planned.routes))
    if (diff.addresses.removed.length > 0) {
      const settled = Effect.forEach(running.values(), ({ session }) => session.settled, { concurrency: "unbounded" })
      yield* Effect.timeoutOption(settled, "1 second")
      yield* Effect.forEach(diff.addresses.removed, takeOff)
      yield* remember
    }
    touch()
  })

  const stop = Effect.fnUntraced(function* (reason: StopReason) {
    yield* Effect.forEach([...running.keys()], (key) => end(key, reason), { concurrency: "unbounded" })
    yield* Effect.forEach([...addresses.values()], ({ planned }) => takeOff(planned))
    yield* remember
    plan = undefined
    touch()
  })

  const lookAfterAddresses = Effect.gen(function* () {
    const failed = () => [...addresses.values()].filter(({ state }) => state === "failed").length
    const before = failed()
    yield* Effect.forEach([...addresses.values()], ({ planned }) => put(planned))
    if (failed() !== before)
      for (const { planned, session } of running.values()) session.announce(announceable(planned.routes))
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
    apply: (next) => one.withPermits(1)(apply(next)),
    stop: (reason) => one.withPermits(1)(stop(reason)),
    status: Effect.sync(() => ({
      sessions: [...running.values()].map(sessionStatus),
      addresses: [...addresses.values()].map(({ planned: _planned, ...status }) => status),
      refusals: plan?.refusals ?? []
    })),
    changes: Stream.fromPubSub(changed)
  })
})
