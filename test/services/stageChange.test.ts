// A change peer by peer: the next step comes when the sessions of this one are Established, and the first that fails is taken back.
import { expect, test } from "bun:test"
import { Effect, Fiber, Layer, Stream } from "effect"
import { TestClock } from "effect/testing"
import type { ApplyRequest } from "../../src/config/change.ts"
import { type ConfigFile, loadCluster } from "../../src/config/load.ts"
import type { ApplyOutcome, StageProgress } from "../../src/config/outcome.ts"
import type { Guard } from "../../src/plan/change.ts"
import { emptyView } from "../../src/plan/view.ts"
import { type Staging, stageChange } from "../../src/services/stageChange.ts"

const twoNodes = (...peers: ReadonlyArray<string>): ReadonlyArray<ConfigFile> =>
  config(...peers).map(({ path, text }) => ({
    path,
    text: text.replace("{ address: 10.0.1.11 }", "{ address: 10.0.1.11 }, { address: 10.0.1.12 }")
  }))

const config = (...peers: ReadonlyArray<string>): ReadonlyArray<ConfigFile> => [
  {
    path: "cluster.yaml",
    text: `apiVersion: baremetal.cluster.gke.io/v1
kind: Cluster
metadata: { name: bm }
spec:
  controlPlane: { nodePoolSpec: { nodes: [{ address: 10.0.1.11 }] } }
  loadBalancer:
    type: bgp
    localASN: 65001
    vips: { controlPlaneVIP: 10.0.9.8 }
    bgpPeers: [${peers.map((ip) => `{ ip: ${ip}, asn: 65002 }`).join(", ")}]
`
  }
]

const peersOf = (files: ReadonlyArray<ConfigFile>): ReadonlyArray<string> =>
  loadCluster(files).cluster?.loadBalancer.controlPlanePeers.map(({ ip }) => ip) ?? []

/** A node whose sessions come up unless the peer is dead; keeps what it was asked to apply. */
const fakeNode = (start: ReadonlyArray<ConfigFile>, dead: ReadonlyArray<string>, guards: ReadonlyArray<Guard> = []) => {
  const revisions = [start]
  const asked: Array<string> = []
  const filesOf = ({ change }: ApplyRequest): ReadonlyArray<ConfigFile> => {
    if (change.type === "files") return change.files
    if (change.type === "rollback") return revisions[change.to - 1] ?? []
    throw new Error(`not expected: ${change.type}`)
  }
  const inForce = () => revisions.at(-1) ?? []
  const apply = (request: ApplyRequest): ApplyOutcome => {
    const files = filesOf(request)
    const change = { lines: [], guards, summary: "summary" }
    if (loadCluster(files).cluster === undefined) return { outcome: "invalid", problems: loadCluster(files).problems }
    if (request.dryRun === true) return { outcome: "planned", revision: revisions.length, change, warnings: [] }
    revisions.push(files)
    asked.push(`${request.change.type} ${peersOf(files).join(" ")}: ${request.message}`)
    return { outcome: "applied", revision: revisions.length, change, warnings: [] }
  }
  const staging: Staging = {
    inForce: Effect.sync(() => ({ revision: revisions.length, files: inForce() })),
    apply: (request) => Effect.sync(() => apply(request)),
    view: Effect.succeed(undefined),
    status: Effect.sync(() => ({
      node: "n",
      config: { source: "", loadedAt: "", hash: "", mode: "file", revision: revisions.length },
      elsewhere: [],
      members: [],
      sessions: peersOf(inForce()).map((peer) => ({
        name: `${peer}-n`,
        purpose: "control-plane",
        localAsn: 65001,
        peerAsn: 65002,
        localAddress: "10.0.1.11",
        peerAddress: peer,
        peerPort: 179,
        state: dead.includes(peer) ? "Active" : "Established",
        ...(dead.includes(peer) ? { reason: "connection refused" } : {}),
        since: "",
        lastReport: "",
        flaps: 0,
        advertised: [],
        received: { routes: 0, sample: [] },
        sent: { open: 0, update: 0, notification: 0, keepalive: 0, routeRefresh: 0 },
        got: { open: 0, update: 0, notification: 0, keepalive: 0, routeRefresh: 0 }
      }))
    }))
  }
  return { staging, asked, inForce }
}

const staged = (node: ReturnType<typeof fakeNode>, files: ReadonlyArray<ConfigFile>, force = false) =>
  Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const request = { files, by: "root", message: "new racks", stepSeconds: 20, force }
        const run = yield* Effect.forkChild(Stream.runCollect(stageChange(node.staging, request)))
        yield* TestClock.adjust("60 seconds")
        return yield* Fiber.join(run)
      })
    ).pipe(Effect.provide(TestClock.layer().pipe(Layer.fresh), { local: true }))
  ) as Promise<ReadonlyArray<StageProgress>>

const told = (progress: ReadonlyArray<StageProgress>): ReadonlyArray<string> =>
  progress.map(({ step, steps, what, state }) => `${step}/${steps} ${what}: ${state}`)

test("each new peer is Established before an old one goes", async () => {
  const node = fakeNode(config("10.0.1.1"), [])
  expect(told(await staged(node, config("10.0.1.2")))).toEqual([
    "1/2 add peer 10.0.1.2: started",
    "1/2 add peer 10.0.1.2: done",
    "2/2 remove peer 10.0.1.1: started",
    "2/2 remove peer 10.0.1.1: done"
  ])
  expect(node.asked).toEqual([
    "files 10.0.1.1 10.0.1.2: new racks (step 1 of 2: add peer 10.0.1.2)",
    "files 10.0.1.2: new racks (step 2 of 2: remove peer 10.0.1.1)"
  ])
})

test("a new peer that does not come up is taken back, and the old one stays", async () => {
  const node = fakeNode(config("10.0.1.1"), ["10.0.1.3"])
  const progress = await staged(node, config("10.0.1.2", "10.0.1.3"))
  expect(told(progress)).toEqual([
    "1/3 add peer 10.0.1.2: started",
    "1/3 add peer 10.0.1.2: done",
    "2/3 add peer 10.0.1.3: started",
    "2/3 add peer 10.0.1.3: waiting",
    "2/3 add peer 10.0.1.3: failed"
  ])
  expect(peersOf(node.inForce())).toEqual(["10.0.1.1", "10.0.1.2"])
  expect(progress.at(-1)?.detail).toContain("to 10.0.1.3 is Active: connection refused")
  expect(progress.at(-1)?.detail).toContain("the config is that of revision 2 again")
  expect(progress.at(-1)?.detail).toContain('"viaduct rollback 1"')
})

test("a session that flaps is told of once a state, and again when it has come to something new", async () => {
  const node = fakeNode(config("10.0.1.1"), [])
  let looks = 0
  const states = ["Connect", "Active", "OpenSent"] as const
  const flapping: Staging = {
    ...node.staging,
    status: Effect.map(node.staging.status, (status) => {
      looks++
      const reason = looks > 40 ? "hold timer expired" : "connection refused"
      const down = { state: states[looks % 3] ?? ("Idle" as const), reason }
      const sessions = status.sessions.map((one) => (one.peerAddress === "10.0.1.2" ? { ...one, ...down } : one))
      return { ...status, sessions }
    })
  }
  const progress = await staged({ ...node, staging: flapping }, config("10.0.1.1", "10.0.1.2"))
  const waiting = progress.filter(({ state }) => state === "waiting").map(({ detail }) => detail)
  expect(looks).toBeGreaterThan(70)
  expect(waiting.toSorted()).toEqual(
    [...states]
      .toSorted()
      .flatMap((state) =>
        ["connection refused", "hold timer expired"].map(
          (reason) => `the session from 10.0.1.11 on node 10.0.1.11 to 10.0.1.2 is ${state}: ${reason}`
        )
      )
  )
})

test("of several that are missing, what has come up is told once", async () => {
  const node = fakeNode(config("10.0.1.1"), ["10.0.1.2"])
  let looks = 0
  const flapping: Staging = {
    ...node.staging,
    status: Effect.map(node.staging.status, (status) => {
      // The old one was up when the step began, and flaps from then on.
      const down = looks++ > 0 && looks % 2 === 0
      const sessions = status.sessions.map((one) =>
        one.peerAddress === "10.0.1.1" && down ? { ...one, state: "Active" as const } : one
      )
      return { ...status, sessions }
    })
  }
  const progress = await staged({ ...node, staging: flapping }, config("10.0.1.1", "10.0.1.2"))
  const counts = progress.filter(({ state }) => state === "waiting").map(({ detail }) => detail.split("; ").length)
  expect(looks).toBeGreaterThan(70)
  expect(counts.toSorted()).toEqual([1, 2])
})

test("what cannot be applied at all changes nothing, and what means the same has no steps", async () => {
  const node = fakeNode(config("10.0.1.1"), [])
  const broken = [{ path: "cluster.yaml", text: "kind: [" }]
  expect(told(await staged(node, broken))).toEqual(["0/0 the whole change: failed"])
  expect(told(await staged(node, config("10.0.1.1")))).toEqual(["0/0 the whole change: done"])
  expect(node.asked).toEqual([])
})

test("what a guard holds back is not begun without force", async () => {
  const guard: Guard = { type: "service-address", subject: "service default/web", reason: "web would lose 10.1.1.1" }
  const node = fakeNode(config("10.0.1.1"), [], [guard])
  const [only, ...more] = await staged(node, config("10.0.1.2"))
  expect([only?.detail, more]).toEqual(["web would lose 10.1.1.1; it needs force; nothing was changed", []])
  expect(node.asked).toEqual([])
  expect(told(await staged(node, config("10.0.1.2"), true)).at(-1)).toBe("2/2 remove peer 10.0.1.1: done")
})

test("what would only pause if it were done at once is begun, since steps are there to avoid that", async () => {
  const pause: Guard = { type: "last-session", subject: "node n", reason: "n would lose its session", pause: true }
  const node = fakeNode(config("10.0.1.1"), [], [pause])
  expect(told(await staged(node, config("10.0.1.2"))).at(-1)).toBe("2/2 remove peer 10.0.1.1: done")
})

test("a node that keeps its state to itself waits for its own sessions, and not for those of nodes that it knows nothing of", async () => {
  const node = fakeNode(twoNodes("10.0.1.1"), ["10.0.1.3"])
  const store = {
    kind: "embedded",
    name: "",
    state: "connected",
    since: "",
    lease: { seconds: 3, state: "none" }
  } as const
  const alone: Staging = {
    ...node.staging,
    view: Effect.succeed(emptyView),
    status: Effect.map(node.staging.status, (status) => ({ ...status, address: "10.0.1.11", store }))
  }
  const there = { ...node, staging: alone }
  expect(told(await staged(there, twoNodes("10.0.1.2"))).at(-1)).toBe("2/2 remove peer 10.0.1.1: done")
  const failed = (await staged(there, twoNodes("10.0.1.3"))).at(-1)
  expect(failed?.detail).toContain("to 10.0.1.3 is Active: connection refused")
})
