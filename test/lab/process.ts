// Commands and background processes of a lab. A background process leads a process group of its own, writes to a log
// file, and is signalled only through that group, so that a daemon's children go with it and nothing else does.
import { closeSync, existsSync, openSync, readFileSync } from "node:fs"

export interface Output {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly input?: string
  readonly deadlineMs?: number
}

const COMMAND_DEADLINE_MS = 20_000

/** Runs `argv` to its end. A command that outlives its deadline is killed and reported with code 137 or so. */
export const run = async (argv: ReadonlyArray<string>, options: RunOptions = {}): Promise<Output> => {
  const child = Bun.spawn([...argv], {
    stdin: options.input === undefined ? "ignore" : new TextEncoder().encode(options.input),
    stdout: "pipe",
    stderr: "pipe",
    timeout: options.deadlineMs ?? COMMAND_DEADLINE_MS,
    killSignal: "SIGKILL"
  })
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { code, stdout, stderr }
}

/** Runs `argv` and gives its stdout; a status other than 0 is an error that shows what the command said. */
export const must = async (argv: ReadonlyArray<string>, options: RunOptions = {}): Promise<string> => {
  const { code, stdout, stderr } = await run(argv, options)
  if (code !== 0) throw new Error(`${argv.join(" ")} ended with ${code}: ${(stderr || stdout).trim()}`)
  return stdout
}

/** When the process with this number began, in clock ticks since boot: tells a reused pid from the one that was meant. */
export const startTime = (pid: number): string | undefined => {
  const stat = `/proc/${pid}/stat`
  if (!existsSync(stat)) return undefined
  const fields = readFileSync(stat, "utf8").split(") ").pop()?.split(" ") ?? []
  return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19]
}

export interface SpawnOptions {
  readonly logFile: string
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

export class Background {
  readonly name: string
  readonly pid: number
  readonly logFile: string
  /** The exit status, 128 + n after signal n. */
  readonly exited: Promise<number>
  private over = false

  constructor(name: string, argv: ReadonlyArray<string>, options: SpawnOptions) {
    const log = openSync(options.logFile, "a")
    const child = Bun.spawn([...argv], {
      stdin: "ignore",
      stdout: log,
      stderr: log,
      detached: true,
      env: { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd })
    })
    closeSync(log)
    this.name = name
    this.pid = child.pid
    this.logFile = options.logFile
    this.exited = child.exited.then((code) => {
      this.over = true
      return code
    })
  }

  get running(): boolean {
    return !this.over
  }

  log(): string {
    return readFileSync(this.logFile, "utf8")
  }

  /** Sends a signal to the whole process group; a group that is gone already is no error. */
  signal(signal: NodeJS.Signals): void {
    try {
      process.kill(-this.pid, signal)
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error
    }
  }

  /** TERM, and KILL for what is left of the group after `graceMs`. Gives the exit status. */
  async stop(graceMs = 3_000): Promise<number> {
    this.signal("SIGCONT")
    if (this.running) this.signal("SIGTERM")
    const timer = setTimeout(() => this.signal("SIGKILL"), graceMs)
    const code = await this.exited
    clearTimeout(timer)
    this.signal("SIGKILL")
    return code
  }

  async kill(): Promise<void> {
    this.signal("SIGKILL")
    await this.exited
  }
}
