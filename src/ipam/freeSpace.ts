// The lowest free address of a pool. Each range has a mark below which nothing is free; the search goes on from there over
// what is taken, so that a whole allocation looks at about as many addresses as there are bindings, however large the
// ranges are.
import { type Address, addressFromBigInt, type Family } from "../net/ip.ts"
import { type IndexedPool, isBuggy, type Span } from "./pools.ts"

export class FreeSpace {
  readonly #marks = new Map<Span, bigint>()
  readonly #taken: (family: Family, n: bigint) => boolean
  /** Addresses looked at so far. */
  examined = 0

  constructor(taken: (family: Family, n: bigint) => boolean) {
    this.#taken = taken
  }

  /** The first free address of `pool` in the order of its ranges; it stays free until somebody takes it. */
  lowest({ pool, spans }: IndexedPool, family: Family): Address | undefined {
    const skipBuggy = family === "ipv4" && pool.avoidBuggyIps
    for (const span of spans[family]) {
      let n = this.#marks.get(span) ?? span.first
      for (; n <= span.last; n++) {
        this.examined++
        if (!this.#taken(family, n) && !(skipBuggy && isBuggy(n))) break
      }
      this.#marks.set(span, n)
      if (n <= span.last) return addressFromBigInt(n, family)
    }
    return undefined
  }

  /** `n` has become free in `pool`. */
  freed({ spans }: IndexedPool, family: Family, n: bigint): void {
    for (const span of spans[family]) {
      const mark = this.#marks.get(span)
      if (mark !== undefined && span.first <= n && n < mark) this.#marks.set(span, n)
    }
  }
}
