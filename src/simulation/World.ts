// The simulated world's time and order: one virtual clock, one heap of timers, one queue of fibers that may run, one source of
// chance. A run is a loop over them on one stack, without a real timer or promise, so that a seed gives the same run
// on every machine. Whoever lives in the world (nodes, routers, the store, the wires) gets its Effect clock and scheduler from here.
import { Clock, Context, Duration, Effect, type Fiber, Random, Scheduler } from "effect"

/** Microseconds of world time; whole numbers, so that no order depends on rounding. */
export type Micros = number

export interface Timer {
  readonly at: Micros
  readonly order: number
  fire: (() => void) | undefined
}

/** Who runs in the world: its work may be held back (a frozen process) or thrown away (a killed one). */
export interface Owner {
  readonly admit: (task: () => void) => (() => void) | undefined
}

/** So many tasks at one moment of world time mean that somebody goes round in circles. */
const tasksAtOnceMax = 200_000

/** Time does not go on any more. */
export class Livelock extends Error {}

/** Small, fast, and good enough to draw faults with (splitmix32). */
export const makeChance = (seed: number) => {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x9e3779b9) >>> 0
    let z = state
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
    return ((z ^ (z >>> 15)) >>> 0) / 4_294_967_296
  }
  const between = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1))
  return {
    next,
    /** A whole number, both ends included. */
    between,
    happens: (probability: number): boolean => next() < probability,
    pick: <T>(list: ReadonlyArray<T>): T => list[between(0, list.length - 1)] as T
  }
}
export type Chance = ReturnType<typeof makeChance>

const before = (a: Timer, b: Timer): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

export class World {
  private time: Micros = 0
  private readonly heap: Array<Timer> = []
  private order = 0
  private ready: Array<() => void> = []
  readonly chance: Chance
  private readonly seed: number
  private streams = 0
  /** Called whenever nothing is left to do at this moment. */
  onQuiet: () => void = () => undefined

  constructor(seed: number) {
    this.seed = seed
    this.chance = makeChance(seed)
  }

  get now(): Micros {
    return this.time
  }

  get ms(): number {
    return this.time / 1_000
  }

  /** Calls `fire` after `ms`; the result takes it back. */
  after(ms: number, fire: () => void): () => void {
    const timer: Timer = { at: this.time + Math.max(0, Math.ceil(ms * 1_000)), order: this.order++, fire }
    this.push(timer)
    return () => {
      timer.fire = undefined
    }
  }

  enqueue(task: () => void): void {
    this.ready.push(task)
  }

  /** Lets the world go on until `ms` of its time. */
  run(untilMs: number): void {
    const until = Math.round(untilMs * 1_000)
    for (;;) {
      this.drain()
      this.onQuiet()
      if (this.ready.length > 0) continue
      const next = this.heap[0]
      if (next === undefined || next.at > until) break
      this.pop()
      const { fire } = next
      if (fire === undefined) continue
      this.time = next.at
      fire()
    }
    this.time = until
  }

  /** A clock that runs at `rate`, from `offsetMs` on. */
  clock(rate = 1, offsetMs = 0, sleepers: Owner | undefined = undefined): Clock.Clock {
    const nanos = (): bigint => BigInt(Math.floor(this.time * rate)) * 1_000n + BigInt(offsetMs) * 1_000_000n
    const millis = (): number => Math.floor((this.time * rate) / 1_000) + offsetMs
    const sleep = (duration: Duration.Duration): Effect.Effect<void> => {
      const ms = Duration.toMillis(duration)
      if (ms <= 0) return Effect.yieldNow
      if (!Number.isFinite(ms)) return Effect.never
      return Effect.callback((resume) => {
        const done = () => resume(Effect.void)
        const admitted = () => (sleepers === undefined ? done : sleepers.admit(done))?.()
        // One microsecond more, so that the sleeper's own clock has come as far as it asked for.
        const cancel = this.after(ms / rate + 0.001, admitted)
        return Effect.sync(cancel)
      })
    }
    return {
      currentTimeMillisUnsafe: millis,
      currentTimeMillis: Effect.sync(millis),
      currentTimeNanosUnsafe: nanos,
      currentTimeNanos: Effect.sync(nanos),
      monotonicTimeNanosUnsafe: nanos,
      monotonicTimeNanos: Effect.sync(nanos),
      sleep
    }
  }

  /** A scheduler whose fibers take turns with everybody else's; `owner` may hold them back. */
  scheduler(owner?: Owner): Scheduler.Scheduler {
    const scheduleTask = (task: () => void): void => {
      this.ready.push(
        owner === undefined
          ? task
          : () => {
              owner.admit(task)?.()
            }
      )
    }
    return {
      executionMode: "async",
      shouldYield: (fiber: Fiber.Fiber<unknown, unknown>) => fiber.currentOpCount >= 2_048,
      makeDispatcher: () => ({ scheduleTask, flush: () => this.drain() })
    } as Scheduler.Scheduler
  }

  /** What a program of the world runs with; everybody draws from a stream of chance of his own. */
  context(clock = this.clock(), scheduler = this.scheduler()): Context.Context<never> {
    const seed = `${this.seed} ${this.streams++}`
    const random = Effect.runSync(Effect.sync(() => undefined).pipe(Effect.andThen(randomOf(seed))))
    return Context.make(Clock.Clock, clock).pipe(
      Context.add(Scheduler.Scheduler, scheduler),
      Context.add(Random.Random, random)
    ) as Context.Context<never>
  }

  private drain(): void {
    let done = 0
    while (this.ready.length > 0) {
      const batch = this.ready
      this.ready = []
      for (const task of batch) task()
      done += batch.length
      if (done > tasksAtOnceMax) throw new Livelock(`fibers go round in circles at ${this.ms} ms of world time`)
    }
  }

  private push(timer: Timer): void {
    const { heap } = this
    let at = heap.length
    heap.push(timer)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent] as Timer
      if (!before(timer, above)) break
      heap[at] = above
      at = parent
    }
    heap[at] = timer
  }

  private pop(): void {
    const { heap } = this
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      let child = at * 2 + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1] as Timer, heap[child] as Timer)) child++
      if (!before(heap[child] as Timer, last)) break
      heap[at] = heap[child] as Timer
      at = child
    }
    heap[at] = last
  }
}

const randomOf = (seed: string) =>
  Effect.withFiber((fiber: Fiber.Fiber<unknown, unknown>) => Effect.succeed(fiber.getRef(Random.Random))).pipe(
    Random.withSeed(seed)
  )
