// Which config is the cluster's while the nodes do not all run the same one: the one that most of the living nodes run, and among
// equals that of the node whose name comes first. Only nodes that run it allocate addresses, so that one node with an old
// file takes no service's address away.
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
