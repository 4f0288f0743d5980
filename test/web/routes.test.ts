// How the dashboard is served: small, cached by what is in it, packed, and under a policy that lets nothing else in. No
// browser.
import { describe, expect, test } from "bun:test"
import { gunzipSync } from "node:zlib"
import { authorize } from "../../src/api/access/roles.ts"
import { createApp } from "../../src/api/app.ts"
import { localOnly } from "../../src/api/localOnly.ts"
import { fakeNode } from "../api/fakeNode.ts"
import { s22 } from "../resources/fixtures.ts"

const app = createApp(fakeNode(s22), { now: Date.now, access: [localOnly(), authorize()] })
const ask = (path: string, headers: Record<string, string> = {}) =>
  app.request(`http://127.0.0.1${path}`, { headers: { host: "127.0.0.1", ...headers } })

const names = async () => {
  const html = await (await ask("/")).text()
  return [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? "")
}

describe("the dashboard's files", () => {
  test("the page names its own files only, and they are there", async () => {
    const found = await names()
    expect(found.map((name) => name.replace(/-[a-z0-9]+\./, "-*."))).toEqual([
      "assets/icon.svg",
      "assets/app-*.css",
      "assets/app-*.js"
    ])
    for (const name of found) expect((await ask(`/${name}`)).status).toBe(200)
  })

  test("need no token, while everything about the cluster does", async () => {
    expect((await ask("/")).status).toBe(200)
    expect((await ask("/v1/status")).status).toBe(401)
    expect((await ask("/assets/nothing.js")).status).toBe(404)
  })

  test("are guarded as the API is: no other host name, no page of another host", async () => {
    expect((await ask("/", { host: "evil.example" })).status).toBe(403)
    expect((await ask("/", { origin: "http://evil.example" })).status).toBe(403)
  })

  test("come under a policy that allows no inline script and no other origin", async () => {
    const { headers } = await ask("/")
    const policy = headers.get("content-security-policy") ?? ""
    expect(policy).toContain("default-src 'self'")
    expect(policy).not.toMatch(/unsafe|http|\*|data:/)
    expect(headers.get("x-content-type-options")).toBe("nosniff")
  })

  test("are packed for who takes gzip, and under 100 kB together", async () => {
    let octets = 0
    for (const path of ["", ...(await names())]) {
      const [plain, packed] = [await ask(`/${path}`), await ask(`/${path}`, { "accept-encoding": "br, gzip" })]
      expect([plain.headers.get("content-encoding"), packed.headers.get("content-encoding")]).toEqual([null, "gzip"])
      const body = new Uint8Array(await packed.arrayBuffer())
      expect(gunzipSync(body).toString()).toBe(await plain.text())
      octets += body.byteLength
    }
    expect(octets).toBeLessThan(100_000)
    expect(octets).toBeGreaterThan(10_000)
  })

  test("are kept by browsers: for ever by name, the page as long as it is the same", async () => {
    const page = await ask("/")
    expect(page.headers.get("cache-control")).toBe("no-cache")
    const again = await ask("/", { "if-none-match": page.headers.get("etag") ?? "" })
    expect([again.status, await again.text()]).toEqual([304, ""])
    expect((await ask("/", { "if-none-match": '"another"' })).status).toBe(200)
    const script = (await names()).find((name) => name.endsWith(".js"))
    expect((await ask(`/${script}`)).headers.get("cache-control")).toContain("immutable")
  })

  test("gzip that is refused with q=0 is not sent", async () => {
    expect((await ask("/", { "accept-encoding": "gzip;q=0" })).headers.get("content-encoding")).toBeNull()
    expect((await ask("/", { "accept-encoding": "gzip;q=0.5" })).headers.get("content-encoding")).toBe("gzip")
  })
})
