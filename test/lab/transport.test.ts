// TCP as the daemon uses it, on real kernels: a connection that vanishes leaves no packet behind, and a fixed source port gives
// way to another where the kernel still needs it (D7).
import { describe, expect } from "bun:test"
import { join } from "node:path"
import { Lab } from "./Lab.ts"
import type { Background } from "./process.ts"
import { requires } from "./requires.ts"
import { star } from "./topology.ts"

const SCRIPT = join(import.meta.dir, "probes", "tcp.ts")
const PORT = 61_001

interface Event {
  readonly event: string
  readonly at: number
  readonly port?: number
  readonly tookMs?: number
  readonly written?: boolean
}

const events = (one: Background): ReadonlyArray<Event> =>
  one
    .log()
    .split("\n")
    .filter((line) => line.endsWith("}"))
    .map((line) => JSON.parse(line) as Event)

const said = (lab: Lab, one: Background, event: string, times = 1): Promise<Event> =>
  lab.until(() => events(one).filter((line) => line.event === event)[times - 1], `${one.name} to say ${event}`)

const start = async (lab: Lab, host: string, words: ReadonlyArray<string>): Promise<Background> => {
  const one = lab.spawn(host, words[0] ?? "", [process.execPath, SCRIPT, ...words])
  await said(lab, one, words[0] === "serve" ? "ready" : "wrote")
  return one
}

/** Epoch milliseconds and words of every packet from the node that carries TCP. */
const packets = (capture: Background): ReadonlyArray<{ readonly at: number; readonly words: string }> =>
  capture
    .log()
    .split("\n")
    .filter((line) => line.includes(" Flags "))
    .map((line) => ({ at: Number(line.split(" ")[0]) * 1000, words: line }))

const ends = { ipv4: ["10.0.1.10", "10.0.1.254"], ipv6: ["2001:db8:1::10", "2001:db8:1::254"] } as const

const tcpdump = async (lab: Lab, node: string): Promise<Background> => {
  const words = ["tcpdump", "-l", "-n", "-tt", "-i", "eth0", `tcp and src host ${node}`]
  const capture = lab.spawn("router", "tcpdump", words)
  await lab.until(() => capture.log().includes("listening on"), "tcpdump to listen")
  return capture
}

/** Nothing has been sent for longer than a peer on the same wire takes to answer. */
const quiet = async (lab: Lab, capture: Background): Promise<void> => {
  let [count, since] = [0, performance.now()]
  await lab.until(() => {
    const now = packets(capture).length
    if (now !== count || now === 0) [count, since] = [now, performance.now()]
    return performance.now() - since > 150
  }, "the wire to be quiet")
}

describe("a connection that vanishes", () => {
  const { test } = requires("root", "ip", "nft", "tcpdump")

  /** What the node sends after the signal. */
  const sentAfter = async (
    signal: "SIGHUP" | "SIGUSR2",
    family: "ipv4" | "ipv6",
    octets: number,
    before: (lab: Lab) => Promise<unknown>
  ) => {
    await using lab = await Lab.create(star("router"))
    const [node, router] = ends[family]
    const capture = await tcpdump(lab, node)
    await start(lab, "router", ["serve", router, "179", "ignore"])
    const dialler = await start(lab, "node", ["dial", node, String(PORT), router, "179", String(octets)])
    expect((await said(lab, dialler, "wrote")).written).toBe(octets < 1000)
    await quiet(lab, capture)
    await before(lab)
    dialler.signal(signal)
    const { at } = await said(lab, dialler, signal === "SIGHUP" ? "vanished" : "aborted")
    // Absence needs time: probes of a closed window come after 200 ms and then each time twice as late.
    await Bun.sleep(1_500)
    const all = packets(capture)
    expect(all.length).toBeGreaterThan(2)
    // `at` is when it was over: a farewell left just before it. A probe of the closed window may have, too, on its own account.
    const farewell = (words: string) => /Flags \[[^\]]*[FR]/.test(words)
    return all.filter((packet) => packet.at > (farewell(packet.words) ? at - 5 : at)).map(({ words }) => words)
  }
  const nothing = async () => undefined

  for (const family of ["ipv4", "ipv6"] as const) {
    test(`leaves no packet behind, all said or much unsent; an abort leaves a reset (${family})`, async () => {
      const [said, unsent, aborted] = await Promise.all([
        sentAfter("SIGHUP", family, 100, nothing),
        sentAfter("SIGHUP", family, 16_000_000, nothing),
        sentAfter("SIGUSR2", family, 100, nothing)
      ])
      expect([...said, ...unsent]).toEqual([])
      expect(aborted.length).toBe(1)
      expect(aborted[0]).toContain("Flags [R")
    })
  }

  test("leaves no packet behind where its address went before it", async () => {
    const without = (lab: Lab) => lab.exec("node", ["ip", "addr", "del", "10.0.1.10/24", "dev", "eth0"])
    expect(await sentAfter("SIGHUP", "ipv4", 16_000_000, without)).toEqual([])
  })
})

describe("a fixed source port", () => {
  const { test } = requires("root", "ip", "nft")

  const dialled = async (lab: Lab, family: "ipv4" | "ipv6", timestamps: boolean): Promise<Background> => {
    for (const host of ["node", "router"])
      await lab.exec(host, ["sysctl", "-q", "-w", `net.ipv4.tcp_timestamps=${Number(timestamps)}`])
    const [node, router] = ends[family]
    await start(lab, "router", ["serve", router, "179", "read"])
    const dialler = await start(lab, "node", ["dial", node, String(PORT), router, "179", "0"])
    expect((await said(lab, dialler, "connected")).port).toBe(PORT)
    return dialler
  }

  for (const family of ["ipv4", "ipv6"] as const) {
    for (const timestamps of [true, false]) {
      test(`is had again right after a close, ${timestamps ? "with" : "without"} timestamps (${family})`, async () => {
        await using lab = await Lab.create(star("router"))
        const dialler = await dialled(lab, family, timestamps)
        dialler.signal("SIGUSR1")
        const waiting = () => lab.exec("node", ["ss", "-tanH", "state", "time-wait"])
        await lab.until(async () => (await waiting()).includes(`:${PORT}`), "TIME-WAIT")
        dialler.signal("SIGWINCH")
        const again = await said(lab, dialler, "connected", 2)
        expect(again.port).toBe(PORT)
        expect(again.tookMs).toBeLessThan(200)
      })
    }
  }

  test("gives way to another while a connection that lives has it", async () => {
    await using lab = await Lab.create(star("router"))
    const dialler = await dialled(lab, "ipv4", false)
    dialler.signal("SIGWINCH")
    const other = await said(lab, dialler, "connected", 2)
    expect(other.port).not.toBe(PORT)
    expect(other.tookMs).toBeLessThan(200)
    expect(dialler.log()).not.toContain("over")
  })
})
