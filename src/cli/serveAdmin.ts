// The admin API of a daemon on its listeners, each with the guards that suit it (D12):
//
//   unix socket              whoever may open it may write (file mode)
//   loopback, plain HTTP     loopback names only; reading, or writing with a token
//   TLS                      the node's names only; a token or a client certificate says who and what
//
// Every write leaves a line in the log, whoever it was and whatever came of it.
import { Effect } from "effect"
import type { MiddlewareHandler } from "hono"
import type { Reach } from "../api/access/access.ts"
import { type Actor, actAs } from "../api/access/actor.ts"
import { makeAttempts } from "../api/access/attempts.ts"
import { type AuditRecord, audit, auditText } from "../api/access/audit.ts"
import { authenticate } from "../api/access/authenticate.ts"
import { authorize } from "../api/access/roles.ts"
import { createApp } from "../api/app.ts"
import type { NodeControl } from "../api/control.ts"
import { localOnly } from "../api/localOnly.ts"
import type { NodeSource } from "../api/source.ts"
import type { AdminSettings } from "../config/daemonSettings.ts"
import { AdminServer, type FetchHandler } from "../ports/AdminServer.ts"
import type { EventReason } from "../resources/eventReasons.ts"
import { machineNames, serveTls } from "./adminTls.ts"
import { parseListen, parseTlsListen, urlHost } from "./listenAddress.ts"
import { sha256, tokensPath, watchedTokens } from "./tokensFile.ts"

const DEFAULT_TLS_LISTEN = "127.0.0.1:7180"

type Listener = "socket" | "loopback" | "tls"

/** A guard of one of the listeners; the application is the same for all. */
const on =
  (listener: Listener, guard: MiddlewareHandler): MiddlewareHandler =>
  (context, next) => {
    const env: { readonly listener?: Listener } | undefined = context.env
    return env?.listener === listener ? guard(context, next) : next()
  }

export interface AdminListeners {
  readonly socket: string
  /** `--admin-listen`. */
  readonly listen: string
  /** Absent: no TLS, and no tokens. */
  readonly secure?: {
    readonly dataDirectory: string
    readonly hostname: string
    readonly settings: AdminSettings
    /** Writes an event about this node. */
    readonly emit?: (reason: EventReason, message: string) => Effect.Effect<void>
  }
}

/** The admin API while the scope lives. The result is the URL on loopback, if there is one. */
export const serveAdmin = Effect.fnUntraced(function* (
  source: NodeSource,
  { socket, listen, secure }: AdminListeners,
  control: NodeControl = {}
) {
  const server = yield* AdminServer
  const context = yield* Effect.context<never>()
  const run = (effect: Effect.Effect<void>) => void Effect.runForkWith(context)(effect)
  const report = (error: unknown) => run(Effect.logError("admin API:", error))
  const log = (record: AuditRecord) => {
    run(Effect.logInfo(auditText(record)).pipe(Effect.annotateLogs({ audit: record })))
    // Nobody fills the journal by trying: the message is the same whatever they ask for.
    if (record.outcome === "denied" && record.status === 403 && record.via !== "")
      tell("WriteDenied", `${record.who} (${record.via}) asked the admin API for a change and may read only`)
  }
  const tell = (reason: EventReason, message: string) => {
    if (secure?.emit !== undefined) run(secure.emit(reason, message))
  }
  const allowed = secure?.settings.allowedHosts ?? []
  let tls: (() => NonNullable<Reach["tls"]>) | undefined
  const tokensFile = secure === undefined ? undefined : (secure.settings.tokensFile ?? tokensPath(secure.dataDirectory))
  const tokens =
    tokensFile === undefined ? async () => [] : watchedTokens(tokensFile, (problem) => run(Effect.logWarning(problem)))
  const reach = (): Reach => ({
    ...(tls === undefined ? {} : { tls: tls() }),
    ...(tokensFile === undefined ? {} : { tokensFile })
  })
  const attempts = makeAttempts()
  const refused = (address: string, why: string) => {
    run(Effect.logWarning(`login from ${address} refused: ${why}`))
    tell("LoginRefused", "a login to the admin API was refused")
  }
  const login = (anonymous?: Actor) =>
    authenticate({
      ...{ tokens, sha256, attempts, refused, now: () => performance.now() },
      ...(anonymous === undefined ? {} : { anonymous })
    })

  const known = () =>
    secure === undefined ? [] : [...machineNames(secure.hostname), ...allowed, ...(tls?.().names ?? [])]
  const access = [
    audit(log),
    on(
      "loopback",
      localOnly(() => allowed)
    ),
    on("tls", localOnly(known)),
    on("socket", actAs({ name: "root", role: "write", via: "socket" })),
    on("loopback", login({ name: "anonymous", role: "read", via: "loopback" })),
    on("tls", login()),
    authorize()
  ]
  const app = createApp(source, { now: Date.now, timeout: AbortSignal.timeout, report, control, access, reach })
  const at =
    (listener: Listener): FetchHandler =>
    (request, client) =>
      app.fetch(request, { client, listener })

  yield* server.unix(socket, at("socket"))
  const where = yield* parseListen("--admin-listen", listen)
  if (secure !== undefined) {
    const asked = secure.settings.listen
    const wanted = yield* parseTlsListen(
      "--admin-tls-listen",
      asked ?? (where === undefined ? "none" : DEFAULT_TLS_LISTEN)
    )
    const anyToken = (yield* Effect.promise(tokens)).length > 0
    if (wanted !== undefined)
      tls = yield* serveTls({ ...secure, where: wanted, asked: asked !== undefined, anyToken }, at("tls"))
  }
  if (where === undefined) return undefined
  const port = yield* server.tcp(where.hostname, where.port, at("loopback"))
  return `http://${urlHost(where.hostname)}:${port}`
})
