// BGPSession (networking.gke.io/v1, S22): one BGP session of a node, with who talks to whom in `spec` and how it
// goes in `status`. `state` is the state of RFC 4271 section 8.2.2 by its name there. Field names are those of
// S22; what S22 does not have is added beside them. The password file is named, the key is never shown (I10). Sessions of the
// other nodes are listed as those nodes say, which is less; of a session that is known in both ways this node's own word counts.
import { Schema } from "effect"
import { age } from "./age.ts"
import { Condition, condition } from "./condition.ts"
import {
  derivedMeta,
  groupVersion,
  objectTime,
  type ResourceKind,
  type ResourceObject,
  SYSTEM_NAMESPACE
} from "./kind.ts"
import type { NodeStatus, RemoteNodeStatus, SessionStatus } from "./nodeStatus.ts"

const Texts = Schema.Array(Schema.String)
const { Int, String: Text, optionalKey } = Schema

const BgpSessionSpec = Schema.Struct({
  floatingIP: Text,
  localASN: Int,
  localIP: Text,
  nodeName: Text,
  passwordFile: optionalKey(Text),
  peerASN: Int,
  peerIP: Text,
  peerPort: optionalKey(Int),
  purpose: Schema.Literals(["control-plane", "service"]),
  ttlSecurity: optionalKey(Int)
})

const MessageCounts = Schema.Struct({ open: Int, update: Int, notification: Int, keepalive: Int, routeRefresh: Int })

const Negotiated = Schema.Struct({
  holdTime: Int,
  keepaliveTime: Int,
  peerRouterID: Text,
  families: Texts,
  capabilities: Texts,
  peerCapabilities: Texts,
  addPathSend: Texts,
  gracefulRestart: optionalKey(
    Schema.Struct({ restartTime: Int, restarting: Schema.Boolean, notification: Schema.Boolean, families: Texts })
  )
})

const BgpSessionStatus = Schema.Struct({
  advertisedRoutes: Texts,
  lastReportTime: Text,
  lastTransitionTime: Text,
  state: Schema.Literals(["Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established"]),
  reason: optionalKey(Text),
  withheldRoutes: optionalKey(Schema.Array(Schema.Struct({ prefix: Text, reason: Text }))),
  notes: optionalKey(Texts),
  conditions: Schema.Array(Condition),
  flaps: Int,
  negotiated: optionalKey(Negotiated),
  receivedRoutes: Int,
  receivedSample: Schema.Array(Schema.Struct({ prefix: Text, nextHop: Text })),
  messagesSent: optionalKey(MessageCounts),
  messagesReceived: optionalKey(MessageCounts),
  lastNotification: optionalKey(
    Schema.Struct({ direction: Schema.Literals(["sent", "received"]), time: Text, text: Text })
  )
})

type Spec = typeof BgpSessionSpec.Type
type Status = typeof BgpSessionStatus.Type
type BgpSession = ResourceObject<Spec, Status>
type RemoteSession = RemoteNodeStatus["sessions"][number]

const BGP_PORT = 179

/** What is known of a session wherever it runs. */
type AnySession = RemoteSession & Pick<Partial<SessionStatus>, "passwordFile" | "ttlSecurity">

const specOf = (node: string, session: AnySession | SessionStatus): Spec => ({
  floatingIP: session.purpose === "service" ? session.localAddress : "",
  localASN: session.localAsn,
  localIP: session.localAddress,
  nodeName: node,
  ...(session.passwordFile === undefined ? {} : { passwordFile: session.passwordFile }),
  peerASN: session.peerAsn,
  peerIP: session.peerAddress,
  ...(session.peerPort === BGP_PORT ? {} : { peerPort: session.peerPort }),
  purpose: session.purpose,
  ...(session.ttlSecurity === undefined ? {} : { ttlSecurity: session.ttlSecurity })
})

const negotiatedOf = ({ negotiated }: SessionStatus): Pick<Status, "negotiated"> => {
  if (negotiated === undefined) return {}
  const { peerRouterId, ...rest } = negotiated
  return { negotiated: { ...rest, peerRouterID: peerRouterId } }
}

const notificationOf = ({ lastNotification: last }: SessionStatus): Pick<Status, "lastNotification"> =>
  last === undefined
    ? {}
    : { lastNotification: { direction: last.direction, time: objectTime(last.at), text: last.text } }

/** What `kubectl wait --for=condition=Established` waits for. */
const established = ({ state, since, reason }: Pick<SessionStatus, "state" | "since" | "reason">): Condition =>
  condition("Established", state === "Established", state, reason ?? "", since)

const statusOf = (session: SessionStatus): Status => ({
  advertisedRoutes: [...new Set(session.advertised.map(({ prefix }) => prefix))],
  lastReportTime: objectTime(session.lastReport),
  lastTransitionTime: objectTime(session.since),
  state: session.state,
  ...(session.reason === undefined ? {} : { reason: session.reason }),
  ...(session.withheld === undefined ? {} : { withheldRoutes: session.withheld }),
  ...(session.notes === undefined ? {} : { notes: session.notes }),
  conditions: [established(session)],
  flaps: session.flaps,
  ...negotiatedOf(session),
  receivedRoutes: session.received.routes,
  receivedSample: session.received.sample,
  messagesSent: session.sent,
  messagesReceived: session.got,
  ...notificationOf(session)
})

/** A session in the words of the node that has it. */
const remoteStatus = (session: RemoteSession, { reportedAt, routes }: RemoteNodeStatus): Status => ({
  advertisedRoutes: routes.filter(({ sessions }) => sessions.includes(session.name)).map(({ prefix }) => prefix),
  lastReportTime: objectTime(reportedAt),
  lastTransitionTime: objectTime(session.since),
  state: session.state,
  ...(session.reason === undefined ? {} : { reason: session.reason }),
  conditions: [established(session)],
  flaps: session.flaps,
  receivedRoutes: session.received,
  receivedSample: []
})

const derive = (status: NodeStatus): ReadonlyArray<BgpSession> => {
  const object = (name: string, rest: Pick<BgpSession, "spec" | "status">): BgpSession => ({
    apiVersion: groupVersion(bgpSession),
    kind: bgpSession.kind,
    metadata: derivedMeta(bgpSession, status, name),
    ...rest
  })
  const own = new Set(status.sessions.map(({ name }) => name))
  return [
    ...status.sessions.map((session) =>
      object(session.name, { spec: specOf(status.node, session), status: statusOf(session) })
    ),
    ...status.elsewhere.flatMap((remote) =>
      remote.sessions
        .filter(({ name }) => !own.has(name))
        .map((session) =>
          object(session.name, { spec: specOf(remote.node, session), status: remoteStatus(session, remote) })
        )
    )
  ]
}

const content = ({ spec, status }: BgpSession): unknown => {
  const { lastReportTime, messagesSent, messagesReceived, receivedRoutes, receivedSample, ...rest } = status
  return { spec, status: rest }
}

const fields = {
  spec: "Who talks to whom",
  "spec.floatingIP": "Address that the session moves with; empty for a session from the node's own address",
  "spec.localASN": "Our AS number",
  "spec.localIP": "Where the session starts",
  "spec.nodeName": "Node that the session runs on",
  "spec.passwordFile": "File with the TCP-MD5 key; the key itself is never shown",
  "spec.peerASN": "The peer's AS number",
  "spec.peerIP": "The external peer",
  "spec.peerPort": "TCP port of the peer where it is not 179",
  "spec.purpose": "What the session announces: the control plane's VIP or services' addresses",
  "spec.ttlSecurity": "Hops to the peer where GTSM is on (RFC 5082)",
  status: "How the session goes",
  "status.advertisedRoutes": "Prefixes that it announces, each once, whatever the number of their paths",
  "status.lastReportTime": "When the session was last looked at",
  "status.lastTransitionTime": "When it entered its state",
  "status.state": "State by its name in RFC 4271 8.2.2",
  "status.reason": "Why it is not Established, in words that one can act on",
  "status.withheldRoutes": "Wanted routes that this session cannot carry, with the reason",
  "status.notes": "What holds for the whole session and is no fault of a route's",
  "status.conditions": "Established: whether the session is up",
  "status.flaps": "Times that it left Established",
  "status.negotiated": "What both OPEN messages agreed on",
  "status.negotiated.holdTime": "Seconds",
  "status.negotiated.keepaliveTime": "Seconds",
  "status.negotiated.addPathSend": "Families of which the peer takes several paths for a prefix (RFC 7911)",
  "status.negotiated.gracefulRestart": "What the peer offers for a restart (RFC 4724)",
  "status.negotiated.gracefulRestart.restartTime": "Seconds that its own restart may take",
  "status.receivedRoutes": "Paths that the peer announces; they are counted and dropped",
  "status.receivedSample": "Some of them",
  "status.messagesSent": "Messages to the peer by type",
  "status.messagesReceived": "Messages of the peer by type",
  "status.lastNotification": "The NOTIFICATION that was sent or received last"
}

export const bgpSession: ResourceKind<BgpSession> = {
  group: "networking.gke.io",
  version: "v1",
  kind: "BGPSession",
  plural: "bgpsessions",
  singular: "bgpsession",
  shortNames: ["bgps"],
  namespaced: true,
  namespace: SYSTEM_NAMESPACE,
  description: "One BGP session of a node with an external peer (S22)",
  schema: Schema.Struct({ spec: BgpSessionSpec, status: BgpSessionStatus }),
  fields,
  selectableFields: ["spec.nodeName", "spec.localIP", "spec.peerIP", "spec.purpose", "status.state"],
  columns: [
    {
      name: "Name",
      type: "string",
      format: "name",
      description: "Address of the peer and name of the node",
      cell: ({ metadata }) => metadata.name
    },
    { name: "Local ASN", type: "integer", description: "Our AS number", cell: ({ spec }) => spec.localASN },
    { name: "Peer ASN", type: "integer", description: "The peer's AS number", cell: ({ spec }) => spec.peerASN },
    { name: "Local IP", type: "string", description: "Where the session starts", cell: ({ spec }) => spec.localIP },
    { name: "Peer IP", type: "string", description: "The external peer", cell: ({ spec }) => spec.peerIP },
    { name: "State", type: "string", description: "State (RFC 4271 8.2.2)", cell: ({ status }) => status.state },
    {
      name: "Last Report",
      type: "string",
      description: "How long ago the session was last looked at",
      cell: ({ status }, now) => age(status.lastReportTime, now)
    },
    {
      name: "Purpose",
      type: "string",
      description: "What the session announces: the control plane or services",
      wide: true,
      cell: ({ spec }) => spec.purpose
    },
    {
      name: "In State",
      type: "string",
      description: "How long the session has been in its state",
      wide: true,
      cell: ({ status }, now) => age(status.lastTransitionTime, now)
    },
    {
      name: "Hold Time",
      type: "integer",
      description: "Negotiated hold time in seconds",
      wide: true,
      cell: ({ status }) => status.negotiated?.holdTime ?? null
    },
    {
      name: "Routes",
      type: "integer",
      description: "Number of prefixes announced",
      wide: true,
      cell: ({ status }) => status.advertisedRoutes.length
    },
    {
      name: "Flaps",
      type: "integer",
      description: "Times that the session left Established",
      wide: true,
      cell: ({ status }) => status.flaps
    },
    {
      name: "Reason",
      type: "string",
      description: "Why the session is not Established, or what it cannot carry",
      wide: true,
      cell: ({ status }) => status.reason ?? status.notes?.join("; ") ?? null
    }
  ],
  derive,
  content
}
