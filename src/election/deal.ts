// Deals addresses that nobody holds to nodes that can hold them, all alike. Evenly: first it is settled how many each node
// gets, then which. And so that it does not matter in which order the claims come true: when some of the addresses have got
// the node that the deal gave them, the deal of the rest is what it was, so nodes that see the store at different moments
// do not work against each other (D5).

/** A node and the number of addresses that it has. */
export interface DealNode {
  readonly name: string
  readonly load: number
}

/** How many more each node gets so that the loads end as even as they can; the first ones get what is over. */
const sharesOf = (nodes: ReadonlyArray<DealNode>, count: number): Array<number> => {
  const shares = nodes.map(() => 0)
  const loads = nodes.map(({ load }) => load)
  for (let dealt = 0; dealt < count; dealt++) {
    const least = loads.indexOf(Math.min(...loads))
    loads[least] = (loads[least] ?? 0) + 1
    shares[least] = (shares[least] ?? 0) + 1
  }
  return shares
}

/**
 * The node of each address that has none yet; the result is by place in `taken`. `taken` says for each address of a group, in
 * the order of the ring, whether it has a node already. The n-th address goes to the n-th node and so on round and
 * round, as far as the nodes' shares allow. At least one node.
 */
export const deal = (taken: ReadonlyArray<boolean>, nodes: ReadonlyArray<DealNode>): ReadonlyMap<number, string> => {
  const free = taken.flatMap((has, place) => (has ? [] : [place]))
  const shares = sharesOf(nodes, free.length)
  const dealt = new Map<number, string>()
  // A stable matching: pairs in one strict order, nearest first, each taken where both sides still have room.
  for (let distance = 0; distance < nodes.length && dealt.size < free.length; distance++) {
    for (const place of free) {
      const at = (place + nodes.length - distance) % nodes.length
      const node = nodes[at]
      const share = shares[at] ?? 0
      if (dealt.has(place) || node === undefined || share === 0) continue
      dealt.set(place, node.name)
      shares[at] = share - 1
    }
  }
  return dealt
}
