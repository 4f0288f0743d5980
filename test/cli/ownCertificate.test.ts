// The certificate that a daemon makes for itself, held against openssl: strict verification, names, renewal under the same CA.
import { afterEach, expect, test } from "bun:test"
import { X509Certificate } from "node:crypto"
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { namesOf, ownCertificate } from "../../src/cli/ownCertificate.ts"

const directories: Array<string> = []
afterEach(() => {
  for (const path of directories.splice(0)) rmSync(path, { recursive: true, force: true })
})
const directory = (): string => {
  const path = mkdtempSync(join(tmpdir(), "viaduct-tls-"))
  directories.push(path)
  return path
}
const NAMES = ["localhost", "node-01.example", "127.0.0.1", "::1", "10.0.0.5", "fd00::5"]
const DAY_MS = 86_400_000
const now = Date.now()

test("is a server's, for these names and addresses, under a CA that may sign servers only", async () => {
  const path = directory()
  const { cert, ca } = await ownCertificate(path, "node-01", NAMES, now)
  const [server, authority] = [new X509Certificate(cert), new X509Certificate(ca)]
  expect(namesOf(server)).toEqual(NAMES)
  expect([server.ca, authority.ca, server.verify(authority.publicKey)]).toEqual([false, true, true])
  expect(Date.parse(server.validFrom)).toBeLessThan(now)
  expect(Math.round((Date.parse(server.validTo) - now) / DAY_MS)).toBe(365)
  expect(statSync(join(path, "tls", "server.key")).mode & 0o777).toBe(0o600)
  expect(statSync(join(path, "tls", "ca.key")).mode & 0o777).toBe(0o600)
})

test.skipIf(Bun.which("openssl") === null)(
  "is one that openssl takes at its strictest, whatever the length of its fields",
  async () => {
    for (let i = 0; i < 20; i++) {
      const path = directory()
      const names = [...NAMES, ...Array.from({ length: i * 3 }, (_, n) => `host-${n}.example`)]
      await ownCertificate(path, `node-${"x".repeat(i * 3)}`, names, now)
      const [ca, server] = [join(path, "tls", "ca.pem"), join(path, "tls", "server.pem")]
      const verify = ["verify", "-x509_strict", "-purpose", "sslserver", "-verify_ip", "fd00::5", "-CAfile", ca, server]
      const { exitCode, stderr } = Bun.spawnSync(["openssl", ...verify])
      expect([exitCode, stderr.toString()]).toEqual([0, ""])
      const other = Bun.spawnSync(["openssl", "verify", "-purpose", "sslclient", "-CAfile", ca, server])
      expect(other.exitCode).not.toBe(0)
    }
  }
)

test("stays while it is good; is renewed before it expires and for a new name; the CA stays", async () => {
  const path = directory()
  const first = await ownCertificate(path, "node-01", NAMES, now)
  expect(await ownCertificate(path, "node-01", NAMES.slice(1), now + 100 * DAY_MS)).toEqual(first)
  const named = await ownCertificate(path, "node-01", [...NAMES, "10.0.0.9"], now)
  expect([named.cert === first.cert, named.ca]).toEqual([false, first.ca])
  const later = await ownCertificate(path, "node-01", NAMES, now + 250 * DAY_MS)
  expect([later.cert === named.cert, later.ca]).toEqual([false, first.ca])
  expect(namesOf(new X509Certificate(later.cert))).toEqual(NAMES)
  const decade = await ownCertificate(path, "node-01", NAMES, now + 3_600 * DAY_MS)
  expect(decade.ca).not.toBe(first.ca)
  expect(new X509Certificate(decade.cert).verify(new X509Certificate(decade.ca).publicKey)).toBe(true)
})

test("is made anew where its files are broken or do not belong together", async () => {
  const path = directory()
  const first = await ownCertificate(path, "node-01", NAMES, now)
  const key = join(path, "tls", "server.key")
  for (const text of ["", "garbage", readFileSync(join(path, "tls", "ca.key"), "utf8")]) {
    writeFileSync(key, text)
    const again = await ownCertificate(path, "node-01", NAMES, now)
    expect([again.key === first.key, again.ca]).toEqual([false, first.ca])
  }
  writeFileSync(join(path, "tls", "ca.key"), "garbage")
  const other = await ownCertificate(path, "node-01", NAMES, now)
  expect(other.ca).not.toBe(first.ca)
  expect(new X509Certificate(other.cert).verify(new X509Certificate(other.ca).publicKey)).toBe(true)
})
