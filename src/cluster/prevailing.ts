// Which config is the cluster's while the nodes do not all run the same one: the one that most of the living nodes run, and among
// equals that of the node whose name comes first. Only nodes that run it allocate addresses, and they take none away unless more
// than half of the nodes run it, so that one node with an old file costs no service its address (I4).
import type { Member } from "../plan/view.ts"

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** The hash, or undefined where nobody is there. */
export const prevailingConfig = (members: ReadonlyArray<Member>): string | undefined => {
  const inOrder = [...members].sort((a, b) => compare(a.name, b.name))
  const counts = new Map<string, number>()
  for (const { configHash } of inOrder) counts.set(configHash, (counts.get(configHash) ?? 0) + 1)
  const most = Math.max(0, ...counts.values())
  return inOrder.find(({ configHash }) => counts.get(configHash) === most)?.configHash
}

/** The node that allocates: the first by name of those that run the prevailing config. */
export const allocatorOf = (members: ReadonlyArray<Member>): string | undefined => {
  const hash = prevailingConfig(members)
  return members
    .filter(({ configHash, leaving }) => configHash === hash && leaving !== true)
    .map(({ name }) => name)
    .sort(compare)[0]
}

/** Whether more than half of the nodes run the prevailing config. */
export const isAgreed = (members: ReadonlyArray<Member>): boolean => {
  const hash = prevailingConfig(members)
  return members.filter(({ configHash }) => configHash === hash).length * 2 > members.length
}

/** Why `node` has no say in who gets which address, or undefined where it has. */
export const whyOutvoted = (members: ReadonlyArray<Member>, node: string): string | undefined => {
  const own = members.find(({ name }) => name === node)?.configHash
  const prevailing = prevailingConfig(members)
  if (own === undefined || own === prevailing) return undefined
  const others = members.filter(({ configHash }) => configHash === prevailing).map(({ name }) => name)
  const who = others.length === 1 ? `node ${others[0]} runs` : `nodes ${others.sort(compare).join(", ")} run`
  return `${who} another config, and addresses are given out by that: this node has not taken up the last revision yet, or is in recovery mode`
}
