// The rewordings that the interop tests reload are many, different, and mean the same: else those would prove nothing.
import { expect, test } from "bun:test"
import { parseAllDocuments } from "yaml"
import { loadCluster } from "../../src/config/load.ts"
import { chance, reword } from "../interop/change/rewordings.ts"
import { fileText } from "../interop/services/file.ts"

const TEXT = fileText({
  type: "bgp",
  floatingIps: ["10.0.1.100", "10.0.1.101"],
  peers: [{ communities: ["65001:1", "65001:2"] }, { peerIP: "10.0.1.253", peerASN: 65_011 }],
  pools: [{ name: "public", addresses: ["203.0.113.0/28"] }],
  services: [{ name: "web" }, { name: "shop", endpoints: ["node-01", "node-02"] }],
  daemon: { leaseSeconds: 3 }
})

test("three hundred rewordings are as many texts with one hash", () => {
  const documents = parseAllDocuments(TEXT).map((one) => one.toJS() as unknown)
  const { hash, problems } = loadCluster([{ path: "cluster.yaml", text: TEXT }])
  expect(problems.filter(({ severity }) => severity === "error")).toEqual([])
  const next = chance(5)
  const texts = new Set<string>()
  for (let n = 0; n < 300; n++) {
    const text = reword(documents, next)
    texts.add(text)
    const result = loadCluster([{ path: "cluster.yaml", text }])
    if (result.hash !== hash) throw new Error(`${JSON.stringify(result.problems)}\n${text}`)
  }
  expect(texts.size).toBe(300)
})
