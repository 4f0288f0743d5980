// Writes the pictures of the dashboard that README.md shows: `bun test/web/screenshots.ts` puts each page into
// deploy/screenshots/, light on a desk and dark on a phone. With a directory as argument it writes every page in every
// look there, to be looked at.
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { crc32, deflateSync, inflateSync } from "node:zlib"
import { Browser, type Visit } from "./browser.ts"
import { DOCUMENTS, FakeServer } from "./fakeServer.ts"
import { troubled, world } from "./world.ts"

const SIZES = { desktop: { width: 1000, height: 680 }, phone: { width: 360, height: 740 } } as const

/** Brings a page into the state that is worth a picture. */
const scenes: Readonly<Record<string, (visit: Visit) => Promise<void>>> = {
  cluster: async ({ page }) => page.locator(".headline").waitFor(),
  sessions: async ({ page }) => page.getByRole("table", { name: "Sessions" }).waitFor(),
  session: async ({ page }) => page.getByText("End-of-RIB ipv4 unicast").waitFor(),
  routes: async ({ page }) => page.getByRole("table", { name: "Addresses" }).waitFor(),
  explain: async ({ page }) => page.getByText("First broken link").waitFor(),
  events: async ({ page }) => page.locator(".event").first().waitFor(),
  config: async ({ page }) => {
    const documents = DOCUMENTS.replace("    vips:", "      - ip: 10.0.3.254\n        asn: 65004\n    vips:")
    await page.getByLabel("Documents of the cluster, YAML").fill(documents)
    await page.getByRole("button", { name: "See what it does" }).click()
    await page.getByRole("form", { name: "Apply" }).waitFor()
    await page.evaluate("scrollBy(0, -240)")
  }
}

const places: Readonly<Record<string, string>> = {
  session: "sessions?show=10.0.1.254-cp-1",
  explain: "routes?explain=vip+10.1.1.10"
}

/** The same PNG, packed as tightly as deflate can: Chromium is in a hurry. */
const packed = (png: Uint8Array): Uint8Array => {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength)
  const chunks: Array<{ readonly type: string; readonly data: Uint8Array }> = []
  for (let at = 8; at < png.length; ) {
    const length = view.getUint32(at)
    const type = new TextDecoder().decode(png.subarray(at + 4, at + 8))
    chunks.push({ type, data: png.subarray(at + 8, at + 8 + length) })
    at += 12 + length
  }
  const pixels = inflateSync(Buffer.concat(chunks.filter(({ type }) => type === "IDAT").map(({ data }) => data)))
  const tight = { type: "IDAT", data: deflateSync(pixels, { level: 9, memLevel: 9 }) }
  const kept = chunks.filter(({ type }) => type === "IHDR" || type === "IEND")
  const out = [kept[0], tight, kept[1]].flatMap((chunk) => {
    if (chunk === undefined) return []
    const body = Buffer.concat([Buffer.from(chunk.type), chunk.data])
    const frame = Buffer.alloc(8)
    frame.writeUInt32BE(chunk.data.length, 0)
    frame.writeUInt32BE(crc32(body), 4)
    return [frame.subarray(0, 4), body, frame.subarray(4)]
  })
  return Buffer.concat([png.subarray(0, 8), ...out])
}

const [, , everything] = process.argv
const directory = everything ?? join(import.meta.dir, "..", "..", "deploy", "screenshots")
mkdirSync(directory, { recursive: true })

await using browser = await Browser.start()
for (const [size, { width, height }] of Object.entries(SIZES))
  for (const colorScheme of ["light", "dark"] as const) {
    if (everything === undefined && (size === "desktop") !== (colorScheme === "light")) continue
    for (const [scene, prepare] of Object.entries(scenes)) {
      const server = new FakeServer(["config", "events"].includes(scene) ? world() : troubled())
      const visit = await browser.page(`${server.url}#/${places[scene] ?? scene}`, { width, height, colorScheme })
      await prepare(visit)
      await visit.page.mouse.move(0, 0)
      const path = join(directory, `${scene}-${size}-${colorScheme}.png`)
      writeFileSync(path, packed(await visit.page.screenshot({ fullPage: size === "desktop" && scene === "cluster" })))
      await visit.page.close()
      await server.stop()
    }
  }
