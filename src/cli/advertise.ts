// `viaduct advertise`, also as `bgpadvertiser`: the long-running manual check of S26. Announces one address from one node to
// the peers of a small file, logs every transition under the names that the source document shows (BGP_FSM_…), every
// update and every keepalive, and serves its health on 127.0.0.1:8080. It puts no address on the node (S27 is the operator's).
import { Console, Effect, Fiber, Layer, Logger } from "effect"
import { Command, Flag } from "effect/cli"
import { Hono } from "hono"
import { createApp } from "../api/app.ts"
import { localOnly } from "../api/localOnly.ts"
import type { NodeSource } from "../api/source.ts"
import type { EventName } from "../bgp/fsm/types.ts"
import { type AdvertiserConfig, advertiserCluster, loadAdvertiser } from "../config/advertiser.ts"
import { emptySnapshot } from "../config/objects.ts"
import { formatProblem } from "../config/problem.ts"
import { parseAddress } from "../net/ip.ts"
import { logger } from "../observe/logger.ts"
import { planNode } from "../plan/planNode.ts"
import type { PlannedSession } from "../plan/types.ts"
import { AdminServer } from "../ports/AdminServer.ts"
import { Host } from "../ports/Host.ts"
import { LinkControl } from "../ports/LinkControl.ts"
import type { SessionObserver } from "../services/SessionRunner.ts"
import { Supervisor } from "../services/Supervisor.ts"
import { version } from "../version.ts"
import { streamChanges } from "./latest.ts"
import { parseListen } from "./listenAddress.ts"
import { readConfig } from "./readConfig.ts"
import { failed, stopSignal } from "./run.ts"

const flags = {
  config: Flag.String("config").pipe(
    Flag.withDescription("File with localIP, localASN and peers: [{peerIP, peerASN}]")
  ),
  advertiseIp: Flag.String("advertise-ip").pipe(
    Flag.withDescription("The address to announce, usually the control-plane VIP")
  ),
  healthListen: Flag.String("health-listen").pipe(
    Flag.withDescription("Loopback address and port of the health status"),
    Flag.withDefault("127.0.0.1:8080")
  )
}

/** The words that the source document's log uses for what moves the state machine. */
const reasonWords: Partial<Record<EventName, string>> = {
  AutomaticStart: "idle-hold-timer-expired",
  IdleHoldTimerExpires: "idle-hold-timer-expired",
  ConnectRetryTimerExpires: "connect-retry-timer-expired",
  TcpCrAcked: "new-connection",
  TcpConnectionConfirmed: "new-connection",
  TcpConnectionFails: "connection-failed",
  BgpOpen: "open-msg-received",
  KeepAliveMsg: "open-msg-negotiated",
  HoldTimerExpires: "hold-timer-expired",
  NotifMsg: "notification-received",
  NotifMsgVerErr: "notification-received",
  BgpOpenMsgErr: "open-msg-refused",
  ManualStop: "stopped"
}

const line = (level: string, msg: string, fields: Readonly<Record<string, unknown>>): void => {
  process.stdout.write(`${JSON.stringify({ ts: new Date().toISOString(), level, msg, ...fields })}\n`)
}

const observe = ({ parameters }: PlannedSession): SessionObserver => {
  const Key = parameters.peerAddress
  return {
    onTransition: ({ from, to, event, reason }) =>
      line("info", "state changed", {
        Key,
        old: `BGP_FSM_${from.toUpperCase()}`,
        new: `BGP_FSM_${to.toUpperCase()}`,
        reason: reasonWords[event] ?? event,
        detail: reason
      }),
    onMessage: (direction, message) => {
      const { type, ...fields } = message
      const verb = direction === "sent" ? "sent" : "received"
      line("info", `${verb} ${type.toLowerCase()}`, { Key, ...fields })
    }
  }
}

const advertise = Effect.fnUntraced(function* (config: AdvertiserConfig, vip: string, listen: string) {
  const supervisor = yield* Supervisor
  const host = yield* Host
  const server = yield* AdminServer
  const startedAt = new Date().toISOString()
  const status = Effect.map(Effect.all([supervisor.status, host.usage]), ([held, process]) => ({
    node: host.hostname,
    cluster: "",
    version,
    startedAt,
    config: { source: "advertise", loadedAt: startedAt, hash: "", mode: "file" as const, revision: 0 },
    ...held,
    floatingIps: [],
    services: [],
    pools: [],
    events: [],
    elsewhere: [],
    members: [],
    process
  }))
  const source: NodeSource = {
    status: () => Effect.runPromise(status),
    changes: streamChanges(supervisor.changes, status),
    config: () => Promise.resolve(emptySnapshot)
  }
  const app = createApp(source, { now: Date.now })
  const health = new Hono()
    .use("*", localOnly())
    .get("/", () => app.request("/readyz"))
    .route("/", app)
  const where = yield* parseListen("--health-listen", listen)
  if (where !== undefined) {
    const port = yield* server.tcp(where.hostname, where.port, health.fetch)
    line("info", `Health status HTTP server started at "${where.hostname}:${port}".`, {})
  }
  const stopping = yield* Effect.forkChild(stopSignal, { startImmediately: true })
  const address = parseAddress(vip)
  if (address === undefined) return yield* failed(`--advertise-ip ${vip}: not an address`)
  const cluster = advertiserCluster(config, address)
  const [self] = cluster.controlPlaneNodes
  const link = yield* LinkControl
  const view = { name: host.hostname, addresses: yield* link.addresses }
  if (self !== undefined) yield* supervisor.apply(planNode(cluster, view, self))
  line("info", "BGP advertiser serving...", { localIP: config.localIP, localASN: config.localASN, vip })
  yield* Fiber.join(stopping)
  yield* supervisor
    .stop({ subcode: 2, message: "the advertiser is stopping" })
    .pipe(Effect.timeoutOption("1800 millis"))
  line("info", "stopped", {})
})

/** Log lines of the services are not shown: the observer tells the same under the names of S26. */
const quiet = Logger.layer([logger("json", () => undefined)])

export const advertiseCommand = Command.make("advertise", flags, ({ config, advertiseIp, healthListen }) =>
  Effect.gen(function* () {
    const files = yield* Effect.try({ try: () => readConfig([config]), catch: (error) => error })
    const file = files[0] ?? { path: config, text: "" }
    const { config: loaded, problems } = loadAdvertiser(file)
    for (const problem of problems) yield* Console.error(formatProblem(problem))
    if (loaded === undefined) return yield* failed(`${config} is not valid`)
    yield* Effect.scoped(advertise(loaded, advertiseIp, healthListen)).pipe(
      Effect.provide(Layer.merge(Supervisor.layer({ observe }), quiet))
    )
  }).pipe(Effect.catch((error) => failed(error instanceof Error ? error.message : String(error))))
).pipe(Command.withDescription("Announce one address to a few peers and log everything: a manual check of the network"))
