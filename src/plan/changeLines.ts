// The lines of a change: what becomes of each node's sessions, routes and addresses, of the addresses that move, and of the
// services' addresses, each with its verdict. Where there would be hundreds of a kind, one line counts them.
import type { Assignment } from "../election/types.ts"
import type { AllocationStatus } from "../ipam/allocate.ts"
import { type Address, familyOf, type Prefix } from "../net/ip.ts"
import type { ChangeLine, Verdict } from "./change.ts"
import { announcedText, counted, routeLines } from "./changeRoutes.ts"
import type { PlannedNode, World } from "./changeWorld.ts"
import { diffPlans, type ResetSession } from "./diff.ts"
import type { NodePlan, PlannedAddress, PlannedSession } from "./types.ts"

/** More lines of a kind than this become one. */
const LINES_MAX = 8

/** What a session is between, as people tell sessions apart. */
const sessionText = ({ purpose, parameters: p }: PlannedSession): string =>
  `${purpose === "service" ? "service session" : "control-plane session"} from ${p.localAddress} to ${p.peerAddress}` +
  `${p.peerPort === 179 ? "" : ` port ${p.peerPort}`} AS ${p.peerAsn}`

const valueText = (value: unknown): string => {
  if (value === undefined) return "none"
  if (Array.isArray(value)) return value.join(" and ")
  if (typeof value !== "object" || value === null) return String(value)
  return Object.entries(value)
    .map(([key, item]) => `${key} ${item}`)
    .join(", ")
}

const resetLine = (node: string, { before, after, changed }: ResetSession): ChangeLine => ({
  verdict: "session reset",
  node,
  subject: `session ${after.name}`,
  detail: changed
    .map((key) => `${key} ${valueText(before.parameters[key])} → ${valueText(after.parameters[key])}`)
    .join("; "),
  parameters: changed
})

const removedLine = (node: string, session: PlannedSession, after: NodePlan | undefined): ChangeLine => {
  const subject = `session ${session.name}`
  const refusal = after?.refusals.find((one) => one.subject === subject)?.reason
  const why = after === undefined ? "the node is in the config no more" : refusal
  const what = `${sessionText(session)}, which announces ${announcedText(session)}`
  return { verdict: "session removed", node, subject, detail: why === undefined ? what : `${what}: ${why}` }
}

const addedLine = (node: string, session: PlannedSession, alive: boolean): ChangeLine => ({
  verdict: "session added",
  node,
  subject: `session ${session.name}`,
  detail:
    `${sessionText(session)}, announces ${announcedText(session)}` +
    (alive ? "" : "; the node's daemon is not there: when it comes")
})

const addressLines = (
  verdict: "address added" | "address removed",
  node: string,
  addresses: ReadonlyArray<PlannedAddress>
): ReadonlyArray<ChangeLine> => {
  if (addresses.length > LINES_MAX) {
    const names = addresses.map(({ address }) => address)
    return [{ verdict, node, subject: "addresses", detail: counted(["address", "addresses"], names) }]
  }
  return addresses.map(({ address, interface: device, reason }) => {
    const detail = verdict === "address added" ? `on ${device}: ${reason}` : `goes from ${device}`
    return { verdict, node, subject: `address ${address}`, detail }
  })
}

/** What of a node's plan the guards go by. */
export interface Held {
  readonly sessions: number
  readonly controlPlaneSessions: number
  /** Prefixes that the sessions of the control plane announce. */
  readonly controlPlanePrefixes: ReadonlySet<Prefix>
}

/** Of the sessions that are Established those that the change ends or starts anew, and how many it leaves alone. */
export interface Standing {
  readonly lost: ReadonlyArray<string>
  readonly kept: number
}

export interface NodeChange {
  readonly name: string
  readonly alive: boolean
  readonly standing: Standing
  readonly controlPlaneStanding: Standing
  /** Absent: the config did not have the node, or does not have it any more. */
  readonly before?: Held
  readonly after?: Held
}

const isControlPlane = ({ purpose }: PlannedSession): boolean => purpose === "control-plane"

const heldBy = ({ sessions }: NodePlan): Held => {
  const controlPlane = sessions.filter(isControlPlane)
  const prefixes = new Set(controlPlane.flatMap(({ routes }) => routes.map(({ prefix }) => prefix)))
  return { sessions: sessions.length, controlPlaneSessions: controlPlane.length, controlPlanePrefixes: prefixes }
}

const standingOf = (up: ReadonlyArray<PlannedSession>, lost: ReadonlySet<string>): Standing => {
  const gone = up.flatMap(({ name }) => (lost.has(name) ? [name] : []))
  return { lost: gone, kept: up.length - gone.length }
}

const changeOfNode = (
  before: PlannedNode | undefined,
  after: PlannedNode | undefined
): { readonly lines: ReadonlyArray<ChangeLine>; readonly change: NodeChange } => {
  const node = (after ?? before)?.name ?? ""
  const none: NodePlan = { node, sessions: [], addresses: [], claims: [], assignments: [], services: [], refusals: [] }
  const was = before?.plan()
  const is = after?.plan(was && new Map(was.sessions.map(({ key, name }) => [key, name])))
  const diff = diffPlans(was, is ?? none)
  const sessions = new Map((was?.sessions ?? []).map((session) => [session.key, session]))
  const alive = after?.alive ?? true
  const lines = [
    ...diff.sessions.removed.map((session) => removedLine(node, session, is)),
    ...diff.sessions.reset.map((reset) => resetLine(node, reset)),
    ...diff.sessions.added.map((session) => addedLine(node, session, alive)),
    ...diff.sessions.routesChanged.flatMap((changed) => {
      const old = sessions.get(changed.session.key)
      return old === undefined ? [] : routeLines(node, old, changed)
    }),
    // What a daemon that is not there would put on its node when it comes is no news.
    ...(alive ? addressLines("address removed", node, diff.addresses.removed) : []),
    ...(alive ? addressLines("address added", node, diff.addresses.added) : [])
  ]
  const up = (was?.sessions ?? []).filter(({ name }) => before?.established.has(name))
  const { removed, reset } = diff.sessions
  const lost = new Set([...removed.map(({ name }) => name), ...reset.map((one) => one.before.name)])
  const change = {
    name: node,
    alive: before?.alive ?? alive,
    standing: standingOf(up, lost),
    controlPlaneStanding: standingOf(up.filter(isControlPlane), lost),
    ...(was === undefined ? {} : { before: heldBy(was) }),
    ...(is === undefined ? {} : { after: heldBy(is) })
  }
  return { lines, change }
}

const CALLED: Readonly<Record<Assignment["purpose"], string>> = {
  "floating-ip": "floating IP",
  "control-plane-vip": "control-plane VIP",
  "service-vip": "VIP"
}

const assignmentLine = (was: Assignment | undefined, is: Assignment | undefined): ReadonlyArray<ChangeLine> => {
  const one = is ?? was
  if (one === undefined) return []
  const subject = `address ${one.address}`
  const what = `${CALLED[one.purpose]} of ${one.of}`
  if (was?.node === is?.node) {
    if (was !== undefined || is === undefined) return []
    return [{ verdict: "no effect", subject, detail: `${what}: ${is.reason}` }]
  }
  if (was?.node === undefined && is?.node !== undefined)
    return [{ verdict: "address added", node: is.node, subject, detail: `${what}: ${is.reason}` }]
  if (was?.node !== undefined && is?.node === undefined) {
    const why = is === undefined ? "it is in the config no more" : is.reason
    return [{ verdict: "address removed", node: was.node, subject, detail: `${what}: ${why}` }]
  }
  return [{ verdict: "address moved", subject, detail: `${what}: from ${was?.node} to ${is?.node}; ${is?.reason}` }]
}

/** Of one kind and too many to be read one by one: counted. */
const fewer = (lines: ReadonlyArray<ChangeLine>, what: readonly [string, string]): ReadonlyArray<ChangeLine> => {
  const groups = new Map<string, Array<ChangeLine>>()
  for (const line of lines) {
    const key = `${line.verdict} ${line.node ?? ""}`
    groups.set(key, [...(groups.get(key) ?? []), line])
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group
    if (first === undefined || group.length <= LINES_MAX) return group
    const names = group.map(({ subject }) => subject.slice(subject.indexOf(" ") + 1))
    return [{ ...first, subject: what[1], detail: counted(what, names) }]
  })
}

const assignmentLines = (before: World | undefined, after: World): ReadonlyArray<ChangeLine> => {
  const was = new Map((before?.assignments ?? []).map((one) => [one.address, one]))
  const is = new Map(after.assignments.map((one) => [one.address, one]))
  const addresses = [...new Set([...was.keys(), ...is.keys()])]
  return fewer(
    addresses.flatMap((address) => assignmentLine(was.get(address), is.get(address))),
    ["address", "addresses"]
  )
}

const texts = (addresses: ReadonlyArray<Address>): string => addresses.join(", ")

const serviceLine = (
  service: string,
  was: AllocationStatus | undefined,
  is: AllocationStatus | undefined
): ReadonlyArray<ChangeLine> => {
  const [old, now] = [was?.addresses ?? [], is?.addresses ?? []]
  const lost = old.filter((address) => !now.includes(address))
  const got = now.filter((address) => !old.includes(address))
  const because = is?.reason === undefined ? "" : `: ${is.reason}`
  const line = (verdict: Verdict, detail: string): ReadonlyArray<ChangeLine> => [
    { verdict, subject: `service ${service}`, detail }
  ]
  const moved = lost.filter((address) => got.some((other) => familyOf(other) === familyOf(address)))
  const instead = got.filter((address) => moved.some((other) => familyOf(other) === familyOf(address)))
  const gone = lost.filter((address) => !moved.includes(address))
  const more = got.filter((address) => !instead.includes(address))
  const lines = [
    ...(moved.length === 0 ? [] : line("address moved", `from ${texts(moved)} to ${texts(instead)}`)),
    ...(gone.length === 0
      ? []
      : line(
          "address removed",
          `gives ${texts(gone)} back${is === undefined ? ": it is in the config no more" : because}`
        )),
    ...(more.length === 0 ? [] : line("address added", `gets ${texts(more)} from ${is?.pools.join(", ") || "no pool"}`))
  ]
  if (lines.length > 0 || is?.reason === undefined || is.reason === was?.reason) return lines
  return line("no effect", is.reason)
}

const serviceLines = (before: World | undefined, after: World): ReadonlyArray<ChangeLine> => {
  const was = before?.allocation?.statuses ?? new Map<string, AllocationStatus>()
  const is = after.allocation?.statuses ?? new Map<string, AllocationStatus>()
  return fewer(
    [...new Set([...was.keys(), ...is.keys()])].flatMap((key) => serviceLine(key, was.get(key), is.get(key))),
    ["service", "services"]
  )
}

/** Every line, in no order, and what each node held and will hold; a step a node. */
export function* lineSteps(
  before: World | undefined,
  after: World
): Generator<void, { readonly lines: ReadonlyArray<ChangeLine>; readonly nodes: ReadonlyArray<NodeChange> }> {
  const addresses = new Set([...(before?.nodes.keys() ?? []), ...after.nodes.keys()])
  const lines: Array<ChangeLine> = []
  const nodes: Array<NodeChange> = []
  for (const address of addresses) {
    yield
    const one = changeOfNode(before?.nodes.get(address), after.nodes.get(address))
    lines.push(...one.lines)
    nodes.push(one.change)
  }
  yield
  return { lines: [...lines, ...assignmentLines(before, after), ...serviceLines(before, after)], nodes }
}
