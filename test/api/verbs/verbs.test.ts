// The verbs that are no resource: each asked through the fetch handler over a control that notes what it was asked and answers as told.
import { describe, expect, test } from "bun:test"
import { neededRole } from "../../../src/api/access/roles.ts"
import { createApp } from "../../../src/api/app.ts"
import type { ApplyOutcome, ConfigControl, Done, NodeControl } from "../../../src/api/control.ts"
import { verbsOf } from "../../../src/api/verbs/verbs.ts"
import type { Explanation } from "../../../src/explain/types.ts"
import type { TraceRecord } from "../../../src/observe/trace.ts"
import { NOW, s22 } from "../../resources/fixtures.ts"
import { fakeNode, jsonLines } from "../fakeNode.ts"

const change = { lines: [], guards: [], summary: "nothing moves" }
const applied: ApplyOutcome = { outcome: "applied", revision: 7, change, warnings: [] }
const explanation: Explanation = {
  target: { type: "vip", name: "10.0.0.8" },
  verdict: "works",
  state: "ok",
  chain: [{ subject: "pool lan", state: "ok", text: "has it", hints: [], links: [] }]
}
const message: TraceRecord = {
  ...{ sequence: 1, at: "2026-01-01T00:00:00Z", session: "a", direction: "sent", type: "OPEN", text: "OPEN" },
  ...{ localAddress: "10.0.0.1", localPort: 1, peerAddress: "10.0.0.2", peerPort: 179 }
}

const world = (outcome: ApplyOutcome = applied, done: Done = { done: true, reason: "" }) => {
  const asked: Array<unknown> = []
  const note = (what: unknown) => void asked.push(what)
  const config: ConfigControl = {
    apply: async (request) => {
      note(request)
      return outcome
    },
    stage: async function* (request) {
      note(request)
      yield { step: 1, steps: 2, what: "add peer 10.0.1.254", state: "started", detail: "" }
      yield { step: 1, steps: 2, what: "add peer 10.0.1.254", state: "failed", detail: "not Established" }
    },
    confirm: async (by) => {
      note(["confirm", by])
      return done
    },
    documents: async (revision) => (revision < 3 ? `# ${revision}\n` : undefined),
    reload: async (force) => {
      note(["reload", force])
      return done
    }
  }
  const control = {
    config,
    drain: async (node, on, by, force) => {
      note(["drain", node, on, by, force])
      return done
    },
    explain: async (target) => {
      note(target)
      return explanation
    },
    trace: async function* (filter) {
      note(filter)
      yield message
    }
  } satisfies NodeControl
  const node = fakeNode(s22)
  const app = createApp(node, { now: () => NOW, control })
  const post = (
    path: string,
    body: unknown,
    headers: Record<string, string> = { "content-type": "application/json" }
  ) => app.request(path, { method: "POST", headers, body: typeof body === "string" ? body : JSON.stringify(body) })
  return { app, asked, post, control, node }
}

const files = [{ path: "cluster.yaml", text: "kind: Cluster\n" }]

describe("changing the config", () => {
  test("apply hands on the files and what was insisted on, plan the same as a dry run", async () => {
    const { asked, post } = world()
    const response = await post("/v1/apply", { files, message: "more", force: true, confirmWithinSeconds: 120 })
    expect([response.status, await response.json()]).toEqual([200, applied])
    await post("/v1/plan", { files })
    await post("/v1/plan", { rollbackTo: 3 })
    const by = "anonymous"
    expect(asked).toEqual([
      { change: { type: "files", files }, by, message: "more", force: true, confirmWithinSeconds: 120 },
      { change: { type: "files", files }, by, dryRun: true },
      { change: { type: "rollback", to: 3 }, by, dryRun: true }
    ])
  })

  test("plan changes nothing, whatever it is told", async () => {
    const { asked, post } = world()
    expect((await post("/v1/plan", { files, dryRun: false })).status).toBe(422)
    expect(asked).toEqual([])
  })

  test.each([
    [{ ...applied, outcome: "unchanged" }, 200],
    [{ ...applied, outcome: "planned" }, 200],
    [{ outcome: "invalid", problems: [] }, 422],
    [{ outcome: "conflict", reason: "changed" }, 409],
    [{ outcome: "exists", reason: "there" }, 409],
    [{ outcome: "guarded", change, guards: [{ type: "last-session", subject: "node a", reason: "last" }] }, 409],
    [{ outcome: "not-found", reason: "gone" }, 404],
    [{ outcome: "refused", reason: "recovery mode" }, 503]
  ] as ReadonlyArray<[ApplyOutcome, number]>)("%j is answered as it is, with %i", async (outcome, status) => {
    const response = await world(outcome).post("/v1/rollback", { to: 2 })
    expect([response.status, await response.json()]).toEqual([status, outcome])
  })

  test("stage tells each step on a line", async () => {
    const { post } = world()
    const steps = await Array.fromAsync(jsonLines(await post("/v1/stage", { files })))
    expect(steps).toMatchObject([{ state: "started" }, { state: "failed", detail: "not Established" }])
  })

  test("confirm and reload say whether they were done", async () => {
    const good = world()
    expect(await (await good.post("/v1/confirm", "")).json()).toEqual({ done: true, reason: "" })
    expect((await good.app.request("/v1/reload?force=true", { method: "POST" })).status).toBe(200)
    expect(good.asked).toEqual([
      ["confirm", "anonymous"],
      ["reload", true]
    ])
    const bad = world(applied, { done: false, reason: "nothing waits" })
    expect((await bad.post("/v1/confirm", {})).status).toBe(409)
    const reload = await bad.app.request("/v1/reload", { method: "POST" })
    expect([reload.status, await reload.json()]).toEqual([422, { done: false, reason: "nothing waits" }])
  })

  test("documents of a revision are YAML; one that is gone is 404, a wrong number 400", async () => {
    const { app } = world()
    const response = await app.request("/v1/documents/2")
    expect([response.headers.get("content-type"), await response.text()]).toEqual([
      "application/yaml; charset=utf-8",
      "# 2\n"
    ])
    expect((await app.request("/v1/documents/3")).status).toBe(404)
    expect((await app.request("/v1/documents/two")).status).toBe(400)
  })

  test("history is what the node says", async () => {
    const { app, node } = world()
    const one = { revision: 1, hash: "ab", at: "2026-01-01T00:00:00Z", by: "root", node: "n", origin: "file" } as const
    node.configure({ revision: 1, hash: "ab", objects: [], history: [one] })
    expect(await (await app.request("/v1/history")).json()).toEqual({ revision: 1, hash: "ab", history: [one] })
  })
})

describe("input", () => {
  const refused = async (path: string, body: unknown, headers?: Record<string, string>) => {
    const { asked, post } = world()
    const response = await post(path, body, headers)
    const status = (await response.json()) as {
      message: string
      details: { causes?: ReadonlyArray<{ field: string }> }
    }
    expect(asked).toEqual([])
    return { code: response.status, message: status.message, fields: status.details.causes?.map(({ field }) => field) }
  }

  test("every wrong field is named, with what was found and what is expected", async () => {
    const { code, message, fields } = await refused("/v1/apply", {
      files: [{ path: "", text: 3 }],
      confirmWithinSeconds: 1,
      forse: true
    })
    expect(code).toBe(422)
    expect(fields?.toSorted()).toEqual(["confirmWithinSeconds", "files[0].path", "files[0].text", "forse"])
    expect(message).toContain("files[0].text: is not valid (found 3, expected text)")
    expect(message).toContain("forse: unknown field (found forse, did you mean force?)")
    expect(message).toContain(
      "confirmWithinSeconds: is not between 5 and 86400 (found 1, expected seconds from 5 to 86400)"
    )
  })

  test.each([
    ["/v1/apply", {}, "files"],
    ["/v1/apply", { files: [] }, "files"],
    ["/v1/stage", { files, dryRun: true }, "dryRun"],
    ["/v1/rollback", { to: 0 }, "to"],
    ["/v1/rollback", { to: 1.5 }, "to"],
    ["/v1/confirm", { revision: 3 }, "revision"],
    ["/v1/drain", { node: " ", drain: true }, "node"],
    ["/v1/drain", { node: "a", drain: "yes" }, "drain"],
    ["/v1/plan", { files, rollbackTo: 1 }, "body"],
    ["/v1/plan", [], "body"]
  ])("%s refuses %j", async (path, body, field) => {
    expect(await refused(path, body)).toMatchObject({ code: 422, fields: [field] })
  })

  test("no JSON, another form, no UTF-8, too much", async () => {
    expect(await refused("/v1/confirm", "{")).toMatchObject({ code: 400 })
    expect(await refused("/v1/confirm", "a=b", { "content-type": "application/x-www-form-urlencoded" })).toMatchObject({
      code: 415
    })
    const latin = await world().app.request("/v1/confirm", { method: "POST", body: new Uint8Array([0x22, 0xe9, 0x22]) })
    expect(latin.status).toBe(400)
    const big = " ".repeat(1024 * 1024 + 1)
    expect(await refused("/v1/confirm", big)).toMatchObject({ code: 413 })
    expect((await world().post("/v1/apply", { files: [{ path: "a", text: big }] })).status).toBe(200)
    expect(await refused("/v1/apply", " ".repeat(8 * 1024 * 1024 + 1))).toMatchObject({ code: 413 })
  })

  test("a body without a length is read up to the limit and no further", async () => {
    let sent = 0
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        sent++
        controller.enqueue(new Uint8Array(64 * 1024))
      }
    })
    const response = await world().app.request("/v1/confirm", { method: "POST", body })
    expect(response.status).toBe(413)
    expect(sent).toBeLessThan(20)
  })

  test.each([
    ["/v1/explain?type=vip", "name: name is missing"],
    ["/v1/explain?type=pod&name=a", "type: is not valid"],
    ["/v1/explain?type=vip&name=a&verbose=1", "verbose: unknown field"],
    ["/v1/trace?follow=yes", "follow: is not valid"]
  ])("%s is refused", async (path, text) => {
    const { app, asked } = world()
    const response = await app.request(path)
    expect([response.status, asked]).toEqual([400, []])
    expect(((await response.json()) as { message: string }).message).toContain(text)
  })
})

describe("the node", () => {
  test("drain, explain and trace hand on what they are asked", async () => {
    const { app, asked, post } = world()
    expect((await post("/v1/drain", { node: "node-01", drain: false })).status).toBe(200)
    expect(await (await app.request("/v1/explain?type=vip&name=10.0.0.8")).json()).toEqual(explanation)
    expect(await Array.fromAsync(jsonLines(await app.request("/v1/trace?session=a")))).toEqual([message])
    await Array.fromAsync(jsonLines(await app.request("/v1/trace?follow=true")))
    expect(asked).toEqual([
      ["drain", "node-01", false, "anonymous", false],
      { type: "vip", name: "10.0.0.8" },
      { session: "a", follow: false },
      { follow: true }
    ])
    expect(
      (await world(applied, { done: false, reason: "no" }).post("/v1/drain", { node: "a", drain: true })).status
    ).toBe(409)
  })

  test("what has no control is not served, and not in the document", async () => {
    const app = createApp(fakeNode(s22), { now: () => NOW })
    expect((await app.request("/v1/apply", { method: "POST", body: "{}" })).status).toBe(405)
    expect((await app.request("/v1/explain?type=vip&name=a")).status).toBe(404)
    const { paths } = (await (await app.request("/v1/openapi.json")).json()) as { paths: object }
    expect(Object.keys(paths)).toEqual(["/v1/history", "/v1/events", "/v1/access", "/v1/support-bundle"])
  })

  test("the role that a verb is declared with is the one that its request needs", () => {
    const { control, node } = world()
    for (const { method, path, role } of verbsOf(node, control, { now: () => NOW, reach: () => ({}) }))
      expect([path, neededRole(method, path)]).toEqual([path, role])
  })
})

describe("the reference", () => {
  test("is OpenAPI 3.1 whose references all lead somewhere", async () => {
    const { app } = world()
    const document = (await (await app.request("/v1/openapi.json")).json()) as {
      openapi: string
      paths: Record<string, Record<string, { requestBody?: object; parameters: ReadonlyArray<{ name: string }> }>>
      components: { schemas: Record<string, { additionalProperties?: boolean }> }
    }
    expect(document.openapi).toBe("3.1.0")
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)]
    expect(references.length).toBeGreaterThan(20)
    for (const [, name = ""] of references) expect(Object.keys(document.components.schemas)).toContain(name)
    expect(JSON.stringify(document)).not.toContain("$defs")
    expect(document.components.schemas.ApplyBody?.additionalProperties).toBe(false)
    expect(document.paths["/v1/explain"]?.get?.parameters.map(({ name }) => name)).toEqual(["type", "name"])
    expect(document.paths["/v1/documents/{revision}"]?.get?.parameters.map(({ name }) => name)).toEqual(["revision"])
  })

  test("is a page with every verb that asks nobody for anything", async () => {
    const { app, control, node } = world()
    const response = await app.request("/v1/docs")
    const html = await response.text()
    for (const { method, path } of verbsOf(node, control, { now: () => NOW, reach: () => ({}) }))
      expect(html).toContain(`${method} ${path}`)
    expect(html).not.toMatch(/(src|href)="(https?:)?\/\//)
    expect(html).not.toContain("<script")
    expect(response.headers.get("content-security-policy")).toContain("default-src 'none'")
  })
})
