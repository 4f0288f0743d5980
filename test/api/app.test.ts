// The API's answers, asked through its fetch handler: probes (S7), resources as a Kubernetes client asks for them, errors as
// Status objects, and the guard against DNS rebinding.
import { describe, expect, test } from "bun:test"
import { Hono } from "hono"
import { createApp } from "../../src/api/app.ts"
import { localOnly } from "../../src/api/localOnly.ts"
import type { NodeSource } from "../../src/api/source.ts"
import { down, NOW, nodeStatus, s22, s23, session } from "../resources/fixtures.ts"
import { fakeNode } from "./fakeNode.ts"

const appOf = (status = s22) => createApp(fakeNode(status), { now: () => NOW })
const SESSIONS = "/apis/networking.gke.io/v1/namespaces/kube-system/bgpsessions"
const ROUTES = "/apis/networking.gke.io/v1/bgpadvertisedroutes"
const AS_TABLE =
  "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
const table = { headers: { accept: AS_TABLE } }
const json = { headers: { accept: "application/json" } }

const body = async (response: Response | Promise<Response>): Promise<Record<string, unknown>> =>
  (await (await response).json()) as Record<string, unknown>

describe("probes", () => {
  test.each(["/healthz", "/livez"])("%s says ok, even while no session is up", async (path) => {
    const response = await appOf(nodeStatus([down("10.0.1.254-n", "connection refused")])).request(path)
    expect([response.status, await response.text()]).toEqual([200, "ok"])
  })

  test("S7: /readyz is 200 when every session is Established", async () => {
    const response = await appOf().request("/readyz")
    expect(response.status).toBe(200)
    expect(await response.text()).toContain("ready: 4 of 4 sessions")
  })

  test("S7: /readyz is 503 otherwise and says which session is missing and why, in text and in JSON", async () => {
    const app = appOf(nodeStatus([session("10.0.1.254-n"), down("10.0.3.254-n", "connection refused")]))
    const text = await app.request("/readyz")
    expect(text.status).toBe(503)
    expect(await text.text()).toContain("[-]session 10.0.3.254-n: Connect: connection refused\n")
    const asJson = await app.request("/readyz", json)
    expect(asJson.status).toBe(503)
    expect(await asJson.json()).toMatchObject({
      ready: false,
      checks: [{ ok: true }, { subject: "session 10.0.3.254-n", ok: false, detail: "Connect: connection refused" }]
    })
  })

  test("HEAD is answered as GET without a body, also for a watch", async () => {
    const node = fakeNode(s22)
    const app = createApp(node, { now: () => NOW })
    for (const path of ["/healthz", SESSIONS, `${SESSIONS}?watch=true`]) {
      const response = await app.request(path, { method: "HEAD" })
      expect([response.status, await response.text()]).toEqual([200, ""])
    }
    expect(node.followers()).toBe(0)
  })
})

describe("resources", () => {
  test("a list has the objects, each with a version, and the version of the whole", async () => {
    const list = await body(appOf().request(SESSIONS))
    expect(list).toMatchObject({ kind: "BGPSessionList", apiVersion: "networking.gke.io/v1" })
    const items = list.items as ReadonlyArray<{ metadata: { name: string; resourceVersion: string } }>
    expect(items.map(({ metadata }) => metadata.name)).toEqual(s22.sessions.map(({ name }) => name))
    expect(items.map(({ metadata }) => Number(metadata.resourceVersion) - NOW)).toEqual([1, 2, 3, 4])
    expect(list.metadata).toEqual({ resourceVersion: String(NOW + 4) })
  })

  test("asked for as a Table, the wide columns have priority 1 and rows carry their metadata", async () => {
    const answer = await body(appOf().request(`${SESSIONS}?limit=500`, table))
    expect(answer.kind).toBe("Table")
    const columns = answer.columnDefinitions as ReadonlyArray<{ name: string; priority: number }>
    expect(columns.filter(({ priority }) => priority === 0).map(({ name }) => name)).toEqual([
      "Name",
      "Local ASN",
      "Peer ASN",
      "Local IP",
      "Peer IP",
      "State",
      "Last Report"
    ])
    const rows = answer.rows as ReadonlyArray<{ cells: Array<unknown>; object: object }>
    expect(rows[0]?.cells.slice(0, 7)).toEqual([
      "10.0.1.254-node-01",
      65500,
      65000,
      "10.0.1.178",
      "10.0.1.254",
      "Established",
      "2s"
    ])
    expect(rows[0]?.object).toMatchObject({ kind: "PartialObjectMetadata", metadata: { namespace: "kube-system" } })
  })

  test("includeObject says how much of the object a row carries", async () => {
    const app = appOf()
    const rowOf = async (include: string) => {
      const answer = await body(app.request(`${SESSIONS}?includeObject=${include}`, table))
      return (answer.rows as ReadonlyArray<Record<string, unknown>>)[0]
    }
    expect(await rowOf("Object")).toMatchObject({ object: { kind: "BGPSession", spec: { peerASN: 65000 } } })
    expect(await rowOf("None")).not.toHaveProperty("object")
    expect((await app.request(`${SESSIONS}?includeObject=All`, table)).status).toBe(400)
  })

  test("S23: routes are served across namespaces, with next hops and the sessions that announce them", async () => {
    const name = "default-default-load-balancer-example"
    const path = `/apis/networking.gke.io/v1/namespaces/kube-system/bgpadvertisedroutes/${name}`
    expect((await body(appOf(s23).request(ROUTES))).items).toHaveLength(2)
    expect(await body(appOf(s23).request(path))).toMatchObject({
      spec: { prefix: "10.1.1.34/32" },
      status: {
        nextHops: [
          { address: "10.0.1.10", pathID: 1, sessions: ["10.0.1.254-node-01"] },
          { address: "10.0.1.11", pathID: 2, sessions: ["10.0.1.254-node-01", "10.0.3.254-node-01"] }
        ]
      }
    })
  })

  test("a name with colons (an IPv6 peer) is found", async () => {
    const app = appOf(nodeStatus([session("2001:db8::1-node-01")]))
    expect((await app.request(`${SESSIONS}/2001:db8::1-node-01`)).status).toBe(200)
    expect((await app.request(`${SESSIONS}/2001%3Adb8%3A%3A1-node-01`)).status).toBe(200)
  })

  test("selectors and the namespace choose", async () => {
    const app = appOf()
    const names = async (query: string) => {
      const { items } = await body(app.request(`${SESSIONS}?${query}`))
      return (items as ReadonlyArray<{ metadata: { name: string } }>).map(({ metadata }) => metadata.name)
    }
    expect(await names("fieldSelector=metadata.name%3D10.0.3.254-node-02")).toEqual(["10.0.3.254-node-02"])
    expect(await names("fieldSelector=spec.peerIP%3D10.0.1.254")).toHaveLength(2)
    expect(await names("labelSelector=tier")).toEqual([])
    expect(await names("labelSelector=%21tier")).toHaveLength(4)
    expect(await body(app.request(SESSIONS.replace("kube-system", "other")))).toMatchObject({ items: [] })
    expect((await app.request(`${SESSIONS.replace("kube-system", "other")}/10.0.1.254-node-01`)).status).toBe(404)
  })

  test("discovery names each kind with what can be done to it", async () => {
    const app = appOf()
    const { groups } = await body(app.request("/apis"))
    expect((groups as ReadonlyArray<{ name: string }>).map(({ name }) => name)).toEqual([
      "networking.gke.io",
      "viaduct.dev",
      "baremetal.cluster.gke.io",
      "discovery.k8s.io",
      "authorization.k8s.io"
    ])
    const listed = async (path: string) => {
      const { resources } = await body(app.request(path))
      return (resources as ReadonlyArray<{ name: string; verbs: ReadonlyArray<string> }>).map(({ name }) => name)
    }
    expect(await listed("/apis/viaduct.dev/v1")).toEqual(["floatingips", "configrevisions", "daemonconfigs"])
    expect(await listed("/apis/baremetal.cluster.gke.io/v1alpha1")).toEqual(["clustercidrconfigs"])
    expect(await listed("/api/v1")).toEqual(["services", "nodes", "pods", "namespaces", "events"])
    expect(await body(app.request("/apis/networking.gke.io/v1"))).toMatchObject({
      kind: "APIResourceList",
      resources: [
        { name: "bgpsessions", singularName: "bgpsession", kind: "BGPSession", verbs: ["get", "list", "watch"] },
        { name: "bgpadvertisedroutes", kind: "BGPAdvertisedRoute", namespaced: true },
        { name: "bgpreceivedroutes" },
        { name: "networkgatewaygroups", verbs: ["get", "list", "watch"] },
        { name: "bgploadbalancers" },
        { name: "bgppeers", categories: ["viaduct"] }
      ]
    })
    expect(await body(app.request("/version"))).toMatchObject({ major: "0", minor: "1", gitVersion: "v0.1.0" })
  })

  test("/v1/status is the node's status as it is", async () => {
    expect(await body(appOf().request("/v1/status"))).toEqual(JSON.parse(JSON.stringify(s22)))
  })
})

describe("errors are Status objects", () => {
  test("404 for an object names it as kubectl expects", async () => {
    const response = await appOf().request(`${SESSIONS}/nope`)
    expect(response.status).toBe(404)
    expect(await response.json()).toEqual({
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: 'bgpsessions.networking.gke.io "nope" not found',
      reason: "NotFound",
      details: { name: "nope", group: "networking.gke.io", kind: "bgpsessions" },
      code: 404
    })
  })

  test.each(["/nothing", "/apis/networking.gke.io/v1/pods", "/api/v1/namespaces/nowhere"])(
    "404 for %s",
    async (path) => {
      const response = await appOf().request(path)
      expect(response.status).toBe(404)
      expect(await response.json()).toMatchObject({ kind: "Status", reason: "NotFound", code: 404 })
    }
  )

  test.each(["POST", "PUT", "PATCH", "DELETE"])("405 for %s: the API is read-only", async (method) => {
    const response = await appOf().request(SESSIONS, { method })
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD"])
    expect(await response.json()).toMatchObject({ kind: "Status", reason: "MethodNotAllowed", code: 405 })
  })

  test.each([
    ["labelSelector=tier+in+x", "unable to parse"],
    ["fieldSelector=spec.nothing%3D1", "field label not supported"],
    ["watch=true&resourceVersion=abc", "resourceVersion"]
  ])("400 for %s", async (query, message) => {
    const response = await appOf().request(`${SESSIONS}?${query}`)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ reason: "BadRequest", message: expect.stringContaining(message) })
  })

  test("406 for a client that takes neither objects nor v1 tables", async () => {
    const accept = "application/vnd.kubernetes.protobuf"
    expect((await appOf().request(SESSIONS, { headers: { accept } })).status).toBe(406)
  })

  test("502 when the node is away, with its reason; probes of this process still answer", async () => {
    const node = fakeNode(s22)
    const app = createApp(node, { now: () => NOW })
    node.goAway()
    for (const path of [SESSIONS, "/readyz", "/metrics", "/v1/status"]) {
      const response = await app.request(path)
      expect(response.status).toBe(502)
      expect(await response.json()).toMatchObject({ reason: "NodeUnavailable", message: "node-01 does not answer" })
    }
    expect((await app.request("/healthz")).status).toBe(200)
  })

  test("an unexpected exception gives away neither its text nor its stack (I10)", async () => {
    const broken: NodeSource = {
      status: () => Promise.reject(new Error("secret at /etc/keys")),
      changes: () => {
        throw new Error("not asked")
      },
      config: () => Promise.reject(new Error("not asked"))
    }
    const reported: Array<unknown> = []
    const report = (error: unknown) => reported.push(error)
    const response = await createApp(broken, { now: () => NOW, report }).request(SESSIONS)
    const text = await response.text()
    expect(response.status).toBe(500)
    expect(text).not.toContain("secret")
    expect(reported).toEqual([new Error("secret at /etc/keys")])
    expect(text).not.toContain("at /")
  })
})

describe("localOnly", () => {
  const guarded = new Hono().use(localOnly(() => ["10.0.0.5"])).route("/", appOf())
  const asked = (headers: Record<string, string>) => guarded.request("http://127.0.0.1:9/healthz", { headers })
  test.each([
    [{ host: "127.0.0.1:8080" }, 200],
    [{ host: "localhost:8080" }, 200],
    [{ host: "[::1]:8080" }, 200],
    [{ host: "10.0.0.5:8080" }, 200],
    [{ host: "localhost", origin: "http://localhost:3000" }, 200],
    [{ host: "rebound.example:8080" }, 403],
    [{ host: "127.0.0.1.rebound.example" }, 403],
    [{ host: "10.0.0.6" }, 403],
    [{ host: "localhost", origin: "https://rebound.example" }, 403],
    [{ host: "localhost", origin: "null" }, 403]
  ])("%p is answered with %d", async (headers, code) => expect((await asked(headers)).status).toBe(code))
})
