// Who shall hold each address that moves: a pure function that every node runs over the same view and that gives each the same
// answer (D5). Whoever holds an address keeps it while it can: no move without need, no fail-back, no rebalancing by itself.
// What is free goes to the nodes that have fewest, evenly (deal.ts). Every node is judged, with a reason (I9). Rows S8, S13.
import { type Address, addressToBigInt, familyOf } from "../net/ip.ts"
import { type DealNode, deal } from "./deal.ts"
import { type Candidates, type ExpectedNode, judge } from "./judge.ts"
import { ringOrder } from "./ring.ts"
import type { Assignment, Claim, Claimable, ElectionNode, Judgement } from "./types.ts"

export interface AssignmentInput {
  readonly claimables: ReadonlyArray<Claimable>
  readonly nodes: ReadonlyArray<ElectionNode>
  /** Nodes of the cluster file that have not shown up. */
  readonly expected: ReadonlyArray<ExpectedNode>
  readonly claims: ReadonlyArray<Claim>
  /** This node has just started: expected nodes get their share, else whoever comes first had everything for ever. */
  readonly settling: boolean
}

interface Entry {
  readonly claimable: Claimable
  readonly candidates: Candidates
  /** Who has it and can keep it. */
  readonly keeper?: string
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const addressKey = (address: Address): string =>
  familyOf(address) + addressToBigInt(address).toString(16).padStart(32, "0")

/** Each address once, whatever the order of the input: control plane and floating IPs before services. */
const distinct = (claimables: ReadonlyArray<Claimable>): ReadonlyArray<Claimable> => {
  const order = (claimable: Claimable) => `${claimable.purpose} ${addressKey(claimable.address)} ${claimable.of}`
  const sorted = claimables.map((claimable) => ({ claimable, key: order(claimable) }))
  sorted.sort((a, b) => compare(a.key, b.key))
  const byAddress = new Map<Address, Claimable>()
  for (const { claimable } of sorted) if (!byAddress.has(claimable.address)) byAddress.set(claimable.address, claimable)
  return [...byAddress.values()]
}

/** Entries by the set of nodes that they can go to; those with the least choice first, their addresses in ring order. */
const groupsOf = (entries: ReadonlyArray<Entry>): ReadonlyArray<ReadonlyArray<Entry>> => {
  const groups = new Map<string, Array<Entry>>()
  for (const entry of entries) {
    const key = JSON.stringify([...entry.candidates.nodes.keys()])
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [entry])
    else group.push(entry)
  }
  return [...groups]
    .map(([key, group]) => {
      const byAddress = new Map(group.map((entry) => [entry.claimable.address, entry]))
      const ring = ringOrder([...byAddress.keys()]).flatMap((address) => byAddress.get(address) ?? [])
      return { key, ring, choice: group[0]?.candidates.nodes.size ?? 0 }
    })
    .sort((a, b) => a.choice - b.choice || compare(a.key, b.key))
    .map(({ ring }) => ring)
}

/** The node of every address that some node can hold. */
const place = (entries: ReadonlyArray<Entry>): ReadonlyMap<Address, string> => {
  const placed = new Map<Address, string>()
  const loads = new Map<string, number>()
  const put = (entry: Entry, node: string): void => {
    placed.set(entry.claimable.address, node)
    loads.set(node, (loads.get(node) ?? 0) + 1)
  }
  for (const group of groupsOf(entries)) {
    const names = [...(group[0]?.candidates.nodes.keys() ?? [])]
    if (names.length === 0) continue
    for (const entry of group) if (entry.keeper !== undefined) put(entry, entry.keeper)
    const nodes = names.map((name): DealNode => ({ name, load: loads.get(name) ?? 0 }))
    const dealt = deal(
      group.map(({ keeper }) => keeper !== undefined),
      nodes
    )
    for (const [index, entry] of group.entries()) {
      const node = dealt.get(index)
      if (node !== undefined) put(entry, node)
    }
  }
  return placed
}

const NODES_SHOWN = 5

/** Why no node can hold it: the judgements, those with the same reason together. */
const whyNone = (judgements: ReadonlyArray<Judgement>): string => {
  const reasons = new Map<string, Array<string>>()
  for (const { node, reason } of judgements) reasons.set(reason, [...(reasons.get(reason) ?? []), node])
  const parts = [...reasons].map(([reason, nodes]) => {
    const more = nodes.length - NODES_SHOWN
    return `${nodes.slice(0, NODES_SHOWN).join(", ")}${more > 0 ? ` and ${more} more` : ""}: ${reason}`
  })
  return `no node can hold it (${parts.join("; ") || "none is there"})`
}

const whyNode = (node: string, { keeper, candidates }: Entry): string => {
  if (keeper !== undefined) return `${node} has it and keeps it while it can`
  if (candidates.nodes.get(node)?.interface === undefined) return `waits for node ${node}, which has not shown up yet`
  const rivals = candidates.nodes.size
  return rivals === 1
    ? `${node} is the only node that can hold it`
    : `it is free, and falls to ${node} when ${rivals} nodes share evenly`
}

/** One assignment for each address, sorted by purpose and address. Total: no input is refused. */
export const assign = (input: AssignmentInput): ReadonlyArray<Assignment> => {
  const candidatesOf = judge(input.nodes, input.expected, input.settling)
  const claims = [...input.claims].sort((a, b) => a.generation - b.generation || compare(a.node, b.node))
  const holders = new Map(claims.map(({ address, node }) => [address, node]))
  const present = new Set(input.nodes.map(({ name }) => name))
  const entries = distinct(input.claimables).map((claimable): Entry => {
    const candidates = candidatesOf(claimable)
    const holder = holders.get(claimable.address)
    const keeps = holder !== undefined && present.has(holder) && candidates.nodes.has(holder)
    return { claimable, candidates, ...(keeps ? { keeper: holder } : {}) }
  })
  const placed = place(entries)
  return entries.map((entry) => {
    const { address, purpose, of } = entry.claimable
    const { judgements, nodes } = entry.candidates
    const node = placed.get(address)
    if (node === undefined) return { address, purpose, of, reason: whyNone(judgements), judgements }
    return { address, purpose, of, node, ...nodes.get(node), reason: whyNode(node, entry), judgements }
  })
}
