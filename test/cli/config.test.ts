// `viaduct validate` and `viaduct plan` as an operator runs them: what is printed where, and the exit status.
import { expect, test } from "bun:test"
import { join } from "node:path"

const root = join(import.meta.dir, "../..")

const run = (...args: ReadonlyArray<string>) => runWith("", ...args)
const runWith = async (input: string, ...args: ReadonlyArray<string>) => {
  const child = Bun.spawn([process.execPath, "src/main.ts", ...args], {
    cwd: root,
    stdin: new TextEncoder().encode(input),
    stdout: "pipe",
    stderr: "pipe"
  })
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited
  ])
  return { out, err, code }
}

const EXAMPLES = "config/examples"

test("validate: warnings alone leave the exit status at 0", async () => {
  const { out, code } = await run("validate", `${EXAMPLES}/per-rack-peers.yaml`)
  expect(out).toMatch(
    /^config\/examples\/per-rack-peers\.yaml:47:7: warning: name: .*\nvalid: cluster bm, 0 errors, 1 warning, hash [0-9a-f]{16}\n$/
  )
  expect(code).toBe(0)
})

test("validate: errors end with 1, as text and as JSON", async () => {
  const file = "config/schema.json"
  const text = await run("validate", file)
  expect(text.out).toContain(`${file}:1:1: error: there is no Cluster document`)
  expect(text.code).toBe(1)
  const json = await run("validate", "-o", "json", file)
  expect(JSON.parse(json.out)).toMatchObject({
    valid: false,
    problems: [{ severity: "error", file, line: 1, column: 1, path: "" }]
  })
  expect(json.code).toBe(1)
})

test("validate: a file that is not there is named on stderr, exit status 1", async () => {
  expect(await run("validate", "nowhere.yaml")).toEqual({
    out: "",
    err: "nowhere.yaml: there is no such file or directory\n",
    code: 1
  })
})

test("validate and plan take -f and standard input, and say which of them is wrong", async () => {
  const broken = await runWith("kind: Cluster\nspec: [\n", "validate", "-")
  expect(broken.out).toMatch(/^standard input:3:1: error: /)
  expect(broken.code).toBe(1)
  const demo = await Bun.file(join(root, "config/demo.yaml")).text()
  expect((await runWith(demo, "validate", "-f", "-")).out).toMatch(/^valid: cluster demo, /)
  expect((await runWith(demo, "plan", "-f", "-")).out).toBe((await run("plan", "-f", "config/demo.yaml")).out)
})

test("plan --node: the sessions of that node with their reasons, exit status 0", async () => {
  const { out, err, code } = await run("plan", "--node", "10.0.2.10", `${EXAMPLES}/per-rack-peers.yaml`)
  expect(out).toContain("10.0.2.254-10.0.2.10: from 10.0.2.10 AS 65001, to 10.0.2.254 port 179 AS 65002")
  expect(out).toContain("because bgpPeers entry 10.0.2.254 lists this node (10.0.2.10) in controlPlaneNodes")
  expect(out).toContain("announces 10.0.0.8/32 next hop 10.0.2.10")
  expect(err).toContain("per-rack-peers.yaml:47:7: warning:")
  expect(code).toBe(0)
})

test("plan shows floating IPs and services as if the cluster were new and everybody there, and says so", async () => {
  const { out, err } = await run("plan", "--node", "10.0.3.10", `${EXAMPLES}/separate-data-plane.yaml`)
  expect(out).toMatch(/10\.0\.3\.10[01] \(floating IP of default\): this node on interface of 10\.0\.3\.10\n/)
  expect(out).toContain("gke-system/istio-ingress: 10.0.0.1 from pool1\n    10.0.0.1 to 10.0.3.10, 10.0.3.11\n")
  expect(out).toMatch(/because BGPPeer bgppeer1 wants 2 sessions; number [12] starts from floating IP 10\.0\.3\.10[01]/)
  expect(err).toContain("note: planned as if every node were alive, in the /24 (IPv6: /64) of its address")
})

test("plan -o json finds its node by the local addresses", async () => {
  const { out, code } = await run("plan", "-o", "json", "config/demo.yaml")
  expect(JSON.parse(out)).toMatchObject({
    node: "demo-node",
    sessions: [{ name: "127.0.0.2-demo-node" }, { name: "127.0.0.3-demo-node" }]
  })
  expect(code).toBe(0)
})

test("plan: a node that is not in the file is an error that lists the nodes", async () => {
  const { out, err, code } = await run("plan", "--node", "cp9", "config/demo.yaml")
  expect([out, err, code]).toEqual(["", "the file names no node cp9; it has demo-node (127.0.0.1)\n", 1])
})
