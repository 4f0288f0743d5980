// The worker's bundle, built as a release is and run by two runtimes over a node on loopback: the same answers as from the
// node itself, and a clear one when the node is away.
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createApp } from "../../src/api/app.ts"
import { type FakeNode, fakeNode, jsonLines } from "../api/fakeNode.ts"
import { down, NOW, nodeStatus, s22, session } from "../resources/fixtures.ts"

const ROOT = join(import.meta.dir, "..", "..")
const DENO = join(ROOT, "node_modules", ".bin", "deno")
const SESSIONS = "/apis/networking.gke.io/v1/namespaces/kube-system/bgpsessions"
const AS_TABLE = { headers: { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" } }

let directory = ""
const bundle = () => join(directory, "admin.js")

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "viaduct-worker-"))
  const build = Bun.spawn(
    [process.execPath, "build", join(ROOT, "workers", "admin.ts"), "--target=browser", "--outfile", bundle()],
    { stdout: "ignore", stderr: "pipe" }
  )
  const [errors, code] = await Promise.all([build.stderr.text(), build.exited])
  if (code !== 0) throw new Error(errors)
  const loader = `
    import worker from "./admin.js"
    const server = Bun.serve({ ...worker, hostname: "127.0.0.1", port: 0 })
    console.log("Listening on " + server.url)`
  await Bun.write(join(directory, "loader.js"), loader)
})
afterAll(() => rm(directory, { recursive: true }))

const serveNode = (node: FakeNode, port = 0) =>
  Bun.serve({ hostname: "127.0.0.1", port, idleTimeout: 0, fetch: createApp(node, { now: () => NOW }).fetch })

/** Starts a runtime on the bundle and waits for the address that it says it listens on. */
const startWorker = async (command: ReadonlyArray<string>, nodeUrl: string | undefined) => {
  const child = Bun.spawn([...command], {
    cwd: directory,
    env: {
      PATH: process.env.PATH,
      HOME: directory,
      DENO_NO_UPDATE_CHECK: "1",
      ...(nodeUrl === undefined ? {} : { VIADUCT_NODE_URL: nodeUrl })
    },
    stdout: "pipe",
    stderr: "pipe"
  })
  const stop = async () => {
    child.kill()
    await child.exited
  }
  const said = async (output: ReadableStream<Uint8Array>): Promise<string> => {
    let text = ""
    const decoder = new TextDecoder()
    for await (const chunk of output) {
      text += decoder.decode(chunk, { stream: true })
      const found = /Listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(text)?.[1]
      if (found !== undefined) return found
    }
    throw new Error(`it said only: ${text}`)
  }
  try {
    return { url: await Promise.any([said(child.stdout), said(child.stderr)]), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

const runtimes: ReadonlyArray<readonly [name: string, command: () => ReadonlyArray<string>]> = [
  ["Bun", () => [process.execPath, join(directory, "loader.js")]],
  ["Deno", () => [DENO, "serve", "--host=127.0.0.1", "--port=0", "--allow-env", "--allow-net=127.0.0.1", bundle()]]
]

describe.each(runtimes)("the bundle under %s", (_, command) => {
  const node = fakeNode(s22)
  let server: ReturnType<typeof Bun.serve> | undefined
  let worker: Awaited<ReturnType<typeof startWorker>> | undefined
  const ask = (path: string, init: RequestInit = {}) =>
    fetch(`${worker?.url}${path}`, { signal: AbortSignal.timeout(10_000), ...init })

  beforeAll(async () => {
    server = serveNode(node)
    worker = await startWorker(command(), `http://127.0.0.1:${server.port}`)
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
      message: expect.stringContaining(`the node at http://127.0.0.1:${port} cannot be asked: `)
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

  test("without the node's address says what is not set", async () => {
    const lost = await startWorker(command(), undefined)
    try {
      const response = await fetch(`${lost.url}/healthz`)
      expect(response.status).toBe(500)
      expect(await response.json()).toMatchObject({ message: expect.stringContaining("VIADUCT_NODE_URL is not set") })
    } finally {
      await lost.stop()
    }
  }, 30_000)
})
