// `viaduct decode` and `viaduct encode` as processes: what goes in and out, the exit status, and never a stack trace.
import { expect, test } from "bun:test"

const KEEPALIVE = `${"ff".repeat(16)}001304`
/** Two paths in AS 70000 to a two-octet peer in the same AS. */
const PATHS = {
  type: "UPDATE",
  announce: [
    { prefix: "10.0.0.8/32", nextHop: "10.0.1.1", pathId: 1 },
    { prefix: "2001:db8::8/128", nextHop: "2001:db8::1", pathId: 2 }
  ],
  withdraw: [],
  attributes: { origin: "igp", asPath: [[70000]], localPref: 100 }
}

const viaduct = async (input: string | Uint8Array, ...args: ReadonlyArray<string>) => {
  const main = new URL("../../src/main.ts", import.meta.url).pathname
  const child = Bun.spawn([process.execPath, main, ...args], { stdin: "pipe", stdout: "pipe", stderr: "pipe" })
  child.stdin.write(input)
  await child.stdin.end()
  const [out, err, status] = await Promise.all([child.stdout.bytes(), child.stderr.text(), child.exited])
  expect(`${new TextDecoder().decode(out)}${err}`).not.toMatch(/\n\s+at /)
  return { out, text: new TextDecoder().decode(out), err, status }
}

const flags = ["--as2", "--ibgp", "--add-path", "ipv4,ipv6"]

test("encode and decode are inverse with every flag, in hex and in octets", async () => {
  const json = `${JSON.stringify(PATHS)}\n`
  const hex = await viaduct(json, "encode", ...flags)
  expect(hex.status).toBe(0)
  const octets = await viaduct(json, "encode", "--binary", ...flags)
  expect(octets.out.toHex()).toBe(hex.text.trim())
  const again = await viaduct(octets.out, "decode", ...flags)
  expect([JSON.parse(again.text), again.status]).toEqual([PATHS, 0])
})

test("a malformed message has its error on its line, the others are read, and the status is 1", async () => {
  const { text, status } = await viaduct(`${KEEPALIVE}\n${"ff".repeat(16)}001309\n${KEEPALIVE}`, "decode")
  const lines = text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
  expect(lines).toMatchObject([{ type: "KEEPALIVE" }, { error: { code: 1, subcode: 3 } }, { type: "KEEPALIVE" }])
  expect(status).toBe(1)
})

test("encode tells which line it cannot read, writes the others, and the status is 1", async () => {
  const { text, err, status } = await viaduct('{"type":"KEEPALIVE"}\nnonsense\n{"type":"HELLO"}\n', "encode")
  expect(text.trim()).toBe(KEEPALIVE)
  expect(err).toMatch(/^line 2: this is not JSON.*\nline 3: type: expected one of/)
  expect(status).toBe(1)
})

test("flags that contradict each other are refused in words", async () => {
  const { text, err, status } = await viaduct(KEEPALIVE, "decode", "--as2", "--as4")
  expect([text, err.trim(), status]).toEqual(["", "--as2 and --as4 exclude each other", 1])
})
