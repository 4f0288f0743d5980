// Chromium for tests: the Debian package, driven over its debugging pipe, with a profile of its own and nothing that calls home.
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type BrowserContext, chromium, type Page } from "playwright-core"

const CHROMIUM = "/usr/bin/chromium"

/** Why browser tests cannot run here; undefined: they can. */
export const missingBrowser = existsSync(CHROMIUM)
  ? undefined
  : `${CHROMIUM} is not installed (Debian package chromium)`

const flags = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync"
]

export interface Look {
  readonly width?: number
  readonly height?: number
  readonly colorScheme?: "light" | "dark"
  readonly reducedMotion?: "reduce" | "no-preference"
}

export class Browser implements AsyncDisposable {
  private constructor(
    private readonly browser: Awaited<ReturnType<typeof chromium.launchPersistentContext>>,
    private readonly profile: string
  ) {}

  /** A browser with one window; a new one for each look, since a profile has one. */
  static async start({
    width = 1280,
    height = 860,
    colorScheme = "light",
    reducedMotion = "reduce"
  }: Look = {}): Promise<Browser> {
    const profile = mkdtempSync(join(tmpdir(), "viaduct-chromium-"))
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: CHROMIUM,
      headless: true,
      chromiumSandbox: false,
      args: flags,
      viewport: { width, height },
      colorScheme,
      reducedMotion,
      timezoneId: "UTC",
      locale: "en-GB"
    })
    return new Browser(context, profile)
  }

  get context(): BrowserContext {
    return this.browser
  }

  async page(url: string): Promise<Visit> {
    const page = await this.browser.newPage()
    const visit = new Visit(page, url)
    await page.goto(url)
    return visit
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser.close()
    rmSync(this.profile, { recursive: true, force: true })
  }
}

/** A page, with what it asked for and what went wrong in it. */
export class Visit {
  readonly requests: Array<string> = []
  readonly errors: Array<string> = []

  constructor(
    readonly page: Page,
    readonly url: string
  ) {
    page.on("request", (request) => this.requests.push(request.url()))
    page.on("pageerror", (error) => this.errors.push(String(error)))
    page.on("console", (message) => {
      if (message.type() === "error") this.errors.push(message.text())
    })
  }

  /** Goes to a page of the dashboard. */
  async to(hash: string): Promise<void> {
    await this.page.evaluate(`location.hash = ${JSON.stringify(hash)}`)
  }

  /** What is wider than the window. */
  overflow(): Promise<number> {
    return this.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
  }
}
