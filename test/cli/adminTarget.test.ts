// Where a command sends its requests: flags before the environment before the socket, and no token over a wire that others read.
import { afterAll, describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Option } from "effect"
import type { Connection } from "../../src/cli/adminClient.ts"
import { targetOf, unreachable } from "../../src/cli/adminTarget.ts"

const directory = mkdtempSync(join(tmpdir(), "viaduct-target-"))
afterAll(() => rmSync(directory, { recursive: true, force: true }))
const file = (name: string, text: string): string => {
  const path = join(directory, name)
  writeFileSync(path, text)
  return path
}
const token = file("token", "vd_abc-_1\n")

type Given = Partial<Record<"socket" | "url" | "tokenFile" | "caFile" | "clientCert" | "clientKey", string>>
const flags = ({ socket, ...server }: Given): Connection => ({
  socket: Option.fromUndefinedOr(socket),
  server: Object.fromEntries(Object.entries(server).map(([name, value]) => [name, Option.some(value)]))
})
const env = (values: Record<string, string>): NodeJS.ProcessEnv => ({ ...values })

describe("where to", () => {
  test.each([
    [{}, {}, "/run/viaduct/admin.sock"],
    [{}, { VIADUCT_SOCKET: "/a" }, "/a"],
    [{ socket: "/b" }, { VIADUCT_SOCKET: "/a", VIADUCT_SERVER: "https://c" }, "/b"],
    [{}, { VIADUCT_SOCKET: "/a", VIADUCT_SERVER: "https://c" }, "https://c"],
    [{ url: "https://d" }, { VIADUCT_SERVER: "https://c" }, "https://d"],
    [{ url: "https://d", socket: "/b" }, {}, "https://d"],
    [{}, { VIADUCT_SERVER: "" }, "/run/viaduct/admin.sock"]
  ] as ReadonlyArray<[Given, Record<string, string>, string]>)("%j with %j is %s", (given, values, name) => {
    expect(targetOf(flags(given), env(values)).name).toBe(name)
  })

  test("no URL, half a certificate, a file that is not there", () => {
    const wrong = (given: Given) => () => targetOf(flags(given), {})
    expect(wrong({ url: "node-01:7180" })).toThrow("is no URL")
    expect(wrong({ url: "ftp://a" })).toThrow("is no URL")
    expect(wrong({ url: "https://a", clientCert: "/c" })).toThrow("need each other")
    expect(wrong({ url: "https://a", caFile: "/nowhere/ca.pem" })).toThrow("--ca-file cannot be read")
    expect(wrong({ url: "https://a", tokenFile: file("page", "<html>no token</html>") })).toThrow("holds no token")
  })
})

describe("a token", () => {
  test("goes over TLS, or stays on this machine", () => {
    const sent = (url: string) => targetOf(flags({ url, tokenFile: token }), {}).headers
    for (const url of ["https://node-01:7180", "http://127.0.0.1:7179", "http://localhost:7179", "http://[::1]:7179"])
      expect(sent(url)).toEqual({ authorization: "Bearer vd_abc-_1" })
    for (const url of ["http://node-01:7179", "http://10.0.0.1:7179", "http://localhost.example.org"])
      expect(() => sent(url)).toThrow("without TLS")
  })

  test("of the environment is for servers, and is not sent into the socket", () => {
    expect(targetOf(flags({}), env({ VIADUCT_TOKEN_FILE: token })).headers).toEqual({})
    const server = env({ VIADUCT_TOKEN_FILE: token, VIADUCT_SERVER: "https://a" })
    expect(targetOf(flags({}), server).headers).toEqual({ authorization: "Bearer vd_abc-_1" })
  })
})

test("why nobody answers says what to do", () => {
  const target = targetOf(flags({ url: "https://node-01:7180" }), {})
  const text = (code: string) => unreachable(target, Object.assign(new Error("said"), { code }))
  expect(text("SELF_SIGNED_CERT_IN_CHAIN")).toContain("--ca-file")
  expect(text("UNABLE_TO_VERIFY_LEAF_SIGNATURE")).toContain("--ca-file")
  expect(text("ERR_TLS_CERT_ALTNAME_INVALID")).toContain("allowedHosts")
  expect(text("CERT_HAS_EXPIRED")).toContain("has expired")
  expect(text("ECONNREFUSED")).toBe("no admin API answers at https://node-01:7180: connection refused")
})
