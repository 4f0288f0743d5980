// The dashboard over the daemon itself, with routers on loopback: what happens to a session is seen without a reload,
// and a change made in the browser is what the routers get.
import { afterAll, afterEach, beforeAll, describe, expect } from "bun:test"
import { addToken, tokensPath } from "../../src/cli/tokensFile.ts"
import { clusterYaml, Directory, Running, startRouter, until } from "../e2e/world.ts"
import { requires } from "../lab/requires.ts"
import { Browser } from "./browser.ts"

const { test, met } = requires("chromium")

let browser: Browser | undefined
beforeAll(async () => {
  if (met) browser = await Browser.start()
}, 60_000)
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]()
})

const cleanups: Array<() => unknown> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** A port that nobody had a moment ago. */
const freePort = async (): Promise<number> => {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() })
  const { port } = server
  await server.stop(true)
  return port ?? 0
}

let subnet = 0
const open = async () => {
  const base = `127.30.${++subnet}`
  const node = `${base}.10`
  const directory = new Directory()
  cleanups.push(() => directory.remove())
  const routers = [await startRouter(`${base}.254`, node), await startRouter(`${base}.253`, node)] as const
  for (const { stop } of routers) cleanups.push(stop)
  const peers = routers.map(({ address }) => address)
  const file = directory.write("cluster.yaml", clusterYaml(node, peers))
  const data = directory.at("data")
  const token = await addToken(tokensPath(data), "anna", "write", Date.now())
  const listen = `127.0.0.1:${await freePort()}`
  const daemon = new Running([
    ...["run", "--config", file, "--node", "node-01", "--data-dir", data],
    ...["--admin-socket", directory.at("admin.sock"), "--admin-listen", listen]
  ])
  cleanups.push(() => daemon.end("SIGKILL"))
  for (const { address, routes } of routers)
    await until(
      `${address} has the VIP`,
      () => routes().length === 1,
      () => daemon.output
    )
  const url = `http://${listen}/`
  if (browser === undefined) throw new Error("there is no browser")
  const visit = await browser.page(url)
  cleanups.push(() => visit.page.close())
  return { node, routers, url, token, visit, page: visit.page, daemon }
}

describe("over the daemon", () => {
  test("a router that goes is the headline, without a reload; its session says why and shows its messages", async () => {
    const { node, routers, visit, page, url } = await open()
    await page.getByRole("heading", { name: "All is well" }).waitFor()
    const [, second] = routers
    await second.stop()
    await page.getByRole("heading", { name: `Router ${second.address} has no session` }).waitFor()
    expect(await page.locator(".picture .curve-down, .picture .curve-trying").count()).toBe(1)
    expect(await page.locator(".picture .curve-up").count()).toBe(1)
    await visit.to(`#/sessions?show=${second.address}-node-01`)
    const panel = page.getByRole("dialog")
    await panel.getByRole("region", { name: "Last messages" }).getByText("NOTIFICATION").first().waitFor()
    await visit.to("#/routes?explain=vip+10.0.0.8")
    await page.locator(".explanation .chain").first().waitFor()
    expect(await page.locator(".explanation").innerText()).toContain(second.address)
    await visit.to("#/events")
    await page
      .locator(".event-warn", { hasText: `${second.address}-node-01` })
      .first()
      .waitFor()
    expect(await page.locator(".event", { hasText: node }).count()).toBeGreaterThan(0)
    expect(visit.requests.filter((request) => !request.startsWith(url))).toEqual([])
    expect(visit.requests.filter((request) => request === url)).toEqual([url])
    expect(visit.errors).toEqual([])
  }, 60_000)

  test("a change is shown, applied until confirmed, confirmed, and rolled back, as the routers see it", async () => {
    const { node, routers, visit, page, token, daemon } = await open()
    const [first] = routers
    const routed = (vip: string) =>
      until(
        `the router has ${vip}`,
        () => first.routes().join() === `${vip}/32 via ${node}`,
        () => daemon.output
      )
    await page.getByRole("heading", { name: "All is well" }).waitFor()
    await visit.to("#/config")
    await page.getByText("You may read only").waitFor()
    await page.getByRole("button", { name: "Sign in" }).click()
    await page.getByLabel("Token", { exact: true }).fill(token)
    await page.keyboard.press("Enter")
    const editor = page.getByLabel("Documents of the cluster, YAML")
    await page.getByRole("button", { name: "See what it does" }).waitFor()
    const before = await editor.inputValue()
    await editor.fill(before.replace("10.0.0.8", "10.0.0.300"))
    await page.getByRole("button", { name: "See what it does" }).click()
    await page.getByText("This is no valid config").waitFor()
    await editor.fill(before.replace("10.0.0.8", "10.0.0.9"))
    await page.getByRole("button", { name: "See what it does" }).click()
    const table = page.getByRole("table", { name: "What the change does" })
    await table.waitFor()
    expect(await table.innerText()).toContain("10.0.0.9")
    await routed("10.0.0.8")
    const insist = page.getByLabel("do it all the same")
    if ((await insist.count()) > 0) await insist.check()
    await page.getByLabel("Why (for the history)").fill("another VIP")
    await page.getByRole("button", { name: "Apply", exact: true }).click()
    await routed("10.0.0.9")
    await page.getByRole("button", { name: "Keep it" }).click()
    await page.getByRole("region", { name: "Unconfirmed change" }).waitFor({ state: "detached" })
    const kept = page.locator(".revision.current", { hasText: "another VIP" })
    expect(await kept.innerText()).toContain("anna on node-01")
    await page.getByRole("button", { name: "Roll back…" }).first().click()
    await page.getByLabel("Take it back unless confirmed").selectOption("0")
    if ((await insist.count()) > 0) await insist.check()
    await page.getByRole("button", { name: /^Roll back to revision/ }).click()
    await routed("10.0.0.8")
    await page.locator(".revision.current", { hasText: "rolled back" }).waitFor()
    for (const { session } of routers) expect(session.report().flaps).toBe(0)
  }, 60_000)
})
