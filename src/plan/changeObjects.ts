// Which of the documents that differ change nothing, and why: so that every document that an operator touched is answered for (I9).
import { type ServiceRequest, serviceKey } from "../ipam/types.ts"
import type { ChangeLine } from "./change.ts"
import type { DesiredCluster } from "./desired.ts"
import { servicePeersOf } from "./servicePeers.ts"

export interface ChangedObject {
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

const named = ({ kind, namespace, name }: ChangedObject): string =>
  kind === "Service" || kind === "EndpointSlice" ? `${kind} ${namespace}/${name}` : `${kind} ${name}`

/** The part of the cluster that a document is about; kinds that nothing is planned from have none. */
const PARTS: Readonly<Record<string, (cluster: DesiredCluster, object: ChangedObject) => unknown>> = {
  BGPPeer: ({ servicePeers }, { name }) => servicePeers.find((peer) => peer.name === name),
  BGPLoadBalancer: ({ peerSelector }) => peerSelector,
  NetworkGatewayGroup: ({ floatingIps }) => floatingIps,
  NodePool: ({ workerNodes, loadBalancer }) => [workerNodes, loadBalancer.nodes],
  Service: ({ services }, object) => services.find((service) => serviceKey(service) === serviceKey(object)),
  EndpointSlice: ({ endpoints }) => endpoints,
  Namespace: ({ services }, { name }) =>
    services.map((s: ServiceRequest) => (s.namespace === name ? s.namespaceLabels : undefined)),
  Cluster: ({ servicePeers: _p, floatingIps: _f, services: _s, endpoints: _e, workerNodes: _w, ...cluster }) => cluster
}

const SAME = "means the same as before"
const UNUSED: Readonly<Record<string, string>> = {
  DaemonConfig: "a daemon reads it when it starts: restart the daemons that it is for",
  ClusterCIDRConfig: "nothing is planned from it here"
}

const isUsed = (cluster: DesiredCluster, name: string): boolean =>
  servicePeersOf(cluster).peers.some(({ called }) => called === `BGPPeer ${name}`)

const whyNone = (
  before: DesiredCluster | undefined,
  after: DesiredCluster,
  object: ChangedObject,
  nothingMoves: boolean
): string | undefined => {
  const unused = UNUSED[object.kind]
  if (unused !== undefined) return unused
  const part = PARTS[object.kind]
  if (part === undefined) return nothingMoves ? SAME : undefined
  const [was, is] = [before, after].map((cluster) => cluster && JSON.stringify(part(cluster, object)))
  if (before !== undefined && was === is) return SAME
  const unselected = ![before, after].some((cluster) => cluster !== undefined && isUsed(cluster, object.name))
  if (object.kind === "BGPPeer" && unselected) return "no BGPLoadBalancer selects it: no service session goes to it"
  return nothingMoves ? "nothing that is announced or held depends on what changed" : undefined
}

/** A line for each of `objects` that changes nothing. */
export const idleObjects = (
  before: DesiredCluster | undefined,
  after: DesiredCluster,
  objects: ReadonlyArray<ChangedObject>,
  nothingMoves: boolean
): ReadonlyArray<ChangeLine> =>
  objects.flatMap((object) => {
    const detail = whyNone(before, after, object, nothingMoves)
    return detail === undefined ? [] : [{ verdict: "no effect" as const, subject: named(object), detail }]
  })
