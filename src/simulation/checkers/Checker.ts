// What a checker is: it looks at the whole world, after each step and whenever something happens that it wants to hear of, and
// reports what must not be, under the invariant's number. A finding is reported once.
import type { Simulation, Witness } from "../Simulation.ts"

export interface Finding {
  /** "I1" … as the design numbers them; "end": the cluster does not come right once everything is healed. */
  readonly invariant: string
  readonly ms: number
  readonly text: string
}

export interface Figure {
  readonly times: number
  readonly mostMs: number | undefined
}

export class Findings {
  readonly all: Array<Finding> = []
  private readonly seen = new Set<string>()
  private readonly simulation: Simulation

  constructor(simulation: Simulation) {
    this.simulation = simulation
  }

  /** What there was to check, and how long what is bounded took: shows that a run without findings was not an empty one. */
  readonly figures = new Map<string, Figure>()

  figure(name: string, ms?: number): void {
    const { times, mostMs } = this.figures.get(name) ?? { times: 0, mostMs: undefined }
    const most = ms === undefined ? mostMs : Math.max(mostMs ?? 0, ms)
    this.figures.set(name, { times: times + 1, mostMs: most })
  }

  report(invariant: string, text: string): void {
    const key = `${invariant} ${text.replace(/[\d.]+ (?:m?s)\b/g, "")}`
    if (this.seen.has(key)) return
    this.seen.add(key)
    this.all.push({ invariant, ms: this.simulation.world.ms, text })
    this.simulation.say("checker", `${invariant}: ${text}`)
  }
}

export type Checker = (simulation: Simulation, findings: Findings) => Witness

/** Tells since when (in ms) something has been so without a break; forgets what is not asked about in a round. */
export class Since {
  private before = new Map<string, number>()
  private now = new Map<string, number>()

  of(key: string, ms: number): number {
    const since = this.before.get(key) ?? ms
    this.now.set(key, since)
    return since
  }

  endRound(): void {
    this.before = this.now
    this.now = new Map()
  }
}
