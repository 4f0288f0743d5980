// Two of our own speakers over the in-memory network, under a clock that the test moves and chance that a seed fixes.
import { Cause, Effect, Exit, Layer, Random, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { type MemoryNetwork, makeMemoryNetwork } from "../../src/adapters/memory/MemoryNetwork.ts"
import type { Address, Prefix } from "../../src/net/ip.ts"
import type { PlannedRoute, SessionParameters } from "../../src/plan/types.ts"
import { SecretError, Secrets } from "../../src/ports/Secrets.ts"
import { Listeners } from "../../src/services/Listeners.ts"
import type { Transition } from "../../src/services/SessionCore.ts"
import { runSession, type Session, type SessionObserver } from "../../src/services/SessionRunner.ts"
import { fsmConfig } from "../../src/services/sessionConfig.ts"

export const nodeAddress = "10.0.1.10" as Address
export const routerAddress = "10.0.1.254" as Address

export const nodeSide: SessionParameters = {
  localAddress: nodeAddress,
  peerAddress: routerAddress,
  peerPort: 179,
  localAsn: 65001,
  peerAsn: 65002,
  routerId: nodeAddress,
  holdTime: 9,
  keepaliveTime: 3,
  connectRetryTime: 5,
  passive: false,
  families: ["ipv4", "ipv6"]
}

export const routerSide: SessionParameters = {
  ...nodeSide,
  localAddress: routerAddress,
  peerAddress: nodeAddress,
  localAsn: 65002,
  peerAsn: 65001,
  routerId: routerAddress
}

export const route = (prefix: string, nextHop: string, more: Partial<PlannedRoute> = {}): PlannedRoute => ({
  name: "control-plane",
  prefix: prefix as Prefix,
  nextHop: nextHop as Address,
  reason: "the test wants it",
  ...more
})

export const vip = route("10.0.0.8/32", nodeAddress)

/** Secrets by path; what is not named is missing. */
const secrets = (known: Readonly<Record<string, string>>) =>
  Layer.succeed(Secrets, {
    read: (path) => {
      const secret = known[path]
      return secret === undefined
        ? Effect.fail(new SecretError({ message: `password file ${path}: there is no such file` }))
        : Effect.succeed(secret)
    }
  })

export interface World {
  readonly network: MemoryNetwork
  readonly start: (parameters: SessionParameters, more?: SessionObserver) => Effect.Effect<Speaker, never, Scope.Scope>
}

export interface Speaker {
  readonly session: Session
  readonly transitions: ReadonlyArray<Transition>
}

/** Runs `body` in a world of its own; the same seed gives the same run. Fails with what went wrong, in full. */
export const inWorld = async <A>(
  seed: number,
  body: (world: World) => Effect.Effect<A, unknown, Scope.Scope>,
  known: Readonly<Record<string, string>> = {}
): Promise<A> => {
  const program = Effect.gen(function* () {
    const network = yield* makeMemoryNetwork
    const services = yield* Layer.build(
      Listeners.layer.pipe(Layer.provideMerge(Layer.merge(network.layer, secrets(known))))
    )
    const start = (parameters: SessionParameters, more: SessionObserver = {}) =>
      Effect.gen(function* () {
        const transitions: Array<Transition> = []
        const observer = { ...more, onTransition: (transition: Transition) => void transitions.push(transition) }
        const session = yield* runSession(parameters, fsmConfig(parameters, "test"), observer)
        return { session, transitions }
      }).pipe(Effect.provideContext(services as never)) as Effect.Effect<Speaker, never, Scope.Scope>
    return yield* body({ network, start })
  })
  const exit = await Effect.runPromiseExit(
    Effect.scoped(program).pipe(Random.withSeed(seed), Effect.provide(TestClock.layer(), { local: true }))
  )
  if (Exit.isFailure(exit)) throw new Error(Cause.pretty(exit.cause))
  return exit.value
}

export const held = (speaker: Speaker): ReadonlyArray<string> =>
  speaker.session
    .received()
    .list()
    .map(({ prefix, nextHop }) => `${prefix} via ${nextHop}`)
    .sort()

export const state = (speaker: Speaker): string => speaker.session.report().state
