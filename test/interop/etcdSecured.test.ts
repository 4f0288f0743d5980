// etcd with TLS, client certificates, users and limits: what is right works, through a compiled program too, and what is
// wrong is said in words that tell whom to call and what to change.
import { describe, expect } from "bun:test"
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import { etcdStore } from "../../src/adapters/etcd/EtcdStore.ts"
import type { EtcdSettings } from "../../src/config/daemonSettings.ts"
import { ClusterStore, type StoreError } from "../../src/ports/ClusterStore.ts"
import { hasSnapshot, kinds, record, type Store } from "../adapters/store/recorder.ts"
import { put, runTest, write } from "../adapters/store/suite.ts"
import { Authority } from "../lab/certificates.ts"
import { type EtcdCluster, startEtcd } from "../lab/etcd.ts"
import { must } from "../lab/process.ts"
import { requires } from "../lab/requires.ts"
import { until } from "../lab/until.ts"

const prefix = "/viaduct/test/"

const open = (settings: EtcdSettings): Effect.Effect<Store> =>
  ClusterStore.use(Effect.succeed).pipe(Effect.provide(etcdStore(settings, prefix), { local: true }))

/** What a read says that must fail. */
const complaint = (settings: EtcdSettings): Promise<StoreError> =>
  runTest(Effect.flatMap(open(settings), (store) => Effect.flip(store.read(""))))

const inDirectory = async (body: (directory: string) => Promise<void>): Promise<void> => {
  const directory = mkdtempSync(join(tmpdir(), "viaduct-secured-"))
  try {
    await body(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

const goesRoundTrip = (settings: EtcdSettings): Promise<void> =>
  runTest(
    Effect.gen(function* () {
      const store = yield* open(settings)
      const seen = yield* record(store)
      yield* seen.when("a snapshot", hasSnapshot)
      const lease = yield* store.grant(5)
      expect(yield* store.keepAlive(lease)).toBe(5)
      yield* write(store, put("a", "1", lease))
      yield* seen.when("the write", ({ state }) => state.has("a"))
      yield* store.revoke(lease)
      yield* seen.when("its end", ({ state }) => !state.has("a"))
    })
  )

const { test } = requires("etcd", "etcdctl", "openssl")

describe("TLS", () => {
  test("with client certificates; what is wrong with one is said", () =>
    inDirectory(async (directory) => {
      const [ca, stranger] = [await Authority.create(directory), await Authority.create(directory, "stranger")]
      const server = await ca.issue("server")
      const client = await ca.issue("client", { usage: "clientAuth" })
      const foreign = await stranger.issue("client")
      await using etcd = await startEtcd({ tls: server })
      const { endpoints } = etcd
      await goesRoundTrip({ endpoints, ...client })

      const { caFile, certFile, keyFile } = client
      const cases: ReadonlyArray<readonly [EtcdSettings, string]> = [
        [{ endpoints, certFile, keyFile }, "an authority that is not in caFile"],
        [{ endpoints, ...client, caFile: foreign.caFile }, "an authority that is not in caFile"],
        [{ endpoints, caFile }, "wants one that is not set"],
        [{ endpoints, ...foreign, caFile }, "refuses our certificate"],
        [{ endpoints: [endpoints[0]?.replace("127.0.0.1", "localhost") ?? ""], ...client }, "for other names"],
        [{ endpoints, ...client, keyFile: foreign.keyFile }, `${foreign.keyFile} is not the key of the certificate in`],
        [{ endpoints, ...client, certFile: `${certFile}.none` }, "there is no such file"],
        [{ endpoints, ...client, caFile: keyFile }, `caFile ${keyFile} has no certificate in PEM`],
        [{ endpoints, caFile, certFile }, "belong together"]
      ]
      for (const [settings, words] of cases) {
        const { reason, message } = await complaint(settings)
        expect(message).toContain(words)
        expect([words, reason]).toEqual([words, "refused"])
      }
      const plain = await complaint({ endpoints: endpoints.map((url) => url.replace("https", "http")) })
      expect([plain.reason, plain.message.includes("one side speaks TLS")]).toEqual(["unreachable", true])
    }))

  test("a renewed file counts without a restart", () =>
    inDirectory(async (directory) => {
      const [ca, stranger] = [await Authority.create(directory), await Authority.create(directory, "stranger")]
      const client = await ca.issue("client")
      await using etcd = await startEtcd({ tls: await ca.issue("server") })
      const settings = { endpoints: etcd.endpoints, ...(await stranger.issue("client")) }
      await runTest(
        Effect.gen(function* () {
          const store = yield* open(settings)
          const seen = yield* record(store)
          yield* seen.when("the loss", (now) => kinds(now).at(-1) === "lost")
          for (const file of ["caFile", "certFile", "keyFile"] as const) copyFileSync(client[file], settings[file])
          yield* seen.when("a snapshot", hasSnapshot)
          yield* write(store, put("a", "1"))
        })
      )
    }))

  test("an expired certificate, and one with which the gateway cannot call its own server", () =>
    inDirectory(async (directory) => {
      const ca = await Authority.create(directory)
      const client = await ca.issue("client")
      const old = await ca.issue("old", { days: 0 })
      using web = Bun.serve({
        port: 0,
        hostname: "127.0.0.1",
        tls: { cert: Bun.file(old.certFile), key: Bun.file(old.keyFile) },
        fetch: () => new Response("hello")
      })
      const expired = async () => (await complaint({ endpoints: [web.url.origin], ...client })).message
      await until(async () => (await expired()).includes("its certificate has expired"), "the expiry", 5_000)

      // etcdctl would be let in: it does not go through the gateway.
      await using etcd = await startEtcd({ tls: await ca.issue("one-way", { usage: "serverAuth" }), wait: false })
      const attempt = async () => {
        const { message } = await complaint({ endpoints: etcd.endpoints, ...client })
        if (!message.includes("must be good for clients, too")) throw new Error(message)
        return true
      }
      await until(attempt, "the gateway's complaint", 10_000)
    }))
})

const withUsers = async (etcd: EtcdCluster): Promise<void> => {
  await etcd.etcdctl("user", "add", "root:secret")
  await etcd.etcdctl("user", "add", "viaduct:right")
  await etcd.etcdctl("user", "add", "guest:right")
  await etcd.etcdctl("role", "add", "cluster")
  await etcd.etcdctl("role", "grant-permission", "cluster", "readwrite", "--prefix=true", prefix)
  await etcd.etcdctl("user", "grant-role", "viaduct", "cluster")
  await etcd.etcdctl("auth", "enable")
}

describe("users", () => {
  test("the right password works, also after etcd forgot its tokens; a wrong one is told as that", () =>
    inDirectory(async (directory) => {
      const file = (name: string, text: string): string => {
        writeFileSync(join(directory, name), text)
        return join(directory, name)
      }
      await using etcd = await startEtcd()
      const { endpoints } = etcd
      const settings = { endpoints, username: "viaduct", passwordFile: file("right", "right\n") }
      // Set up here before authentication is switched on there.
      await goesRoundTrip(settings)
      await withUsers(etcd)
      await goesRoundTrip(settings)

      const denied = "etcdctl role grant-permission ROLE readwrite --prefix=true /viaduct/test/"
      const cases: ReadonlyArray<readonly [EtcdSettings, string]> = [
        [
          { ...settings, passwordFile: file("wrong", "wrong\n") },
          "does not let user viaduct in: wrong user or password"
        ],
        [{ ...settings, username: "nobody-knows" }, "does not let user nobody-knows in: wrong user or password"],
        [{ ...settings, username: "guest" }, denied],
        [{ endpoints }, "wants a user and a password: set username and passwordFile"],
        [{ ...settings, passwordFile: join(directory, "none") }, "there is no such file"],
        [{ ...settings, passwordFile: file("empty", "\n") }, "is empty"]
      ]
      for (const [wrong, words] of cases) {
        const { reason, message } = await complaint(wrong)
        expect(message).toContain(words)
        expect([words, reason]).toEqual([words, "refused"])
      }

      await runTest(
        Effect.gen(function* () {
          const store = yield* open(settings)
          const seen = yield* record(store)
          yield* write(store, put("a", "1"))
          yield* seen.when("the write", ({ state }) => state.has("a"))
          yield* Effect.promise(() => etcd.member.kill())
          etcd.member.start()
          yield* seen.when("that it is back", (now) => kinds(now).at(-1) === "regained")
          yield* write(store, put("a", "2"))
          yield* seen.when("the write", ({ state }) => state.get("a")?.value === "2")
        })
      )
    }))
})

describe("limits and strangers", () => {
  test("a full etcd, and something that is no etcd", async () => {
    await using etcd = await startEtcd({ args: [`--quota-backend-bytes=${1024 * 1024}`] })
    const { endpoints } = etcd
    const failure = await runTest(
      Effect.gen(function* () {
        const store = yield* open({ endpoints })
        const text = "x".repeat(100_000)
        for (let index = 0; index < 100; index++) {
          const result = yield* Effect.result(write(store, put(`k${index}`, text)))
          if (result._tag === "Failure") return result.failure
        }
        return undefined
      })
    )
    expect([failure?.reason, failure?.message]).toEqual([
      "refused",
      "etcd is full (database space exceeded): compact and defragment it, then run etcdctl alarm disarm"
    ])
    using web = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("hello") })
    using missing = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("", { status: 404 }) })
    const at = (port: number | undefined) => complaint({ endpoints: [`http://127.0.0.1:${port}`] })
    expect((await at(web.port)).message).toContain("does not answer as etcd does (HTTP status 200)")
    expect((await at(missing.port)).message).toContain("has no JSON gateway: etcd must be 3.4 or later")
  })
})

interface Line {
  readonly type: string
  readonly revision?: number
  readonly bytes?: number
}

describe("a compiled program", () => {
  test(
    "keeps its lease and its watch over a restart of an etcd with TLS and users",
    () =>
      inDirectory(async (directory) => {
        const program = join(directory, "probe")
        const source = join(import.meta.dir, "..", "lab", "probes", "etcdWatcher.ts")
        await must([
          process.execPath,
          "build",
          "--compile",
          "--minify",
          "--bytecode",
          "--format=esm",
          source,
          "--outfile",
          program
        ])
        const ca = await Authority.create(directory)
        const client = await ca.issue("client", { subject: "/O=viaduct" })
        await using etcd = await startEtcd({ tls: await ca.issue("server") })
        const passwordFile = join(directory, "password")
        writeFileSync(passwordFile, "secret\n")
        await etcd.etcdctl("user", "add", "root:secret")
        await etcd.etcdctl("auth", "enable")
        const settings = { endpoints: etcd.endpoints, ...client, username: "root", passwordFile }
        const named = await complaint({ ...settings, ...(await ca.issue("named")) })
        expect(named.message).toContain("takes no user from a client whose certificate has a CommonName")
        const child = Bun.spawn([program, JSON.stringify(settings)], {
          stdin: "pipe",
          stdout: "pipe",
          stderr: "inherit"
        })
        const lines: Array<Line> = []
        const reading = (async () => {
          let rest = ""
          for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
            const pieces = (rest + chunk).split("\n")
            rest = pieces.pop() ?? ""
            lines.push(...pieces.map((piece) => JSON.parse(piece) as Line))
          }
        })()
        const count = (type: string): number => lines.filter((line) => line.type === type).length
        await until(() => count("changes") >= 10, "the first changes", 10_000)
        await etcd.member.stop()
        await until(() => count("lost") === 1, "the loss", 5_000)
        etcd.member.start()
        await until(() => count("regained") === 1, "that it is back", 10_000)
        const before = count("changes")
        await until(() => count("changes") >= before + 10, "changes after it", 10_000)
        child.stdin.end()
        await child.exited
        await reading
        const told = lines.flatMap((line) => (line.type === "changes" ? [line.revision ?? 0] : []))
        const written = lines.flatMap((line) => (line.type === "written" ? [line.revision ?? 0] : []))
        expect(count("snapshot")).toBe(1)
        expect(count("lease-gone")).toBe(0)
        expect(told).toEqual(told.map((_, index) => (told[0] ?? 0) + index))
        expect(written.filter((one) => !told.includes(one) && one < Math.max(...told))).toEqual([])
        const memory = lines.flatMap(({ bytes }) => (bytes === undefined ? [] : [bytes]))
        expect(Math.max(...memory)).toBeLessThan(120e6)
      }),
    60_000
  )
})
