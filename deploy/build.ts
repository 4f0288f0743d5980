// `npm run build`: dist/viaduct, one self-contained executable for this machine, dist/viaduct-arm64 where the npm registry
// gives the runtime for it, and dist/workers/console.js, the portable admin API and dashboard. `--native` leaves the other architecture out.
import { existsSync, mkdirSync, statSync } from "node:fs"
import { join } from "node:path"
import { $ } from "bun"
import manifest from "../package.json" with { type: "json" }

const root = join(import.meta.dir, "..")
const dist = join(root, "dist")
const entry = join(root, "src", "main.ts")
const bun = process.execPath

const options = ["--compile", "--minify", "--bytecode", "--format=esm", "--sourcemap=none"]

const report = (path: string): void => {
  process.stdout.write(`${path.slice(root.length + 1)}: ${(statSync(path).size / 1e6).toFixed(1)} MB\n`)
}

/** Nothing where the sources are no git checkout, as in a release's archive. */
const gitSays = async (...words: ReadonlyArray<string>): Promise<string | undefined> => {
  const said = await $`git ${words}`.cwd(root).nothrow().quiet()
  return said.exitCode === 0 ? said.text().trim() : undefined
}

const commit = await gitSays("rev-parse", "--short=10", "HEAD")
const changed = (await gitSays("status", "--porcelain", "--untracked-files=no")) ?? ""
const date = await gitSays("log", "-1", "--format=%cI")
const defines =
  commit === undefined
    ? []
    : [
        `--define=VIADUCT_COMMIT=${JSON.stringify(`${commit}${changed === "" ? "" : "+changes"}`)}`,
        ...(date === undefined ? [] : [`--define=VIADUCT_COMMIT_DATE=${JSON.stringify(date)}`])
      ]

const compile = async (outfile: string, ...target: ReadonlyArray<string>): Promise<void> => {
  await $`${bun} build ${options} ${defines} ${target} ${entry} --outfile ${outfile}`.cwd(root).quiet()
  report(outfile)
}

/** The arm64 runtime from its own npm package, kept beside the other build results. */
const arm64Runtime = async (): Promise<string | undefined> => {
  const version = manifest.dependencies.bun
  const directory = join(dist, "runtime", `arm64-${version}`)
  const path = join(directory, "package", "bin", "bun")
  if (existsSync(path)) return path
  mkdirSync(directory, { recursive: true })
  const packed = await $`npm pack --silent @oven/bun-linux-aarch64@${version} --pack-destination ${directory}`
    .nothrow()
    .quiet()
  if (packed.exitCode !== 0) return undefined
  await $`tar -xzf ${join(directory, packed.text().trim().split("\n").at(-1) ?? "")} -C ${directory}`.quiet()
  return existsSync(path) ? path : undefined
}

mkdirSync(join(dist, "workers"), { recursive: true })
await compile(join(dist, "viaduct"))
const worker = join(dist, "workers", "console.js")
await $`${bun} build ${join(root, "workers", "console.ts")} --target=browser --minify --outfile ${worker}`
  .cwd(root)
  .quiet()
report(worker)
if (!process.argv.includes("--native")) {
  const runtime = await arm64Runtime()
  if (runtime === undefined)
    process.stdout.write("dist/viaduct-arm64: not built, the npm registry does not give its runtime\n")
  else await compile(join(dist, "viaduct-arm64"), "--target=bun-linux-arm64", `--compile-executable-path=${runtime}`)
}
