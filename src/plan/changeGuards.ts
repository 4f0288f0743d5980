// What a change would take away that an operator has to insist on: a node's last session, the last path to a control-plane VIP, the
// address of a service (S20, I4). Two counts are held against each other, what shall be and what is up: a node that has
// sessions in the new config loses all it has nonetheless where each one that is Established is replaced or starts anew. What
// is down already is nothing to lose, so that a mistake can be mended without insisting.
import { losing } from "../ipam/restore.ts"
import { type Address, hostPrefix } from "../net/ip.ts"
import type { Guard } from "./change.ts"
import type { Held, NodeChange, Standing } from "./changeLines.ts"
import { counted } from "./changeRoutes.ts"
import type { World } from "./changeWorld.ts"

const goneGuard = (name: string, count: number): Guard => ({
  type: "last-session",
  subject: `node ${name}`,
  reason:
    `node ${name} is in the config no more and loses ${count === 1 ? "its session" : `all its ${count} sessions`}: ` +
    `drain it and stop its daemon first, then nothing is lost by removing it`
})

const sessionsText = (names: ReadonlyArray<string>): string => counted(["session", "sessions"], names)

const everyOne = ({ lost, kept }: Standing): boolean => lost.length > 0 && kept === 0

const oneByOne =
  "change one peer at a time and leave one that is up (viaduct apply --staged has new peers up before it takes old ones away)"

const pauseGuard = (name: string, { lost }: Standing): Guard => ({
  pause: true,
  type: "last-session",
  subject: `node ${name}`,
  reason:
    `node ${name} would lose every session that is up at the same time (${sessionsText(lost)}) and announce nothing until ` +
    `others are Established: ${oneByOne}`
})

const nodeGuards = ({ name, alive, before, after, standing }: NodeChange): ReadonlyArray<Guard> => {
  const was = before?.sessions ?? 0
  // A daemon that is not there has no session to lose.
  if (was === 0 || !alive) return []
  if (after === undefined) return [goneGuard(name, was)]
  const subject = `node ${name}`
  if (after.sessions === 0) {
    const reason =
      `node ${name} would have no session left${was === 1 ? "" : ` of ${was}`} and announce nothing any more: ` +
      "give it a peer that it can reach, or drain it and stop its daemon first"
    return [{ type: "last-session", subject, reason }]
  }
  if (everyOne(standing)) return [pauseGuard(name, standing)]
  if ((before?.controlPlaneSessions ?? 0) === 0 || after.controlPlaneSessions > 0) return []
  const reason =
    `node ${name} would have no peer of the control plane left and announce no control-plane VIP any more: ` +
    "give it another peer in bgpPeers"
  return [{ type: "last-control-plane-path", subject, reason }]
}

/** Whether some node announces or holds each control-plane VIP. */
const reachable = (world: World, nodes: ReadonlyArray<Held | undefined>): ReadonlyMap<Address, boolean> =>
  new Map(
    world.cluster.loadBalancer.controlPlaneVips.map((vip) => {
      const holder = world.assignments.find(
        ({ address, purpose }) => address === vip && purpose === "control-plane-vip"
      )
      const prefix = hostPrefix(vip)
      const announced = nodes.some((held) => held?.controlPlanePrefixes.has(prefix) === true)
      return [vip, announced || holder?.node !== undefined]
    })
  )

/** The VIP stays, and no session that announces it now does so all the time. */
const pathGuards = (vip: Address, nodes: ReadonlyArray<NodeChange>): ReadonlyArray<Guard> => {
  const announcing = nodes.filter(({ before }) => before?.controlPlanePrefixes.has(hostPrefix(vip)) === true)
  const lost = announcing.flatMap(({ name, controlPlaneStanding }) =>
    controlPlaneStanding.lost.map((session) => `${session} of ${name}`)
  )
  const kept = announcing.reduce((sum, { controlPlaneStanding }) => sum + controlPlaneStanding.kept, 0)
  if (!everyOne({ lost, kept })) return []
  const reason =
    `control-plane VIP ${vip}: every session that is up and announces it would go at the same time (${sessionsText(lost)}), and ` +
    `nobody reaches the API through it until others are Established: ${oneByOne}`
  return [{ pause: true, type: "last-control-plane-path", subject: `control-plane VIP ${vip}`, reason }]
}

const vipGuards = (before: World, after: World, nodes: ReadonlyArray<NodeChange>): ReadonlyArray<Guard> => {
  const was = reachable(
    before,
    nodes.map((node) => node.before)
  )
  const is = reachable(
    after,
    nodes.map((node) => node.after)
  )
  return [...was].flatMap(([vip, there]): ReadonlyArray<Guard> => {
    if (!there) return []
    // Without a word of the store it is not known how the other nodes do.
    if (is.get(vip) === true) return before.view === undefined ? [] : pathGuards(vip, nodes)
    const what = is.has(vip) ? "no node would announce or hold it any more" : "it is in the config no more"
    const reason =
      `control-plane VIP ${vip}: ${what}, and who reaches the API through it loses it: ` +
      "keep a node and a peer for it, or have its users moved before"
    return [{ type: "last-control-plane-path", subject: `control-plane VIP ${vip}`, reason }]
  })
}

const serviceGuards = (before: World, after: World): ReadonlyArray<Guard> => {
  const { pools } = after.cluster.loadBalancer
  const bindings = before.view?.bindings ?? []
  return losing(pools, after.cluster.services, bindings, before.cluster.loadBalancer.pools).map((loss) => ({
    type: "service-address",
    subject: `service ${loss.service}`,
    reason:
      `service ${loss.service} would lose ${loss.address}: ${loss.reason}; ` +
      "leave its address in a pool that it may use, or insist and it gets another one"
  }))
}

/** `nodes`: what each held and will hold. */
export const guardsOf = (
  before: World | undefined,
  after: World,
  nodes: ReadonlyArray<NodeChange>
): ReadonlyArray<Guard> =>
  before === undefined
    ? []
    : [...vipGuards(before, after, nodes), ...nodes.flatMap(nodeGuards), ...serviceGuards(before, after)]
