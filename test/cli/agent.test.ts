// `viaduct agent` as an operator meets it: what it prints is enough to call it; a certificate with another fingerprint, or of nobody known,
// and a wrong token are refused on the side that has to refuse them, and no token is sent to a machine that is not the right one.
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import { ownCertificate } from "../../src/cli/ownCertificate.ts"
import { nodeClient } from "../../src/cli/preflight/nodeClient.ts"

const TOKEN = "a-token-for-this-test-0123456789"
let directory = ""
let agent: ReturnType<typeof spawn> | undefined
let printed = ""
let url = ""
let fingerprint = ""

const spawn = (words: ReadonlyArray<string>) =>
  Bun.spawn([process.execPath, join(import.meta.dir, "../../src/main.ts"), "agent", ...words], {
    env: { PATH: process.env.PATH, NO_COLOR: "1" },
    stdout: "pipe",
    stderr: "pipe"
  })

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "viaduct-agent-"))
  writeFileSync(join(directory, "token"), `${TOKEN}\n`)
  writeFileSync(join(directory, "short"), "short\n")
  agent = spawn([
    "--listen",
    "127.0.0.1:0",
    "--token-file",
    join(directory, "token"),
    "--data-dir",
    join(directory, "a")
  ])
  for await (const chunk of agent.stdout) {
    printed += new TextDecoder().decode(chunk)
    if (printed.includes("call it with")) break
  }
  url = /https:\S+/.exec(printed)?.[0] ?? ""
  fingerprint = /fingerprint ([0-9a-f]{64})$/m.exec(printed)?.[1] ?? ""
})
afterAll(async () => {
  agent?.kill()
  expect(await agent?.exited).toBe(0)
  await rm(directory, { recursive: true })
})

const ask = (
  at: string,
  more: { readonly token?: string; readonly fingerprints?: ReadonlyArray<string>; readonly ca?: string }
) => Effect.runPromise(nodeClient({ urls: new Map([["cp1", at]]), fingerprints: [], ...more }).facts("cp1"))

const reasonOf = async (...given: Parameters<typeof ask>): Promise<string> => {
  const answer = await ask(...given)
  return answer.type === "facts" ? `answered: ${answer.facts.kind}` : answer.reason
}

const preflight = async (...words: ReadonlyArray<string>) => {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "../../src/main.ts"), "preflight", ...words], {
    cwd: directory,
    env: { PATH: process.env.PATH },
    stdout: "pipe",
    stderr: "pipe"
  })
  const [out, code] = await Promise.all([child.stdout.text(), child.exited])
  return { out, code }
}

describe("viaduct preflight", () => {
  test("-o json on standard output, and the dated directory where people look for it", async () => {
    const file = join(import.meta.dir, "../../config/examples/all-nodes-same-peers.yaml")
    const nobody = ["10.0.1.10", "10.0.1.11", "10.0.2.10"].map((node) => `${node}=http://127.0.0.1:1`).join(",")
    const { out, code } = await preflight("-f", file, "--nodes", nobody, "-o", "json")
    expect(code).toBe(1)
    const report = JSON.parse(out)
    expect(report).toMatchObject({ cluster: "bm", complete: true, result: "failed", counts: { failed: 4 } })
    expect(report.checks[0]).toMatchObject({ kind: "node", node: "10.0.1.10", result: "failed" })
    expect(report.checks[0].findings[0].text).toBe("nobody answers at http://127.0.0.1:1: connection refused")
    const base = join(directory, "bmctl-workspace", "bm", "log")
    const [dated = ""] = readdirSync(base)
    expect(dated).toMatch(/^preflight-\d{8}-\d{6}$/)
    expect(JSON.parse(readFileSync(join(base, dated, "result.json"), "utf8"))).toEqual(report)
    expect(readFileSync(join(base, dated, "preflight.log"), "utf8")).toContain("4 of 4 checks failed")
  })
})

describe("viaduct preflight and a token", () => {
  const file = join(import.meta.dir, "../../config/examples/all-nodes-same-peers.yaml")
  const findings = async (...more: ReadonlyArray<string>) => {
    const nodes = ["10.0.1.10", "10.0.1.11", "10.0.2.10"].map((node) => `${node}=${url}`).join(",")
    const { out, code } = await preflight(
      "-f",
      file,
      "--nodes",
      nodes,
      "--fingerprint",
      fingerprint,
      "-o",
      "json",
      ...more
    )
    expect(code).toBe(1)
    const [first] = JSON.parse(out).checks as ReadonlyArray<{
      node: string
      findings: ReadonlyArray<{ text: string; hints: ReadonlyArray<string> }>
    }>
    return first
  }

  test("that is refused, or missing, is no silence: who refuses it, and how to give another", async () => {
    writeFileSync(join(directory, "wrong"), "another-token-of-that-length-00\n")
    const wrong = await findings("--token-file", join(directory, "wrong"))
    expect(wrong?.node).toBe("10.0.1.10")
    expect(wrong?.findings[0]?.text).toBe(`the token is refused by ${url}: the token is not known here`)
    expect(wrong?.findings[0]?.hints[0]).toMatch(/^name a file with another by --token-file: .*viaduct token add/)
    const none = await findings()
    expect(none?.findings[0]?.text).toBe(`${url} asks for a token, and none was given`)
  })
})

describe("viaduct agent", () => {
  test("prints how it is called, and answers who calls it so", async () => {
    expect(printed).toContain(`--fingerprint ${fingerprint}`)
    const answer = await ask(url, { token: TOKEN, fingerprints: [fingerprint] })
    expect(answer).toMatchObject({ type: "facts", facts: { kind: "agent" } })
    if (answer.type === "facts") expect(Math.abs(answer.aheadMs)).toBeLessThan(answer.uncertainMs + 5)
  })

  test("another fingerprint, none, another token, none", async () => {
    const other = fingerprint.replace(/^./, (digit) => (digit === "0" ? "1" : "0"))
    expect(await reasonOf(url, { token: TOKEN, fingerprints: [other] })).toMatch(
      /its certificate has the fingerprint [0-9a-f]{64}, which/
    )
    expect(await reasonOf(url, { token: TOKEN })).toMatch(/--fingerprint.*--ca-file|--ca-file.*--fingerprint/)
    const wrong = { token: "another-token-of-that-length-00", fingerprints: [fingerprint] }
    expect(await ask(url, wrong)).toEqual({ type: "refused", why: "token", reason: "the token is not known here" })
    expect(await ask(url, { fingerprints: [fingerprint] })).toMatchObject({ type: "refused", why: "no-token" })
  })

  test("its authority does as well as its fingerprint", async () => {
    const ca = await Bun.file(join(directory, "a", "tls", "ca.pem")).text()
    expect(await reasonOf(url, { token: TOKEN, ca })).toBe("answered: agent")
  })

  test("a machine in its place gets no token", async () => {
    const { cert, key } = await ownCertificate(join(directory, "impostor"), "impostor", ["127.0.0.1"], Date.now())
    const heard: Array<string | null> = []
    const impostor = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      tls: { cert, key },
      fetch: (request) => {
        heard.push(request.headers.get("authorization"))
        return Response.json({})
      }
    })
    const said = await reasonOf(`https://127.0.0.1:${impostor.port}`, { token: TOKEN, fingerprints: [fingerprint] })
    await impostor.stop(true)
    expect(said).toMatch(/fingerprint/)
    expect(heard).toEqual([])
  })

  test.each([
    [
      "a short token",
      () => ["--listen", "127.0.0.1:0", "--token-file", join(directory, "short")],
      /fewer than 16 characters/
    ],
    ["no token file", () => ["--listen", "127.0.0.1:0", "--token-file", join(directory, "none")], /no such file/],
    [
      "no address",
      () => ["--listen", "here", "--token-file", join(directory, "token")],
      /--listen here: no address and port/
    ]
  ] as const)("does not start with %s", async (_, words, reason) => {
    const child = spawn([...words(), "--data-dir", join(directory, "b")])
    const [text, code] = await Promise.all([child.stderr.text(), child.exited])
    expect({ code, said: reason.test(text), text }).toMatchObject({ code: 1, said: true })
  })
})
