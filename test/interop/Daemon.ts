// The daemon under test, in a host of a lab: `viaduct run` from the sources, or the executable that VIADUCT_BIN names.
// Its status is read where people read it, over the admin socket.
import { existsSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import type { ApplyOutcome } from "../../src/config/outcome.ts"
import type { NodeStatus, SessionStatus } from "../../src/resources/nodeStatus.ts"
import type { Lab } from "../lab/Lab.ts"
import type { Background } from "../lab/process.ts"

const ROOT = resolve(import.meta.dir, "../..")

/** The words that start viaduct: the executable named by VIADUCT_BIN, or Bun and the sources. */
export const viaduct = (): ReadonlyArray<string> =>
  process.env.VIADUCT_BIN === undefined
    ? [process.execPath, join(ROOT, "src/main.ts")]
    : [resolve(process.env.VIADUCT_BIN)]

export interface DaemonSpec {
  readonly host: string
  /** The text of the cluster file, or the path of one; absent: no `--config`. */
  readonly config?: { readonly text: string } | { readonly file: string }
  /** `--node`; left out: the daemon finds out by itself. */
  readonly node?: string
  /** More words for `run`. */
  readonly args?: ReadonlyArray<string>
  /** Words before the program's own: what confines it. */
  readonly launcher?: ReadonlyArray<string>
}

export interface Stopped {
  readonly code: number
  readonly tookMs: number
}

/** As `POST /v1/apply` takes it. */
export interface ApplyBody {
  readonly files: ReadonlyArray<{ readonly path: string; readonly text: string }>
  readonly message?: string
  readonly force?: boolean
  readonly confirmWithinSeconds?: number
}

export class Daemon {
  readonly process: Background
  readonly host: string
  private readonly lab: Lab
  private readonly socket: string

  private constructor(lab: Lab, host: string, process: Background, socket: string) {
    this.lab = lab
    this.host = host
    this.process = process
    this.socket = socket
  }

  /** Starts the daemon; ends when its admin API answers. */
  static async start(lab: Lab, spec: DaemonSpec): Promise<Daemon> {
    const directory = lab.hostDirectory(spec.host)
    const { config } = spec
    const file = config !== undefined && "file" in config ? resolve(ROOT, config.file) : join(directory, "cluster.yaml")
    if (config !== undefined && "text" in config) writeFileSync(file, config.text)
    const socket = join(directory, "admin.sock")
    const process = lab.spawn(spec.host, "viaduct", [
      ...(spec.launcher ?? []),
      ...viaduct(),
      ...["run", ...(config === undefined ? [] : ["--config", file]), "--data-dir", join(directory, "data")],
      ...["--admin-socket", socket, "--admin-listen", "none"],
      ...(spec.node === undefined ? [] : ["--node", spec.node]),
      ...(spec.args ?? [])
    ])
    const daemon = new Daemon(lab, spec.host, process, socket)
    await lab.until(async () => {
      if (!process.running) return true
      if (!existsSync(socket)) return false
      const { hash } = (await daemon.status()).config
      return hash !== "" || config === undefined
    }, `the admin API of ${spec.host}`)
    if (!process.running) throw new Error(`viaduct on ${spec.host} ended: ${process.log()}`)
    return daemon
  }

  async status(): Promise<NodeStatus> {
    const answer = await fetch("http://localhost/v1/status", { unix: this.socket })
    if (!answer.ok) throw new Error(`/v1/status: ${answer.status} ${await answer.text()}`)
    return (await answer.json()) as NodeStatus
  }

  /** `viaduct apply`. */
  async apply(body: ApplyBody): Promise<ApplyOutcome> {
    const answer = await fetch("http://localhost/v1/apply", {
      unix: this.socket,
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body)
    })
    return (await answer.json()) as ApplyOutcome
  }

  /** `viaduct reload`, with `--force` or without; fails where the config was refused. */
  async reload(force: boolean): Promise<void> {
    const answer = await fetch(`http://localhost/v1/reload${force ? "?force=true" : ""}`, {
      unix: this.socket,
      method: "POST"
    })
    if (!answer.ok) throw new Error(`/v1/reload: ${answer.status} ${await answer.text()}`)
  }

  async session(peer: string): Promise<SessionStatus> {
    const all = (await this.status()).sessions
    const found = all.find((one) => one.peerAddress === peer)
    if (found === undefined) throw new Error(`no session with ${peer} among ${all.map((one) => one.name).join(", ")}`)
    return found
  }

  /** Waits until the daemon itself says Established, and gives what it says. */
  established(peer: string, deadlineMs = 15_000): Promise<SessionStatus> {
    return this.lab.until(
      async () => {
        const session = await this.session(peer)
        if (session.state !== "Established") throw new Error(`${session.state}: ${session.reason}`)
        return session
      },
      `viaduct on ${this.host}: Established with ${peer}`,
      deadlineMs
    )
  }

  /** Waits until the session is down and its reason reads like `words`. */
  refusedWith(peer: string, words: RegExp, deadlineMs = 15_000): Promise<SessionStatus> {
    return this.lab.until(
      async () => {
        const session = await this.session(peer)
        if (session.state === "Established" || !words.test(session.reason ?? "")) {
          throw new Error(`${session.state}, reason: ${session.reason}`)
        }
        return session
      },
      `viaduct on ${this.host}: no session with ${peer} because of ${words}`,
      deadlineMs
    )
  }

  /** SIGTERM, as an operator or systemd stops it. */
  async stop(): Promise<Stopped> {
    const started = performance.now()
    this.process.signal("SIGTERM")
    const code = await this.process.exited
    return { code, tookMs: performance.now() - started }
  }
}
