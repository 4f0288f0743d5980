// HTTPS from node:tls and node:http as a fetch handler: bodies both ways, clients that leave, client certificates, and a certificate that is
// changed under a connection that goes on. The clients are Bun's fetch and curl's TLS.
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { connect as connectTls } from "node:tls"
import { serveTls, type TlsServer } from "../../src/adapters/bun/tlsServer.ts"
import type { Client, FetchHandler } from "../../src/ports/AdminServer.ts"
import { Authority, type Certificate } from "../lab/certificates.ts"

const missing = Bun.which("openssl") === null

describe.skipIf(missing)(`a TLS listener${missing ? " (needs openssl)" : ""}`, () => {
  const directory = mkdtempSync(join(tmpdir(), "viaduct-tls-"))
  const read = (path: string): string => readFileSync(path, "utf8")
  let ca: Authority
  let foreign: Authority
  let [first, second, carol, nobody, mallory]: Array<Certificate> = []
  const servers: Array<TlsServer> = []

  beforeAll(async () => {
    ca = await Authority.create(directory)
    foreign = await Authority.create(directory, "foreign")
    first = await ca.issue("first")
    second = await ca.issue("second")
    carol = await ca.issue("carol", { subject: "/O=viaduct:write/O=staff/CN=carol" })
    nobody = await ca.issue("expired", { subject: "/O=viaduct:write/CN=late", days: 0 })
    mallory = await foreign.issue("mallory", { subject: "/O=viaduct:write/CN=mallory" })
  })
  afterAll(async () => {
    for (const server of servers) await server.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  const pem = (one: Certificate | undefined) => ({ cert: read(one?.certFile ?? ""), key: read(one?.keyFile ?? "") })
  const start = async (handler: FetchHandler, clientCa = false) => {
    const credentials = { ...pem(first), ...(clientCa ? { clientCa: read(carol?.caFile ?? "") } : {}) }
    const server = await serveTls("127.0.0.1", 0, credentials, handler)
    servers.push(server)
    const ask = (path: string, init: RequestInit = {}, as?: Certificate) => {
      const tls = { ca: read(first?.caFile ?? ""), ...(as === undefined ? {} : pem(as)) }
      return fetch(`https://127.0.0.1:${server.port}${path}`, { ...init, tls, keepalive: false } as RequestInit)
    }
    return { server, ask }
  }

  test("hands on method, path, headers and body, and answers with status, headers and body", async () => {
    const { ask } = await start(async (request, client) => {
      const body = { method: request.method, url: request.url, body: await request.text(), address: client.address }
      const headers = [
        ["x-two", "a"],
        ["set-cookie", "a=1"],
        ["set-cookie", "b=2"]
      ] as Array<[string, string]>
      return Response.json({ ...body, kind: request.headers.get("x-kind") }, { status: 207, headers })
    })
    const response = await ask("/a/b?c=d", { method: "PATCH", body: "x".repeat(3_000_000), headers: { "x-kind": "z" } })
    const answer = (await response.json()) as { url: string; body: string }
    expect([response.status, response.headers.get("x-two"), response.headers.getSetCookie()]).toEqual([
      207,
      "a",
      ["a=1", "b=2"]
    ])
    expect(answer).toMatchObject({ method: "PATCH", kind: "z", address: "127.0.0.1" })
    expect(new URL(answer.url).pathname + new URL(answer.url).search).toBe("/a/b?c=d")
    expect(answer.body.length).toBe(3_000_000)
    expect((await ask("/", { method: "HEAD" })).status).toBe(207)
  })

  test("takes an answer no faster than the client reads it, and ends it when the client leaves", async () => {
    let pulled = 0
    const cancelled = Promise.withResolvers<void>()
    const aborted = Promise.withResolvers<void>()
    const { ask } = await start((request) => {
      request.signal.addEventListener("abort", () => aborted.resolve())
      const body = new ReadableStream<Uint8Array>(
        {
          pull: (controller) => {
            pulled++
            controller.enqueue(new Uint8Array(64 * 1024))
          },
          cancel: () => cancelled.resolve()
        },
        { highWaterMark: 0 }
      )
      return new Response(body)
    })
    const leave = new AbortController()
    const response = await ask("/", { signal: leave.signal })
    const reader = response.body?.getReader()
    await reader?.read()
    let before = -1
    while (before !== pulled) {
      before = pulled
      await Bun.sleep(100)
    }
    expect(pulled).toBeLessThan(1_000)
    leave.abort()
    await Promise.all([cancelled.promise, aborted.promise])
  })

  test("knows a client by its certificate: a good one, one of a foreign CA, an expired one, none", async () => {
    const { ask } = await start((_request, client: Client) => Response.json(client.certificate ?? null), true)
    const as = async (one?: Certificate) => (await ask("/", {}, one)).json()
    expect(await as(carol)).toEqual({ name: "carol", organizations: ["viaduct:write", "staff"] })
    expect(await as(mallory)).toMatchObject({ name: "mallory", refused: expect.any(String) })
    expect(await as(nobody)).toMatchObject({ refused: expect.stringMatching(/expired/i) })
    expect(await as()).toBe(null)
  })

  test("has other CAs for clients from one connection to the next, and a session of before opens nothing", async () => {
    const { server, ask } = await start((_request, client: Client) => Response.json(client.certificate ?? null), true)
    const resumed = (session?: Buffer) =>
      new Promise<{ readonly session: Buffer; readonly body: string }>((resolve, reject) => {
        const own = session === undefined ? pem(carol) : { session }
        const base = { port: server.port, host: "127.0.0.1", maxVersion: "TLSv1.2", rejectUnauthorized: false } as const
        const socket = connectTls({ ...base, ...own }, () => {
          socket.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        })
        let body = ""
        socket.on("data", (data) => {
          body += data.toString()
        })
        socket.on("error", reject)
        socket.on("close", () => resolve({ session: socket.getSession() ?? Buffer.alloc(0), body }))
      })
    const before = await resumed()
    expect(before.body).toContain('"name":"carol"')
    server.replace({ ...pem(first), clientCa: read(mallory?.caFile ?? "") })
    expect(await (await ask("/", {}, carol)).json()).toMatchObject({ name: "carol", refused: expect.any(String) })
    expect(await (await ask("/", {}, mallory)).json()).toEqual({ name: "mallory", organizations: ["viaduct:write"] })
    expect((await resumed(before.session)).body).not.toContain("carol")
  })

  test("asks nobody for a certificate where it has no CA for clients", async () => {
    const { ask } = await start((_request, client: Client) => Response.json(client.certificate ?? null))
    expect(await (await ask("/", {}, carol)).json()).toBe(null)
  })

  test("has another certificate from one connection to the next, and drops none", async () => {
    const tick: { ring?: () => void } = {}
    const { server, ask } = await start(() => {
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => {
          tick.ring = () => controller.enqueue(new TextEncoder().encode("tick\n"))
          tick.ring?.()
        }
      })
      return new Response(body)
    })
    const shown = async (): Promise<string> => {
      const { stdout } = Bun.spawn(["openssl", "s_client", "-connect", `127.0.0.1:${server.port}`], {
        stdio: ["ignore", "pipe", "ignore"]
      })
      return /subject=.*?CN ?= ?(\S+)/.exec(await stdout.text())?.[1] ?? ""
    }
    const reader = (await ask("/")).body?.getReader()
    await reader?.read()
    expect(await shown()).toBe("first")
    server.replace(pem(second))
    expect(await shown()).toBe("second")
    expect(() => server.replace({ ...pem(first), key: pem(second).key })).toThrow("does not belong")
    expect(await shown()).toBe("second")
    tick.ring?.()
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("tick\n")
    await reader?.cancel()
  })

  test("survives those who speak no TLS, no HTTP, or nonsense", async () => {
    const { server, ask } = await start(() => new Response("ok"))
    const raw = (text: string) =>
      new Promise<void>((resolve) => {
        const socket = connect(server.port, "127.0.0.1", () => socket.write(text))
        socket.on("error", () => undefined)
        socket.on("close", () => resolve())
        socket.resume()
      })
    await Promise.all([
      raw("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
      raw("\x16\x03\x01\x00\x05garbage"),
      raw("\0".repeat(100_000))
    ])
    const https = Bun.spawn(["openssl", "s_client", "-quiet", "-connect", `127.0.0.1:${server.port}`], {
      stdin: new TextEncoder().encode("NOT HTTP\r\n\r\n"),
      stdout: "ignore",
      stderr: "ignore"
    })
    await https.exited
    expect(await (await ask("/")).text()).toBe("ok")
  })

  test("closes connections whose clients take too long, and none that waits for its answer", async () => {
    const patience = { handshakeMs: 200, headersMs: 300, bodyMs: 400 }
    const enough = Promise.withResolvers<void>()
    const late = async (request: Request): Promise<Response> => {
      if (request.method === "POST") await request.text()
      else await enough.promise
      return new Response("ok")
    }
    const server = await serveTls("127.0.0.1", 0, pem(first), late, patience)
    servers.push(server)
    const opened = (...texts: ReadonlyArray<string>) =>
      new Promise<number>((resolve) => {
        const fromMs = performance.now()
        const socket = connectTls({ port: server.port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
          for (const text of texts) socket.write(text)
        })
        socket.on("error", () => undefined)
        socket.on("close", () => resolve(performance.now() - fromMs))
        socket.resume()
      })
    const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    const waiting = fetch(`https://127.0.0.1:${server.port}/`, {
      tls: { ca: read(first?.caFile ?? "") }
    } as RequestInit)
    const closed = await Promise.all([
      new Promise<number>((resolve) => {
        const fromMs = performance.now()
        const socket = connect(server.port, "127.0.0.1")
        socket.on("close", () => resolve(performance.now() - fromMs))
        socket.resume()
      }),
      opened(),
      opened("GET / HTTP/1.1\r\nHost: a\r\n"),
      opened("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc")
    ])
    for (const ms of closed) expect(ms).toBeGreaterThan(150)
    enough.resolve()
    expect(await (await waiting).text()).toBe("ok")
    expect(await opened(get)).toBeGreaterThan(250)
  })

  test("refuses an address that is taken, and credentials that cannot be used", async () => {
    const { server } = await start(() => new Response("ok"))
    await expect(serveTls("127.0.0.1", server.port, pem(first), () => new Response("b"))).rejects.toThrow()
    const broken = { cert: "nonsense", key: pem(first).key }
    expect(() => serveTls("127.0.0.1", 0, broken, () => new Response("b"))).toThrow()
  })
})
