// The service sessions of one node (S8-S12): from each floating IP that it holds (I2) to each peer that wants sessions from it,
// announcing every bound address of a service with the LB nodes as next hops (S11, I3, I6). Where one goes to, a session
// looks the same from every node: key, source port (D7) and BGP Identifier belong to the floating IP.

import { serviceKey } from "../ipam/types.ts"
import { hash32 } from "../net/hash.ts"
import { type Address, type Family, familyOf, hostPrefix } from "../net/ip.ts"
import type { DesiredCluster } from "./desired.ts"
import type { LbNode } from "./lbNodes.ts"
import { routerIdOf } from "./ownAddress.ts"
import type { UsedPeer } from "./servicePeers.ts"
import { routeName, type ServedAddress } from "./services.ts"
import { familiesInUse, gracefulRestart, optionParameters, routeAttributes } from "./sessionParameters.ts"
import { singlePaths } from "./singlePath.ts"
import { listeningPorts, sourcePort } from "./sourcePort.ts"
import type { PlannedRoute, PlannedSession } from "./types.ts"

/** The paths of one address on sessions of a family to a peer, by place of their LB node; sessions differ in the single one. */
const pathsTo = (
  { peer }: UsedPeer,
  family: Family,
  { address, services, takers }: ServedAddress
): ReadonlyMap<number, PlannedRoute> => {
  const [oldest, ...more] = services
  const name = routeName(oldest)
  const prefix = hostPrefix(address)
  const attributes = routeAttributes(peer)
  const shared = more.length === 0 ? "" : `, shared with ${more.map(serviceKey).join(", ")}`
  const why = `VIP of service ${serviceKey(oldest)}${shared}; LB node`
  const paths = new Map<number, PlannedRoute>()
  for (const { node, hops } of takers) {
    const nextHop = hops[family]
    if (nextHop === undefined) continue
    const reason = `${why} ${node.name} takes its traffic`
    paths.set(node.index, { name, prefix, nextHop, pathId: node.pathId, single: false, ...attributes, reason })
  }
  return paths
}

/** The routes of each session that starts from one of `held`. */
const routesOf = (
  peer: UsedPeer,
  chosen: ReadonlyArray<Address>,
  held: ReadonlySet<Address>,
  nodes: ReadonlyArray<LbNode>,
  served: ReadonlyArray<ServedAddress>
): ReadonlyMap<Address, ReadonlyArray<PlannedRoute>> => {
  const here = chosen.filter((address) => held.has(address))
  const routes = new Map(here.map((address) => [address, [] as PlannedRoute[]]))
  if (routes.size === 0) return routes
  const addPaths = peer.peer.addPaths ?? true
  const family = familyOf(peer.peer.peerIp)
  const sessions = chosen.map((address) => hash32(`${peer.peer.peerIp}:${peer.port} ${address}`))
  const nodeHashes = nodes.map(({ hash }) => hash)
  for (const address of served) {
    const paths = pathsTo(peer, family, address)
    const picks = singlePaths(sessions, address.hash, nodeHashes, (index) => paths.has(index))
    for (const [at, floatingIp] of chosen.entries()) {
      const list = routes.get(floatingIp)
      if (list === undefined) continue
      for (const [index, path] of paths) {
        if (index === picks[at]) list.push({ ...path, single: true })
        else if (addPaths) list.push(path)
      }
    }
  }
  return routes
}

/**
 * The sessions to one peer from the floating IPs that this node holds. `chosen`: those that the peer's sessions start from,
 * on whichever node. `nodes`: all LB nodes; `served` has those that take traffic now.
 */
export const planPeerSessions = (
  cluster: DesiredCluster,
  peer: UsedPeer,
  chosen: ReadonlyArray<Address>,
  held: ReadonlySet<Address>,
  nodes: ReadonlyArray<LbNode>,
  served: ReadonlyArray<ServedAddress>
): ReadonlyArray<PlannedSession> => {
  const { peerIp, localAsn, peerAsn, addPaths, sessions } = peer.peer
  const routes = routesOf(peer, chosen, held, nodes, served)
  const families = familiesInUse(cluster)
  const listening = listeningPorts(cluster)
  const formerIds = nodes.map(({ pathId }) => pathId)
  return chosen.flatMap((floatingIp, at): Array<PlannedSession> => {
    if (!held.has(floatingIp)) return []
    const ends = `${peerIp}:${peer.port}`
    return [
      {
        key: `service/${floatingIp}/${ends}`,
        // As nameSessions has it in the end.
        name: ends,
        purpose: "service",
        parameters: {
          localAddress: floatingIp,
          peerAddress: peerIp,
          localAsn,
          peerAsn,
          routerId: routerIdOf(floatingIp, familyOf(floatingIp) === "ipv4" ? floatingIp : undefined),
          ...optionParameters(peer.peer),
          sourcePort: sourcePort(floatingIp, ends, listening),
          ...gracefulRestart(peer.peer, "service"),
          ...(addPaths === false ? {} : { addPaths: true }),
          families
        },
        routes: routes.get(floatingIp) ?? [],
        ...(addPaths === false ? {} : { formerIds }),
        reason:
          `${peer.called} wants ${sessions} session${sessions === 1 ? "" : "s"}; ` +
          `number ${at + 1} starts from floating IP ${floatingIp}, which this node holds`
      }
    ]
  })
}
