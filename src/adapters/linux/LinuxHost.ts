// This machine and this process: host name, memory and time used, the lock on the data directory, systemd.
import { hostname } from "node:os"
import { Effect, Layer } from "effect"
import { Host, HostError } from "../../ports/Host.ts"
import { lockDataDirectory } from "./instanceLock.ts"
import { monotonicUsec, sdNotify, watchdogMs } from "./sdNotify.ts"

const usage = Effect.sync(() => {
  const cpu = process.cpuUsage()
  return { residentBytes: process.memoryUsage.rss(), cpuSeconds: (cpu.user + cpu.system) / 1e6 }
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
      ).pipe(Effect.asVoid),
    notify: (state) => Effect.sync(() => sdNotify(state)).pipe(Effect.asVoid),
    watchdogMs: watchdogMs(),
    monotonicUsec: Effect.sync(monotonicUsec)
  })
)
