// What README.md and ARCHITECTURE.md say about the code, held against the code: metrics, commands, files that are named.
import { describe, expect, test } from "bun:test"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { metricDeclarations } from "../../src/api/metrics.ts"

const root = join(import.meta.dir, "..", "..")
const readme = readFileSync(join(root, "README.md"), "utf8")
const architecture = readFileSync(join(root, "ARCHITECTURE.md"), "utf8")

/** `router-config` is `routerConfig` in code. */
const camel = (name: string): string => name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())

describe("README.md", () => {
  test("has every metric with its type and help, and no other", () => {
    const rows = [...readme.matchAll(/^\| `((?:viaduct|process)_\w+)` \| (\w+) \| (.*) \|$/gm)].map(
      ([, ...cells]) => cells
    )
    expect(rows).toEqual(metricDeclarations.map(({ name, type, help }) => [name, type, help]))
  })

  test("names every command, and only commands that exist", () => {
    const main = readFileSync(join(root, "src", "main.ts"), "utf8")
    const commands = [...main.matchAll(/^import \{ (\w+)Command \}/gm)].map((match) => match[1] ?? "").sort()
    const table = readme.slice(readme.indexOf("## Commands"), readme.indexOf("## Metrics"))
    const named = [...table.matchAll(/^\| (.*?) \|/gm)].flatMap(([, cell = ""]) =>
      [...cell.matchAll(/`([a-z]+(?:-[a-z]+)?)\b/g)].map((match) => camel(match[1] ?? ""))
    )
    expect([...new Set(named)].sort()).toEqual(commands)
  })

  test("names only npm scripts and files that are there", () => {
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
      scripts: Record<string, string>
    }
    const used = [...readme.matchAll(/npm run (\w+)/g)].map((match) => match[1] ?? "")
    expect(used.filter((name) => !(name in scripts))).toEqual([])
    const paths = [...readme.matchAll(/\b((?:config|deploy|src|workers)\/[\w./-]*\w)/g)].map((match) => match[1] ?? "")
    expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([])
  })
})

describe("npm test", () => {
  test("runs every directory of tests", () => {
    const runner = readFileSync(join(root, "test", "run", "main.ts"), "utf8")
    const helpers = ["bench", "run"]
    const named = (name: string) => runner.includes(`"${name}"`) || runner.includes(`"test/${name}/"`)
    const directories = readdirSync(join(root, "test"), { withFileTypes: true }).filter((entry) => entry.isDirectory())
    expect(directories.map(({ name }) => name).filter((name) => !helpers.includes(name) && !named(name))).toEqual([])
  })
})

describe("ARCHITECTURE.md", () => {
  test("has a line for every room", () => {
    const rooms = readdirSync(join(root, "src"), { withFileTypes: true }).flatMap((e) =>
      e.isDirectory() ? [e.name] : []
    )
    expect(rooms.filter((room) => !architecture.includes(`\`src/${room}\``))).toEqual([])
  })

  test("has the reason of every package", () => {
    const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Record<
      "dependencies" | "devDependencies",
      Record<string, string>
    >
    const names = [...Object.keys(dependencies), ...Object.keys(devDependencies)]
    expect(names.filter((name) => !architecture.includes(`\`${name}\``))).toEqual([])
  })

  test("versions are exact", () => {
    const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Record<
      string,
      Record<string, string>
    >
    const versions = Object.values({ ...manifest.dependencies, ...manifest.devDependencies })
    expect(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([])
  })
})
