// The kubectl programs that the tests use: whichever is installed, and Debian's, which is older and asks for other things. Where another
// package owns its path, Debian's is unpacked beside the other packages of this checkout.
import { existsSync, mkdirSync, readdirSync } from "node:fs"
import { join } from "node:path"

const cache = join(import.meta.dir, "../../node_modules/.cache/viaduct/kubernetes-client")
const unpacked = join(cache, "usr/bin/kubectl")

export interface Kubectl {
  /** For the names of tests. */
  readonly name: string
  /** Undefined: it is not there, and `name` says so. */
  readonly path: string | undefined
  readonly minor: number
}

const minorOf = (path: string): number => {
  const { stdout } = Bun.spawnSync([path, "version", "--client", "-o", "json"], { stderr: "ignore" })
  return Number.parseInt(/"minor": *"(\d+)/.exec(stdout.toString())?.[1] ?? "0", 10)
}

const named = (path: string): Kubectl => {
  const minor = minorOf(path)
  return { name: `kubectl 1.${minor}`, path, minor }
}

/** The installed one, and Debian's where that is another one. */
export const kubectls = (): ReadonlyArray<Kubectl> => {
  const installed = Bun.which("kubectl")
  const found = [...(installed === null ? [] : [installed]), ...(existsSync(unpacked) ? [unpacked] : [])].map(named)
  const reason = installed === null ? "which is not installed" : "Debian's older one, which is not unpacked"
  return found.some(({ minor }) => minor < 24)
    ? found
    : [...found, { name: `kubectl (needs ${reason})`, path: undefined, minor: 20 }]
}

/** Unpacks Debian's where another package has its place. Needs root and apt; the message of what failed, or undefined. */
export const unpackDebianKubectl = async (): Promise<string | undefined> => {
  const installed = Bun.which("kubectl")
  if (installed === null || existsSync(unpacked) || minorOf(installed) < 24) return undefined
  mkdirSync(cache, { recursive: true })
  for (const command of [
    ["apt-get", "download", "kubernetes-client"],
    ["dpkg", "-x"]
  ]) {
    const archive = readdirSync(cache).filter((name) => name.endsWith(".deb"))
    const whole = command[0] === "dpkg" ? [...command, ...archive, cache] : command
    const { exitCode, stderr } = Bun.spawnSync(whole, { cwd: cache, stdout: "ignore", stderr: "pipe" })
    if (exitCode !== 0) return stderr.toString()
  }
  return undefined
}
