// Sessions over time, as the routers tell them: every router is asked again and again, and what changed in between is an
// event. A session that went and came back between two looks shows by the time since which it is Established. What a router
// does not answer (it is down, or starting) changes nothing.
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
  readonly sinceMs?: number
}

/** FRR and GoBGP give whole seconds, worked out anew each time: one more or less is the same moment. */
const SAME_MS = 1_500

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
    for (const { neighbor, state, sinceMs } of await router.sessions()) {
      const key = `${router.spec.host} ${neighbor}`
      const before = this.last.get(key)
      const now: Seen = { up: state === "Established", ...(sinceMs === undefined ? {} : { sinceMs }) }
      this.last.set(key, now)
      const exact = router.name === "bird" ? sinceMs : undefined
      const note = (up: boolean, atMs = exact ?? Date.now()) =>
        this.found.push({ atMs, router: router.spec.host, neighbor, up })
      if (before === undefined || before.up !== now.up) {
        if (now.up || before !== undefined) note(now.up)
      } else if (now.up && Math.abs((now.sinceMs ?? 0) - (before.sinceMs ?? 0)) > SAME_MS) {
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
