// `npm test`: the checks, then every test of the project, and one count over all of them. Root on Debian gets the routers
// and tools that the interop tests need installed; what cannot be had is named, and its tests are skipped with their reason.
// `npm test -- PART …` runs only the named parts.
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { installPeers } from "./peers.ts"

interface Count {
  passed: number
  failed: number
  readonly skipped: Array<string>
}

const root = join(import.meta.dir, "..", "..")
const bun = process.execPath
const bin = (name: string): string => join(root, "node_modules", ".bin", name)
const total: Count = { passed: 0, failed: 0, skipped: [] }
const scratch = mkdtempSync(join(tmpdir(), "viaduct-test-"))
const executable = join(root, "dist", "viaduct")

const run = async (command: ReadonlyArray<string>, env: Record<string, string> = {}): Promise<number> => {
  const child = Bun.spawn([...command], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ["ignore", "inherit", "inherit"]
  })
  return child.exited
}

/** A command that is one test: it passes when it exits with 0. */
const check = async (name: string, command: ReadonlyArray<string>): Promise<boolean> => {
  const passed = (await run(command)) === 0
  process.stdout.write(`${passed ? "(pass)" : "(fail)"} ${name}\n`)
  total[passed ? "passed" : "failed"]++
  return passed
}

const attribute = (text: string, name: string): number => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(text)?.[1] ?? 0)

/** Adds what bun's JUnit report counts; a run that ends without a report is a failure of its own. */
const count = (report: string, exitCode: number): void => {
  let xml = ""
  try {
    xml = readFileSync(report, "utf8")
  } catch {
    process.stdout.write("(fail) the test run ended without a report\n")
  }
  const head = /<testsuites [^>]*>/.exec(xml)?.[0] ?? ""
  const [tests, failed, skipped] = [attribute(head, "tests"), attribute(head, "failures"), attribute(head, "skipped")]
  total.passed += tests - failed - skipped
  total.failed += Math.max(failed, exitCode === 0 ? 0 : 1)
  for (const match of xml.matchAll(/<testcase name="([^"]*)"[^>]*>\s*<skipped/g)) total.skipped.push(match[1] ?? "")
}

const bunTest = async (
  name: string,
  paths: ReadonlyArray<string>,
  timeoutMs: number,
  env: Record<string, string> = {}
) => {
  const report = join(scratch, `${name}.xml`)
  const reporter = ["--reporter=junit", `--reporter-outfile=${report}`]
  const code = await run([bun, "test", ...reporter, `--timeout=${timeoutMs}`, ...paths], env)
  count(report, code)
}

const pure = [
  "net",
  "preflight",
  "vip",
  "bgp",
  "ipam",
  "election",
  "config",
  "plan",
  "resources",
  "explain",
  "api",
  "services",
  "observe",
  "adapters",
  "cli",
  "simulation"
]

/** Seeds of the simulation, and how many minutes of faults each has; in two processes, as many as the smallest runner has cores. */
const seeds = 500
const minutes = 0.75

const simulate = (first: number, count: number) =>
  check(`simulation, seeds ${first} to ${first + count - 1}`, [
    bun,
    join("src", "main.ts"),
    "simulate",
    `--seed=${first}`,
    `--seeds=${count}`,
    `--minutes=${minutes}`
  ])

const parts: Readonly<Record<string, () => Promise<unknown>>> = {
  check: async () => {
    await check("type check", [bin("tsc")])
    await check("type check of the dashboard", [bin("tsc"), "-p", join("src", "web", "client")])
    await check("lint and format", [bin("biome"), "check", "--error-on-warnings"])
    await check("unused exports and dependencies", [bin("knip")])
  },
  unit: () =>
    bunTest(
      "unit",
      [...pure, "architecture", "vectors"].map((room) => `test/${room}/`),
      30_000
    ),
  property: () => bunTest("property", ["test/property/"], 60_000),
  sim: () => Promise.all([simulate(1, seeds / 2), simulate(1 + seeds / 2, seeds / 2)]),
  build: () => check("build", [bun, join("deploy", "build.ts"), "--native"]),
  e2e: async () => {
    await bunTest("e2e", ["test/e2e/", "test/workers/", "test/deploy/"], 60_000, { VIADUCT_BIN: executable })
    // A process of its own: after a browser's worth of connections Bun's fetch closes another one than the one that is aborted.
    await bunTest("web", ["test/web/"], 60_000, { VIADUCT_BIN: executable })
  },
  interop: () => bunTest("interop", ["test/lab/", "test/interop/"], 180_000, { VIADUCT_BIN: executable }),
  cluster: () => bunTest("cluster", ["test/cluster/"], 300_000, { VIADUCT_BIN: executable })
}

const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith("-"))
const unknown = wanted.filter((name) => !(name in parts))
if (unknown.length > 0) {
  process.stderr.write(`no part ${unknown.join(", ")}; there are ${Object.keys(parts).join(", ")}\n`)
  process.exit(2)
}

const startedAt = performance.now()
if (wanted.length === 0 || ["e2e", "interop", "cluster"].some((part) => wanted.includes(part))) await installPeers()
for (const [name, part] of Object.entries(parts)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  process.stdout.write(`\n== ${name}\n`)
  await part()
}
rmSync(scratch, { recursive: true, force: true })
for (const name of total.skipped) process.stdout.write(`skipped: ${name}\n`)
process.stdout.write(`\n${Math.round((performance.now() - startedAt) / 1000)} s\n`)
const skips = total.skipped.length === 0 ? "" : `, ${total.skipped.length} skipped`
process.stdout.write(`${total.passed} passed, ${total.failed} failed${skips}\n`)
process.exit(total.failed === 0 ? 0 : 1)
