// Who may do what, asked through the application with the guards of a TLS listener and of a loopback one: tokens, certificates, roles, failed
// logins, and the audit of every write.
import { describe, expect, test } from "bun:test"
import { actAs, type Client } from "../../../src/api/access/actor.ts"
import { makeAttempts } from "../../../src/api/access/attempts.ts"
import { type AuditRecord, audit, auditText } from "../../../src/api/access/audit.ts"
import { authenticate } from "../../../src/api/access/authenticate.ts"
import { authorize } from "../../../src/api/access/roles.ts"
import type { Token } from "../../../src/api/access/tokens.ts"
import { createApp } from "../../../src/api/app.ts"
import type { ApplyOutcome, ConfigControl, StageProgress } from "../../../src/api/control.ts"
import { localOnly } from "../../../src/api/localOnly.ts"
import { NOW, s22 } from "../../resources/fixtures.ts"
import { fakeNode, jsonLines } from "../fakeNode.ts"

const sha256 = async (text: string): Promise<string> => new Bun.CryptoHasher("sha256").update(text).digest("hex")
const token = async (name: string, role: Token["role"]): Promise<Token> => ({
  name,
  role,
  hash: await sha256(`${name}-secret`)
})

const change = { lines: [], guards: [], summary: "nothing moves" }
const files = [{ path: "cluster.yaml", text: "a: b\n" }]

const world = async ({
  anonymous = false,
  outcome = "applied"
}: {
  anonymous?: boolean
  outcome?: "applied" | "guarded"
} = {}) => {
  let nowMs = 0
  const tokens = [await token("alice", "write"), await token("bob", "read")]
  const records: Array<AuditRecord> = []
  const refused: Array<string> = []
  const applied: Array<string> = []
  const answer: ApplyOutcome =
    outcome === "applied"
      ? { outcome, revision: 7, change, warnings: [] }
      : {
          outcome,
          change,
          guards: [{ type: "last-session", subject: "node a", reason: "the last session\nof node a" }]
        }
  const steps: ReadonlyArray<StageProgress> = [
    { step: 1, steps: 1, what: "add peer 10.0.1.254", state: "started", detail: "" },
    { step: 1, steps: 1, what: "add peer 10.0.1.254", state: "done", detail: "" }
  ]
  const config: ConfigControl = {
    apply: async ({ by }) => {
      applied.push(by)
      return answer
    },
    stage: async function* () {
      yield* steps
    },
    confirm: async () => ({ done: false, reason: "nothing waits" }),
    documents: async () => undefined,
    reload: async () => ({ done: true, reason: "" })
  }
  const login = authenticate({
    ...{ tokens: async () => tokens, sha256, now: () => nowMs },
    attempts: makeAttempts({ burst: 3, refillMs: 10_000, addressesMax: 10 }),
    refused: (address, why) => refused.push(`${address}: ${why}`),
    ...(anonymous ? { anonymous: { name: "anonymous", role: "read", via: "loopback" } as const } : {})
  })
  const access = [
    audit((record) => records.push(record)),
    localOnly(() => ["10.0.0.5", "fd00::5", "node-01"]),
    login,
    authorize()
  ]
  const app = createApp(fakeNode(s22), { now: () => NOW, control: { config }, access })
  const ask = (
    path: string,
    { as, client = { address: "10.9.9.9" }, ...init }: RequestInit & { as?: string; client?: Client } = {}
  ) => {
    const headers = new Headers(init.headers)
    if (as !== undefined) headers.set("authorization", `Bearer ${as}-secret`)
    return app.request(`https://10.0.0.5:7180${path}`, { ...init, headers }, { client })
  }
  const post = (path: string, as: string | undefined, body: unknown = {}, headers: Record<string, string> = {}) =>
    ask(path, {
      ...(as === undefined ? {} : { as }),
      ...{ method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json", ...headers } }
    })
  const pass = (ms: number) => {
    nowMs += ms
  }
  return { ask, post, pass, records, refused, applied, tokens }
}

describe("tokens", () => {
  test("nobody gets anything without one but the probes, and metrics from this machine", async () => {
    const { ask } = await world()
    for (const path of ["/v1/status", "/apis", "/metrics", "/v1/docs", "/nothing"]) {
      const response = await ask(path)
      expect([path, response.status]).toEqual([path, 401])
      expect(await response.json()).toMatchObject({ kind: "Status", reason: "Unauthorized", code: 401 })
    }
    for (const path of ["/healthz", "/livez", "/readyz"]) expect((await ask(path)).status).toBe(200)
    for (const address of ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
      expect((await ask("/metrics", { client: { address } })).status).toBe(200)
    expect((await ask("/v1/status", { client: { address: "127.0.0.1" } })).status).toBe(401)
  })

  test("a token says who, and its role what: read looks and tries out, write does", async () => {
    const { ask, post, applied } = await world()
    expect(await (await ask("/v1/access", { as: "bob" })).json()).toMatchObject({
      name: "bob",
      role: "read",
      via: "token"
    })
    expect((await ask("/v1/status", { as: "bob" })).status).toBe(200)
    expect((await post("/v1/plan", "bob", { files })).status).toBe(200)
    const denied = await post("/v1/apply", "bob", { files })
    expect([denied.status, await denied.json()]).toMatchObject([
      403,
      { reason: "Forbidden", message: "bob may read only, and POST /v1/apply takes the role write" }
    ])
    for (const method of ["PUT", "PATCH", "DELETE"])
      expect((await ask("/apis/networking.gke.io/v1/bgpsessions", { as: "bob", method })).status).toBe(403)
    expect((await post("/v1/apply", "alice", { files })).status).toBe(200)
    expect(applied).toEqual(["bob", "alice"])
  })

  test("a dry run of a resource is trying out; one that only looks like one is not", async () => {
    const { ask } = await world()
    const path = "/apis/networking.gke.io/v1/namespaces/kube-system/bgppeers"
    const status = async (query: string) => (await ask(`${path}${query}`, { as: "bob", method: "POST" })).status
    expect(await status("?dryRun=All")).not.toBe(403)
    for (const query of ["", "?dryRun=", "?dryRun=None", "?dryRun=All&dryRun=None", "?dryrun=All"])
      expect([query, await status(query)]).toEqual([query, 403])
    expect((await ask("/v1/apply?dryRun=All", { as: "bob", method: "POST" })).status).toBe(403)
  })

  test("a wrong token is nobody's, also where nobody needs one", async () => {
    const { ask, refused } = await world({ anonymous: true })
    expect((await ask("/v1/status")).status).toBe(200)
    expect((await ask("/v1/status", { as: "mallory" })).status).toBe(401)
    expect((await ask("/v1/status", { headers: { authorization: "Digest a=b" } })).status).toBe(401)
    expect(refused).toEqual([
      "10.9.9.9: the token is not known here",
      "10.9.9.9: the Authorization header is no bearer token"
    ])
  })

  test("a browser asks its user, and sends the token as a password", async () => {
    const { ask } = await world()
    const page = await ask("/v1/docs", { headers: { accept: "text/html,*/*" } })
    expect([page.status, page.headers.get("www-authenticate")]).toEqual([401, expect.stringContaining("Basic realm=")])
    expect((await ask("/v1/docs")).headers.get("www-authenticate")).toBe("Bearer")
    const authorization = `Basic ${btoa("anybody:bob-secret")}`
    expect((await ask("/v1/docs", { headers: { authorization } })).status).toBe(200)
    expect((await ask("/v1/docs", { headers: { authorization: `Basic ${btoa("anybody:x")}` } })).status).toBe(401)
  })

  test("one that is gone lets nobody in any more", async () => {
    const { ask, tokens } = await world()
    expect((await ask("/v1/status", { as: "bob" })).status).toBe(200)
    tokens.pop()
    expect((await ask("/v1/status", { as: "bob" })).status).toBe(401)
  })
})

describe("failed logins", () => {
  test("are limited by address: not even a right token is looked at, until there is time again", async () => {
    const { ask, pass } = await world()
    for (let i = 0; i < 3; i++) expect((await ask("/v1/status", { as: "mallory" })).status).toBe(401)
    const limited = await ask("/v1/status", { as: "alice" })
    expect([limited.status, limited.headers.get("retry-after")]).toEqual([429, "10"])
    expect(await limited.json()).toMatchObject({ reason: "TooManyRequests", code: 429 })
    expect((await ask("/v1/status", { as: "alice", client: { address: "10.9.9.8" } })).status).toBe(200)
    expect((await ask("/readyz")).status).toBe(200)
    pass(10_000)
    expect((await ask("/v1/status", { as: "alice" })).status).toBe(200)
    expect((await ask("/v1/status", { as: "mallory" })).status).toBe(401)
    expect((await ask("/v1/status", { as: "mallory" })).status).toBe(429)
  })

  test("a login that nobody tried is none", async () => {
    const { ask } = await world()
    for (let i = 0; i < 9; i++) expect((await ask("/v1/status")).status).toBe(401)
    expect((await ask("/v1/status", { as: "alice" })).status).toBe(200)
  })
})

describe("client certificates", () => {
  const certified = (organizations: ReadonlyArray<string>, more: { name?: string; refused?: string } = {}): Client => ({
    address: "10.9.9.9",
    certificate: { name: "carol", organizations, ...more }
  })

  test.each([
    [["viaduct:write"], "write"],
    [["viaduct:read"], "read"],
    [["system:masters", "viaduct:read", "viaduct:write"], "write"]
  ] as const)("with the organizations %j has the role %s", async (organizations, role) => {
    const { ask } = await world()
    const answer = await (await ask("/v1/access", { client: certified(organizations) })).json()
    expect(answer).toMatchObject({ name: "carol", role, via: "certificate" })
  })

  test("without a role, or a name, is refused with what it needs", async () => {
    const { ask } = await world()
    for (const client of [certified(["system:masters"]), certified([]), certified(["viaduct:write"], { name: "" })]) {
      const response = await ask("/v1/status", { client })
      expect([response.status, await response.json()]).toMatchObject([
        403,
        { message: expect.stringContaining("O=viaduct:read") }
      ])
    }
  })

  test("that is not to be trusted is a failed login, whatever it says", async () => {
    const { ask } = await world()
    const client = certified(["viaduct:write"], { refused: "self-signed certificate" })
    const response = await ask("/v1/status", { client })
    expect([response.status, await response.json()]).toMatchObject([
      401,
      { message: expect.stringContaining("self-signed") }
    ])
    for (let i = 0; i < 2; i++) await ask("/v1/status", { client })
    expect((await ask("/v1/status", { client })).status).toBe(429)
  })

  test("beside a token: the token counts", async () => {
    const { ask } = await world()
    const answer = await (await ask("/v1/access", { as: "bob", client: certified(["viaduct:write"]) })).json()
    expect(answer).toMatchObject({ name: "bob", role: "read" })
  })
})

describe("hosts", () => {
  test("another name than the listener's is refused before anybody logs in, a page from elsewhere too", async () => {
    const { ask } = await world()
    const status = async (headers: Record<string, string>) => (await ask("/v1/status", { as: "alice", headers })).status
    for (const host of ["10.0.0.5:7180", "node-01", "NODE-01:7180", "[fd00::5]:7180", "localhost"])
      expect([host, await status({ host })]).toEqual([host, 200])
    for (const host of ["evil.example", "10.0.0.6", "node-01.evil.example", "[fd00::6]:7180"])
      expect([host, await status({ host })]).toEqual([host, 403])
    expect(await status({ host: "node-01", origin: "https://node-01:7180" })).toBe(200)
    expect(await status({ host: "node-01", origin: "https://evil.example" })).toBe(403)
    expect(await status({ host: "node-01", origin: "null" })).toBe(403)
  })
})

describe("the audit", () => {
  test("has who, from where, what and what came of it, for every write and no read", async () => {
    const { ask, post, records } = await world()
    await ask("/v1/status", { as: "alice" })
    await post("/v1/plan", "bob", { files })
    await post("/v1/apply", "alice", { files, message: "m" })
    await post("/v1/apply", "bob", { files })
    await post("/v1/confirm", "alice")
    await post("/v1/apply", undefined, { files })
    await post("/v1/rollback", "alice", { to: 0 })
    await post("/v1/apply", "alice", { files }, { host: "evil.example" })
    const from = { via: "token", address: "10.9.9.9" }
    expect(records).toEqual([
      {
        who: "alice",
        ...from,
        what: "POST /v1/apply",
        status: 200,
        outcome: "applied",
        revision: 7,
        summary: "nothing moves",
        diff: expect.stringMatching(/^[0-9a-f]{16}$/)
      },
      { who: "bob", ...from, what: "POST /v1/apply", status: 403, outcome: "denied" },
      { who: "alice", ...from, what: "POST /v1/confirm", status: 409, outcome: "refused", summary: "nothing waits" },
      { who: "nobody", via: "", address: "10.9.9.9", what: "POST /v1/apply", status: 401, outcome: "denied" },
      { who: "alice", ...from, what: "POST /v1/rollback", status: 422, outcome: "failed" },
      { who: "nobody", via: "", address: "10.9.9.9", what: "POST /v1/apply", status: 403, outcome: "denied" }
    ])
    expect(records.map(auditText)[0]).toBe(
      "audit: alice (token 10.9.9.9): POST /v1/apply: applied (200): nothing moves"
    )
  })

  test("of a change that takes a while tells its begin and its end", async () => {
    const { post, records } = await world()
    await Array.fromAsync(jsonLines(await post("/v1/stage", "alice", { files })))
    expect(records.map(({ outcome, summary }) => [outcome, summary])).toEqual([
      ["done", undefined],
      ["done", "step 1/1: add peer 10.0.1.254"]
    ])
  })

  test("is one line for each record and holds neither token nor body", async () => {
    const { post, records } = await world({ outcome: "guarded" })
    await post("/v1/apply?token=alice-secret", "alice", { files: [{ path: "a", text: "password: hunter2\n" }] })
    await post("/v1/apply", "mallory", { files })
    expect(records[0]).toMatchObject({ outcome: "guarded", summary: "the last session; of node a" })
    expect(JSON.stringify(records)).not.toMatch(/secret|hunter2/)
    for (const line of records.map(auditText)) expect(line).not.toContain("\n")
  })
})

describe("reviews", () => {
  const reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
  const asking = (verb: string) => ({
    kind: "SelfSubjectAccessReview",
    apiVersion: "authorization.k8s.io/v1",
    spec: { resourceAttributes: { verb, group: "networking.gke.io", resource: "bgppeers", namespace: "default" } }
  })

  test.each([
    ["bob", "create", false],
    ["bob", "*", false],
    ["bob", "list", true],
    ["alice", "delete", true]
  ])("may %s %s? %j", async (as, verb, allowed) => {
    const { post, records } = await world()
    const response = await post(reviews, as, asking(verb))
    expect([response.status, await response.json()]).toMatchObject([201, { ...asking(verb), status: { allowed } }])
    expect(records).toEqual([])
  })

  test("in Kubernetes' protobuf, as newer clients send them", async () => {
    const { ask } = await world()
    const field = (number: number, content: Uint8Array | string): Uint8Array => {
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content
      return new Uint8Array([(number << 3) | 2, bytes.length, ...bytes])
    }
    const group = "networking.gke.io"
    const attributes = [...field(1, "default"), ...field(2, "create"), ...field(3, group), ...field(5, "bgppeers")]
    const type = new Uint8Array([...field(1, "authorization.k8s.io/v1"), ...field(2, "SelfSubjectAccessReview")])
    const unknown = field(2, field(2, field(1, new Uint8Array(attributes))))
    const body = new Uint8Array([0x6b, 0x38, 0x73, 0, ...field(1, type), ...unknown])
    const headers = { "content-type": "application/vnd.kubernetes.protobuf" }
    const answer = async (as: string, octets: Uint8Array) => ask(reviews, { as, method: "POST", headers, body: octets })
    const spec = { resourceAttributes: { verb: "create", group, resource: "bgppeers", namespace: "default" } }
    const kind = "SelfSubjectAccessReview"
    const status = { allowed: false, reason: "bob may read only" }
    expect(await (await answer("bob", body)).json()).toMatchObject({ kind, spec, status })
    expect(await (await answer("alice", body)).json()).toMatchObject({ status: { allowed: true } })
    for (let length = 0; length < body.length; length++)
      expect([201, 400]).toContain((await answer("bob", body.slice(0, length))).status)
  })

  test("all that somebody may", async () => {
    const { post } = await world()
    const path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    const verbs = async (as: string) =>
      JSON.stringify(await (await post(path, as, { spec: { namespace: "default" } })).json())
    expect(await verbs("bob")).not.toContain('"create"')
    expect(await verbs("alice")).toContain('"create"')
  })
})

test("a listener that nobody set an actor on serves nothing but probes", async () => {
  const app = createApp(fakeNode(s22), { now: () => NOW, access: [authorize()] })
  expect((await app.request("/v1/status")).status).toBe(401)
  expect((await app.request("/livez")).status).toBe(200)
  const owner = createApp(fakeNode(s22), {
    now: () => NOW,
    access: [actAs({ name: "root", role: "write", via: "socket" }), authorize()]
  })
  expect((await owner.request("/v1/status")).status).toBe(200)
})
