// Why something is or is not where it should be (I9): what `viaduct explain`, the API and the dashboard show. Pure: a function of the
// node's status, its config, and what a look at the peers showed.
import { type Address, addressToBigInt, familyOf, parseAddress } from "../net/ip.ts"
import { membersOf } from "../resources/members.ts"
import { explainControlPlaneVip } from "./controlPlane.ts"
import { floatingIpLink } from "./floatingIps.ts"
import { type ExplainInput, findService, serviceKey } from "./input.ts"
import { explanation, link } from "./links.ts"
import { explainFloatingIp, explainNode, explainPeer } from "./others.ts"
import { explainService, poolLink } from "./service.ts"
import { guessTarget, peerAddressOf } from "./target.ts"
import type { ExplainQuestion, ExplainTarget, Explanation } from "./types.ts"

const unknown = (target: ExplainTarget, text: string): Explanation =>
  explanation(target, [link(`${target.type} ${target.name}`, "broken", text)], "")

/** Layer 2 mode: the node that holds the address answers for it. */
const explainHeld = (target: ExplainTarget, address: Address, input: ExplainInput): Explanation => {
  const one = input.status.floatingIps.find((entry) => entry.address === address)
  if (one === undefined) {
    const why = input.status.refusals.find(({ subject }) => /VIPs?\b/.test(subject))?.reason
    return unknown(target, `no node looks after it: ${why ?? "there is no word from the store"}`)
  }
  const service = input.status.services.find(({ addresses }) => addresses.includes(address))
  const before =
    service === undefined
      ? [link(`cluster ${input.status.cluster}`, "ok", `${address} is its controlPlaneVIP`)]
      : [link(`service ${serviceKey(service)}`, "ok", "is in the config"), ...poolLink(service, input)]
  const holder = floatingIpLink(one, input)
  return explanation(target, [...before, holder], `${address} is answered for by node ${one.node}`)
}

const isLayer2 = ({ cluster }: ExplainInput): boolean => cluster?.loadBalancer.type === "layer2"

/** An address that no service has and that is no VIP of the control plane. */
const explainFree = (target: ExplainTarget, address: Address, input: ExplainInput): Explanation => {
  const pools = input.cluster?.loadBalancer.pools ?? []
  const pool = pools.find(({ ranges }) =>
    ranges.some(({ first, last }) => familyOf(first) === familyOf(address) && isBetween(address, first, last))
  )
  if (pool === undefined)
    return unknown(target, "is no VIP: neither the control plane's, nor a service's, nor in any pool")
  return unknown(target, `is in pool ${pool.name}, and no service has it`)
}

const isBetween = (address: Address, first: Address, last: Address): boolean => {
  const n = addressToBigInt(address)
  return addressToBigInt(first) <= n && n <= addressToBigInt(last)
}

const explainVip = (target: ExplainTarget, input: ExplainInput): Explanation => {
  const address = parseAddress(target.name.replace(/\/(?:32|128)$/, ""))
  const { status, cluster } = input
  if (address === undefined) return unknown(target, "is no address")
  const service = status.services.find(({ addresses }) => addresses.includes(address))
  const controlPlane = cluster?.loadBalancer.controlPlaneVips.includes(address) === true
  if (isLayer2(input) && (service !== undefined || controlPlane)) return explainHeld(target, address, input)
  if (service !== undefined) return explainService(target, service, [address], input)
  if (controlPlane && cluster !== undefined) return explainControlPlaneVip(target, address, cluster, input)
  // A service that asks for exactly this address and has not got it.
  const asking = cluster?.services.find(({ addresses }) => addresses.includes(address))
  const found = asking === undefined ? undefined : findService(status, serviceKey(asking))
  return found === undefined ? explainFree(target, address, input) : explainService(target, found, [], input)
}

const explainServiceNamed = (target: ExplainTarget, input: ExplainInput): Explanation => {
  const key = target.name.includes("/") ? target.name : `default/${target.name}`
  const named = input.status.services.filter(({ name }) => name === target.name)
  const service = findService(input.status, key) ?? (named.length === 1 ? named[0] : undefined)
  if (service === undefined) return unknown(target, "is no service of type LoadBalancer in the config")
  const [address] = service.addresses
  if (isLayer2(input) && address !== undefined) return explainHeld(target, address as Address, input)
  return explainService(target, service, service.addresses, input)
}

/** `target` without a type: what the name is, is found out. */
export const explain = ({ type, name }: ExplainQuestion, input: ExplainInput): Explanation => {
  const target = type === undefined ? guessTarget(name, input) : { type, name }
  switch (target.type) {
    case "vip":
      return explainVip(target, input)
    case "service":
      return explainServiceNamed(target, input)
    case "peer": {
      const address = peerAddressOf(target.name, input)
      return address === undefined
        ? unknown(target, "is in no config: neither a bgpPeers entry nor a BGPPeer is called so")
        : explainPeer(target, address, input)
    }
    case "floatingip":
      return explainFloatingIp(target, target.name, input)
    case "node": {
      const member = membersOf(input.status).find(
        ({ name, address }) => name === target.name || address === target.name
      )
      return explainNode(target, member?.name ?? target.name, input)
    }
  }
}
