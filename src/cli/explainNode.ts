// NodeControl's explain in the daemon: the status and the config of this process, and a look at the peers of sessions that are down:
// a ping from the session's own address, and where a key may be the reason a connection without it. Bounded in time and number.
import { Clock, Effect } from "effect"
import type { NodeControl } from "../api/control.ts"
import type { NodeSource } from "../api/source.ts"
import { explain } from "../explain/explain.ts"
import type { ExplainQuestion, SessionProbe } from "../explain/types.ts"
import { type Address, parseAddress } from "../net/ip.ts"
import { type PingAnswer, Reachability } from "../ports/Reachability.ts"
import { Transport } from "../ports/Transport.ts"
import type { NodeStatus, SessionStatus } from "../resources/nodeStatus.ts"
import { Reconciler } from "../services/Reconciler.ts"
import { Supervisor } from "../services/Supervisor.ts"

/** How long a look at a peer may take, in ms, and at how many sessions. */
const lookMs = 1_200
const looksMax = 16

/** Systems start with 64, 128 or 255; who is one hop away takes nothing off. */
const hopsOf = (ttlHops: number): number => ([64, 128, 255].find((first) => first >= ttlHops) ?? 255) - ttlHops + 1

const pingShown = (answer: PingAnswer): SessionProbe["ping"] => {
  if (answer.type === "answer")
    return { type: "answer", ...(answer.ttlHops === undefined ? {} : { hops: hopsOf(answer.ttlHops) }) }
  return answer.type === "too-big" ? { type: "answer" } : answer
}

const tcpShown = { timeout: "silence", refused: "refused", unreachable: "unreachable", reset: "refused" } as const

/** What this node can find out about the peer of a session that is down; nothing of it is told to the peer but a SYN. */
const lookAt = Effect.fnUntraced(function* (session: SessionStatus, localAddress: Address, peerAddress: Address) {
  const reachability = yield* Reachability
  const transport = yield* Transport
  const ping = reachability.ping({ target: peerAddress, source: localAddress, timeoutMs: lookMs - 200 }).pipe(
    Effect.map(pingShown),
    Effect.catch(() => Effect.succeed(undefined))
  )
  const request = { localAddress, peerAddress, peerPort: session.peerPort, timeoutMs: lookMs - 200 }
  const tcp = transport.dial({ ...request, ttlHops: 255, ttlHopsMin: 0, userTimeoutMs: 0 }).pipe(
    Effect.map((connection) => {
      connection.close(true)
      return "open" as const
    }),
    Effect.catch(({ kind }) => Effect.succeed(kind === undefined ? undefined : tcpShown[kind]))
  )
  const keyed = session.passwordFile !== undefined && session.lastFailure?.type === "timeout"
  const [pinged, connected] = yield* Effect.all([ping, keyed ? tcp : Effect.succeed(undefined)], { concurrency: 2 })
  const probe: SessionProbe = {
    ...(pinged === undefined ? {} : { ping: pinged }),
    ...(connected === undefined ? {} : { tcp: connected })
  }
  return [session.name, probe] as const
})

const lookAtAll = (sessions: ReadonlyArray<SessionStatus>) => {
  const looks = sessions
    .filter(({ state }) => state !== "Established")
    .slice(0, looksMax)
    .flatMap((session) => {
      const [local, peer] = [parseAddress(session.localAddress), parseAddress(session.peerAddress)]
      return local === undefined || peer === undefined ? [] : [lookAt(session, local, peer)]
    })
  const each = looks.map((look) => Effect.timeoutOption(look, lookMs))
  return Effect.map(
    Effect.all(each, { concurrency: "unbounded" }),
    (all) => new Map(all.flatMap((one) => (one._tag === "Some" ? [one.value] : [])))
  )
}

/** Prefixes that the cluster announces, as far as this node knows. */
const announced = ({ sessions, elsewhere }: NodeStatus): ReadonlySet<string> =>
  new Set([
    ...sessions.flatMap(({ advertised }) => advertised.map(({ prefix }) => prefix)),
    ...elsewhere.flatMap(({ routes }) => routes.map(({ prefix }) => prefix))
  ])

export const explainControl = Effect.fnUntraced(function* (source: NodeSource) {
  const reconciler = yield* Reconciler
  const supervisor = yield* Supervisor
  const context = yield* Effect.context<Reachability | Transport>()
  const answer = Effect.fnUntraced(function* (question: ExplainQuestion) {
    const status = yield* Effect.promise(() => source.status())
    const cluster = reconciler.desired()
    const probes = yield* lookAtAll(status.sessions)
    const nowMs = yield* Clock.currentTimeMillis
    const heardBack = supervisor.heardBack(announced(status))
    return explain(question, { status, ...(cluster === undefined ? {} : { cluster }), probes, heardBack, nowMs })
  })
  const control: NonNullable<NodeControl["explain"]> = (question) => Effect.runPromiseWith(context)(answer(question))
  return control
})
