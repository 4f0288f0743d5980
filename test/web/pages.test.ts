// The dashboard's pages in a real Chromium, over a server whose answers the test writes: what is shown, what moves,
// what changes.
import { describe, expect } from "bun:test"
import { DOCUMENTS } from "./fakeServer.ts"
import { editor, withBrowser } from "./opened.ts"
import { event, troubled, withSessionDown, world } from "./world.ts"

const { test, open } = withBrowser()

describe("the cluster page", () => {
  test("says that all is well, and draws every node, address, router and session", async () => {
    const { page } = await open()
    await page.getByRole("heading", { name: "All is well" }).waitFor()
    expect(await page.locator(".node-card").count()).toBe(4)
    expect(await page.locator(".chip").allInnerTexts()).toEqual([
      expect.stringContaining("10.0.1.101"),
      expect.stringContaining("10.0.1.100"),
      expect.stringContaining("10.0.2.100")
    ])
    expect(await page.locator(".router-card").count()).toBe(2)
    expect(await page.locator(".picture .curve-up").count()).toBe(10)
  })

  test("a session that goes down changes headline, curve and title without a reload", async () => {
    const { server, page } = await open()
    await page.getByRole("heading", { name: "All is well" }).waitFor()
    server.set(withSessionDown(world(), "10.0.2.254-cp-1", "connection refused"))
    await page.getByRole("heading", { name: "Session 10.0.2.254-cp-1 is Connect" }).waitFor()
    const curve = page.getByRole("link", { name: "10.0.2.254-cp-1: Connect, connection refused" })
    expect(await curve.getAttribute("class")).toContain("curve-down")
    expect(await page.title()).toBe("(1) Cluster · prod-fra")
    server.set(world())
    await page.getByRole("heading", { name: "All is well" }).waitFor()
    expect(await page.locator(".picture .curve-down").count()).toBe(0)
    expect(server.asked.filter((what) => what === "GET /")).toEqual(["GET /"])
  })

  test("an address that moves takes its card and its curves along, gliding", async () => {
    const { server, page } = await open(world(), { reducedMotion: "no-preference" })
    const chip = page.locator(".chip", { hasText: "10.0.1.100" })
    await chip.waitFor()
    await page.evaluate(
      `document.querySelectorAll(".chip, .curve").forEach((element) => { element.dataset.mark = "kept" })`
    )
    const before = (await chip.boundingBox())?.y ?? 0
    const moved = page.evaluate(`new Promise((resolve) => document.addEventListener("transitionend", (event) =>
      event.target.matches(".chip") && event.propertyName === "transform" && resolve(event.elapsedTime)))`)
    server.set(world({ "10.0.1.100": "cp-1" }))
    expect(Number(await moved)).toBeGreaterThan(0.3)
    expect((await chip.boundingBox())?.y ?? 0).toBeLessThan(before - 50)
    // The same elements as before: they moved, they were not drawn anew.
    expect(await page.locator('.chip[data-mark="kept"]').count()).toBe(3)
    expect(await page.locator('.picture .curve[data-mark="kept"]').count()).toBe(10)
  })

  test("nothing glides where that is not wanted", async () => {
    const { page } = await open(world(), { reducedMotion: "reduce" })
    await page.locator(".chip").first().waitFor()
    const durations =
      await page.evaluate(`[...document.querySelectorAll(".chip, .curve-line, .pulse")].map((element) => {
      const style = getComputedStyle(element)
      return style.transitionProperty + style.animationName
    })`)
    expect(new Set(durations as ReadonlyArray<string>)).toEqual(new Set(["nonenone"]))
  })

  test("a node that falls silent stays in the picture and is the headline", async () => {
    const { server, page } = await open()
    await page.locator(".node-card").first().waitFor()
    const status = world({ "10.0.2.100": "cp-2" })
    const without = <T extends object>(all: ReadonlyArray<T>, key: keyof T) =>
      all.filter((one) => one[key] !== "worker-2")
    server.set({ ...status, members: without(status.members, "name"), elsewhere: without(status.elsewhere, "node") })
    await page.getByRole("heading", { name: "Node worker-2 is silent" }).waitFor()
    expect(await page.locator(".node-card.gone").innerText()).toContain("worker-2")
  })

  test("a connection that is lost is told with its age, and comes back by itself", async () => {
    const { server, page, visit } = await open()
    await page.getByText("Live", { exact: true }).waitFor()
    server.away = true
    server.drop()
    await page.getByRole("alert").filter({ hasText: "Connection lost" }).waitFor()
    expect(await page.getByRole("alert").innerText()).toMatch(/Last seen \d+s ago/)
    expect(await page.locator(".node-card").count()).toBe(4)
    server.away = false
    await page.getByText("Live", { exact: true }).waitFor()
    expect(await page.getByRole("alert").count()).toBe(0)
    // Chromium reports the refused attempts.
    expect(visit.errors.splice(0).every((error) => error.includes("503"))).toBe(true)
  })

  test("several nodes' statuses over one stream are one cluster, each in its own words", async () => {
    const { server, page } = await open()
    const other = world()
    server.set({ ...other, node: "cp-2", sessions: [], elsewhere: [], startedAt: other.startedAt })
    await page.getByText("seen from 2 nodes").waitFor()
    server.set({ ...world(), cluster: "prod-ber", node: "ber-1" })
    await page.getByLabel("Cluster to show").selectOption("prod-ber")
    await page.getByText("seen from 3 nodes").waitFor()
    expect(await page.title()).toContain("prod-ber")
  })
})

describe("a node", () => {
  test("tells what it holds and is taken out of service only when that was said twice", async () => {
    const { server, page } = await open()
    await page.getByRole("button", { name: /^worker-1/ }).click()
    const panel = page.getByRole("dialog", { name: "Node worker-1" })
    expect(await panel.innerText()).toContain("10.0.1.100")
    await panel.getByRole("button", { name: "Take out of service…" }).click()
    await panel.getByText("What it holds (1 address) goes to another node").waitFor()
    expect(server.asked).not.toContain("POST /v1/drain")
    await panel.getByRole("button", { name: "Take out of service", exact: true }).click()
    await panel.getByRole("button", { name: "Take back into service…" }).waitFor()
    await page.getByRole("heading", { name: "1 node is drained" }).waitFor()
  })
})

describe("sessions", () => {
  test("are filtered, sorted, and shown in detail with their last messages; Esc gives the focus back", async () => {
    const { page, visit } = await open(troubled())
    await visit.to("#/sessions")
    await page.getByRole("button", { name: /^Down/ }).click()
    expect(await page.getByRole("row").count()).toBe(6)
    await page.keyboard.press("/")
    await page.keyboard.type("cp-1 10.0.1.101")
    expect(await page.getByRole("row").count()).toBe(2)
    await page.keyboard.press("Escape")
    expect(await page.getByRole("row").count()).toBe(6)
    await page.getByRole("button", { name: "Session", exact: true }).click()
    await page.getByRole("button", { name: "Session", exact: true }).click()
    expect(await page.getByRole("columnheader", { name: "Session" }).getAttribute("aria-sort")).toBe("descending")
    await page.getByRole("button", { name: /^All/ }).click()
    // A row that moves while the others come back would lose the focus to nobody.
    await page.getByRole("row").nth(10).waitFor()
    await page.getByRole("button", { name: "10.0.1.254-cp-1", exact: true }).press("Enter")
    const panel = page.getByRole("dialog", { name: "Session 10.0.1.254-cp-1" })
    await panel.getByText("End-of-RIB ipv4 unicast").waitFor()
    expect(await panel.innerText()).toContain("90 s, keepalive every 30 s")
    expect(await visit.focused()).toContain("10.0.1.254-cp-1")
    await page.keyboard.press("Escape")
    expect(await panel.count()).toBe(0)
    expect(await visit.focused()).toBe("button 10.0.1.254-cp-1")
  })

  test("a session of another node shows what is known and where the rest is", async () => {
    const { page, visit } = await open()
    await visit.to("#/sessions?show=10.0.1.254-cp-2")
    await page.getByRole("dialog").getByText("The dashboard of cp-2 has the rest").waitFor()
  })
})

describe("routes", () => {
  test("show next hops, who is left out and why, pools; a click explains", async () => {
    const { page, visit } = await open(troubled())
    await visit.to("#/routes")
    await page.getByRole("button", { name: "10.1.1.13" }).click()
    const panel = page.getByRole("dialog")
    await panel.getByText("First broken link").waitFor()
    expect(await panel.innerText()).toContain("externalTrafficPolicy is Local and it has no ready endpoint")
    expect(await page.getByRole("meter", { name: "Use of pool public" }).getAttribute("aria-valuenow")).toBe("100")
    await page.keyboard.press("Escape")
    await page.getByLabel("What to explain").selectOption("node")
    await page.getByLabel("Name or address").fill("cp-2")
    await page.keyboard.press("Enter")
    await page.getByRole("dialog", { name: "Explanation of cp-2" }).getByText("next hop worker-1").waitFor()
  })
})

describe("events", () => {
  test("come as they happen, newest first", async () => {
    const { server, page, visit } = await open()
    await visit.to("#/events")
    await page.getByText("viaduct 0.1.0 started").waitFor()
    const status = world()
    server.set({
      ...status,
      events: [
        ...status.events,
        event("Warning", "AddressConflict", "somebody answers", ["FloatingIP", "10.0.1.100"], 0, 3)
      ]
    })
    await page.getByText("somebody answers").waitFor()
    expect(await page.locator(".event").first().innerText()).toMatch(/AddressConflict somebody answers[\s\S]*3 times/)
    await page.getByRole("button", { name: /^Warnings/ }).click()
    expect(await page.locator(".event").count()).toBe(2)
  })
})

describe("the config", () => {
  const withPeer = DOCUMENTS.replace("    vips:", "      - ip: 10.0.3.254\n        asn: 65004\n    vips:")

  test("edit, see what it does, apply until confirmed, confirm; then roll back", async () => {
    const { server, page, visit } = await open()
    await visit.to("#/config")
    await editor(page).fill(withPeer)
    await page.getByText("+2").waitFor()
    await page.getByRole("button", { name: "See what it does" }).click()
    await page.getByRole("heading", { name: "What it does: 2 sessions added; 2 nodes" }).waitFor()
    expect(await page.getByRole("table", { name: "What the change does" }).getByRole("row").count()).toBe(3)
    expect(server.status.config.revision).toBe(12)
    await page.getByLabel("Why (for the history)").fill("a third router")
    await page.getByLabel("Take it back unless confirmed").selectOption("60")
    await page.getByRole("button", { name: "Apply", exact: true }).click()
    await page.getByText("Applied, revision 13: 2 sessions added; 2 nodes").waitFor()
    const waiting = page.getByRole("region", { name: "Unconfirmed change" })
    expect(await waiting.innerText()).toMatch(/In (1m|\d\ds) it is taken back to revision 12/)
    await visit.to("#/sessions")
    await waiting.getByRole("button", { name: "Keep it" }).click()
    await waiting.waitFor({ state: "detached" })
    expect(server.status.config).not.toHaveProperty("unconfirmed")
    await visit.to("#/config")
    await page.getByText("a third router").waitFor()
    await page
      .locator(".revision", { hasText: "an address for grafana" })
      .getByRole("button", { name: "Roll back…" })
      .click()
    await page.getByRole("heading", { name: "What it does: 2 sessions removed; 2 nodes" }).waitFor()
    await page.getByLabel("Take it back unless confirmed").selectOption("0")
    await page.getByRole("button", { name: "Roll back to revision 12" }).click()
    await page.getByText("Applied, revision 14").waitFor()
    expect(server.texts.get(14)).toBe(DOCUMENTS)
    expect(await editor(page).inputValue()).toBe(DOCUMENTS)
  })

  test("without confirmation it is taken back, and the page says so", async () => {
    const { server, page, visit } = await open()
    await visit.to("#/config")
    await editor(page).fill(withPeer)
    await page.getByRole("button", { name: "See what it does" }).click()
    await page.getByLabel("Take it back unless confirmed").evaluate((select) => {
      // The shortest of the choices is too long for a test.
      select.querySelector("option[value='60']")?.setAttribute("value", "1")
    })
    await page.getByLabel("Take it back unless confirmed").selectOption("1")
    await page.getByRole("button", { name: "Apply", exact: true }).click()
    await page.getByText("config revision 14").waitFor()
    await page.locator(".revision.current", { hasText: "taken back: not confirmed" }).waitFor()
    expect(server.texts.get(server.status.config.revision)).toBe(DOCUMENTS)
    expect(await editor(page).inputValue()).toBe(DOCUMENTS)
  })

  test("a mistake is told with its line, and a click goes there; nothing can be applied", async () => {
    const { page, visit } = await open()
    await visit.to("#/config")
    await editor(page).fill(DOCUMENTS.replace("asn: 65003", "asnn: 65003"))
    await page.getByRole("button", { name: "See what it does" }).click()
    await page.getByText("This is no valid config: 1 mistake.").waitFor()
    visit.errors.splice(0)
    await page.getByRole("button", { name: "line 20" }).click()
    const selected = "((field) => field.value.slice(field.selectionStart, field.selectionEnd))(document.activeElement)"
    expect(await page.evaluate(selected)).toBe("        asnn: 65003")
    expect(await page.getByRole("form", { name: "Apply" }).count()).toBe(0)
  })

  test("what is guarded goes only by insisting", async () => {
    const { server, page, visit } = await open()
    await visit.to("#/config")
    await editor(page).fill(DOCUMENTS.replace(/ {6}- ip: .*\n {8}asn: .*\n/g, ""))
    await page.getByRole("button", { name: "See what it does" }).click()
    await page.getByRole("alert").filter({ hasText: "it would lose its last session" }).waitFor()
    visit.errors.splice(0)
    const button = page.getByRole("button", { name: "Apply", exact: true })
    expect(await button.isDisabled()).toBe(true)
    await page.getByLabel("do it all the same").check()
    await button.click()
    await page.getByText("Applied, revision 13").waitFor()
    expect(server.status.config.revision).toBe(13)
  })

  test("one peer at a time shows each step", async () => {
    const { server, page, visit } = await open()
    await visit.to("#/config")
    await editor(page).fill(withPeer)
    await page.getByRole("button", { name: "See what it does" }).click()
    await page.getByLabel("one peer at a time").check()
    await page.getByRole("button", { name: "Apply", exact: true }).click()
    await page.getByText("Applied, one peer at a time: add peer 10.0.3.254").waitFor()
    expect(server.asked).toContain("POST /v1/stage")
  })

  test("edits are kept when another revision comes into force meanwhile, and the page says so", async () => {
    const { server, page, visit } = await open()
    await visit.to("#/config")
    await editor(page).fill(withPeer)
    server.texts.set(13, DOCUMENTS.replace("65003", "65009"))
    server.set({ ...server.status, config: { ...server.status.config, revision: 13, hash: "other" } })
    await page.getByText("Revision 13 is in force by now").waitFor()
    expect(await editor(page).inputValue()).toBe(withPeer)
    await page.getByRole("button", { name: "Discard edits" }).click()
    await page.getByText("Revision 13 is in force by now").waitFor({ state: "detached" })
    expect(await editor(page).inputValue()).toContain("65009")
  })
})
