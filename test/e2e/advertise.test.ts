// The manual check of S26 and the demo, as processes: what the source document's operator sees, and what somebody sees who
// has just cloned the project.
import { afterEach, describe, expect, test } from "bun:test"
import { symlinkSync } from "node:fs"
import { resolve } from "node:path"
import { Directory, program, type Router, Running, runOnce, startRouter, until } from "./world.ts"

const cleanups: Array<() => unknown> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** The source's file with the source's four-octet AS numbers. */
const world = async (subnet: string) => {
  const local = `${subnet}.64`
  const peer = `${subnet}.80`
  const directory = new Directory()
  cleanups.push(() => directory.remove())
  const router: Router = await startRouter(peer, local, { localAsn: 4273481989, peerAsn: 4273481990 })
  cleanups.push(router.stop)
  const config = directory.write(
    "bgpadvertiser.conf",
    `localIP: ${local}\nlocalASN: 4273481990\npeers:\n- peerIP: ${peer}\n  peerASN: 4273481989\n  port: 17911\n`
  )
  return { local, peer, router, directory, config }
}

interface Line {
  readonly msg: string
  readonly old?: string
  readonly new?: string
  readonly reason?: string
}

const lines = (output: string): ReadonlyArray<Line> =>
  output
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Line)

describe("viaduct advertise (S26)", () => {
  test("announces, logs every transition, update and keepalive under the source's names, serves its health, ends cleanly", async () => {
    const { local, router, config } = await world("127.30.1")
    const args = ["advertise", "--config", config, "--advertise-ip", "10.0.0.1", "--health-listen", "127.0.0.1:18080"]
    const running = new Running(args)
    cleanups.push(() => running.end("SIGKILL"))
    await until(
      "the VIP",
      () => router.routes().join() === `10.0.0.1/32 via ${local}`,
      () => running.output
    )
    await running.says(/received keepalive/)
    const changes = lines(running.output).filter(({ msg }) => msg === "state changed")
    expect(changes.map((line) => [line.old, line.new, line.reason])).toEqual([
      ["BGP_FSM_IDLE", "BGP_FSM_CONNECT", "idle-hold-timer-expired"],
      ["BGP_FSM_CONNECT", "BGP_FSM_OPENSENT", "new-connection"],
      ["BGP_FSM_OPENSENT", "BGP_FSM_OPENCONFIRM", "open-msg-received"],
      ["BGP_FSM_OPENCONFIRM", "BGP_FSM_ESTABLISHED", "open-msg-negotiated"]
    ])
    const update = lines(running.output).find(({ msg }) => msg === "sent update")
    expect(update).toMatchObject({
      announce: [{ prefix: "10.0.0.1/32", nextHop: local }],
      attributes: { asPath: [[4273481990]] }
    })
    for (const path of ["/", "/readyz", "/healthz"])
      expect((await fetch(`http://127.0.0.1:18080${path}`)).status).toBe(200)
    const { code, tookMs } = await running.end("SIGINT")
    expect(code).toBe(0)
    expect(tookMs).toBeLessThan(2000)
    expect(router.routes()).toEqual([])
    expect(router.got.at(-1)).toMatchObject({ type: "NOTIFICATION", code: 6, subcode: 2 })
  })

  test("its health says no while the peer is away", async () => {
    const directory = new Directory()
    cleanups.push(() => directory.remove())
    const config = directory.write(
      "c",
      "localIP: 127.30.2.1\nlocalASN: 1\npeers: [{ peerIP: 127.30.2.2, peerASN: 2, port: 17911 }]"
    )
    const running = new Running([
      "advertise",
      "--config",
      config,
      "--advertise-ip",
      "10.0.0.1",
      "--health-listen",
      "127.0.0.1:18081"
    ])
    cleanups.push(() => running.end("SIGKILL"))
    await running.says(/connection refused/)
    const answer = await fetch("http://127.0.0.1:18081/")
    expect(answer.status).toBe(503)
    expect(await answer.text()).toContain("connection refused")
  })

  test("called as bgpadvertiser it takes the same flags", async () => {
    if (program.length !== 1) return expect(process.env.VIADUCT_BIN).toBeUndefined()
    const { local, router, directory, config } = await world("127.30.3")
    const link = directory.at("bgpadvertiser")
    symlinkSync(resolve(program[0] ?? ""), link)
    const running = new Running(["--config", config, "--advertise-ip", "10.0.0.1", "--health-listen", "none"], [link])
    cleanups.push(() => running.end("SIGKILL"))
    await until(
      "the VIP",
      () => router.routes().join() === `10.0.0.1/32 via ${local}`,
      () => running.output
    )
  })

  test("a file with mistakes: all of them with their place, exit status 1", async () => {
    const directory = new Directory()
    cleanups.push(() => directory.remove())
    const config = directory.write(
      "c",
      "localIP: 10.0.0.256\nlocalASN: 0\npeers:\n- peerIp: 10.0.0.1\n  peerASN: 65002\n"
    )
    const { code, err } = await runOnce(["advertise", "--config", config, "--advertise-ip", "10.0.0.1"])
    expect(code).toBe(1)
    expect(err).toMatch(/c:1:10: error: localIP/)
    expect(err).toMatch(/c:2:11: error: localASN/)
    expect(err).toMatch(/c:4:3: error: peers\[0\]\.peerIp.*did you mean peerIP/)
  })
})

describe("viaduct demo", () => {
  test("sessions come up, both routers have the VIP, the API answers, Ctrl+C withdraws and ends with 0", async () => {
    const running = new Running(["demo"])
    cleanups.push(() => running.end("SIGKILL"))
    await running.says(/router-1 \(AS 65002\) has 10\.0\.0\.8\/32 via 127\.0\.0\.1/)
    await running.says(/router-2 \(AS 65003\) has 10\.0\.0\.8\/32 via 127\.0\.0\.1/)
    const [, url] = await running.says(/admin API: (http:\S+)/)
    expect(await (await fetch(`${url}/readyz`)).text()).toContain("2 of 2 sessions are Established")
    const { code, tookMs } = await running.end("SIGINT")
    expect([code, running.output]).toEqual([
      0,
      expect.stringContaining("demo ended: routes withdrawn, sessions closed")
    ])
    expect(tookMs).toBeLessThan(2000)
  })
})
