// The chain of a service's addresses in BGP mode (S8-S15): the document, the pool, the nodes that take the traffic, the floating IPs that
// sessions start from, the sessions to each peer, the router.
import { type Address, familyOf, hostPrefix } from "../net/ip.ts"
import type { DesiredCluster } from "../plan/desired.ts"
import { servicePeersOf, type UsedPeer } from "../plan/servicePeers.ts"
import type { PoolStatus, ServiceStatus } from "../resources/nodeStatus.ts"
import { floatingIpLink } from "./floatingIps.ts"
import { allSessions, count, type ExplainInput, isUp, list, type Seen, serviceKey, upOf } from "./input.ts"
import { anyOf, explanation, link } from "./links.ts"
import { nextHopsLink } from "./nextHops.ts"
import { routerLink, sessionLink, type Wanted } from "./session.ts"
import type { ExplainLink, ExplainTarget, Explanation } from "./types.ts"

const documentLink = (service: ServiceStatus): ExplainLink =>
  link(
    `service ${serviceKey(service)}`,
    "ok",
    `is in the config${service.externalTrafficPolicy === "Local" ? ", externalTrafficPolicy Local" : ""}`
  )

const usage = ({ total, used, resting }: PoolStatus): string =>
  `${used} of ${total} addresses are used${resting === 0 ? "" : `, ${resting} rest`}`

const isFull = ({ total, used, resting }: PoolStatus): boolean => BigInt(used + resting) >= BigInt(total)

/** The pools that the service may take an address from, as far as that can be told: by name, or all that are for everybody. */
const poolsFor = (service: ServiceStatus, { cluster, status }: ExplainInput): ReadonlyArray<PoolStatus> => {
  const request = cluster?.services.find((one) => serviceKey(one) === serviceKey(service))
  return status.pools.filter(({ name, manualAssign }) =>
    request?.pool === undefined ? !manualAssign : request.pool === name
  )
}

/** It has no address: the pool that is full, or what else the allocator says. */
const unallocatedLink = (service: ServiceStatus, input: ExplainInput): ExplainLink => {
  const why = service.reason ?? "nothing says why"
  const pools = poolsFor(service, input)
  const text = `service ${serviceKey(service)} has no address: ${why}`
  const [first] = pools
  if (first === undefined || !pools.every(isFull)) return link("address", "broken", text)
  return link(`pool ${list(pools.map(({ name }) => name))}`, "broken", `is full, so ${text}`, {
    hints: [
      "add addresses to it, or delete a service that has one: viaduct get services",
      ...(pools.some(({ resting }) => resting > 0)
        ? ["addresses that were given back rest for a while and are free then"]
        : [])
    ]
  })
}

export const poolLink = (service: ServiceStatus, { status }: ExplainInput): ReadonlyArray<ExplainLink> =>
  service.pools.map((name) => {
    const pool = status.pools.find((one) => one.name === name)
    const has = `gave ${list(service.addresses)}`
    return link(`pool ${name}`, "ok", pool === undefined ? has : `${has}; ${usage(pool)}`)
  })

const floatingIpsLink = (family: string, peers: ReadonlyArray<UsedPeer>, input: ExplainInput): ExplainLink => {
  const all = input.status.floatingIps.filter(
    ({ purpose, address }) => purpose === "floating-ip" && familyOf(address as Address) === family
  )
  const links = all.map((one) => floatingIpLink(one, input))
  const held = links.filter(({ state }) => state === "ok" || (state === "warn" && !links.some((l) => l.state === "ok")))
  const wanted = Math.max(0, ...peers.map(({ peer }) => peer.sessions))
  const text = `${held.length} of ${count(all.length, "floating IP")} are on a node; ${count(wanted, "session")} to each peer start from them`
  if (links.length === 0)
    return link("floating IPs", "broken", `there is no ${family} floating IP to start sessions to the peers from`, {
      hints: ["add one to the NetworkGatewayGroup"]
    })
  return link("floating IPs", anyOf(links), text, { links })
}

const isTo =
  ({ peer, port }: UsedPeer) =>
  ({ peerAddress, peerPort, purpose }: Seen): boolean =>
    purpose === "service" && peerAddress === peer.peerIp && peerPort === port

const peerLink = (used: UsedPeer, sessions: ReadonlyArray<Seen>, wanted: Wanted, input: ExplainInput): ExplainLink => {
  const { peer, called } = used
  const own = sessions.filter(isTo(used))
  const links = own.map((session) => sessionLink(session, input, wanted))
  const refusal = input.status.refusals.find(({ subject }) => subject === called)?.reason
  const subject = `peer ${peer.peerIp}`
  const who = `${called}, AS ${peer.peerAsn}`
  if (own.length === 0)
    return link(
      subject,
      "broken",
      `${who}: there is no session to it on any node: ${refusal ?? "no floating IP is held to start one from"}`
    )
  const missing = own.length < peer.sessions
  const text = `${who}: ${upOf(own, peer.sessions)}${missing && refusal !== undefined ? `; it ${refusal}` : ""}`
  const state = anyOf(links)
  const router = routerLink(peer.peerIp, sessions, wanted, input)
  const notTaken = router.some((one) => one.state === "warn")
  return link(subject, state === "ok" && (missing || notTaken) ? "warn" : state, text, { links: [...links, ...router] })
}

/** The part of the chain that is about the peers; `works` counts the sessions that carry the prefix. */
const peersPart = (service: ServiceStatus, address: Address, cluster: DesiredCluster, input: ExplainInput) => {
  const hops = service.nextHops.filter((one) => one.address === address).length
  const wanted: Wanted = { prefix: hostPrefix(address), nextHops: hops }
  const { peers, refusals } = servicePeersOf(cluster)
  const sessions = allSessions(input.status)
  const families = [...new Set(peers.map(({ peer }) => familyOf(peer.peerIp)))]
  const links = peers.map((peer) => peerLink(peer, sessions, wanted, input))
  const carrying = sessions.filter(
    (one) => isUp(one) && one.purpose === "service" && one.carried(wanted.prefix) !== undefined
  )
  const none = refusals.map(({ subject, reason }) => link(subject, peers.length === 0 ? "broken" : "warn", reason))
  const floating = families.map((family) =>
    floatingIpsLink(
      family,
      peers.filter(({ peer }) => familyOf(peer.peerIp) === family),
      input
    )
  )
  // While one peer has it, the others are a worry and no outage.
  const state = anyOf(links)
  const soft =
    state === "warn" ? links.map((one) => (one.state === "broken" ? { ...one, state: "warn" as const } : one)) : links
  return { chain: [...none, ...floating, ...soft], carrying, hops, peers }
}

const addressChain = (service: ServiceStatus, address: Address, input: ExplainInput) => {
  const nextHops = nextHopsLink(service, address)
  const { cluster } = input
  if (cluster === undefined) {
    const wanted = { prefix: hostPrefix(address), nextHops: 1 }
    const sessions = allSessions(input.status).filter(({ purpose }) => purpose === "service")
    return { chain: [nextHops, ...sessions.map((one) => sessionLink(one, input, wanted))], works: "" }
  }
  if (service.nextHops.length === 0 && service.left.length === 0 && service.reason !== undefined) {
    const { chain } = peersPart(service, address, cluster, input)
    const bad = chain.some(({ state }) => state === "broken")
    return { chain: bad ? chain : [link("announcement", "broken", service.reason), ...chain], works: "" }
  }
  const { chain, carrying, hops, peers } = peersPart(service, address, cluster, input)
  const to = list([...new Set(carrying.map(({ peerAddress }) => peerAddress))])
  const works =
    `${address} of service ${serviceKey(service)} is announced with ${count(hops, "next hop")} ` +
    `over ${count(carrying.length, "session")} to ${peers.length === 0 ? "nobody" : to}`
  return { chain: [nextHops, ...chain], works }
}

/** `addresses`: those of the service that it is about. */
export const explainService = (
  target: ExplainTarget,
  service: ServiceStatus,
  addresses: ReadonlyArray<string>,
  input: ExplainInput
): Explanation => {
  if (service.addresses.length === 0)
    return explanation(target, [documentLink(service), unallocatedLink(service, input)], "")
  const each = addresses.map((address) => addressChain(service, address as Address, input))
  const missing =
    service.reason !== undefined && each.every(({ chain }) => chain.every(({ state }) => state !== "broken"))
  const chain = [
    documentLink(service),
    ...poolLink(service, input),
    ...(missing ? [link("addresses", "warn", service.reason ?? "")] : []),
    ...each.flatMap((one) => one.chain)
  ]
  return explanation(target, chain, `${each.map(({ works }) => works).join("; ")}`)
}
