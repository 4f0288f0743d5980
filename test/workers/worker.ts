// The console's bundle, built as a release is, and the runtimes that it is tried under. Owns no tests.
import { join } from "node:path"

const ROOT = join(import.meta.dir, "..", "..")
const DENO = join(ROOT, "node_modules", ".bin", "deno")

/** Puts console.js into `directory`, and loader.js, which serves it under Bun. */
export const buildConsole = async (directory: string): Promise<void> => {
  const outfile = join(directory, "console.js")
  const build = Bun.spawn(
    [process.execPath, "build", join(ROOT, "workers", "console.ts"), "--target=browser", "--outfile", outfile],
    { stdout: "ignore", stderr: "pipe" }
  )
  const [errors, code] = await Promise.all([build.stderr.text(), build.exited])
  if (code !== 0) throw new Error(errors)
  await Bun.write(join(directory, "loader.js"), loader("./console.js"))
}

const loader = (module: string): string => `
    import worker from ${JSON.stringify(module)}
    const server = Bun.serve({ ...worker, hostname: "127.0.0.1", port: 0 })
    console.log("Listening on " + server.url)`

/** The console from its sources, under Bun. */
export const fromSource = async (directory: string): Promise<ReadonlyArray<string>> => {
  const path = join(directory, "source.js")
  await Bun.write(path, loader(join(ROOT, "workers", "console.ts")))
  return [process.execPath, path]
}

const deno = (directory: string): ReadonlyArray<string> => [
  ...[DENO, "serve", "--host=127.0.0.1", "--port=0", "--allow-env", "--allow-net", "--allow-read", "--unstable-http"],
  join(directory, "console.js")
]

/** The bundle under each runtime. */
export const runtimes = (
  directory: () => string
): ReadonlyArray<readonly [name: string, command: () => ReadonlyArray<string>]> => [
  ["Bun", () => [process.execPath, join(directory(), "loader.js")]],
  ["Deno", () => deno(directory())]
]

export interface Worker {
  readonly url: string
  readonly stop: () => Promise<void>
}

/** Starts a runtime on the console and waits for the address that it says it listens on. */
export const startWorker = async (
  directory: string,
  command: ReadonlyArray<string>,
  environment: Readonly<Record<string, string>>
): Promise<Worker> => {
  const child = Bun.spawn([...command], {
    cwd: directory,
    env: { PATH: process.env.PATH, HOME: directory, DENO_NO_UPDATE_CHECK: "1", ...environment },
    stdout: "pipe",
    stderr: "pipe"
  })
  const stop = async () => {
    // Deno waits for connections that are kept alive.
    child.kill("SIGKILL")
    await child.exited
  }
  const said = async (output: ReadableStream<Uint8Array>): Promise<string> => {
    let text = ""
    const decoder = new TextDecoder()
    for await (const chunk of output) {
      text += decoder.decode(chunk, { stream: true })
      const found = /Listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(text)?.[1]
      if (found !== undefined) return found
    }
    throw new Error(`it said only: ${text}`)
  }
  try {
    return { url: await Promise.any([said(child.stdout), said(child.stderr)]), stop }
  } catch (error) {
    await stop()
    throw error
  }
}
