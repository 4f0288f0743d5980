// Changes of single documents, and merges, in files as people write them.
import { describe, expect, test } from "bun:test"
import { configObjects, documentsOf, nextMetas, sameDocuments } from "../../src/config/documentsOf.ts"
import { editFiles, mergeFiles } from "../../src/config/edit.ts"
import { loadCluster } from "../../src/config/load.ts"
import { BASE } from "./files.ts"

const peer = (name: string, more: object = {}) => ({
  apiVersion: "networking.gke.io/v1",
  kind: "BGPPeer",
  metadata: { name, ...more },
  spec: { localASN: 65001, peerASN: 65002, peerIP: "10.8.0.9", sessions: 2 }
})
const files = [{ path: "cluster.yaml", text: BASE }]
const first = { generation: 1, created: "2026-01-01T00:00:00.000Z", since: 1 }
const generationOne = () => 1

describe("objects of a config", () => {
  test("have the cluster's namespace where they name none, and Services have default", () => {
    const text = `apiVersion: baremetal.cluster.gke.io/v1
kind: Cluster
metadata: {name: bm}
---
apiVersion: networking.gke.io/v1
kind: NetworkGatewayGroup
name: default
spec: {floatingIPs: [10.0.1.100]}
---
{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {}, status: {loadBalancer: {}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {a: b}}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: other}}
---
{apiVersion: viaduct.dev/v1, kind: DaemonConfig, spec: {leaseSeconds: 3}}
`
    const objects = configObjects([{ path: "f.yaml", text: `sshPrivateKeyPath: /x\n---\n${text}` }], new Map(), first)
    expect(objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`)).toEqual([
      "Cluster cluster-bm/bm",
      "NetworkGatewayGroup cluster-bm/default",
      "Service default/web",
      "Namespace /shop",
      "DaemonConfig cluster-bm/default"
    ])
    expect(objects[1]).not.toHaveProperty("name")
    expect(objects[2]).not.toHaveProperty("status")
    expect(objects[3]?.metadata).toMatchObject({ labels: { a: "b" }, generation: 1, creationTimestamp: first.created })
  })

  test("have a uid that is a UUID, the same everywhere, and another one when they come again", () => {
    const one = configObjects(files, new Map(), first).map(({ metadata }) => metadata.uid)
    const again = configObjects([...files], new Map(), { ...first, since: 3 }).map(({ metadata }) => metadata.uid)
    expect(configObjects([...files], new Map(), first).map(({ metadata }) => metadata.uid)).toEqual(one)
    for (const uid of one) expect(uid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(new Set([...one, ...again]).size).toBe(one.length * 2)
  })
})

describe("a document", () => {
  test("that is new becomes a file of its own, without what a server adds", () => {
    const given = {
      ...peer("tor-c", {
        namespace: "cluster-bm",
        labels: { use: "yes" },
        uid: "x",
        resourceVersion: "7",
        managedFields: []
      }),
      status: { state: "up" }
    }
    const edited = editFiles(files, { type: "put", object: given }, generationOne)
    expect(edited).toMatchObject({
      outcome: "edited",
      ref: { kind: "BGPPeer", namespace: "cluster-bm", name: "tor-c" }
    })
    if (edited.outcome !== "edited") return
    expect(edited.files[0]).toBe(files[0] as (typeof files)[0])
    expect(edited.files[1]?.path).toBe("bgppeer/cluster-bm/tor-c.yaml")
    expect(edited.files[1]?.text).toBe(`apiVersion: networking.gke.io/v1
kind: BGPPeer
metadata:
  name: tor-c
  namespace: cluster-bm
  labels:
    use: yes
spec:
  localASN: 65001
  peerASN: 65002
  peerIP: 10.8.0.9
  sessions: 2
`)
    expect(loadCluster(edited.files).problems).toEqual([])
    const again = editFiles(edited.files, { type: "put", object: given, ifAbsent: true }, generationOne)
    expect(again).toEqual({ outcome: "exists", reason: "BGPPeer cluster-bm/tor-c is there already" })
  })

  test("that is there is replaced where it stands, with the comments around it", () => {
    const text =
      "# ours\n---\n# peers\n{a: 1}\n--- # rack 1\n# top\napiVersion: networking.gke.io/v1\nkind: BGPPeer\n" +
      "metadata: {name: tor-a} # inside\nspec: {}\n# end\n\n---\nlast: true # stays\n"
    const edited = editFiles([{ path: "f", text }], { type: "put", object: peer("tor-a") }, generationOne)
    expect(edited.outcome === "edited" && edited.files[0]?.text).toBe(
      "# ours\n---\n# peers\n{a: 1}\n--- # rack 1\n# top\napiVersion: networking.gke.io/v1\nkind: BGPPeer\n" +
        "metadata:\n  name: tor-a\nspec:\n  localASN: 65001\n  peerASN: 65002\n  peerIP: 10.8.0.9\n  sessions: 2\n" +
        "# end\n\n---\nlast: true # stays\n"
    )
  })

  test("that is the only one of its file takes the file along", () => {
    const two = [...files, { path: "p.yaml", text: `# note\n---\n${JSON.stringify(peer("tor-z"))}` }]
    const ref = { apiVersion: "networking.gke.io/v1", kind: "BGPPeer", namespace: "cluster-bm", name: "tor-z" }
    const edited = editFiles(two, { type: "delete", ref }, generationOne)
    expect(edited).toEqual({ outcome: "edited", files, ref })
  })

  test("is not changed under the hands of somebody who saw another generation", () => {
    const put = { type: "put", object: peer("tor-z") } as const
    const two = [...files, { path: "p.yaml", text: JSON.stringify(peer("tor-z")) }]
    expect(editFiles(two, { ...put, ifGeneration: 3 }, () => 4)).toEqual({
      outcome: "conflict",
      reason: "BGPPeer cluster-bm/tor-z has changed meanwhile: it is at generation 4, the change is of generation 3"
    })
    expect(editFiles(two, { ...put, ifGeneration: 4 }, () => 4).outcome).toBe("edited")
    expect(editFiles(files, { ...put, ifGeneration: 1 }, () => 1)).toEqual({
      outcome: "not-found",
      reason: "there is no BGPPeer cluster-bm/tor-z"
    })
  })

  test("that names no kind or no name is refused with the place", () => {
    const refused = (object: Record<string, unknown>) => {
      const edited = editFiles(files, { type: "put", object }, generationOne)
      return edited.outcome === "invalid" ? edited.problems.map(({ path, message }) => `${path}: ${message}`) : edited
    }
    expect(refused({ kind: "Pod" })).toEqual(["kind: is no kind of a cluster's config"])
    expect(refused({ ...peer("x"), apiVersion: "networking.gke.io/v2" })).toEqual([
      "apiVersion: BGPPeer is not known in this version"
    ])
    expect(refused({ ...peer("x"), metadata: {} })).toEqual(["metadata.name: name is missing"])
  })
})

describe("a merge", () => {
  const added = editFiles(files, { type: "put", object: peer("by-api") }, generationOne)
  const current = added.outcome === "edited" ? added.files : []

  test("keeps what the API added when the file changes something else", () => {
    const edited = [{ path: "cluster.yaml", text: BASE.replace("asn: 65002", "asn: 65009") }]
    const merged = mergeFiles(files, edited, current)
    expect(merged).toEqual([...edited, ...current.slice(1)])
  })

  test("of a file in which only comments changed says what is in force", () => {
    const edited = [{ path: "cluster.yaml", text: `# a word\n${BASE}` }]
    const merged = mergeFiles(files, edited, current)
    expect(sameDocuments(merged, current)).toBe(true)
    expect(merged[0]).toEqual(edited[0] as (typeof edited)[0])
  })
})

test("an object that is deleted and made again is another one", () => {
  const one = { files: [{ path: "p", text: JSON.stringify(peer("a")) }], metas: new Map() }
  const metas = nextMetas(undefined, one.files, 1, "t1")
  const gone = { files: [], metas: nextMetas({ files: one.files, metas }, [], 2, "t2") }
  const again = nextMetas(gone, [...one.files], 3, "t3")
  expect([...again.values()]).toEqual([{ generation: 1, created: "t3", since: 3 }])
  expect(documentsOf(one.files)).toHaveLength(1)
})

test("a file with a document that cannot be read, or twice the same, says something else than one without it", () => {
  const text = "apiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n"
  const whole = [{ path: "a.yaml", text }]
  expect(sameDocuments(whole, [{ path: "b.yaml", text: `# in other words\n${text}` }])).toBe(true)
  expect(sameDocuments(whole, [{ path: "a.yaml", text: `${text}---\n${text}` }])).toBe(false)
  for (const more of ["---\nkind: [\n", "---\nkind: a\nkind: b\n", `---\na: ${"[".repeat(200)}\n`])
    expect(sameDocuments(whole, [{ path: "a.yaml", text: text + more }])).toBe(false)
})
