// One fault and everything that is to be seen of it: traffic runs before, during and after; what the fault does is timed from
// the moment before it strikes; at the end there is one value with all figures, and one line for the table, whose columns
// are always the same: fault | UDP | TCP | UDP over IPv6 | next hop withdrawn | floating IPs | overlap | sessions ended |
// converged. Times are milliseconds after the fault, convergence after the last thing that was done.
import type { KernelWatch, Overlap } from "../lab/kernelWatch.ts"
import { describeHoldings } from "../lab/kernelWatch.ts"
import type { Lab } from "../lab/Lab.ts"
import type { Router } from "../lab/routers/Router.ts"
import type { SessionWatch } from "../lab/sessionWatch.ts"
import { during, type Timeline, Traffic } from "../lab/traffic.ts"
import { FLOATING_IPS, hostPrefix } from "./network.ts"

/** The first packets wait for neighbour discovery on every hop; they do not count. */
const WARM_UP_MS = 500
const BASELINE_MS = 1_000
const AFTER_MS = 600
const PROBE_INTERVAL_MS = 5

export interface Observed {
  readonly lab: Lab
  readonly watch: KernelWatch
  readonly sessions: SessionWatch
  /** Those that floating IPs have sessions with. */
  readonly externals: ReadonlyArray<Router>
  readonly vips: { readonly ipv4: string; readonly ipv6: string }
}

const STREAMS = [
  { name: "udp", family: "ipv4", mode: "udp", rate: 200 },
  { name: "tcp", family: "ipv4", mode: "tcp", rate: 200 },
  { name: "udp6", family: "ipv6", mode: "udp", rate: 50 }
] as const

type StreamName = (typeof STREAMS)[number]["name"]

export interface FaultReport {
  readonly name: string
  /** When it struck, epoch milliseconds. */
  readonly zeroMs: number
  readonly traffic: Readonly<Record<StreamName, Timeline>>
  /** Probes lost from the fault on, of all streams. */
  readonly lost: number
  /** Probes without an answer before the fault: the bench itself is too slow, nothing else counts then. */
  readonly lostBefore: number
  /** The longest loss window of any stream. */
  readonly windowMs: number
  readonly overlaps: ReadonlyArray<Overlap>
  /** Sessions of floating IPs that ended, as the routers saw it. */
  readonly sessionsEnded: number
  /** What became of sessions of floating IPs, "ext-1 10.0.1.100 down +3120" each. */
  readonly sessionEvents: ReadonlyArray<string>
  readonly convergedMs?: number
}

/** Milliseconds after the fault, by the make of the external router. */
export type Timing = Readonly<Record<string, number>>

export interface Move {
  readonly host: string
  /** The address is on the other node. */
  readonly addressMs: number
  /** The router has its session Established. */
  readonly sessions: Timing
}

const timing = (times: Timing): string =>
  Object.entries(times)
    .map(([name, atMs]) => `${name} +${Math.round(atMs)}`)
    .join(" ")

const windowMs = (timeline: Timeline): number =>
  timeline.windows.reduce((most, { fromMs, toMs }) => Math.max(most, toMs - fromMs + PROBE_INTERVAL_MS), 0)

export class FaultRun {
  readonly name: string
  private readonly world: Observed
  private readonly streams: ReadonlyArray<readonly [StreamName, Traffic]>
  private readonly fromMs = Date.now() + WARM_UP_MS
  private zero = 0
  private lastActMs = 0
  private withdrawn: Timing = {}
  private converged: number | undefined
  private readonly moves = new Map<string, Move>()

  private constructor(name: string, world: Observed, streams: FaultRun["streams"]) {
    this.name = name
    this.world = world
    this.streams = streams
  }

  /** Starts the traffic and lets it run for a second before anything counts as the fault's. */
  static async start(name: string, world: Observed): Promise<FaultRun> {
    const streams = STREAMS.map(async (one) => {
      const spec = { host: "client", address: world.vips[one.family], mode: one.mode, rate: one.rate }
      return [one.name, await Traffic.start(world.lab, spec)] as const
    })
    const run = new FaultRun(name, world, await Promise.all(streams))
    await Bun.sleep(WARM_UP_MS + BASELINE_MS)
    return run
  }

  /** Does what goes wrong; time counts from the moment before. */
  async strike(fault: () => unknown): Promise<void> {
    this.zero = Date.now()
    this.lastActMs = this.zero
    await fault()
  }

  /** Does what makes it good again, or what goes wrong next. */
  async act(act: () => unknown): Promise<void> {
    this.lastActMs = Date.now()
    await act()
  }

  /** Milliseconds since the fault. */
  elapsedMs(): number {
    return Date.now() - this.zero
  }

  /** Lets the fault last: what must not happen has time to happen until `ms` after it. */
  async last(ms: number): Promise<void> {
    await Bun.sleep(Math.max(0, ms - this.elapsedMs()))
  }

  /** Waits until no external router has a path over the next hops any more, and gives when each one lost the last. */
  async nextHopsWithdrawn(nextHops: ReadonlyArray<string>, deadlineMs = 15_000): Promise<Timing> {
    const prefixes = Object.values(this.world.vips).map(hostPrefix)
    const times = this.world.externals.map(async (router) => {
      const gone = async () => {
        const left = (await router.routes()).filter(
          (one) => prefixes.includes(one.prefix) && nextHops.includes(one.nextHop)
        )
        if (left.length > 0) throw new Error(JSON.stringify(left))
        return true
      }
      await this.world.lab.until(gone, `${router.spec.host} to lose ${nextHops.join(", ")}`, deadlineMs)
      return [router.name, this.elapsedMs()] as const
    })
    this.withdrawn = Object.fromEntries(await Promise.all(times))
    return this.withdrawn
  }

  /** Waits until a node other than `from` holds the floating IP and every router has its session again. */
  async moved(floatingIp: string, from: string, deadlineMs = 15_000): Promise<Move> {
    const { lab, watch, sessions, externals } = this.world
    const taken = () =>
      watch.holdings(floatingIp).find((one) => one.host !== from && one.fromMs >= this.zero && one.toMs === undefined)
    const holding = await lab.until(taken, `${floatingIp} to be on a node other than ${from}`, deadlineMs)
    const ups = () => {
      const up = sessions.events(holding.fromMs).filter((one) => one.neighbor === floatingIp && one.up)
      const seen = externals.flatMap(({ name, spec }): ReadonlyArray<readonly [string, number]> => {
        const first = up.find((one) => one.router === spec.host)
        return first === undefined ? [] : [[name, first.atMs - this.zero]]
      })
      if (seen.length < externals.length) throw new Error(`only with ${seen.map(([name]) => name).join(", ")}`)
      return seen
    }
    const times = await lab.until(ups, `${floatingIp} to have its sessions from ${holding.host}`, deadlineMs)
    const move: Move = {
      host: holding.host,
      addressMs: holding.fromMs - this.zero,
      sessions: Object.fromEntries(times)
    }
    this.moves.set(floatingIp, move)
    return move
  }

  /** To be called when everything is as it should be. */
  isConverged(): void {
    this.converged = Date.now() - this.lastActMs
  }

  /** Ends the traffic, prints the line of the table, and gives the figures. */
  async finish(): Promise<FaultReport> {
    await Bun.sleep(AFTER_MS)
    const results = await Promise.all(
      this.streams.map(async ([name, one]) => [name, during(await one.stop(), this.fromMs)] as const)
    )
    const traffic = Object.fromEntries(results) as Record<StreamName, Timeline>
    const after = results.map(([, timeline]) => during(timeline, this.zero))
    const { watch, sessions } = this.world
    const events = sessions.events(this.zero).filter((one) => FLOATING_IPS.some((address) => address === one.neighbor))
    const report: FaultReport = {
      name: this.name,
      zeroMs: this.zero,
      traffic,
      lost: after.reduce((sum, one) => sum + one.lost, 0),
      lostBefore: results
        .map(([, timeline]) => during(timeline, 0, this.zero))
        .reduce((sum, { lost, resets }) => sum + lost - resets, 0),
      windowMs: Math.max(...after.map(windowMs)),
      overlaps: FLOATING_IPS.flatMap((address) => watch.overlaps(address)).filter((one) => one.toMs > this.zero),
      sessionsEnded: events.filter((one) => !one.up).length,
      sessionEvents: events.map(
        ({ router, neighbor, up, atMs }) =>
          `${router} ${neighbor} ${up ? "up" : "down"} +${Math.round(atMs - this.zero)}`
      ),
      ...(this.converged === undefined ? {} : { convergedMs: this.converged })
    }
    process.stdout.write(`${this.line(report)}\n`)
    return report
  }

  private line(report: FaultReport): string {
    const cell = (timeline: Timeline) => {
      const resets = timeline.resets === 0 ? "" : ` (${timeline.resets} reset)`
      return `${timeline.lost}/${timeline.sent} lost${resets}, ${Math.round(windowMs(timeline))} ms`
    }
    const ms = (value: number | undefined) => (value === undefined ? "-" : `${Math.round(value)} ms`)
    const floatingIps = FLOATING_IPS.map((address) => {
      const { watch } = this.world
      const now = watch.holdings(address).filter((one) => (one.toMs ?? Number.POSITIVE_INFINITY) > this.zero)
      const sessions = timing(this.moves.get(address)?.sessions ?? {})
      return `${address}: ${describeHoldings(now, this.zero)}${sessions && `, sessions ${sessions}`}`
    })
    const overlapMs = report.overlaps.reduce((most, one) => Math.max(most, one.toMs - one.fromMs), 0)
    return [
      "FAULT",
      this.name,
      cell(report.traffic.udp),
      cell(report.traffic.tcp),
      cell(report.traffic.udp6),
      timing(this.withdrawn) || "-",
      floatingIps.join("; "),
      ms(overlapMs),
      String(report.sessionsEnded),
      ms(report.convergedMs)
    ].join(" | ")
  }
}
