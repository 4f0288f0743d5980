// `viaduct demo`, what `npm start` runs: the daemon with config/demo.yaml on loopback, and two routers in the same process,
// which are this project's own speaker, passive. Nothing needs root and nothing leaves the machine. On a terminal one screen
// shows the sessions, the routes as the routers see them and where the admin API is; elsewhere plain lines say the same.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Fiber, Layer, Logger, PubSub, Stream } from "effect"
import { Command } from "effect/cli"
import demoYaml from "../../config/demo.yaml" with { type: "text" }
import { defaultDaemonSettings } from "../config/daemonSettings.ts"
import type { Address } from "../net/ip.ts"
import { LogRing } from "../observe/LogRing.ts"
import { logger } from "../observe/logger.ts"
import { Recorder } from "../observe/Recorder.ts"
import type { SessionParameters } from "../plan/types.ts"
import type { AdminServerError } from "../ports/AdminServer.ts"
import { ClusterStores } from "../ports/ClusterStore.ts"
import { ConfigSource } from "../ports/ConfigSource.ts"
import { Host } from "../ports/Host.ts"
import { Listeners } from "../services/Listeners.ts"
import { nodeServices } from "../services/node.ts"
import { Reconciler } from "../services/Reconciler.ts"
import { runSession, type Session } from "../services/SessionRunner.ts"
import { Supervisor } from "../services/Supervisor.ts"
import { fsmConfig } from "../services/sessionConfig.ts"
import { version } from "../version.ts"
import { configControl } from "./configControl.ts"
import { type DemoView, drawDemo, plainDemo } from "./demoScreen.ts"
import { drainControl } from "./drainControl.ts"
import { explainControl } from "./explainNode.ts"
import { nodeControl, recordedBy, wallClockUs } from "./nodeControl.ts"
import { failed, nodeSource, stopSignal } from "./run.ts"
import { serveAdmin } from "./serveAdmin.ts"
import { addToken, tokensPath } from "./tokensFile.ts"

const node = "127.0.0.1" as Address
/** As config/demo.yaml has them. */
const routers = [
  { name: "router-1", address: "127.0.0.2" as Address, asn: 65002 },
  { name: "router-2", address: "127.0.0.3" as Address, asn: 65003 }
]
const clusterAsn = 65001
const port = 17900

const routerParameters = (router: (typeof routers)[number]): SessionParameters => ({
  localAddress: router.address,
  peerAddress: node,
  peerPort: port,
  localAsn: router.asn,
  peerAsn: clusterAsn,
  routerId: router.address,
  holdTime: 90,
  keepaliveTime: 30,
  connectRetryTime: 1,
  passive: true,
  families: ["ipv4", "ipv6"]
})

/** The routers' sessions, and a stream that moves when one of them sees something new. */
const startRouters = Effect.gen(function* () {
  const changed = yield* PubSub.sliding<void>(1)
  const touch = () => {
    PubSub.publishUnsafe(changed, undefined)
  }
  const running: Array<{
    readonly name: string
    readonly address: string
    readonly asn: number
    readonly session: Session
  }> = []
  for (const router of routers) {
    const parameters = routerParameters(router)
    const observer = { onChange: touch, onMessage: touch }
    const session = yield* runSession(parameters, fsmConfig(parameters, router.name), observer)
    running.push({ ...router, session })
  }
  return { running, changes: Stream.fromPubSub(changed) }
})

const demoConfig = Layer.succeed(ConfigSource, {
  name: "config/demo.yaml",
  read: Effect.succeed([{ path: "config/demo.yaml", text: demoYaml }]),
  changes: Stream.never
})

const temporaryDirectory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "viaduct-demo-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/** The whole admin API on the usual port, or any where that is taken; who has the token may change things, as in earnest. */
const serve = Effect.fnUntraced(function* (directory: string, hostname: string, recorder: Recorder) {
  const source = yield* nodeSource(recorder)
  const token = yield* Effect.promise(() => addToken(tokensPath(directory), "demo", "write", Date.now()))
  const secure = { dataDirectory: directory, hostname, settings: { listen: "none" } }
  const control = {
    ...nodeControl(recorder, new LogRing(Date.now)),
    drain: yield* drainControl(source),
    explain: yield* explainControl(source),
    config: yield* configControl
  }
  const socket = join(directory, "admin.sock")
  const url = yield* serveAdmin(source, { socket, listen: "127.0.0.1:7179", secure }, control).pipe(
    Effect.catchTag("AdminServerError", (error: AdminServerError) => {
      if (!error.message.includes("7179")) return Effect.fail(error)
      const elsewhere = { socket: join(directory, "admin-2.sock"), listen: "127.0.0.1:0", secure }
      return serveAdmin(source, elsewhere, control)
    })
  )
  return { source, socket, token, url: url ?? "" }
})

const show = Effect.fnUntraced(function* (view: Effect.Effect<DemoView>, changes: Stream.Stream<void>) {
  const screen = process.stdout.isTTY
  let before: DemoView | undefined
  const draw = Effect.gen(function* () {
    const now = yield* view
    if (screen) process.stdout.write(drawDemo(now, process.stdout.columns))
    else for (const line of plainDemo(before, now)) process.stdout.write(`${line}\n`)
    before = now
  })
  yield* draw
  yield* Stream.runForEach(Stream.debounce(changes, "30 millis"), () => draw)
})

const demo = Effect.fnUntraced(function* (hostname: string, recorder: Recorder) {
  const stopping = yield* Effect.forkChild(stopSignal, { startImmediately: true })
  const { running, changes } = yield* startRouters
  const supervisor = yield* Supervisor
  const reconciler = yield* Reconciler
  const { source, socket, token, url } = yield* serve(yield* temporaryDirectory, hostname, recorder)
  const view = Effect.promise(() => source.status()).pipe(
    Effect.map(
      (status): DemoView => ({
        status,
        url,
        socket,
        token,
        routers: running.map(({ name, address, asn, session }) => ({
          name,
          address,
          asn,
          state: session.report().state,
          routes: session.received().list()
        }))
      })
    )
  )
  yield* Effect.forkChild(show(view, Stream.merge(changes, supervisor.changes)))
  yield* reconciler.start
  yield* Fiber.join(stopping)
  yield* supervisor.stop({ subcode: 2, message: "the demo ends" }).pipe(Effect.timeoutOption("1800 millis"))
  if (process.stdout.isTTY) process.stdout.write("\x1b[?25h")
  process.stdout.write("demo ended: routes withdrawn, sessions closed\n")
})

export const demoCommand = Command.make("demo", {}, () =>
  Effect.gen(function* () {
    const { hostname } = yield* Host
    const stores = yield* ClusterStores
    const directory = yield* temporaryDirectory
    const recorder = new Recorder(wallClockUs())
    const node = { hostname, version, settings: defaultDaemonSettings }
    const services = nodeServices(node, { observe: recordedBy(recorder) }).pipe(
      Layer.provideMerge(Listeners.layer),
      Layer.provide(Layer.mergeAll(demoConfig, stores.embedded(directory)))
    )
    // The screen shows what the log would say.
    const quiet = Logger.layer([
      logger("plain", (line) => (process.stdout.isTTY ? undefined : process.stdout.write(`${line}\n`)))
    ])
    yield* Effect.scoped(demo(hostname, recorder)).pipe(Effect.provide(services), Effect.provide(quiet))
  }).pipe(
    Effect.scoped,
    Effect.catchTags({
      ConfigRefused: ({ message }) => failed(message),
      StoreError: ({ message }) => failed(message),
      AdminServerError: ({ message }) => failed(message),
      ListenAddressError: ({ message }) => failed(message)
    })
  )
).pipe(
  Command.withDescription("Show viaduct at work on this machine: a daemon and two routers on loopback, no root needed")
)
