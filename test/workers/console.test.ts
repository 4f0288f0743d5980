// The worker's bundle, built as a release is and run by two runtimes over a node on loopback: the same answers as from the
// node itself, and a clear one when the node is away.
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createApp } from "../../src/api/app.ts"
import { type FakeNode, fakeNode, jsonLines } from "../api/fakeNode.ts"
import { down, NOW, nodeStatus, s22, session } from "../resources/fixtures.ts"
import { buildConsole, runtimes, startWorker } from "./worker.ts"

const SESSIONS = "/apis/networking.gke.io/v1/namespaces/kube-system/bgpsessions"
const AS_TABLE = { headers: { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" } }

let directory = ""

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "viaduct-worker-"))
  await buildConsole(directory)
})
afterAll(() => rm(directory, { recursive: true }))

const serveNode = (node: FakeNode, port = 0) =>
  Bun.serve({ hostname: "127.0.0.1", port, idleTimeout: 0, fetch: createApp(node, { now: () => NOW }).fetch })

describe.each(runtimes(() => directory))("the bundle under %s", (_, command) => {
  const node = fakeNode(s22)
  let server: ReturnType<typeof Bun.serve> | undefined
  let worker: Awaited<ReturnType<typeof startWorker>> | undefined
  const ask = (path: string, init: RequestInit = {}) =>
    fetch(`${worker?.url}${path}`, { signal: AbortSignal.timeout(10_000), ...init })

  beforeAll(async () => {
    server = serveNode(node)
    worker = await startWorker(directory, command(), { VIADUCT_NODES: `http://127.0.0.1:${server.port}` })
  }, 30_000)
  afterAll(async () => {
    await worker?.stop()
    await server?.stop(true)
  })

  test("answers probes for itself and for the node", async () => {
    expect(await (await ask("/healthz")).text()).toBe("ok")
    expect((await ask("/readyz")).status).toBe(200)
    node.set(nodeStatus([down("10.0.1.254-n", "connection refused")]))
    const unready = await ask("/readyz")
    expect([unready.status, await unready.text()]).toEqual([503, expect.stringContaining("connection refused")])
    node.set(s22)
  })

  test("serves the dashboard, script and style out of itself", async () => {
    const page = await (await ask("/")).text()
    const files = [...page.matchAll(/(?:src|href)="(assets\/app-[^"]+)"/g)].map((match) => match[1])
    const bodies = await Promise.all(files.map(async (file) => (await ask(`/${file}`)).text()))
    expect(bodies).toEqual([expect.stringContaining("--surface"), expect.stringContaining("/v1/status")])
  })

  test("lists and tabulates the node's sessions", async () => {
    const list = (await (await ask(SESSIONS)).json()) as { kind: string; items: ReadonlyArray<unknown> }
    expect([list.kind, list.items.length]).toEqual(["BGPSessionList", 4])
    const table = (await (await ask(SESSIONS, AS_TABLE)).json()) as { kind: string; rows: ReadonlyArray<unknown> }
    expect([table.kind, table.rows.length]).toEqual(["Table", 4])
    expect(await (await ask("/metrics")).text()).toContain("viaduct_ready 1\n")
  })

  test("passes changes of the node on to a watch, and lets go of the node when the watcher leaves", async () => {
    const list = (await (await ask(SESSIONS)).json()) as { metadata: { resourceVersion: string } }
    const stop = new AbortController()
    const query = `watch=true&resourceVersion=${list.metadata.resourceVersion}`
    const lines = jsonLines(await ask(`${SESSIONS}?${query}`, { signal: stop.signal }))
    const next = lines.next()
    await node.untilFollowers(1)
    node.set(nodeStatus([...s22.sessions, session("10.0.9.254-node-01")]))
    expect((await next).value).toMatchObject({ type: "ADDED", object: { metadata: { name: "10.0.9.254-node-01" } } })
    stop.abort()
    await node.untilFollowers(0)
    node.set(s22)
  })

  test("says that the node is away, and finds it again when it is back", async () => {
    const port = server?.port
    await server?.stop(true)
    const response = await ask(SESSIONS)
    expect(response.status).toBe(502)
    expect(await response.json()).toMatchObject({
      kind: "Status",
      reason: "NodeUnavailable",
      message: expect.stringMatching(
        new RegExp(`the node at http://127\\.0\\.0\\.1:${port} cannot be asked: connection refused`)
      )
    })
    expect((await ask("/healthz")).status).toBe(200)
    server = serveNode(node, port)
    expect((await ask(SESSIONS)).status).toBe(200)
  })

  test("a watch outlives the node's stream: what happened meanwhile is told once the node is back", async () => {
    const lines = jsonLines(await ask(`${SESSIONS}?watch=true`))
    for (let i = 0; i < s22.sessions.length; i++) await lines.next()
    await node.untilFollowers(1)
    const port = server?.port
    await server?.stop(true)
    await node.untilFollowers(0)
    node.set(nodeStatus(s22.sessions.slice(1)))
    server = serveNode(node, port)
    expect((await lines.next()).value).toMatchObject({ type: "DELETED" })
    await lines.return(undefined)
    node.set(s22)
  })

  test("knows its own callers where it is told of them, and nobody else", async () => {
    const hash = (token: string) => new Bun.CryptoHasher("sha256").update(token).digest("hex")
    const guarded = await startWorker(directory, command(), {
      VIADUCT_NODES: `http://127.0.0.1:${server?.port}`,
      VIADUCT_CONSOLE_TOKENS: `alice write ${hash("a-token")},bob read ${hash("b-token")}`
    })
    const as = (token: string | undefined, path: string, init: RequestInit = {}) =>
      fetch(`${guarded.url}${path}`, {
        ...init,
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          "content-type": "application/json"
        }
      })
    try {
      expect((await as(undefined, SESSIONS)).status).toBe(401)
      expect((await as("c-token", SESSIONS)).status).toBe(401)
      expect((await as("b-token", SESSIONS)).status).toBe(200)
      expect(await (await as("a-token", "/v1/access")).json()).toMatchObject({ name: "alice", role: "write" })
      const refused = await as("b-token", "/v1/confirm", { method: "POST", body: "{}" })
      expect([refused.status, await refused.text()]).toEqual([403, expect.stringContaining("bob may read only")])
      // The node behind it is one that may only be looked at: it says so, and the console passes that on.
      expect((await as("a-token", "/v1/confirm", { method: "POST", body: "{}" })).status).toBe(405)
      expect((await as(undefined, "/healthz")).status).toBe(200)
    } finally {
      await guarded.stop()
    }
  })

  test("started before its node says that the node is away, and finds it when it is there", async () => {
    const late = fakeNode(s22)
    const taken = serveNode(late)
    const port = taken.port
    await taken.stop(true)
    const early = await startWorker(directory, command(), { VIADUCT_NODES: `http://127.0.0.1:${port}` })
    try {
      const response = await fetch(`${early.url}${SESSIONS}`)
      expect([response.status, await response.text()]).toEqual([
        502,
        expect.stringContaining(`the node at http://127.0.0.1:${port} cannot be asked: `)
      ])
      const there = serveNode(late, port)
      expect((await fetch(`${early.url}${SESSIONS}`)).status).toBe(200)
      await there.stop(true)
    } finally {
      await early.stop()
    }
  })

  test("without the node's address says what is not set", async () => {
    const lost = await startWorker(directory, command(), {})
    try {
      const response = await fetch(`${lost.url}/healthz`)
      expect(response.status).toBe(500)
      expect(await response.json()).toMatchObject({ message: expect.stringContaining("VIADUCT_NODES is not set") })
    } finally {
      await lost.stop()
    }
  }, 30_000)
})
