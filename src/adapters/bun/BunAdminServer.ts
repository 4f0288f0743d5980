// Serves the admin API: on a unix socket that only the owner and the group may use, on a TCP address, and under TLS (tlsServer.ts). A stale socket of
// a process that is gone is replaced; one that answers is somebody's. Watches are silent for long, so no idle time-out.
import { chmodSync, existsSync, mkdirSync, unlinkSync } from "node:fs"
import { dirname } from "node:path"
import type { Server } from "bun"
import { Effect, Layer, type Scope } from "effect"
import { AdminServer, AdminServerError, type FetchHandler, type TlsCredentials } from "../../ports/AdminServer.ts"
import { serveTls } from "./tlsServer.ts"

const adminError = (what: string) => (error: unknown) =>
  new AdminServerError({ message: `${what}: ${error instanceof Error ? error.message : String(error)}` })

/** On a unix socket `server.timeout` changes nothing (Bun 1.4), and the types of Bun do not know this option there. */
const noIdleTimeout: object = { idleTimeout: 0 }

const patient = (handler: FetchHandler) => (request: Request, server: Server<undefined>) => {
  server.timeout(request, 0)
  const address = server.requestIP(request)?.address
  return handler(request, address === undefined ? {} : { address })
}

const answers = (path: string): Promise<boolean> =>
  fetch("http://localhost/healthz", { unix: path, signal: AbortSignal.timeout(1000) }).then(
    () => true,
    () => false
  )

const removeSocket = (path: string): void => {
  if (existsSync(path)) unlinkSync(path)
}

/** No moment in which others could open it: the socket is made under a mask. */
const listenUnix = (path: string, handler: FetchHandler): Server<undefined> => {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  const mask = process.umask(0o117)
  try {
    return Bun.serve({ unix: path, fetch: patient(handler), ...noIdleTimeout })
  } finally {
    process.umask(mask)
    if (existsSync(path)) chmodSync(path, 0o660)
  }
}

const unix = (path: string, handler: FetchHandler): Effect.Effect<void, AdminServerError, Scope.Scope> =>
  Effect.gen(function* () {
    const failed = adminError(`cannot serve the admin API at ${path}`)
    if (existsSync(path)) {
      if (yield* Effect.promise(() => answers(path)))
        return yield* new AdminServerError({ message: `another daemon serves ${path}; choose another --admin-socket` })
      yield* Effect.try({ try: () => unlinkSync(path), catch: failed })
    }
    yield* Effect.acquireRelease(Effect.try({ try: () => listenUnix(path, handler), catch: failed }), (server) =>
      Effect.promise(() => server.stop(true)).pipe(Effect.ensuring(Effect.sync(() => removeSocket(path))))
    )
  })

const tcp = (
  hostname: string,
  port: number,
  handler: FetchHandler
): Effect.Effect<number, AdminServerError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.try({
      try: () => Bun.serve({ hostname, port, fetch: patient(handler) }),
      catch: adminError(`cannot serve the admin API at ${hostname} port ${port}`)
    }),
    (server) => Effect.promise(() => server.stop(true))
  ).pipe(Effect.map((server) => server.port ?? port))

const tls = (hostname: string, port: number, credentials: TlsCredentials, handler: FetchHandler) => {
  const failed = adminError(`cannot serve the admin API under TLS at ${hostname} port ${port}`)
  return Effect.acquireRelease(
    Effect.tryPromise({ try: () => serveTls(hostname, port, credentials, handler), catch: failed }),
    ({ stop }) => Effect.promise(stop)
  ).pipe(
    Effect.map((server) => ({
      port: server.port,
      replace: (next: TlsCredentials) =>
        Effect.try({ try: () => server.replace(next), catch: adminError("the new TLS certificate cannot be used") })
    }))
  )
}

export const BunAdminServer = Layer.succeed(AdminServer, AdminServer.of({ unix, tcp, tls }))
