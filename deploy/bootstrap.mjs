// The way into this project from a machine that has only Node and npm: installs what the lock file names where it is
// missing or older, then runs the given script with the Bun that came along. Arguments, signals and the exit status pass through.
import { spawn, spawnSync } from "node:child_process"
import { existsSync, readdirSync, statSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = dirname(dirname(fileURLToPath(import.meta.url)))

const modified = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0)

/** npm writes this file last. */
const installed = join(root, "node_modules", ".package-lock.json")

if (modified(installed) < modified(join(root, "package-lock.json"))) {
  process.stderr.write("installing the packages that the lock file names …\n")
  // Not `npm ci`: it refuses a lock file in which a registry that lacks other platforms' packages left them out.
  const npm = spawnSync("npm", ["install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", 2, 2]
  })
  if (npm.error) process.stderr.write(`npm cannot be started: ${npm.error.message}\n`)
  if (npm.status !== 0) process.exit(npm.status ?? 1)
}

/** The runtime's own place, or its platform package where npm was not allowed to run the install script. */
const candidates = () => {
  const platform = join(root, "node_modules", "@oven")
  const packages = existsSync(platform) ? readdirSync(platform) : []
  return [
    join(root, "node_modules", "bun", "bin", "bun.exe"),
    ...packages.map((name) => join(platform, name, "bin", "bun"))
  ]
}

/** A placeholder of a few octets stands where the install script did not run. */
const bun = candidates().find((path) => existsSync(path) && statSync(path).size > 1_000_000)
if (bun === undefined) {
  process.stderr.write("the Bun runtime is not among the installed packages; remove node_modules and run this again\n")
  process.exit(1)
}

const env = { ...process.env, VIADUCT_SIGNALS_PASSED_ON: "1" }
const child = spawn(bun, process.argv.slice(2), { stdio: "inherit", env })
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal))
child.on("exit", (code, signal) => {
  if (signal === null) process.exit(code ?? 1)
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
})
