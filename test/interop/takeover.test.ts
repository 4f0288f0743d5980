// A floating address moves while its session is up (D7): the node that has it is cut off, another one takes it and dials from the
// same port. What counts is the time from its first SYN to Established, at a router whose hold time is 90 s.
import { describe, expect } from "bun:test"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Address, Prefix } from "../../src/net/ip.ts"
import type { PlannedRoute, SessionParameters } from "../../src/plan/types.ts"
import { linkDown } from "../lab/faults.ts"
import { Lab } from "../lab/Lab.ts"
import type { Background } from "../lab/process.ts"
import { requires } from "../lab/requires.ts"
import { type MakeName, startRouter } from "../lab/routers/index.ts"
import type { Router, RouterNeighbor } from "../lab/routers/Router.ts"
import { star } from "../lab/topology.ts"

const PORT = 61_001
const HOLD_SECONDS = 90
const PROBES = join(import.meta.dir, "..", "lab", "probes")
const VIP = "10.0.0.8/32"

interface Setup {
  readonly floating: string
  readonly router: string
  readonly neighbor?: Partial<RouterNeighbor>
  readonly parameters?: Partial<SessionParameters>
  readonly password?: string
  /** Of the nodes. */
  readonly sysctls?: ReadonlyArray<string>
}

const overIpv4: Setup = { floating: "10.0.1.50", router: "10.0.1.254" }
const overIpv6: Setup = { floating: "2001:db8:1::50", router: "2001:db8:1::254" }

interface Event {
  readonly event: string
  readonly at: number
  readonly port?: number
  readonly reason?: string
}

const events = (one: Background): ReadonlyArray<Event> =>
  one
    .log()
    .split("\n")
    .filter((line) => line.startsWith("{") && line.endsWith("}"))
    .map((line) => JSON.parse(line) as Event)

class Stage {
  readonly lab: Lab
  readonly router: Router
  private readonly setup: Setup
  private readonly sourcePort: number | undefined

  constructor(lab: Lab, router: Router, setup: Setup, sourcePort: number | undefined) {
    this.lab = lab
    this.router = router
    this.setup = setup
    this.sourcePort = sourcePort
  }

  /** Gives the host the floating address, tells the segment, and starts a session from it. */
  async take(host: string): Promise<Background> {
    const { floating } = this.setup
    const length = floating.includes(":") ? "128 nodad" : "32"
    await this.lab.exec(host, ["ip", "addr", "add", ...`${floating}/${length}`.split(" "), "dev", "eth0"])
    const words = ["announce", "eth0", floating, "3", "200"]
    const speaker = this.lab.spawn(host, "announce", [process.execPath, join(PROBES, "kernel.ts"), ...words])
    await this.lab.until(() => speaker.log().includes("said"), "the announcement")
    const parameters: SessionParameters = {
      localAddress: floating as Address,
      peerAddress: this.setup.router as Address,
      peerPort: 179,
      localAsn: 65001,
      peerAsn: 65010,
      routerId: "10.0.1.50" as Address,
      holdTime: HOLD_SECONDS,
      keepaliveTime: 30,
      connectRetryTime: 10,
      passive: false,
      families: ["ipv4", "ipv6"],
      ...(this.sourcePort === undefined ? {} : { sourcePort: this.sourcePort }),
      ...this.setup.parameters
    }
    const nextHop = this.lab.address(host) as Address
    const route: PlannedRoute = { name: "control-plane", prefix: VIP as Prefix, nextHop, reason: "the test wants it" }
    const directory = this.lab.hostDirectory(host)
    const { password } = this.setup
    const secret = password === undefined ? {} : { passwordFile: join(directory, "password") }
    if (password !== undefined) writeFileSync(join(directory, "password"), password)
    const file = join(directory, "session.json")
    writeFileSync(file, JSON.stringify({ parameters: { ...parameters, ...secret }, routes: [route] }))
    return this.lab.spawn(host, "session", [process.execPath, join(PROBES, "takeover.ts"), file])
  }

  established(session: Background, deadlineMs = 8_000): Promise<Event> {
    const up = () => events(session).find((line) => line.event === "Established")
    return this.lab.until(up, `${session.name} to be Established`, deadlineMs)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab.dispose()
  }
}

const stage = async (make: MakeName, setup: Setup, sourcePort?: number): Promise<Stage> => {
  const lab = await Lab.create(star("router", "other"))
  try {
    for (const host of ["node", "other"])
      if (setup.sysctls !== undefined) await lab.exec(host, ["sysctl", "-q", "-w", ...setup.sysctls])
    const md5 = setup.password === undefined ? {} : { md5: setup.password }
    const neighbors = [{ ip: setup.floating, asn: 65001, ...md5, ...setup.neighbor }]
    const spec = { host: "router", asn: 65010, routerId: "10.0.1.254", holdTime: HOLD_SECONDS, neighbors }
    return new Stage(lab, await startRouter(lab, make, spec), setup, sourcePort)
  } catch (error) {
    await lab.dispose()
    throw error
  }
}

/** The address moves from one host to the other, whose cable is pulled first; gives the new session. */
const move = async (on: Stage): Promise<{ readonly heir: Background; readonly first: Event }> => {
  const first = await on.established(await on.take("node"))
  await on.router.routesTo(VIP)
  // Anything that the router still says in the old session would meet the new owner's kernel, which resets what it does not know.
  const idle = async () => /lastsnd:(\d{4,})/.test(await on.lab.exec("router", ["ss", "-tinH", "sport", "=", "179"]))
  await on.lab.until(idle, "the router to have said all")
  await linkDown(on.lab, "node")
  return { heir: await on.take("other"), first }
}

const takesOver = async (make: MakeName, what: string, setup: Setup): Promise<void> => {
  await using on = await stage(make, setup, PORT)
  const { heir } = await move(on)
  const up = await on.established(heir)
  const dialled = events(heir).find((line) => line.event === "dialling")
  const connected = events(heir).filter((line) => line.event === "connected")
  const ms = up.at - (dialled?.at ?? 0)
  process.stdout.write(`  ${make}, ${what}: Established ${ms.toFixed(0)} ms after the first SYN of the new owner\n`)
  expect(connected.at(-1)?.port).toBe(PORT)
  expect(ms).toBeLessThan(1_000)
  const [route] = await on.router.routesTo(VIP)
  expect(route?.nextHop).toBe(on.lab.address("other"))
}

describe("a session moves with its address", () => {
  const { test } = requires("root", "ip", "nft", "bird", "frr")

  test("BIRD", () => takesOver("bird", "IPv4", overIpv4))
  test("FRR", () => takesOver("frr", "IPv4", overIpv4))
  test("BIRD over IPv6", () => takesOver("bird", "IPv6", overIpv6))

  // The reset that ends the old session is the kernel's own, with the TTL that the node gives to all it sends.
  for (const [what, setup] of [
    ["IPv4", overIpv4],
    ["IPv6", overIpv6]
  ] as const) {
    test(`BIRD with GTSM over ${what}, where the node's default TTL is 255`, () =>
      takesOver("bird", `GTSM, ${what}`, {
        ...setup,
        neighbor: { ttlSecurityHops: 1 },
        parameters: { ttlSecurity: 1 },
        sysctls: ["net.ipv4.ip_default_ttl=255", "net.ipv6.conf.eth0.hop_limit=255"]
      }))
  }

  test("BIRD with a password", () => takesOver("bird", "TCP-MD5", { ...overIpv4, password: "rack-1" }))

  test("from another port BIRD refuses the new owner while it waits for the old one", async () => {
    await using on = await stage("bird", overIpv4)
    const { heir } = await move(on)
    await expect(on.established(heir, 4_000)).rejects.toThrow("to be Established")
    expect(events(heir).filter((line) => line.event === "connected").length).toBeGreaterThan(1)
  })
})
