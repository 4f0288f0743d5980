// What is announced over the sessions of a preflight, and where its traffic has to arrive: the VIPs at the node that announces them, an
// address of a pool at each load-balancer node, and in a cluster that runs, the VIPs at whichever node the routers choose. Nothing is
// announced that somebody answers at, and nothing that a running cluster has (S25, S27).
import { type Address, addressBits, familyOf, hostPrefix } from "../net/ip.ts"
import type { DesiredCluster } from "../plan/desired.ts"
import { lbNodes } from "../plan/lbNodes.ts"
import { servicePeersOf } from "../plan/servicePeers.ts"
import { routeAttributes } from "../plan/sessionParameters.ts"
import type { PlannedRoute, PlannedSession } from "../plan/types.ts"
import type { ClusterView } from "../plan/view.ts"
import { type ReachedNode, sourceOf } from "./nodes.ts"
import { type Check, type Prober, skipped } from "./types.ts"

const probersOf = (
  cluster: DesiredCluster,
  nodes: ReadonlyArray<ReachedNode>,
  target: Address,
  except: string
): ReadonlyArray<Prober> =>
  nodes.flatMap((one) => {
    const source = sourceOf(cluster, one, familyOf(target))
    return source === undefined || one.node.name === except ? [] : [{ node: one.node.name, source }]
  })

/** Who checks where traffic for services arrives: each of many load-balancer nodes is tried, and not from every other one. */
const SERVICE_PROBERS = 5

/** All of them for the control plane (S25). */
const someOf = (probers: ReadonlyArray<Prober>, { purpose }: PlannedSession): ReadonlyArray<Prober> => {
  const step = Math.max(1, probers.length / SERVICE_PROBERS)
  return purpose === "control-plane"
    ? probers
    : probers.filter((_, at) => Math.floor(at % step) === 0).slice(0, SERVICE_PROBERS)
}

const freeId = (address: Address): string => `free ${address}`

export const freeChecks = (
  cluster: DesiredCluster,
  nodes: ReadonlyArray<ReachedNode>,
  addresses: ReadonlyArray<Address>
): ReadonlyArray<Check> =>
  addresses.map((address) => ({
    id: freeId(address),
    kind: "free",
    subject: address,
    after: [],
    needs: [],
    locks: [],
    task: { type: "free", address, from: probersOf(cluster, nodes, address, "") }
  }))

/** Addresses on the node's vipInterface; where somebody else puts them on, the loopback takes them for the test. */
const placeOf = ({ loadBalancer }: DesiredCluster, node: string, address: Address) => ({
  node,
  address,
  prefixLength: addressBits(familyOf(address)),
  interface: loadBalancer.vipInterface === "none" ? "lo" : loadBalancer.vipInterface
})

const conflictsAbout = (conflicts: ReadonlyArray<Check>, address: Address): ReadonlyArray<string> =>
  conflicts.filter(({ task }) => task.type === "conflict" && task.addresses.includes(address)).map(({ id }) => id)

export interface Announced {
  readonly over: Check
  readonly session: PlannedSession
  readonly route: PlannedRoute
  readonly address: Address
  /** Who is its next hop. */
  readonly to: string
}

export const deliveryCheck = (
  cluster: DesiredCluster,
  nodes: ReadonlyArray<ReachedNode>,
  { over, session, route, address, to }: Announced,
  conflicts: ReadonlyArray<Check>
): Check => ({
  id: `delivery ${over.id} ${address} ${to}`,
  kind: "delivery",
  node: over.node ?? "",
  peer: session.parameters.peerAddress,
  subject: session.purpose === "service" ? `${address} at ${to}` : address,
  // Every address is looked for before the first is announced: a test must not be taken for a stranger.
  after: conflicts.map(({ id }) => id),
  needs: [over.id, freeId(address), ...conflictsAbout(conflicts, address)],
  // A session announces what it was told last, and an address leads to one node at a time.
  locks: [`address ${address}`, over.id],
  task: {
    type: "delivery",
    over: over.id,
    routes: [route],
    at: placeOf(cluster, to, address),
    from: someOf(probersOf(cluster, nodes, address, to), session)
  }
})

/** The routes of a control-plane session, or in place of the VIPs of its family the test address. */
export const controlPlaneRoutes = (
  { routes }: PlannedSession,
  testAddress: Address | undefined
): ReadonlyArray<PlannedRoute> => {
  if (testAddress === undefined) return routes
  const alike = routes.find(({ prefix }) => familyOf(prefix) === familyOf(testAddress))
  return alike === undefined ? [] : [{ ...alike, prefix: hostPrefix(testAddress) }]
}

export const addressOf = ({ prefix }: PlannedRoute): Address => prefix.slice(0, prefix.indexOf("/")) as Address

/** A daemon that runs announces the VIPs itself: nothing is announced beside it. */
const LIVE = "the cluster runs: its own announcements are left alone; a spare address can be tried with --test-address"

const skippedDelivery = (over: Check, address: Address): Check => ({
  id: `delivery ${over.id} ${address}`,
  kind: "delivery",
  ...(over.node === undefined ? {} : { node: over.node }),
  ...(over.peer === undefined ? {} : { peer: over.peer }),
  subject: address,
  after: [],
  needs: [over.id],
  locks: [],
  task: { type: "judged", findings: [skipped(LIVE)] }
})

export const reservedOf = (nodes: ReadonlyArray<ReachedNode>): ReadonlySet<string> =>
  new Set(nodes.flatMap(({ facts }) => facts.live?.reserved ?? []))

/** The VIPs of a cluster that runs: whom they reach, as seen from nodes that do not have them. */
export const reachChecks = (cluster: DesiredCluster, nodes: ReadonlyArray<ReachedNode>): ReadonlyArray<Check> =>
  cluster.loadBalancer.controlPlaneVips.flatMap((vip): Array<Check> => {
    const has = ({ facts }: ReachedNode): boolean => facts.addresses.some(({ address }) => address === vip)
    const at = nodes.filter((one) => one.facts.live?.reserved.includes(vip) === true && has(one))
    if (at.length === 0) return []
    const from = probersOf(
      cluster,
      nodes.filter((one) => !has(one)),
      vip,
      ""
    )
    return [
      {
        id: `reach ${vip}`,
        kind: "delivery",
        subject: vip,
        after: [],
        needs: [],
        locks: [`address ${vip}`],
        task: { type: "reach", address: vip, at: at.map(({ node }) => node.name), from }
      }
    ]
  })

/** The last address of the first pool of the family: the one that a service gets last. */
export const poolAddress = ({ loadBalancer }: DesiredCluster, family: "ipv4" | "ipv6"): Address | undefined => {
  const lasts = loadBalancer.pools
    .flatMap(({ ranges }) => ranges.map(({ last }) => last))
    .filter((last) => familyOf(last) === family && (family === "ipv6" || !/\.255$/.test(last)))
  return lasts[0]
}

/** What stands for a service: a spare address, next hop one LB node after the other. */
export const serviceRoutes = (
  cluster: DesiredCluster,
  view: ClusterView,
  session: PlannedSession,
  address: Address
) => {
  const { peerAddress, peerPort } = session.parameters
  const peer = servicePeersOf(cluster).peers.find((one) => one.peer.peerIp === peerAddress && one.port === peerPort)
  return lbNodes(cluster, view).flatMap(({ name, member, pathId }) => {
    const nextHop = member?.nextHops[familyOf(address)]
    if (nextHop === undefined) return []
    const route: PlannedRoute = {
      name: "preflight",
      prefix: hostPrefix(address),
      nextHop,
      pathId,
      single: true,
      ...(peer === undefined ? {} : routeAttributes(peer.peer)),
      reason: `preflight: traffic for services reaches LB node ${name}`
    }
    return [{ to: name, route }]
  })
}

/** The checks of one session and of what it announces. */
export const withDeliveries = (
  session: PlannedSession,
  over: Check,
  announced: ReadonlyArray<Omit<Announced, "over" | "session">>,
  make: (announced: Announced) => Check,
  reserved: ReadonlySet<string>
): ReadonlyArray<Check> => [
  over,
  ...announced.map(({ address, ...rest }) =>
    over.task.type === "judged" || reserved.has(address)
      ? skippedDelivery(over, address)
      : make({ over, session, address, ...rest })
  )
]
