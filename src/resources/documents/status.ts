// What several documents' statuses say about the sessions that come of them.
import { Schema } from "effect"
import type { NodeStatus } from "../nodeStatus.ts"

const { Int, String: Text, optionalKey } = Schema

export const SessionCount = Schema.Struct({ established: Int, expected: Int })

export const SessionSummary = Schema.Struct({
  name: Text,
  node: Text,
  localIP: Text,
  state: Text,
  reason: optionalKey(Text)
})
export type SessionSummary = typeof SessionSummary.Type

interface KnownSession extends SessionSummary {
  readonly peerIP: string
  readonly purpose: "control-plane" | "service"
  readonly since: string
}

/** The sessions of the whole cluster as far as this node knows them. */
export const knownSessions = ({ node, sessions, elsewhere }: NodeStatus): ReadonlyArray<KnownSession> => {
  const own = new Set(sessions.map(({ name }) => name))
  const there = elsewhere.flatMap((remote) =>
    remote.sessions.filter(({ name }) => !own.has(name)).map((session) => ({ ...session, node: remote.node }))
  )
  return [...sessions.map((session) => ({ ...session, node })), ...there].map((session) => ({
    name: session.name,
    node: session.node,
    localIP: session.localAddress,
    peerIP: session.peerAddress,
    purpose: session.purpose,
    state: session.state,
    since: session.since,
    ...(session.reason === undefined ? {} : { reason: session.reason })
  }))
}

export const countSessions = (sessions: ReadonlyArray<{ readonly state: string }>): typeof SessionCount.Type => ({
  established: sessions.filter(({ state }) => state === "Established").length,
  expected: sessions.length
})
