// The simulated store keeps the port's promises, and behaves as etcd does when its links and the store itself fail.
import { describe, expect, test } from "bun:test"
import { Cause, Effect, Exit, type Layer, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { type MemoryStore, makeMemoryStore } from "../../../src/adapters/memory/MemoryStore.ts"
import { ClusterStore } from "../../../src/ports/ClusterStore.ts"
import { hasSnapshot, kinds, record, revisions, type Store } from "./recorder.ts"
import { put, runTest, storeSuite, type WithSubject, write } from "./suite.ts"

const open = (layer: Layer.Layer<ClusterStore>): Effect.Effect<Store> =>
  ClusterStore.use(Effect.succeed).pipe(Effect.provide(layer, { local: true }))

const withMemory: WithSubject = (body) =>
  runTest(
    Effect.gen(function* () {
      const memory = yield* makeMemoryStore
      const link = memory.link("a")
      const cut = Effect.sync(() => {
        link.cut()
        link.reachable = false
      })
      const mend = Effect.sync(() => {
        link.reachable = true
      })
      yield* body({ store: yield* open(memory.layerFor("a")), other: yield* open(memory.layerFor("b")), cut, mend })
    })
  )

storeSuite("memory", withMemory, true)

interface Nodes {
  readonly memory: MemoryStore
  readonly a: Store
  readonly b: Store
}

/** Under a clock that the test moves. */
const underClock = async (body: (nodes: Nodes) => Effect.Effect<void, unknown, Scope.Scope>): Promise<void> => {
  const program = Effect.gen(function* () {
    const memory = yield* makeMemoryStore
    yield* body({ memory, a: yield* open(memory.layerFor("a")), b: yield* open(memory.layerFor("b")) })
  })
  const exit = await Effect.runPromiseExit(
    Effect.scoped(program).pipe(Effect.provide(TestClock.layer(), { local: true }))
  )
  if (Exit.isFailure(exit)) throw new Error(Cause.pretty(exit.cause))
}

/** What became of something that takes time: undefined while it does. */
const outcome = <A>(effect: Effect.Effect<A, { readonly reason: string }>) =>
  Effect.gen(function* () {
    const state: { value: A | string | undefined } = { value: undefined }
    yield* Effect.forkScoped(
      effect.pipe(
        Effect.catch((error) => Effect.succeed(error.reason)),
        Effect.flatMap((value) =>
          Effect.sync(() => {
            state.value = value
          })
        )
      ),
      { startImmediately: true }
    )
    return state
  })

describe("the simulated store", () => {
  test("a slow link takes its time each way, and events keep their order", () =>
    underClock(({ memory, a, b }) =>
      Effect.gen(function* () {
        memory.link("a").delayMs = 1000
        const seen = yield* record(a)
        yield* TestClock.adjust(1999)
        expect(kinds(seen)).toEqual([])
        yield* TestClock.adjust(1)
        expect(kinds(seen)).toEqual(["snapshot"])
        const answer = yield* outcome(write(a, put("x", "1")))
        yield* TestClock.adjust(999)
        expect((yield* b.read("")).entries).toEqual([])
        yield* TestClock.adjust(1)
        expect((yield* b.read("")).entries.length).toBe(1)
        expect(answer.value).toBeUndefined()
        yield* write(b, put("y", "1"))
        yield* TestClock.adjust(1000)
        expect(answer.value).toEqual({ done: true, revision: 2 })
        expect(revisions(seen)).toEqual([1, 2, 3])
      })
    ))

  test("a partition: requests fail after a while though they may be done, the watch says lost, and all is told later", () =>
    underClock(({ memory, a, b }) =>
      Effect.gen(function* () {
        const link = memory.link("a")
        const seen = yield* record(a)
        yield* TestClock.adjust(0)
        link.delayMs = 10
        const onItsWay = yield* outcome(write(a, put("done", "1")))
        yield* TestClock.adjust(10)
        link.reachable = false
        yield* write(b, put("missed", "1"))
        const held = yield* outcome(a.keepAlive("lease-9"))
        yield* TestClock.adjust(2999)
        expect([onItsWay.value, held.value, kinds(seen)]).toEqual([undefined, undefined, ["snapshot"]])
        yield* TestClock.adjust(2001)
        expect([onItsWay.value, held.value]).toEqual(["unreachable", "unreachable"])
        expect(kinds(seen)).toEqual(["snapshot", "lost"])
        expect((yield* b.read("")).entries.map(({ key }) => key)).toEqual(["done", "missed"])
        link.reachable = true
        yield* TestClock.adjust(400)
        expect(kinds(seen)).toEqual(["snapshot", "lost", "regained", "changes", "changes"])
        expect(revisions(seen)).toEqual([1, 2, 3])
      })
    ))

  test("a short partition is only a delay", () =>
    underClock(({ memory, a, b }) =>
      Effect.gen(function* () {
        const seen = yield* record(a)
        yield* TestClock.adjust(0)
        memory.link("a").reachable = false
        yield* write(b, put("x", "1"))
        const held = yield* outcome(write(a, put("y", "1")))
        yield* TestClock.adjust(2000)
        expect([held.value, kinds(seen)]).toEqual([undefined, ["snapshot"]])
        memory.link("a").reachable = true
        yield* TestClock.adjust(0)
        expect(held.value).toEqual({ done: true, revision: 3 })
        expect(kinds(seen)).toEqual(["snapshot", "changes", "changes"])
      })
    ))

  test("a watch that comes back too late for the history gets a snapshot", () =>
    underClock(({ memory, a, b }) =>
      Effect.gen(function* () {
        const seen = yield* record(a)
        const connected = yield* record(b)
        yield* TestClock.adjust(0)
        memory.link("a").cut()
        yield* write(b, put("x", "1"))
        yield* memory.compact
        yield* TestClock.adjust(1000)
        expect(kinds(seen)).toEqual(["snapshot", "lost", "snapshot"])
        expect(kinds(connected)).toEqual(["snapshot", "changes"])
        expect(seen.state.get("x")?.value).toBe("1")
        memory.link("a").cut()
        for (let index = 0; index < 1001; index++) yield* write(b, put("x", `${index}`))
        yield* TestClock.adjust(1000)
        expect(kinds(seen).slice(3)).toEqual(["lost", "snapshot"])
        expect(seen.state.get("x")?.value).toBe("1000")
      })
    ))

  test("a lease ends within half a second of its time, in steps of the store's own clock", () =>
    underClock(({ memory, a }) =>
      Effect.gen(function* () {
        yield* write(a, put("x", "1", yield* a.grant(3)))
        yield* TestClock.adjust(2999)
        expect(memory.peek().revision).toBe(2)
        yield* TestClock.adjust(501)
        expect(memory.peek().revision).toBe(3)
      })
    ))

  test("while the store is away nothing ends; when it is back every lease has its whole time", () =>
    underClock(({ memory, a }) =>
      Effect.gen(function* () {
        const seen = yield* record(a)
        yield* TestClock.adjust(0)
        const lease = yield* a.grant(3)
        yield* write(a, put("x", "1", lease))
        yield* TestClock.adjust(2900)
        yield* memory.setDown(true)
        const refused = yield* outcome(a.keepAlive(lease))
        yield* TestClock.adjust(30_000)
        expect(refused.value).toBe("unreachable")
        expect(kinds(seen)).toEqual(["snapshot", "changes", "lost"])
        yield* memory.setDown(false)
        yield* TestClock.adjust(2900)
        expect(kinds(seen)).toEqual(["snapshot", "changes", "lost", "regained"])
        expect((yield* a.read("")).entries.length).toBe(1)
        yield* TestClock.adjust(700)
        expect((yield* a.read("")).entries.length).toBe(0)
        expect(kinds(seen).at(-1)).toBe("changes")
      })
    ))

  test("a watch that cannot even begin says so, and begins when it can", () =>
    underClock(({ memory, a }) =>
      Effect.gen(function* () {
        memory.link("a").reachable = false
        const seen = yield* record(a)
        yield* TestClock.adjust(5000)
        expect(kinds(seen)).toEqual(["lost"])
        memory.link("a").reachable = true
        yield* TestClock.adjust(1000)
        expect(kinds(seen)).toEqual(["lost", "snapshot"])
        expect(hasSnapshot(seen)).toBe(true)
      })
    ))
})
