// Reading as Kubernetes clients do beyond a plain list: in pieces, with bookmarks, with an end, slowly; discovery and OpenAPI as they ask for
// them.
import { describe, expect, test } from "bun:test"
import { createApp } from "../../src/api/app.ts"
import { openApiV2 } from "../../src/api/openapi/v2.ts"
import { openApiV3 } from "../../src/api/openapi/v3.ts"
import { allKinds } from "../../src/resources/kinds.ts"
import { NOW, nodeStatus, s22, session } from "../resources/fixtures.ts"
import { fakeNode, jsonLines } from "./fakeNode.ts"

const SESSIONS = "/apis/networking.gke.io/v1/namespaces/kube-system/bgpsessions"
type Json = Record<string, unknown>
interface Listed {
  readonly metadata: {
    readonly resourceVersion: string
    readonly continue?: string
    readonly remainingItemCount?: number
  }
  readonly items: ReadonlyArray<{ readonly metadata: { readonly name: string } }>
}

const many = (count: number) =>
  nodeStatus(Array.from({ length: count }, (_, i) => session(`10.0.${i >> 8}.${i & 255}-n`)))

describe("a list in pieces", () => {
  const page = async (app: ReturnType<typeof createApp>, query: string) =>
    (await (await app.request(`${SESSIONS}?${query}`)).json()) as Listed

  test("is of one moment, whatever happens meanwhile, and whole", async () => {
    const node = fakeNode(many(7))
    const app = createApp(node, { now: () => NOW })
    const first = await page(app, "limit=3")
    expect([first.items.length, first.metadata.remainingItemCount]).toEqual([3, 4])
    node.set(many(2))
    const second = await page(app, `limit=3&continue=${first.metadata.continue}`)
    const third = await page(app, `limit=3&continue=${second.metadata.continue}`)
    expect([third.items.length, third.metadata.continue]).toEqual([1, undefined])
    const names = [first, second, third].flatMap(({ items }) => items.map(({ metadata }) => metadata.name))
    expect(names).toEqual(many(7).sessions.map(({ name }) => name))
    expect(new Set([first, second, third].map(({ metadata }) => metadata.resourceVersion)).size).toBe(1)
    expect((await page(app, "limit=3")).items).toHaveLength(2)
  })

  test("selectors pick before the pieces are cut, and tables come in pieces as well", async () => {
    const app = createApp(fakeNode(many(7)), { now: () => NOW })
    const one = await page(app, "limit=1&fieldSelector=spec.peerIP%3D10.0.0.5")
    expect([one.items.map(({ metadata }) => metadata.name), one.metadata.continue]).toEqual([["10.0.0.5-n"], undefined])
    const accept = "application/json;as=Table;v=v1;g=meta.k8s.io"
    const table = (await (await app.request(`${SESSIONS}?limit=2`, { headers: { accept } })).json()) as Json
    expect(table).toMatchObject({ metadata: { continue: expect.any(String), remainingItemCount: 5 } })
    expect(table.rows).toHaveLength(2)
  })

  test("a token that is none is 400, one that is not kept any more 410", async () => {
    const app = createApp(fakeNode(many(3)), { now: () => NOW })
    expect((await app.request(`${SESSIONS}?continue=abc`)).status).toBe(400)
    expect((await app.request(`${SESSIONS}?continue=1-1`)).status).toBe(410)
    expect((await app.request(`${SESSIONS}?limit=many`)).status).toBe(400)
  })
})

describe("a watch", () => {
  test("with bookmarks is told how far it has got while nothing of its own happens", async () => {
    const node = fakeNode(s22)
    const app = createApp(node, { now: () => NOW })
    const { metadata } = (await (await app.request(SESSIONS)).json()) as Listed
    // Somebody watches another kind, whose objects change.
    const others = jsonLines(await app.request("/apis/networking.gke.io/v1/bgpreceivedroutes?watch=true"))
    for (const _ of s22.sessions) await others.next()
    const other = others.next()
    const query = `watch=true&allowWatchBookmarks=true&resourceVersion=${metadata.resourceVersion}`
    const lines = jsonLines(await app.request(`${SESSIONS}?${query}`))
    const next = lines.next()
    await node.untilFollowers(1)
    for (let routes = 1; routes <= 200; routes++) {
      node.set(nodeStatus(s22.sessions.map((one) => ({ ...one, received: { routes, sample: [] } }))))
      await Bun.sleep(0)
    }
    const { type, object } = (await next).value as { type: string; object: { metadata: { resourceVersion: string } } }
    expect(type).toBe("BOOKMARK")
    expect(Number(object.metadata.resourceVersion) - Number(metadata.resourceVersion)).toBeGreaterThanOrEqual(500)
    await lines.return(undefined)
    await other
    await others.return(undefined)
    const again = await app.request(`${SESSIONS}?watch=true&resourceVersion=${object.metadata.resourceVersion}`)
    expect(again.status).toBe(200)
    await again.body?.cancel()
  })

  test("ends after timeoutSeconds, with a bookmark where one is wanted", async () => {
    const node = fakeNode(s22)
    const over = new AbortController()
    const asked: Array<number> = []
    const timeout = (ms: number) => {
      asked.push(ms)
      return over.signal
    }
    const app = createApp(node, { now: () => NOW, timeout })
    const { metadata } = (await (await app.request(SESSIONS)).json()) as Listed
    const lines = jsonLines(
      await app.request(`${SESSIONS}?watch=true&timeoutSeconds=7&resourceVersion=${metadata.resourceVersion}`)
    )
    const end = lines.next()
    await node.untilFollowers(1)
    over.abort()
    expect([(await end).done, asked]).toEqual([true, [7000]])
    await node.untilFollowers(0)
  })

  test("that nobody reads keeps nothing but its position, and delays nobody", async () => {
    const node = fakeNode(nodeStatus([session("10.0.1.254-n")]))
    const app = createApp(node, { now: () => NOW })
    const server = Bun.serve({ hostname: "127.0.0.1", port: 0, idleTimeout: 0, fetch: app.fetch })
    let text = ""
    const closed = Promise.withResolvers<void>()
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port: server.port ?? 0,
      socket: {
        // It takes nothing: the kernel's buffers fill up, and then the server's.
        open: (it) => it.pause(),
        data: (it, data) => {
          text += data.toString()
          if (text.includes('"ERROR"')) it.end()
        },
        close: () => closed.resolve()
      }
    })
    try {
      socket.write(`GET ${SESSIONS}?watch=true HTTP/1.1\r\nHost: localhost\r\n\r\n`)
      await node.untilFollowers(1)
      const quick = jsonLines(await app.request(`${SESSIONS}?watch=true`))
      await quick.next()
      const reason = "x".repeat(20_000)
      let told = 0
      // 100 MB of events, of which each is told to the one who reads; the history holds some 4,000.
      for (let flaps = 1; flaps <= 5_000; flaps++) {
        node.set(nodeStatus([session("10.0.1.254-n", { flaps, reason })]))
        const { value } = await quick.next()
        if ((value as { type: string }).type === "MODIFIED") told++
      }
      expect(told).toBe(5_000)
      await quick.return(undefined)
      // What was kept for it is what buffers hold; it is told that it has missed the rest.
      socket.resume()
      await closed.promise
      const types = [...text.matchAll(/\{"type":"([A-Z]+)"/g)].map((match) => match[1] ?? "")
      expect(types.at(-1)).toBe("ERROR")
      expect(text).toContain('"code":410')
      expect(types.length).toBeLessThan(1_500)
    } finally {
      socket.terminate()
      await server.stop(true)
    }
    await node.untilFollowers(0)
  }, 60_000)
})

describe("what clients learn", () => {
  const app = createApp(fakeNode(s22), { now: () => NOW })
  const get = async (path: string, accept = "application/json") => {
    const response = await app.request(path, { headers: { accept } })
    return { type: response.headers.get("content-type") ?? "", body: (await response.json()) as Json }
  }

  test("aggregated discovery, to who asks for it, has every kind that the plain lists have", async () => {
    const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
    const [core, named] = [await get("/api", accept), await get("/apis", accept)]
    expect(core.type).toBe("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")
    const kinds = [core, named]
      .flatMap(
        ({ body }) => body.items as ReadonlyArray<{ versions: ReadonlyArray<{ resources: ReadonlyArray<Json> }> }>
      )
      .flatMap(({ versions }) => versions.flatMap(({ resources }) => resources.map(({ resource }) => resource)))
    expect(kinds.toSorted()).toEqual(
      [...allKinds.map(({ plural }) => plural), "selfsubjectaccessreviews", "selfsubjectrulesreviews"].toSorted()
    )
    expect((await get("/apis")).body.kind).toBe("APIGroupList")
  })

  test("every reference of the OpenAPI documents leads somewhere", async () => {
    const references = (value: unknown): ReadonlyArray<string> =>
      typeof value !== "object" || value === null
        ? []
        : Object.entries(value).flatMap(([key, inner]) => (key === "$ref" ? [String(inner)] : references(inner)))
    const at = (document: unknown, pointer: string): unknown =>
      pointer
        .slice(2)
        .split("/")
        .reduce<unknown>((inside, key) => (inside as Json | undefined)?.[key], document)
    const documents = [openApiV2(allKinds, "0"), openApiV3(allKinds, "0")]
    for (const document of documents) {
      expect(references(document).length).toBeGreaterThanOrEqual(allKinds.length)
      expect(references(document).filter((pointer) => at(document, pointer) === undefined)).toEqual([])
    }
    const { paths } = (await get("/openapi/v3")).body as { paths: Record<string, { serverRelativeURL: string }> }
    expect(Object.keys(paths)).toContain("apis/networking.gke.io/v1")
    for (const { serverRelativeURL } of Object.values(paths))
      expect((await get(serverRelativeURL)).body).toMatchObject({ openapi: "3.0.0" })
    expect((await app.request("/openapi/v3/apis/none/v1")).status).toBe(404)
  })

  test("what fields mean is said of fields that there are", () => {
    const { components } = openApiV3(allKinds, "0") as { components: { schemas: Json } }
    const shapes = Object.values(components.schemas) as ReadonlyArray<Json>
    for (const kind of allKinds) {
      const shape = shapes.find((one) => {
        const [gvk] = (one["x-kubernetes-group-version-kind"] ?? []) as ReadonlyArray<Json>
        return gvk?.kind === kind.kind && gvk.group === kind.group
      })
      const missing = Object.keys(kind.fields).filter((path) => {
        const found = path.split(".").reduce<Json | undefined>((inside, key) => {
          const within = (inside?.items as Json | undefined) ?? inside
          return (within?.properties as Record<string, Json> | undefined)?.[key]
        }, shape)
        return found === undefined
      })
      expect([kind.kind, missing]).toEqual([kind.kind, []])
    }
  })
})
