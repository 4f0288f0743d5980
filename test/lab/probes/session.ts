// Runs inside a host: `bun session.ts FILE` is one session of the daemon's own session layer, from the parameters and routes in
// FILE (JSON), and nothing else of the daemon. SIGHUP reads the routes again, SIGUSR2 leaves, SIGTERM ceases. It prints a JSON
// object per transition ({atMs, to, reason}) and per report asked for by SIGUSR1, and ends with its session.
import { Effect, Layer, Logger, Scope } from "effect"
import { BunTransport } from "../../../src/adapters/bun/BunTransport.ts"
import { FileSecrets } from "../../../src/adapters/file/FileSecrets.ts"
import type { PlannedRoute, SessionParameters } from "../../../src/plan/types.ts"
import { cease, type EndMode } from "../../../src/services/endMode.ts"
import { Listeners } from "../../../src/services/Listeners.ts"
import { runSession } from "../../../src/services/SessionRunner.ts"
import { fsmConfig } from "../../../src/services/sessionConfig.ts"

interface Spec {
  readonly parameters: SessionParameters
  readonly routes: ReadonlyArray<PlannedRoute>
}

const read = (): Promise<Spec> => Bun.file(process.argv[2] ?? "").json()
const say = (value: object): void => console.log(JSON.stringify({ atMs: Date.now(), ...value }))

const { parameters, routes } = await read()
const services = Listeners.layer.pipe(Layer.provideMerge(Layer.merge(BunTransport, FileSecrets)))
const scope = Effect.runSync(Scope.make())
const session = await Effect.runPromise(
  Effect.gen(function* () {
    const context = yield* Layer.build(services)
    const running = runSession(parameters, fsmConfig(parameters, "speaker"), {
      onTransition: ({ to, reason }) => say({ to, reason })
    })
    return yield* Effect.provideContext(running, context)
  }).pipe(Scope.provide(scope), Effect.provide(Logger.layer([])))
)
session.announce(routes)

const end = async (mode: EndMode): Promise<void> => {
  await Effect.runPromise(session.stop(mode))
  process.exit(0)
}
process.on("SIGHUP", async () => session.announce((await read()).routes))
process.on("SIGUSR1", () => say({ report: session.report() }))
process.on("SIGUSR2", () => void end({ type: "leave" }))
process.on("SIGTERM", () => void end(cease({ subcode: 2 })))
