// Where a daemon keeps its cluster's state: the documents' word, and the command line's instead of it.
import { afterAll, describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import { daemonSettings } from "../../src/cli/daemonSettings.ts"
import { defaultDaemonSettings } from "../../src/config/daemonSettings.ts"

const directory = mkdtempSync(join(tmpdir(), "viaduct-settings-"))
afterAll(() => rmSync(directory, { recursive: true, force: true }))
const cluster = {
  apiVersion: "baremetal.cluster.gke.io/v1",
  kind: "Cluster",
  metadata: { name: "bm", namespace: "cluster-bm" },
  spec: {
    controlPlane: { nodePoolSpec: { nodes: [{ address: "10.0.1.10" }] } },
    loadBalancer: { mode: "bundled", type: "layer2", vips: { controlPlaneVIP: "10.0.1.8" } }
  }
}
const daemonConfig = {
  apiVersion: "viaduct.dev/v1",
  kind: "DaemonConfig",
  metadata: { name: "default" },
  spec: {
    etcd: { endpoints: ["https://10.0.9.1:2379"], username: "viaduct", passwordFile: "/etc/key" },
    leaseSeconds: 5
  }
}
const file = (name: string, ...documents: ReadonlyArray<object | string>): string => {
  const path = join(directory, name)
  const texts = documents.map((one) => (typeof one === "string" ? one : JSON.stringify(one)))
  writeFileSync(path, texts.join("\n---\n"))
  return path
}
const settings = (path: string, etcd?: ReadonlyArray<string>) => Effect.runPromise(daemonSettings([path], etcd))

describe("the settings of a daemon", () => {
  test("without a DaemonConfig the defaults, and the cluster's name", async () => {
    expect(await settings(file("a.yaml", cluster))).toEqual({ settings: defaultDaemonSettings, cluster: "bm" })
  })

  test("--etcd takes the place of the endpoints and leaves the rest", async () => {
    const { settings: got } = await settings(file("b.yaml", cluster, daemonConfig), ["http://127.0.0.1:2379"])
    expect(got.leaseSeconds).toBe(5)
    expect(got.etcd).toEqual({ endpoints: ["http://127.0.0.1:2379"], username: "viaduct", passwordFile: "/etc/key" })
  })

  test("--etcd that is no URL is refused with what is wrong", async () => {
    const refused = Effect.runPromise(Effect.flip(daemonSettings([file("c.yaml", cluster)], ["10.0.9.1:2379"])))
    expect((await refused).message).toBe("--etcd 10.0.9.1:2379: is no http or https URL; expected http://HOST:2379")
  })

  test("files that cannot be read or are wrong give the defaults: whoever needs them says why", async () => {
    for (const path of [join(directory, "nothing.yaml"), file("d.yaml", "kind: Cluster")])
      expect(await settings(path)).toEqual({ settings: defaultDaemonSettings, cluster: undefined })
  })
})
