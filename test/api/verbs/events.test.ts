// Events as server-sent events: those that are kept, then each new one, and from where a client left off.
import { describe, expect, test } from "bun:test"
import { createApp } from "../../../src/api/app.ts"
import type { EventRecord } from "../../../src/resources/nodeStatus.ts"
import { NOW, s22 } from "../../resources/fixtures.ts"
import { fakeNode } from "../fakeNode.ts"

const event = (uid: string, second: number, count = 1): EventRecord => ({
  ...{ uid, type: "Normal", reason: "SessionEstablished", message: `event ${uid}`, count },
  about: { apiVersion: "networking.gke.io/v1", kind: "BGPSession", namespace: "kube-system", name: "a" },
  firstAt: "2026-01-01T00:00:00.000Z",
  lastAt: new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString()
})

const world = (events: ReadonlyArray<EventRecord>) => {
  const node = fakeNode({ ...s22, events })
  const app = createApp(node, { now: () => NOW })
  const follow = async (headers: Record<string, string> = {}) => {
    const response = await app.request("/v1/events", { headers })
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    if (reader === undefined) throw new Error("no body")
    let text = ""
    const next = async (): Promise<string> => {
      while (!text.includes("\n\n")) text += (await reader.read()).value ?? ""
      const end = text.indexOf("\n\n")
      const piece = text.slice(0, end)
      text = text.slice(end + 2)
      return piece
    }
    return { response, next, cancel: () => reader.cancel() }
  }
  return { node, follow }
}

const id = (piece: string): string => /^id: (.*)$/m.exec(piece)?.[1] ?? piece

describe("events", () => {
  test("come as they are, then one for each new one and each that happens again", async () => {
    const { node, follow } = world([event("a", 1), event("b", 2)])
    const { response, next, cancel } = await follow()
    expect(response.headers.get("content-type")).toBe("text/event-stream")
    expect(await next()).toStartWith(":")
    const first = await next()
    expect(first.split("\n")[0]).toBe("id: a")
    expect(JSON.parse(first.split("\ndata: ")[1] ?? "")).toEqual(event("a", 1))
    expect(id(await next())).toBe("b")
    node.set({ ...s22, events: [event("b", 2), event("a", 3, 2), event("c", 4)] })
    const again = await next()
    expect(id(again)).toBe("a")
    expect(again).toContain('"count":2')
    expect(id(await next())).toBe("c")
    await cancel()
    await node.untilFollowers(0)
  })

  test.each([
    ["b", [event("a", 1), event("b", 2), event("c", 3)], ["c"]],
    ["b", [event("a", 5, 2), event("b", 2), event("c", 3)], ["a", "c"]],
    ["gone", [event("a", 1), event("b", 2)], ["a", "b"]],
    ["b", [event("a", 1), event("b", 4, 2)], ["a", "b"]]
  ] as const)("after Last-Event-ID %s come those that were not seen", async (last, events, expected) => {
    const { node, follow } = world(events)
    const { next, cancel } = await follow({ "last-event-id": last })
    await next()
    const got: Array<string> = []
    while (got.length < expected.length) got.push(id(await next()))
    node.set({ ...s22, events: [...events, event("z", 9)] })
    expect([...got, id(await next())]).toEqual([...expected, "z"])
    await cancel()
  })

  test("a node that goes away ends them with the reason", async () => {
    const { node, follow } = world([])
    const { next } = await follow()
    await next()
    const broken = next()
    await node.untilFollowers(1)
    node.goAway()
    expect(await broken).toContain("does not answer")
  })
})
