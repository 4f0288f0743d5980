// `viaduct diff`, `apply`, `confirm`, `history` and `rollback` as an operator runs them: a process that asks a daemon's socket. The
// daemon's side is told what to answer and notes what it was asked.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { actAs } from "../../src/api/access/actor.ts"
import { createApp } from "../../src/api/app.ts"
import type { ApplyOutcome, ConfigControl, StageProgress } from "../../src/api/control.ts"
import { parseSeconds } from "../../src/cli/duration.ts"
import type { ApplyRequest } from "../../src/config/change.ts"
import type { RevisionInfo } from "../../src/config/objects.ts"
import type { ClusterChange } from "../../src/plan/change.ts"
import { fakeNode } from "../api/fakeNode.ts"
import { NOW, s22 } from "../resources/fixtures.ts"

const CHANGE: ClusterChange = {
  lines: [
    {
      verdict: "session reset",
      node: "cp1",
      subject: "session 10.0.1.254-cp1",
      detail: "holdTime 90 → 30",
      parameters: ["holdTime"]
    }
  ],
  guards: [],
  summary: "1 session reset; 1 node"
}
const NOTHING: ClusterChange = { lines: [], guards: [], summary: "nothing moves" }
const RESET = `session reset     session 10.0.1.254-cp1 on cp1
                    holdTime 90 → 30
1 session reset; 1 node
`

const node = fakeNode(s22)
let asked: Array<unknown> = []
let outcome: ApplyOutcome
let steps: ReadonlyArray<StageProgress> = []
let confirmed = { done: true, reason: "revision 3 is kept" }

const note = <T>(what: unknown, answer: T): T => {
  asked.push(what)
  return answer
}
const config: ConfigControl = {
  apply: async (request: ApplyRequest) => note(request, outcome),
  stage: async function* (request) {
    asked.push(request)
    yield* steps
  },
  confirm: async () => note("confirm", confirmed),
  documents: async (revision) => (revision === 2 ? "kind: Cluster\n" : undefined),
  reload: async () => ({ done: true, reason: "" })
}

let directory = ""
let server: ReturnType<typeof Bun.serve> | undefined
const socket = () => join(directory, "admin.sock")
const file = () => join(directory, "cluster.yaml")

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "viaduct-cli-"))
  await writeFile(file(), "kind: Cluster\n")
  const writer = actAs({ name: "root", role: "write", via: "socket" })
  const { fetch } = createApp(node, { now: () => NOW, control: { config }, access: [writer] })
  server = Bun.serve({ unix: socket(), fetch: (request) => fetch(request) })
})
afterAll(async () => {
  await server?.stop(true)
  await rm(directory, { recursive: true })
})
beforeEach(() => {
  asked = []
  outcome = { outcome: "applied", revision: 4, change: CHANGE, warnings: [] }
})

const run = (...args: ReadonlyArray<string>) => runWith("", ...args)
const runWith = async (input: string, ...args: ReadonlyArray<string>) => {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "../../src/main.ts"), ...args], {
    env: { PATH: process.env.PATH, NO_COLOR: "1", TZ: "UTC", VIADUCT_SOCKET: socket() },
    stdin: new TextEncoder().encode(input),
    stdout: "pipe",
    stderr: "pipe"
  })
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { out, err, code }
}

const files = () => [{ path: file(), text: "kind: Cluster\n" }]

describe("viaduct diff", () => {
  test("shows what would change, and ends as diff does", async () => {
    outcome = { outcome: "planned", revision: 3, change: CHANGE, warnings: [] }
    expect(await run("diff", file())).toEqual({
      out: `${RESET}nothing was changed: this is what it would do\n`,
      err: "",
      code: 1
    })
    expect(asked).toEqual([{ change: { type: "files", files: files() }, by: "root", dryRun: true }])
    outcome = { outcome: "unchanged", revision: 3, change: NOTHING, warnings: [] }
    expect(await run("diff", file())).toEqual({
      out: "nothing to do: it means the same as revision 3, which is in force\n",
      err: "",
      code: 0
    })
    outcome = {
      outcome: "invalid",
      problems: [{ severity: "error", file: file(), line: 2, column: 3, path: "spec", message: "spec is missing" }]
    }
    const broken = await run("diff", file())
    expect(broken).toEqual({
      out: "",
      err: `${file()}:2:3: error: spec: spec is missing\nnot valid: nothing was changed\n`,
      code: 2
    })
  })

  test("nobody to ask, and no file to read, is 2 as well", async () => {
    const nobody = await run("diff", "--socket", join(directory, "none.sock"), file())
    expect([nobody.code, nobody.err.startsWith("error: no daemon answers at ")]).toEqual([2, true])
    const none = await run("diff", join(directory, "none.yaml"))
    expect([none.code, none.err]).toEqual([
      2,
      `error: ${join(directory, "none.yaml")}: there is no such file or directory\n`
    ])
    expect(asked).toEqual([])
  })

  test("a peer that is swapped for another at once has a hint", async () => {
    const line = (verdict: "session added" | "session removed") => ({
      verdict,
      node: "cp1",
      subject: `session ${verdict}`,
      detail: "a session"
    })
    const swap = { lines: [line("session removed"), line("session added")], guards: [], summary: "swapped" }
    outcome = { outcome: "planned", revision: 3, change: swap, warnings: [] }
    expect((await run("diff", file())).err).toMatch(/^hint: .* --staged /)
  })

  test("as JSON it is the outcome", async () => {
    outcome = { outcome: "planned", revision: 3, change: CHANGE, warnings: [] }
    const { out, code } = await run("diff", "-o", "json", file())
    expect([JSON.parse(out), code]).toEqual([outcome, 1])
  })
})

describe("files", () => {
  test("come behind the command, with -f as often as there are some, and from standard input", async () => {
    const extra = join(directory, "extra.yaml")
    await writeFile(extra, "kind: Service\n")
    const input = { path: "standard input", text: "kind: BGPPeer\n" }
    const given = [...files(), { path: extra, text: "kind: Service\n" }]
    await runWith(input.text, "apply", "-f", file(), "--file", extra, "-")
    await runWith(input.text, "diff", "-f", "-", file(), "-f", file(), extra)
    expect(asked).toEqual([
      { change: { type: "files", files: [...given, input] }, by: "root" },
      { change: { type: "files", files: [input, ...given] }, by: "root", dryRun: true }
    ])
  })

  test("have to be named", async () => {
    const why = "error: no file is named: give it as FILE or -f FILE; - is standard input\n"
    expect(await run("apply")).toEqual({ out: "", err: why, code: 1 })
    expect(await run("diff")).toEqual({ out: "", err: why, code: 2 })
    expect(asked).toEqual([])
  })
})

describe("viaduct apply", () => {
  test("sends the files and the wishes, and says what is in force", async () => {
    const { out, code } = await run("apply", "--force", "-m", "faster", file())
    expect([out, code]).toEqual([`${RESET}revision 4 is in force\n`, 0])
    expect(asked).toEqual([{ change: { type: "files", files: files() }, by: "root", force: true, message: "faster" }])
  })

  test("says until when it has to be confirmed", async () => {
    outcome = { ...outcome, confirmUntil: "2026-01-01T10:20:30Z" } as ApplyOutcome
    const { out } = await run("apply", "--confirm-within", "2m", file())
    expect(out.split("\n").at(-2)).toBe(
      'revision 4 is in force until 10:20:30 and is then taken back: run "viaduct confirm" to keep it'
    )
    expect(asked).toMatchObject([{ confirmWithinSeconds: 120 }])
    const wrong = await run("apply", "--confirm-within", "soon", file())
    expect([wrong.code, wrong.err]).toEqual([
      1,
      'error: --confirm-within is "soon": it has to be a duration such as 90s, 2m or 1h\n'
    ])
    const short = await run("apply", "--confirm-within", "2s", file())
    expect(short.err).toBe('error: --confirm-within is "2s": it has to be from 5s to 24h\n')
  })

  test("a guard is told with what to do about it, and the status is 1", async () => {
    const guards = [{ type: "last-session" as const, subject: "node cp1", reason: "node cp1 would have no session" }]
    outcome = { outcome: "guarded", change: { ...CHANGE, guards }, guards }
    const { out, err, code } = await run("apply", file())
    expect(code).toBe(1)
    expect(out).toContain("Has to be insisted on (--force):\n  - node cp1 would have no session\n")
    expect(err).toBe(
      "refused, and nothing was changed: change the files so that nothing is lost, or insist on it with --force\n"
    )
  })

  test("a dry run is a question, and a refusal has its reason", async () => {
    outcome = { outcome: "refused", reason: "a change waits to be confirmed" }
    const { err, code } = await run("apply", "--dry-run", file())
    expect([err, code]).toEqual(["error: a change waits to be confirmed\nnothing was changed\n", 1])
    expect(asked).toMatchObject([{ dryRun: true }])
  })

  test("in steps: a line each, and the status is 1 where one fails", async () => {
    const one = { step: 1, steps: 2, what: "add peer 10.0.1.254" }
    steps = [
      { ...one, state: "started", detail: "" },
      { ...one, state: "failed", detail: "after 5 s it is Active" }
    ]
    const failed = await run("apply", "--staged", "--step-timeout", "5s", file())
    expect(failed).toEqual({
      out: "[1/2] add peer 10.0.1.254: started\n[1/2] add peer 10.0.1.254: failed: after 5 s it is Active\n",
      err: "",
      code: 1
    })
    expect(asked).toMatchObject([{ stepSeconds: 5 }])
    steps = [{ ...one, state: "done", detail: "" }]
    expect((await run("apply", "--staged", file())).code).toBe(0)
  })
})

test("viaduct confirm says what was kept, or why nothing was", async () => {
  expect(await run("confirm")).toEqual({ out: "revision 3 is kept\n", err: "", code: 0 })
  confirmed = { done: false, reason: "no change waits to be confirmed" }
  expect(await run("confirm")).toEqual({ out: "", err: "error: no change waits to be confirmed\n", code: 1 })
})

describe("the history", () => {
  const revision = (n: number, more: Partial<RevisionInfo> = {}): RevisionInfo => ({
    revision: n,
    hash: `hash${n}`,
    at: `2026-01-0${n}T00:00:00.000Z`,
    by: "root",
    node: "cp1",
    origin: "apply",
    ...more
  })
  beforeEach(() => {
    const history = [revision(3, { message: "faster", summary: "1 session reset" }), revision(2), revision(1)]
    node.configure({ revision: 3, hash: "hash3", objects: [], history })
  })

  test("is a table, the one in force marked", async () => {
    expect((await run("history")).out).toBe(
      `REVISION   WHEN                   BY     NODE   HOW     MESSAGE   CHANGE
3*         2026-01-03T00:00:00Z   root   cp1    apply   faster    1 session reset
2          2026-01-02T00:00:00Z   root   cp1    apply
1          2026-01-01T00:00:00Z   root   cp1    apply
`
    )
  })

  test("of one revision has its documents, and can be applied as it is", async () => {
    expect((await run("history", "2")).out).toBe(
      "# revision 2\n# apply by root on cp1, 2026-01-02T00:00:00.000Z, hash hash2\nkind: Cluster\n"
    )
    const gone = await run("history", "9")
    expect([gone.code, gone.err.startsWith("error: there is no revision 9")]).toEqual([1, true])
  })

  test("is gone back in: to the revision before, or to the one that is named", async () => {
    expect((await run("rollback")).out).toBe(`${RESET}revision 4 is in force\n`)
    await run("rollback", "1", "--force", "--confirm-within", "30s")
    await run("rollback", "1", "--dry-run")
    expect(asked).toEqual([
      { change: { type: "rollback", to: 2 }, by: "root" },
      { change: { type: "rollback", to: 1 }, by: "root", force: true, confirmWithinSeconds: 30 },
      { change: { type: "rollback", to: 1 }, by: "root", dryRun: true }
    ])
  })
})

test("durations", () => {
  expect(["90", "90s", "2m", "1h30m", "1h", ""].map(parseSeconds)).toEqual([90, 90, 120, 5_400, 3_600, undefined])
  expect(["m", "1d", "-1", "1.5m", "2m3", "1s1m"].map(parseSeconds)).toEqual(Array.from({ length: 6 }, () => undefined))
})
