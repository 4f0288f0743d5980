// `viaduct explain`, `events` and `top` as an operator runs them: a process that asks a daemon's socket.
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createApp } from "../../src/api/app.ts"
import { topLines } from "../../src/cli/topScreen.ts"
import { explain } from "../../src/explain/explain.ts"
import type { ExplainQuestion } from "../../src/explain/types.ts"
import { eventReasons } from "../../src/resources/eventReasons.ts"
import type { EventRecord, NodeStatus } from "../../src/resources/nodeStatus.ts"
import { fakeNode } from "../api/fakeNode.ts"
import { failed, floatingIp, input, service, status } from "../explain/world.ts"
import { down, NOW, session } from "../resources/fixtures.ts"

const event = (uid: string, more: Partial<EventRecord> = {}): EventRecord => ({
  uid,
  type: "Normal",
  reason: "NodeJoined",
  message: `node-0${uid} is in the cluster`,
  about: { apiVersion: "v1", kind: "Node", namespace: "", name: `node-0${uid}` },
  count: 1,
  firstAt: new Date(NOW).toISOString(),
  lastAt: new Date(NOW).toISOString(),
  ...more
})

const warning = event("2", { type: "Warning", reason: "NodeLeft", message: "node-02 is gone", count: 3 })
const well: NodeStatus = status([service()], { events: [event("1"), warning] })
const node = fakeNode(well)
const asked: Array<ExplainQuestion> = []
let directory = ""
let server: ReturnType<typeof Bun.serve>

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "viaduct-cli-"))
  const answer = async (question: ExplainQuestion) => {
    asked.push(question)
    return explain(question, input(await node.status()))
  }
  const app = createApp(node, { now: () => NOW, control: { explain: answer } })
  server = Bun.serve({ unix: join(directory, "admin.sock"), fetch: (request) => app.fetch(request) })
})
afterAll(async () => {
  await server.stop(true)
  await rm(directory, { recursive: true })
})

const start = (...args: ReadonlyArray<string>) =>
  Bun.spawn([process.execPath, join(import.meta.dir, "../../src/main.ts"), ...args], {
    env: { PATH: process.env.PATH, NO_COLOR: "1", VIADUCT_SOCKET: join(directory, "admin.sock") },
    stdout: "pipe",
    stderr: "pipe"
  })
const run = async (...args: ReadonlyArray<string>) => {
  const child = start(...args)
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { out, err, code }
}

describe("viaduct explain", () => {
  test("asks by type and name or by name alone, and ends with 0 where all is well", async () => {
    node.set(well)
    const { out, code } = await run("explain", "svc", "default/web")
    expect(code).toBe(0)
    expect(out).toMatch(
      /^✓ service default\/web: is in the config\n[\s\S]*\n✓ 10\.64\.0\.1 of service default\/web is announced/
    )
    await run("explain", "10.0.0.8", "-o", "json")
    expect(asked).toEqual([{ type: "service", name: "default/web" }, { name: "10.0.0.8" }])
  })

  test("ends with 1 where something is broken, with what to do", async () => {
    const alone = { elsewhere: [], floatingIps: [floatingIp("10.0.1.100", "node-01")] }
    node.set(status([failed({ type: "refused" })], alone))
    const text = await run("explain", "10.64.0.1")
    expect(text.code).toBe(1)
    expect(text.out).toMatch(
      /\n✗ 10\.64\.0\.1 does not work: session .*no BGP speaker listens there\n {4}→ does BGP run/
    )
    const { out, code } = await run("explain", "10.64.0.1", "-o", "json")
    expect(code).toBe(1)
    expect(JSON.parse(out)).toMatchObject({
      state: "broken",
      target: { type: "vip" },
      broken: { text: expect.any(String) }
    })
  })

  test("says which types there are", async () => {
    const { err, code } = await run("explain", "pod", "x")
    expect(code).toBe(1)
    expect(err).toContain('"pod" cannot be explained: vip, service, peer, floatingip or node can')
  })
})

describe("viaduct events", () => {
  test("prints them as kubectl does, all or what somebody may have to do something about", async () => {
    node.set(well)
    const { out } = await run("events")
    expect(out).toMatch(
      /^LAST SEEN +TYPE +REASON +OBJECT +COUNT +MESSAGE\n.* Normal +NodeJoined +node\/node-01 +1 +node-01 is in the cluster\n/
    )
    expect(out.split("\n").length).toBe(4)
    expect((await run("events", "--warnings", "-o", "json")).out).toBe(`${JSON.stringify(warning)}\n`)
    expect((await run("events", "--for", "node-01")).out).not.toContain("NodeLeft")
    node.set(status([]))
    expect(await run("events")).toEqual({ out: "", err: "No events found.\n", code: 0 })
  })

  test("--reasons says what each means, without a daemon", async () => {
    const { out, code } = await run("events", "--reasons", "--socket", "/nowhere")
    expect(code).toBe(0)
    expect(out).toMatch(/\nPoolExhausted +Warning +a pool has no free address left\n/)
    expect(out.trim().split("\n").length).toBe(Object.keys(eventReasons).length + 1)
  })

  test("-w goes on with what is new, and with what happens again", async () => {
    node.set(well)
    const child = start("events", "-w", "-o", "json")
    const lines: Array<string> = []
    const decoder = new TextDecoder()
    const again = { ...warning, count: 4 }
    for await (const chunk of child.stdout) {
      lines.push(...decoder.decode(chunk).trim().split("\n"))
      if (lines.length === 2) {
        await node.untilFollowers(1)
        node.set({ ...well, events: [event("1"), again, event("3")] })
      }
      if (lines.length >= 4) break
    }
    child.kill()
    expect(lines).toEqual([event("1"), warning, again, event("3")].map((one) => JSON.stringify(one)))
  })
})

describe("viaduct top", () => {
  const at = (ms: number, of: NodeStatus) => ({ status: of, atMs: NOW + ms })

  test("shows messages a second between two looks, and what is not as it should be", () => {
    const name = "10.0.1.254-node-01"
    const before = status([], { sessions: [session(name)] })
    const sent = { ...session(name).sent, update: 12 }
    const reason = "connection refused"
    const after = status([], {
      sessions: [session(name, { sent }), down("10.0.3.254-node-01", reason)],
      events: [warning]
    })
    const lines = topLines(at(0, before), at(2_000, after), { colours: false, events: 8 })
    expect(lines.find((line) => line.startsWith(name))).toMatch(/Established +\S+ +0 +0 +5\.0 +0\.0 +0/)
    expect(lines.find((line) => line.startsWith("10.0.3.254"))).toMatch(/ - +- +0 +connection refused$/)
    expect(lines[0]).toContain("50 MB, CPU 0.0 %")
    expect(lines).toContain("FLOATING IPS 10.0.1.100 here, 10.0.1.101 node-02")
    expect(lines).toContain("POOLS        lan 1/1")
    expect(lines.at(-1)).toContain("node-02: node-02 is gone (3 times)")
    expect(lines.join("")).not.toContain("\u001b")
  })

  test("is printed once where standard output is no terminal", async () => {
    node.set(well)
    const { out, code } = await run("top")
    expect(code).toBe(0)
    expect(out).toMatch(/^node node-01, cluster bm, viaduct /)
  })
})
