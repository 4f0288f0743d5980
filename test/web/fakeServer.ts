// A server for tests and pictures of the dashboard: the real page over an API whose answers a test writes. It speaks as
// src/api does, down to the Status objects; what it "plans" is worked out from the lines of the text that name peers,
// which is enough to look at.
import { Hono } from "hono"
import type { ApplyOutcome, StageProgress } from "../../src/api/control.ts"
import type { RevisionInfo } from "../../src/config/objects.ts"
import type { Explanation } from "../../src/explain/types.ts"
import type { TraceRecord } from "../../src/observe/trace.ts"
import type { ChangeLine, ClusterChange, Guard } from "../../src/plan/change.ts"
import type { NodeStatus } from "../../src/resources/nodeStatus.ts"
import { dashboardRoutes } from "../../src/web/routes.ts"

export interface FakeOptions {
  /** Token → role, that of an empty one for who has none; absent: everybody may write. */
  readonly tokens?: Readonly<Record<string, "read" | "write">>
  readonly documents?: string
}

export const DOCUMENTS = `apiVersion: baremetal.cluster.gke.io/v1
kind: Cluster
metadata:
  name: prod-fra
  namespace: cluster-prod-fra
spec:
  controlPlane:
    nodePoolSpec:
      nodes:
        - { address: 10.0.1.11, name: cp-1 }
        - { address: 10.0.2.11, name: cp-2 }
  loadBalancer:
    mode: bundled
    type: bgp
    localASN: 65001
    bgpPeers:
      - ip: 10.0.1.254
        asn: 65002
      - ip: 10.0.2.254
        asn: 65003
    vips:
      controlPlaneVIP: 10.0.0.8
      ingressVIP: 10.1.1.2
    addressPools:
      - name: public
        addresses: [10.1.1.10-10.1.1.17]
      - name: internal
        addresses: [10.1.2.10-10.1.2.41]
---
apiVersion: networking.gke.io/v1
kind: NetworkGatewayGroup
metadata:
  name: default
  namespace: cluster-prod-fra
spec:
  floatingIPs: [10.0.1.100, 10.0.1.101, 10.0.2.100]
---
apiVersion: networking.gke.io/v1
kind: BGPLoadBalancer
metadata:
  name: default
  namespace: cluster-prod-fra
spec:
  peerSelector:
    cluster.baremetal.gke.io/default-peer: "true"
`

const history: ReadonlyArray<RevisionInfo> = [
  {
    revision: 12,
    hash: "9f2c61b0aa17",
    at: new Date(Date.now() - 43_000_000).toISOString(),
    by: "anna",
    node: "cp-1",
    origin: "apply",
    message: "an address for grafana",
    summary: "1 new announcement; 4 nodes"
  },
  {
    revision: 11,
    hash: "51aa20cc3b07",
    at: new Date(Date.now() - 260_000_000).toISOString(),
    by: "file",
    node: "cp-2",
    origin: "file",
    summary: "2 sessions added; 1 node"
  },
  {
    revision: 10,
    hash: "1c0d4f9e77e2",
    at: new Date(Date.now() - 1_300_000_000).toISOString(),
    by: "jo",
    node: "cp-1",
    origin: "unconfirmed",
    message: "taken back: nobody confirmed revision 9",
    summary: "2 sessions removed; 2 nodes"
  }
]

const explanation = (type: string, name: string): Explanation => ({
  target: { type: type as "vip", name },
  verdict: `${name} is announced on 3 of 6 sessions: the router 10.0.2.254 does not answer`,
  state: "broken",
  broken: {
    subject: "session 10.0.2.254-cp-1",
    text: "no answer to SYN from 10.0.1.11, while the router answers ping",
    hints: ["An MD5 key that differs looks like this: compare the key on the router with that of passwordFile."]
  },
  chain: [
    { subject: "pool public", state: "ok", text: `gave ${name} to shop/storefront`, hints: [], links: [] },
    {
      subject: "next hops",
      state: "ok",
      text: "4 of 4 nodes take its traffic",
      hints: [],
      links: [
        { subject: "next hop cp-1", state: "ok", text: "10.0.1.11, alive and not drained", hints: [], links: [] },
        { subject: "next hop worker-1", state: "ok", text: "10.0.1.21, alive and not drained", hints: [], links: [] }
      ]
    },
    {
      subject: "sessions",
      state: "broken",
      text: "3 of 6 carry it",
      hints: [],
      links: [
        {
          subject: "session 10.0.1.254-worker-1-10.0.1.100",
          state: "ok",
          text: "4 paths, last UPDATE 1 h 10 min ago",
          hints: [],
          links: []
        },
        {
          subject: "session 10.0.2.254-cp-1",
          state: "broken",
          text: "no answer to SYN from 10.0.1.11, while the router answers ping",
          hints: ["An MD5 key that differs looks like this: compare the key on the router with that of passwordFile."],
          links: []
        }
      ]
    }
  ]
})

const records = (session: string): ReadonlyArray<TraceRecord> => {
  const base = { session, localAddress: "10.0.1.11", localPort: 41207, peerAddress: "10.0.1.254", peerPort: 179 }
  const at = (ms: number) => new Date(Date.now() - 60_000 + ms).toISOString()
  return [
    {
      ...base,
      sequence: 1,
      at: at(0),
      direction: "sent",
      type: "OPEN",
      text: "AS 65001, hold time 90 s, identifier 10.0.1.11"
    },
    {
      ...base,
      sequence: 2,
      at: at(3),
      direction: "received",
      type: "OPEN",
      text: "AS 65002, hold time 90 s, identifier 10.0.1.254"
    },
    { ...base, sequence: 3, at: at(4), direction: "sent", type: "KEEPALIVE", text: "KEEPALIVE" },
    {
      ...base,
      sequence: 4,
      at: at(8),
      direction: "sent",
      type: "UPDATE",
      text: "10.0.0.8/32 via 10.0.1.11, AS path 65001"
    },
    { ...base, sequence: 5, at: at(9), direction: "sent", type: "UPDATE", text: "End-of-RIB ipv4 unicast" }
  ]
}

const failure = (code: number, reason: string, message: string): Response =>
  Response.json(
    { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, reason, details: {}, code },
    { status: code }
  )

const peersOf = (text: string): ReadonlyArray<string> => [...text.matchAll(/^\s*- ip: (\S+)/gm)].map((m) => m[1] ?? "")
const meaning = (text: string): string => text.replace(/#.*$/gm, "").replace(/\s+/g, " ").trim()

const changeOf = (before: string, after: string): ClusterChange => {
  const [old, fresh] = [peersOf(before), peersOf(after)]
  const nodes = ["cp-1", "cp-2"]
  const line = (verdict: ChangeLine["verdict"], node: string, peer: string, detail: string): ChangeLine => ({
    verdict,
    node,
    subject: `session ${peer}-${node}`,
    detail
  })
  const removed = old.filter((peer) => !fresh.includes(peer))
  const added = fresh.filter((peer) => !old.includes(peer))
  const hold = /holdTime: (\d+)/.exec(after)?.[1]
  const reset = hold === /holdTime: (\d+)/.exec(before)?.[1] ? [] : [fresh[0] ?? ""]
  const lines = [
    ...reset.flatMap((peer) =>
      nodes.map((node) => ({
        ...line("session reset", node, peer, `hold time 90 s → ${hold} s`),
        parameters: ["holdTime"]
      }))
    ),
    ...removed.flatMap((peer) =>
      nodes.map((node) => line("session removed", node, peer, "no document names this peer any more"))
    ),
    ...added.flatMap((peer) =>
      nodes.map((node) => line("session added", node, peer, "a new peer of the control plane"))
    )
  ]
  const guards: ReadonlyArray<Guard> =
    fresh.length > 0 || old.length === 0
      ? []
      : nodes.map((node) => ({
          type: "last-session",
          subject: `node ${node}`,
          reason: "it would lose its last session; add the new peer first, and remove this one once it is Established"
        }))
  const count = (n: number, what: string) => (n === 0 ? [] : [`${n} ${n === 1 ? "session" : "sessions"} ${what}`])
  const summary = [
    ...count(reset.length * 2, "reset"),
    ...count(removed.length * 2, "removed"),
    ...count(added.length * 2, "added")
  ]
  return { lines, guards, summary: lines.length === 0 ? "nothing moves" : `${summary.join(", ")}; 2 nodes` }
}

export class FakeServer {
  readonly url: string
  status: NodeStatus
  /** By number. */
  readonly texts = new Map<number, string>()
  revisions: ReadonlyArray<RevisionInfo> = history
  /** It answers 503 to everything, as a proxy does before a daemon that is away. */
  away = false
  /** Who asked for what, as `METHOD path`. */
  readonly asked: Array<string> = []
  private readonly server: ReturnType<typeof Bun.serve>
  private readonly listeners = new Set<(status: NodeStatus | undefined) => void>()
  private readonly tokens: FakeOptions["tokens"]
  private rollback: { timer: ReturnType<typeof setTimeout>; before: number } | undefined

  constructor(status: NodeStatus, { tokens, documents = DOCUMENTS }: FakeOptions = {}, port = 0) {
    this.status = status
    this.tokens = tokens
    this.texts.set(12, documents)
    this.texts.set(11, documents.replace("      - ip: 10.0.2.254\n        asn: 65003\n", ""))
    this.texts.set(10, documents.replace("10.1.2.10-10.1.2.41", "10.1.2.10-10.1.2.25"))
    const app = this.app()
    this.server = Bun.serve({ hostname: "127.0.0.1", port, idleTimeout: 0, fetch: app.fetch })
    this.url = `http://127.0.0.1:${this.server.port}/`
  }

  /** The next line of everybody's stream. */
  set(status: NodeStatus): void {
    this.status = status
    for (const tell of this.listeners) tell(status)
  }

  /** Ends every stream, as a daemon that stops does. */
  drop(): void {
    for (const tell of this.listeners) tell(undefined)
  }

  async stop(): Promise<void> {
    clearTimeout(this.rollback?.timer)
    this.drop()
    await this.server.stop(true)
  }

  private role(header: string | undefined): "read" | "write" | undefined {
    if (this.tokens === undefined) return "write"
    return this.tokens[header?.replace(/^Bearer /, "") ?? ""]
  }

  private current(): number {
    return this.status.config.revision
  }

  private stream(): Response {
    const encoder = new TextEncoder()
    let tell: ((status: NodeStatus | undefined) => void) | undefined
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        const line = (status: NodeStatus) => controller.enqueue(encoder.encode(`${JSON.stringify(status)}\n`))
        controller.enqueue(encoder.encode("\n"))
        tell = (status) => {
          if (status !== undefined) return line(status)
          this.listeners.delete(tell as (status: NodeStatus | undefined) => void)
          controller.close()
        }
        this.listeners.add(tell)
        line(this.status)
      },
      cancel: () => {
        if (tell !== undefined) this.listeners.delete(tell)
      }
    })
    return new Response(body, { headers: { "content-type": "application/json" } })
  }

  private plan(text: string, force: boolean): ApplyOutcome {
    const at = text.split("\n").findIndex((line) => line.includes("asnn:"))
    if (at >= 0) {
      const problem = {
        severity: "error" as const,
        file: "dashboard.yaml",
        line: at + 1,
        column: 9,
        path: "spec.loadBalancer.bgpPeers[1].asnn",
        message: "is no field of a peer",
        found: "asnn",
        hint: "asn"
      }
      return { outcome: "invalid", problems: [problem] }
    }
    const before = this.texts.get(this.current()) ?? ""
    const change = changeOf(before, text)
    if (change.guards.length > 0 && !force) return { outcome: "guarded", change, guards: change.guards }
    if (meaning(before) === meaning(text))
      return { outcome: "unchanged", revision: this.current(), change, warnings: [] }
    return { outcome: "planned", revision: this.current() + 1, change, warnings: [] }
  }

  private apply(text: string, body: ApplyBody, origin: RevisionInfo["origin"]): ApplyOutcome {
    const planned = this.plan(text, body.force === true)
    if (planned.outcome !== "planned") return planned
    const before = this.current()
    const revision = before + 1
    this.texts.set(revision, text)
    const seconds = body.confirmWithinSeconds
    const until = seconds === undefined ? undefined : new Date(Date.now() + seconds * 1000).toISOString()
    const info: RevisionInfo = {
      revision,
      hash: Bun.hash(text).toString(16).slice(0, 12),
      at: new Date().toISOString(),
      by: "anna",
      node: "cp-1",
      origin,
      summary: planned.change.summary,
      ...(body.message === undefined ? {} : { message: body.message }),
      ...(until === undefined ? {} : { unconfirmed: { until, rollbackTo: before } })
    }
    this.revisions = [info, ...this.revisions]
    const { unconfirmed, ...config } = this.status.config
    if (seconds !== undefined)
      this.rollback = { before, timer: setTimeout(() => this.takeBack(before), seconds * 1000) }
    this.set({
      ...this.status,
      config: {
        ...config,
        revision,
        hash: info.hash,
        ...(until === undefined ? {} : { unconfirmed: { until, rollbackTo: before } })
      }
    })
    return { ...planned, outcome: "applied", revision, ...(until === undefined ? {} : { confirmUntil: until }) }
  }

  private takeBack(to: number): void {
    this.rollback = undefined
    this.apply(this.texts.get(to) ?? "", { force: true, message: "not confirmed" }, "unconfirmed")
  }

  private confirm(): boolean {
    if (this.rollback === undefined) return false
    clearTimeout(this.rollback.timer)
    this.rollback = undefined
    const { unconfirmed, ...config } = this.status.config
    this.revisions = this.revisions.map(({ unconfirmed: waits, ...info }) => info)
    this.set({ ...this.status, config })
    return true
  }

  private app(): Hono {
    const app = new Hono()
    app.use("*", async (context, next) => {
      this.asked.push(`${context.req.method} ${context.req.path}`)
      await next()
    })
    app.use("*", async (_, next) => (this.away ? failure(503, "ServiceUnavailable", "the daemon is away") : next()))
    app.route("/", dashboardRoutes())
    app.use("*", async (context, next) => {
      const role = this.role(context.req.header("authorization"))
      const { method, path } = context.req
      if (role === undefined) return failure(401, "Unauthorized", "say who you are: a token is needed here")
      const reads = method === "GET" || path === "/v1/plan" || path.endsWith("selfsubjectaccessreviews")
      if (role === "read" && !reads)
        return failure(403, "Forbidden", `may read only, and ${method} ${path} takes the role write`)
      return next()
    })
    app.get("/v1/status", (context) =>
      context.req.query("watch") === "true" ? this.stream() : context.json(this.status)
    )
    app.get("/v1/openapi.json", (context) =>
      context.json({ paths: Object.fromEntries(verbs.map((path) => [path, {}])) })
    )
    app.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", (context) => {
      const allowed = this.role(context.req.header("authorization")) === "write"
      const reason = allowed ? "" : "the token of jo has the role read"
      return context.json({ kind: "SelfSubjectAccessReview", status: { allowed, reason } }, 201)
    })
    this.verbs(app)
    return app
  }

  private verbs(app: Hono): void {
    app.get("/v1/history", (context) =>
      context.json({ revision: this.current(), hash: this.status.config.hash, history: this.revisions })
    )
    app.get("/v1/documents/:revision", (context) => {
      const revision = Number(context.req.param("revision"))
      const text = this.texts.get(revision === 0 ? this.current() : revision)
      return text === undefined ? failure(404, "NotFound", `there is no revision ${revision}`) : context.text(text)
    })
    app.post("/v1/plan", async (context) => {
      const body: ApplyBody = await context.req.json()
      return answer(this.plan(body.files?.[0]?.text ?? this.texts.get(body.rollbackTo ?? 0) ?? "", body.force === true))
    })
    app.post("/v1/apply", async (context) => {
      const body: ApplyBody = await context.req.json()
      return answer(this.apply(body.files?.[0]?.text ?? "", body, "apply"))
    })
    app.post("/v1/rollback", async (context) => {
      const body: ApplyBody = await context.req.json()
      return answer(this.apply(this.texts.get(body.to ?? 0) ?? "", body, "rollback"))
    })
    app.post("/v1/stage", async (context) => {
      const body: ApplyBody = await context.req.json()
      const text = body.files?.[0]?.text ?? ""
      const added = peersOf(text).filter((peer) => !peersOf(this.texts.get(this.current()) ?? "").includes(peer))
      const steps = added.map(
        (peer, i): StageProgress => ({
          step: i + 1,
          steps: added.length,
          what: `add peer ${peer}`,
          state: "done",
          detail: "Established on cp-1 and cp-2"
        })
      )
      this.apply(text, body, "apply")
      return new Response(`\n${steps.map((step) => JSON.stringify(step)).join("\n")}\n`)
    })
    app.post("/v1/confirm", (context) => {
      const done = this.confirm()
      return context.json({ done, reason: done ? "kept" : "nothing waits to be confirmed" }, done ? 200 : 409)
    })
    app.post("/v1/drain", async (context) => {
      const { node, drain }: { node: string; drain: boolean } = await context.req.json()
      const members = this.status.members.map((member) =>
        member.name === node ? { ...member, drained: drain } : member
      )
      this.set({ ...this.status, members })
      return context.json({ done: true, reason: "" })
    })
    app.get("/v1/explain", (context) =>
      context.json(explanation(context.req.query("type") ?? "", context.req.query("name") ?? ""))
    )
    app.get("/v1/trace", (context) => {
      const lines = records(context.req.query("session") ?? "").map((record) => JSON.stringify(record))
      return context.text(`\n${lines.join("\n")}\n`)
    })
  }
}

interface ApplyBody {
  readonly files?: ReadonlyArray<{ readonly path: string; readonly text: string }>
  readonly rollbackTo?: number
  readonly to?: number
  readonly message?: string
  readonly force?: boolean
  readonly confirmWithinSeconds?: number
}

const codes = { invalid: 422, guarded: 409, exists: 409, conflict: 409, "not-found": 404, refused: 503 } as const

const answer = (outcome: ApplyOutcome): Response =>
  Response.json(outcome, { status: outcome.outcome in codes ? codes[outcome.outcome as keyof typeof codes] : 200 })

const verbs = [
  "/v1/plan",
  "/v1/apply",
  "/v1/stage",
  "/v1/rollback",
  "/v1/confirm",
  "/v1/drain",
  "/v1/documents/{revision}",
  "/v1/history",
  "/v1/explain",
  "/v1/trace"
]
