// BGPReceivedRoute (networking.gke.io/v1): what the peer of a session announces. Nothing of it is used (D11): it is counted, and a
// few prefixes are kept so that somebody who looks for a leak or a forgotten filter sees what kind of thing comes in. One object
// for each session of this node, under the session's name.
import { Schema } from "effect"
import { derivedMeta, groupVersion, type ResourceKind, type ResourceObject, SYSTEM_NAMESPACE } from "./kind.ts"
import type { NodeStatus } from "./nodeStatus.ts"

const { Int, String: Text, optionalKey } = Schema

const Spec = Schema.Struct({ session: Text, peerIP: Text, nodeName: Text })
const Status = Schema.Struct({
  routes: Int,
  truncated: optionalKey(Schema.Boolean),
  sample: Schema.Array(Schema.Struct({ prefix: Text, nextHop: Text }))
})

type BgpReceivedRoute = ResourceObject<typeof Spec.Type, typeof Status.Type>

const derive = (status: NodeStatus): ReadonlyArray<BgpReceivedRoute> =>
  status.sessions.map(({ name, peerAddress, received }) => ({
    apiVersion: groupVersion(bgpReceivedRoute),
    kind: bgpReceivedRoute.kind,
    metadata: derivedMeta(bgpReceivedRoute, status, name),
    spec: { session: name, peerIP: peerAddress, nodeName: status.node },
    status: {
      routes: received.routes,
      ...(received.more === undefined ? {} : { truncated: received.more }),
      sample: received.sample
    }
  }))

export const bgpReceivedRoute: ResourceKind<BgpReceivedRoute> = {
  group: "networking.gke.io",
  version: "v1",
  kind: "BGPReceivedRoute",
  plural: "bgpreceivedroutes",
  singular: "bgpreceivedroute",
  shortNames: ["bgprr"],
  namespaced: true,
  namespace: SYSTEM_NAMESPACE,
  description: "What the peer of a session announces: counted, and dropped",
  schema: Schema.Struct({ spec: Spec, status: Status }),
  fields: {
    spec: "Which session",
    "spec.session": "The BGPSession object",
    "spec.peerIP": "The external peer",
    "spec.nodeName": "Node that the session runs on",
    status: "What came in",
    "status.routes": "Paths that the peer announces now",
    "status.truncated": "The peer announces more than are counted",
    "status.sample": "Some of them"
  },
  selectableFields: ["spec.session", "spec.peerIP"],
  columns: [
    {
      name: "Name",
      type: "string",
      format: "name",
      description: "The session",
      cell: ({ metadata }) => metadata.name
    },
    { name: "Peer IP", type: "string", description: "The external peer", cell: ({ spec }) => spec.peerIP },
    {
      name: "Routes",
      type: "string",
      description: "Paths that the peer announces",
      cell: ({ status }) => `${status.routes}${status.truncated === true ? "+" : ""}`
    },
    {
      name: "Sample",
      type: "string",
      description: "Some of the prefixes",
      wide: true,
      cell: ({ status }) => status.sample.map(({ prefix }) => prefix).join(",")
    }
  ],
  derive,
  content: ({ spec, status }) => ({ spec, status })
}
