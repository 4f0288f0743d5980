// A command and a daemon that says nothing: one that hangs is given up with what to look at, one that only takes its time is waited for, and a
// stream is left alone for as long as nothing happens.
import { afterAll, beforeAll, expect, test } from "bun:test"
import { clusterYaml, Directory, Running, runOnce, until } from "./world.ts"

const NODE = "127.27.1.10"
const PLAIN = "127.0.0.1:17947"
const directory = new Directory()
const file = directory.at("cluster.yaml")
const socket = directory.at("a.sock")
let daemon: Running | undefined

beforeAll(async () => {
  directory.write("cluster.yaml", clusterYaml(NODE, ["127.27.1.254"]))
  const where = ["--data-dir", directory.at("data"), "--admin-socket", socket, "--admin-listen", PLAIN]
  daemon = new Running(["run", "--config", file, "--node", "node-01", ...where])
  await daemon.says(/joined the cluster/)
}, 30_000)
afterAll(async () => {
  await daemon?.end("SIGKILL")
  directory.remove()
})

const LOOK = 'look at "systemctl status viaduct" and its log, "journalctl -u viaduct"'
const told = (status: number, message: string) => ({ code: status, out: "", err: `error: ${message}\n` })
/** A machine with much to do is a second late. */
const ask = async (words: ReadonlyArray<string>) => {
  const { err, ...more } = await runOnce(words)
  return { ...more, err: err.replace(/for 1[5-9] s/, "for 15 s") }
}

test("every command gives up on a daemon that is frozen, in time and with what to do", async () => {
  const here = told(1, `the daemon at ${socket} has answered nothing for 15 s and may be hung: ${LOOK}`)
  const commands: ReadonlyArray<readonly [ReadonlyArray<string>, typeof here]> = [
    [["get", "bgpsessions"], here],
    [["get", "bgpsessions", "-w"], here],
    [["explain", "vip"], here],
    [["apply", file], here],
    [["apply", "--staged", file], here],
    [["diff", file], { ...here, code: 2 }],
    [["drain"], here],
    [["history"], here],
    [["trace", "-f"], here],
    [["support-bundle"], here],
    [["reload"], here]
  ]
  const url = `http://${PLAIN}`
  const far = `${url} has answered nothing for 15 s: its daemon may be hung, or the network loses what is sent there; on that node ${LOOK}`
  daemon?.child.kill("SIGSTOP")
  try {
    const over = ask(["get", "bgpsessions", "--server", url])
    const all = commands.map(([words]) => ask([...words, "--socket", socket]))
    expect(await Promise.all(all)).toEqual(commands.map(([, answer]) => answer))
    expect(await over).toEqual(told(1, far))
  } finally {
    daemon?.child.kill("SIGCONT")
  }
}, 60_000)

test("one that lives is waited for as long as it takes, and a stream may be silent", async () => {
  let asked = 0
  let lives = 0
  const enough = Promise.withResolvers<void>()
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    fetch: async (request) => {
      const { pathname, searchParams } = new URL(request.url)
      if (pathname === "/livez") {
        // For each that waits three times five seconds.
        if (++lives === 6) enough.resolve()
        return new Response("ok")
      }
      asked++
      if (searchParams.has("follow")) return new Response(new ReadableStream({ start: (to) => to.enqueue("\n") }))
      await enough.promise
      return pathname === "/v1/confirm"
        ? Response.json({ done: true, reason: "kept" })
        : Response.json({ kind: "List", apiVersion: "v1", metadata: { resourceVersion: "1" }, items: [] })
    }
  })
  const slow = ["--server", `http://127.0.0.1:${server.port}`]
  const followers = [slow, ["--socket", socket]].map((where) => new Running(["trace", "-f", ...where]))
  try {
    await until("the stream is open", () => asked === 1)
    const [confirmed, got] = await Promise.all([
      runOnce(["confirm", ...slow]),
      runOnce(["get", "bgpsessions", "-o", "name", ...slow])
    ])
    expect(confirmed).toEqual({ code: 0, out: "kept\n", err: "" })
    expect(got).toMatchObject({ code: 0, out: "" })
    expect([lives, ...followers.flatMap(({ child, output }) => [child.exitCode, output])]).toEqual([
      6,
      null,
      "",
      null,
      ""
    ])
  } finally {
    for (const follower of followers) await follower.end("SIGINT")
    await server.stop(true)
  }
}, 60_000)
