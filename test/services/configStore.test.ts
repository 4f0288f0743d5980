// What is in force on a node, and everything that changes it: the file, the API, the store, a deadline; over restarts, losses of the
// store, and several nodes at once (S20, S21, I5, I11).
import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { configKey, configValue } from "../../src/cluster/layout.ts"
import { readRevision, revisionKey } from "../../src/cluster/revisions.ts"
import { ClusterStore } from "../../src/ports/ClusterStore.ts"
import { apply, type ConfigNode, clusterText, inConfigWorld, pass, peerText, within } from "./configWorld.ts"

const peers = ({ configs }: ConfigNode) =>
  configs
    .snapshot()
    .objects.filter(({ kind }) => kind === "BGPPeer")
    .map(({ metadata }) => metadata.name)
    .sort()

const vip = ({ configs }: ConfigNode) => configs.current()?.cluster.loadBalancer.controlPlaneVips.join()

/** An address of its own for each peer that a test puts. */
const ipOf = (name: string): string => `10.0.1.${200 + (name.charCodeAt(name.length - 1) % 50)}`

const put = (node: ConfigNode, name: string, peerIP = ipOf(name), more: object = {}) =>
  node.configs.apply({
    change: {
      type: "put",
      object: {
        apiVersion: "networking.gke.io/v1",
        kind: "BGPPeer",
        metadata: { name, labels: { use: "yes" } },
        spec: { localASN: 65001, peerASN: 65002, peerIP, sessions: 1 }
      },
      ...more
    },
    by: "root"
  })

const origins = ({ configs }: ConfigNode) =>
  configs.snapshot().history.map(({ revision, origin, by }) => `${revision} ${origin} ${by}`)

describe("a node with a store of its own", () => {
  const embedded = { kind: "embedded" } as const

  test("begins with its file as revision 1, and goes on with it after a restart", () =>
    inConfigWorld(({ files, start }) =>
      Effect.gen(function* () {
        files.set("node-1", clusterText())
        const first = yield* start(embedded)
        expect(first.configs.status()).toMatchObject({ mode: "file", revision: 1, source: "cluster.yaml" })
        const { objects } = first.configs.snapshot()
        yield* first.end
        const again = yield* start(embedded)
        expect(origins(again)).toEqual(["1 file file"])
        expect(again.configs.snapshot().objects).toEqual(objects)
      })
    ))

  test("keeps what the API changed over a restart, also when the file has changed meanwhile", () =>
    inConfigWorld(({ files, start }) =>
      Effect.gen(function* () {
        files.set("node-1", clusterText())
        const first = yield* start(embedded)
        const outcome = yield* within(put(first, "tor-b"))
        expect(outcome).toMatchObject({ outcome: "applied", revision: 2, object: { metadata: { generation: 1 } } })
        yield* first.end
        files.set("node-1", clusterText("10.0.0.9"))
        const again = yield* start(embedded)
        expect([vip(again), peers(again)]).toEqual(["10.0.0.9", ["tor-a", "tor-b"]])
        expect(origins(again)).toEqual(["3 file file", "2 api root", "1 file file"])
      })
    ))

  test("takes a document out that was taken out of its file, and leaves what the API changed in another", () =>
    inConfigWorld(({ files, start }) =>
      Effect.gen(function* () {
        files.set("node-1", clusterText("10.0.0.8", [peerText("tor-c", "10.0.1.252")]))
        const node = yield* start(embedded)
        expect((yield* within(put(node, "tor-a", "10.0.1.251"))).outcome).toBe("applied")
        yield* node.edit(clusterText())
        expect(peers(node)).toEqual(["tor-a"])
        expect(node.configs.current()?.cluster.servicePeers.map(({ peerIp }) => peerIp)).toEqual([
          "10.0.1.251" as never
        ])
        expect(node.configs.status().lastError).toBeUndefined()
      })
    ))

  test("is stopped by no broken file, neither when it runs nor when it starts (I5)", () =>
    inConfigWorld(({ files, start }) =>
      Effect.gen(function* () {
        files.set("node-1", clusterText())
        const node = yield* start(embedded)
        for (const broken of ["kind: [", undefined, "", clusterText("10.0.0.300")]) {
          yield* node.edit(broken)
          expect([vip(node), node.configs.status().revision]).toEqual(["10.0.0.8", 1])
          expect(node.configs.status().lastError).toBeDefined()
        }
        yield* node.end
        const again = yield* start(embedded)
        expect([vip(again), again.configs.status().lastError]).toEqual([
          "10.0.0.8",
          expect.stringContaining("10.0.0.300")
        ])
        yield* again.edit(clusterText())
        expect(again.configs.status().lastError).toBeUndefined()
      })
    ))

  test("does not start with a broken file where there is nothing else", () =>
    inConfigWorld(({ files, start }) =>
      Effect.gen(function* () {
        files.set("node-1", clusterText("10.0.0.300"))
        const started = yield* Effect.result(start(embedded))
        expect(started._tag === "Failure" && started.failure.message).toMatch(/controlPlaneVIP/)
      })
    ))

  test("comments and layout are no revision; a label is one, and moves nothing", () =>
    inConfigWorld(({ files, start }) =>
      Effect.gen(function* () {
        files.set("node-1", clusterText())
        const node = yield* start(embedded)
        const { objects } = node.configs.snapshot()
        yield* node.edit(`# a word\n\n${clusterText().replaceAll("65001", " 65001")}`)
        expect([node.configs.status().revision, node.configs.snapshot().objects]).toEqual([1, objects])
        yield* node.edit(clusterText().replace("{name: default}", "{name: default, labels: {team: net}}"))
        const [info] = node.configs.snapshot().history
        expect(info).toMatchObject({ revision: 2, summary: "nothing moves" })
        const group = node.configs.snapshot().objects.find(({ kind }) => kind === "NetworkGatewayGroup")
        expect(group?.metadata).toMatchObject({ generation: 2, labels: { team: "net" } })
      })
    ))

  test("an edit of the file that takes the VIP away is held back, and made by force", () =>
    inConfigWorld(({ files, start }) =>
      Effect.gen(function* () {
        files.set("node-1", clusterText())
        const node = yield* start(embedded)
        yield* node.edit(clusterText("10.0.0.9"))
        expect(vip(node)).toBe("10.0.0.8")
        expect(node.configs.status().lastError).toMatch(/10\.0\.0\.8.*\n.*--force/)
        expect((yield* within(node.configs.reloadFile(false))).done).toBe(false)
        expect(yield* within(node.configs.reloadFile(true))).toEqual({ done: true, reason: "the config is in force" })
        expect([vip(node), node.configs.current()?.force]).toEqual(["10.0.0.9", true])
      })
    ))
})

describe("nodes that share a store", () => {
  test("the first one's file begins it, the others follow, and their own files are told and not used (S20)", () =>
    inConfigWorld(({ files, start }) =>
      Effect.gen(function* () {
        files.set("node-1", clusterText())
        files.set("node-2", clusterText("10.0.0.9"))
        const one = yield* start()
        const two = yield* start({ name: "node-2" })
        expect([vip(one), vip(two)]).toEqual(["10.0.0.8", "10.0.0.8"])
        expect(one.configs.status()).toMatchObject({ mode: "store", revision: 1 })
        expect(one.configs.status().note).toBeUndefined()
        expect(two.configs.status().note).toMatch(/cluster\.yaml says something else than revision 1/)
        yield* two.edit(clusterText("10.0.0.10"))
        expect([vip(two), two.configs.status().revision]).toEqual(["10.0.0.8", 1])
        expect(yield* two.configs.reloadFile(true)).toMatchObject({ done: false })
        yield* two.edit(clusterText())
        expect(two.configs.status().note).toBeUndefined()
      })
    ))

  test("of two that start at once one's file begins it, and is not written over by the other's", () =>
    inConfigWorld(({ files, log, start }) =>
      Effect.gen(function* () {
        files.set("node-1", clusterText())
        files.set("node-2", clusterText("10.0.0.9"))
        // It finds an empty store, and while it looks at its kernel the other one puts its config there.
        const starts = [start({ name: "node-2", kernelMs: 300 }), start()]
        const nodes = yield* Effect.all(starts, { concurrency: 2 })
        yield* pass(2_000)
        expect(nodes.map(vip)).toEqual(["10.0.0.8", "10.0.0.8"])
        expect(nodes.map(({ configs }) => configs.status().revision)).toEqual([1, 1])
        expect(nodes[0]?.configs.snapshot().history).toHaveLength(1)
        expect(log.filter((line) => line.includes("the store had no config"))).toHaveLength(1)
      })
    ))

  test("a change on one is a change on all, with the same objects", () =>
    inConfigWorld(({ files, start }) =>
      Effect.gen(function* () {
        files.set("node-1", clusterText())
        const one = yield* start()
        const two = yield* start({ name: "node-2" })
        expect((yield* within(put(two, "tor-b"))).outcome).toBe("applied")
        yield* pass(100)
        expect(peers(one)).toEqual(["tor-a", "tor-b"])
        expect(one.configs.snapshot()).toEqual(two.configs.snapshot())
      })
    ))

  test("of two whole configs at once one is a conflict; of two documents both are made", () =>
    inConfigWorld(({ files, start }) =>
      Effect.gen(function* () {
        files.set("node-1", clusterText())
        const one = yield* start()
        const two = yield* start({ name: "node-2" })
        const more = (name: string) => clusterText("10.0.0.8", [peerText(name, "10.0.1.252")])
        const both = [apply(one, more("x")), apply(two, more("y"))]
        const whole = yield* within(Effect.all(both, { concurrency: 2 }))
        expect(whole.map(({ outcome }) => outcome).sort()).toEqual(["applied", "conflict"])
        yield* pass(100)
        expect(peers(one)).toEqual(peers(two))
        const puts = yield* within(Effect.all([put(one, "p"), put(two, "q")], { concurrency: 2 }))
        expect(puts.map(({ outcome }) => outcome)).toEqual(["applied", "applied"])
        yield* pass(100)
        expect([peers(one), peers(two)]).toEqual([peers(one), peers(one)])
        expect(peers(one)).toEqual(expect.arrayContaining(["p", "q"]))
      })
    ))

  test("a document is not changed on top of a change that its writer has not seen", () =>
    inConfigWorld(({ files, start }) =>
      Effect.gen(function* () {
        files.set("node-1", clusterText())
        const node = yield* start()
        expect((yield* within(put(node, "tor-a", "10.0.1.251", { ifGeneration: 1 }))).outcome).toBe("applied")
        expect((yield* within(put(node, "tor-a", "10.0.1.250", { ifGeneration: 1 }))).outcome).toBe("conflict")
        expect((yield* within(put(node, "tor-a", "10.0.1.250", { ifAbsent: true }))).outcome).toBe("exists")
        expect((yield* within(put(node, "tor-a", "10.0.1.251"))).outcome).toBe("unchanged")
      })
    ))

  test("what is not valid, or of another cluster, changes nothing", () =>
    inConfigWorld(({ files, start }) =>
      Effect.gen(function* () {
        files.set("node-1", clusterText())
        const node = yield* start()
        expect(yield* apply(node, clusterText("10.0.0.300"))).toMatchObject({ outcome: "invalid" })
        expect(yield* apply(node, clusterText("10.0.0.8", [], "other"))).toMatchObject({
          outcome: "refused",
          reason: expect.stringContaining("cluster other")
        })
        const planned = yield* apply(node, clusterText("10.0.0.8", [peerText("x", "10.0.1.252")]), { dryRun: true })
        expect(planned).toMatchObject({ outcome: "planned", revision: 1 })
        expect(yield* apply(node, clusterText("10.0.0.9"))).toMatchObject({ outcome: "guarded" })
        expect(origins(node)).toEqual(["1 file file"])
      })
    ))

  test("a rollback is a new revision with the documents of the old one", () =>
    inConfigWorld(({ files, start }) =>
      Effect.gen(function* () {
        files.set("node-1", clusterText())
        const node = yield* start()
        yield* within(put(node, "tor-b"))
        const back = node.configs.apply({ change: { type: "rollback", to: 1 }, by: "alice", message: "wrong rack" })
        expect(yield* within(back)).toMatchObject({ outcome: "applied", revision: 3 })
        expect(peers(node)).toEqual(["tor-a"])
        expect(node.configs.snapshot().history[0]).toMatchObject({
          origin: "rollback",
          by: "alice",
          message: "wrong rack"
        })
        expect(yield* node.configs.documents(2)).toContain("tor-b")
        expect(yield* node.configs.documents(0)).not.toContain("tor-b")
        expect(yield* node.configs.documents(9)).toBeUndefined()
        expect(yield* node.configs.apply({ change: { type: "rollback", to: 9 }, by: "alice" })).toMatchObject({
          outcome: "refused",
          reason: expect.stringContaining("revision 9 is not kept")
        })
      })
    ))

  test("a node starts from its copy while the store is away, and takes up what changed when it is back (I11)", () =>
    inConfigWorld(({ files, memory, start }) =>
      Effect.gen(function* () {
        files.set("node-1", clusterText())
        const one = yield* start()
        const two = yield* start({ name: "node-2" })
        yield* within(put(one, "tor-b"))
        yield* pass(100)
        yield* one.end
        memory.link("node-1").reachable = false
        const again = yield* start()
        expect(peers(again)).toEqual(["tor-a", "tor-b"])
        expect(again.configs.status()).toMatchObject({ mode: "store", revision: 2 })
        expect(again.configs.status().note).toMatch(/has not answered since the start.*its own copy/)
        expect(yield* put(again, "tor-c")).toMatchObject({
          outcome: "refused",
          reason: expect.stringContaining("cannot be reached")
        })
        yield* within(put(two, "tor-d"))
        memory.link("node-1").reachable = true
        yield* pass(5_000)
        expect(peers(again)).toEqual(["tor-a", "tor-b", "tor-d"])
        expect(again.configs.status().note).toMatch(/says something else than revision 3/)
      })
    ))

  test("with neither copy nor store a node starts from its file, and a store that is empty begins with that", () =>
    inConfigWorld(({ files, memory, start }) =>
      Effect.gen(function* () {
        files.set("node-1", clusterText())
        memory.link("node-1").reachable = false
        const node = yield* start()
        expect([vip(node), node.configs.status().revision]).toEqual(["10.0.0.8", 0])
        memory.link("node-1").reachable = true
        yield* pass(5_000)
        expect(node.configs.status()).toMatchObject({ revision: 1 })
        expect(origins(node)).toEqual(["1 file file"])
      })
    ))

  test("a node without a file waits for a config and says so", () =>
    inConfigWorld(({ files, start }) =>
      Effect.gen(function* () {
        const two = yield* start({ name: "node-2" })
        expect(two.configs.current()).toBeUndefined()
        expect(two.configs.status().note).toMatch(/no config yet/)
        expect(yield* put(two, "x")).toMatchObject({ outcome: "refused", reason: expect.stringContaining("whole one") })
        files.set("node-1", clusterText())
        yield* start()
        yield* pass(200)
        expect([vip(two), two.configs.status().note]).toEqual(["10.0.0.8", undefined])
      })
    ))

  test("a cluster without any file begins with the first apply", () =>
    inConfigWorld(({ start }) =>
      Effect.gen(function* () {
        const node = yield* start()
        expect(yield* within(apply(node, clusterText()))).toMatchObject({ outcome: "applied", revision: 1 })
        expect(origins(node)).toEqual(["1 apply root"])
      })
    ))

  test("the pointer of a version that kept no documents is gone on from", () =>
    inConfigWorld(({ files, memory, start }) =>
      Effect.gen(function* () {
        const old = configValue({ revision: 7, hash: "0123", node: "node-2", at: "2026-01-01T00:00:00.000Z" })
        yield* Effect.andThen(ClusterStore, (store) =>
          store.commit({ when: [], operations: [{ type: "put", key: configKey, value: old }] })
        ).pipe(Effect.provide(memory.layerFor("operator")), Effect.orDie)
        files.set("node-1", clusterText())
        const node = yield* start()
        expect(origins(node)).toEqual(["8 file file"])
      })
    ))

  test("a store that lost everything begins again with what runs", () =>
    inConfigWorld(({ files, memory, start }) =>
      Effect.gen(function* () {
        files.set("node-1", clusterText())
        const one = yield* start()
        const two = yield* start({ name: "node-2" })
        yield* within(put(one, "tor-b"))
        yield* pass(100)
        const keys = [...one.cluster.state().entries.keys()].filter((key) => key.startsWith("config/"))
        yield* Effect.andThen(ClusterStore, (store) =>
          store.commit({ when: [], operations: keys.map((key) => ({ type: "delete" as const, key })) })
        ).pipe(Effect.provide(memory.layerFor("operator")), Effect.orDie)
        yield* pass(3_000)
        for (const node of [one, two])
          expect([peers(node), origins(node)]).toEqual([["tor-a", "tor-b"], ["3 file file"]])
        expect((yield* within(put(two, "tor-c"))).outcome).toBe("applied")
      })
    ))

  test("what another version wrote and this one cannot read stops nothing, and nothing is written over it", () =>
    inConfigWorld(({ files, memory, start }) =>
      Effect.gen(function* () {
        files.set("node-1", clusterText())
        const node = yield* start()
        const write = (value: string) =>
          Effect.andThen(ClusterStore, (store) =>
            store.commit({ when: [], operations: [{ type: "put", key: configKey, value }] })
          ).pipe(Effect.provide(memory.layerFor("operator")), Effect.orDie)
        yield* write('{"revision":"of another kind"}')
        yield* pass(3_000)
        expect(vip(node)).toBe("10.0.0.8")
        expect(node.configs.status().note).toMatch(/another version of viaduct/)
        expect((yield* put(node, "x")).outcome).toBe("refused")
      })
    ))

  test("old revisions are forgotten, what is in force is not", () =>
    inConfigWorld(({ files, start }) =>
      Effect.gen(function* () {
        files.set("node-1", clusterText())
        const node = yield* start()
        for (let n = 0; n < 55; n++) yield* within(put(node, "tor-b", `10.0.1.${n + 110}`))
        const { history, revision } = node.configs.snapshot()
        expect([revision, history.length, history.at(-1)?.revision]).toEqual([56, 50, 7])
        const { entries } = node.cluster.state()
        expect(readRevision(entries.get(revisionKey(56))?.value ?? "")?.info.revision).toBe(56)
      })
    ))
})

describe("a change that waits to be confirmed", () => {
  const changed = clusterText("10.0.0.8", [peerText("tor-b", "10.0.1.254")])

  test("is taken back at its time by the node that made it, and kept where somebody confirms", () =>
    inConfigWorld(({ files, start }) =>
      Effect.gen(function* () {
        files.set("node-1", clusterText())
        const one = yield* start()
        const two = yield* start({ name: "node-2" })
        const outcome = yield* within(apply(one, changed, { confirmWithinSeconds: 60 }))
        expect(outcome).toMatchObject({ outcome: "applied", confirmUntil: expect.any(String) })
        yield* pass(100)
        expect(two.configs.status().unconfirmed).toMatchObject({ rollbackTo: 1 })
        expect(yield* put(two, "x")).toMatchObject({
          outcome: "refused",
          reason: expect.stringContaining("viaduct confirm")
        })
        yield* pass(59_000)
        expect([peers(one), peers(two)]).toEqual([
          ["tor-a", "tor-b"],
          ["tor-a", "tor-b"]
        ])
        yield* pass(1_500)
        expect([peers(one), peers(two)]).toEqual([["tor-a"], ["tor-a"]])
        expect(two.configs.snapshot().history[0]).toMatchObject({ revision: 3, origin: "unconfirmed", node: "node-1" })
        expect(two.configs.status().unconfirmed).toBeUndefined()

        yield* within(apply(two, changed, { confirmWithinSeconds: 60 }))
        expect(yield* two.configs.confirm("alice")).toEqual({ done: true, reason: "revision 4 stays" })
        yield* pass(70_000)
        expect([peers(one), peers(two)]).toEqual([
          ["tor-a", "tor-b"],
          ["tor-a", "tor-b"]
        ])
        expect(yield* one.configs.confirm("alice")).toEqual({ done: false, reason: "nothing waits to be confirmed" })
      })
    ))

  test("can be taken back before its time", () =>
    inConfigWorld(({ files, start }) =>
      Effect.gen(function* () {
        files.set("node-1", clusterText())
        const node = yield* start()
        yield* within(apply(node, changed, { confirmWithinSeconds: 60 }))
        const back = yield* within(node.configs.apply({ change: { type: "rollback", to: 1 }, by: "root" }))
        expect([back.outcome, peers(node)]).toEqual(["applied", ["tor-a"]])
        yield* pass(70_000)
        expect(origins(node)[0]).toBe("3 rollback root")
      })
    ))

  test("is taken back by another node where the one that made it is gone", () =>
    inConfigWorld(({ files, start }) =>
      Effect.gen(function* () {
        files.set("node-1", clusterText())
        const one = yield* start()
        const two = yield* start({ name: "node-2" })
        yield* within(apply(one, changed, { confirmWithinSeconds: 30 }))
        yield* pass(100)
        yield* one.end
        yield* pass(31_000)
        expect(peers(two)).toEqual(["tor-a", "tor-b"])
        yield* pass(3_000)
        expect(peers(two)).toEqual(["tor-a"])
        expect(two.configs.snapshot().history[0]).toMatchObject({ origin: "unconfirmed", node: "node-2" })
      })
    ))

  test("is taken back after a restart, at once where its time is over", () =>
    inConfigWorld(({ files, start }) =>
      Effect.gen(function* () {
        files.set("node-1", clusterText())
        const one = yield* start({ kind: "embedded" })
        yield* within(apply(one, changed, { confirmWithinSeconds: 30 }))
        yield* one.end
        yield* pass(20_000)
        const two = yield* start({ kind: "embedded" })
        expect(peers(two)).toEqual(["tor-a", "tor-b"])
        yield* two.end
        yield* pass(20_000)
        const three = yield* start({ kind: "embedded" })
        yield* pass(200)
        expect(peers(three)).toEqual(["tor-a"])
        expect(origins(three)[0]).toBe("3 unconfirmed viaduct")
      })
    ))

  test("is taken back by a node alone where the store cannot be reached, and the store is told when it can", () =>
    inConfigWorld(({ files, memory, start }) =>
      Effect.gen(function* () {
        files.set("node-1", clusterText())
        const node = yield* start()
        yield* within(apply(node, changed, { confirmWithinSeconds: 30 }))
        memory.link("node-1").reachable = false
        yield* pass(32_000)
        expect(peers(node)).toEqual(["tor-a"])
        expect(node.configs.status().note).toMatch(/not confirmed in time/)
        memory.link("node-1").reachable = true
        yield* pass(8_000)
        expect([peers(node), origins(node)[0]]).toEqual([["tor-a"], "3 unconfirmed viaduct"])
        expect(node.configs.status().note).toBeUndefined()
      })
    ))

  test("is taken back by a node that starts alone with its copy, at its time", () =>
    inConfigWorld(({ files, memory, start }) =>
      Effect.gen(function* () {
        files.set("node-1", clusterText())
        const one = yield* start()
        yield* within(apply(one, changed, { confirmWithinSeconds: 30 }))
        yield* one.end
        memory.link("node-1").reachable = false
        yield* pass(10_000)
        const two = yield* start()
        expect([peers(two), two.configs.status().unconfirmed?.rollbackTo]).toEqual([["tor-a", "tor-b"], 1])
        yield* pass(25_000)
        expect([peers(two), two.configs.status().revision]).toEqual([["tor-a"], 1])
        yield* two.end
        const three = yield* start()
        expect(peers(three)).toEqual(["tor-a"])
        memory.link("node-1").reachable = true
        yield* pass(8_000)
        expect(origins(three)[0]).toBe("3 unconfirmed viaduct")
      })
    ))

  test("comes back to a node that took it back alone, where it was confirmed meanwhile", () =>
    inConfigWorld(({ files, memory, start }) =>
      Effect.gen(function* () {
        files.set("node-1", clusterText())
        const one = yield* start()
        const two = yield* start({ name: "node-2" })
        yield* within(apply(two, changed, { confirmWithinSeconds: 30 }))
        yield* pass(100)
        memory.link("node-1").reachable = false
        yield* two.configs.confirm("root")
        yield* pass(40_000)
        expect([peers(one), peers(two)]).toEqual([["tor-a"], ["tor-a", "tor-b"]])
        memory.link("node-1").reachable = true
        yield* pass(8_000)
        expect([peers(one), origins(one)[0]]).toEqual([["tor-a", "tor-b"], "2 apply root"])
      })
    ))
})

describe("recovery mode", () => {
  test("runs the file whatever the store says, follows its edits, and takes no other change (S21)", () =>
    inConfigWorld(({ files, start }) =>
      Effect.gen(function* () {
        files.set("node-1", clusterText())
        files.set("node-2", clusterText("10.0.0.9"))
        const one = yield* start()
        const two = yield* start({ name: "node-2", local: true })
        expect([vip(one), vip(two)]).toEqual(["10.0.0.8", "10.0.0.9"])
        expect(two.configs.status()).toMatchObject({ mode: "local", revision: 0 })
        expect(two.configs.status().note).toMatch(/recovery mode: this node runs cluster\.yaml/)
        yield* two.edit(clusterText("10.0.0.10"))
        expect(vip(two)).toBe("10.0.0.10")
        yield* within(put(one, "tor-b"))
        yield* pass(100)
        expect(peers(two)).toEqual(["tor-a"])
        expect(yield* put(two, "x")).toMatchObject({
          outcome: "refused",
          reason: expect.stringContaining("recovery mode")
        })
        expect((yield* two.configs.confirm("root")).done).toBe(false)
        yield* two.edit("kind: [")
        expect([vip(two), two.configs.status().lastError]).toEqual([
          "10.0.0.10",
          expect.stringContaining("cluster.yaml")
        ])
      })
    ))
})
