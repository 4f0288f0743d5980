// The store in a real etcd: what every store promises, and what only etcd can do to us. Members are ended, killed and frozen,
// connections are cut and held, revisions are forgotten.
import { afterAll, describe, expect } from "bun:test"
import { Effect, Fiber, type Scope } from "effect"
import { etcdStore } from "../../src/adapters/etcd/EtcdStore.ts"
import { ClusterStore } from "../../src/ports/ClusterStore.ts"
import { hasSnapshot, kinds, type Recorder, record, revisions, type Store } from "../adapters/store/recorder.ts"
import { put, runTest, storeSuite, type WithSubject, write } from "../adapters/store/suite.ts"
import { type EtcdCluster, type EtcdOptions, startEtcd } from "../lab/etcd.ts"
import { requires } from "../lab/requires.ts"
import { TcpProxy } from "../lab/tcpProxy.ts"

const open = (endpoints: ReadonlyArray<string>, prefix = "/viaduct/test/"): Effect.Effect<Store> =>
  ClusterStore.use(Effect.succeed).pipe(Effect.provide(etcdStore({ endpoints }, prefix), { local: true }))

const { met, test } = requires("etcd", "etcdctl")

let shared: EtcdCluster | undefined
let clusters = 0

/** One etcd for the whole suite; a cluster's prefix of its own for each test. */
const withEtcd: WithSubject = async (body) => {
  shared ??= await startEtcd()
  clusters += 1
  const prefix = `/viaduct/c${clusters}/`
  await using proxy = await TcpProxy.before(shared.member.endpoint)
  const { endpoints } = shared
  const away = Effect.promise(() => proxy.close())
  const back = Effect.promise(() => proxy.open())
  await runTest(
    Effect.gen(function* () {
      const [store, other] = [yield* open([proxy.url], prefix), yield* open(endpoints, prefix)]
      yield* body({ store, other, cut: away, mend: back })
    })
  )
}

afterAll(() => shared?.stop())

if (met) storeSuite("etcd", withEtcd, true)

interface World {
  readonly etcd: EtcdCluster
  readonly proxies: ReadonlyArray<TcpProxy>
  /** Through the proxies, one before each member. */
  readonly store: Store
  /** Straight to the members. */
  readonly direct: Store
}

const inWorld = async (
  body: (world: World) => Effect.Effect<void, unknown, Scope.Scope>,
  options: EtcdOptions = {}
) => {
  await using etcd = await startEtcd(options)
  const proxies = await Promise.all(etcd.endpoints.map((endpoint) => TcpProxy.before(endpoint)))
  try {
    await runTest(
      Effect.gen(function* () {
        yield* body({
          etcd,
          proxies,
          store: yield* open(proxies.map(({ url }) => url)),
          direct: yield* open(etcd.endpoints)
        })
      })
    )
  } finally {
    await Promise.all(proxies.map((proxy) => proxy.close()))
  }
}

const does = (body: () => Promise<unknown>) => Effect.promise(body)

/** ms that `effect` takes. */
const timed = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const started = performance.now()
    yield* effect
    return performance.now() - started
  })

const toldLost = (seen: Recorder) => kinds(seen).at(-1) === "lost"
const toldUpTo = (revision: number) => (seen: Recorder) => (revisions(seen).at(-1) ?? 0) >= revision

/** Every revision from the snapshot on, once: the test is the only one who writes. */
const gapless = (seen: Recorder): boolean =>
  revisions(seen).every((one, index, all) => index === 0 || one === (all[index - 1] ?? 0) + 1)

/** Writes numbers to one key until interrupted, again after failures; gives the revisions that were acknowledged. */
const writing = (store: Store) =>
  Effect.gen(function* () {
    const acknowledged: Array<number> = []
    const one = (text: string) =>
      write(store, put("counter", text)).pipe(
        Effect.map(({ revision }) => acknowledged.push(revision)),
        Effect.catch(() => Effect.sleep(50))
      )
    const forever = Effect.gen(function* () {
      for (let count = 0; ; count++) yield* one(`${count}`)
    })
    const fiber = yield* Effect.forkScoped(forever)
    return { acknowledged, stop: Fiber.interrupt(fiber) }
  })

/** A lease that is kept alive every `everyMs`, each time without waiting for the answer before. */
const keeping = (store: Store, seconds: number, everyMs: number) =>
  Effect.gen(function* () {
    const lease = yield* store.grant(seconds)
    const failures: Array<string> = []
    const one = store.keepAlive(lease).pipe(
      Effect.catch((error) => Effect.sync(() => failures.push(error.reason))),
      Effect.asVoid
    )
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.forkScoped(one), Effect.sleep(everyMs))))
    return { lease, failures }
  })

describe("one member of etcd", () => {
  for (const how of ["stop", "kill"] as const)
    test(`${how === "stop" ? "restarted" : "killed with -9 and started again"} under a watch: no event is lost, none is told twice`, () =>
      inWorld(({ etcd, store }) =>
        Effect.gen(function* () {
          const seen = yield* record(store)
          const kept = yield* keeping(store, 3, 500)
          yield* write(store, put("leased", "1", kept.lease))
          const writer = yield* writing(store)
          yield* seen.when("the first writes", ({ news }) => news.length > 20)
          yield* does(() => etcd.member[how]())
          yield* seen.when("the loss", toldLost)
          yield* does(async () => etcd.member.start())
          yield* seen.when("that it is back", (now) => kinds(now).includes("regained"))
          const goesOn = seen.news.length + 20
          yield* seen.when("more writes", ({ news }) => news.length > goesOn)
          yield* writer.stop
          const { revision } = yield* write(store, put("end", "1"))
          yield* seen.when("the end", toldUpTo(revision))
          expect(gapless(seen)).toBe(true)
          expect(kinds(seen).filter((kind) => kind === "snapshot").length).toBe(1)
          expect(writer.acknowledged.filter((one) => !revisions(seen).includes(one))).toEqual([])
          // A lease of 3 s lived through it.
          expect(seen.state.get("leased")?.value).toBe("1")
          expect(kept.failures.includes("lease-gone")).toBe(false)
        })
      ))

  test("frozen: the watch says so within 3.5 s, and goes on after the thaw", () =>
    inWorld(({ etcd, store }) =>
      Effect.gen(function* () {
        const seen = yield* record(store)
        yield* write(store, put("a", "1"))
        yield* seen.when("the write", ({ state }) => state.has("a"))
        etcd.member.freeze()
        const tookMs = yield* timed(seen.when("the loss", toldLost))
        expect(tookMs).toBeGreaterThan(2000)
        expect(tookMs).toBeLessThan(3500)
        etcd.member.thaw()
        yield* seen.when("that it is back", (now) => kinds(now).at(-1) === "regained")
        const { revision } = yield* write(store, put("a", "2"))
        yield* seen.when("the write", toldUpTo(revision))
        expect(gapless(seen)).toBe(true)
      })
    ))

  test("everything silent for a while: noticed, and nothing is missed afterwards", () =>
    inWorld(({ proxies, store, direct }) =>
      Effect.gen(function* () {
        const seen = yield* record(store)
        yield* seen.when("a snapshot", hasSnapshot)
        for (const proxy of proxies) proxy.hold()
        const tookMs = yield* timed(seen.when("the loss", toldLost))
        expect(tookMs).toBeLessThan(3700)
        yield* write(direct, put("meanwhile", "1"))
        for (const proxy of proxies) proxy.release()
        yield* seen.when("what was missed", ({ state }) => state.has("meanwhile"))
        expect(kinds(seen)).toEqual(["snapshot", "lost", "regained", "changes"])
      })
    ))

  test("connections that died without a word: a lease of 3 s and a write outlive them, the watch catches up in 4 s", () =>
    inWorld(({ proxies, store, direct }) =>
      Effect.gen(function* () {
        const seen = yield* record(store)
        const kept = yield* keeping(store, 3, 1000)
        yield* write(store, put("leased", "1", kept.lease))
        yield* seen.when("the write", ({ state }) => state.has("leased"))
        for (const proxy of proxies) proxy.strand()
        yield* write(direct, put("meanwhile", "1"))
        expect(yield* timed(seen.when("what was missed", ({ state }) => state.has("meanwhile")))).toBeLessThan(4500)
        expect(yield* timed(write(store, put("own", "1")))).toBeLessThan(1000)
        yield* seen.when("the own write", ({ state }) => state.has("own"))
        expect(seen.state.has("leased")).toBe(true)
        expect(kept.failures).toEqual([])
        expect(gapless(seen)).toBe(true)
      })
    ))

  test("slow by 2 s for every answer: nothing is lost, no lease ends, the watch goes on", () =>
    inWorld(({ proxies: [proxy], store, direct }) =>
      Effect.gen(function* () {
        const seen = yield* record(store)
        const kept = yield* keeping(store, 3, 500)
        yield* write(store, put("leased", "1", kept.lease))
        yield* seen.when("the write", ({ state }) => state.has("leased"))
        if (proxy !== undefined) proxy.delayMs = 2000
        const writtenMs = yield* timed(write(store, put("slow", "1")))
        expect(writtenMs).toBeGreaterThan(1900)
        yield* Effect.sleep(7000)
        yield* write(direct, put("late", "1"))
        yield* seen.when("the late write", ({ state }) => state.has("late"))
        expect(kinds(seen).filter((kind) => kind !== "changes")).toEqual(["snapshot"])
        expect(kept.failures).toEqual([])
        expect((yield* direct.read("leased")).entries.length).toBe(1)
      })
    ))

  test("history compacted while the connection was away: a new snapshot, and on from there", () =>
    inWorld(({ etcd, proxies: [proxy], store, direct }) =>
      Effect.gen(function* () {
        const seen = yield* record(store)
        yield* seen.when("a snapshot", hasSnapshot)
        yield* write(direct, put("old", "1"), put("changed", "1"))
        yield* seen.when("the write", ({ state }) => state.has("old"))
        yield* does(async () => proxy?.close())
        yield* seen.when("the loss", toldLost)
        yield* write(direct, put("changed", "2"), { type: "delete", key: "old" })
        const { revision } = yield* write(direct, put("new", "1"))
        yield* does(() => etcd.etcdctl("compact", `${revision}`))
        yield* does(async () => proxy?.open())
        yield* seen.when("the snapshot", ({ news }) => news.filter(({ type }) => type === "snapshot").length === 2)
        expect(kinds(seen)).toEqual(["snapshot", "changes", "lost", "snapshot"])
        expect([...seen.state].map(([key, { value }]) => `${key}=${value}`)).toEqual(["changed=2", "new=1"])
        const { revision: last } = yield* write(direct, put("new", "2"))
        yield* seen.when("the change", toldUpTo(last))
        expect(seen.state.get("new")?.value).toBe("2")
      })
    ))

  test("what was missed may be large: 2,000 revisions with 8 MB", () =>
    inWorld(({ proxies: [proxy], store, direct }) =>
      Effect.gen(function* () {
        const seen = yield* record(store)
        yield* seen.when("a snapshot", hasSnapshot)
        yield* does(async () => proxy?.close())
        yield* seen.when("the loss", toldLost)
        const text = "x".repeat(4000)
        yield* Effect.forEach(
          Array.from({ length: 2000 }, (_, index) => index),
          (index) => write(direct, put(`k${index}`, text)),
          { concurrency: 16 }
        )
        const { revision } = yield* write(direct, ...Array.from({ length: 100 }, (_, index) => put(`t${index}`, text)))
        yield* does(async () => proxy?.open())
        yield* seen.when("the last one", toldUpTo(revision))
        expect(gapless(seen)).toBe(true)
        expect(seen.state.size).toBe(2100)
        const last = seen.news.at(-1)
        expect(last?.type === "changes" && last.changes.length).toBe(100)
      })
    ))

  test("restored from an older backup, or another etcd at the same place: a new snapshot", () =>
    inWorld(({ etcd, proxies, store, direct }) =>
      Effect.gen(function* () {
        const seen = yield* record(store)
        yield* write(direct, put("a", "1"))
        yield* write(direct, put("a", "2"))
        yield* seen.when("the writes", ({ state }) => state.get("a")?.value === "2")
        yield* does(() => Promise.all(proxies.map((proxy) => proxy.close())))
        yield* seen.when("the loss", toldLost)
        yield* does(async () => {
          await etcd.member.kill()
          etcd.wipe()
          etcd.member.start()
          await etcd.healthy()
        })
        yield* write(direct, put("b", "1"))
        yield* does(() => Promise.all(proxies.map((proxy) => proxy.open())))
        yield* seen.when("a snapshot", ({ state }) => state.has("b"))
        expect(kinds(seen).slice(-2)).toEqual(["lost", "snapshot"])
        expect([...seen.state.keys()]).toEqual(["b"])
      })
    ))

  test("others write elsewhere in the same etcd: the watch stays as it is for its watcher", () =>
    inWorld(({ etcd, store }) =>
      Effect.gen(function* () {
        const seen = yield* record(store)
        yield* seen.when("a snapshot", hasSnapshot)
        const elsewhere = yield* writing(yield* open(etcd.endpoints, "/elsewhere/"))
        yield* Effect.sleep(5000)
        const { revision } = yield* write(store, put("a", "1"))
        yield* seen.when("the write", toldUpTo(revision))
        yield* elsewhere.stop
        expect(elsewhere.acknowledged.length).toBeGreaterThan(100)
        expect(kinds(seen)).toEqual(["snapshot", "changes"])
      })
    ))

  test("not there yet: requests say why, a watch begins when it comes", () =>
    inWorld(({ etcd, store }) =>
      Effect.gen(function* () {
        yield* does(() => etcd.member.stop())
        const error = yield* Effect.flip(store.read(""))
        expect(error.reason).toBe("unreachable")
        const seen = yield* record(store)
        yield* seen.when("the loss", toldLost)
        yield* does(async () => etcd.member.start())
        yield* seen.when("a snapshot", hasSnapshot)
        expect(kinds(seen)).toEqual(["lost", "snapshot"])
      })
    ))
})

describe("three members of etcd", () => {
  for (const how of ["kill", "freeze"] as const)
    test(
      `the leader ${how === "kill" ? "killed" : "frozen"}: leases live, watches go on at another member`,
      () =>
        inWorld(
          ({ etcd, direct: store }) =>
            Effect.gen(function* () {
              const leader = yield* Effect.promise(() => etcd.leader())
              // The store's first endpoint is the leader: the worst case.
              const order = [leader, ...etcd.members.filter((one) => one !== leader)].map(({ endpoint }) => endpoint)
              const client = yield* open(order)
              const seen = yield* record(client)
              const kept = yield* keeping(client, 3, 500)
              yield* write(client, put("leased", "1", kept.lease))
              yield* seen.when("the write", ({ state }) => state.has("leased"))
              if (how === "kill") yield* does(() => leader.kill())
              else leader.freeze()
              const rest = yield* open(order.slice(1))
              const again = Effect.retry(write(rest, put("after", "1")), { times: 20 })
              const { revision } = yield* again
              const tookMs = yield* timed(seen.when("the write after it", toldUpTo(revision)))
              expect(tookMs).toBeLessThan(4000)
              yield* Effect.sleep(4000)
              expect((yield* rest.read("leased")).entries.length).toBe(1)
              expect(kept.failures.includes("lease-gone")).toBe(false)
              expect(gapless(seen)).toBe(true)
              if (how === "kill") leader.start()
              else leader.thaw()
              yield* does(() => etcd.healthy())
              const last = yield* write(store, put("end", "1"))
              yield* seen.when("the end", toldUpTo(last.revision))
            }),
          { members: 3 }
        ),
      60_000
    )

  test(
    "two of them gone: no leader is told as a loss, and regained when one is back",
    () =>
      inWorld(
        ({ etcd, direct: store }) =>
          Effect.gen(function* () {
            const seen = yield* record(store)
            yield* seen.when("a snapshot", hasSnapshot)
            const [first, second] = etcd.members
            yield* does(() => Promise.all([first?.kill(), second?.kill()]))
            yield* seen.when("the loss", toldLost)
            const error = yield* Effect.flip(write(store, put("a", "1")))
            expect(error.reason).toBe("unreachable")
            first?.start()
            yield* seen.when("that it is back", (now) => kinds(now).at(-1) === "regained")
            const { revision } = yield* Effect.retry(write(store, put("a", "1")), { times: 20 })
            yield* seen.when("the write", toldUpTo(revision))
          }),
        { members: 3 }
      ),
    60_000
  )
})
