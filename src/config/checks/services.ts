// Service sessions before anybody plans them (S4, S8-S10, S15, S16): floating IPs, BGPPeers and their selection,
// advanced networking, what dual stack needs. What the source only recommends is a warning.
import { familyOf } from "../../net/ip.ts"
import { DEFAULT_PORT } from "../../plan/peerDefaults.ts"
import { sessionsOf } from "../desired.ts"
import { parseRange } from "../documents/range.ts"
import type { Problem } from "../problem.ts"
import { ownServices } from "../services.ts"
import type { CheckContext } from "./context.ts"
import { checkTimers } from "./controlPlane.ts"
import { duplicates, errorAt, lineOf, type Place, warningAt } from "./report.ts"

type PeerDocument = CheckContext["documents"]["peers"][number]

const selects = (selector: Readonly<Record<string, string>>, labels: Readonly<Record<string, string>>): boolean =>
  Object.entries(selector).every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value)

const labelsText = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(",") || "no labels"

const checkAdvancedNetworking = ({ cluster, documents }: CheckContext): ReadonlyArray<Problem> => {
  const network = cluster.value.spec.clusterNetwork
  if (network?.advancedNetworking === true) return []
  const kin = [
    ...documents.gatewayGroups.map((d) => ["NetworkGatewayGroup", d.source] as const),
    ...documents.loadBalancers.map((d) => ["BGPLoadBalancer", d.source] as const),
    ...documents.peers.map((d) => ["BGPPeer", d.source] as const)
  ]
  const flag = { source: cluster.source, path: ["spec", "clusterNetwork", "advancedNetworking"] }
  return kin.map(([kind, source]) =>
    errorAt({ source, path: ["kind"] }, `${kind} needs spec.clusterNetwork.advancedNetworking: true in the Cluster`, {
      found:
        network?.advancedNetworking === undefined ? "no such field" : `false in ${lineOf(flag, { source, path: [] })}`,
      expected: "true"
    })
  )
}

const checkSelection = ({ documents }: CheckContext): ReadonlyArray<Problem> => {
  const loadBalancer = documents.loadBalancers[0]
  if (loadBalancer === undefined) {
    return documents.peers.map((peer) =>
      warningAt(
        { source: peer.source, path: ["kind"] },
        "no BGPLoadBalancer selects BGPPeers: control-plane peers serve the services"
      )
    )
  }
  const place = { source: loadBalancer.source, path: ["spec", "peerSelector"] }
  if (documents.peers.length === 0) {
    return [warningAt(place, "there is no BGPPeer to select: control-plane peers serve the services")]
  }
  const selector = loadBalancer.value.spec.peerSelector
  const selected = documents.peers.filter((peer) => selects(selector, peer.value.metadata.labels ?? {}))
  if (selected.length === 0) {
    const there = documents.peers.map((peer) => labelsText(peer.value.metadata.labels ?? {}))
    return [
      errorAt(place, "matches no BGPPeer", {
        found: labelsText(selector),
        expected: `labels of a BGPPeer: ${there.join("; ")}`
      })
    ]
  }
  const left = documents.peers
    .filter((peer) => !selected.includes(peer))
    .map((peer) =>
      warningAt(
        { source: peer.source, path: ["metadata"] },
        `BGPPeer ${peer.value.metadata.name} is not selected by the BGPLoadBalancer`,
        {
          found: labelsText(peer.value.metadata.labels ?? {}),
          expected: labelsText(selector)
        }
      )
    )
  const alone =
    selected.length === 1
      ? [
          warningAt(place, "one peer alone is a single point of failure", {
            found: "1 BGPPeer",
            expected: "two or more"
          })
        ]
      : []
  return [...left, ...alone]
}

const checkPeer = (context: CheckContext, peer: PeerDocument): ReadonlyArray<Problem> => {
  const at = (field: string): Place => ({ source: peer.source, path: ["spec", field] })
  const { localASN } = peer.value.spec
  const own = context.cluster.value.spec.loadBalancer.localASN
  const sessions = sessionsOf(peer.value)
  const floating = context.floatingIps.length
  const problems = [...checkTimers({ source: peer.source, path: ["spec"] }, peer.value.spec)]
  if (own !== undefined && own !== localASN) {
    problems.push(
      warningAt(at("localASN"), "differs from the cluster's localASN", {
        found: String(localASN),
        expected: String(own)
      })
    )
  }
  if (sessions < 2) {
    problems.push(
      warningAt(at("sessions"), "one session is lost with its node", { found: String(sessions), expected: "2 or more" })
    )
  }
  if (floating > 0 && sessions > floating) {
    problems.push(
      warningAt(at("sessions"), "more sessions than floating IPs to start them from", {
        found: String(sessions),
        expected: `at most ${floating}`
      })
    )
  }
  return problems
}

const checkPeers = (context: CheckContext): ReadonlyArray<Problem> => [
  ...duplicates(
    context.documents.peers.map((peer) => ({ source: peer.source, path: ["spec", "peerIP"], value: peer.value.spec })),
    (spec) => `${spec.peerIP} ${spec.port ?? DEFAULT_PORT}`,
    (again, first) =>
      errorAt(again, `another BGPPeer has this peer, see ${lineOf(first, again)}`, { found: again.value.peerIP })
  ),
  ...context.documents.peers.flatMap((peer) => checkPeer(context, peer))
]

const checkFloatingIps = (context: CheckContext): ReadonlyArray<Problem> => {
  const { documents, floatingIps } = context
  const wanting = [...documents.loadBalancers, ...documents.peers][0]
  if (documents.gatewayGroups.length === 0) {
    if (wanting !== undefined) {
      return [
        errorAt({ source: wanting.source, path: ["kind"] }, "service sessions need floating IPs", {
          expected: "a NetworkGatewayGroup document"
        })
      ]
    }
    const pools = context.cluster.value.spec.loadBalancer.addressPools ?? []
    if (pools.length === 0) return []
    const place = { ...context.loadBalancer, path: [...context.loadBalancer.path, "addressPools"] }
    return [
      warningAt(place, "services will not be announced: there are no floating IPs", {
        expected: "a NetworkGatewayGroup document"
      })
    ]
  }
  const group = documents.gatewayGroups[0]
  if (group === undefined || floatingIps.length !== 1) return []
  return [
    warningAt(
      { source: group.source, path: ["spec", "floatingIPs"] },
      "one floating IP alone is a single point of failure",
      {
        found: "1 floating IP",
        expected: "two or more"
      }
    )
  ]
}

const familiesOf = (texts: ReadonlyArray<string>): ReadonlySet<string> =>
  new Set(
    texts.flatMap((text) => {
      const range = parseRange(text)
      return typeof range === "string" ? [] : [familyOf(range.first)]
    })
  )

/** S15: a dual-stack service gets both its addresses from one pool. */
const checkDualStack = (context: CheckContext): ReadonlyArray<Problem> => {
  const { spec } = context.cluster.value
  const cidrs = spec.clusterNetwork?.services?.cidrBlocks ?? []
  if (new Set(cidrs.map((cidr) => familyOf(cidr))).size < 2) return []
  const problems: Array<Problem> = []
  const pools = spec.loadBalancer.addressPools ?? []
  if (!pools.some((pool) => familiesOf(pool.addresses).size === 2)) {
    const path = [...context.loadBalancer.path, ...(pools.length === 0 ? [] : ["addressPools"])]
    problems.push(
      warningAt(
        { ...context.loadBalancer, path },
        "services are dual stack but no pool has addresses of both families",
        {
          expected: "a pool with IPv4 and IPv6 addresses"
        }
      )
    )
  }
  if (
    !context.documents.cidrConfigs.some(({ value }) => value.spec.ipv4 !== undefined && value.spec.ipv6 !== undefined)
  ) {
    const place = { source: context.cluster.source, path: ["spec", "clusterNetwork", "services", "cidrBlocks"] }
    problems.push(
      warningAt(place, "services are dual stack but pods are not", {
        expected: "a ClusterCIDRConfig with ipv4 and ipv6"
      })
    )
  }
  return problems
}

const checkServiceCidrs = ({ cluster }: CheckContext): ReadonlyArray<Problem> => {
  const cidrs = cluster.value.spec.clusterNetwork?.services?.cidrBlocks ?? []
  return duplicates(
    cidrs.map((value, i) => ({
      source: cluster.source,
      path: ["spec", "clusterNetwork", "services", "cidrBlocks", i],
      value
    })),
    (cidr) => familyOf(cidr),
    (again, first) =>
      errorAt(again, `a second block of the same family as in ${lineOf(first, again)}`, { found: again.value })
  )
}

/** S4: an admin cluster balances its control plane only. */
const checkAdmin = ({ cluster, documents, loadBalancer }: CheckContext): ReadonlyArray<Problem> => {
  const lb = cluster.value.spec.loadBalancer
  const pools =
    (lb.addressPools ?? []).length > 0 ? [{ ...loadBalancer, path: [...loadBalancer.path, "addressPools"] }] : []
  const kin = [...documents.gatewayGroups, ...documents.loadBalancers, ...documents.peers, ...ownServices(documents)]
  return [...pools, ...kin.map(({ source }) => ({ source, path: ["kind"] }))].map((place) =>
    warningAt(place, "has no effect: an admin cluster has control-plane load balancing only")
  )
}

/** Each service document for itself and against the cluster. */
export const checkServices = (context: CheckContext): ReadonlyArray<Problem> => {
  const { spec } = context.cluster.value
  const cidrs = checkServiceCidrs(context)
  if (spec.loadBalancer.mode === "manual") return cidrs
  const admin = spec.type === "admin" ? checkAdmin(context) : []
  return [...cidrs, ...checkAdvancedNetworking(context), ...checkPeers(context), ...admin]
}

/** What is missing among the service documents; makes sense only where all of them could be read. */
export const checkServiceParts = (context: CheckContext): ReadonlyArray<Problem> => {
  const { type, loadBalancer } = context.cluster.value.spec
  if (loadBalancer.mode === "manual" || loadBalancer.type !== "bgp" || type === "admin") return []
  return [...checkSelection(context), ...checkFloatingIps(context), ...checkDualStack(context)]
}
