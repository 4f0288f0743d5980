// The model behind the embedded and the simulated store, over random histories.
import { describe, expect, test } from "bun:test"
import { HashMap } from "effect"
import fc from "fast-check"
import {
  changesSince,
  commit,
  compact,
  emptyKeyValue,
  entriesBelow,
  expired,
  grant,
  type KeyValue,
  keepAlive,
  revoke
} from "../../../src/adapters/store/keyValue.ts"
import type { StoreEntry, StoreOperation } from "../../../src/ports/ClusterStore.ts"

const key = fc.constantFrom("a/1", "a/2", "b/1", "b/2")
const lease = fc.constantFrom("l1", "l2")

type Act =
  | { readonly type: "commit"; readonly operations: ReadonlyArray<StoreOperation>; readonly stale: boolean }
  | { readonly type: "grant"; readonly lease: string }
  | { readonly type: "keepAlive"; readonly lease: string }
  | { readonly type: "revoke"; readonly lease: string }
  | { readonly type: "pass"; readonly ms: number }
  | { readonly type: "compact" }

const operation: fc.Arbitrary<StoreOperation> = fc.oneof(
  fc.record({ type: fc.constant("put" as const), key, value: fc.string({ maxLength: 2 }) }),
  fc.record({ type: fc.constant("put" as const), key, value: fc.string({ maxLength: 2 }), lease }),
  fc.record({ type: fc.constant("delete" as const), key })
)

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant("commit" as const),
      operations: fc.uniqueArray(operation, { selector: (one) => one.key, maxLength: 4 }),
      stale: fc.boolean()
    })
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("grant" as const), lease }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("keepAlive" as const), lease }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("revoke" as const), lease }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("pass" as const), ms: fc.nat(1500) }) },
  { weight: 1, arbitrary: fc.constant({ type: "compact" as const }) }
)

/** Every state on the way, one per act; leases are looked at after each. */
const run = (acts: ReadonlyArray<Act>): ReadonlyArray<KeyValue> => {
  const states: Array<KeyValue> = [emptyKeyValue]
  let nowMs = 0
  for (const one of acts) {
    let state = states.at(-1) ?? emptyKeyValue
    if (one.type === "pass") nowMs += one.ms
    else if (one.type === "compact") state = compact(state)
    else if (one.type === "grant") state = grant(state, one.lease, 2, nowMs)
    else if (one.type === "keepAlive") state = keepAlive(state, one.lease, nowMs)?.next ?? state
    else if (one.type === "revoke") state = revoke(state, one.lease).next
    else {
      const when = one.stale ? [{ key: "a/1", modRevision: state.revision + 1 }] : []
      const answer = commit(state, { when, operations: one.operations })
      if (answer.type === "done") state = answer.next
      expect(one.stale && answer.type === "done").toBe(false)
    }
    for (const id of expired(state, nowMs)) state = revoke(state, id).next
    states.push(state)
  }
  return states
}

const folded = (from: ReadonlyArray<StoreEntry>, state: KeyValue, revision: number, prefix: string) => {
  const entries = new Map(from.map((entry) => [entry.key, entry]))
  for (const { changes } of changesSince(state, revision, prefix) ?? [])
    for (const change of changes)
      if (change.type === "put") entries.set(change.entry.key, change.entry)
      else entries.delete(change.key)
  return [...entries.values()].sort((a, b) => (a.key < b.key ? -1 : 1))
}

describe("the model", () => {
  test("what was, and what happened since, is what is; what is forgotten is not made up", () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 30 }), fc.constantFrom("", "a/"), (acts, prefix) => {
        const states = run(acts)
        const last = states.at(-1) ?? emptyKeyValue
        for (const state of states) {
          const since = changesSince(last, state.revision, prefix)
          if (since === undefined)
            expect(last.history[0]?.revision ?? last.revision + 1).toBeGreaterThan(state.revision + 1)
          else
            expect(folded(entriesBelow(state, prefix), last, state.revision, prefix)).toEqual([
              ...entriesBelow(last, prefix)
            ])
        }
      }),
      { seed: 4, numRuns: 400 }
    )
  })

  test("a revision counts up by one change at a time, and no key outlives its lease", () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 30 }), (acts) => {
        for (const state of run(acts)) {
          const revisions = state.history.map(({ revision }) => revision)
          expect(revisions).toEqual(revisions.map((_, index) => state.revision - revisions.length + 1 + index))
          for (const entry of entriesBelow(state, "")) {
            expect(entry.createRevision).toBeLessThanOrEqual(entry.modRevision)
            expect(entry.modRevision).toBeLessThanOrEqual(state.revision)
            expect(entry.lease === undefined || HashMap.has(state.leases, entry.lease)).toBe(true)
          }
        }
      }),
      { seed: 5, numRuns: 400 }
    )
  })
})
