// What a change of the config does to the whole cluster, worked out before it is made (I5, S20): both configs are planned for every
// node over one and the same view, each as the cluster stands when it has come to rest, and the two are compared. What is
// under way anyhow (a failover, a node that is starting) is in both and no line of the change.
import { losing } from "../ipam/restore.ts"
import type { Address } from "../net/ip.ts"
import { type ChangeLine, type ClusterChange, VERDICTS, type Verdict } from "./change.ts"
import { guardsOf } from "./changeGuards.ts"
import { lineSteps } from "./changeLines.ts"
import { type ChangedObject, idleObjects } from "./changeObjects.ts"
import { atOnce, type ChangeSelf, type World, worldSteps } from "./changeWorld.ts"
import type { DesiredCluster } from "./desired.ts"
import { allNodes } from "./findSelf.ts"
import type { ClusterView } from "./view.ts"

export interface ChangeInput {
  /** What is in force; absent: nothing yet. */
  readonly before: DesiredCluster | undefined
  readonly after: DesiredCluster
  /** The cluster as the store shows it, this node's own record among the members. Absent: there is no word of a store. */
  readonly view: ClusterView | undefined
  readonly self?: ChangeSelf
  /** The documents that differ: those that move nothing get a line that says so. */
  readonly objects?: ReadonlyArray<ChangedObject>
  /** Services that are kept where the pools no longer have them move as well. */
  readonly force?: boolean
  /** Milliseconds since the epoch: which addresses have rested long enough. */
  readonly nowMs: number
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const harm = ({ verdict }: ChangeLine): number => VERDICTS.indexOf(verdict)

const inOrder = (lines: ReadonlyArray<ChangeLine>): ReadonlyArray<ChangeLine> =>
  lines.toSorted((a, b) => harm(b) - harm(a) || compare(a.node ?? "", b.node ?? "") || compare(a.subject, b.subject))

/** One and many of each verdict, for the summary. */
const WORDS: Readonly<Record<Exclude<Verdict, "no effect">, readonly [string, string]>> = {
  "address moved": ["address moved", "addresses moved"],
  "address removed": ["address removed", "addresses removed"],
  "session removed": ["session removed", "sessions removed"],
  "session reset": ["session reset", "sessions reset"],
  withdraw: ["session with withdrawals", "sessions with withdrawals"],
  "session soft": ["session with changed routes", "sessions with changed routes"],
  "session added": ["session added", "sessions added"],
  "address added": ["address added", "addresses added"],
  "new announcement": ["session with new routes", "sessions with new routes"]
}

/** Nothing that a router or a client could notice. */
export const movesNothing = ({ lines }: Pick<ClusterChange, "lines">): boolean =>
  lines.every(({ verdict }) => verdict === "no effect")

const summaryOf = (lines: ReadonlyArray<ChangeLine>): string => {
  if (movesNothing({ lines })) return "nothing moves"
  const parts = VERDICTS.toReversed().flatMap((verdict) => {
    const count = lines.filter((line) => line.verdict === verdict).length
    if (count === 0 || verdict === "no effect") return []
    return [`${count} ${WORDS[verdict][count === 1 ? 0 : 1]}`]
  })
  const nodes = new Set(lines.flatMap(({ node }) => (node === undefined ? [] : [node]))).size
  return `${parts.join(", ")}${nodes === 0 ? "" : `; ${nodes} ${nodes === 1 ? "node" : "nodes"}`}`
}

const addressesOf = (cluster: DesiredCluster | undefined): ReadonlySet<Address> =>
  new Set(cluster === undefined ? [] : allNodes(cluster).map(({ address }) => address))

const difference = (all: ReadonlySet<Address>, without: ReadonlySet<Address>): ReadonlySet<Address> =>
  new Set([...all].filter((address) => !without.has(address)))

/** The view that the new config starts from: what the old one had settled. */
const startOf = (view: ClusterView | undefined, before: World | undefined): ClusterView | undefined =>
  view === undefined || before?.view === undefined ? view : { ...before.view, members: view.members }

/** What the allocator goes by. */
const requested = ({ loadBalancer, services, serviceFamilies, type }: DesiredCluster): string =>
  JSON.stringify([loadBalancer.mode, loadBalancer.pools, services, serviceFamilies, type])

/** `changeOf` step by step: with thousands of services a daemon has other things to do in between. */
export function* changeSteps(input: ChangeInput): Generator<void, ClusterChange> {
  const { before, after, view, self, nowMs, force = false } = input
  const [old, next] = [addressesOf(before), addressesOf(after)]
  const none: ReadonlySet<Address> = new Set()
  const common = { self, nowMs }
  const was =
    before === undefined
      ? undefined
      : yield* worldSteps(before, { ...common, view, supposed: none, leaving: none, force: false, inForce: true })
  yield
  const start = startOf(view, was)
  // Where services lose addresses the change is made by force or not at all: what it does then is what there is to be seen.
  const losses =
    before === undefined || start === undefined
      ? []
      : losing(after.loadBalancer.pools, after.services, start.bindings, before.loadBalancer.pools)
  const forced = force || losses.length > 0
  const same = !forced && before !== undefined && requested(before) === requested(after)
  const is = yield* worldSteps(after, {
    ...common,
    view: start,
    supposed: difference(next, old),
    leaving: difference(old, next),
    force: forced,
    ...(same && was?.allocation !== undefined ? { allocation: was.allocation } : {}),
    inForce: was === undefined
  })
  const { lines, nodes } = yield* lineSteps(was, is)
  const idle = idleObjects(before, after, input.objects ?? [], movesNothing({ lines }))
  return { lines: inOrder([...lines, ...idle]), guards: guardsOf(was, is, nodes), summary: summaryOf(lines) }
}

/** What the change does, line by line, and what it takes away. Total: every pair of configs has an answer. */
export const changeOf = (input: ChangeInput): ClusterChange => atOnce(changeSteps(input))
