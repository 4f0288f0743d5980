// The files under config/ are whole and valid, and give exactly the warnings that are meant to be there.
import { expect, test } from "bun:test"
import { readdirSync } from "node:fs"
import { loadCluster } from "../../src/config/load.ts"
import { formatProblem } from "../../src/config/problem.ts"

const root = `${import.meta.dir}/../../config`
const ALONE =
  "warning: spec.peerSelector: one peer alone is a single point of failure (found 1 BGPPeer, expected two or more)"
const TOP_NAME = "warning: name: name belongs under metadata; read as metadata.name"

const WARNINGS: Readonly<Record<string, ReadonlyArray<string>>> = {
  "demo.yaml": [],
  "examples/all-nodes-same-peers.yaml": [],
  "examples/dual-stack.yaml": [],
  "examples/full-cluster.yaml": [],
  "examples/ibgp-secured.yaml": [],
  "examples/ipv6-control-plane.yaml": [],
  "examples/layer2-services.yaml": [],
  "examples/per-rack-peers.yaml": [`47:7: ${TOP_NAME}`],
  "examples/separate-data-plane.yaml": [`51:7: ${TOP_NAME}`, `66:5: ${ALONE}`],
  "examples/two-racks-services.yaml": []
}

test("every file under config/examples is listed here", () => {
  const files = readdirSync(`${root}/examples`).map((name) => `examples/${name}`)
  expect(["demo.yaml", ...files].sort()).toEqual(Object.keys(WARNINGS).sort())
})

for (const [name, warnings] of Object.entries(WARNINGS)) {
  test(`config/${name} is valid with ${warnings.length} warnings`, async () => {
    const { cluster, problems } = loadCluster([{ path: name, text: await Bun.file(`${root}/${name}`).text() }])
    expect(problems.map(formatProblem)).toEqual(warnings.map((warning) => `${name}:${warning}`))
    expect(cluster).toBeDefined()
  })
}

test("the example files point editors to the schema", async () => {
  for (const name of Object.keys(WARNINGS)) {
    const schema = name.startsWith("examples/") ? "../schema.json" : "schema.json"
    expect(await Bun.file(`${root}/${name}`).text()).toContain(`# yaml-language-server: $schema=${schema}\n`)
  }
})

test("nodes, names and pools of the long example arrive (S18)", async () => {
  const { cluster } = loadCluster([{ path: "f", text: await Bun.file(`${root}/examples/full-cluster.yaml`).text() }])
  expect(cluster?.workerNodes.map((node) => node.name)).toEqual(["store-17-w1", "store-17-w2"])
  expect(cluster?.loadBalancer.nodes.map((node) => node.name)).toEqual(["store-17-lb1", "store-17-lb2"])
  expect(cluster?.loadBalancer.pools as object).toEqual([
    { name: "stores", ranges: [{ first: "10.20.4.0", last: "10.20.4.63" }], avoidBuggyIps: true, manualAssign: false },
    {
      name: "reserved",
      ranges: [{ first: "10.20.4.64", last: "10.20.4.79" }],
      avoidBuggyIps: false,
      manualAssign: true
    }
  ])
})
