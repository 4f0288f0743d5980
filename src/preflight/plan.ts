// The checks of a preflight, from the cluster's documents and what its nodes say of themselves. Their order is such that nothing is announced
// before it is known to be nobody's, and that no address is announced by two checks at a time (S25, S27). Where the cluster runs
// already, its daemons' own sessions are judged and nothing of theirs is touched: not opened twice, not announced, not probed for.
import { parseAddress } from "../net/ip.ts"
import type { DesiredCluster } from "../plan/desired.ts"
import { allNodes } from "../plan/findSelf.ts"
import { judgeClock, judgeDuplicates, judgeNode } from "./judgeNode.ts"
import { type PreflightNodeState, type ReachedNode, reached, viewOf } from "./nodes.ts"
import { conflictChecks, mtuChecks, subnetChecks } from "./planNetwork.ts"
import { type PlannedNode, planNodes, type SessionPlan, sessionPlan } from "./planSessions.ts"
import { type Check, type CheckKind, failed, skipped } from "./types.ts"

export interface PreflightOptions {
  /** Of this command, to compare with the nodes'. */
  readonly version: string
  /** Names or addresses; empty: all. Other nodes still help to check that traffic arrives. */
  readonly nodes: ReadonlyArray<string>
  /** Addresses; empty: all. */
  readonly peers: ReadonlyArray<string>
  readonly skip: ReadonlyArray<CheckKind>
  /** Announced instead of the VIPs; an address that nobody uses. */
  readonly testAddress?: string
  /** URLs of the store, where the file names one. */
  readonly etcd: ReadonlyArray<string>
}

const nothing = { after: [], needs: [], locks: [] }

const isWanted = (
  { nodes }: PreflightOptions,
  { name, address }: { readonly name: string; readonly address: string }
) => nodes.length === 0 || nodes.includes(name) || nodes.includes(address)

const nodeChecks = (
  cluster: DesiredCluster,
  states: ReadonlyArray<PreflightNodeState>,
  { version }: PreflightOptions
): ReadonlyArray<Check> =>
  states.map((state) => ({
    ...nothing,
    id: `node ${state.node.name}`,
    kind: "node",
    node: state.node.name,
    subject: state.node.address,
    task: { type: "judged", findings: judgeNode(cluster, state, version) }
  }))

const clockChecks = (nodes: ReadonlyArray<ReachedNode>): ReadonlyArray<Check> =>
  nodes.map((one) => ({
    ...nothing,
    id: `clock ${one.node.name}`,
    kind: "clock",
    node: one.node.name,
    subject: "",
    task: { type: "judged", findings: judgeClock(one, nodes) }
  }))

const duplicateCheck = (nodes: ReadonlyArray<ReachedNode>): ReadonlyArray<Check> =>
  nodes.length < 2
    ? []
    : [
        {
          ...nothing,
          id: "duplicate",
          kind: "duplicate",
          subject: "all nodes",
          task: { type: "judged", findings: judgeDuplicates(nodes) }
        }
      ]

const etcdChecks = (nodes: ReadonlyArray<ReachedNode>, endpoints: ReadonlyArray<string>): ReadonlyArray<Check> =>
  nodes.flatMap(({ node }) =>
    endpoints.map((endpoint): Check => {
      const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined
      const target = parseAddress(url?.hostname.replace(/^\[|\]$/g, "") ?? "")
      const defaults = url?.protocol === "https:" ? 443 : 80
      const port = url === undefined || url.port === "" ? defaults : Number(url.port)
      return {
        ...nothing,
        id: `etcd ${node.name} ${endpoint}`,
        kind: "etcd",
        node: node.name,
        subject: endpoint,
        task:
          target === undefined
            ? {
                type: "judged",
                findings: [skipped(`${endpoint} has a name and no address: it is not tried from here`)]
              }
            : { type: "etcd", target, port }
      }
    })
  )

/** A cluster that somebody else balances, or none of whose nodes can be asked, has nothing to try. */
const obstacle = (cluster: DesiredCluster, nodes: ReadonlyArray<ReachedNode>): ReadonlyArray<Check> => {
  if (nodes.length > 0 && cluster.loadBalancer.mode !== "manual") return []
  const text =
    nodes.length === 0
      ? `none of the ${allNodes(cluster).length} nodes can be asked: nothing else is checked`
      : "loadBalancer.mode is manual: somebody else balances this cluster, and no session is tried"
  const finding = nodes.length === 0 ? failed(text) : skipped(text)
  return [
    { ...nothing, id: "cluster", kind: "node", subject: cluster.name, task: { type: "judged", findings: [finding] } }
  ]
}

/** A check that waits for one that is left out would wait for ever; one that needs it does without. */
const without = (checks: ReadonlyArray<Check>, skip: ReadonlyArray<CheckKind>): ReadonlyArray<Check> => {
  // A session from a floating IP cannot do without the address, a delivery not without the session.
  const gone = new Set<string>()
  for (const check of checks) {
    const base = check.kind === "delivery" || check.kind === "session" ? check.needs : []
    const cannot = base.some((id) => gone.has(id) && /^(?:session|address) /.test(id))
    if (skip.includes(check.kind) || cannot) gone.add(check.id)
  }
  return checks
    .filter(({ id }) => !gone.has(id))
    .map((check) => ({
      ...check,
      after: check.after.filter((id) => !gone.has(id)),
      needs: check.needs.filter((id) => !gone.has(id))
    }))
}

/** In an order in which each check comes after those that it waits for. */
export const preflightPlan = (
  cluster: DesiredCluster,
  states: ReadonlyArray<PreflightNodeState>,
  options: PreflightOptions
): ReadonlyArray<Check> => {
  const nodes = reached(states)
  const view = viewOf(cluster, nodes)
  const tested = nodes.filter(({ node }) => isWanted(options, node))
  const planned: ReadonlyArray<PlannedNode> = planNodes(cluster, view, nodes)
  const conflicts = conflictChecks(cluster, planned, tested)
  const sessions: SessionPlan = sessionPlan(cluster, view, planned, {
    tested: new Set(tested.map(({ node }) => node.name)),
    peers: options.peers,
    conflicts,
    ...(options.testAddress === undefined ? {} : { testAddress: options.testAddress })
  })
  const checks = [
    ...nodeChecks(
      cluster,
      states.filter(({ node }) => isWanted(options, node)),
      options
    ),
    ...obstacle(cluster, nodes),
    ...clockChecks(tested),
    ...duplicateCheck(nodes),
    ...subnetChecks(cluster, planned),
    ...etcdChecks(tested, options.etcd),
    ...conflicts,
    ...mtuChecks(sessions.sessions, nodes),
    ...sessions.checks
  ]
  return without(checks, options.skip)
}
