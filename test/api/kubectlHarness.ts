// A stock kubectl against an app over loopback, as a process with a home of its own.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Kubectl } from "../run/kubectl.ts"

export interface Ran {
  readonly out: string
  readonly err: string
  readonly code: number
}

export interface KubectlHarness extends AsyncDisposable {
  start(...args: ReadonlyArray<string>): ReturnType<typeof spawn>
  run(...args: ReadonlyArray<string>): Promise<Ran>
  /** The same, and an error where it fails. */
  ok(...args: ReadonlyArray<string>): Promise<string>
  /** Writes a file for `-f`; JSON is YAML. */
  file(name: string, content: unknown): Promise<string>
  /** An EDITOR that makes this `sed` replacement; gives what it was shown, each time that it was opened. */
  editor(script: string): Promise<() => Promise<string>>
  /** The requests since the last call, as `GET /path?query`. */
  requests(): ReadonlyArray<string>
}

const spawn = (command: Array<string>, env: Record<string, string | undefined>) =>
  Bun.spawn(command, { env: { ...process.env, ...env }, stdin: "ignore", stdout: "pipe", stderr: "pipe" })

/** `fetch` is asked over HTTP on loopback. */
export const kubectlHarness = async (
  kubectl: Kubectl,
  fetch: (request: Request) => Response | Promise<Response>
): Promise<KubectlHarness> => {
  const home = await mkdtemp(join(tmpdir(), "viaduct-kubectl-"))
  let asked: Array<string> = []
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    fetch: (request) => {
      const { pathname, search } = new URL(request.url)
      asked.push(`${request.method} ${pathname}${search}`)
      return fetch(request)
    }
  })
  const env: Record<string, string | undefined> = { HOME: home, TMPDIR: home, KUBECONFIG: "/dev/null" }
  const start = (...args: ReadonlyArray<string>) => {
    const [verb = "", ...rest] = args
    return spawn([kubectl.path ?? "", verb, `--server=http://127.0.0.1:${server.port}`, ...rest], env)
  }
  const run = async (...args: ReadonlyArray<string>): Promise<Ran> => {
    const child = start(...args)
    const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
    return { out, err, code }
  }
  return {
    start,
    run,
    ok: async (...args) => {
      const { out, err, code } = await run(...args)
      if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${code}\n${out}${err}`)
      return out
    },
    file: async (name, content) => {
      const path = join(home, name)
      await writeFile(path, typeof content === "string" ? content : JSON.stringify(content))
      return path
    },
    editor: async (script) => {
      const path = join(home, "editor.sh")
      await writeFile(path, `#!/bin/sh\ncat "$1" >>"${path}.seen"\nexec sed -i '${script}' "$1"\n`, { mode: 0o755 })
      await writeFile(`${path}.seen`, "")
      env.KUBE_EDITOR = path
      return () => readFile(`${path}.seen`, "utf8")
    },
    requests: () => {
      const since = asked
      asked = []
      return since
    },
    [Symbol.asyncDispose]: async () => {
      await server.stop(true)
      await rm(home, { recursive: true })
    }
  }
}

/** The lines of a process's output, as they come. */
export async function* linesOf(stdout: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let text = ""
  for await (const chunk of stdout) {
    text += decoder.decode(chunk, { stream: true })
    const whole = text.split("\n")
    text = whole.pop() ?? ""
    yield* whole
  }
}
