// This machine and this process: host name, memory and time used, the lock on the data directory, systemd.
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { hostname } from "node:os"
import { join } from "node:path"
import { Effect, Layer } from "effect"
import { type DataDirectory, Host, HostError } from "../../ports/Host.ts"
import { lockDataDirectory } from "./instanceLock.ts"
import { monotonicUsec, sdNotify, watchdogMs } from "./sdNotify.ts"

const usage = Effect.sync(() => {
  const cpu = process.cpuUsage()
  return { residentBytes: process.memoryUsage.rss(), cpuSeconds: (cpu.user + cpu.system) / 1e6 }
})

const dataDirectory = (path: string): DataDirectory => ({
  read: (name) =>
    Effect.sync(() => {
      const file = join(path, name)
      return existsSync(file) ? readFileSync(file, "utf8") : undefined
    }),
  write: (name, text) =>
    Effect.try({
      try: () => {
        const file = join(path, name)
        writeFileSync(`${file}.new`, text, { mode: 0o640, flush: true })
        renameSync(`${file}.new`, file)
      },
      catch: (error) => new HostError({ message: `cannot write ${join(path, name)}: ${String(error)}` })
    })
})

export const LinuxHost = Layer.sync(Host, () =>
  Host.of({
    hostname: hostname(),
    usage,
    holdDataDirectory: (path) =>
      Effect.acquireRelease(
        Effect.try({
          try: () => lockDataDirectory(path),
          catch: (error) => new HostError({ message: error instanceof Error ? error.message : String(error) })
        }),
        (release) => Effect.sync(release)
      ).pipe(Effect.as(dataDirectory(path))),
    notify: (state) => Effect.sync(() => sdNotify(state)).pipe(Effect.asVoid),
    watchdogMs: watchdogMs(),
    monotonicUsec: Effect.sync(monotonicUsec)
  })
)
