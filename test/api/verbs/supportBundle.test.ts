// The support bundle: an archive that tar opens, with what helps and without anything that looks like a secret (I10).
import { afterAll, describe, expect, test } from "bun:test"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createApp } from "../../../src/api/app.ts"
import { redact, redactText } from "../../../src/api/verbs/redact.ts"
import type { TraceRecord } from "../../../src/observe/trace.ts"
import { NOW, s22 } from "../../resources/fixtures.ts"
import { fakeNode } from "../fakeNode.ts"

const directory = mkdtempSync(join(tmpdir(), "viaduct-bundle-"))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const message: TraceRecord = {
  ...{ sequence: 1, at: "2026-01-01T00:00:00Z", session: "a", direction: "sent", type: "OPEN", text: "OPEN AS 65001" },
  ...{ localAddress: "10.0.0.1", localPort: 1, peerAddress: "10.0.0.2", peerPort: 179, hex: "ffff" }
}

describe("support bundle", () => {
  test("holds status, config, history, events, metrics and messages, and no secret", async () => {
    const node = fakeNode(s22)
    const metadata = { name: "c", namespace: "d", uid: "u", generation: 1, creationTimestamp: "2026-01-01T00:00:00Z" }
    const spec = { passwordFile: "/etc/key", password: "hunter2", url: "http://bob:hunter2@store:2379" }
    const objects = [{ apiVersion: "v1", kind: "DaemonConfig", metadata, spec }]
    node.configure({ revision: 1, hash: "ab", objects, history: [] })
    const trace = async function* () {
      yield message
    }
    const logs = async function* () {
      yield { at: NOW, text: 'the store says "token=hunter2 is no good"' }
    }
    const app = createApp(node, { now: () => NOW, control: { trace, logs } })
    const response = await app.request("/v1/support-bundle")
    expect(response.headers.get("content-disposition")).toMatch(/^attachment; filename="viaduct-[\w.-]+\.tar\.gz"$/)
    const archive = join(directory, "bundle.tar.gz")
    writeFileSync(archive, new Uint8Array(await response.arrayBuffer()))
    expect(Bun.spawnSync(["tar", "-xzf", archive, "-C", directory]).exitCode).toBe(0)
    const [inside = ""] = readdirSync(directory).filter((name) => !name.endsWith(".gz"))
    const read = (name: string) => readFileSync(join(directory, inside, name), "utf8")
    expect(readdirSync(join(directory, inside)).toSorted()).toEqual([
      "config.json",
      "events.json",
      "history.json",
      "log.txt",
      "messages.txt",
      "metrics.txt",
      "status.json",
      "version.json"
    ])
    expect(JSON.parse(read("status.json"))).toMatchObject({
      node: s22.node,
      sessions: s22.sessions.map(({ name }) => ({ name }))
    })
    expect(read("messages.txt")).toBe("2026-01-01T00:00:00Z a sent OPEN OPEN AS 65001\n")
    expect(read("log.txt")).toBe('the store says "token=REDACTED is no good"\n')
    expect(read("config.json")).toContain("/etc/key")
    expect(read("config.json")).not.toContain("hunter2")
    expect(read("metrics.txt")).toContain("viaduct_ready")
  })

  test("a part that cannot be had is told in its place", async () => {
    const trace = async function* (): AsyncGenerator<TraceRecord> {
      yield message
      throw new Error("the recorder is gone")
    }
    const app = createApp(fakeNode(s22), { now: () => NOW, control: { trace } })
    const archive = join(directory, "partly.tar.gz")
    writeFileSync(archive, new Uint8Array(await (await app.request("/v1/support-bundle")).arrayBuffer()))
    const shown = Bun.spawnSync(["tar", "-xzOf", archive, "--wildcards", "*/messages.txt"]).stdout.toString()
    expect(shown).toBe("could not be had: the recorder is gone\n")
  })
})

describe("redaction", () => {
  test("takes out values of fields that are called like secrets, and keeps names of files", () => {
    expect(redact({ token: "a", a: [{ md5Key: "b", keyFile: "/k", tokensFile: "/t", passwordFile: "/p" }] })).toEqual({
      token: "REDACTED",
      a: [{ md5Key: "REDACTED", keyFile: "/k", tokensFile: "/t", passwordFile: "/p" }]
    })
  })

  test.each([
    ['{"password":"hunter2","passwordFile":"/k"}', '{"password":REDACTED,"passwordFile":"/k"}'],
    ['{"a":"{\\"token\\":\\"hunter2\\"}"}', '{"a":"{\\"token\\":REDACTED}"}'],
    ["password: hunter2", "password: REDACTED"],
    ["API_KEY='hunter2 x', b", "API_KEY=REDACTED, b"],
    ["login refused: the token is not known here", "login refused: the token is not known here"],
    ["tokensFile: /etc/tokens", "tokensFile: /etc/tokens"]
  ])("of %s leaves %s", (text, expected) => {
    expect(redactText(text)).toBe(expected)
  })

  test("takes passwords out of URLs, authorization headers and private keys out of text", () => {
    const key = "-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----"
    const text = `get http://bob:pw@h/ with Bearer abcdefgh12345 and ${key}.`
    expect(redactText(text)).toBe("get http://bob:REDACTED@h/ with Bearer REDACTED and REDACTED.")
  })
})
