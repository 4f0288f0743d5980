// @kubernetes/client-node on Node against the daemon over TLS: what operators' programs do, from lists to informers. Under Bun that library
// does not use the CA of a kubeconfig, so Node runs it.
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { join } from "node:path"
import { addToken, tokensPath } from "../../src/cli/tokensFile.ts"
import { clusterYaml, Directory, type Router, Running, startRouter, until } from "./world.ts"

const NODE = "127.24.2.10"
const ROUTER = "127.24.2.254"
const ADMIN = "127.0.0.1:17932"

const services = `
---
apiVersion: networking.gke.io/v1
kind: NetworkGatewayGroup
metadata: { name: default, namespace: cluster-e2e }
spec: { floatingIPs: [203.0.113.200] }
---
apiVersion: networking.gke.io/v1
kind: BGPPeer
metadata: { name: p1, namespace: cluster-e2e }
spec: { localASN: 65001, peerASN: 65002, peerIP: 127.24.2.251 }
`

const node = Bun.which("node")

describe.skipIf(node === null)(`client-node${node === null ? " (needs node, which is not installed)" : ""}`, () => {
  const directory = new Directory()
  let router: Router | undefined
  let daemon: Running | undefined

  beforeAll(async () => {
    router = await startRouter(ROUTER, NODE)
    const yaml = clusterYaml(NODE, [ROUTER]).replace(
      "  loadBalancer:",
      "  clusterNetwork: { advancedNetworking: true }\n  loadBalancer:\n    addressPools: [{ name: p, addresses: [203.0.113.0/28] }]"
    )
    const file = directory.write("cluster.yaml", yaml + services)
    const data = directory.at("data")
    const token = await addToken(tokensPath(data), "alice", "write", 0)
    daemon = new Running([
      ...["run", "--config", file, "--node", "node-01", "--data-dir", data, "--admin-socket", directory.at("a.sock")],
      ...["--admin-listen", "none", "--admin-tls-listen", ADMIN]
    ])
    await until(
      "the router has the VIP",
      () => (router?.routes().length ?? 0) > 0,
      () => daemon?.output ?? ""
    )
    const cluster = { server: `https://${ADMIN}`, "certificate-authority": join(data, "tls/ca.pem") }
    const kubeconfig = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "c", cluster }],
      users: [{ name: "u", user: { token } }],
      contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
      "current-context": "x"
    }
    directory.write("kubeconfig.json", JSON.stringify(kubeconfig))
  }, 60_000)
  afterAll(async () => {
    await daemon?.end("SIGTERM")
    await router?.stop()
    directory.remove()
  })

  test("lists, informs, creates, patches, replaces, watches, deletes", async () => {
    const env = { PATH: process.env.PATH, HOME: directory.path, KUBECONFIG: directory.at("kubeconfig.json") }
    const child = Bun.spawn([node ?? "", join(import.meta.dir, "clientNode.mjs")], {
      env,
      stdout: "pipe",
      stderr: "pipe"
    })
    const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
    const found = Object.fromEntries(
      out
        .trim()
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as { step: string; finding: unknown })
        .map(({ step, finding }) => [step, finding])
    )
    expect([code, err, found]).toEqual([
      0,
      "",
      {
        list: ["127.24.2.254-node-01"],
        informer: ["p1"],
        create: 1,
        "informer add": "127.24.2.250",
        "merge patch": [2, 2],
        "json patch": 3,
        "stale replace": 409,
        invalid: { code: 422, message: expect.stringContaining("spec.peerASN: AS number 0 is reserved (RFC 7607)") },
        "object create": true,
        "core list": ["web"],
        events: true,
        nodes: ["node-01"],
        watch: ["ADDED p2", "DELETED p2"]
      }
    ])
  }, 60_000)
})
