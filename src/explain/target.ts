// What somebody means who gives a name or an address only: first what the cluster announces, then who it talks to, then its machines.
import { parseAddress } from "../net/ip.ts"
import type { ExplainInput } from "./input.ts"
import type { ExplainTarget } from "./types.ts"

/** A peer's address by its address, the name of its BGPPeer, or the name of a session to it. */
export const peerAddressOf = (name: string, { status, cluster }: ExplainInput): string | undefined => {
  const address = parseAddress(name)
  if (address !== undefined) return address
  const document = cluster?.servicePeers.find((peer) => peer.name === name)
  const session = [...status.sessions, ...status.elsewhere.flatMap(({ sessions }) => sessions)].find(
    (one) => one.name === name
  )
  return document?.peerIp ?? session?.peerAddress
}

const ofAddress = (address: string, { status, cluster }: ExplainInput): ExplainTarget["type"] => {
  const is = (entry: { readonly address: string }): boolean => entry.address === address
  if (status.floatingIps.some((one) => is(one) && one.purpose === "floating-ip")) return "floatingip"
  if (cluster?.floatingIps.some((one) => one === address) === true) return "floatingip"
  const sessions = [...status.sessions, ...status.elsewhere.flatMap((remote) => remote.sessions)]
  const peers = [
    ...sessions.map(({ peerAddress }) => peerAddress),
    ...(cluster?.loadBalancer.controlPlanePeers.map(({ ip }) => ip) ?? []),
    ...(cluster?.servicePeers.map(({ peerIp }) => peerIp) ?? [])
  ]
  if (peers.includes(address)) return "peer"
  const nodes =
    cluster === undefined ? [] : [...cluster.controlPlaneNodes, ...cluster.workerNodes, ...cluster.loadBalancer.nodes]
  return status.members.some(is) || nodes.some(is) ? "node" : "vip"
}

export const guessTarget = (name: string, input: ExplainInput): ExplainTarget => {
  const { status, cluster } = input
  const address = parseAddress(name.replace(/\/(?:32|128)$/, ""))
  if (address !== undefined) return { type: ofAddress(address, input), name: address }
  if (name.includes("/") || status.services.some((service) => service.name === name)) return { type: "service", name }
  if (peerAddressOf(name, input) !== undefined) return { type: "peer", name }
  const nodes =
    cluster === undefined ? [] : [...cluster.controlPlaneNodes, ...cluster.workerNodes, ...cluster.loadBalancer.nodes]
  const isNode =
    name === status.node || status.members.some((one) => one.name === name) || nodes.some((one) => one.name === name)
  return { type: isNode ? "node" : "service", name }
}
