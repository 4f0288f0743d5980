// BGPPeer (networking.gke.io/v1, S9) as a resource: an external peer for service sessions, and how the sessions with it go.
import { Schema } from "effect"
import { Condition, condition } from "../condition.ts"
import { textAt } from "../valueAt.ts"
import { ageColumn, documentKind, fieldColumn, nameColumn } from "./document.ts"
import { countSessions, knownSessions, SessionCount, SessionSummary } from "./status.ts"

/** The options that an entry of `bgpPeers` and a BGPPeer share, by what they mean. */
export const peerOptionFields = (path: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries({
      port: "TCP port of the peer; we listen on the same number. Default 179",
      holdTime: "Seconds; 0 turns keepalives off. Default 90",
      keepaliveTime: "Seconds; a third of the hold time where absent",
      connectRetryTime: "Seconds between attempts while the peer does not answer. Default 5",
      passive: "Wait for the peer to connect",
      passwordFile: "File on the node whose first line is the TCP-MD5 key",
      ttlSecurity: "GTSM (RFC 5082): hops to the peer, true is 1",
      gracefulRestartTime: "Seconds that the peer keeps our routes after a session that ended without a goodbye",
      addPaths: "Offer all next hops of a service at once (RFC 7911). Default true",
      communities: "Communities of every route to this peer",
      largeCommunities: "Large communities of every route to this peer",
      med: "Multi-exit discriminator of every route to this peer"
    }).map(([name, text]) => [`${path}.${name}`, text])
  )

const Status = Schema.Struct({
  sessions: Schema.Array(SessionSummary),
  count: SessionCount,
  conditions: Schema.Array(Condition)
})

/** `since`: for a peer without a session (RFC 3339). */
const statusOf = (sessions: ReturnType<typeof knownSessions>, loadedAt: string): typeof Status.Type => {
  const count = countSessions(sessions)
  const up = count.expected > 0 && count.established === count.expected
  const reason = count.expected === 0 ? "NoSession" : up ? "AllEstablished" : "SessionsDown"
  const message =
    count.expected === 0
      ? "no node has a session with this peer: BGPLoadBalancer does not select it, or no floating IP is held"
      : `${count.established} of ${count.expected} sessions are Established`
  const since = sessions.map((session) => session.since).toSorted()
  return {
    sessions: sessions.map(({ name, node, localIP, state, reason: why }) => ({
      name,
      node,
      localIP,
      state,
      ...(why === undefined ? {} : { reason: why })
    })),
    count,
    conditions: [condition("Ready", up, reason, message, since.at(-1) ?? loadedAt)]
  }
}

export const bgpPeer = documentKind({
  apiVersion: "networking.gke.io/v1",
  kind: "BGPPeer",
  plural: "bgppeers",
  singular: "bgppeer",
  shortNames: ["bgpp"],
  description: "An external peer for the sessions that announce services",
  fields: {
    spec: "The peer",
    "spec.localASN": "Our AS number",
    "spec.peerASN": "The peer's AS number",
    "spec.peerIP": "The peer's address",
    "spec.sessions": "How many sessions with it, spread over the floating IPs. Default 2",
    ...peerOptionFields("spec"),
    status: "The sessions with the peer",
    "status.sessions": "Each session, where it runs and its state",
    "status.count": "How many are Established, of those that there are",
    "status.conditions": "Ready: every session is Established"
  },
  statusSchema: Status,
  status: (status) => {
    const all = Map.groupBy(
      knownSessions(status).filter(({ purpose }) => purpose === "service"),
      ({ peerIP }) => peerIP
    )
    return (object) => statusOf(all.get(textAt(object, "spec.peerIP") ?? "") ?? [], status.config.loadedAt)
  },
  selectableFields: ["spec.peerIP", "spec.peerASN", "spec.localASN"],
  columns: [
    nameColumn,
    fieldColumn("Local ASN", "spec.localASN", "Our AS number", { type: "integer" }),
    fieldColumn("Peer ASN", "spec.peerASN", "The peer's AS number", { type: "integer" }),
    fieldColumn("Peer IP", "spec.peerIP", "The peer's address"),
    {
      name: "Sessions",
      type: "string",
      description: "Sessions that are Established, of those that there are",
      cell: (object) => `${textAt(object, "status.count.established")}/${textAt(object, "status.count.expected")}`
    },
    ageColumn
  ]
})
