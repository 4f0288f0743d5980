// Control-plane sessions before they are planned (S4-S6): every control-plane node has a peer, `controlPlaneNodes`
// names nodes that exist, no peer is there twice, an AS number of our own, timers that agree (RFC 4271 4.2 and
// 10). Equal AS numbers are iBGP and fine (L5).
import { DEFAULT_PORT, resolvePeerOptions } from "../../plan/peerDefaults.ts"
import { nearest } from "../nearest.ts"
import type { Problem } from "../problem.ts"
import type { CheckContext } from "./context.ts"
import { duplicates, errorAt, lineOf, type Place, warningAt } from "./report.ts"

interface Timers {
  readonly holdTime?: number
  readonly keepaliveTime?: number
}

/** A keepalive must come well before the hold timer ends; with a hold time of 0 there are none. */
export const checkTimers = (place: Place, timers: Timers): ReadonlyArray<Problem> => {
  const { keepaliveTime } = timers
  const { holdTime } = resolvePeerOptions({ ...(timers.holdTime === undefined ? {} : { holdTime: timers.holdTime }) })
  if (keepaliveTime === undefined || keepaliveTime < holdTime) return []
  const at = { ...place, path: [...place.path, "keepaliveTime"] }
  if (holdTime === 0) return [errorAt(at, "a holdTime of 0 turns keepalives off", { found: String(keepaliveTime) })]
  return [
    errorAt(at, "keepaliveTime is not shorter than holdTime", {
      found: String(keepaliveTime),
      expected: `less than ${holdTime}`
    })
  ]
}

const checkControlPlaneNodes = (context: CheckContext): ReadonlyArray<Problem> => {
  const known: ReadonlyArray<string> = context.controlPlaneNodes.map((node) => node.value.address)
  return context.peers.flatMap((peer) => {
    const entries = (peer.value.controlPlaneNodes ?? []).map((value, i) => ({
      source: peer.source,
      path: [...peer.path, "controlPlaneNodes", i],
      value
    }))
    const unknown = entries
      .filter((entry) => !known.includes(entry.value))
      .map((entry) => {
        const hint = nearest(entry.value, known)
        return errorAt(entry, "is no control-plane node", {
          found: entry.value,
          ...(hint === undefined ? { expected: `one of ${known.join(", ")}` } : { hint })
        })
      })
    const again = duplicates(entries, String, (entry, first) =>
      errorAt(entry, `is listed twice, first in ${lineOf(first, entry)}`, { found: entry.value })
    )
    return [...unknown, ...again]
  })
}

const checkEveryNodeHasPeer = ({ controlPlaneNodes, peers }: CheckContext): ReadonlyArray<Problem> =>
  controlPlaneNodes
    .filter(({ value }) => !peers.some((peer) => peer.value.controlPlaneNodes?.includes(value.address) ?? true))
    .map((node) =>
      errorAt(node, `control-plane node ${node.value.name ?? node.value.address} has no BGP peer`, {
        expected: "an entry of spec.loadBalancer.bgpPeers without controlPlaneNodes, or one that lists this node"
      })
    )

const checkPeers = (context: CheckContext): ReadonlyArray<Problem> => [
  ...duplicates(
    context.peers.map((peer) => ({ ...peer, path: [...peer.path, "ip"] })),
    (peer) => `${peer.ip} ${peer.port ?? DEFAULT_PORT}`,
    (again, first) => {
      const lines = `first in ${lineOf(first, again)}, again in ${lineOf(again, again)}`
      return errorAt(again, `the peer is there twice: ${lines}`, { found: again.value.ip })
    }
  ),
  ...context.peers.flatMap((peer) => checkTimers(peer, peer.value))
]

const checkDuplicateNodes = (context: CheckContext): ReadonlyArray<Problem> => {
  const machines = [...context.controlPlaneNodes, ...context.workers]
  const again = (list: typeof machines) =>
    duplicates(
      list,
      (node) => node.address,
      (entry, first) =>
        errorAt(entry, `the node is listed twice, first in ${lineOf(first, entry)}`, { found: entry.value.address })
    )
  // A machine may stand in the load balancer's pool and in another one; two machines may not share a name.
  const named = [...machines, ...context.lbNodes].filter((node) => node.value.name !== undefined)
  const sameName = duplicates(
    [...new Map(named.map((node) => [`${node.value.address} ${node.value.name}`, node])).values()],
    (node) => node.name ?? node.address,
    (entry, first) =>
      errorAt(
        { ...entry, path: [...entry.path.slice(0, -1), "name"] },
        `two nodes have the name ${entry.value.name}, the first in ${lineOf(first, entry)}`
      )
  )
  return [...again(machines), ...again([...context.lbNodes]), ...sameName]
}

/** Nodes, and where the load balancer is of type bgp its control-plane peers. */
export const checkControlPlane = (context: CheckContext): ReadonlyArray<Problem> => {
  const lb = context.cluster.value.spec.loadBalancer
  const nodes = checkDuplicateNodes(context)
  if (lb.mode === "manual") return nodes
  const peers = [...checkPeers(context), ...checkControlPlaneNodes(context)]
  if (lb.type !== "bgp") {
    if (context.peers.length === 0) return nodes
    const place = {
      ...context.loadBalancer,
      path: [...context.loadBalancer.path, lb.type === undefined ? "bgpPeers" : "type"]
    }
    const message =
      lb.type === undefined
        ? "bgpPeers have no effect: type is missing and the default is layer2"
        : "bgpPeers have no effect with this type"
    return [...nodes, ...peers, warningAt(place, message, { found: lb.type ?? "no type", expected: "type: bgp" })]
  }
  const problems = [...nodes, ...peers, ...checkEveryNodeHasPeer(context)]
  if (lb.localASN === undefined) {
    problems.push(errorAt(context.loadBalancer, "localASN is missing", { expected: "the cluster's own AS number" }))
  }
  if (context.peers.length === 1) {
    const place = { ...context.loadBalancer, path: [...context.loadBalancer.path, "bgpPeers"] }
    problems.push(
      warningAt(place, "one peer alone is a single point of failure", { found: "1 peer", expected: "two or more" })
    )
  }
  return problems
}
