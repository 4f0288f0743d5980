// The daemon as a process, from the executable where there is one: comes up, follows its file, refuses what is wrong and
// leaves in order. Its peers are real TCP on loopback.
import { afterEach, describe, expect, test } from "bun:test"
import { existsSync, statSync, writeFileSync } from "node:fs"
import { clusterYaml, Directory, type Router, Running, runOnce, startRouter, statusAt, until } from "./world.ts"

const cleanups: Array<() => unknown> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

let subnet = 0
const world = async (routers: number, extra = "", vip = "10.0.0.8") => {
  const base = `127.20.${++subnet}`
  const node = `${base}.10`
  const directory = new Directory()
  cleanups.push(() => directory.remove())
  const peers: Array<Router> = []
  for (let i = 0; i < routers; i++) {
    const router = await startRouter(`${base}.${254 - i}`, node)
    cleanups.push(router.stop)
    peers.push(router)
  }
  const file = directory.write(
    "cluster.yaml",
    clusterYaml(
      node,
      peers.map(({ address }) => address),
      vip,
      extra
    )
  )
  return { node, directory, peers, file }
}

const start = (file: string, directory: Directory, name = "a", listen = "none") => {
  const socket = directory.at(`${name}.sock`)
  const daemon = new Running([
    ...["run", "--config", file, "--node", "node-01", "--data-dir", directory.at(`${name}-data`)],
    ...["--admin-socket", socket, "--admin-listen", listen]
  ])
  cleanups.push(() => daemon.end("SIGKILL"))
  return { daemon, socket }
}

const via = (node: string, vip = "10.0.0.8") => [`${vip}/32 via ${node}`]
const ready = async (peer: Router, node: string, daemon: Running) => {
  const done = await until(
    "the router has the VIP",
    () => peer.routes().join() === via(node).join() || (daemon.child.exitCode !== null && "ended"),
    () => daemon.output
  )
  expect([done, daemon.output]).toEqual([true, expect.any(String)])
}

describe("viaduct run", () => {
  test("announces to every peer, is ready, and on SIGTERM withdraws, says why and ends with 0 within 2 s (D8)", async () => {
    const { node, directory, peers, file } = await world(2)
    const { daemon, socket } = start(file, directory)
    for (const peer of peers) await ready(peer, node, daemon)
    expect(statSync(socket).mode & 0o777).toBe(0o660)
    const answer = await fetch("http://localhost/readyz", { unix: socket })
    expect([answer.status, await answer.text()]).toEqual([
      200,
      expect.stringContaining("2 of 2 sessions are Established")
    ])
    const { code, tookMs } = await daemon.end()
    expect(code).toBe(0)
    expect(tookMs).toBeLessThan(2000)
    for (const { got } of peers) {
      const last = got.slice(-2)
      expect(last[0]).toMatchObject({ type: "UPDATE", withdraw: [{ prefix: "10.0.0.8/32" }] })
      expect(last[1]).toMatchObject({ type: "NOTIFICATION", code: 6, subcode: 2, message: "viaduct is stopping" })
    }
    expect(existsSync(socket)).toBe(false)
  })

  test("a second signal ends it at once", async () => {
    const { node, directory, peers, file } = await world(1)
    const { daemon } = start(file, directory)
    await ready(peers[0] as Router, node, daemon)
    daemon.child.kill("SIGTERM")
    daemon.child.kill("SIGINT")
    expect((await daemon.end("SIGINT")).code).not.toBe(1)
  })

  test("SIGHUP with the same meaning sends nothing; a new VIP by force is announced and the old one withdrawn, no session lost (I5)", async () => {
    const { node, directory, peers, file } = await world(1)
    const [peer] = peers as [Router]
    const { daemon, socket } = start(file, directory)
    await ready(peer, node, daemon)
    await until("End-of-RIB", () =>
      peer.got.some((message) => message.type === "UPDATE" && message.endOfRib !== undefined)
    )
    const updates = () => peer.got.filter(({ type }) => type === "UPDATE").length
    const before = updates()
    for (let i = 1; i <= 20; i++) {
      writeFileSync(file, `# edit ${i}\n${clusterYaml(node, [peer.address])}\n\n`)
      daemon.child.kill("SIGHUP")
      await until(
        `reload ${i}`,
        () => daemon.output.match(/means the same/g)?.length === i,
        () => daemon.output
      )
    }
    expect(updates()).toBe(before)
    writeFileSync(file, clusterYaml(node, [peer.address], "10.0.0.9"))
    const plain = await runOnce(["reload", "--socket", socket])
    expect([plain.code, plain.err]).toEqual([1, expect.stringContaining("control-plane VIP 10.0.0.8")])
    expect(peer.routes()).toEqual(via(node))
    expect((await runOnce(["reload", "--force", "--socket", socket])).code).toBe(0)
    await until(
      "the new VIP",
      () => peer.routes().join() === via(node, "10.0.0.9").join(),
      () => daemon.output
    )
    const status = await statusAt(socket)
    expect(status.sessions[0]).toMatchObject({ state: "Established", flaps: 0 })
    expect(peer.session.report().flaps).toBe(0)
  })

  test("SIGHUP with a mistake in the file changes nothing, and the status says what and where (I5)", async () => {
    const { node, directory, peers, file } = await world(1)
    const [peer] = peers as [Router]
    const { daemon, socket } = start(file, directory)
    await ready(peer, node, daemon)
    const good = await statusAt(socket)
    writeFileSync(file, clusterYaml(node, [peer.address], "10.0.0.300"))
    daemon.child.kill("SIGHUP")
    const bad = await until("the refusal", async () => {
      const status = await statusAt(socket)
      return status.config.lastError === undefined ? undefined : status
    })
    expect(bad.config.lastError).toMatch(/cluster\.yaml:\d+:\d+: error: spec\.loadBalancer\.vips\.controlPlaneVIP/)
    expect(bad.config.hash).toBe(good.config.hash)
    expect(peer.routes()).toEqual(via(node))
    expect(bad.sessions[0]).toMatchObject({ state: "Established", flaps: 0 })
  })

  test("a peer taken out of the file is told so, the other session is not touched", async () => {
    const { node, directory, peers, file } = await world(2)
    const [stays, goes] = peers as [Router, Router]
    const { daemon, socket } = start(file, directory)
    for (const peer of peers) await ready(peer, node, daemon)
    const before = stays.got.filter(({ type }) => type !== "KEEPALIVE").length
    writeFileSync(file, clusterYaml(node, [stays.address]))
    daemon.child.kill("SIGHUP")
    await until("the Cease", () => goes.got.some((m) => m.type === "NOTIFICATION" && m.code === 6 && m.subcode === 3))
    await until("one session", async () => (await statusAt(socket)).sessions.length === 1)
    expect(stays.got.filter(({ type }) => type !== "KEEPALIVE").length).toBe(before)
  })

  test("an invalid file at the start: every problem at once, exit status 1", async () => {
    const directory = new Directory()
    cleanups.push(() => directory.remove())
    const file = directory.write("c.yaml", clusterYaml("127.20.200.1", ["127.20.200.2"], "nonsense", ", holdTim: 3"))
    const { code, err } = await runOnce([
      "run",
      "--config",
      file,
      "--data-dir",
      directory.at("d"),
      "--admin-socket",
      directory.at("s")
    ])
    expect(code).toBe(1)
    expect(err).toContain("controlPlaneVIP")
    expect(err).toContain("holdTime")
  })

  test("a node that is not in the file is told which nodes are", async () => {
    const directory = new Directory()
    cleanups.push(() => directory.remove())
    const file = directory.write("c.yaml", clusterYaml("192.0.2.1", ["192.0.2.2"]))
    const { code, err } = await runOnce([
      "run",
      "--config",
      file,
      "--data-dir",
      directory.at("d"),
      "--admin-socket",
      directory.at("s"),
      "--admin-listen",
      "none"
    ])
    expect([code, err]).toEqual([1, expect.stringContaining("192.0.2.1")])
  })

  test("one data directory, one daemon; with different ones they run side by side", async () => {
    const { node, directory, peers, file } = await world(1)
    const { daemon } = start(file, directory)
    await ready(peers[0] as Router, node, daemon)
    const second = await runOnce([
      "run",
      "--config",
      file,
      "--node",
      "node-01",
      "--data-dir",
      directory.at("a-data"),
      "--admin-socket",
      directory.at("b.sock"),
      "--admin-listen",
      "none"
    ])
    expect([second.code, second.err]).toEqual([1, expect.stringMatching(/another viaduct \(process \d+\).*--data-dir/)])
    const other = await world(1)
    const beside = start(other.file, other.directory, "b")
    await ready(other.peers[0] as Router, other.node, beside.daemon)
    expect(peers[0]?.routes()).toEqual(via(node))
  })

  test("the socket of a daemon that was killed is taken over; that of a living one is not", async () => {
    const { node, directory, peers, file } = await world(1)
    const first = start(file, directory)
    await ready(peers[0] as Router, node, first.daemon)
    const taken = await runOnce([
      "run",
      "--config",
      file,
      "--node",
      "node-01",
      "--data-dir",
      directory.at("other"),
      "--admin-socket",
      first.socket,
      "--admin-listen",
      "none"
    ])
    expect([taken.code, taken.err]).toEqual([1, expect.stringContaining("another daemon serves")])
    await first.daemon.end("SIGKILL")
    const again = start(file, directory)
    const status = await until("the new daemon's session", async () => {
      const now = await statusAt(again.socket).catch(() => undefined)
      return now?.sessions[0]?.state === "Established" ? now : undefined
    })
    expect(status.sessions).toHaveLength(1)
    await ready(peers[0] as Router, node, again.daemon)
  })

  test("the admin API on TCP answers loopback names only, and is never served elsewhere", async () => {
    const { directory, file } = await world(1)
    const { daemon } = start(file, directory, "a", "127.0.0.1:17199")
    const answer = await until(
      "the API",
      () => fetch("http://127.0.0.1:17199/healthz").catch(() => undefined),
      () => daemon.output
    )
    expect(answer.status).toBe(200)
    const rebound = await fetch("http://127.0.0.1:17199/v1/status", { headers: { host: "evil.example" } })
    expect(rebound.status).toBe(403)
    expect(daemon.child.exitCode).toBeNull()
    const open = await runOnce([
      "run",
      "--config",
      file,
      "--node",
      "node-01",
      "--data-dir",
      directory.at("z"),
      "--admin-socket",
      directory.at("z.sock"),
      "--admin-listen",
      "0.0.0.0:17198"
    ])
    expect([open.code, open.err]).toEqual([1, expect.stringContaining("TLS and a token")])
  })

  test("a peer that is not there is shown with its reason and found when it comes (I9)", async () => {
    const { node, directory, file } = await world(0)
    const address = node.replace(/10$/, "254")
    writeFileSync(file, clusterYaml(node, [address]))
    const { socket } = start(file, directory)
    const down = await until("the reason", async () => {
      const [session] = (await statusAt(socket).catch(() => undefined))?.sessions ?? []
      return session?.reason === "connection refused" ? session : undefined
    })
    expect(down.state).not.toBe("Established")
    expect((await fetch("http://localhost/readyz", { unix: socket })).status).toBe(503)
    const router = await startRouter(address, node)
    cleanups.push(router.stop)
    await until("the VIP", () => router.routes().join() === via(node).join())
  })

  test("garbage, silence and a flood from a peer cost neither the daemon nor its other session", async () => {
    const { node, directory, peers, file } = await world(1)
    const [good] = peers as [Router]
    const bad = good.address.replace(/254$/, "99")
    let connections = 0
    const junk = new Uint8Array(65536).fill(0xab)
    const server = Bun.listen({
      hostname: bad,
      port: 17911,
      socket: {
        open: (socket) => {
          connections++
          if (connections % 2 === 1) socket.write(junk)
          else socket.write(Uint8Array.fromHex("ff".repeat(16)))
        },
        data: () => undefined
      }
    })
    cleanups.push(() => server.stop(true))
    writeFileSync(file, clusterYaml(node, [good.address, bad]))
    const { daemon, socket } = start(file, directory)
    await ready(good, node, daemon)
    const shown = await until("the complaint", async () => {
      const session = (await statusAt(socket)).sessions.find((s) => s.peerAddress === bad)
      return session?.lastNotification?.text.includes("Connection Not Synchronized") ? session : undefined
    })
    expect(shown.lastNotification?.direction).toBe("sent")
    await until("another attempt", () => connections >= 2)
    expect((await statusAt(socket)).sessions.find((s) => s.peerAddress === good.address)).toMatchObject({
      state: "Established",
      flaps: 0
    })
  })

  test("a missing and an empty password file keep the session down with the reason, no connection is tried (L1)", async () => {
    for (const [name, text] of [
      ["missing", undefined],
      ["empty", "\n"]
    ] as const) {
      const { node, directory, peers, file } = await world(1)
      const key = directory.at("key")
      if (text !== undefined) writeFileSync(key, text)
      writeFileSync(file, clusterYaml(node, [(peers[0] as Router).address], "10.0.0.8", `, passwordFile: ${key}`))
      const { socket } = start(file, directory)
      const [session] = await until(`the reason, ${name}`, async () => {
        const sessions = (await statusAt(socket).catch(() => undefined))?.sessions
        return sessions?.[0]?.reason?.includes("password file") ? sessions : undefined
      })
      expect(session?.sent.open).toBe(0)
      expect(session?.reason).toContain(text === undefined ? "there is no such file" : "is empty")
    }
  })
})

describe("viaduct get and describe", () => {
  test("show what the daemon holds (S22, S23)", async () => {
    const { node, directory, peers, file } = await world(1)
    const { daemon, socket } = start(file, directory)
    const [peer] = peers as [Router]
    await ready(peer, node, daemon)
    const sessions = await runOnce(["get", "bgpsessions", "--socket", socket])
    expect(sessions.out).toMatch(/^NAME +LOCAL ASN +PEER ASN +LOCAL IP +PEER IP +STATE +LAST REPORT\n/)
    expect(sessions.out).toContain(`${peer.address}-node-01`)
    expect(sessions.out).toContain("Established")
    const routes = await runOnce(["get", "bgpadvertisedroutes", "--socket", socket])
    expect(routes.out).toMatch(/^NAME +PREFIX +METRIC\n/)
    expect(routes.out).toContain("10.0.0.8/32")
    const described = await runOnce(["describe", "bgpsession", `${peer.address}-node-01`, "--socket", socket])
    expect(described.out).toMatch(/Peer ASN: +65002/)
    expect(described.out).toMatch(/Advertised Routes:\n +10\.0\.0\.8\/32/)
  })
})
