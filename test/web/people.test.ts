// Whom the dashboard has to serve, in a real Chromium: who has no rights, or no mouse, or a phone, or does not see; and
// what it has to stand: text that means harm, and a lot of everything.
import { describe, expect } from "bun:test"
import { readFileSync } from "node:fs"
import { DOCUMENTS } from "./fakeServer.ts"
import { editor, pages, withBrowser } from "./opened.ts"
import { hostile, troubled, world } from "./world.ts"

const { test, open } = withBrowser()
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8")

describe("who one is", () => {
  const tokens = { "good-token": "write", "look-only": "read" } as const

  test("a token is asked for, a wrong one refused, a right one kept for the tab and sent as Authorization only", async () => {
    const { server, page, visit } = await open(world(), {}, { tokens })
    await page.getByRole("heading", { name: "A token is needed here" }).waitFor()
    await page.getByLabel("Token", { exact: true }).fill("wrong")
    await page.keyboard.press("Enter")
    await page.getByText("That one was refused").waitFor()
    await page.getByLabel("Token", { exact: true }).fill("good-token")
    await page.keyboard.press("Enter")
    await page.getByRole("heading", { name: "All is well" }).waitFor()
    visit.errors.splice(0)
    expect(
      await page.evaluate("[Object.values(sessionStorage), JSON.stringify(localStorage), document.cookie]")
    ).toEqual([["good-token"], "{}", ""])
    expect(visit.requests.filter((url) => url.includes("good-token"))).toEqual([])
    // Once without a token, once with the right one.
    expect(server.asked.filter((what) => what.includes("/v1/status")).length).toBe(2)
    await page.getByRole("button", { name: "Sign out" }).click()
    await page.getByRole("heading", { name: "A token is needed here" }).waitFor()
    visit.errors.splice(0)
  })

  test("who may look without a token signs in to change something, and out again", async () => {
    const { page, visit } = await open(world(), {}, { tokens: { ...tokens, "": "read" } })
    await page.getByRole("button", { name: "Sign in" }).click()
    await page.getByRole("heading", { name: "Sign in to change something" }).waitFor()
    await page.keyboard.press("Escape")
    await page.getByRole("button", { name: "Sign in" }).click()
    await page.getByLabel("Token", { exact: true }).fill("good-token")
    await page.keyboard.press("Enter")
    await page.getByRole("button", { name: "Sign out" }).waitFor()
    await visit.to("#/config")
    await page.getByRole("button", { name: "See what it does" }).waitFor()
    await page.getByRole("button", { name: "Sign out" }).click()
    await page.getByText("You may read only").waitFor()
  })

  test("who may read only sees why, can look at what a rollback would do, and is offered nothing to apply", async () => {
    const { page, visit } = await open(world(), {}, { tokens })
    await page.getByLabel("Token", { exact: true }).fill("look-only")
    await page.keyboard.press("Enter")
    await page.getByRole("heading", { name: "All is well" }).waitFor()
    visit.errors.splice(0)
    await visit.to("#/config")
    await page.getByText("You may read only: the token of jo has the role read").waitFor()
    expect(await editor(page).getAttribute("readonly")).not.toBeNull()
    await page.getByRole("button", { name: "What would it do?" }).first().click()
    await page.getByText("Applying takes the role write").waitFor()
    expect(await page.getByRole("button", { name: /^(Apply|Roll back)/ }).count()).toBe(0)
  })
})

describe("by keyboard alone", () => {
  test("skip link, pages in order, a row, its panel, a change applied", async () => {
    const { server, page, visit } = await open()
    await page.getByRole("heading", { name: "All is well" }).waitFor()
    await page.keyboard.press("Tab")
    expect(await visit.focused()).toBe("button Skip to the content")
    expect(await page.evaluate("getComputedStyle(document.activeElement).top")).toBe("8px")
    await visit.tabTo(/^a Config/)
    const outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    expect(outline).toBe("solid")
    await page.keyboard.press("Enter")
    await visit.tabTo(/^textarea /)
    await page.keyboard.press("Control+End")
    for (let i = 0; i < 11; i++) await page.keyboard.press("ArrowUp")
    const marked = "      - ip: 10.0.3.254\n        asn: 65004\n"
    await page.evaluate(
      `((field) => { const at = field.value.indexOf("    vips:"); field.setSelectionRange(at, at) })(document.activeElement)`
    )
    await page.keyboard.insertText(marked)
    await visit.tabTo(/^button See what it does/)
    await page.keyboard.press("Enter")
    await page.getByRole("heading", { name: "What it does: 2 sessions added; 2 nodes" }).waitFor()
    await visit.tabTo(/^input/)
    await page.keyboard.type("by keyboard")
    await visit.tabTo(/^button Apply/)
    await page.keyboard.press("Space")
    await page.getByText("Applied, revision 13").waitFor()
    expect(server.revisions[0]?.message).toBe("by keyboard")
  })
})

describe("text that means harm, and a lot of it", () => {
  test("stays text on every page: no markup, no script, no wider page", async () => {
    const { page, visit } = await open(hostile(20, 30), { width: 360, height: 740 })
    await page.locator(".headline").waitFor()
    for (const hash of [
      ...pages,
      "sessions?show=10.9.0.1-cp-1",
      `routes?explain=${encodeURIComponent("vip <img src=x>")}`
    ]) {
      await visit.to(`#/${hash}`)
      await page.locator("main h1").waitFor()
      expect([hash, await visit.overflow()]).toEqual([hash, 0])
      expect(await page.locator("main img, main script").count()).toBe(0)
    }
    expect(await page.evaluate("window.hacked")).toBeUndefined()
  })

  test("10,000 services and 1,000 sessions stay quick: filter, sort, page on", async () => {
    const { server, page, visit } = await open(hostile(10_000, 1000))
    await page.locator(".headline").waitFor()
    const took = async (what: () => Promise<void>): Promise<number> => {
      const from = performance.now()
      await what()
      return performance.now() - from
    }
    const times = {
      routes: await took(async () => {
        await visit.to("#/routes")
        await page.getByText(/1 to 100 of 10.0\d\d/).waitFor()
      }),
      filter: await took(async () => {
        await page.getByLabel("Filter addresses").fill("service-9999")
        await page.getByRole("cell", { name: "ns/service-9999" }).waitFor()
      }),
      sessions: await took(async () => {
        await visit.to("#/sessions")
        await page.getByText(/1 to 100 of 1.0\d\d/).waitFor()
      }),
      next: await took(async () => {
        await page.getByRole("button", { name: "Next" }).click()
        await page.getByText(/101 to 200 of 1.0\d\d/).waitFor()
      }),
      change: await took(async () => {
        server.set({ ...hostile(10_000, 500), cluster: server.status.cluster })
        await page.getByText(/101 to 200 of 5\d\d/).waitFor()
      })
    }
    expect(Math.max(...Object.values(times))).toBeLessThan(4000)
    expect(await page.getByRole("row").count()).toBe(101)
  })
})

describe("for everybody", () => {
  for (const colorScheme of ["light", "dark"] as const)
    test(`axe finds nothing on any page, ${colorScheme}`, async () => {
      const { page, visit } = await open(troubled(), { colorScheme })
      await page.locator(".headline").waitFor()
      await page.evaluate(axe)
      for (const hash of [
        ...pages,
        "sessions?show=10.0.2.254-cp-1",
        "routes?explain=vip+10.1.1.10",
        "cluster?node=cp-1"
      ]) {
        await visit.to(`#/${hash}`)
        await page.locator(hash.includes("?") ? "[role=dialog]" : "main h1").waitFor()
        const found = (await page.evaluate(
          `axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] }).then(({ violations }) =>
            violations.map(({ id, nodes }) => id + ": " + nodes.map((node) => node.html.slice(0, 160) + " " + node.failureSummary).join(" | ")))`
        )) as ReadonlyArray<string>
        expect([hash, found]).toEqual([hash, []])
      }
    })

  test("axe finds nothing in what is shown only at times: signing in, a guarded change, one that waits to be confirmed", async () => {
    const { page, visit } = await open(
      world(),
      { colorScheme: "dark" },
      { tokens: { "": "read", "good-token": "write" } }
    )
    const violations = async () => {
      const found = `axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] })`
      return page.evaluate(
        `${found}.then(({ violations }) => violations.map(({ id, nodes }) => id + " " + nodes[0].html))`
      )
    }
    await page.getByRole("button", { name: "Sign in" }).click()
    await page.evaluate(axe)
    expect(await violations()).toEqual([])
    await page.getByLabel("Token", { exact: true }).fill("good-token")
    await page.keyboard.press("Enter")
    await page.getByRole("button", { name: "Sign out" }).waitFor()
    await visit.to("#/config")
    await editor(page).fill(DOCUMENTS.replace(/ {6}- ip: .*\n {8}asn: .*\n/g, ""))
    await page.getByRole("button", { name: "See what it does" }).click()
    await page.getByLabel("do it all the same").check()
    visit.errors.splice(0)
    expect(await violations()).toEqual([])
    await page.getByRole("button", { name: "Apply", exact: true }).click()
    await page.getByRole("button", { name: "Keep it" }).waitFor()
    await page.getByRole("button", { name: "Compare" }).first().click()
    await page.locator(".diff").waitFor()
    expect(await violations()).toEqual([])
  })

  test("on a phone no page is wider than the window, and the pages are within reach of a thumb", async () => {
    const { page, visit } = await open(troubled(), { width: 360, height: 740 })
    await page.locator(".headline").waitFor()
    for (const hash of [
      ...pages,
      "sessions?show=10.0.2.254-cp-1",
      "routes?explain=vip+10.1.1.10",
      "cluster?node=cp-1"
    ]) {
      await visit.to(`#/${hash}`)
      await page.locator(hash.includes("?") ? "[role=dialog]" : "main h1").waitFor()
      expect([hash, await visit.overflow()]).toEqual([hash, 0])
    }
    expect((await page.getByRole("navigation", { name: "Pages" }).boundingBox())?.y).toBeGreaterThan(650)
  })

  test("colours follow the system until one chooses, and the choice stays", async () => {
    const { page } = await open(world(), { colorScheme: "dark" })
    const ground = () => page.evaluate("getComputedStyle(document.body).backgroundColor")
    const button = page.getByRole("button", { name: /^Colours/ })
    await button.waitFor()
    const system = await ground()
    await button.click()
    const light = await ground()
    await button.click()
    expect([await ground(), light === system]).toEqual([system, false])
    await page.emulateMedia({ colorScheme: "light" })
    expect(await ground()).toBe(system)
    await page.reload()
    await button.waitFor()
    expect(await ground()).toBe(system)
  })
})
