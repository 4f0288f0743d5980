// Chromium for tests: the Debian package, driven over its debugging port, with a profile of its own and nothing that
// calls home.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type BrowserContext, chromium, type Page } from "playwright-core"
import { PROGRAMS } from "../lab/requires.ts"

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
    private readonly context: BrowserContext,
    private readonly profile: string
  ) {}

  static async start(): Promise<Browser> {
    const profile = mkdtempSync(join(tmpdir(), "viaduct-chromium-"))
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: PROGRAMS.chromium,
      headless: true,
      chromiumSandbox: false,
      args: flags,
      timezoneId: "UTC",
      locale: "en-GB"
    })
    context.setDefaultTimeout(10_000)
    return new Browser(context, profile)
  }

  /** A new tab at `url`, as wide and as coloured as `look` has it. */
  async page(url: string, look: Look = {}): Promise<Visit> {
    const { width = 1280, height = 860, colorScheme = "light", reducedMotion = "reduce" } = look
    const page = await this.context.newPage()
    await page.setViewportSize({ width, height })
    await page.emulateMedia({ colorScheme, reducedMotion })
    const visit = new Visit(page, url)
    await page.goto(url)
    return visit
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.context.close()
    rmSync(this.profile, { recursive: true, force: true })
  }
}

/** A tab, with what it asked for and what went wrong in it. */
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

  /** By how many pixels the page is wider than the window. */
  overflow(): Promise<number> {
    return this.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
  }

  /** What has the focus, as a reader would name it. */
  focused(): Promise<string> {
    return this.page.evaluate(`(() => {
      const element = document.activeElement
      const name = element?.getAttribute("aria-label") ?? element?.textContent ?? ""
      return (element?.tagName.toLowerCase() ?? "") + " " + name.trim().slice(0, 60)
    })()`)
  }

  /** Presses Tab until what has the focus is like `wanted`. */
  async tabTo(wanted: RegExp, atMost = 80): Promise<string> {
    const passed: Array<string> = []
    for (let i = 0; i < atMost; i++) {
      await this.page.keyboard.press("Tab")
      const focused = await this.focused()
      if (wanted.test(focused)) return focused
      passed.push(focused)
    }
    throw new Error(`${wanted} is not reached by Tab, only ${passed.join(" | ")}`)
  }
}
