// Adj-RIB-In: the paths that a peer announces now. RFC 4271 3.2, paths RFC 7911, AFI/SAFI disable RFC 7606 section 2.
// Design D11: they are counted and shown, never selected or installed, so a path is kept as its next hop only. A
// router that sends more than this speaker cares to know costs no more memory: what is beyond the bound is let go, and the
// session, which is there to announce, lives on.
import { type Address, type Family, familyOf, type Prefix } from "../net/ip.ts"
import type { Update, Withdrawal } from "./message/types.ts"

export interface ReceivedPath {
  readonly prefix: Prefix
  readonly nextHop: Address
  readonly pathId?: number
}

/** Paths that are kept; a router has no reason to send that many to a node. */
const KEPT_MAX = 100_000

const keyOf = ({ prefix, pathId }: Withdrawal): string => (pathId === undefined ? prefix : `${prefix} ${pathId}`)

const pathOf = (key: string, nextHop: Address): ReceivedPath => {
  const [prefix = "", pathId] = key.split(" ")
  return { prefix: prefix as Prefix, nextHop, ...(pathId === undefined ? {} : { pathId: Number(pathId) }) }
}

export class AdjRibIn {
  private readonly paths = new Map<string, Address>()
  /** Paths were let go since the table was last empty: the peer announces more than `count`. */
  overflowed = false

  /** Paths, not prefixes: with ADD-PATH a prefix may have several. */
  get count(): number {
    return this.paths.size
  }

  /** Withdrawals first: a prefix in both lists of one UPDATE is announced (RFC 4271 4.3). */
  apply(update: Update): void {
    for (const route of update.withdraw) this.paths.delete(keyOf(route))
    for (const route of update.announce) {
      const key = keyOf(route)
      if (this.paths.size < KEPT_MAX || this.paths.has(key)) this.paths.set(key, route.nextHop)
      else this.overflowed = true
    }
  }

  /** At most `max` paths, the longest known first. */
  sample(max: number): ReadonlyArray<ReceivedPath> {
    const some: ReceivedPath[] = []
    for (const [key, nextHop] of this.paths) {
      if (some.length >= max) break
      some.push(pathOf(key, nextHop))
    }
    return some
  }

  list(): ReadonlyArray<ReceivedPath> {
    return this.sample(this.paths.size)
  }

  /** Forgets one family (AFI/SAFI disable), or everything (the session ended). */
  clear(family?: Family): void {
    if (family === undefined) {
      this.paths.clear()
      this.overflowed = false
    } else for (const key of this.paths.keys()) if (familyOf(key as Prefix) === family) this.paths.delete(key)
  }
}
