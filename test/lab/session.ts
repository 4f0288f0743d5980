// One session of our own in a host, without a daemon around it: for what no document asks for yet, and for ends that a daemon
// does not come to by itself (probes/session.ts).
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Address, Prefix } from "../../src/net/ip.ts"
import type { PlannedRoute, SessionParameters } from "../../src/plan/types.ts"
import type { SessionStatus } from "../../src/resources/nodeStatus.ts"
import type { Lab } from "./Lab.ts"
import type { Background } from "./process.ts"

export type SessionSpec = Pick<SessionParameters, "localAsn" | "peerAsn"> & {
  readonly localAddress: string
  readonly peerAddress: string
} & Partial<Omit<SessionParameters, "localAddress" | "peerAddress">>

interface Said {
  readonly atMs: number
  readonly to?: string
  readonly reason?: string
  readonly report?: Pick<SessionStatus, "state" | "reason" | "notes" | "withheld" | "negotiated" | "sent" | "got">
}

const SCRIPT = join(import.meta.dir, "probes", "session.ts")
let count = 0

/** A path as `LabSession` announces it. */
export const path = (prefix: string, nextHop: string, more: Partial<PlannedRoute> = {}): PlannedRoute => ({
  name: "control-plane",
  prefix: prefix as Prefix,
  nextHop: nextHop as Address,
  reason: "the test wants it",
  ...more
})

export class LabSession {
  private readonly lab: Lab
  private readonly process: Background
  private readonly file: string
  private readonly parameters: SessionParameters

  private constructor(lab: Lab, process: Background, file: string, parameters: SessionParameters) {
    this.lab = lab
    this.process = process
    this.file = file
    this.parameters = parameters
  }

  /** Runs at once; nothing is waited for. The identifier is the local address unless given. */
  static start(lab: Lab, host: string, spec: SessionSpec, routes: ReadonlyArray<PlannedRoute>): LabSession {
    const { localAddress, peerAddress, ...more } = spec
    const parameters: SessionParameters = {
      localAddress: localAddress as Address,
      peerAddress: peerAddress as Address,
      routerId: localAddress as Address,
      peerPort: 179,
      holdTime: 90,
      keepaliveTime: 30,
      connectRetryTime: 5,
      passive: false,
      families: ["ipv4", "ipv6"],
      ...more
    }
    const name = `session-${++count}`
    const file = join(lab.hostDirectory(host), `${name}.json`)
    writeFileSync(file, JSON.stringify({ parameters, routes }))
    return new LabSession(lab, lab.spawn(host, name, [process.execPath, SCRIPT, file]), file, parameters)
  }

  /** The whole wanted set. */
  announce(routes: ReadonlyArray<PlannedRoute>): void {
    writeFileSync(this.file, JSON.stringify({ parameters: this.parameters, routes }))
    this.process.signal("SIGHUP")
  }

  said(): ReadonlyArray<Said> {
    return this.process
      .log()
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line))
  }

  /** Epoch ms of the first time that it was Established. */
  async established(deadlineMs = 15_000): Promise<number> {
    const up = () => this.said().find(({ to }) => to === "Established")
    return (await this.lab.until(up, `${this.process.name} to be Established`, deadlineMs)).atMs
  }

  async report(): Promise<NonNullable<Said["report"]>> {
    const reports = () => this.said().flatMap(({ report }) => report ?? [])
    const before = reports().length
    this.process.signal("SIGUSR1")
    return this.lab.until(() => reports()[before], `a report of ${this.process.name}`)
  }

  /** Ends in the way of the name; done when the process is gone. */
  async end(how: "leave" | "cease" | "kill"): Promise<void> {
    if (how === "kill") return this.process.kill()
    this.process.signal(how === "leave" ? "SIGUSR2" : "SIGTERM")
    await this.process.exited
  }
}
