// Runs inside a host: `bun takeover.ts FILE` holds one session of the daemon's own session layer, from the parameters and routes
// in FILE (JSON), and tells of its connections as well as of its state: a line of JSON for every dialling, connection, refusal and
// transition, with the time in ms since 1970.
import { readFileSync } from "node:fs"
import { Effect, Layer } from "effect"
import { BunTransport } from "../../../src/adapters/bun/BunTransport.ts"
import { FileSecrets } from "../../../src/adapters/file/FileSecrets.ts"
import type { PlannedRoute, SessionParameters } from "../../../src/plan/types.ts"
import { Transport } from "../../../src/ports/Transport.ts"
import { Listeners } from "../../../src/services/Listeners.ts"
import { runSession } from "../../../src/services/SessionRunner.ts"
import { fsmConfig } from "../../../src/services/sessionConfig.ts"

interface Plan {
  readonly parameters: SessionParameters
  readonly routes: ReadonlyArray<PlannedRoute>
}

const { parameters, routes }: Plan = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8"))

const say = (event: string, more: object = {}): void => {
  process.stdout.write(`${JSON.stringify({ event, at: performance.timeOrigin + performance.now(), ...more })}\n`)
}

/** The kernel's TCP, telling of every connection that is asked for and made. */
const watched = Layer.effect(
  Transport,
  Effect.map(Effect.service(Transport), (transport) =>
    Transport.of({
      ...transport,
      dial: (request) =>
        Effect.sync(() => say("dialling", { port: request.localPort })).pipe(
          Effect.andThen(transport.dial(request)),
          Effect.tap((connection) => Effect.sync(() => say("connected", { port: connection.localPort }))),
          Effect.tapError((error) => Effect.sync(() => say("refused", { why: error.message })))
        )
    })
  )
).pipe(Layer.provide(BunTransport))

const program = Effect.gen(function* () {
  const session = yield* runSession(parameters, fsmConfig(parameters, "probe"), {
    onTransition: ({ from, to, reason }) => say(to, { from, reason })
  })
  session.announce(routes)
  return yield* Effect.never
})

const layer = Listeners.layer.pipe(Layer.provideMerge(Layer.merge(watched, FileSecrets)))
await Effect.runPromise(Effect.scoped(program).pipe(Effect.provide(layer)))
