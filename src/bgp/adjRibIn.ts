// What a peer announces to us: counted and shown, never used (D11). RFC 4271 3.2, RFC 7911 section 3. Whole routes are
// kept up to a bound; beyond it the keys alone, so that a peer with a full table costs little.
import type { Address, Prefix } from "../net/ip.ts"
import type { Attributes } from "./attribute/types.ts"
import type { Update } from "./message/types.ts"

export interface ReceivedRoute {
  readonly prefix: Prefix
  readonly nextHop: Address
  readonly pathId?: number
  readonly attributes: Attributes
}

/** Routes kept whole. */
const keptMax = 1000
/** Routes shown to somebody who asks for a few. */
const sampleMax = 10

const pathKey = (prefix: Prefix, pathId: number | undefined): string =>
  pathId === undefined ? prefix : `${prefix} ${pathId}`

export class AdjRibIn {
  /** undefined: the route is there and its value is not kept. */
  private readonly routes = new Map<string, ReceivedRoute | undefined>()
  private kept = 0

  /** Paths that the peer announces now. */
  get size(): number {
    return this.routes.size
  }

  apply({ announce, withdraw, attributes }: Update): void {
    for (const { prefix, pathId } of withdraw) this.remove(pathKey(prefix, pathId))
    for (const { prefix, nextHop, pathId } of announce) {
      const key = pathKey(prefix, pathId)
      this.remove(key)
      const keep = this.kept < keptMax
      if (keep) this.kept++
      const id = pathId === undefined ? {} : { pathId }
      this.routes.set(key, keep ? { prefix, nextHop, ...id, attributes } : undefined)
    }
  }

  private remove(key: string): void {
    if (this.routes.get(key) !== undefined) this.kept--
    this.routes.delete(key)
  }

  /** The routes that are kept whole, at most a thousand. */
  list(): ReadonlyArray<ReceivedRoute> {
    return [...this.routes.values()].filter((route) => route !== undefined)
  }

  sample(): ReadonlyArray<{ readonly prefix: string; readonly nextHop: string }> {
    const few: Array<{ prefix: string; nextHop: string }> = []
    for (const route of this.routes.values()) {
      if (few.length === sampleMax) break
      if (route !== undefined) few.push({ prefix: route.prefix, nextHop: route.nextHop })
    }
    return few
  }
}
