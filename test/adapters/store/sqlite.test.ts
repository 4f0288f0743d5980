// The embedded store keeps the port's promises and what it acknowledged, however its process ends.

import { Database } from "bun:sqlite"
import { describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Context, Effect, Layer } from "effect"
import { sqliteStore } from "../../../src/adapters/sqlite/SqliteStore.ts"
import { ClusterStore } from "../../../src/ports/ClusterStore.ts"
import { record } from "./recorder.ts"
import { put, runTest, storeSuite, type WithSubject, write } from "./suite.ts"

const inDirectory = async <A>(body: (directory: string) => Promise<A>): Promise<A> => {
  const directory = mkdtempSync(join(tmpdir(), "viaduct-sqlite-"))
  try {
    return await body(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Open until the scope ends. */
const open = (path: string) =>
  Effect.map(Layer.build(Layer.fresh(sqliteStore(path))), (context) => Context.get(context, ClusterStore))

const withSqlite: WithSubject = (body) =>
  inDirectory((directory) =>
    runTest(Effect.flatMap(open(join(directory, "store.db")), (store) => body({ store, other: store })))
  )

storeSuite("sqlite", withSqlite, false)

/** The message that opening `path` fails with. */
const refusal = (path: string) => Effect.map(Effect.flip(open(path)), ({ message }) => message)

/** Starts embeddedWriter.ts, kills it with -9 once it has acknowledged `count` writes, and gives the number of the last one. */
const killedAfter = async (path: string, count: number): Promise<number> => {
  const child = Bun.spawn(
    [process.execPath, join(import.meta.dir, "..", "..", "lab", "probes", "embeddedWriter.ts"), path],
    { stdout: "pipe" }
  )
  let text = ""
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk
    if (text.split("\n").length > count) child.kill("SIGKILL")
  }
  await child.exited
  expect(child.signalCode).toBe("SIGKILL")
  return Number(text.slice(0, text.lastIndexOf("\n")).split("\n").at(-1))
}

describe("the embedded store", () => {
  test("has everything that it acknowledged before kill -9", () =>
    inDirectory(async (directory) => {
      const path = join(directory, "store.db")
      let last = -1
      for (const count of [1, 40, 300]) {
        last = await killedAfter(path, count)
        const kept = await runTest(
          Effect.scoped(Effect.flatMap(open(path), (store) => Effect.map(store.read("n/"), ({ entries }) => entries)))
        )
        const numbers = kept.map(({ key }) => Number(key.slice(2)))
        expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, index) => index))
        expect(numbers.length).toBeGreaterThanOrEqual(last + 1)
        expect(kept.every(({ value }) => value.length === 1000)).toBe(true)
      }
      expect(last).toBeGreaterThanOrEqual(341 - 3)
    }))

  test("goes on with its revisions; leases have ended with the process that held them", () =>
    inDirectory((directory) =>
      runTest(
        Effect.gen(function* () {
          const path = join(directory, "store.db")
          const before = yield* Effect.scoped(
            Effect.gen(function* () {
              const store = yield* open(path)
              const lease = yield* store.grant(60)
              yield* write(store, put("kept", "1"), put("freed", "1", lease))
              yield* write(store, put("freed", "2"), put("held", "1", lease))
              yield* write(store, put("member", "1", lease))
              return { lease, state: yield* store.read("") }
            })
          )
          for (const more of [1, 1]) {
            const after = yield* Effect.scoped(
              Effect.gen(function* () {
                const store = yield* open(path)
                const gone = yield* Effect.flip(store.keepAlive(before.lease))
                expect(gone.reason).toBe("lease-gone")
                return yield* store.read("")
              })
            )
            const lasting = before.state.entries.filter(({ lease }) => lease === undefined)
            expect(after.entries).toEqual(lasting)
            expect(after.revision).toBe(before.state.revision + more)
          }
          const store = yield* open(path)
          const seen = yield* record(store)
          const { revision } = yield* write(store, put("kept", "2"))
          expect(revision).toBe(before.state.revision + 2)
          expect(seen.state.get("kept")?.createRevision).toBe(2)
        })
      )
    ))

  test("says why a file cannot be its store", () =>
    inDirectory((directory) =>
      runTest(
        Effect.gen(function* () {
          const path = join(directory, "store.db")
          yield* Effect.scoped(
            Effect.gen(function* () {
              yield* open(path)
              expect(yield* refusal(path)).toBe(`the embedded store ${path}: another process has it open`)
            })
          )
          expect(yield* refusal(join(directory, "none", "store.db"))).toContain("the directory must exist")
          writeFileSync(
            join(directory, "text"),
            "this is no database, and it is long enough to be taken for one".repeat(9)
          )
          expect(yield* refusal(join(directory, "text"))).toContain("it is damaged; move it away")
          const newer = new Database(join(directory, "newer.db"))
          newer.run("PRAGMA user_version = 2")
          newer.close()
          expect(yield* refusal(join(directory, "newer.db"))).toContain(
            "written by a newer viaduct (layout 2, known is 1)"
          )
        })
      )
    ))

  test("a write that SQLite refuses changes nothing, and the next one that fits is done", () =>
    inDirectory((directory) =>
      runTest(
        Effect.gen(function* () {
          const path = join(directory, "store.db")
          const store = yield* open(path)
          const seen = yield* record(store)
          yield* write(store, put("a", "1"))
          // SQLite's own limit for a value is 10^9 octets.
          const failed = yield* Effect.flip(write(store, put("b", "1"), put("huge", "x".repeat(1_000_000_001))))
          expect(failed.reason).toBe("refused")
          expect((yield* store.read("")).entries.map(({ key }) => key)).toEqual(["a"])
          const { revision } = yield* write(store, put("b", "1"))
          yield* seen.when("the change", ({ state }) => state.has("b"))
          expect(revision).toBe(3)
        })
      )
    ))
})
