// `viaduct agent`: a small process for each node of a cluster that does not exist yet, at the service of a preflight and nothing else. It
// opens sessions and puts addresses on for those who know its token, for as long as a run lasts. What it keeps is its certificate.
import { X509Certificate } from "node:crypto"
import { readFileSync } from "node:fs"
import { Console, Effect, Fiber, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { Hono } from "hono"
import { makeAttempts } from "../../api/access/attempts.ts"
import { authenticate } from "../../api/access/authenticate.ts"
import { authorize } from "../../api/access/roles.ts"
import { explainErrors, unknownPath } from "../../api/failure.ts"
import { preflightVerbs } from "../../api/verbs/preflight.ts"
import { serveVerb } from "../../api/verbs/verb.ts"
import { AdminServer } from "../../ports/AdminServer.ts"
import { Host } from "../../ports/Host.ts"
import type { PreflightNode } from "../../preflight/protocol.ts"
import { PreflightHost } from "../../services/PreflightHost.ts"
import { version } from "../../version.ts"
import { machineNames } from "../adminTls.ts"
import { type ListenAddress, parseTlsListen, urlHost } from "../listenAddress.ts"
import { failWith } from "../loadFiles.ts"
import { ownCertificate } from "../ownCertificate.ts"
import { stopSignal } from "../run.ts"
import { sha256 } from "../tokensFile.ts"
import { plainFingerprint } from "./pinned.ts"
import { preflightNode } from "./preflightNode.ts"

const flags = {
  listen: Flag.String("listen").pipe(Flag.withDescription("ADDRESS:PORT to be asked at, under TLS")),
  tokenFile: Flag.String("token-file").pipe(
    Flag.withDescription("File whose first line is the token that callers have to know")
  ),
  dataDir: Flag.String("data-dir").pipe(
    Flag.withDescription("Directory of the agent's certificate"),
    Flag.withDefault("/var/lib/viaduct-agent")
  )
}

/** It cannot be served like this; the message says why and what to do. */
class AgentError extends Schema.TaggedError<AgentError>()("AgentError", { message: Schema.String }) {}

const because = (what: string) => (error: unknown) =>
  new AgentError({ message: `${what}: ${error instanceof Error ? error.message : String(error)}` })

/** A short one could be tried out. */
const tokenMin = 16

const readToken = (path: string) =>
  Effect.gen(function* () {
    const text = yield* Effect.try({ try: () => readFileSync(path, "utf8"), catch: because(`--token-file ${path}`) })
    const token = text.split(/\r?\n/, 1)[0]?.trim() ?? ""
    if (token.length < tokenMin)
      return yield* new AgentError({
        message: `--token-file ${path}: its first line has fewer than ${tokenMin} characters; make one with "openssl rand -hex 32"`
      })
    return token
  })

/** Nothing but the verbs of a preflight, and only for who knows the token. */
const appOf = (node: PreflightNode, hash: string, log: (line: string) => void): Hono => {
  const app = new Hono()
  const explain = explainErrors((error) =>
    log(`a request failed: ${error instanceof Error ? error.stack : String(error)}`)
  )
  const tokens = async () => [{ name: "preflight", role: "write", hash } as const]
  const refused = (address: string, why: string) => log(`login from ${address} refused: ${why}`)
  app.use("*", authenticate({ tokens, sha256, attempts: makeAttempts(), refused, now: () => performance.now() }))
  app.use("*", authorize())
  for (const verb of preflightVerbs(node)) serveVerb(app, verb, explain)
  app.notFound((context) => context.json(unknownPath, unknownPath.code))
  app.onError((error, context) => {
    const status = explain(error)
    return context.json(status, status.code)
  })
  return app
}

const instructions = ({ hostname, port }: ListenAddress, fingerprint: string, tokenFile: string): string =>
  [
    `viaduct agent ${version} serves https://${urlHost(hostname)}:${port}`,
    `fingerprint ${fingerprint}`,
    `call it with: viaduct preflight -f cluster.yaml --port ${port} --token-file ${tokenFile} --fingerprint ${fingerprint}[,those of the others]`
  ].join("\n")

const agent = Effect.fnUntraced(function* (listen: string, tokenFile: string, dataDir: string) {
  const server = yield* AdminServer
  const { hostname } = yield* Host
  const node = yield* preflightNode
  const token = yield* readToken(tokenFile)
  const where = yield* parseTlsListen("--listen", listen)
  if (where === undefined) return yield* new AgentError({ message: "--listen none: an agent has to be reached" })
  const { cert, key } = yield* Effect.tryPromise({
    try: () => ownCertificate(dataDir, hostname, machineNames(hostname), Date.now()),
    catch: because(`no certificate can be kept in ${dataDir} (--data-dir)`)
  })
  const hash = yield* Effect.promise(() => sha256(token))
  const context = yield* Effect.context<never>()
  const log = (line: string): void => void Effect.runForkWith(context)(Console.error(line))
  const app = appOf(node, hash, log)
  const stopping = yield* Effect.forkChild(stopSignal, { startImmediately: true })
  const { port } = yield* server.tls(where.hostname, where.port, { cert, key }, (request, client) =>
    app.fetch(request, { client })
  )
  const { fingerprint256 } = new X509Certificate(cert)
  yield* Console.log(instructions({ ...where, port }, plainFingerprint(fingerprint256), tokenFile))
  yield* Fiber.join(stopping)
})

export const agentCommand = Command.make("agent", flags, ({ listen, tokenFile, dataDir }) =>
  Effect.scoped(agent(listen, tokenFile, dataDir)).pipe(
    Effect.provide(PreflightHost.layer({ version })),
    Effect.catchTags({
      AdminServerError: ({ message }) => failWith(message),
      AgentError: ({ message }) => failWith(message),
      ListenAddressError: ({ message }) => failWith(message)
    })
  )
).pipe(
  Command.withDescription("Work for a preflight on this node, before there is a cluster"),
  Command.withExamples([
    {
      command: "viaduct agent --listen 10.0.1.10:7180 --token-file token",
      description: "Until Ctrl+C; what a preflight added goes with it"
    }
  ])
)
