// Who may do what, against the daemon as a process: a kubeconfig that it made, roles, client certificates, tokens that come and go, a
// certificate changed under a watch, failed logins, other hosts, bodies that are too large, and what the log has of it all.
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { copyFileSync, readFileSync, statSync } from "node:fs"
import { Authority, type Certificate } from "../lab/certificates.ts"
import { kubectls } from "../run/kubectl.ts"
import { clusterYaml, Directory, Running, runOnce, until } from "./world.ts"

const NODE = "127.24.2.10"
const PEER = "127.24.2.254"
const PLAIN = "127.0.0.1:17941"
const SECURE = "127.0.0.1:17942"
const openssl = Bun.which("openssl") !== null

describe.skipIf(!openssl)(`access${openssl ? "" : " (needs openssl)"}`, () => {
  const directory = new Directory()
  const at = (name: string): string => directory.at(name)
  let daemon: Running
  let ca: Authority
  let [first, second, carol, dave, mallory]: Array<Certificate> = []
  const secrets: Array<string> = []

  const args = (name: string, ...more: ReadonlyArray<string>) => [
    ...["run", "--config", at("cluster.yaml"), "--node", "node-01", "--data-dir", at(`${name}-data`)],
    ...["--admin-socket", at(`${name}.sock`), ...more]
  ]
  const viaduct = (...words: ReadonlyArray<string>) => runOnce(words)
  const token = async (name: string, role: string): Promise<string> => {
    const { out, err, code } = await viaduct("token", "add", name, "--role", role, "--socket", at("a.sock"))
    if (code !== 0) throw new Error(err)
    secrets.push(out.trim())
    return out.trim()
  }
  const ask = (path: string, init: RequestInit = {}, as?: Certificate | string) => {
    const pem =
      typeof as === "object" ? { cert: readFileSync(as.certFile, "utf8"), key: readFileSync(as.keyFile, "utf8") } : {}
    const headers = new Headers(init.headers)
    if (typeof as === "string") headers.set("authorization", `Bearer ${as}`)
    const tls = { ca: readFileSync(first?.caFile ?? "", "utf8"), ...pem }
    return fetch(`https://${SECURE}${path}`, { ...init, headers, tls, keepalive: false } as RequestInit)
  }
  const who = async (as?: Certificate | string) => {
    const response = await ask("/v1/access", {}, as)
    return [response.status, (await response.json()) as Record<string, unknown>] as const
  }

  beforeAll(async () => {
    directory.write("cluster.yaml", clusterYaml(NODE, [PEER]))
    ca = await Authority.create(directory.path)
    const foreign = await Authority.create(directory.path, "foreign")
    first = await ca.issue("first")
    second = await ca.issue("second")
    carol = await ca.issue("carol", { subject: "/O=viaduct:write/CN=carol" })
    dave = await ca.issue("dave", { subject: "/O=viaduct:read/CN=dave" })
    mallory = await foreign.issue("mallory", { subject: "/O=viaduct:write/CN=mallory" })
    copyFileSync(first.certFile, at("live.pem"))
    copyFileSync(first.keyFile, at("live.key"))
    daemon = new Running(
      args(
        "a",
        ...["--admin-listen", PLAIN, "--admin-tls-listen", SECURE, "--client-ca", carol.caFile],
        ...["--tls-cert", at("live.pem"), "--tls-key", at("live.key")]
      )
    )
    await daemon.says(/joined the cluster/)
  }, 60_000)
  afterAll(async () => {
    await daemon?.end("SIGTERM")
    directory.remove()
  })

  test("a token is somebody's from the moment that it is made until it is taken away", async () => {
    const alice = await token("alice", "write")
    expect(await who(alice)).toMatchObject([200, { name: "alice", role: "write", via: "token" }])
    expect(statSync(at("a-data/tokens")).mode & 0o777).toBe(0o600)
    expect(readFileSync(at("a-data/tokens"), "utf8")).not.toContain(alice)
    expect((await viaduct("token", "list", "--socket", at("a.sock"))).out).toMatch(
      /^NAME +ROLE +CREATED\nalice +write +20/
    )
    expect((await viaduct("token", "add", "alice", "--socket", at("a.sock"))).err).toContain(
      "there is a token alice already"
    )
    expect((await viaduct("token", "remove", "alice", "--socket", at("a.sock"))).code).toBe(0)
    expect((await who(alice))[0]).toBe(401)
    expect((await viaduct("token", "remove", "alice", "--socket", at("a.sock"))).err).toContain("no token alice")
  })

  test("certificates: a good one for each role, one of another CA, none", async () => {
    expect(await who(carol)).toMatchObject([200, { name: "carol", role: "write", via: "certificate" }])
    expect(await who(dave)).toMatchObject([200, { name: "dave", role: "read", via: "certificate" }])
    expect((await ask("/v1/reload", { method: "POST" }, dave)).status).toBe(403)
    expect((await ask("/v1/reload", { method: "POST" }, carol)).status).toBe(200)
    expect((await who(mallory))[0]).toBe(401)
    expect((await who())[0]).toBe(401)
    expect((await ask("/readyz")).status).toBe(503)
    expect((await ask("/metrics")).status).toBe(200)
  })

  test("commands reach the daemon with a token or a certificate, and say what is wrong otherwise", async () => {
    const bob = await token("bob", "read")
    const tokenFile = directory.write("bob.token", `${bob}\n`)
    const server = ["--server", `https://${SECURE}`]
    const trusting = [...server, "--ca-file", carol?.caFile ?? ""]
    expect((await viaduct("get", "bgpsessions", ...trusting, "--token-file", tokenFile)).out).toContain(
      `${PEER}-node-01`
    )
    const certificate = ["--client-cert", carol?.certFile ?? "", "--client-key", carol?.keyFile ?? ""]
    expect((await viaduct("get", "bgpsessions", ...trusting, ...certificate)).out).toContain(`${PEER}-node-01`)
    const refused = async (...words: ReadonlyArray<string>) => {
      const { code, err } = await viaduct(...words)
      return [code, err.trim()]
    }
    expect(await refused("get", "bgps", ...trusting)).toEqual([1, expect.stringContaining("say who you are")])
    expect(await refused("get", "bgps", ...server)).toEqual([1, expect.stringContaining("--ca-file")])
    const drain = ["drain", "node-01", ...trusting, "--token-file", tokenFile]
    expect(await refused(...drain)).toEqual([1, "error: bob may read only, and POST /v1/drain takes the role write"])
  })

  test("loopback without TLS is for reading, and for a token", async () => {
    const post = (headers: Record<string, string> = {}) =>
      fetch(`http://${PLAIN}/v1/reload`, { method: "POST", headers })
    expect((await fetch(`http://${PLAIN}/v1/status`)).status).toBe(200)
    expect((await post()).status).toBe(403)
    expect((await post({ authorization: `Bearer ${await token("eve", "write")}` })).status).toBe(200)
  })

  test("another host's name, and a page of another host, are refused: DNS rebinding gets nothing", async () => {
    const own = { cert: carol, host: SECURE }
    for (const headers of [{ host: "evil.example" }, { host: own.host, origin: "https://evil.example" }]) {
      const response = await ask("/v1/status", { headers: headers as Record<string, string> }, carol)
      expect([response.status, ((await response.json()) as { reason: string }).reason]).toEqual([403, "Forbidden"])
      expect((await fetch(`http://${PLAIN}/v1/status`, { headers: headers as Record<string, string> })).status).toBe(
        403
      )
    }
  })

  test("a body that is too large is refused without being read", async () => {
    const post = (path: string, octets: number) =>
      ask(path, { method: "POST", body: " ".repeat(octets), headers: { "content-type": "application/json" } }, carol)
    expect((await post("/v1/confirm", 1024 * 1024 + 1)).status).toBe(413)
    const peers = "/apis/networking.gke.io/v1/namespaces/cluster-e2e/bgppeers"
    expect((await post(peers, 1024 * 1024 + 1)).status).toBe(413)
    expect((await post("/v1/apply", 1024 * 1024 + 1)).status).toBe(422)
    expect((await post("/v1/apply", 8 * 1024 * 1024 + 1)).status).toBe(413)
  })

  test("a new certificate is served as soon as its files have it, under a watch that goes on", async () => {
    const watch = await ask("/v1/status?watch=true", {}, carol)
    const reader = watch.body?.getReader()
    await reader?.read()
    const shown = async (): Promise<string> => {
      const child = Bun.spawn(["openssl", "s_client", "-connect", SECURE], { stdio: ["ignore", "pipe", "ignore"] })
      return /subject=.*?CN ?= ?(\S+)/.exec(await child.stdout.text())?.[1] ?? ""
    }
    expect(await shown()).toBe("first")
    copyFileSync(second?.certFile ?? "", at("live.pem"))
    await daemon.says(/key does not belong to the certificate; the one before goes on/)
    expect(await shown()).toBe("first")
    copyFileSync(second?.keyFile ?? "", at("live.key"))
    await until("the second certificate is served", async () => (await shown()) === "second")
    const before = (await reader?.read())?.done
    expect(before).toBe(false)
    await reader?.cancel()
    expect((await who(carol))[0]).toBe(200)
  }, 30_000)

  test("whoever guesses tokens is not listened to any more; others are", async () => {
    const guess = () => fetch(`http://${PLAIN}/v1/status`, { headers: { authorization: "Bearer vd_guess" } })
    const codes = new Set<number>()
    let retryAfter: string | null = null
    for (let i = 0; i < 40 && retryAfter === null; i++) {
      const response = await guess()
      codes.add(response.status)
      retryAfter = response.headers.get("retry-after")
    }
    expect([...codes]).toEqual([401, 429])
    expect(Number(retryAfter)).toBeGreaterThan(0)
    expect((await fetch(`http://${PLAIN}/v1/status`)).status).toBe(200)
    expect((await fetch("http://localhost/v1/access", { unix: at("a.sock") } as RequestInit)).status).toBe(200)
  })

  test("the log has every write with who and what, and no token", async () => {
    const audits = daemon.output.split("\n").flatMap((line) => {
      const entry = line.startsWith("{") ? (JSON.parse(line) as { msg: string; audit?: object }) : undefined
      return entry?.audit === undefined ? [] : [entry.audit]
    })
    const from = { address: "127.0.0.1", what: "POST /v1/reload" }
    expect(audits).toContainEqual(
      expect.objectContaining({ ...from, who: "dave", via: "certificate", outcome: "denied" })
    )
    expect(audits).toContainEqual(
      expect.objectContaining({ ...from, who: "carol", via: "certificate", outcome: "done" })
    )
    expect(audits).toContainEqual(expect.objectContaining({ ...from, who: "eve", via: "token", outcome: "done" }))
    expect(audits).toContainEqual(
      expect.objectContaining({ ...from, who: "anonymous", via: "loopback", outcome: "denied" })
    )
    expect(daemon.output).toMatch(/login from 127\.0\.0\.1 refused/)
    expect(secrets.length).toBeGreaterThan(2)
    const { out } = await viaduct("events", "--warnings", "--socket", at("a.sock"))
    expect(out).toMatch(/LoginRefused/)
    expect(out).toMatch(/dave \(certificate\) asked the admin API for a change and may read only/)
    for (const secret of [...secrets, "vd_guess"]) expect(daemon.output + out).not.toContain(secret)
  })

  test("has TLS on loopback by itself, and goes on without where somebody else has its port", async () => {
    // Where another process has it, that is just as good.
    const taken = await Promise.resolve()
      .then(() => Bun.listen({ hostname: "127.0.0.1", port: 7180, socket: { data: () => undefined } }))
      .catch(() => undefined)
    const other = new Running(args("c", "--admin-listen", "127.0.0.1:17946"))
    await other.says(/joined the cluster/)
    expect(other.output).toMatch(/127\.0\.0\.1 port 7180.*going on without TLS \(--admin-tls-listen\)/)
    expect((await fetch("http://127.0.0.1:17946/v1/status")).status).toBe(200)
    const kubeconfig = await viaduct("kubeconfig", "--socket", at("c.sock"))
    expect([kubeconfig.code, kubeconfig.err]).toEqual([1, expect.stringContaining("is not served under TLS")])
    await other.end()
    taken?.stop(true)
    const alone = new Running(args("c", "--admin-listen", "127.0.0.1:17946"))
    await alone.says(/joined the cluster/)
    const { out } = await viaduct("kubeconfig", "--socket", at("c.sock"))
    if (taken !== undefined) expect(out).toContain("server: https://127.0.0.1:7180")
    await alone.end()
  }, 30_000)

  test("is refused at start where it would be open to the network and nobody could log in", async () => {
    const open = await runOnce(args("b", "--admin-listen", "none", "--admin-tls-listen", "0.0.0.0:17943"))
    expect([open.code, open.out + open.err]).toEqual([
      1,
      expect.stringContaining("nobody could log in there. Make a token first")
    ])
    const plain = await runOnce(args("b", "--admin-listen", "0.0.0.0:17943"))
    expect([plain.code, plain.err]).toEqual([
      1,
      expect.stringContaining("only a loopback address can be served without TLS")
    ])
    const half = await runOnce(args("b", "--tls-cert", first?.certFile ?? ""))
    expect([half.code, half.err]).toEqual([1, expect.stringContaining("--tls-cert and --tls-key need each other")])
    const wrong = await runOnce(
      args(
        "b",
        "--admin-tls-listen",
        "127.0.0.1:17943",
        "--tls-cert",
        first?.certFile ?? "",
        "--tls-key",
        second?.keyFile ?? ""
      )
    )
    expect([wrong.code, wrong.out + wrong.err]).toEqual([
      1,
      expect.stringContaining("key does not belong to the certificate")
    ])
  }, 60_000)
})

for (const kubectl of kubectls()) {
  describe.skipIf(kubectl.path === undefined)(`viaduct kubeconfig and ${kubectl.name}`, () => {
    const directory = new Directory()
    let daemon: Running | undefined
    afterAll(async () => {
      await daemon?.end("SIGTERM")
      directory.remove()
    })

    test("work together on a node of one's own: everything for a writer, looking for a reader", async () => {
      const socket = directory.at("a.sock")
      directory.write("cluster.yaml", clusterYaml(NODE, [PEER]))
      daemon = new Running([
        ...["run", "--config", directory.at("cluster.yaml"), "--node", "node-01", "--data-dir", directory.at("data")],
        ...["--admin-socket", socket, "--admin-listen", "127.0.0.1:17944", "--admin-tls-listen", "127.0.0.1:17945"]
      ])
      await daemon.says(/joined the cluster/)
      const [writer, reader] = [directory.at("writer.conf"), directory.at("reader.conf")]
      expect((await runOnce(["kubeconfig", "--socket", socket, "-o", writer])).code).toBe(0)
      expect(
        (await runOnce(["kubeconfig", "--socket", socket, "-o", reader, "--role", "read", "--name", "bob"])).code
      ).toBe(0)
      expect(statSync(writer).mode & 0o777).toBe(0o600)
      const run = async (config: string, ...words: ReadonlyArray<string>) => {
        const env = { ...process.env, HOME: directory.path, KUBECONFIG: config }
        const child = Bun.spawn([kubectl.path ?? "", ...words], {
          env,
          stdin: "ignore",
          stdout: "pipe",
          stderr: "pipe"
        })
        const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
        return { out, err, code }
      }
      expect((await run(reader, "-n", "kube-system", "get", "bgpsessions")).out).toContain(`${PEER}-node-01`)
      expect((await run(reader, "auth", "can-i", "create", "bgppeers")).out).toMatch(/^no/)
      expect((await run(reader, "auth", "can-i", "list", "bgppeers")).out).toBe("yes\n")
      expect((await run(writer, "auth", "can-i", "create", "bgppeers")).out).toBe("yes\n")
      const spec = "localASN: 65001, peerASN: 65002, peerIP: 127.24.2.253, sessions: 2"
      const file = directory.write(
        "peer.yaml",
        `apiVersion: networking.gke.io/v1\nkind: BGPPeer\nmetadata: { name: tor-b, namespace: cluster-e2e }\nspec: { ${spec} }\n`
      )
      const denied = await run(reader, "apply", "-f", file)
      expect([denied.code, denied.err]).toEqual([1, expect.stringContaining("bob may read only")])
      expect((await run(reader, "apply", "--dry-run=server", "-f", file)).err).not.toContain("may read only")
      expect((await run(writer, "cordon", "node-01")).out).toContain("node/node-01 cordoned")
      const drained = await run(reader, "get", "nodes", "-o", "wide")
      expect(drained.out).toContain("Drained")
      const other = { ...process.env, HOME: directory.path, KUBECONFIG: reader }
      const untrusting = ["--server", "https://127.0.0.1:17945", "--certificate-authority", "/dev/null", "get", "nodes"]
      const child = Bun.spawn([kubectl.path ?? "", ...untrusting], { env: other, stdout: "ignore", stderr: "pipe" })
      expect([await child.exited, await child.stderr.text()]).toEqual([1, expect.any(String)])
      expect(daemon.output).toMatch(/audit: bob \(token 127\.0\.0\.1\): POST [^"]*bgppeers: denied \(403\)/)
      expect(daemon.output).not.toContain("vd_")
    }, 60_000)
  })
}
