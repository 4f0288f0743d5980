// Which sessions are tried from which node, and over which of them what is announced (S5, S9, S25). The planner of the daemon says what a
// node would hold; the sessions tried here differ from its in two things: no graceful restart, so that a router forgets a
// preflight at once, and timers that are short for the same reason.
import { type Address, addressBits, addressToBigInt, familyOf, hostPrefix, parseAddress } from "../net/ip.ts"
import type { DesiredCluster } from "../plan/desired.ts"
import { lbNodes } from "../plan/lbNodes.ts"
import { planNode } from "../plan/planNode.ts"
import { servicePeersOf } from "../plan/servicePeers.ts"
import { routeAttributes } from "../plan/sessionParameters.ts"
import type { ClusterStanding, NodePlan, PlannedRoute, PlannedSession } from "../plan/types.ts"
import type { ClusterView } from "../plan/view.ts"
import { type ReachedNode, sourceOf, standingAddresses } from "./nodes.ts"
import { conflictId } from "./planNetwork.ts"
import type { Facts, SessionTest } from "./protocol.ts"
import { type Check, type Finding, failed, ok, type Prober, skipped, warning } from "./types.ts"

/** A node that answered, and what the planner gives it. */
export interface PlannedNode extends ReachedNode {
  readonly plan: NodePlan
}

export const planNodes = (
  cluster: DesiredCluster,
  view: ClusterView,
  nodes: ReadonlyArray<ReachedNode>
): ReadonlyArray<PlannedNode> =>
  nodes.map((one) => {
    const planWith = (held: ReadonlyArray<Address>): NodePlan => {
      const standing: ClusterStanding = { view, held, sessionNames: new Map(), settling: false }
      const addresses = standingAddresses(one.facts)
      return planNode(cluster, { name: one.node.name, addresses, cluster: standing }, one.node)
    }
    const held = planWith([]).claims.map(({ address }) => address)
    return { ...one, plan: planWith(held) }
  })

export interface SessionPlan {
  readonly checks: ReadonlyArray<Check>
  /** The control plane's, tried or judged. */
  readonly sessions: ReadonlyArray<{ readonly node: string; readonly source: Address; readonly peer: Address }>
}

interface SessionOptions {
  /** Names of the nodes whose sessions are tried. */
  readonly tested: ReadonlySet<string>
  /** Addresses of peers; empty: all. */
  readonly peers: ReadonlyArray<string>
  readonly testAddress?: string
  readonly conflicts: ReadonlyArray<Check>
}

/** Seconds: long enough for any router, short enough that one forgets us soon when our node dies. */
const TEST_HOLD_TIME = 15
const TEST_RETRY_TIME = 2

/** As the daemon would open it, but for what outlives a session. */
const sessionTest = ({ parameters }: PlannedSession): SessionTest => {
  const { gracefulRestart: _restart, sourcePort: _port, ...kept } = parameters
  const holdTime = Math.min(kept.holdTime, TEST_HOLD_TIME)
  return {
    ...kept,
    holdTime,
    keepaliveTime: holdTime === kept.holdTime ? kept.keepaliveTime : Math.floor(holdTime / 3),
    connectRetryTime: Math.min(kept.connectRetryTime, TEST_RETRY_TIME)
  }
}

type LiveSession = NonNullable<Facts["live"]>["sessions"][number]

const liveSession = (nodes: ReadonlyArray<ReachedNode>, { parameters: p }: PlannedSession) => {
  for (const { node, facts } of nodes) {
    const session = facts.live?.sessions.find(
      (one) => one.localAddress === p.localAddress && one.peerAddress === p.peerAddress
    )
    if (session !== undefined) return { node: node.name, session }
  }
  return undefined
}

/** What the daemon that holds it says. */
const judgeLive = (node: string, { name, state, reason, advertised, notes }: LiveSession): ReadonlyArray<Finding> => {
  if (state !== "Established")
    return [
      failed(
        `session ${name} of the daemon on ${node} is ${state}: ${reason ?? "no reason"}`,
        `viaduct explain peer says more on ${node}`
      )
    ]
  const told = `${advertised} route${advertised === 1 ? "" : "s"}`
  return [
    ok(`session ${name} of the daemon on ${node} is Established and announces ${told}`),
    ...notes.map((note) => warning(note))
  ]
}

const sessionCheck = (
  planned: ReadonlyArray<PlannedNode>,
  { node }: ReachedNode,
  session: PlannedSession,
  needs: ReadonlyArray<string>
): Check => {
  const { peerAddress, localAddress, peerAsn } = session.parameters
  const live = liveSession(planned, session)
  const floating = session.purpose === "service"
  const needed = session.routes.map(({ prefix }) => familyOf(prefix))
  return {
    id: `session ${node.name} ${localAddress} ${peerAddress}:${session.parameters.peerPort}`,
    kind: "session",
    node: node.name,
    peer: peerAddress,
    subject: floating ? localAddress : "",
    after: [],
    needs: live === undefined ? needs : [],
    locks: [],
    task:
      live === undefined
        ? {
            type: "session",
            session: sessionTest(session),
            expects: { purpose: session.purpose, needed: [...new Set(needed)], asn: peerAsn }
          }
        : { type: "judged", findings: judgeLive(live.node, live.session) }
  }
}

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

const freeChecks = (
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

interface Announced {
  readonly over: Check
  readonly session: PlannedSession
  readonly route: PlannedRoute
  readonly address: Address
  /** Who is its next hop. */
  readonly to: string
}

const deliveryCheck = (
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
const controlPlaneRoutes = (
  { routes }: PlannedSession,
  testAddress: Address | undefined
): ReadonlyArray<PlannedRoute> => {
  if (testAddress === undefined) return routes
  const alike = routes.find(({ prefix }) => familyOf(prefix) === familyOf(testAddress))
  return alike === undefined ? [] : [{ ...alike, prefix: hostPrefix(testAddress) }]
}

const addressOf = ({ prefix }: PlannedRoute): Address => prefix.slice(0, prefix.indexOf("/")) as Address

/** Peers of a control-plane node that the planner gave no session, with its reason. */
const missingSessions = (cluster: DesiredCluster, { node, plan }: PlannedNode): ReadonlyArray<Check> =>
  cluster.loadBalancer.controlPlanePeers
    .filter(({ controlPlaneNodes }) => controlPlaneNodes === undefined || controlPlaneNodes.includes(node.address))
    .flatMap((peer): Array<Check> => {
      const subject = `session ${peer.ip}-${node.name}`
      const refusal = plan.refusals.find((one) => one.subject === subject)
      if (refusal === undefined) return []
      return [
        {
          id: `session ${node.name} none ${peer.ip}`,
          kind: "session",
          node: node.name,
          peer: peer.ip,
          subject: "",
          after: [],
          needs: [],
          locks: [],
          task: { type: "judged", findings: [failed(`no session to ${peer.ip}: ${refusal.reason}`)] }
        }
      ]
    })

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

const reservedOf = (nodes: ReadonlyArray<ReachedNode>): ReadonlySet<string> =>
  new Set(nodes.flatMap(({ facts }) => facts.live?.reserved ?? []))

/** The last address of the first pool of the family: the one that a service gets last. */
const poolAddress = ({ loadBalancer }: DesiredCluster, family: "ipv4" | "ipv6"): Address | undefined => {
  const lasts = loadBalancer.pools
    .flatMap(({ ranges }) => ranges.map(({ last }) => last))
    .filter((last) => familyOf(last) === family && (family === "ipv6" || !/\.255$/.test(last)))
  return lasts[0]
}

/** What stands for a service: a spare address, next hop one LB node after the other. */
const serviceRoutes = (cluster: DesiredCluster, view: ClusterView, session: PlannedSession, address: Address) => {
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
const withDeliveries = (
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

export const sessionPlan = (
  cluster: DesiredCluster,
  view: ClusterView,
  planned: ReadonlyArray<PlannedNode>,
  options: SessionOptions
): SessionPlan => {
  const { conflicts } = options
  const testAddress = options.testAddress === undefined ? undefined : parseAddress(options.testAddress)
  const reserved = reservedOf(planned)
  const wanted = ({ parameters }: PlannedSession): boolean =>
    options.peers.length === 0 || options.peers.includes(parameters.peerAddress)
  const make = (announced: Announced): Check => deliveryCheck(cluster, planned, announced, conflicts)
  const tested = planned.filter(({ node }) => options.tested.has(node.name))

  const controlPlane = tested.flatMap((one) => {
    const sessions = one.plan.sessions.filter((session) => session.purpose === "control-plane" && wanted(session))
    return sessions.map((session) => {
      const over = sessionCheck(planned, one, session, [`node ${one.node.name}`])
      const announced = controlPlaneRoutes(session, testAddress).map((route) => ({
        route,
        address: addressOf(route),
        to: one.node.name
      }))
      return { one, session, checks: withDeliveries(session, over, announced, make, reserved) }
    })
  })

  const service = tested.flatMap((one) =>
    one.plan.claims.flatMap((claim): ReadonlyArray<Check> => {
      const sessions = one.plan.sessions.filter(
        (session) =>
          session.purpose === "service" && session.parameters.localAddress === claim.address && wanted(session)
      )
      if (claim.purpose !== "floating-ip" || sessions.length === 0) return []
      const put: Check = {
        id: `address ${one.node.name} ${claim.address}`,
        kind: "address",
        node: one.node.name,
        subject: claim.address,
        after: [],
        needs: [
          `node ${one.node.name}`,
          ...conflicts.map(({ id }) => id).filter((id) => id === conflictId(one.node.name, claim.address))
        ],
        locks: [],
        task: reserved.has(claim.address)
          ? { type: "judged", findings: [skipped(`the cluster runs and moves ${claim.address} itself`)] }
          : { type: "address", address: claim.address, prefixLength: claim.prefixLength, interface: claim.interface }
      }
      const checks = sessions.flatMap((session) => {
        const family = familyOf(session.parameters.localAddress)
        const address = testAddress ?? poolAddress(cluster, family)
        const over = sessionCheck(planned, one, session, [put.id])
        const announced =
          address === undefined || !session.parameters.families.includes(familyOf(address))
            ? []
            : serviceRoutes(cluster, view, session, address).map((each) => ({ ...each, address }))
        return withDeliveries(session, over, announced, make, reserved)
      })
      return [put, ...checks]
    })
  )

  const checks = [
    ...tested.flatMap((one) => missingSessions(cluster, one)),
    ...controlPlane.flatMap((each) => each.checks),
    ...service
  ]
  const toAnnounce = new Set(checks.flatMap(({ task }) => (task.type === "delivery" ? [task.at.address] : [])))
  const order = [...toAnnounce].sort((a, b) => (addressToBigInt(a) < addressToBigInt(b) ? -1 : 1))
  return {
    checks: [...freeChecks(cluster, planned, order), ...checks],
    sessions: controlPlane.map(({ one, session: { parameters } }) => ({
      node: one.node.name,
      source: parameters.localAddress,
      peer: parameters.peerAddress
    }))
  }
}
