// Carries the checks of a preflight out, through the nodes: a fiber for each check, which waits for those before it and takes its turn at what
// only one may use. A session and an address are held until every check that needs them is over and has been undone; the end of the
// whole run, also by interruption, undoes everything in that order, and says so to the nodes that still listen (S27).
import { Cause, Clock, Deferred, Effect, Exit, Random, Schema, type Scope, Semaphore, Stream } from "effect"
import {
  established,
  judgeConflicts,
  judgeDelivery,
  judgeFree,
  judgeMtu,
  judgeReach,
  judgeSession,
  type Survey
} from "../preflight/judgeResult.ts"
import {
  type EventOf,
  KEEP_EVERY_MS,
  type PreflightEvent,
  type PreflightRequest,
  type SessionEvent
} from "../preflight/protocol.ts"
import {
  type Check,
  type DeliveryTask,
  type Finding,
  failed,
  type Outcome,
  ok,
  type Prober,
  severityOf,
  skipped,
  type Task
} from "../preflight/types.ts"

/** A node cannot be asked, or not any more; the message says why. */
export class NodeCallError extends Schema.TaggedError<NodeCallError>()("NodeCallError", { message: Schema.String }) {}

/** How the operator's side reaches the nodes, by their names in the file. */
export interface NodeCalls {
  /** Ends with the stream of the node; interruption ends it there. Silence of several seconds is an error. */
  readonly perform: (node: string, request: PreflightRequest) => Stream.Stream<PreflightEvent, NodeCallError>
  readonly keep: (node: string, run: string) => Effect.Effect<void, NodeCallError>
}

export interface RunOptions {
  /** Names the run at the nodes. */
  readonly run: string
  /** Checks that are carried out at the same time. */
  readonly parallel: number
  /** How long a session may take to come up, and traffic to arrive. */
  readonly timeoutMs: number
  /** Names of the nodes that work for the run. */
  readonly nodes: ReadonlyArray<string>
  /** MAC addresses of the nodes, with their names. */
  readonly macs: ReadonlyMap<string, string>
  /** Told of everything that happens. Must not throw. */
  readonly observe: RunObserver
}

export interface RunObserver {
  readonly started: (check: Check) => void
  readonly finished: (outcome: Outcome) => void
  /** What a node said; `alive` is left out. */
  readonly heard: (check: Check, node: string, request: PreflightRequest, event: PreflightEvent) => void
}

/** How long a node may take to undo something, in ms. */
const endMs = 4_000
const pingMs = 700
const freePings = 2
const mtuPingMs = 500
/** Dynamic ports (RFC 6335), where nothing of the node listens as a rule. */
const surveyPorts = { first: 49_152, last: 65_535 } as const

type TaskOf<T extends Task["type"]> = Extract<Task, { readonly type: T }>

interface Slot {
  readonly check: Check
  readonly outcome: Deferred.Deferred<Outcome>
  /** It is over and nothing of it is left. */
  readonly closed: Deferred.Deferred<void>
}

/** The answers of the checks, in their order, once all are over. */
export const runPreflight = (checks: ReadonlyArray<Check>, calls: NodeCalls, options: RunOptions) =>
  Effect.scoped(
    Effect.gen(function* () {
      const run = new Run(calls, options, yield* makeLocks(checks), yield* Semaphore.make(options.parallel))
      const slots = new Map<string, Slot>()
      for (const check of checks) {
        const slot = { check, outcome: yield* Deferred.make<Outcome>(), closed: yield* Deferred.make<void>() }
        slots.set(check.id, slot)
      }
      yield* Effect.forkScoped(run.keepAlive)
      const all = [...slots.values()]
      yield* Effect.forEach(all, (slot) => run.runSlot(slot, slots), { concurrency: "unbounded" })
      return yield* Effect.forEach(all, ({ outcome }) => Deferred.await(outcome))
    })
  )

const makeLocks = Effect.fnUntraced(function* (checks: ReadonlyArray<Check>) {
  const locks = new Map<string, Semaphore.Semaphore>()
  for (const name of new Set(checks.flatMap((check) => check.locks))) locks.set(name, yield* Semaphore.make(1))
  return locks
})

/** What came first of what was waited for. */
type First = PreflightEvent | { readonly _tag: "lost"; readonly reason: string }

const isDown = (event: PreflightEvent): event is SessionEvent =>
  event._tag === "session" && event.state !== "Established"

const isWord = (event: PreflightEvent): boolean => event._tag !== "alive"

class Run {
  private readonly calls: NodeCalls
  private readonly options: RunOptions
  private readonly locks: ReadonlyMap<string, Semaphore.Semaphore>
  private readonly permits: Semaphore.Semaphore
  /** Who answers with which nonce. */
  private readonly nonces = new Map<string, string>()
  private answered = 0
  /** Why what is held under a name is not there any more. */
  private readonly losses = new Map<string, Deferred.Deferred<string>>()

  constructor(
    calls: NodeCalls,
    options: RunOptions,
    locks: ReadonlyMap<string, Semaphore.Semaphore>,
    permits: Semaphore.Semaphore
  ) {
    this.calls = calls
    this.options = options
    this.locks = locks
    this.permits = permits
  }

  /** A node that does not hear it ends what it does by itself, and the check that uses it finds that out. */
  get keepAlive(): Effect.Effect<void> {
    const { nodes, run } = this.options
    const each = Effect.forEach(nodes, (node) => Effect.ignore(this.calls.keep(node, run)), {
      concurrency: "unbounded",
      discard: true
    })
    return Effect.forever(Effect.andThen(Effect.timeoutOption(each, KEEP_EVERY_MS), Effect.sleep(KEEP_EVERY_MS)))
  }

  runSlot(slot: Slot, slots: ReadonlyMap<string, Slot>): Effect.Effect<void> {
    const { check } = slot
    const before = [...new Set([...check.after, ...check.needs])].flatMap((id) => slots.get(id) ?? [])
    const dependants = [...slots.values()].filter((other) => other.check.needs.includes(check.id))
    const undone = Effect.forEach(dependants, ({ closed }) => Deferred.await(closed), { discard: true })
    return Effect.gen({ self: this }, function* () {
      const outcomes = yield* Effect.forEach(before, ({ outcome }) => Deferred.await(outcome))
      const missing = outcomes.find(
        (one) => check.needs.includes(one.check.id) && /failed|skipped/.test(severityOf(one.findings))
      )
      if (missing !== undefined) {
        const { node = "", peer = "", kind, subject } = missing.check
        const what = [kind, node, peer, subject].filter((word) => word !== "").join(" ")
        return yield* this.finish(
          slot,
          [skipped(`not tried: ${what} ${severityOf(missing.findings) === "failed" ? "failed" : "was not tried"}`)],
          0
        )
      }
      yield* this.inTurn(check.locks.toSorted(), this.carryOut(slot, undone))
    }).pipe(Effect.ensuring(Deferred.succeed(slot.closed, undefined)))
  }

  private inTurn<A, E, R>(names: ReadonlyArray<string>, body: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return names.reduceRight((inner, name) => this.locks.get(name)?.withPermits(1)(inner) ?? inner, body)
  }

  /** What is held goes when `undone` is done. */
  private carryOut(slot: Slot, undone: Effect.Effect<void>): Effect.Effect<void> {
    return Effect.scoped(
      Effect.gen({ self: this }, function* () {
        yield* this.permits.withPermits(1)(this.timed(slot))
        // Also in an interruption: what is held under a check that needs it goes first.
        yield* Effect.addFinalizer(() => Effect.timeoutOption(undone, 2 * endMs))
        yield* undone
      })
    )
  }

  private timed(slot: Slot) {
    return Effect.gen({ self: this }, function* () {
      const { check } = slot
      if (check.task.type !== "judged") this.options.observe.started(check)
      const startedMs = yield* Clock.currentTimeMillis
      const exit = yield* Effect.exit(this.perform(check))
      if (Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)) return yield* Effect.failCause(exit.cause)
      const findings = Exit.isSuccess(exit) ? exit.value : [failed(`the check broke off: ${Cause.pretty(exit.cause)}`)]
      yield* this.finish(slot, findings, (yield* Clock.currentTimeMillis) - startedMs)
      return findings
    })
  }

  private finish({ check, outcome }: Slot, findings: ReadonlyArray<Finding>, tookMs: number) {
    const result: Outcome = { check, findings, tookMs }
    return Effect.andThen(
      Effect.sync(() => this.options.observe.finished(result)),
      Deferred.succeed(outcome, result)
    )
  }

  private perform(check: Check): Effect.Effect<ReadonlyArray<Finding>, never, Scope.Scope> {
    const { task, node = "" } = check
    switch (task.type) {
      case "judged":
        return Effect.succeed(task.findings)
      case "etcd":
        return this.etcd(check, node, task)
      case "conflict":
        return this.conflict(check, node, task)
      case "free":
        return this.free(check, task)
      case "mtu":
        return this.mtu(check, node, task)
      case "session":
        return this.session(check, node, task)
      case "address":
        return this.address(check, node, task)
      case "delivery":
        return Effect.scoped(this.delivery(check, node, task))
      case "reach":
        return Effect.scoped(this.reach(check, task))
    }
  }

  /** The stream of a request; everything that it says is told. */
  private stream(check: Check, node: string, request: PreflightRequest) {
    return this.calls.perform(node, request).pipe(
      Stream.filter(isWord),
      Stream.tap((event) => Effect.sync(() => this.options.observe.heard(check, node, request, event)))
    )
  }

  /** The one answer of a request that ends by itself. */
  private ask(check: Check, node: string, request: PreflightRequest): Effect.Effect<First> {
    return this.stream(check, node, request).pipe(
      Stream.runHead,
      Effect.map(
        (head): First => (head._tag === "Some" ? head.value : { _tag: "lost", reason: `${node} gave no answer` })
      ),
      Effect.catchTag("NodeCallError", ({ message }) => Effect.succeed<First>({ _tag: "lost", reason: message }))
    )
  }

  /** Begins something that lasts until the scope ends; gives the first event that `wanted` takes, or why there is none. */
  private hold(
    check: Check,
    node: string,
    request: Extract<PreflightRequest, { readonly id: string }>,
    wanted: (event: PreflightEvent) => boolean,
    withinMs: number
  ): Effect.Effect<First | undefined, never, Scope.Scope> {
    return Effect.gen({ self: this }, function* () {
      const first = yield* Deferred.make<First>()
      const settle = (event: First) => Deferred.succeed(first, event)
      const { run, id } = request
      const loss = yield* Deferred.make<string>()
      this.losses.set(id, loss)
      const lost = (reason: string) => Effect.andThen(Deferred.succeed(loss, reason), settle({ _tag: "lost", reason }))
      const following = this.stream(check, node, request).pipe(
        Stream.runForEach((event) => {
          if (event._tag === "refused") return Effect.andThen(settle(event), Deferred.succeed(loss, event.reason))
          if (wanted(event)) return settle(event)
          return isDown(event) && Deferred.isDoneUnsafe(first)
            ? Deferred.succeed(loss, `the session went down: ${event.reason ?? event.state}`)
            : Effect.void
        }),
        Effect.andThen(lost(`${node} ended it`)),
        Effect.catchTag("NodeCallError", ({ message }) => lost(message))
      )
      yield* Effect.forkScoped(following)
      // Before the stream is cut: only this way it is known when nothing is left.
      yield* Effect.addFinalizer(() => Effect.timeoutOption(this.ask(check, node, { _tag: "end", run, id }), endMs))
      const got = yield* Effect.timeoutOption(Deferred.await(first), withinMs)
      return got._tag === "Some" ? got.value : undefined
    })
  }

  private etcd(check: Check, node: string, { target, port }: TaskOf<"etcd">) {
    const { run, timeoutMs } = this.options
    const request: PreflightRequest = { _tag: "connect", run, target, port, timeoutMs: Math.min(timeoutMs, 5_000) }
    return Effect.map(this.ask(check, node, request), (answer) => {
      if (answer._tag === "connected") return [ok(`${check.subject} can be reached`)]
      const hint =
        "without the store a node holds no floating IP and gives no service an address (the control plane goes on)"
      return [failed(`${check.subject} cannot be reached: ${reasonOf(answer)}`, hint)]
    })
  }

  private conflict(check: Check, node: string, task: TaskOf<"conflict">) {
    const { run, macs } = this.options
    const { addresses } = task
    return Effect.map(
      this.ask(check, node, { _tag: "neighbours", run, interface: task.interface, addresses }),
      (answer) =>
        answer._tag === "neighbours"
          ? judgeConflicts(addresses, answer.owners, macs)
          : [failed(`${node} cannot ask its neighbours on ${task.interface}: ${reasonOf(answer)}`)]
    )
  }

  private free(check: Check, { address, from }: TaskOf<"free">) {
    const { run } = this.options
    const asked = Effect.forEach(
      from,
      ({ node, source }) =>
        Effect.map(
          this.ask(check, node, { _tag: "ping", run, target: address, source, attempts: freePings, timeoutMs: pingMs }),
          (answer) => ({ node, answered: answer._tag === "pinged" && answer.answered })
        ),
      { concurrency: "unbounded" }
    )
    return Effect.map(asked, (answers) => judgeFree(address, answers))
  }

  private mtu(check: Check, node: string, { source, target, octetsMax }: TaskOf<"mtu">) {
    const { run } = this.options
    const request: PreflightRequest = { _tag: "mtu", run, source, target, octetsMax, timeoutMs: mtuPingMs }
    return Effect.map(this.ask(check, node, request), (answer) =>
      answer._tag === "mtu"
        ? judgeMtu(answer, target, octetsMax)
        : [skipped(`the MTU on the way to ${target} is not known: ${reasonOf(answer)}`)]
    )
  }

  private session(check: Check, node: string, { session, expects }: TaskOf<"session">) {
    return Effect.gen({ self: this }, function* () {
      const startedMs = yield* Clock.currentTimeMillis
      let last: SessionEvent | undefined
      const settled = (event: PreflightEvent): boolean => {
        if (event._tag !== "session") return false
        last = event
        // An OPEN that was refused is refused again the next time.
        return established(event) || /OPEN Message Error/.test(event.lastNotification ?? "")
      }
      const { run, timeoutMs } = this.options
      const first = yield* this.hold(check, node, { _tag: "bgp", run, id: check.id, session }, settled, timeoutMs)
      const tookMs = (yield* Clock.currentTimeMillis) - startedMs
      if (first?._tag === "refused") return [skipped(`not opened: ${first.reason}`)]
      if (first?._tag === "lost") return [failed(`${node} could not be asked: ${first.reason}`)]
      return judgeSession(first?._tag === "session" ? first : last, session, expects, tookMs)
    })
  }

  private address(check: Check, node: string, task: TaskOf<"address">) {
    const { run } = this.options
    const { address, prefixLength } = task
    const where = { address, prefixLength, interface: task.interface, announce: true }
    return Effect.map(
      this.hold(check, node, { _tag: "address", run, id: check.id, ...where }, ({ _tag }) => _tag === "ready", endMs),
      (first) =>
        first?._tag === "ready"
          ? [ok(`${address} is on ${task.interface} of ${node} for the test`)]
          : [failed(`${address} cannot be put on ${task.interface} of ${node}: ${reasonOf(first)}`)]
    )
  }

  private delivery(check: Check, node: string, task: DeliveryTask) {
    return Effect.gen({ self: this }, function* () {
      const { run } = this.options
      const { at } = task
      const nonce = `${run} ${++this.answered}`
      const { node: to, ...place } = at
      const put = { _tag: "address", run, id: `${check.id} address`, ...place, announce: false } as const
      const there = yield* this.hold(check, to, put, ({ _tag }) => _tag === "ready", endMs)
      if (there?._tag !== "ready")
        return [failed(`${at.address} cannot be put on ${at.interface} of ${to}: ${reasonOf(there)}`)]
      const from = task.from.map(({ source }) => source)
      const answer = { _tag: "answer", run, id: `${check.id} answer`, address: at.address, nonce, from } as const
      const listening = yield* this.hold(check, to, answer, ({ _tag }) => _tag === "listening", endMs)
      if (listening?._tag !== "listening")
        return [failed(`${to} cannot answer at ${at.address}: ${reasonOf(listening)}`)]
      this.nonces.set(nonce, to)
      // Withdrawn before the address goes (I8).
      const told = yield* Effect.acquireRelease(this.announce(check, node, task.over, task.routes), () =>
        Effect.timeoutOption(this.announce(check, node, task.over, []), endMs)
      )
      if (told._tag !== "ready") return [failed(`${at.address} cannot be announced: ${reasonOf(told)}`)]
      const arrivals = Effect.forEach(task.from, (prober) => this.arrival(check, prober, task, listening, nonce), {
        concurrency: "unbounded"
      })
      const lost = Effect.map(this.lossOf([task.over, put.id, answer.id]), (reason) => [
        failed(`what the check needs was lost in the middle, on ${node === to ? to : `${node} or ${to}`}: ${reason}`)
      ])
      return yield* Effect.raceFirst(
        Effect.map(arrivals, (all) => judgeDelivery(at.address, to, all, this.nonces)),
        lost
      )
    })
  }

  /** Those that have the address answer on one port, the same on all: whichever the routers choose. */
  private reach(check: Check, { address, at, from }: TaskOf<"reach">) {
    return Effect.gen({ self: this }, function* () {
      if (from.length === 0) return judgeReach(address, at, [], this.nonces)
      const { run } = this.options
      const port = yield* Random.nextIntBetween(surveyPorts.first, surveyPorts.last)
      const sources = from.map(({ source }) => source)
      for (const node of at) {
        const nonce = `${run} ${++this.answered}`
        this.nonces.set(nonce, node)
        const answer = { _tag: "answer", run, id: `${check.id} ${node}`, address, port, nonce, from: sources } as const
        const listening = yield* this.hold(check, node, answer, ({ _tag }) => _tag === "listening", endMs)
        if (listening?._tag !== "listening")
          return [skipped(`${node} cannot answer at ${address} port ${port} for the test: ${reasonOf(listening)}`)]
      }
      const connections = Math.min(256, Math.max(16, 8 * at.length))
      const surveys = yield* Effect.forEach(
        from,
        ({ node, source }) =>
          Effect.map(
            this.ask(check, node, { _tag: "survey", run, target: address, port, source, connections }),
            (surveyed): Survey =>
              surveyed._tag === "surveyed"
                ? { node, surveyed }
                : { node, surveyed: { _tag: "lost", reason: reasonOf(surveyed) } }
          ),
        { concurrency: "unbounded" }
      )
      return judgeReach(address, at, surveys, this.nonces)
    })
  }

  private lossOf(ids: ReadonlyArray<string>): Effect.Effect<string> {
    return Effect.raceAllFirst(ids.flatMap((id) => this.losses.get(id) ?? []).map((loss) => Deferred.await(loss)))
  }

  private announce(check: Check, node: string, id: string, routes: DeliveryTask["routes"]): Effect.Effect<First> {
    return this.ask(check, node, { _tag: "routes", run: this.options.run, id, routes })
  }

  private arrival(
    check: Check,
    { node, source }: Prober,
    { at }: DeliveryTask,
    { port }: EventOf<"listening">,
    nonce: string
  ) {
    return Effect.gen({ self: this }, function* () {
      const { run, timeoutMs: withinMs } = this.options
      const probe = { _tag: "probe", run, target: at.address, port, source, nonce, withinMs } as const
      const probed = yield* this.ask(check, node, probe)
      if (probed._tag !== "probed") return { node, probed: { _tag: "lost", reason: reasonOf(probed) } as const }
      if (!probed.reached) return { node, probed }
      const ping = { _tag: "ping", run, target: at.address, source, attempts: 3, timeoutMs: pingMs } as const
      const pinged = yield* this.ask(check, node, ping)
      return { node, probed, ...(pinged._tag === "pinged" || pinged._tag === "refused" ? { pinged } : {}) }
    })
  }
}

const reasonOf = (answer: First | undefined): string => {
  if (answer === undefined) return "no answer in time"
  return "reason" in answer && answer.reason !== undefined ? answer.reason : `unexpected answer ${answer._tag}`
}
