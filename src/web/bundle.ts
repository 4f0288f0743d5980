// Builds the dashboard's client: one script, one style sheet. It is called as a macro (assets.ts), so it runs where the
// sources are: while the executable or the worker is built, or in a daemon that runs from the sources, when the first
// page is asked for. In another process, since a bundler cannot be called from within itself.
import { join } from "node:path"

const build = (entry: string): string => {
  const command = [process.execPath, "build", join(import.meta.dir, "client", entry), "--target=browser", "--minify"]
  const run = Bun.spawnSync([...command, '--define=process.env.NODE_ENV="production"'])
  if (run.exitCode !== 0) throw new Error(`the dashboard cannot be built: ${run.stderr.toString()}`)
  return run.stdout.toString()
}

/** The text of the script and of the style sheet, and names for them that change with what is in them. */
export const bundleClient = () => {
  const named = (text: string, extension: string) => ({
    name: `app-${Bun.hash(text).toString(36)}.${extension}`,
    text
  })
  return { script: named(build("main.tsx"), "js"), style: named(build(join("styles", "main.css")), "css") }
}
