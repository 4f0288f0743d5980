// Sessions over time, as the routers tell them: every router is asked again and again, and what changed in between is an
// event. A session that went and came back between two looks shows by its incarnation, or by the time since which it is up.
// What a router does not answer (it is down, or starting) changes nothing.
import type { Router } from "./routers/Router.ts"

export interface SessionEvent {
  /** Epoch milliseconds: BIRD's own word, for others when it was seen, late by up to the interval. */
  readonly atMs: number
  /** The router's host. */
  readonly router: string
  readonly neighbor: string
  readonly up: boolean
}

interface Seen {
  readonly up: boolean
  readonly incarnation: number | undefined
  readonly sinceMs: number | undefined
}

/** BIRD works its times out anew for every answer: a millisecond more or less is the same moment. */
const SAME_MS = 20

const isSame = (a: Seen, b: Seen): boolean =>
  a.incarnation === b.incarnation && Math.abs((a.sinceMs ?? 0) - (b.sinceMs ?? 0)) <= SAME_MS

export class SessionWatch {
  private readonly intervalMs: number
  private readonly found: Array<SessionEvent> = []
  private readonly last = new Map<string, Seen>()
  private readonly loops: Array<Promise<void>> = []
  private over = false

  private constructor(intervalMs: number) {
    this.intervalMs = intervalMs
  }

  /** Looks at once and then every `intervalMs` until `stop`; ends when every router was seen once. */
  static async start(routers: ReadonlyArray<Router>, intervalMs = 200): Promise<SessionWatch> {
    const watch = new SessionWatch(intervalMs)
    await Promise.all(routers.map((router) => watch.look(router)))
    for (const router of routers) watch.loops.push(watch.follow(router))
    return watch
  }

  private async follow(router: Router): Promise<void> {
    while (!this.over) {
      await Bun.sleep(this.intervalMs)
      // A router that is away tells nothing: the next look will.
      await this.look(router).catch(() => undefined)
    }
  }

  private async look(router: Router): Promise<void> {
    for (const { neighbor, state, sinceMs, incarnation } of await router.sessions()) {
      const key = `${router.spec.host} ${neighbor}`
      const before = this.last.get(key)
      const now: Seen = { up: state === "Established", incarnation, sinceMs }
      this.last.set(key, now)
      const note = (up: boolean) =>
        this.found.push({ atMs: sinceMs ?? Date.now(), router: router.spec.host, neighbor, up })
      if (before === undefined || before.up !== now.up) {
        if (now.up || before !== undefined) note(now.up)
      } else if (now.up && !isSame(now, before)) {
        note(false)
        note(true)
      }
    }
  }

  /** Everything since `fromMs`, in order. */
  events(fromMs = 0): ReadonlyArray<SessionEvent> {
    return this.found.filter((one) => one.atMs >= fromMs).sort((a, b) => a.atMs - b.atMs)
  }

  /** How often a session ended since `fromMs`. */
  lost(fromMs = 0): number {
    return this.events(fromMs).filter((one) => !one.up).length
  }

  async stop(): Promise<void> {
    this.over = true
    await Promise.all(this.loops)
  }
}
