// Writes as Kubernetes clients make them: create, update, the four kinds of patch, delete; and what they are answered where they are
// wrong, late, held back or refused. The config behind the API is real text and really checked.
import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { actAs, type Role } from "../../src/api/access/actor.ts"
import { authorize } from "../../src/api/access/roles.ts"
import { createApp } from "../../src/api/app.ts"
import type { ApplyOutcome } from "../../src/config/outcome.ts"
import { NOW, nodeStatus } from "../resources/fixtures.ts"
import { fakeConfig } from "./fakeConfig.ts"
import { fakeNode } from "./fakeNode.ts"

const EXAMPLE = join(import.meta.dir, "../../config/examples/two-racks-services.yaml")
const file = { path: "cluster.yaml", text: readFileSync(EXAMPLE, "utf8") }
const NS = "/apis/networking.gke.io/v1/namespaces/cluster-racks"
const PEERS = `${NS}/bgppeers`
const SERVICES = "/api/v1/namespaces/default/services"
const PATCH = {
  merge: "application/merge-patch+json",
  json: "application/json-patch+json",
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml"
} as const

type Json = Record<string, unknown>

const setUp = (role: Role = "write") => {
  const node = fakeNode(nodeStatus([]))
  const config = fakeConfig(node, [file])
  const access = [actAs({ name: "alice", role, via: "token" }), authorize()]
  const app = createApp(node, { now: () => NOW, control: { config }, access })
  const ask = async (method: string, path: string, body?: unknown, type = "application/json") => {
    const init = { method, headers: { "content-type": type } }
    const text = typeof body === "string" ? body : JSON.stringify(body)
    const response = await app.request(path, body === undefined ? { method } : { ...init, body: text })
    return { code: response.status, body: (await response.json()) as Json, headers: response.headers }
  }
  const get = async (path: string) => (await ask("GET", path)).body
  return { node, config, ask, get }
}

const peer = (name: string, spec: Json = {}, metadata: Json = {}) => ({
  apiVersion: "networking.gke.io/v1",
  kind: "BGPPeer",
  metadata: { name, namespace: "cluster-racks", labels: { "example.com/serves": "services" }, ...metadata },
  spec: { localASN: 65001, peerASN: 65008, peerIP: "10.8.0.12", sessions: 2, ...spec }
})
const service = (name: string, spec: Json = {}) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "default" },
  spec: { type: "LoadBalancer", ports: [{ name: "http", port: 80 }], ...spec }
})

describe("create", () => {
  test("makes a document of it, as whoever asks, and answers with what the server adds", async () => {
    const { config, ask, get } = setUp()
    const { code, body } = await ask("POST", `${PEERS}?message=a+third+spine`, peer("spine-c"))
    expect(code).toBe(201)
    expect(body).toMatchObject({ kind: "BGPPeer", metadata: { name: "spine-c", generation: 1 }, spec: { sessions: 2 } })
    expect(config.asked).toMatchObject([{ by: "alice", message: "a third spine", change: { ifAbsent: true } }])
    expect(await get(`${PEERS}/spine-c`)).toEqual(body)
    expect(config.files().map(({ path }) => path)).toContain("bgppeer/cluster-racks/spine-c.yaml")
  })

  test("of what is there already is 409, also under another version of the same name", async () => {
    const { ask } = setUp()
    const { code, body } = await ask("POST", PEERS, peer("spine-a"))
    expect([code, body.reason, body.message]).toEqual([
      409,
      "AlreadyExists",
      'bgppeers.networking.gke.io "spine-a" already exists'
    ])
  })

  test("takes name and namespace from the path, and refuses others", async () => {
    const { ask } = setUp()
    const elsewhere = await ask("POST", PEERS, peer("x", {}, { namespace: "other" }))
    expect([elsewhere.code, elsewhere.body.message]).toEqual([400, expect.stringContaining("does not match")])
    const { metadata, ...rest } = peer("x")
    expect((await ask("POST", PEERS, { ...rest, metadata: { name: "x" } })).code).toBe(201)
    const generated = await ask("POST", PEERS, { ...rest, metadata: { generateName: "x-" } })
    expect([generated.code, generated.body.details]).toEqual([
      422,
      expect.objectContaining({ causes: [expect.objectContaining({ field: "metadata.generateName" })] })
    ])
    const other = await ask("POST", PEERS, { ...peer("y"), kind: "BGPLoadBalancer" })
    expect(other.code).toBe(400)
    expect((await ask("POST", PEERS, "kind: [", "application/yaml")).code).toBe(400)
    expect((await ask("POST", PEERS, "x", "text/plain")).code).toBe(415)
  })

  test("of something invalid is 422 with every field, what was found and what is expected, and changes nothing (I5)", async () => {
    const { config, ask, get } = setUp()
    const before = await get(PEERS)
    const { code, body } = await ask("POST", PEERS, peer("bad", { peerASN: 0, peerIP: "10.8.0", sesions: 1 }))
    expect([code, body.reason]).toEqual([422, "Invalid"])
    const { causes, kind, name } = body.details as { causes: ReadonlyArray<Json>; kind: string; name: string }
    expect([kind, name]).toEqual(["BGPPeer", "bad"])
    expect(causes.map(({ field }) => field)).toEqual(["spec.peerASN", "spec.peerIP", "spec.sesions"])
    expect(causes[1]?.message).toBe("is not an address (found 10.8.0, expected an IPv4 or IPv6 address)")
    expect(causes[2]?.message).toContain("did you mean sessions?")
    expect(await get(PEERS)).toEqual(before)
    expect(config.files()).toEqual([file])
  })

  test("with dryRun=All says what would come of it", async () => {
    const { config, ask, get } = setUp("read")
    const { code, body } = await ask("POST", `${PEERS}?dryRun=All`, peer("spine-c"))
    expect([code, (body.metadata as Json).name]).toEqual([201, "spine-c"])
    expect(config.asked[0]?.dryRun).toBe(true)
    expect((await ask("GET", `${PEERS}/spine-c`)).code).toBe(404)
    expect((await ask("POST", PEERS, peer("spine-c"))).code).toBe(403)
    expect((await ask("POST", `${PEERS}?dryRun=some`, peer("spine-c"))).code).toBe(403)
    expect((await get(PEERS)).items).toHaveLength(2)
  })
})

describe("update", () => {
  test("replaces the document; status and what the server adds are left out of it", async () => {
    const { config, ask, get } = setUp()
    const live = await get(`${PEERS}/spine-a`)
    const { code, body } = await ask("PUT", `${PEERS}/spine-a`, { ...live, spec: peer("x").spec })
    expect([code, (body.metadata as Json).generation]).toEqual([200, 2])
    const text = config.files()[0]?.text ?? ""
    expect(text).toContain("peerIP: 10.8.0.12")
    expect(text).not.toMatch(/status:|generation:|uid:|resourceVersion/)
    // Every other document is as it was, comments included.
    expect(text).toContain("# Both families in one pool")
  })

  test("of a version that is not the last is 409, and so is one of an object that was made anew", async () => {
    const { ask, get } = setUp()
    const stale = await get(`${PEERS}/spine-a`)
    await ask("PATCH", `${PEERS}/spine-a`, { spec: { sessions: 3 } }, PATCH.merge)
    const { code, body } = await ask("PUT", `${PEERS}/spine-a`, stale)
    expect([code, body.reason, body.message]).toEqual([409, "Conflict", expect.stringContaining("has been modified")])
    const anew = { ...peer("spine-a"), metadata: { ...peer("spine-a").metadata, uid: "another" } }
    expect((await ask("PUT", `${PEERS}/spine-a`, anew)).code).toBe(409)
    expect((await ask("PUT", `${PEERS}/spine-a`, peer("spine-a"))).code).toBe(200)
    expect((await ask("PUT", `${PEERS}/nope`, peer("nope"))).code).toBe(404)
    expect((await ask("PUT", `${PEERS}/spine-a`, peer("spine-b"))).code).toBe(400)
  })

  test("that lost a race for the version that it insists on is 409", async () => {
    const { config, ask, get } = setUp()
    const live = await get(`${PEERS}/spine-a`)
    config.meanwhile(() => ask("PATCH", `${PEERS}/spine-a`, { spec: { sessions: 3 } }, PATCH.merge))
    const { code, body } = await ask("PUT", `${PEERS}/spine-a`, { ...live, spec: peer("x").spec })
    expect([code, body.reason]).toEqual([409, "Conflict"])
  })
})

describe("patch", () => {
  test("merge: sets, removes with null, replaces lists", async () => {
    const { ask } = setUp()
    const patch = { metadata: { labels: { rack: "a" } }, spec: { sessions: null, communities: ["65001:1"] } }
    const { code, body } = await ask("PATCH", `${PEERS}/spine-a`, patch, PATCH.merge)
    expect(code).toBe(200)
    expect(body.spec).toEqual({ localASN: 65001, peerASN: 65008, peerIP: "10.8.0.10", communities: ["65001:1"] })
    expect((body.metadata as Json).labels).toEqual({ "example.com/serves": "services", rack: "a" })
  })

  test("JSON patch: all operations or none", async () => {
    const { ask, get } = setUp()
    const path = `${PEERS}/spine-a`
    const done = await ask(
      "PATCH",
      path,
      [
        { op: "test", path: "/spec/sessions", value: 2 },
        { op: "replace", path: "/spec/sessions", value: 4 },
        { op: "add", path: "/metadata/annotations", value: { "example.com/a~b": "1" } },
        { op: "copy", from: "/metadata/annotations/example.com~1a~0b", path: "/metadata/labels/copied" }
      ],
      PATCH.json
    )
    expect(done.code).toBe(200)
    expect(done.body).toMatchObject({ spec: { sessions: 4 }, metadata: { labels: { copied: "1" } } })
    const failed = await ask(
      "PATCH",
      path,
      [
        { op: "remove", path: "/spec/sessions" },
        { op: "test", path: "/spec/peerASN", value: 1 }
      ],
      PATCH.json
    )
    expect([failed.code, failed.body.message]).toEqual([422, expect.stringContaining("/spec/peerASN: the test failed")])
    expect((await ask("PATCH", path, [{ op: "jump", path: "/spec" }], PATCH.json)).code).toBe(400)
    expect((await get(path)).spec).toMatchObject({ sessions: 4 })
  })

  test("strategic: merges the ports of a Service by port, in the wanted order; of our own kinds it is 415", async () => {
    const { ask } = setUp()
    await ask("POST", SERVICES, service("kiosk"))
    const patch = {
      spec: {
        $setElementOrder: undefined,
        "$setElementOrder/ports": [{ port: 443 }, { port: 80 }],
        ports: [
          { port: 443, name: "https" },
          { port: 80, name: "web" }
        ]
      }
    }
    const { body } = await ask("PATCH", `${SERVICES}/kiosk`, patch, PATCH.strategic)
    expect((body.spec as Json).ports).toEqual([
      { port: 443, name: "https" },
      { name: "web", port: 80 }
    ])
    const gone = { spec: { ports: [{ $patch: "delete", port: 80 }] } }
    expect((await ask("PATCH", `${SERVICES}/kiosk`, gone, PATCH.strategic)).body.spec).toMatchObject({
      ports: [{ port: 443, name: "https" }]
    })
    const ours = await ask("PATCH", `${PEERS}/spine-a`, {}, PATCH.strategic)
    expect([ours.code, ours.body.reason]).toEqual([415, "UnsupportedMediaType"])
  })

  test("is applied again to an object that changed under it, and loses nothing of either change", async () => {
    const { config, ask, get } = setUp()
    config.meanwhile(() => ask("PATCH", `${PEERS}/spine-a`, { spec: { sessions: 3 } }, PATCH.merge))
    const { code } = await ask("PATCH", `${PEERS}/spine-a`, { spec: { holdTime: 30 } }, PATCH.merge)
    expect(code).toBe(200)
    expect((await get(`${PEERS}/spine-a`)).spec).toMatchObject({ sessions: 3, holdTime: 30 })
  })

  test("may insist on a version, and may not rename", async () => {
    const { ask } = setUp()
    const stale = { metadata: { resourceVersion: "5" }, spec: { sessions: 3 } }
    expect((await ask("PATCH", `${PEERS}/spine-a`, stale, PATCH.merge)).code).toBe(409)
    expect((await ask("PATCH", `${PEERS}/spine-a`, { metadata: { name: "b" } }, PATCH.merge)).code).toBe(400)
  })

  test("that changes nothing keeps the generation", async () => {
    const { ask } = setUp()
    const { body } = await ask("PATCH", `${PEERS}/spine-a`, { spec: { sessions: 2 } }, PATCH.merge)
    expect((body.metadata as Json).generation).toBe(1)
  })
})

describe("server-side apply", () => {
  const fields = (body: Json) =>
    (((body.metadata as Json).managedFields ?? []) as ReadonlyArray<Json>).map(({ manager, operation, fieldsV1 }) => [
      manager,
      operation,
      fieldsV1
    ])
  const bare = (spec: Json) => ({
    apiVersion: "networking.gke.io/v1",
    kind: "BGPPeer",
    metadata: { name: "spine-c" },
    spec
  })
  const whole = { localASN: 65001, peerASN: 65008, peerIP: "10.8.0.12" }
  const path = `${PEERS}/spine-c?fieldManager`

  test("makes an object and remembers who wants what; the config's text keeps it as an annotation", async () => {
    const { config, ask } = setUp()
    const yaml =
      "apiVersion: networking.gke.io/v1\nkind: BGPPeer\nmetadata: {name: spine-c}\nspec: {localASN: 65001, peerASN: 65008, peerIP: 10.8.0.12}\n"
    const { code, body } = await ask("PATCH", `${path}=gitops`, yaml, PATCH.apply)
    expect(code).toBe(201)
    expect(fields(body)).toEqual([
      ["gitops", "Apply", { "f:spec": { "f:localASN": {}, "f:peerASN": {}, "f:peerIP": {} } }]
    ])
    expect((body.metadata as Json).annotations).toBeUndefined()
    expect(config.files().at(-1)?.text).toContain("viaduct.dev/managed-fields")
    const again = await ask("PATCH", `${path}=gitops`, yaml, PATCH.apply)
    expect([again.code, (again.body.metadata as Json).generation]).toEqual([200, 1])
  })

  test("a field that its manager no longer names goes; one of another manager stays", async () => {
    const { ask } = setUp()
    await ask("PATCH", `${path}=gitops`, bare({ ...whole, holdTime: 30, sessions: 2 }), PATCH.apply)
    await ask("PATCH", `${path}=tuning`, bare({ ...whole, keepaliveTime: 10 }), PATCH.apply)
    const { body } = await ask("PATCH", `${path}=gitops`, bare({ ...whole, sessions: 2 }), PATCH.apply)
    expect(body.spec).toEqual({ ...whole, sessions: 2, keepaliveTime: 10 })
  })

  test("a field of another manager is a conflict that names it, unless forced", async () => {
    const { ask } = setUp()
    await ask("PATCH", `${path}=gitops`, bare({ ...whole, sessions: 2 }), PATCH.apply)
    await ask("PATCH", `${path}=kubectl-edit`, { spec: { sessions: 3 } }, PATCH.merge)
    const wanted = bare({ ...whole, sessions: 2 })
    const { code, body } = await ask("PATCH", `${path}=gitops`, wanted, PATCH.apply)
    expect([code, body.reason, body.message]).toEqual([
      409,
      "Conflict",
      'Apply failed with 1 conflict: conflict with "kubectl-edit": .spec.sessions'
    ])
    expect(body.details).toEqual({
      causes: [{ reason: "FieldManagerConflict", message: 'conflict with "kubectl-edit"', field: ".spec.sessions" }]
    })
    const forced = await ask("PATCH", `${path}=gitops&force=true`, wanted, PATCH.apply)
    expect(forced.body.spec).toMatchObject({ sessions: 2 })
    expect(fields(forced.body).map(([manager]) => manager)).toEqual(["gitops"])
  })

  test("an object that was never applied to is everybody's: another value is a conflict, the same is shared", async () => {
    const { ask } = setUp()
    const spineA = (spec: Json) => ({ ...bare(spec), metadata: { name: "spine-a" } })
    const url = `${PEERS}/spine-a?fieldManager=gitops`
    const { code, body } = await ask("PATCH", url, spineA({ sessions: 5 }), PATCH.apply)
    expect([code, body.message]).toEqual([409, expect.stringContaining('"before-first-apply": .spec.sessions')])
    expect((await ask("PATCH", url, spineA({ sessions: 2, holdTime: 9 }), PATCH.apply)).body.spec).toMatchObject({
      sessions: 2,
      holdTime: 9,
      peerIP: "10.8.0.10"
    })
  })

  test("the ports of a Service belong to their managers one by one", async () => {
    const { ask } = setUp()
    const svc = (ports: ReadonlyArray<Json>, spec: Json = {}) => ({
      ...service("kiosk"),
      spec: { ports, ...spec }
    })
    const url = `${SERVICES}/kiosk?fieldManager`
    const first = await ask(
      "PATCH",
      `${url}=a`,
      svc([{ name: "http", port: 80 }], { type: "LoadBalancer" }),
      PATCH.apply
    )
    expect(first.body.message).toBeUndefined()
    await ask("PATCH", `${url}=b`, svc([{ name: "https", port: 443, protocol: "TCP" }]), PATCH.apply)
    const both = await ask("GET", `${SERVICES}/kiosk`)
    expect((both.body.spec as Json).ports).toEqual([
      { name: "http", port: 80 },
      { name: "https", port: 443, protocol: "TCP" }
    ])
    const { body } = await ask("PATCH", `${url}=b`, svc([]), PATCH.apply)
    expect((body.spec as Json).ports).toEqual([{ name: "http", port: 80 }])
  })

  test("without a field manager, or with managedFields, is refused", async () => {
    const { ask } = setUp()
    expect((await ask("PATCH", `${PEERS}/spine-c`, bare(whole), PATCH.apply)).code).toBe(400)
    const withFields = { ...bare(whole), metadata: { name: "spine-c", managedFields: [] } }
    expect((await ask("PATCH", `${path}=x`, withFields, PATCH.apply)).code).toBe(400)
  })
})

describe("delete", () => {
  test("takes the document out and says what it was", async () => {
    const { config, ask, get } = setUp()
    const { metadata } = await get(`${PEERS}/spine-b`)
    const { code, body } = await ask("DELETE", `${PEERS}/spine-b`, { propagationPolicy: "Background" })
    expect([code, body]).toEqual([
      200,
      {
        kind: "Status",
        apiVersion: "v1",
        metadata: {},
        status: "Success",
        details: { name: "spine-b", group: "networking.gke.io", kind: "bgppeers", uid: (metadata as Json).uid }
      }
    ])
    expect((await ask("GET", `${PEERS}/spine-b`)).code).toBe(404)
    expect(config.files()[0]?.text).not.toContain("spine-b")
    expect((await ask("DELETE", `${PEERS}/spine-b`)).code).toBe(404)
  })

  test("keeps to its preconditions, and to a dry run that its body asks for", async () => {
    const { ask } = setUp()
    const path = `${PEERS}/spine-b`
    expect((await ask("DELETE", path, { preconditions: { uid: "another" } })).code).toBe(409)
    expect((await ask("DELETE", path, { propagationPolicy: "Sideways" })).code).toBe(400)
    expect((await ask("DELETE", path, { dryRun: ["All"] })).code).toBe(200)
    expect((await ask("GET", path)).code).toBe(200)
  })

  test("of a collection takes those that selectors pick, and no object that is no document", async () => {
    const { ask, get } = setUp()
    await ask("POST", SERVICES, { ...service("one"), metadata: { name: "one", labels: { tier: "edge" } } })
    const { code, body } = await ask("DELETE", `${SERVICES}?labelSelector=tier%3Dedge`)
    expect([code, (body.items as ReadonlyArray<{ metadata: Json }>).map(({ metadata }) => metadata.name)]).toEqual([
      200,
      ["one"]
    ])
    const names = ((await get(SERVICES)).items as ReadonlyArray<{ metadata: Json }>).map(
      ({ metadata }) => metadata.name
    )
    expect(names.length).toBeGreaterThan(0)
    expect(names).not.toContain("one")
  })

  test("of the Cluster is refused with what to do instead, by name and with all", async () => {
    const { config, ask, get } = setUp()
    const clusters = "/apis/baremetal.cluster.gke.io/v1/clusters"
    const [{ metadata } = { metadata: {} }] = (await get(clusters)).items as ReadonlyArray<{ metadata: Json }>
    const inside = `/apis/baremetal.cluster.gke.io/v1/namespaces/${metadata.namespace}/clusters`
    for (const path of [`${inside}/${metadata.name}`, `${inside}/${metadata.name}?force=true`, inside]) {
      const { code, body } = await ask("DELETE", path)
      expect([code, body.reason, body.message]).toEqual([
        403,
        "Forbidden",
        expect.stringMatching(
          /^clusters\.baremetal\S+ "\S+" is forbidden: it cannot be deleted by itself, .* stop the daemon/
        )
      ])
    }
    expect(config.asked).toEqual([])
  })

  test("that leaves no valid config names a field for all that is wrong, even where it is wrong as a whole", async () => {
    const { config, ask } = setUp()
    const place = { severity: "error", file: "a", line: 1, column: 1 } as const
    config.answer({ outcome: "invalid", problems: [{ ...place, path: "", message: "there is no Cluster document" }] })
    const { body } = await ask("DELETE", `${PEERS}/spine-b`)
    expect(body.message).toBe('BGPPeer.networking.gke.io "spine-b" is invalid: kind: there is no Cluster document')
    const causes = [{ reason: "FieldValueInvalid", message: "there is no Cluster document", field: "kind" }]
    expect(body.details).toMatchObject({ causes })
  })

  test("of a namespace that objects are in, and of one that is there for them, is refused", async () => {
    const { ask, get } = setUp()
    const full = await ask("DELETE", "/api/v1/namespaces/billing")
    expect([full.code, full.body.message]).toEqual([409, expect.stringContaining("delete them first")])
    const implied = await ask("DELETE", "/api/v1/namespaces/kube-system")
    expect([implied.code, implied.body.reason]).toEqual([403, "Forbidden"])
    const kind = { apiVersion: "v1", kind: "Namespace" }
    expect((await ask("POST", "/api/v1/namespaces", { ...kind, metadata: { name: "empty" } })).code).toBe(201)
    expect((await ask("DELETE", "/api/v1/namespaces/empty")).code).toBe(200)
    expect(
      (await ask("PATCH", "/api/v1/namespaces/kube-system", { metadata: { labels: { a: "b" } } }, PATCH.merge)).code
    ).toBe(200)
    expect(await get("/api/v1/namespaces/kube-system")).toMatchObject({ metadata: { labels: { a: "b" } } })
  })
})

describe("what holds a write back", () => {
  const guards = [
    { type: "last-session", subject: "node r1-a", reason: "node r1-a would have no session left" }
  ] as const

  test("a guard is 403 that says why and how to insist; the annotation insists once", async () => {
    const { config, ask, get } = setUp()
    config.guard(guards)
    const path = `${PEERS}/spine-a`
    const { code, body } = await ask("PATCH", path, { spec: { sessions: 1 } }, PATCH.merge)
    expect([code, body.reason]).toEqual([403, "Forbidden"])
    expect(body.message).toMatch(/node r1-a would have no session left .*viaduct.dev\/force=true/)
    expect(body.details).toMatchObject({ causes: [{ reason: "last-session", field: "node r1-a" }] })
    const annotated = { metadata: { annotations: { "viaduct.dev/force": "true" } }, spec: { sessions: 1 } }
    config.guard(guards)
    const forced = await ask("PATCH", path, annotated, PATCH.merge)
    expect([forced.code, (forced.body.metadata as Json).annotations]).toEqual([200, undefined])
    expect(config.asked.at(-1)).toMatchObject({ force: true })
    expect((await get(path)).spec).toMatchObject({ sessions: 1 })
  })

  test("?force=true insists as well; for a deletion the annotation stays from the write before", async () => {
    const { config, ask } = setUp()
    config.guard(guards)
    expect((await ask("PUT", `${PEERS}/spine-a?force=true`, peer("spine-a"))).code).toBe(200)
    const note = { metadata: { annotations: { "viaduct.dev/force": "true" } } }
    expect((await ask("PATCH", `${PEERS}/spine-b`, note, PATCH.merge)).code).toBe(200)
    config.guard(guards)
    expect((await ask("DELETE", `${PEERS}/spine-a`)).code).toBe(403)
    expect((await ask("DELETE", `${PEERS}/spine-b`)).code).toBe(200)
  })

  test.each([
    [{ outcome: "refused", reason: "the store cannot be reached" }, 503, "ServiceUnavailable"],
    [{ outcome: "conflict", reason: "it has changed" }, 409, "Conflict"],
    [{ outcome: "not-found", reason: "it is gone" }, 404, "NotFound"]
  ] as ReadonlyArray<[ApplyOutcome, number, string]>)("%p is told with its reason", async (outcome, code, reason) => {
    const { config, ask } = setUp()
    config.answer(outcome)
    const answer = await ask("PUT", `${PEERS}/spine-a`, peer("spine-a"))
    expect([answer.code, answer.body.reason]).toEqual([code, reason])
    expect(answer.body.details).toMatchObject({ name: "spine-a", kind: "bgppeers" })
  })

  test("what a change does to sessions comes as warnings", async () => {
    const { config, ask } = setUp()
    config.answer({
      outcome: "applied",
      revision: 2,
      warnings: [],
      change: {
        lines: [
          { verdict: "session reset", node: "r1-a", subject: 'session "x"', detail: "hold time 90 → 30" },
          { verdict: "session soft", node: "r1-a", subject: "session y", detail: "…" }
        ],
        guards: [],
        summary: ""
      }
    })
    const { headers } = await ask("PATCH", `${PEERS}/spine-a`, { spec: { holdTime: 30 } }, PATCH.merge)
    expect(headers.get("warning")).toBe('299 viaduct "session reset: r1-a: session \\"x\\": hold time 90 -> 30"')
  })

  test("kinds that show what there is are read-only, and so is everything without a control", async () => {
    const { node, ask } = setUp()
    const sessions = "/apis/networking.gke.io/v1/namespaces/kube-system/bgpsessions"
    expect((await ask("POST", sessions, {})).code).toBe(405)
    const readOnly = createApp(node, { now: () => NOW, access: [actAs({ name: "a", role: "write", via: "socket" })] })
    const { status } = await readOnly.request(PEERS, { method: "POST", body: JSON.stringify(peer("x")) })
    expect(status).toBe(405)
  })
})

describe("what one may do", () => {
  const ask = async (role: Role, attributes: Json) => {
    const { ask: request } = setUp(role)
    const review = { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectAccessReview", spec: attributes }
    const { code, body } = await request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
    expect(code).toBe(201)
    return body.status as Json
  }
  const may = (verb: string, resource: string, group = "networking.gke.io") => ({
    resourceAttributes: { verb, resource, group, namespace: "x" }
  })

  test("goes by the role", async () => {
    expect(await ask("read", may("list", "bgppeers"))).toEqual({ allowed: true })
    expect(await ask("read", may("patch", "bgppeers"))).toEqual({ allowed: false, reason: "alice may read only" })
    expect(await ask("write", may("patch", "bgppeers"))).toEqual({ allowed: true })
    expect(await ask("write", may("delete", "bgpsessions"))).toMatchObject({ allowed: false })
    expect(await ask("write", may("get", "secrets", ""))).toEqual({
      allowed: false,
      reason: "there are no secrets here"
    })
    expect(await ask("read", { nonResourceAttributes: { verb: "post", path: "/v1/rollback" } })).toMatchObject({
      allowed: false
    })
  })
})
