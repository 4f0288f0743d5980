// Traffic with a timeline: a client that asks at a steady rate while something happens, and what came of every single probe,
// with the time at which it was sent, so that losses can be set against the fault. The client is probes/traffic.ts.
import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { Lab } from "./Lab.ts"
import { PROBE_PORT } from "./probes.ts"
import type { Background } from "./process.ts"
import { ready } from "./routers/Router.ts"

const TIMEOUT_MS = 950
/** In the client's result. */
const RESET = -2
/** Losses closer together than this are one window: with ECMP only some flows are hit. */
const WINDOW_GAP_MS = 500

export interface TrafficSpec {
  readonly host: string
  readonly address: string
  readonly mode: "tcp" | "udp"
  /** Probes a second; default 200. */
  readonly rate?: number
  /** UDP: keep to so many flows instead of a new one for each probe. */
  readonly flows?: number
}

export interface ProbeResult {
  /** Epoch milliseconds. */
  readonly sentMs: number
  /** Until the answer, or the refusal. */
  readonly afterMs: number
  /** Who answered; absent: lost. */
  readonly by?: string
  /** Lost because the connection was refused or reset: an answer of the wrong host, not silence. */
  readonly reset?: true
}

export interface LossWindow {
  /** When the first lost probe was sent, epoch milliseconds. */
  readonly fromMs: number
  /** When the last lost probe was sent. */
  readonly toMs: number
  readonly lost: number
}

export interface Timeline {
  readonly probes: ReadonlyArray<ProbeResult>
  readonly sent: number
  readonly ok: number
  readonly lost: number
  /** Those among the lost ones that were refused or reset. */
  readonly resets: number
  /** Probes answered, by the name of who answered. */
  readonly answers: Readonly<Record<string, number>>
  readonly windows: ReadonlyArray<LossWindow>
  /** From the first lost probe of a row to the next one that was answered (or the last one sent). */
  readonly longestGapMs: number
}

const windowsOf = (probes: ReadonlyArray<ProbeResult>): ReadonlyArray<LossWindow> => {
  const windows: Array<LossWindow> = []
  for (const { sentMs, by } of probes) {
    if (by !== undefined) continue
    const last = windows.at(-1)
    if (last === undefined || sentMs - last.toMs > WINDOW_GAP_MS)
      windows.push({ fromMs: sentMs, toMs: sentMs, lost: 1 })
    else windows[windows.length - 1] = { ...last, toMs: sentMs, lost: last.lost + 1 }
  }
  return windows
}

const longestGap = (probes: ReadonlyArray<ProbeResult>): number => {
  let longest = 0
  let from: number | undefined
  for (const { sentMs, by } of probes) {
    if (from !== undefined) longest = Math.max(longest, sentMs - from)
    if (by !== undefined) from = undefined
    else from ??= sentMs
  }
  return longest
}

/** What the probes add up to; `probes` in any order. */
export const timelineOf = (unsorted: ReadonlyArray<ProbeResult>): Timeline => {
  const probes = [...unsorted].sort((a, b) => a.sentMs - b.sentMs)
  const answers: Record<string, number> = {}
  for (const { by } of probes) if (by !== undefined) answers[by] = (answers[by] ?? 0) + 1
  const ok = Object.values(answers).reduce((sum, count) => sum + count, 0)
  return {
    probes,
    sent: probes.length,
    ok,
    lost: probes.length - ok,
    resets: probes.filter((one) => one.reset).length,
    answers,
    windows: windowsOf(probes),
    longestGapMs: Math.round(longestGap(probes))
  }
}

/** The part of a timeline that was sent between two moments. */
export const during = (timeline: Timeline, fromMs: number, toMs = Number.POSITIVE_INFINITY): Timeline =>
  timelineOf(timeline.probes.filter(({ sentMs }) => sentMs >= fromMs && sentMs < toMs))

interface Told {
  readonly names: ReadonlyArray<string>
  readonly probes: ReadonlyArray<readonly [number, number, number]>
}

const readTold = (text: string): Timeline => {
  const { names, probes }: Told = JSON.parse(text)
  return timelineOf(
    probes.map(([sentMs, afterMs, name]): ProbeResult => {
      const by = names[name]
      if (by !== undefined) return { sentMs, afterMs, by }
      return name === RESET ? { sentMs, afterMs, reset: true } : { sentMs, afterMs }
    })
  )
}

let clients = 0

/** A client that runs until it is stopped. */
export class Traffic {
  private readonly one: Background
  private readonly file: string

  private constructor(one: Background, file: string) {
    this.one = one
    this.file = file
  }

  static async start(lab: Lab, spec: TrafficSpec): Promise<Traffic> {
    clients += 1
    const name = `traffic-${clients}`
    const file = join(lab.hostDirectory(spec.host), `${name}.json`)
    const numbers = [PROBE_PORT, 1000 / (spec.rate ?? 200), TIMEOUT_MS, spec.flows ?? 0].map(String)
    const script = join(import.meta.dir, "probes/traffic.ts")
    const words = [process.execPath, script, file, spec.mode, spec.address, ...numbers]
    const one = lab.spawn(spec.host, name, words)
    await ready(lab, one, () => one.log().includes("ready"))
    return new Traffic(one, file)
  }

  /** Ends it, waits for what is under way, and gives everything since the start. */
  async stop(): Promise<Timeline> {
    this.one.signal("SIGTERM")
    const code = await this.one.exited
    if (code !== 0) throw new Error(`${this.one.name} ended with ${code}: ${this.one.log()}`)
    return readTold(readFileSync(this.file, "utf8"))
  }
}
