// A daemon that nobody gave a certificate, as a process: it makes one at its first start, keeps it over the next, keeps its keys to itself, and
// serves whoever trusts its CA. And what it says of a file of tokens that is everybody's to read.
import { afterAll, expect, test } from "bun:test"
import { createHash, X509Certificate } from "node:crypto"
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs"
import { connect } from "node:tls"
import { clusterYaml, Directory, Running, runOnce } from "./world.ts"

const directory = new Directory()
const SECURE = "127.0.0.1:17948"
const secret = "vd_only-for-this-test"
const socket = directory.at("a.sock")
const daemons: Array<Running> = []
afterAll(async () => {
  for (const daemon of daemons) await daemon.end("SIGKILL")
  directory.remove()
})

const start = async (): Promise<Running> => {
  const daemon = new Running([
    ...["run", "--config", directory.at("cluster.yaml"), "--node", "node-01", "--data-dir", directory.at("data")],
    ...["--admin-socket", socket, "--admin-listen", "none", "--admin-tls-listen", SECURE]
  ])
  daemons.push(daemon)
  await daemon.says(/joined the cluster/)
  return daemon
}

const NAMES = ["ca.key", "ca.pem", "server.key", "server.pem"]
const tls = (name: string): string => directory.at(`data/tls/${name}`)
const texts = () => NAMES.map((name) => readFileSync(tls(name), "utf8"))

test("makes its certificate at the first start, has the same at the second, and serves who trusts it", async () => {
  directory.write("cluster.yaml", clusterYaml("127.27.2.10", ["127.27.2.254"]))
  mkdirSync(directory.at("data"))
  const hash = createHash("sha256").update(secret).digest("hex")
  const tokens = directory.write("data/tokens", `alice read ${hash}\n`)
  chmodSync(tokens, 0o644)
  const tokenFile = directory.write("token", `${secret}\n`)

  const first = await start()
  expect(readdirSync(directory.at("data/tls")).sort()).toEqual(NAMES)
  for (const name of ["ca.key", "server.key"]) expect([name, statSync(tls(name)).mode & 0o777]).toEqual([name, 0o600])
  const made = texts()
  const [server, ca] = [new X509Certificate(made[3] ?? ""), new X509Certificate(made[1] ?? "")]
  expect([server.verify(ca.publicKey), server.checkIP("127.0.0.1")]).toEqual([true, "127.0.0.1"])

  const fingerprint = () =>
    new Promise<string>((resolve, reject) => {
      const connection = connect({ host: "127.0.0.1", port: 17948, ca: made[1] ?? "" })
      connection.once("error", reject)
      connection.once("secureConnect", () => {
        resolve(connection.getPeerCertificate().fingerprint256)
        connection.destroy()
      })
    })
  const get = (...more: ReadonlyArray<string>) =>
    runOnce(["get", "bgpsessions", "-o", "name", "--server", `https://${SECURE}`, "--token-file", tokenFile, ...more])
  const served = { code: 0, err: "", out: "bgpsession.networking.gke.io/127.27.2.254-node-01\n" }
  expect(await get("--ca-file", tls("ca.pem"))).toEqual(served)
  expect(await fingerprint()).toBe(server.fingerprint256)
  expect(await get()).toMatchObject({ code: 1, err: expect.stringContaining("is of no CA that is known here") })
  expect(first.output).toContain(`everybody on this machine may read ${tokens} (mode 0644): chmod 600 ${tokens}`)
  expect((await first.end()).code).toBe(0)

  chmodSync(tokens, 0o600)
  const second = await start()
  expect(texts()).toEqual(made)
  expect(await fingerprint()).toBe(server.fingerprint256)
  expect(await get("--ca-file", tls("ca.pem"))).toEqual(served)
  expect(second.output).not.toContain("everybody on this machine")
  expect((await second.end()).code).toBe(0)
}, 60_000)
