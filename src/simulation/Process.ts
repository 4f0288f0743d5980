// A process in the world, as its kernel treats it: it runs, it is stopped (SIGSTOP, a hanging hypervisor) or it is killed. What
// is stopped does not run a line, and nothing reaches it: its fibers' turns, its timers, and what its ports would tell it wait, in order,
// until it goes on. What is killed never runs again, not even to say goodbye. Its kernel is not in here: that goes on.
import { Cause, Context, Effect, Exit, Logger, Scope } from "effect"
import type { Owner, World } from "./World.ts"

export type ProcessState = "runs" | "frozen" | "dead"

export class Process implements Owner {
  readonly name: string
  private readonly world: World
  private current: ProcessState = "runs"
  private readonly held: Array<() => void> = []
  /** What the world does for this process alone; ends when it is killed. */
  readonly scope: Scope.Closeable
  readonly context: Context.Context<never>
  private readonly worldContext: Context.Context<never>
  private readonly endings: Array<() => void> = []

  /** `log`: told every line that the process logs. */
  constructor(world: World, name: string, log: (line: string) => void, rate = 1, offsetMs = 0) {
    this.world = world
    this.name = name
    this.scope = Effect.runSync(Scope.make())
    this.context = world
      .context(world.clock(rate, offsetMs, this), world.scheduler(this))
      .pipe(Context.add(Logger.CurrentLoggers, new Set([lineLogger(log)])))
    this.worldContext = world.context()
  }

  get state(): ProcessState {
    return this.current
  }

  get running(): boolean {
    return this.current === "runs"
  }

  /** The task, where it may run now. */
  admit(task: () => void): (() => void) | undefined {
    if (this.current === "runs") return task
    if (this.current === "frozen") this.held.push(task)
    return undefined
  }

  /** Tells the process something: now, when it goes on, or never. */
  tell(message: () => void): void {
    this.admit(message)?.()
  }

  freeze(): void {
    if (this.current === "runs") this.current = "frozen"
  }

  thaw(): void {
    if (this.current !== "frozen") return
    this.current = "runs"
    for (const task of this.held.splice(0)) this.world.enqueue(() => this.admit(task)?.())
  }

  /** `kill -9`. What its kernel does then is for `onEnd` to say. */
  kill(): void {
    if (this.current === "dead") return
    this.current = "dead"
    this.held.length = 0
    for (const end of this.endings.splice(0)) end()
    Effect.runForkWith(this.worldContext)(Scope.close(this.scope, Exit.void))
  }

  onEnd(end: () => void): void {
    this.endings.push(end)
  }

  /** Runs a program in this process. */
  run<A, E>(program: Effect.Effect<A, E>, done: (exit: Exit.Exit<A, E>) => void = () => undefined): void {
    Effect.runForkWith(this.context)(program).addObserver((exit) => {
      if (this.current !== "dead") done(exit)
    })
  }

  /**
   * What `body` does happens outside, in the world's own time, as soon as it is asked for; only the answer has to wait until this
   * process runs. Interruption lets go of the answer.
   */
  outside<A, E>(body: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.callback<A, E>((resume) => {
      let wanted = true
      const fiber = Effect.runForkWith(this.worldContext)(body)
      fiber.addObserver((exit) => {
        if (wanted) this.tell(() => wanted && resume(exit))
      })
      return Effect.sync(() => {
        wanted = false
      })
    })
  }
}

const lineLogger = (log: (line: string) => void) =>
  Logger.make(({ message, logLevel, cause }) => {
    const text = Array.isArray(message) ? message.join(" ") : String(message)
    const why = cause.reasons.length === 0 ? "" : ` ${Cause.pretty(cause)}`
    log(`${logLevel === "Info" ? "" : `${logLevel}: `}${text}${why}`)
  })
