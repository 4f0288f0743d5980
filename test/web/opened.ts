// One browser for a file of tests, and a tab over a server of its own for each. Whatever a test does, its page asks
// nobody else, and no error is left in it unless the test took it.
import { afterAll, afterEach, beforeAll, expect } from "bun:test"
import { requires } from "../lab/requires.ts"
import { Browser, type Look, type Visit } from "./browser.ts"
import { type FakeOptions, FakeServer } from "./fakeServer.ts"
import { world } from "./world.ts"

/** To be called once, at the top of a file. */
export const withBrowser = () => {
  const { test, met } = requires("chromium")
  let browser: Browser | undefined
  beforeAll(async () => {
    if (met) browser = await Browser.start()
  }, 60_000)
  afterAll(async () => {
    await browser?.[Symbol.asyncDispose]()
  })
  const opened: Array<{ readonly server: FakeServer; readonly visit: Visit }> = []
  afterEach(async () => {
    for (const { server, visit } of opened.splice(0)) {
      const elsewhere = visit.requests.filter((url) => !url.startsWith(server.url) && !url.startsWith("about:"))
      await visit.page.close()
      await server.stop()
      expect([elsewhere, visit.errors]).toEqual([[], []])
    }
  })
  const open = async (status = world(), look: Look = {}, options: FakeOptions = {}) => {
    const server = new FakeServer(status, options)
    if (browser === undefined) throw new Error("there is no browser")
    const visit = await browser.page(server.url, look)
    opened.push({ server, visit })
    return { server, visit, page: visit.page }
  }
  return { test, open }
}

export const pages = ["cluster", "sessions", "routes", "events", "config"] as const

export const editor = (page: Visit["page"]) => page.getByLabel("Documents of the cluster, YAML")
