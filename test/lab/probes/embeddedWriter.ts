// Writes numbered keys to the embedded store at `argv[2]`, going on after the last one there, and prints each number once
// the store has acknowledged it. Runs until it is killed.
import { Effect } from "effect"
import { sqliteStore } from "../../../src/adapters/sqlite/SqliteStore.ts"
import { ClusterStore } from "../../../src/ports/ClusterStore.ts"

const program = Effect.gen(function* () {
  const store = yield* ClusterStore
  let next = (yield* store.read("n/")).entries.length
  for (;;) {
    const key = `n/${String(next).padStart(6, "0")}`
    yield* store.commit({ when: [], operations: [{ type: "put", key, value: "x".repeat(1000) }] })
    process.stdout.write(`${next}\n`)
    next += 1
    yield* Effect.yieldNow
  }
})

await Effect.runPromise(Effect.provide(program, sqliteStore(process.argv[2] ?? "")))
