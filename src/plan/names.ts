// Names of sessions (S22): `<peerIP>-<nodeName>`. Where a node has several sessions to one peer, one has that name and the others
// end in their local address. A session keeps its name while it lives, also when the one with the short name goes.
import type { PlannedSession } from "./types.ts"
import type { ClusterView } from "./view.ts"

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** From the one that people expect to the one that is unique. */
const candidates = (node: string, { parameters: p, key }: PlannedSession): ReadonlyArray<string> => {
  const short = `${p.peerAddress}-${node}`
  return [short, `${short}-${p.localAddress}`, `${short}-${p.localAddress}-${p.peerPort}`, `${short}-${key}`]
}

/** Control plane first, then whose floating IP has been here longer. */
const seniority = ({ purpose, parameters, key }: PlannedSession, claims: ClusterView["claims"]): string => {
  const claim = claims.find(({ address }) => address === parameters.localAddress)
  const generation = String(claim?.generation ?? Number.MAX_SAFE_INTEGER).padStart(20, "0")
  return purpose === "control-plane" ? `0 ${key}` : `1 ${generation} ${key}`
}

/** The sessions with their names; `running` has names by key. Keys are unique, and so are the names. */
export const nameSessions = (
  sessions: ReadonlyArray<PlannedSession>,
  node: string,
  running: ReadonlyMap<string, string> = new Map(),
  claims: ClusterView["claims"] = []
): ReadonlyArray<PlannedSession> => {
  const names = new Map<string, string>()
  const taken = new Set<string>()
  const give = (key: string, name: string): void => {
    names.set(key, name)
    taken.add(name)
  }
  const waiting: Array<PlannedSession> = []
  for (const session of sessions) {
    const name = running.get(session.key)
    if (name !== undefined && candidates(node, session).includes(name) && !taken.has(name)) give(session.key, name)
    else waiting.push(session)
  }
  const order = waiting.map((session) => ({ session, at: seniority(session, claims) }))
  for (const { session } of order.sort((a, b) => compare(a.at, b.at))) {
    const free = candidates(node, session).find((name) => !taken.has(name))
    give(session.key, free ?? session.key)
  }
  return sessions.map((session) => ({ ...session, name: names.get(session.key) ?? session.name }))
}
