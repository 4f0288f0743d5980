// A node at the service of a preflight (S25, S27): in the daemon and in `viaduct agent`. Opens sessions, puts addresses on for as long as
// they are wanted, answers and asks. Whatever it does is undone in the order that keeps traffic whole (I8): routes are
// withdrawn and sessions closed before addresses go, which the operator's side sees to; where nobody sees to it any more, the
// run's lease and the kernel's lifetimes do. A node whose daemon holds the session or the address already is left as it is.
import { Context, Deferred, Effect, Layer, Queue, type Scope, Semaphore, Stream } from "effect"
import { type Address, prefixAddress } from "../net/ip.ts"
import type { SessionParameters } from "../plan/types.ts"
import { Host } from "../ports/Host.ts"
import { LinkControl, type LinkError } from "../ports/LinkControl.ts"
import { Machine, type MachineError } from "../ports/Machine.ts"
import { Neighbours } from "../ports/Neighbours.ts"
import type { Reachability } from "../ports/Reachability.ts"
import type { Secrets } from "../ports/Secrets.ts"
import { Transport, type TransportError } from "../ports/Transport.ts"
import {
  ADDRESS_SECONDS,
  type Facts,
  type PreflightEvent,
  type PreflightRequest,
  REQUEST_SECONDS_MAX,
  type RequestOf,
  type SessionEvent,
  type SessionTest
} from "../preflight/protocol.ts"
import { cease } from "./endMode.ts"
import { Listeners } from "./Listeners.ts"
import { connect, greeting, mtu, neighbours, ping, plainSocket, probe, survey } from "./preflightProbes.ts"
import { makeRuns } from "./preflightRuns.ts"
import { runSession, type Session } from "./SessionRunner.ts"
import { fsmConfig } from "./sessionConfig.ts"

export interface PreflightHostOptions {
  readonly version: string
  /** What the daemon around it does; absent: there is none, this is the agent. */
  readonly live?: Effect.Effect<NonNullable<Facts["live"]>>
}

export class PreflightHost extends Context.Service<
  PreflightHost,
  {
    readonly facts: Effect.Effect<Facts, MachineError | LinkError>
    /** Ends with the run, with the stream's consumer, or by itself. A refusal is an event. */
    readonly perform: (request: PreflightRequest) => Stream.Stream<PreflightEvent>
    readonly keep: (run: string) => Effect.Effect<void>
  }
>()("viaduct/services/PreflightHost") {
  static readonly layer = (options: PreflightHostOptions) =>
    Layer.effect(PreflightHost, makeHost(options)).pipe(Layer.provide(Listeners.layer))
}

type Emit = (event: PreflightEvent) => void

const refused = (reason: string): PreflightEvent => ({ _tag: "refused", reason })

const over = cease({ subcode: 2, message: "the preflight is over" })
const bgpPort = 179
/** How often a held address gets its lifetime anew, in ms. */
const refreshMs = 1_000
const announcements = 3

const ordered = ["Idle", "Active", "Connect", "OpenSent", "OpenConfirm", "Established"] as const

const further = (one: SessionEvent["state"], other: SessionEvent["state"]): SessionEvent["state"] =>
  ordered.indexOf(one) >= ordered.indexOf(other) ? one : other

/** `furthest` is what it reached before. */
const sessionEvent = (session: Session, furthest: SessionEvent["state"]): SessionEvent => {
  const { state, reason, negotiated, lastNotification } = session.report()
  return {
    _tag: "session",
    state,
    furthest: further(state, furthest),
    ...(reason === undefined ? {} : { reason }),
    ...(lastNotification === undefined
      ? {}
      : { lastNotification: `${lastNotification.direction}: ${lastNotification.text}` }),
    ...(negotiated === undefined
      ? {}
      : {
          negotiated: {
            holdTime: negotiated.holdTime,
            families: negotiated.families,
            peerCapabilities: negotiated.peerCapabilities,
            addPathSend: negotiated.addPathSend
          }
        })
  }
}

/** Something that is held for a run. */
interface Lasting {
  readonly end: Deferred.Deferred<void>
  /** Everything of it has been undone. */
  readonly gone: Deferred.Deferred<void>
}

type Needs = Transport | Secrets | Listeners | Reachability | Neighbours | LinkControl | Machine

const makeHost = Effect.fnUntraced(function* ({ version, live }: PreflightHostOptions) {
  const host = yield* Host
  const link = yield* LinkControl
  const machine = yield* Machine
  const context = yield* Effect.context<Needs>()
  const runs = makeRuns()
  const sessions = new Map<string, { readonly session: Session; readonly localAddress: Address }>()
  const lasting = new Map<string, Lasting>()
  // Looking whether an address is there and putting it there is one step.
  const addressing = yield* Semaphore.make(1)
  const running = live ?? Effect.succeed(undefined)

  // A node that stops undoes what it can; the rest is the kernel's.
  yield* Effect.addFinalizer(() =>
    Effect.forEach(
      [...lasting.values()],
      (one) => Effect.andThen(Deferred.succeed(one.end, undefined), Deferred.await(one.gone)),
      { concurrency: "unbounded", discard: true }
    ).pipe(Effect.timeoutOption("1800 millis"))
  )

  const facts = Effect.gen(function* () {
    const { kernel, rights, support, mtus } = yield* machine.facts
    const tcp = yield* machine.tcp(bgpPort)
    const interfaces = yield* link.interfaces
    const now = yield* running
    return {
      kind: live === undefined ? "agent" : "daemon",
      hostname: host.hostname,
      version,
      kernel,
      clockMs: yield* Effect.clockWith((clock) => clock.currentTimeMillis),
      addresses: yield* link.addresses,
      interfaces: interfaces.map((one) => ({ ...one, mtuOctets: mtus.get(one.name) ?? 0 })),
      rights,
      support,
      bgpListeners: tcp.listening,
      bgpConnections: tcp.connections,
      ...(now === undefined ? {} : { live: now })
    } satisfies Facts
  })

  /** Why a session between these ends would disturb one that is there. */
  const sessionThere = Effect.fnUntraced(function* ({ localAddress, peerAddress, peerPort }: SessionTest) {
    const now = yield* running
    const same = (one: { readonly localAddress: string; readonly peerAddress: string }): boolean =>
      one.localAddress === localAddress && one.peerAddress === peerAddress
    const ours = now?.sessions.find(same)
    if (ours !== undefined) return `the daemon on this node has session ${ours.name} between these addresses`
    const { connections } = yield* machine.tcp(peerPort)
    if (connections.some(same))
      return `a BGP speaker on this node has a session from ${localAddress} to ${peerAddress}; another one would end it`
    return undefined
  })

  const bgp = Effect.fnUntraced(function* ({ run, id, session: test }: RequestOf<"bgp">, emit: Emit) {
    const there = yield* sessionThere(test)
    if (there !== undefined) return emit(refused(there))
    const parameters: SessionParameters = test
    const changed = yield* Queue.sliding<void>(1)
    let furthest: SessionEvent["state"] = "Idle"
    const session = yield* runSession(parameters, fsmConfig(parameters, host.hostname), {
      onTransition: ({ to }) => {
        furthest = further(to, furthest)
      },
      onChange: () => {
        Queue.offerUnsafe(changed, undefined)
      }
    })
    const key = `${run} ${id}`
    sessions.set(key, { session, localAddress: test.localAddress })
    yield* Effect.addFinalizer(() => {
      sessions.delete(key)
      return session.stop(over)
    })
    for (;;) {
      emit(sessionEvent(session, furthest))
      yield* Queue.take(changed)
    }
  })

  const reservedAmong = (addresses: ReadonlyArray<Address>) =>
    Effect.map(running, (now) => addresses.find((one) => now?.reserved.includes(one) === true))

  const routes = Effect.fnUntraced(function* ({ run, id, routes }: RequestOf<"routes">, emit: Emit) {
    const session = sessions.get(`${run} ${id}`)?.session
    if (session === undefined) return emit(refused("there is no such session any more"))
    const reserved = yield* reservedAmong(routes.map(({ prefix }) => prefixAddress(prefix)))
    if (reserved !== undefined)
      return emit(refused(`${reserved} belongs to the cluster that runs: nothing else announces it`))
    session.announce(routes)
    yield* session.settled
    const { state, reason, withheld } = session.report()
    if (withheld?.[0] !== undefined) return emit(refused(withheld[0].reason))
    emit(state === "Established" ? { _tag: "ready" } : refused(reason ?? `the session is ${state}`))
  })

  const putOn = Effect.fnUntraced(function* (request: RequestOf<"address">) {
    const now = yield* running
    if (now?.reserved.includes(request.address) === true)
      return `${request.address} belongs to the cluster that runs: it is left where it is`
    const there = (yield* link.addresses).find(({ address }) => address === request.address)
    if (there !== undefined) return `${request.address} is on ${there.interface} of this node already`
    yield* link.hold(request, ADDRESS_SECONDS)
    return undefined
  })

  /** A session from the address has to say goodbye while it can: without its address it would be silent until the hold timer. */
  const takeOff = (request: RequestOf<"address">) => {
    const from = [...sessions.values()].filter(({ localAddress }) => localAddress === request.address)
    return Effect.forEach(from, ({ session }) => session.stop(over), { concurrency: "unbounded" }).pipe(
      Effect.andThen(Effect.ignore(link.remove(request)))
    )
  }

  const announce = Effect.fnUntraced(function* ({ interface: name, address }: RequestOf<"address">) {
    const { open } = yield* Neighbours
    const segment = yield* open(name, () => undefined)
    for (let n = 0; n < announcements; n++) {
      yield* segment.announce(address)
      yield* Effect.sleep(50)
    }
  })

  const address = Effect.fnUntraced(function* (request: RequestOf<"address">, emit: Emit) {
    const why = yield* Effect.acquireRelease(addressing.withPermits(1)(putOn(request)), (not) =>
      not === undefined ? takeOff(request) : Effect.void
    )
    if (why !== undefined) return emit(refused(why))
    if (request.announce) yield* Effect.scoped(announce(request))
    emit({ _tag: "ready" })
    for (;;) {
      yield* Effect.sleep(refreshMs)
      yield* link.hold(request, ADDRESS_SECONDS)
    }
  })

  const answer = Effect.fnUntraced(function* (request: RequestOf<"answer">, emit: Emit) {
    const transport = yield* Transport
    const listener = yield* transport.listen(request.address, request.port ?? 0, (connection) => {
      connection.start({ onData: () => undefined, onDrain: () => undefined, onClose: () => undefined })
      connection.write(greeting(request.nonce))
      connection.close()
    })
    for (const peerAddress of request.from) yield* listener.expect({ ...plainSocket, peerAddress })
    emit({ _tag: "listening", port: listener.port })
    yield* Effect.never
  })

  const end = Effect.fnUntraced(function* ({ run, id }: RequestOf<"end">, emit: Emit) {
    const one = lasting.get(`${run} ${id}`)
    if (one !== undefined) {
      yield* Deferred.succeed(one.end, undefined)
      yield* Deferred.await(one.gone)
    }
    emit({ _tag: "ready" })
  })

  /** Runs until it is ended by `end`, or otherwise; a second one of that name is not begun. */
  const untilEnded = Effect.fnUntraced(function* <E, R>(key: string, body: Effect.Effect<void, E, R>, emit: Emit) {
    if (lasting.has(key)) return emit(refused("there is one of that name already"))
    const one: Lasting = { end: yield* Deferred.make<void>(), gone: yield* Deferred.make<void>() }
    lasting.set(key, one)
    yield* Effect.raceFirst(body, Deferred.await(one.end)).pipe(
      Effect.ensuring(
        Effect.suspend(() => {
          lasting.delete(key)
          return Deferred.succeed(one.gone, undefined)
        })
      )
    )
  })

  const askNeighbours = Effect.fnUntraced(function* (request: RequestOf<"neighbours">) {
    const reserved = yield* reservedAmong(request.addresses)
    if (reserved !== undefined) return refused(`${reserved} belongs to the cluster that runs: it is not probed for`)
    return yield* neighbours(request)
  })

  const carryOut = (
    request: PreflightRequest,
    emit: Emit
  ): Effect.Effect<void, LinkError | TransportError | MachineError, Needs | Scope.Scope> => {
    const tell = Effect.map((event: PreflightEvent) => emit(event))
    switch (request._tag) {
      case "bgp":
        return bgp(request, emit)
      case "routes":
        return routes(request, emit)
      case "address":
        return address(request, emit)
      case "answer":
        return answer(request, emit)
      case "end":
        return end(request, emit)
      case "probe":
        return tell(probe(request))
      case "survey":
        return tell(survey(request))
      case "ping":
        return tell(ping(request))
      case "mtu":
        return tell(mtu(request))
      case "neighbours":
        return tell(askNeighbours(request))
      case "connect":
        return tell(connect(request))
    }
  }

  const perform = (request: PreflightRequest): Stream.Stream<PreflightEvent> =>
    Stream.callback<PreflightEvent>((queue) => {
      const emit: Emit = (event) => {
        Queue.offerUnsafe(queue, event)
      }
      const failed = (message: string) => Effect.sync(() => emit(refused(message)))
      const alive = Effect.forever(
        Effect.delay(
          Effect.sync(() => emit({ _tag: "alive" })),
          "1 second"
        )
      )
      const done = Effect.scoped(carryOut(request, emit))
      const lasts = request._tag === "bgp" || request._tag === "address" || request._tag === "answer"
      const body = (lasts ? untilEnded(`${request.run} ${request.id}`, done, emit) : done).pipe(
        Effect.catchTags({
          LinkError: ({ message }) => failed(message),
          TransportError: ({ message }) => failed(message),
          MachineError: ({ message }) => failed(message)
        })
      )
      const ends = Effect.raceAllFirst([
        runs.lapsed(request.run).pipe(Effect.andThen(failed("the run has not been heard of any more"))),
        Effect.sleep(REQUEST_SECONDS_MAX * 1_000).pipe(Effect.andThen(failed("it took too long"))),
        alive
      ])
      return runs
        .keep(request.run)
        .pipe(
          Effect.andThen(Effect.raceFirst(body, ends)),
          Effect.provideContext(context),
          Effect.ensuring(Queue.end(queue))
        )
    })

  return PreflightHost.of({ facts, perform, keep: runs.keep })
})
