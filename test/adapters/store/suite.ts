// What every store promises, whichever it is (ports/ClusterStore.ts): run by the tests of each adapter.
import { describe, expect, test } from "bun:test"
import { Cause, Effect, Exit, Fiber, type Scope } from "effect"
import type { StoreEntry, StoreError, StoreOperation } from "../../../src/ports/ClusterStore.ts"
import { hasSnapshot, kinds, record, revisions, type Store } from "./recorder.ts"

/** A store to test, empty, and another client of the same. */
export interface Subject {
  readonly store: Store
  readonly other: Store
  /** Breaks the watches of `store` and keeps it away until `mend`; not there: it has no connection to break. */
  readonly cut?: Effect.Effect<void>
  readonly mend?: Effect.Effect<void>
}

export type WithSubject = (body: (subject: Subject) => Effect.Effect<void, unknown, Scope.Scope>) => Promise<void>

/** Runs to the end and fails with all that went wrong. */
export const runTest = async <A>(body: Effect.Effect<A, unknown, Scope.Scope>): Promise<A> => {
  const exit = await Effect.runPromiseExit(Effect.scoped(body))
  if (Exit.isFailure(exit)) throw new Error(Cause.pretty(exit.cause))
  return exit.value
}

export const put = (key: string, value: string, lease?: string): StoreOperation => ({
  type: "put",
  key,
  value,
  ...(lease === undefined ? {} : { lease })
})

export const write = (store: Store, ...operations: ReadonlyArray<StoreOperation>) =>
  store.commit({ when: [], operations })

const values = (entries: Iterable<StoreEntry>): Record<string, string> =>
  Object.fromEntries([...entries].map(({ key, value }) => [key, value]))

const rising = (numbers: ReadonlyArray<number>): boolean =>
  numbers.every((one, index) => index === 0 || one > (numbers[index - 1] ?? 0))

const reasonOf = <A>(effect: Effect.Effect<A, StoreError>): Effect.Effect<StoreError["reason"] | undefined> =>
  effect.pipe(
    Effect.as(undefined),
    Effect.catch((error) => Effect.succeed(error.reason))
  )

export const storeSuite = (name: string, withSubject: WithSubject, connected: boolean): void => {
  const check = (what: string, body: (subject: Subject) => Effect.Effect<void, unknown, Scope.Scope>) =>
    test(what, () => withSubject(body), 60_000)

  describe(`${name}: transactions`, () => {
    check("entries carry the revisions of their first and their last change", ({ store }) =>
      Effect.gen(function* () {
        const first = yield* write(store, put("a", "1"), put("b", "1"))
        const second = yield* write(store, put("a", "2"))
        expect(second.revision).toBeGreaterThan(first.revision)
        expect((yield* store.read("")).entries).toEqual([
          { key: "a", value: "2", createRevision: first.revision, modRevision: second.revision },
          { key: "b", value: "1", createRevision: first.revision, modRevision: first.revision }
        ])
        yield* write(store, { type: "delete", key: "a" })
        const again = yield* write(store, put("a", "3"))
        expect((yield* store.read("a")).entries[0]?.createRevision).toBe(again.revision)
      })
    )

    check("all conditions, or nothing", ({ store }) =>
      Effect.gen(function* () {
        const { revision } = yield* write(store, put("a", "1"))
        const attempt = (a: number, b: number) =>
          store.commit({
            when: [
              { key: "a", modRevision: a },
              { key: "b", modRevision: b }
            ],
            operations: [put("a", "2"), put("b", "2")]
          })
        expect(yield* attempt(revision, revision)).toEqual({ done: false, revision })
        expect((yield* attempt(0, 0)).done).toBe(false)
        expect(values((yield* store.read("")).entries)).toEqual({ a: "1" })
        expect(yield* attempt(revision, 0)).toEqual({ done: true, revision: revision + 1 })
        expect(values((yield* store.read("")).entries)).toEqual({ a: "2", b: "2" })
      })
    )

    check("of many that create the same key, one does", ({ store, other }) =>
      Effect.gen(function* () {
        const claim = (index: number) =>
          (index % 2 === 0 ? store : other).commit({
            when: [{ key: "claim", modRevision: 0 }],
            operations: [put("claim", `${index}`)]
          })
        const answers = yield* Effect.all(
          Array.from({ length: 24 }, (_, index) => claim(index)),
          {
            concurrency: "unbounded"
          }
        )
        const winners = answers.flatMap(({ done }, index) => (done ? [`${index}`] : []))
        expect(winners.length).toBe(1)
        expect((yield* store.read("claim")).entries.map(({ value }) => value)).toEqual(winners)
      })
    )

    check("deleting what is not there changes nothing", ({ store }) =>
      Effect.gen(function* () {
        const { revision } = yield* write(store, put("a", "1"))
        expect(yield* write(store, { type: "delete", key: "b" })).toEqual({ done: true, revision })
        expect(yield* store.commit({ when: [], operations: [] })).toEqual({ done: true, revision })
      })
    )

    check("too much at once, and a key twice, are refused with what to do", ({ store }) =>
      Effect.gen(function* () {
        const many = Array.from({ length: 101 }, (_, index) => put(`k${index}`, ""))
        const tooMany = yield* Effect.flip(write(store, ...many))
        expect([tooMany.reason, tooMany.message]).toEqual([
          "refused",
          "a transaction of 101 operations; at most 100 go into one, split it"
        ])
        const twice = yield* Effect.flip(write(store, put("a", "1"), put("a", "2")))
        expect([twice.reason, twice.message.includes("key a twice")]).toEqual(["refused", true])
        expect((yield* store.read("")).entries).toEqual([])
      })
    )
  })

  describe(`${name}: reads`, () => {
    check("give what stands below a prefix, by key, and any text", ({ store }) =>
      Effect.gen(function* () {
        const odd = 'quotes " and \\, lines\n, ünï¢ødé 🚂, NUL \u0000'
        yield* write(store, put("nodes/ü 1", odd), put("nodes/", ""), put("nodesmith", "x"), put("a/%", "/"))
        expect(values((yield* store.read("nodes/")).entries)).toEqual({ "nodes/": "", "nodes/ü 1": odd })
        expect((yield* store.read("")).entries.map(({ key }) => key)).toEqual([
          "a/%",
          "nodes/",
          "nodes/ü 1",
          "nodesmith"
        ])
        expect((yield* store.read("nodes/ü 1")).entries.length).toBe(1)
        expect((yield* store.read("b")).entries).toEqual([])
        const big = "x".repeat(200_000)
        yield* write(store, put("big", big))
        expect((yield* store.read("big")).entries[0]?.value).toBe(big)
      })
    )

    check("see transactions whole, and what was acknowledged", ({ store, other }) =>
      Effect.gen(function* () {
        yield* write(store, put("x", "0"), put("y", "0"))
        const writer = yield* Effect.forkChild(
          Effect.forEach(
            Array.from({ length: 100 }, (_, index) => `${index + 1}`),
            (text) => write(other, put("x", text), put("y", text))
          )
        )
        const seen: Array<number> = []
        while (seen.at(-1) !== 100) {
          const { x, y } = values((yield* store.read("")).entries)
          expect(x).toBe(y ?? "")
          seen.push(Number(x))
        }
        yield* Fiber.join(writer)
        expect([...seen].sort((a, b) => a - b)).toEqual(seen)
        const { revision } = yield* write(other, put("x", "last"))
        const read = yield* store.read("x")
        expect([read.revision, read.entries[0]?.value]).toEqual([revision, "last"])
      })
    )
  })

  describe(`${name}: leases`, () => {
    check("a lease that nobody keeps ends and takes its keys, in one revision", ({ store, other }) =>
      Effect.gen(function* () {
        const lease = yield* store.grant(2)
        const kept = yield* store.grant(2)
        const seen = yield* record(other)
        yield* write(
          store,
          put("gone/1", "a", lease),
          put("gone/2", "b", lease),
          put("kept", "c", kept),
          put("own", "d")
        )
        expect((yield* store.read("gone/1")).entries[0]?.lease).toBe(lease)
        yield* seen.when("the keys", ({ state }) => state.has("gone/1"))
        const keeping = yield* Effect.forkChild(
          Effect.forever(Effect.andThen(store.keepAlive(kept), Effect.sleep(400)))
        )
        yield* seen.when("the keys to go", ({ state }) => !state.has("gone/1"))
        yield* Fiber.interrupt(keeping)
        const last = seen.news.at(-1)
        expect(last?.type === "changes" && last.changes).toEqual([
          { type: "delete", key: "gone/1" },
          { type: "delete", key: "gone/2" }
        ])
        expect(values((yield* store.read("")).entries)).toEqual({ kept: "c", own: "d" })
        expect(yield* reasonOf(store.keepAlive(lease))).toBe("lease-gone")
        expect(yield* reasonOf(write(store, put("late", "e", lease), put("late2", "e")))).toBe("lease-gone")
        expect((yield* store.read("late")).entries).toEqual([])
        yield* store.revoke(lease)
      })
    )

    check("keeping a lease alive says how long, also many times at once", ({ store }) =>
      Effect.gen(function* () {
        const lease = yield* store.grant(7)
        const answers = yield* Effect.all(
          Array.from({ length: 8 }, () => store.keepAlive(lease)),
          { concurrency: "unbounded" }
        )
        expect(answers).toEqual(answers.map(() => 7))
      })
    )

    check("revoking ends it at once; a key put again without it stays", ({ store, other }) =>
      Effect.gen(function* () {
        const lease = yield* store.grant(60)
        yield* write(store, put("a", "1", lease), put("b", "1", lease))
        yield* write(other, put("b", "2"))
        const seen = yield* record(other)
        yield* seen.when("a snapshot", hasSnapshot)
        yield* store.revoke(lease)
        yield* seen.when("the key to go", ({ state }) => !state.has("a"))
        expect(values((yield* other.read("")).entries)).toEqual({ b: "2" })
        yield* store.revoke(lease)
        expect(yield* reasonOf(store.keepAlive(lease))).toBe("lease-gone")
      })
    )
  })

  describe(`${name}: watches`, () => {
    check("tell a snapshot, then every revision once and whole", ({ store, other }) =>
      Effect.gen(function* () {
        yield* write(store, put("in/a", "1"), put("out/a", "1"))
        const seen = yield* record(store, "in/")
        yield* seen.when("a snapshot", hasSnapshot)
        yield* write(other, put("in/b", "1"), put("out/b", "1"), { type: "delete", key: "in/a" })
        yield* write(other, put("out/c", "1"))
        const { revision } = yield* write(other, put("in/c", "1"))
        yield* seen.when("the last change", (now) => revisions(now).at(-1) === revision)
        expect(kinds(seen)).toEqual(["snapshot", "changes", "changes"])
        expect(seen.news[1]).toEqual({
          type: "changes",
          revision: revision - 2,
          changes: [
            {
              type: "put",
              entry: { key: "in/b", value: "1", createRevision: revision - 2, modRevision: revision - 2 }
            },
            { type: "delete", key: "in/a" }
          ]
        })
        expect(values(seen.state.values())).toEqual({ "in/b": "1", "in/c": "1" })
      })
    )

    check("begun among writes miss nothing and tell nothing twice", ({ store, other }) =>
      Effect.gen(function* () {
        const writer = yield* Effect.forkChild(
          Effect.forEach(
            Array.from({ length: 150 }, (_, index) => index),
            (index) => Effect.tap(write(other, put(`k${index % 40}`, `${index}`)), Effect.yieldNow)
          )
        )
        const watchers = yield* Effect.forEach([0, 1, 2, 3], (index) =>
          Effect.andThen(Effect.sleep(index * 4), record(index % 2 === 0 ? store : other))
        )
        const last = (yield* Fiber.join(writer)).at(-1)?.revision ?? 0
        const end = yield* store.read("")
        for (const seen of watchers) {
          yield* seen.when("the last change", (now) => (revisions(now).at(-1) ?? 0) >= last)
          expect(rising(revisions(seen))).toBe(true)
          expect([...seen.state.values()].sort((a, b) => (a.key < b.key ? -1 : 1))).toEqual([...end.entries])
        }
      })
    )

    check("end with their scope", ({ store }) =>
      Effect.gen(function* () {
        const short = Effect.gen(function* () {
          const inner = yield* record(store)
          yield* inner.when("a snapshot", hasSnapshot)
          return inner
        })
        const all = yield* Effect.all(Array.from({ length: 20 }, () => Effect.scoped(short)))
        const after = yield* record(store)
        yield* write(store, put("a", "1"))
        yield* after.when("the change", ({ state }) => state.has("a"))
        for (const seen of all) expect(kinds(seen)).toEqual(["snapshot"])
      })
    )

    if (connected)
      check("come back after their connection broke, with what happened meanwhile", ({ store, other, cut, mend }) =>
        Effect.gen(function* () {
          const seen = yield* record(store)
          yield* write(other, put("a", "1"))
          yield* seen.when("the first change", ({ state }) => state.has("a"))
          yield* cut ?? Effect.void
          yield* seen.when("the loss", (now) => kinds(now).at(-1) === "lost")
          yield* write(other, put("a", "2"), put("b", "2"))
          yield* write(other, { type: "delete", key: "a" })
          const { revision } = yield* write(other, put("c", "3"))
          yield* mend ?? Effect.void
          yield* seen.when("what was missed", (now) => revisions(now).at(-1) === revision)
          expect(kinds(seen).slice(-5)).toEqual(["lost", "regained", "changes", "changes", "changes"])
          expect(rising(revisions(seen))).toBe(true)
          expect(values(seen.state.values())).toEqual({ b: "2", c: "3" })
        })
      )
  })

  describe(`${name}: size`, () => {
    check("10,000 keys: written by the hundred, read and watched", ({ store, other }) =>
      Effect.gen(function* () {
        const keyOf = (index: number) => `allocations/${String(index).padStart(5, "0")}`
        const value = JSON.stringify({ service: "default/web", pool: "public", padding: "x".repeat(100) })
        const seen = yield* record(other, "allocations/")
        yield* Effect.forEach(
          Array.from({ length: 100 }, (_, index) => index * 100),
          (from) => write(store, ...Array.from({ length: 100 }, (_, index) => put(keyOf(from + index), value))),
          { concurrency: 4 }
        )
        const { entries, revision } = yield* store.read("allocations/")
        expect(entries.map(({ key }) => key)).toEqual(Array.from({ length: 10_000 }, (_, index) => keyOf(index)))
        yield* seen.when("the last change", (now) => revisions(now).at(-1) === revision)
        expect(seen.state.size).toBe(10_000)
        const late = yield* record(other, "allocations/")
        yield* late.when("a snapshot", hasSnapshot)
        expect(late.state.size).toBe(10_000)
      })
    )
  })
}
