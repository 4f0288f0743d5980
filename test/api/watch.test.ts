// Watches: what a change of the node's status becomes for those who watch, and what is no change.
import { describe, expect, test } from "bun:test"
import { createApp } from "../../src/api/app.ts"
import { makeVersions } from "../../src/api/versions.ts"
import { bgpSession } from "../../src/resources/bgpSession.ts"
import { listResources } from "../../src/resources/kinds.ts"
import type { NodeStatus } from "../../src/resources/nodeStatus.ts"
import { down, NOW, nodeStatus, session } from "../resources/fixtures.ts"
import { type FakeNode, fakeNode, jsonLines } from "./fakeNode.ts"

const SESSIONS = "/apis/networking.gke.io/v1/namespaces/kube-system/bgpsessions"
const one = nodeStatus([session("10.0.1.254-n")])
const two = nodeStatus([session("10.0.1.254-n"), session("10.0.3.254-n")])

interface Event {
  readonly type: string
  readonly object: {
    readonly kind: string
    readonly metadata: { readonly name: string; readonly resourceVersion: string }
    readonly status: { readonly state: string; readonly lastReportTime: string }
    readonly rows: ReadonlyArray<{ readonly cells: ReadonlyArray<unknown> }>
    readonly code: number
  }
}

/** A watch of an app over `node`, read event by event. */
const watching = async (node: FakeNode, query: string, headers: Record<string, string> = {}) => {
  const app = createApp(node, { now: () => NOW })
  const listed = (await (await app.request(SESSIONS)).json()) as { metadata: { resourceVersion: string } }
  const version = listed.metadata.resourceVersion
  const response = await app.request(`${SESSIONS}?watch=true&${query.replace("LIST", version)}`, { headers })
  const lines = jsonLines(response)
  const next = async (): Promise<Event> => {
    const { value, done } = await lines.next()
    if (done === true) throw new Error("the watch ended")
    return value as Event
  }
  const brief = async () => {
    const { type, object } = await next()
    return `${type} ${object.metadata.name}`
  }
  return { app, response, next, brief, version: Number(version), end: () => lines.return(undefined) }
}

/** The sessions of a status. */
const update = (versions: ReturnType<typeof makeVersions>, status: NodeStatus): boolean =>
  versions.update([bgpSession], (kind) => listResources(kind, status))

describe("a watch", () => {
  test("from a list's version tells what appears, changes and goes, in order", async () => {
    const node = fakeNode(one)
    const { next, end, version } = await watching(node, "resourceVersion=LIST")
    node.set(two)
    const added = await next()
    expect([added.type, added.object.metadata.name]).toEqual(["ADDED", "10.0.3.254-n"])
    node.set(nodeStatus([down("10.0.1.254-n", "hold timer expired"), session("10.0.3.254-n")]))
    const modified = await next()
    expect([modified.type, modified.object.status.state]).toEqual(["MODIFIED", "Connect"])
    node.set(nodeStatus([session("10.0.3.254-n")]))
    const deleted = await next()
    expect([deleted.type, deleted.object.metadata.name]).toEqual(["DELETED", "10.0.1.254-n"])
    const versions = [added, modified, deleted].map(({ object }) => Number(object.metadata.resourceVersion))
    expect(versions).toEqual([version + 1, version + 2, version + 3])
    await end()
  })

  test("is silent about a mere report time and counters, and the next event has them", async () => {
    const node = fakeNode(one)
    const { app, next, end, version } = await watching(node, "resourceVersion=LIST")
    const later = {
      lastReport: "2021-06-14T22:20:00Z",
      got: { ...session("x-n").got, keepalive: 99 },
      received: { routes: 5, sample: [] }
    }
    node.set(nodeStatus([session("10.0.1.254-n", later)]))
    const list = (await (await app.request(SESSIONS)).json()) as { metadata: object; items: ReadonlyArray<object> }
    expect(list).toMatchObject({
      metadata: { resourceVersion: String(version) },
      items: [{ metadata: { resourceVersion: String(version) }, status: { lastReportTime: "2021-06-14T22:20:00Z" } }]
    })
    node.set(nodeStatus([session("10.0.1.254-n", { ...later, flaps: 1 })]))
    const event = await next()
    expect([event.type, event.object.status.lastReportTime]).toEqual(["MODIFIED", "2021-06-14T22:20:00Z"])
    expect(event.object.metadata.resourceVersion).toBe(String(version + 1))
    await end()
  })

  test("lets go of the node also when the client leaves without reading all that happened", async () => {
    const node = fakeNode(one)
    const { brief, end } = await watching(node, "resourceVersion=LIST")
    const many = Array.from({ length: 9 }, (_, i) => session(`10.0.2.${i}-n`))
    node.set(nodeStatus([...one.sessions, ...many]))
    expect(await brief()).toBe("ADDED 10.0.2.0-n")
    await end()
    await node.untilFollowers(0)
  })

  test.each(["resourceVersion=0", ""])("with %p begins with what is there", async (query) => {
    const node = fakeNode(two)
    const { brief, end } = await watching(node, query)
    expect([await brief(), await brief()]).toEqual(["ADDED 10.0.1.254-n", "ADDED 10.0.3.254-n"])
    node.set(one)
    expect(await brief()).toBe("DELETED 10.0.3.254-n")
    await end()
  })

  test("with sendInitialEvents ends the first part with a bookmark", async () => {
    const { brief, next, end } = await watching(fakeNode(one), "sendInitialEvents=true&resourceVersion=")
    expect(await brief()).toBe("ADDED 10.0.1.254-n")
    expect(await next()).toMatchObject({
      type: "BOOKMARK",
      object: { metadata: { annotations: { "k8s.io/initial-events-end": "true" } } }
    })
    await end()
  })

  test("as a Table sends one row an event", async () => {
    const node = fakeNode(one)
    const accept = "application/json;as=Table;v=v1;g=meta.k8s.io"
    const { next, end } = await watching(node, "resourceVersion=LIST", { accept })
    node.set(two)
    const { type, object } = await next()
    expect([type, object.kind, object.rows.map(({ cells }) => cells[0])]).toEqual(["ADDED", "Table", ["10.0.3.254-n"]])
    await end()
  })

  test("of a field sees objects come into the selection and leave it", async () => {
    const node = fakeNode(one)
    const query = `resourceVersion=LIST&fieldSelector=${encodeURIComponent("status.state=Established")}`
    const { brief, end } = await watching(node, query)
    node.set(nodeStatus([down("10.0.1.254-n", "refused")]))
    expect(await brief()).toBe("DELETED 10.0.1.254-n")
    node.set(one)
    expect(await brief()).toBe("ADDED 10.0.1.254-n")
    await end()
  })

  test("replays what happened between a list and the watch", async () => {
    const node = fakeNode(one)
    const { app, version, end } = await watching(node, "resourceVersion=LIST")
    await end()
    node.set(two)
    await app.request(SESSIONS)
    node.set(one)
    const lines = jsonLines(await app.request(`${SESSIONS}?watch=true&resourceVersion=${version}`))
    const types = [(await lines.next()).value, (await lines.next()).value].map((event) => (event as Event).type)
    expect(types).toEqual(["ADDED", "DELETED"])
    await lines.return(undefined)
  })

  test("from a version of another life, or one yet to come, is refused with 410", async () => {
    const { app, version, end } = await watching(fakeNode(one), "resourceVersion=LIST")
    expect((await app.request(`${SESSIONS}?watch=true&resourceVersion=${version + 1}`)).status).toBe(410)
    const old = jsonLines(await app.request(`${SESSIONS}?watch=true&resourceVersion=5`))
    expect((await old.next()).value).toMatchObject({ type: "ERROR", object: { kind: "Status", code: 410 } })
    await end()
  })

  test("ends with an ERROR event when the node goes away", async () => {
    const node = fakeNode(one)
    const { next } = await watching(node, "resourceVersion=LIST")
    const event = next()
    await node.untilFollowers(1)
    node.goAway()
    expect(await event).toMatchObject({ type: "ERROR", object: { kind: "Status", code: 502 } })
  })

  test("many share one subscription, and the last to leave ends it", async () => {
    const node = fakeNode(one)
    const app = createApp(node, { now: () => NOW })
    const open = async () => jsonLines(await app.request(`${SESSIONS}?watch=true`))
    const [a, b] = [await open(), await open()]
    await Promise.all([a.next(), b.next()])
    node.set(two)
    await Promise.all([a.next(), b.next()])
    expect(node.followers()).toBe(1)
    await a.return(undefined)
    node.set(one)
    expect((await b.next()).value).toMatchObject({ type: "DELETED" })
    await b.return(undefined)
    await node.untilFollowers(0)
  })

  test("of another kind than those that are watched already misses nothing since its list", async () => {
    const node = fakeNode(one)
    const { app, end } = await watching(node, "resourceVersion=0")
    await node.untilFollowers(0)
    const first = jsonLines(await app.request(`${SESSIONS}?watch=true&resourceVersion=0`))
    await first.next()
    const running = first.next()
    await node.untilFollowers(1)
    const received = SESSIONS.replace("bgpsessions", "bgpreceivedroutes")
    const listed = (await (await app.request(received)).json()) as { metadata: { resourceVersion: string } }
    const from = listed.metadata.resourceVersion
    const response = await app.request(`${received}?watch=true&resourceVersion=${from}`)
    // The change comes before anybody reads, and is told to the other one alone, who does not care.
    node.set(nodeStatus([session("10.0.1.254-n", { received: { routes: 7, sample: [] } })]))
    await Bun.sleep(1)
    const lines = jsonLines(response)
    expect((await lines.next()).value).toMatchObject({ type: "MODIFIED", object: { status: { routes: 7 } } })
    await lines.return(undefined)
    node.set(two)
    await running
    await first.return(undefined)
    await end()
  })

  test("of /v1/status has the whole status, now and on each change", async () => {
    const node = fakeNode(one)
    const lines = jsonLines(await createApp(node, { now: () => NOW }).request("/v1/status?watch=true"))
    expect((await lines.next()).value).toMatchObject({ sessions: [{ name: "10.0.1.254-n" }] })
    node.set(two)
    expect((await lines.next()).value).toMatchObject({ sessions: [{}, { name: "10.0.3.254-n" }] })
    await lines.return(undefined)
  })
})

describe("versions", () => {
  const named = (status: NodeStatus) => ({ ...status, startedAt: "2021-06-20T00:00:00Z" })

  test("an object of a daemon that was started anew is another object", () => {
    const versions = makeVersions(100)
    update(versions, one)
    update(versions, named(one))
    const since = versions.since(bgpSession, 101) ?? []
    expect(since.map(({ before, after }) => [before !== undefined, after !== undefined])).toEqual([
      [true, false],
      [false, true]
    ])
  })

  test("the same status twice is no change, and an object keeps the version of its last one", () => {
    const versions = makeVersions(100)
    expect(update(versions, two)).toBe(true)
    expect(update(versions, structuredClone(two))).toBe(false)
    update(versions, nodeStatus([session("10.0.1.254-n"), down("10.0.3.254-n", "x")]))
    expect(versions.objects(bgpSession).map(({ metadata }) => metadata.resourceVersion)).toEqual(["101", "103"])
  })

  test("history is bounded, and what was forgotten is said to be unknown", () => {
    const versions = makeVersions(0)
    for (let flaps = 0; flaps < 5000; flaps++) update(versions, nodeStatus([session("10.0.1.254-n", { flaps })]))
    expect(versions.since(bgpSession, 1)).toBeUndefined()
    expect(versions.since(bgpSession, 4990)).toHaveLength(10)
    expect(versions.since(bgpSession, 5001)).toBeUndefined()
  })
})
