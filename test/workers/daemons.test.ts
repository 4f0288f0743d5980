// A console over real daemons, with a stock kubectl before it: a cluster of two nodes that share an etcd, under TLS, and a cluster of one node on
// loopback. Once as a bundle under each runtime, once from source. What kubectl writes at the console is in force on the nodes.
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { addToken } from "../../src/cli/tokensFile.ts"
import { clusterYaml, Directory, type Router, Running, startRouter, until } from "../e2e/world.ts"
import { requires } from "../lab/requires.ts"
import { kubectls } from "../run/kubectl.ts"
import { buildConsole, fromSource, runtimes, startWorker, type Worker } from "./worker.ts"

const directory = new Directory()
const EAST = ["127.81.1.1", "127.81.1.2"] as const
const WEST = "127.82.1.1"
const ETCD = "127.81.1.9"
const routers: Array<Router> = []
const daemons: Array<Running> = []
let etcd: Bun.Subprocess | undefined
let tokens: { readonly writer: string; readonly reader: string; readonly looker: string }

const eastYaml = () =>
  clusterYaml("127.81.1.1", ["127.81.1.254"])
    .replaceAll("e2e", "east")
    .replace("          name: node-01", "          name: a\n        - address: 127.81.1.2\n          name: b")
const westYaml = () => clusterYaml(WEST, ["127.82.1.254"], "10.0.0.9").replaceAll("e2e", "west")

const startNode = (name: string, config: string, ...args: ReadonlyArray<string>) =>
  new Running([
    ...["run", "--config", config, "--node", name, "--data-dir", directory.at(`data-${name}`)],
    ...["--admin-socket", directory.at(`${name}.sock`), ...args]
  ])

const startEast = (name: "a" | "b") => {
  const at = name === "a" ? 1 : 2
  return startNode(
    name,
    directory.write(`east-${name}.yaml`, eastYaml()),
    ...["--etcd", `http://${ETCD}:2379`, "--tokens-file", directory.at("tokens")],
    ...["--admin-listen", `127.0.0.1:1794${at}`, "--admin-tls-listen", `127.0.0.1:1795${at}`]
  )
}

const { met } = requires("etcd")

/** Tokens of one file for both nodes of a cluster. */
const eastTokens = async () => {
  const path = directory.at("tokens")
  return {
    writer: await addToken(path, "alice", "write", 0),
    reader: await addToken(path, "bob", "read", 0),
    looker: await addToken(path, "console", "read", 0)
  }
}

const setUp = async () => {
  routers.push(await startRouter("127.81.1.254", EAST[0]))
  routers.push(await startRouter("127.82.1.254", WEST))
  etcd = Bun.spawn(
    [
      ...["etcd", "--data-dir", directory.at("etcd"), "--log-level", "error"],
      ...["--listen-client-urls", `http://${ETCD}:2379`, "--advertise-client-urls", `http://${ETCD}:2379`],
      ...["--listen-peer-urls", `http://${ETCD}:2380`, "--initial-advertise-peer-urls", `http://${ETCD}:2380`],
      ...["--initial-cluster", `default=http://${ETCD}:2380`]
    ],
    { stdio: ["ignore", "ignore", "ignore"] }
  )
  await until("etcd answers", async () => (await fetch(`http://${ETCD}:2379/health`).catch(() => undefined))?.ok)
  await buildConsole(directory.path)
  tokens = await eastTokens()
  daemons.push(startEast("a"), startEast("b"))
  daemons.push(
    startNode(
      "node-01",
      directory.write("west.yaml", westYaml()),
      ...["--admin-listen", `${WEST}:7179`, "--admin-tls-listen", "none", "--tokens-file", directory.at("tokens")]
    )
  )
  await until(
    "both clusters announce",
    () => routers.every((router) => router.routes().length > 0),
    () => daemons.map(({ output }) => output).join("\n")
  )
}

const tearDown = async () => {
  await Promise.all(daemons.map((daemon) => daemon.end()))
  for (const router of routers) await router.stop()
  etcd?.kill()
  await etcd?.exited
  directory.remove()
}

beforeAll(() => (met ? setUp() : undefined), 60_000)
afterAll(() => (met ? tearDown() : undefined), 30_000)

const caFiles = () => ["a", "b"].map((name) => directory.at(`data-${name}/tls/ca.pem`))
const NODES = ["https://127.0.0.1:17951", "https://127.0.0.1:17952", `http://${WEST}:7179`].join(",")
const [kubectl] = kubectls()
const ways: ReadonlyArray<
  readonly [name: string, command: () => Promise<ReadonlyArray<string>> | ReadonlyArray<string>]
> = [...runtimes(() => directory.path), ["Bun, from source", () => fromSource(directory.path)]]

/** What stands before a console: kubectl sends a token over TLS only. */
const frontOf = (url: string) =>
  Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    tls: {
      cert: readFileSync(directory.at("data-a/tls/server.pem"), "utf8"),
      key: readFileSync(directory.at("data-a/tls/server.key"), "utf8")
    },
    fetch: (request) => {
      const { pathname, search } = new URL(request.url)
      return fetch(`${url}${pathname}${search}`, {
        ...{ method: request.method, headers: request.headers, signal: request.signal, timeout: false },
        ...(request.body === null ? {} : { body: request.body })
      })
    }
  })

const service = (name: string, labels: object = {}) => ({
  ...{ apiVersion: "v1", kind: "Service" },
  metadata: { name, namespace: "default", labels },
  spec: { type: "LoadBalancer", ports: [{ port: 80 }] }
})

describe.skipIf(!met || kubectl?.path === undefined).each(ways)(
  "kubectl at a console of two clusters under %s",
  (way, command) => {
    let worker: Worker | undefined
    let front: ReturnType<typeof frontOf> | undefined
    const kubeconfig = (token: string) =>
      directory.write(
        "kubeconfig.json",
        JSON.stringify({
          apiVersion: "v1",
          kind: "Config",
          clusters: [
            {
              name: "c",
              cluster: {
                server: `https://127.0.0.1:${front?.port}`,
                "certificate-authority": directory.at("data-a/tls/ca.pem")
              }
            }
          ],
          users: [{ name: "u", user: { token } }],
          contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
          "current-context": "x"
        })
      )
    const start = (token: string, ...args: ReadonlyArray<string>) =>
      Bun.spawn([kubectl?.path ?? "", ...args], {
        env: { PATH: process.env.PATH, HOME: directory.path, KUBECONFIG: kubeconfig(token) },
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe"
      })
    const run = async (token: string, ...args: ReadonlyArray<string>) => {
      const child = start(token, ...args)
      const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
      return { out, err, code }
    }
    const ok = async (...args: ReadonlyArray<string>): Promise<string> => {
      const { out, err, code } = await run(tokens.writer, ...args)
      if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${code}\n${out}${err}`)
      return out
    }

    beforeAll(async () => {
      worker = await startWorker(directory.path, await command(), {
        VIADUCT_NODES: NODES,
        VIADUCT_TOKEN: tokens.looker,
        VIADUCT_CA:
          way === "Deno"
            ? caFiles().join(",")
            : caFiles()
                .map((path) => readFileSync(path, "utf8"))
                .join("\n")
      })
      front = frontOf(worker.url)
    }, 30_000)
    afterAll(async () => {
      await worker?.stop()
      void front?.stop(true)
    })

    test("get: sessions and nodes of both clusters, each once", async () => {
      const nodes = (await ok("get", "nodes", "-L", "viaduct.dev/cluster", "--no-headers")).trim().split("\n")
      expect(nodes.map((line) => `${line.split(/\s+/)[0]} ${line.split(/\s+/).at(-1)}`).sort()).toEqual([
        "a east",
        "b east",
        "node-01 west"
      ])
      const sessions = await ok("get", "bgpsessions", "-n", "kube-system", "-o", "name")
      expect(sessions.trim().split("\n").sort()).toEqual([
        "bgpsession.networking.gke.io/127.81.1.254-a",
        "bgpsession.networking.gke.io/127.81.1.254-b",
        "bgpsession.networking.gke.io/127.82.1.254-node-01"
      ])
      const west = await ok("get", "clusters", "-A", "-l", "viaduct.dev/cluster=west", "-o", "name")
      expect(west.trim()).toBe("cluster.baremetal.cluster.gke.io/west")
    })

    test("watch, apply and delete: what is written at the console is in force in its cluster, and nowhere else", async () => {
      const watching = start(tokens.writer, "get", "services", "-n", "default", "-w", "-o", "name")
      let told = ""
      const reading = (async () => {
        const decoder = new TextDecoder()
        for await (const chunk of watching.stdout) told += decoder.decode(chunk, { stream: true })
      })()
      await using stack = new AsyncDisposableStack()
      stack.defer(() => reading)
      stack.defer(() => watching.kill())
      const name = `web-${way.replaceAll(/\W+/g, "").toLowerCase()}`
      const file = directory.write("service.json", JSON.stringify(service(name, { "viaduct.dev/cluster": "east" })))
      await ok("apply", "-f", file)
      expect(await ok("apply", "-f", file)).toContain("unchanged")
      const inEast = async () =>
        (await onNode(17941, `/api/v1/namespaces/default/services/${name}`)) as object | undefined
      expect(await inEast()).toMatchObject({ metadata: { name } })
      expect(await inEast()).not.toHaveProperty("metadata.labels")
      const other = await fetch(`http://${WEST}:7179/api/v1/namespaces/default/services/${name}`)
      expect(other.status).toBe(404)
      await until("the watch told of it", () => told.includes(`service/${name}`))
      const patch = JSON.stringify({ spec: { externalTrafficPolicy: "Local" } })
      await ok("patch", "service", name, "-n", "default", "--type=merge", "-p", patch)
      expect(await inEast()).toMatchObject({ spec: { externalTrafficPolicy: "Local" } })
      const refused = await run(tokens.reader, "delete", "service", name, "-n", "default")
      expect([refused.code, refused.err]).toEqual([1, expect.stringMatching(/bob may read only/)])
      await ok("delete", "service", name, "-n", "default")
      expect((await fetch(`http://127.0.0.1:17941/api/v1/namespaces/default/services/${name}`)).status).toBe(404)
      const history = await ok(
        "get",
        "configrevisions",
        "-n",
        "kube-system",
        "-l",
        "viaduct.dev/cluster=east",
        "-o",
        "json"
      )
      expect(history).toContain('"by": "alice"')
    })

    test("who brings no token, or one that no node knows, is nobody; the dashboard's page is for everybody", async () => {
      const stranger = await run("vd_wrong", "get", "nodes")
      expect([stranger.code, stranger.err]).toEqual([1, expect.stringContaining("logged in")])
      const page = await fetch(`${worker?.url}/`)
      expect([page.status, await page.text()]).toEqual([200, expect.stringContaining("<!doctype html>")])
    })

    // It takes a daemon down for everybody: once.
    if (way === ways[0]?.[0])
      test("a node that is stopped is a Node of unknown condition, and hides nothing", async () => {
        const nodesWithMetrics = async () => {
          const text = await (await fetch(`${worker?.url}/metrics`, { headers: authorized() })).text()
          return [...text.matchAll(/^viaduct_node_info\{cluster="(\w+)",node="([\w-]+)"\} 1$/gm)].map(
            ([, c, n]) => `${c} ${n}`
          )
        }
        expect(await nodesWithMetrics()).toEqual(["east a", "east b", "west node-01"])
        const b = daemons[1]
        await b?.end("SIGTERM")
        const condition = "-o=jsonpath={.status.conditions[0].status} {.status.conditions[0].message}"
        await until("b is not known of", async () => (await ok("get", "node", "b", condition)).startsWith("Unknown"))
        expect(await ok("get", "node", "b", condition)).toContain(
          "the console cannot ask it at https://127.0.0.1:17952"
        )
        expect(await ok("get", "events", "-n", "default")).toMatch(/Warning +NodeUnreachable +node\/b/)
        const sessions = await ok("get", "bgpsessions", "-n", "kube-system", "-o", "name")
        expect(sessions).toContain("127.81.1.254-a")
        expect(sessions).toContain("127.82.1.254-node-01")
        const ready = await fetch(`${worker?.url}/readyz`)
        expect([ready.status, await ready.text()]).toEqual([503, expect.stringContaining("[-]b does not answer: ")])
        expect(await nodesWithMetrics()).toEqual(["east a", "west node-01"])
        daemons[1] = startEast("b")
        await until(
          "b is known again",
          async () => !(await ok("get", "node", "b", condition)).startsWith("Unknown"),
          () => daemons[1]?.output ?? "",
          30_000
        )
      })
  }
)

const authorized = () => ({ authorization: `Bearer ${tokens.reader}` })

/** What a node itself has, over its loopback listener. */
const onNode = async (port: number, path: string): Promise<unknown> =>
  (await fetch(`http://127.0.0.1:${port}${path}`)).json()
