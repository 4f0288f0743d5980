// Which sessions are tried from which node, and over which of them what is announced (S5, S9, S25). The planner of the daemon says what a
// node would hold; the sessions tried here differ from its in two things: no graceful restart, so that a router forgets a
// preflight at once, and timers that are short for the same reason.
import { type Address, addressToBigInt, familyOf, parseAddress } from "../net/ip.ts"
import type { DesiredCluster } from "../plan/desired.ts"
import { planNode } from "../plan/planNode.ts"
import type { ClusterStanding, NodePlan, PlannedSession } from "../plan/types.ts"
import type { ClusterView } from "../plan/view.ts"
import { type ReachedNode, standingAddresses } from "./nodes.ts"
import {
  type Announced,
  addressOf,
  controlPlaneRoutes,
  deliveryCheck,
  freeChecks,
  poolAddress,
  reachChecks,
  reservedOf,
  serviceRoutes,
  withDeliveries
} from "./planDeliveries.ts"
import { conflictId } from "./planNetwork.ts"
import type { Facts, SessionTest } from "./protocol.ts"
import { type Check, type Finding, failed, ok, skipped, warning } from "./types.ts"

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
    checks: [...freeChecks(cluster, planned, order), ...reachChecks(cluster, planned), ...checks],
    sessions: controlPlane.map(({ one, session: { parameters } }) => ({
      node: one.node.name,
      source: parameters.localAddress,
      peer: parameters.peerAddress
    }))
  }
}
