// `viaduct run`: the daemon of one node. Puts the services together over the ports, serves the admin API, follows signals.
// SIGTERM and Ctrl+C withdraw, say Cease, take the addresses off and end within two seconds; a second one ends at once (D8).
import { Console, Effect, Fiber, Layer, Option, Queue, Stream } from "effect"
import { Command, Flag } from "effect/cli"
import type { NodeSource } from "../api/source.ts"
import type { AdminSettings } from "../config/daemonSettings.ts"
import { LogRing } from "../observe/LogRing.ts"
import { Recorder } from "../observe/Recorder.ts"
import { ClusterStores } from "../ports/ClusterStore.ts"
import { Host } from "../ports/Host.ts"
import type { EventReason } from "../resources/eventReasons.ts"
import { readiness } from "../resources/readiness.ts"
import { Cluster } from "../services/Cluster.ts"
import { ConfigStore } from "../services/ConfigStore.ts"
import { EventJournal } from "../services/EventJournal.ts"
import { measuredStore } from "../services/measuredStore.ts"
import { measures } from "../services/measures.ts"
import { nodeServices } from "../services/node.ts"
import { Reconciler } from "../services/Reconciler.ts"
import { Supervisor } from "../services/Supervisor.ts"
import { version } from "../version.ts"
import { addressRecord } from "./addressRecord.ts"
import { adminFlags, adminSettings } from "./adminFlags.ts"
import { configControl } from "./configControl.ts"
import { configCopy, fileConfig } from "./configSource.ts"
import { etcdFlag } from "./daemonSettings.ts"
import { drainControl } from "./drainControl.ts"
import { explainControl } from "./explainNode.ts"
import { latest, streamChanges } from "./latest.ts"
import { type LogOptions, logFlags, terminalLog } from "./logFlags.ts"
import { nodeControl, recordedBy, recorderValues, wallClockUs } from "./nodeControl.ts"
import { daemonPreflight } from "./preflight/daemonSide.ts"
import { serveAdmin } from "./serveAdmin.ts"
import { startingPoint } from "./startingPoint.ts"
import { Telemetry, telemetry } from "./telemetry.ts"

const flags = {
  config: Flag.String("config").pipe(
    Flag.withAlias("c"),
    Flag.withDescription("Cluster file, or a directory of *.yaml files; may be given several times"),
    Flag.atLeast(0)
  ),
  configLocal: Flag.Boolean("config-local").pipe(
    Flag.withDescription("Recovery: run the file of --config whatever the store says, on this node alone"),
    Flag.withDefault(false)
  ),
  cluster: Flag.String("cluster").pipe(
    Flag.withDescription("Name of the cluster, for a node that gets its config from etcd and has no file"),
    Flag.optional
  ),
  etcd: etcdFlag,
  node: Flag.String("node").pipe(
    Flag.withDescription("Which node of the file this is, by name or address (default: found by the local addresses)"),
    Flag.optional
  ),
  dataDir: Flag.String("data-dir").pipe(
    Flag.withDescription("Directory of this daemon alone"),
    Flag.withDefault("/var/lib/viaduct")
  ),
  ...logFlags,
  ...adminFlags
}

/** What the daemon needs to know; `runCommand`'s flags, and what the demo sets. */
export interface DaemonOptions extends LogOptions {
  readonly config: ReadonlyArray<string>
  readonly configLocal?: boolean
  readonly cluster?: string
  /** Endpoints; instead of those in a DaemonConfig document. */
  readonly etcd?: ReadonlyArray<string>
  readonly node?: string
  readonly dataDir: string
  readonly adminSocket: string
  readonly adminListen: string
  /** Of the command line; instead of what a DaemonConfig document says. */
  readonly admin: AdminSettings
}

/** The status of the node in this process, as the API wants it. */
export const nodeSource = Effect.fnUntraced(function* (recorder?: Recorder) {
  const reconciler = yield* Reconciler
  const cluster = yield* Cluster
  const supervisor = yield* Supervisor
  const journal = yield* EventJournal
  const configs = yield* ConfigStore
  const host = yield* Host
  const status = Effect.map(
    Effect.all({ node: reconciler.status, process: host.usage, measures }),
    ({ node, process, measures: { values, timings } }) => ({
      ...node,
      process,
      measures: { values: [...values, ...(recorder === undefined ? [] : recorderValues(recorder.counts))], timings }
    })
  )
  const source: NodeSource = {
    status: () => Effect.runPromise(status),
    config: () => Promise.resolve(configs.snapshot()),
    changes: streamChanges(
      Stream.mergeAll([supervisor.changes, cluster.reports, journal.changes, configs.changes], { concurrency: 4 }),
      status
    )
  }
  return source
})

type StopSignal = "SIGTERM" | "SIGINT" | "SIGUSR2"

const signal = (name: StopSignal) =>
  Effect.callback<StopSignal>((resume) => {
    const heard = () => resume(Effect.succeed(name))
    process.once(name, heard)
    return Effect.sync(() => process.off(name, heard))
  })

/** Under npm one Ctrl+C may come twice: from the terminal, and passed on by the parent (deploy/bootstrap.mjs). In ms. */
const echoMs = process.env.VIADUCT_SIGNALS_PASSED_ON === undefined ? 0 : 300

/** Done at the first SIGTERM or SIGINT; from then on the next one ends the process at once. */
export const stopSignal = Effect.raceAll([signal("SIGTERM"), signal("SIGINT"), signal("SIGUSR2")]).pipe(
  Effect.tap(() =>
    Effect.sync(() => {
      const first = performance.now()
      const again = () => (performance.now() - first < echoMs ? undefined : process.exit(130))
      for (const name of ["SIGTERM", "SIGINT"]) process.on(name, again)
    })
  )
)

const hangups = Stream.callback<void>((queue) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const heard = () => {
        Queue.offerUnsafe(queue, undefined)
      }
      process.on("SIGHUP", heard)
      return heard
    }),
    (heard) => Effect.sync(() => process.off("SIGHUP", heard))
  )
)

const reloadOnHangup = Effect.gen(function* () {
  const configs = yield* ConfigStore
  const host = yield* Host
  yield* Stream.runForEach(hangups, () =>
    Effect.gen(function* () {
      yield* host.notify(`RELOADING=1\nMONOTONIC_USEC=${yield* host.monotonicUsec}`)
      yield* configs.reloadFile(false)
      yield* host.notify("READY=1")
    })
  )
})

/** The daemon from its start to its stop signal. */
const daemon = Effect.fnUntraced(function* (
  options: DaemonOptions,
  admin: AdminSettings,
  recorder: Recorder,
  log: LogRing
) {
  const host = yield* Host
  const reconciler = yield* Reconciler
  const supervisor = yield* Supervisor
  const source = yield* nodeSource(recorder)
  const explain = yield* explainControl(source)
  const journal = yield* EventJournal
  const emit = (reason: EventReason, message: string) =>
    Effect.flatMap(Effect.promise(source.status), ({ node: name }) =>
      journal.emit({ reason, message, about: { apiVersion: "v1", kind: "Node", namespace: "", name } })
    )
  const secure = { dataDirectory: options.dataDir, hostname: host.hostname, settings: admin, emit }
  const listeners = { socket: options.adminSocket, listen: options.adminListen, secure }
  const preflight = yield* daemonPreflight(source)
  const control = {
    ...nodeControl(recorder, log),
    drain: yield* drainControl(source),
    explain,
    config: yield* configControl,
    preflight
  }
  yield* serveAdmin(source, listeners, control)
  const { exportMetrics } = yield* Telemetry
  yield* exportMetrics(Effect.promise(() => source.status()))
  const stopping = yield* Effect.forkChild(stopSignal, { startImmediately: true })
  yield* Effect.forkChild(reloadOnHangup, { startImmediately: true })
  yield* reconciler.start
  yield* Effect.forkChild(reportToManager(source))
  const why = yield* Fiber.join(stopping)
  yield* host.notify("STOPPING=1")
  if (why === "SIGUSR2") return yield* stayBehind
  yield* Effect.logInfo(`${why}: withdrawing and closing`)
  const goodbye = supervisor.stop({ subcode: 2, message: "viaduct is stopping" })
  yield* reconciler.leave.pipe(Effect.andThen(goodbye), Effect.timeoutOption("3 seconds"))
  yield* Effect.andThen(Cluster, (cluster) => Effect.timeoutOption(cluster.resign, "500 millis"))
  yield* Effect.logInfo("stopped")
})

/**
 * Ends for a successor: sessions are left without a goodbye, so that peers with graceful restart keep the routes, and addresses
 * and claims stay for as long as the lease and the kernel's lifetimes last (D8).
 */
const stayBehind = Effect.gen(function* () {
  const supervisor = yield* Supervisor
  yield* Effect.logInfo("SIGUSR2: leaving everything in place for the next run")
  const leave = supervisor.stop({ subcode: 2 }, { ending: () => ({ type: "leave" }) })
  yield* Effect.timeoutOption(leave, "1500 millis")
})

/** READY once the config is in force; then a status line on each change and a sign of life for the watchdog. */
const reportToManager = Effect.fnUntraced(function* (source: NodeSource) {
  const host = yield* Host
  const supervisor = yield* Supervisor
  const line = Effect.promise(() => source.status()).pipe(Effect.map((status) => readiness(status).summary))
  yield* host.notify(`READY=1\nSTATUS=${yield* line}`)
  if (host.watchdogMs !== undefined)
    yield* Effect.forkChild(Effect.forever(Effect.andThen(host.notify("WATCHDOG=1"), Effect.sleep(host.watchdogMs))))
  yield* Stream.runForEach(latest(supervisor.changes), () =>
    Effect.flatMap(line, (text) => host.notify(`STATUS=${text}`))
  )
})

/** Fails with a message for people; the exit status is 1. */
const runDaemon = (options: DaemonOptions, log = new LogRing(Date.now)) =>
  Effect.gen(function* () {
    const { hostname, holdDataDirectory } = yield* Host
    const directory = yield* holdDataDirectory(options.dataDir)
    const node = options.node === undefined ? {} : { node: options.node }
    const copy = configCopy(directory)
    const { settings, cluster } = yield* startingPoint(options, yield* copy.read)
    const stores = yield* ClusterStores
    const store = settings.etcd === undefined ? stores.embedded(options.dataDir) : stores.etcd(settings.etcd, cluster)
    const record = addressRecord(directory)
    const recorder = new Recorder(wallClockUs())
    const observe = recordedBy(recorder)
    const services = nodeServices(
      { ...node, hostname, version, settings, copy, local: options.configLocal ?? false },
      { record, observe }
    ).pipe(Layer.provide(Layer.mergeAll(fileConfig(options.config), Layer.provide(measuredStore, store))))
    yield* Effect.scoped(daemon(options, { ...settings.admin, ...options.admin }, recorder, log)).pipe(
      Effect.provide(services),
      Effect.provide(telemetry({ version, hostname, cluster }, options.otlp))
    )
  }).pipe(
    Effect.scoped,
    Effect.provide(terminalLog(options, log.push)),
    Effect.catchTags({
      ConfigRefused: ({ message }) => failed(message),
      AdminServerError: ({ message }) => failed(message),
      HostError: ({ message }) => failed(message),
      StoreError: ({ message }) => failed(message),
      EtcdFlagError: ({ message }) => failed(message),
      ListenAddressError: ({ message }) => failed(message)
    })
  )

export const failed = (message: string) =>
  Effect.andThen(
    Console.error(message),
    Effect.sync(() => {
      process.exitCode = 1
    })
  )

export const runCommand = Command.make(
  "run",
  flags,
  ({
    node,
    etcd,
    cluster,
    config,
    configLocal,
    dataDir,
    adminSocket,
    adminListen,
    logFormat,
    logLevel,
    otlp,
    ...rest
  }) =>
    adminSettings(rest).pipe(
      Effect.flatMap((admin) =>
        runDaemon({
          ...{ config, configLocal, dataDir, adminSocket, adminListen, admin, logFormat, logLevel },
          ...(Option.isSome(cluster) ? { cluster: cluster.value } : {}),
          ...(Option.isSome(otlp) ? { otlp: otlp.value } : {}),
          ...(Option.isSome(node) ? { node: node.value } : {}),
          ...(Option.isSome(etcd) ? { etcd: etcd.value.split(",") } : {})
        })
      ),
      Effect.catchTag("ListenAddressError", ({ message }) => failed(message))
    )
).pipe(Command.withDescription("Run the daemon of this node"))
