// `viaduct get` and `viaduct describe` as an operator runs them: a process that asks a daemon's socket, or its URL.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parse } from "yaml"
import { createApp } from "../../src/api/app.ts"
import { unknownPath } from "../../src/api/failure.ts"
import { fakeNode } from "../api/fakeNode.ts"
import { down, NOW, nodeStatus, s22, s23, session } from "../resources/fixtures.ts"

const S22 = `NAME                 LOCAL ASN   PEER ASN   LOCAL IP     PEER IP      STATE         LAST REPORT
10.0.1.254-node-01   65500       65000      10.0.1.178   10.0.1.254   Established   2s
10.0.1.254-node-02   65500       65000      10.0.3.212   10.0.1.254   Established   2s
10.0.3.254-node-01   65500       65000      10.0.1.178   10.0.3.254   Established   2s
10.0.3.254-node-02   65500       65000      10.0.3.212   10.0.3.254   Established   2s
`

const node = fakeNode(s22)
let directory = ""
let servers: ReadonlyArray<ReturnType<typeof Bun.serve>> = []
let url = ""
const socket = () => join(directory, "admin.sock")

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "viaduct-cli-"))
  const fetch = createApp(node, { now: () => NOW }).fetch
  const tcp = Bun.serve({ hostname: "127.0.0.1", port: 0, idleTimeout: 0, fetch })
  servers = [tcp, Bun.serve({ unix: socket(), fetch: (request) => fetch(request) })]
  url = `http://127.0.0.1:${tcp.port}`
})
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop(true)))
  await rm(directory, { recursive: true })
})
beforeEach(() => node.set(s22))

const start = (args: ReadonlyArray<string>, env: Record<string, string>) =>
  Bun.spawn([process.execPath, join(import.meta.dir, "../../src/main.ts"), ...args], {
    env: { PATH: process.env.PATH, NO_COLOR: "1", ...env },
    stdout: "pipe",
    stderr: "pipe"
  })
const run = async (args: ReadonlyArray<string>, env: Record<string, string> = { VIADUCT_SOCKET: socket() }) => {
  const child = start(args, env)
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { out, err, code }
}

describe("viaduct get", () => {
  test("S22: bgpsessions over VIADUCT_SOCKET, --socket and --server", async () => {
    const printed = { out: S22, err: "", code: 0 }
    expect(await run(["get", "bgpsessions"])).toEqual(printed)
    expect(await run(["get", "bgps", "-n", "kube-system", "--socket", socket()], {})).toEqual(printed)
    expect(await run(["get", "BGPSession", "--server", url], {})).toEqual(printed)
  })

  test("S23: bgpadvertisedroutes", async () => {
    node.set(s23)
    const { out } = await run(["get", "bgpadvertisedroutes"])
    expect(out.split("\n").map((line) => line.trimEnd())).toEqual([
      "NAME                                    PREFIX          METRIC",
      "default-default-load-balancer-example   10.1.1.34/32",
      "default-gke-system-istio-ingress        10.1.1.107/32",
      ""
    ])
  })

  test("-o wide says why a session is down", async () => {
    node.set(nodeStatus([down("10.0.1.254-node-01", "connection refused")]))
    expect((await run(["get", "bgpsessions", "-o", "wide"])).out).toMatch(/ REASON\n.* connection refused\n$/)
  })

  test("one by its name, as a row, a name, JSON or YAML", async () => {
    const one = ["get", "bgpsession", "10.0.3.254-node-02"]
    expect((await run([...one, "--no-headers"])).out).toMatch(/^10\.0\.3\.254-node-02 .* 2s\n$/)
    expect((await run([...one, "-o", "name"])).out).toBe("bgpsession.networking.gke.io/10.0.3.254-node-02\n")
    const inJson: unknown = JSON.parse((await run([...one, "-o", "json"])).out)
    expect(inJson).toMatchObject({ kind: "BGPSession", spec: { peerIP: "10.0.3.254" } })
    expect(parse((await run([...one, "-o", "yaml"])).out)).toEqual(inJson)
  })

  test("-o json of all is the list that the API gives", async () => {
    const list: unknown = JSON.parse((await run(["get", "bgpsessions", "-o", "json"])).out)
    expect(list).toEqual(await (await fetch(`${url}/apis/networking.gke.io/v1/bgpsessions`)).json())
  })

  test("-w goes on with a line for each change, in the columns of the first", async () => {
    const child = start(["get", "bgpsessions", "-w"], { VIADUCT_SOCKET: socket() })
    const reader = child.stdout.getReader()
    const decoder = new TextDecoder()
    let text = ""
    const untilLines = async (count: number): Promise<ReadonlyArray<string>> => {
      while (text.split("\n").length <= count) {
        const { done, value } = await reader.read()
        if (done) throw new Error(`it ended after: ${text}`)
        text += decoder.decode(value, { stream: true })
      }
      return text.split("\n")
    }
    try {
      await untilLines(5)
      await node.untilFollowers(1)
      node.set(nodeStatus([down("10.0.1.254-node-01", "hold timer expired"), ...s22.sessions.slice(1)]))
      expect((await untilLines(6))[5]).toBe(
        "10.0.1.254-node-01   65500       65000      10.0.1.178   10.0.1.254   Connect       2s"
      )
      child.kill("SIGINT")
      await child.exited
      await node.untilFollowers(0)
    } finally {
      child.kill()
    }
  })

  test("-w of one name is silent about the others", async () => {
    const child = start(["get", "bgpsession", "10.0.3.254-node-02", "-w", "-o", "name"], { VIADUCT_SOCKET: socket() })
    await node.untilFollowers(1)
    node.set(nodeStatus([...s22.sessions, session("10.0.9.254-node-01")]))
    node.set(
      nodeStatus([...s22.sessions.slice(0, 3), down("10.0.3.254-node-02", "gone", { localAddress: "10.0.3.212" })])
    )
    const name = "bgpsession.networking.gke.io/10.0.3.254-node-02\n"
    let text = ""
    const decoder = new TextDecoder()
    for await (const chunk of child.stdout) {
      text += decoder.decode(chunk, { stream: true })
      if (text.length >= 2 * name.length) break
    }
    expect(text).toBe(name + name)
    child.kill()
    await child.exited
  })

  test("nothing to show is said on standard error", async () => {
    node.set(nodeStatus([]))
    const nothing = { out: "", err: "No resources found in kube-system namespace.\n", code: 0 }
    expect(await run(["get", "bgpsessions"])).toEqual(nothing)
    expect(await run(["get", "bgpsessions", "-o", "name"])).toEqual(nothing)
  })
})

describe("viaduct describe", () => {
  test("S22: a session by its name", async () => {
    const { out, code } = await run(["describe", "bgpsession", "10.0.1.254-node-01"])
    expect(code).toBe(0)
    expect(out).toStartWith("Name:         10.0.1.254-node-01\nNamespace:    kube-system\nLabels:       <none>\n")
    expect(out).toContain("Spec:\n  Floating IP:  10.0.1.178\n  Local ASN:    65500\n  Local IP:     10.0.1.178\n")
    expect(out).toContain("Status:\n  Advertised Routes:\n    10.0.4.1/32\n")
    expect(out).toEndWith("  State:  Established\n")
  })

  test("all of a kind, one after the other", async () => {
    node.set(s23)
    const { out } = await run(["describe", "bgpadvertisedroutes"])
    expect(out.match(/^Name: .*$/gm)).toEqual([
      "Name:         default-default-load-balancer-example",
      "Name:         default-gke-system-istio-ingress"
    ])
  })
})

describe("errors are one line and exit status 1", () => {
  test.each([
    [["get", "bgpsesions"], 'the daemon has no resource type "bgpsesions"; did you mean "bgpsessions"?'],
    [
      ["get", "deployments"],
      expect.stringMatching(/no resource type "deployments"; there are bgpsessions, .* and endpointslices\n$/)
    ],
    [["get", "bgpsession", "nope"], 'bgpsessions.networking.gke.io "nope" not found'],
    [["describe", "bgpsession", "nope"], 'bgpsessions.networking.gke.io "nope" not found']
  ])("%p", async (args, message) => {
    const err = typeof message === "string" ? `error: ${message}\n` : message
    expect(await run(args)).toEqual({ out: "", err, code: 1 })
  })

  test("no daemon: which socket, and what to do", async () => {
    const absent = join(directory, "absent.sock")
    const { err, code } = await run(["get", "bgpsessions"], { VIADUCT_SOCKET: absent })
    expect([code, err.split("\n").length]).toEqual([1, 2])
    expect(err).toStartWith(`error: no daemon answers at ${absent}: start it with "viaduct run", or name its socket`)
  })

  test("no API at the URL, or something else there", async () => {
    const other = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("<html>") })
    const at = `http://127.0.0.1:${other.port}`
    const strange = await run(["get", "bgpsessions", "--server", at])
    expect([strange.code, strange.err]).toEqual([1, expect.stringContaining("error: the daemon's answer broke off: ")])
    await other.stop(true)
    const gone = await run(["get", "bgpsessions", "--server", at])
    expect([gone.code, gone.err]).toEqual([1, `error: no admin API answers at ${at}: connection refused\n`])
  })

  test("a daemon of another release, which does not know what is asked, or says it in another shape", async () => {
    const answers = [
      () => Response.json(unknownPath, { status: 404 }),
      () => Response.json({ kind: "Status", message: "the method is not allowed" }, { status: 405 }),
      () => Response.json({ items: [] })
    ]
    const said: Array<string> = []
    for (const answer of answers) {
      const older = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: answer })
      said.push((await run(["events", "--server", `http://127.0.0.1:${older.port}`])).err)
      await older.stop(true)
    }
    for (const line of said) expect(line).toMatch(/^error: [^\n]* of another release[^\n]*\n$/)
    expect(said).toHaveLength(3)
  })
})
