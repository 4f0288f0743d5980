// BGPSession (networking.gke.io/v1, S22): one BGP session of a node, with who talks to whom in `spec` and how it
// goes in `status`. `state` is the state of RFC 4271 section 8.2.2 by its name there. Field names are those of
// S22; what S22 does not have is added beside them. The password file is named, the key is never shown (I10).
import { age } from "./age.ts"
import { groupVersion, objectTime, type ResourceKind, type ResourceObject, stableUid } from "./kind.ts"
import type { MessageCounts, NodeStatus, SessionState, SessionStatus } from "./nodeStatus.ts"

interface BgpSessionSpec {
  /** The address that the session moves with; empty for a session from the node's own address (S3). */
  readonly floatingIP: string
  readonly localASN: number
  readonly localIP: string
  readonly nodeName: string
  readonly passwordFile?: string
  readonly peerASN: number
  readonly peerIP: string
  /** Where it is not 179. */
  readonly peerPort?: number
  readonly purpose: "control-plane" | "service"
  readonly ttlSecurity?: number
}

/** As Kubernetes objects have them. */
interface Condition {
  readonly type: "Established"
  readonly status: "True" | "False"
  readonly reason: string
  readonly message?: string
  readonly lastTransitionTime: string
}

interface BgpSessionStatus {
  /** Prefixes, each once, whatever the number of its paths. */
  readonly advertisedRoutes: ReadonlyArray<string>
  readonly lastReportTime: string
  readonly lastTransitionTime: string
  readonly state: SessionState
  readonly reason?: string
  /** Wanted, and the session cannot carry them. */
  readonly withheldRoutes?: SessionStatus["withheld"]
  /** What holds for the whole session and is no fault of a route's. */
  readonly notes?: ReadonlyArray<string>
  readonly conditions: ReadonlyArray<Condition>
  readonly flaps: number
  readonly negotiated?: {
    /** Seconds. */
    readonly holdTime: number
    /** Seconds. */
    readonly keepaliveTime: number
    readonly peerRouterID: string
    readonly families: ReadonlyArray<string>
    readonly capabilities: ReadonlyArray<string>
    readonly peerCapabilities: ReadonlyArray<string>
    readonly addPathSend: ReadonlyArray<string>
    readonly gracefulRestart?: NonNullable<SessionStatus["negotiated"]>["gracefulRestart"]
  }
  readonly receivedRoutes: number
  readonly receivedSample: ReadonlyArray<{ readonly prefix: string; readonly nextHop: string }>
  readonly messagesSent: MessageCounts
  readonly messagesReceived: MessageCounts
  readonly lastNotification?: { readonly direction: "sent" | "received"; readonly time: string; readonly text: string }
}

type BgpSession = ResourceObject<BgpSessionSpec, BgpSessionStatus>

const BGP_PORT = 179

const specOf = (node: string, session: SessionStatus): BgpSessionSpec => ({
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

const negotiatedOf = ({ negotiated }: SessionStatus): Pick<BgpSessionStatus, "negotiated"> => {
  if (negotiated === undefined) return {}
  const { peerRouterId, ...rest } = negotiated
  return { negotiated: { ...rest, peerRouterID: peerRouterId } }
}

const notificationOf = ({ lastNotification: last }: SessionStatus): Pick<BgpSessionStatus, "lastNotification"> =>
  last === undefined
    ? {}
    : { lastNotification: { direction: last.direction, time: objectTime(last.at), text: last.text } }

/** What `kubectl wait --for=condition=Established` waits for. */
const establishedCondition = ({ state, since, reason }: SessionStatus): Condition => ({
  type: "Established",
  status: state === "Established" ? "True" : "False",
  reason: state,
  ...(reason === undefined ? {} : { message: reason }),
  lastTransitionTime: objectTime(since)
})

const statusOf = (session: SessionStatus): BgpSessionStatus => ({
  advertisedRoutes: [...new Set(session.advertised.map(({ prefix }) => prefix))],
  lastReportTime: objectTime(session.lastReport),
  lastTransitionTime: objectTime(session.since),
  state: session.state,
  ...(session.reason === undefined ? {} : { reason: session.reason }),
  ...(session.withheld === undefined ? {} : { withheldRoutes: session.withheld }),
  ...(session.notes === undefined ? {} : { notes: session.notes }),
  conditions: [establishedCondition(session)],
  flaps: session.flaps,
  ...negotiatedOf(session),
  receivedRoutes: session.received.routes,
  receivedSample: session.received.sample,
  messagesSent: session.sent,
  messagesReceived: session.got,
  ...notificationOf(session)
})

const derive = (status: NodeStatus): ReadonlyArray<BgpSession> =>
  status.sessions.map((session) => ({
    apiVersion: groupVersion(bgpSession),
    kind: bgpSession.kind,
    metadata: {
      name: session.name,
      namespace: bgpSession.namespace,
      uid: stableUid(bgpSession.kind, status.cluster, status.node, session.name, status.startedAt),
      creationTimestamp: objectTime(status.startedAt)
    },
    spec: specOf(status.node, session),
    status: statusOf(session)
  }))

const content = ({ spec, status }: BgpSession): unknown => {
  const { lastReportTime, messagesSent, messagesReceived, receivedRoutes, receivedSample, ...rest } = status
  return { spec, status: rest }
}

export const bgpSession: ResourceKind<BgpSession> = {
  group: "networking.gke.io",
  version: "v1",
  kind: "BGPSession",
  plural: "bgpsessions",
  singular: "bgpsession",
  shortNames: ["bgps"],
  namespaced: true,
  namespace: "kube-system",
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
