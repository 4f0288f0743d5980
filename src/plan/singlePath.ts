// For peers that take one path for a prefix (no ADD-PATH): which LB node each of the sessions to such a peer names for a VIP
// (D9, S12). By rendezvous hashing over all LB nodes of the file, sessions to one peer at different nodes: the sessions
// choose their node in turn, then their first spare node in turn, and so on until no node is left. So a session whose
// node goes down takes its spare, which is nobody else's, and no other session changes.
import { weigh } from "../net/hash.ts"

type Draft = ReadonlyArray<ReadonlyArray<number>>

const heaviest = (key: number, nodes: ReadonlyArray<number>, among: Iterable<number>): number => {
  let best = -1
  let most = -1
  for (const index of among) {
    const weight = weigh(key, nodes[index] ?? 0)
    if (weight <= most) continue
    most = weight
    best = index
  }
  return best
}

/** The nodes of each session, its own first, then its spares; every node once as long as there are enough. */
const draft = (keys: ReadonlyArray<number>, nodes: ReadonlyArray<number>, firsts: ReadonlyArray<number>): Draft => {
  const chosen = firsts.map((first) => [first])
  const open = new Set(nodes.map((_, index) => index).filter((index) => !firsts.includes(index)))
  while (open.size > 0) {
    for (const [at, key] of keys.entries()) {
      const best = heaviest(key, nodes, open)
      if (best < 0) return chosen
      open.delete(best)
      chosen[at]?.push(best)
    }
  }
  return chosen
}

/** The first round of the draft, which is all there is to it while every node is up. */
const firstsOf = (keys: ReadonlyArray<number>, nodes: ReadonlyArray<number>): ReadonlyArray<number> => {
  const firsts: Array<number> = []
  for (const key of keys) {
    // More sessions than nodes: the draft starts over.
    const from = nodes.length === 0 ? 0 : firsts.length - (firsts.length % nodes.length)
    let best = -1
    let most = -1
    for (let index = 0; index < nodes.length; index++) {
      const weight = weigh(key, nodes[index] ?? 0)
      if (weight <= most || firsts.indexOf(index, from) >= 0) continue
      most = weight
      best = index
    }
    firsts.push(best)
  }
  return firsts
}

/** Sessions whose own nodes and spares are all down: one that no session names, a late spare first, else any. */
const makeDo = (
  picks: Array<number>,
  keys: ReadonlyArray<number>,
  nodes: ReadonlyArray<number>,
  drafted: Draft,
  can: (index: number) => boolean
): void => {
  const live = nodes.map((_, index) => index).filter(can)
  const late = (index: number) => Math.max(...drafted.map((list) => list.indexOf(index)))
  for (const [at, key] of keys.entries()) {
    if ((picks[at] ?? -1) >= 0) continue
    const unnamed = live.filter((index) => !picks.includes(index))
    const latest = Math.max(...unnamed.map(late))
    const spare = unnamed.filter((index) => late(index) === latest)
    picks[at] = heaviest(key, nodes, spare.length > 0 ? spare : live)
  }
}

/**
 * The index of the node for each session, -1 where no node can. `sessions`, `vip` and `nodes` are hashes; the order of the
 * sessions counts, that of the nodes only between equal hashes. `can`: whether the node takes traffic for the VIP now.
 */
export const singlePaths = (
  sessions: ReadonlyArray<number>,
  vip: number,
  nodes: ReadonlyArray<number>,
  can: (index: number) => boolean
): ReadonlyArray<number> => {
  const keys = sessions.map((session) => weigh(session, vip))
  const firsts = firstsOf(keys, nodes)
  if (firsts.length === 0 || nodes.length === 0) return firsts
  if (firsts.every((first) => first >= 0 && can(first))) return firsts
  const drafted = draft(keys, nodes, firsts)
  const picks = drafted.map((list) => list.find(can) ?? -1)
  makeDo(picks, keys, nodes, drafted, can)
  return picks
}
