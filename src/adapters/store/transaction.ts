// What every store refuses before it looks at its keys: the limits of etcd's transactions, so that what works on one store
// works on the others.
import type { StoreTransaction } from "../../ports/ClusterStore.ts"

/** etcd's own limit is 128 for either list (--max-txn-ops). */
const operationsMax = 100

/** What is wrong with a transaction, in a sentence; undefined: nothing. */
export const problemOf = ({ when, operations }: StoreTransaction): string | undefined => {
  if (operations.length > operationsMax)
    return `a transaction of ${operations.length} operations; at most ${operationsMax} go into one, split it`
  if (when.length > operationsMax)
    return `a transaction with ${when.length} conditions; at most ${operationsMax} go into one, split it`
  const seen = new Set<string>()
  for (const { key } of operations) {
    if (seen.has(key)) return `a transaction that changes the key ${key} twice; leave one of the two out`
    seen.add(key)
  }
  return undefined
}
