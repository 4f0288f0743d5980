// Layer 2 mode, the source's default: the control-plane VIP and the services' addresses, IPv4 and IPv6, on the wire of a rack. A
// client behind the rack's router keeps asking while the node that holds an address dies, freezes, loses its cables or is
// stopped: where the address goes, how long nobody answers, that it is never on two nodes that hear each other (I1), and
// that the router's neighbour entries follow. Rows S18, L4; invariants I1, I8.
import { afterAll, describe, expect } from "bun:test"
import { powerOff, powerOn } from "../../lab/faults.ts"
import { requires } from "../../lab/requires.ts"
import { type FileSpec, nodeAddress } from "./file.ts"
import { figures, LEASE_MS, type Losses, Stage, underTraffic } from "./Stage.ts"

const { met, test } = requires("root", "ip", "nft", "etcd", "etcdctl")

const CP_VIP = "10.0.1.200"
const POOL = { name: "lan", addresses: ["10.0.1.210-10.0.1.219", "2001:db8:1::200-2001:db8:1::20f"] }
const WEB6 = "2001:db8:1::200"
const MOVING = [CP_VIP, "10.0.1.210", "10.0.1.211", WEB6] as const
/** node-01 and node-02 are control plane and load balancer, node-03 is load balancer only. */
const FILE: FileSpec = {
  nodes: 3,
  cpNodes: ["node-01", "node-02"],
  lbNodes: ["node-01", "node-02", "node-03"],
  dualStack: true,
  pools: [POOL],
  services: [{ name: "api" }, { name: "web", spec: { ipFamilyPolicy: "RequireDualStack" } }]
}

let shared: Promise<Stage> | undefined
afterAll(async () => {
  if (met) await (await shared)?.lab.dispose()
})

/** The stage that the faults are tried on one after the other, with every node up and every address held. */
const steady = async (): Promise<Stage> => {
  shared ??= Stage.create({ nodes: 3, file: FILE, answer: MOVING })
  const stage = await shared
  for (const host of stage.hosts) {
    const { process } = stage.daemon(host)
    if (!process.running) await stage.start(host, FILE)
  }
  for (const address of MOVING) await stage.holder(address)
  const all = async () => (await stage.daemon("node-01").status()).members.length === 3
  await stage.lab.until(all, "three members")
  return stage
}

interface Fault {
  readonly what: string
  readonly strike: (stage: Stage, holder: string) => Promise<unknown>
  /** Called when another node has every address that the holder had. */
  readonly heal?: (stage: Stage, holder: string) => Promise<unknown>
}

/** Strikes the node that holds the IPv6 address, and waits until others hold what it had. */
const suffer = async (stage: Stage, { what, strike, heal }: Fault): Promise<Losses & { readonly zeroMs: number }> => {
  const victim = await stage.holder(WEB6)
  const had = MOVING.filter((address) => stage.watch.holders(address).includes(victim))
  let zeroMs = 0
  const losses = await underTraffic(stage, had, async () => {
    zeroMs = Date.now()
    await strike(stage, victim)
    for (const address of had) await stage.heir(address, victim)
    await heal?.(stage, victim)
  })
  for (const address of had) {
    const holder = await stage.holder(address)
    expect(holder).not.toBe(victim)
    const mac = await stage.mac(holder)
    await stage.lab.until(
      async () => (await stage.neighbour(address)) === mac,
      `the router to have ${holder} for ${address}`
    )
  }
  figures(
    `layer 2, ${what}: ${losses.lost}/${losses.sent} lost, nobody answers for ${losses.gapMs} ms at most; ` +
      had.map((address) => `${address} ${stage.history(address, zeroMs)}`).join("; ")
  )
  return { ...losses, zeroMs }
}

const apart = (stage: Stage): void => {
  for (const address of MOVING) expect(stage.watch.overlaps(address)).toEqual([])
}

describe("layer 2 mode", () => {
  test("the VIPs of the control plane and of services are each on one node, spread, and a client reaches them", async () => {
    const stage = await steady()
    const holders = await Promise.all(MOVING.map((address) => stage.holder(address)))
    expect(new Set(holders).size).toBe(3)
    expect(["node-01", "node-02"]).toContain(holders[0] ?? "")
    const { lost, timelines } = await underTraffic(stage, MOVING, () => Bun.sleep(300))
    expect(lost).toBe(0)
    expect(timelines.map(({ answers }) => Object.keys(answers))).toEqual(holders.map((holder) => [holder]))
    for (const [index, address] of MOVING.entries())
      expect(await stage.neighbour(address)).toBe(await stage.mac(holders[index] ?? ""))
    apart(stage)
  })

  test("status and kinds are those of BGP mode", async () => {
    const stage = await steady()
    const holder = await stage.holder(CP_VIP)
    const other = holder === "node-01" ? "node-02" : "node-01"
    const line = (text: string, name: string) => text.split("\n").find((one) => one.startsWith(name)) ?? ""
    expect(line(await stage.get(holder, "floatingips"), CP_VIP)).toMatch(
      new RegExp(`control-plane-vip +${holder} +held +eth0`)
    )
    expect(line(await stage.get(other, "floatingips", "-o", "wide"), CP_VIP)).toMatch(
      new RegExp(`${holder} +other +eth0 .*cluster bm +${holder} has it and keeps it while it can`)
    )
    expect(line(await stage.get(other, "services", "-n", "default"), "web")).toMatch(
      /10\.0\.1\.211,2001:db8:1::200 .* \d/
    )
    const nodes = await stage.get(other, "nodes", "-o", "wide")
    for (const host of stage.hosts) expect(line(nodes, host)).toMatch(new RegExp(` Ready .* ${nodeAddress(host)} `))
    const { judgements } = await stage.floatingIp(other, CP_VIP)
    expect(judgements.find(({ node }) => node === "node-03")?.reason).toContain("is no control-plane node")
    expect((await stage.daemon(other).status()).sessions).toEqual([])
  })

  test("kill -9 of a holder: the kernel takes its addresses off, others take them", async () => {
    const stage = await steady()
    const { gapMs } = await suffer(stage, { what: "kill -9", strike: (on, host) => on.daemon(host).process.kill() })
    // The kernel of the dead daemon's node answers until the lease is over.
    expect(gapMs).toBeLessThan(1_500)
    apart(stage)
  })

  test("a holder that is frozen loses its addresses, and does not take them when it thaws", async () => {
    const stage = await steady()
    const { gapMs } = await suffer(stage, {
      what: "SIGSTOP, SIGCONT",
      strike: async (on, host) => on.daemon(host).process.signal("SIGSTOP"),
      heal: async (on, host) => on.daemon(host).process.signal("SIGCONT")
    })
    expect(gapMs).toBeLessThan(1_500)
    apart(stage)
  })

  test("a holder without power: others take its addresses within the lease, and keep them when it is back", async () => {
    const stage = await steady()
    let onMs = 0
    const { gapMs, timelines } = await suffer(stage, {
      what: "power off and on",
      strike: (on, host) => powerOff(on.lab, host),
      heal: async (on, host) => {
        await Bun.sleep(500)
        onMs = Date.now()
        await powerOn(on.lab, host)
      }
    })
    expect(gapMs).toBeLessThan(LEASE_MS + 1_500)
    const after = timelines.flatMap(({ probes }) =>
      probes.filter((one) => one.sentMs > onMs && one.afterMs === undefined)
    )
    const overlapMs = Math.max(
      0,
      ...MOVING.flatMap((address) => stage.watch.overlaps(address)).map((one) => one.toMs - Math.max(one.fromMs, onMs))
    )
    figures(`layer 2, power on: both have it for ${Math.round(overlapMs)} ms, ${after.length} probes lost after it`)
    expect(overlapMs).toBeLessThan(1_000)
  })

  test("SIGTERM of a holder: handed over in order", async () => {
    const stage = await steady()
    const { gapMs, zeroMs } = await suffer(stage, {
      what: "SIGTERM",
      strike: async (on, host) => expect((await on.daemon(host).stop()).code).toBe(0)
    })
    expect(gapMs).toBeLessThan(1_000)
    for (const address of MOVING) expect(stage.watch.overlaps(address).filter((one) => one.toMs > zeroMs)).toEqual([])
  })

  test("externalTrafficPolicy Local: on a node with an endpoint, and it follows the EndpointSlice (L4)", async () => {
    const stage = await steady()
    const before = await Promise.all(MOVING.map((address) => stage.holder(address)))
    const withMail = (...endpoints: ReadonlyArray<string>): FileSpec => ({
      ...FILE,
      services: [...(FILE.services ?? []), { name: "mail", spec: { externalTrafficPolicy: "Local" }, endpoints }]
    })
    const on = async (...endpoints: ReadonlyArray<string>) => {
      await stage.apply("node-01", withMail(...endpoints))
      const moved = () => stage.watch.holders(mail).join() === endpoints.join()
      await stage.lab.until(moved, `${mail} to be on ${endpoints.join()}`)
    }
    const mail = "10.0.1.212"
    await on("node-03")
    await on("node-01")
    const { nextHops, left } = await stage.service("node-02", "default/mail")
    expect(nextHops).toEqual([{ address: mail, node: "node-01", nextHop: nodeAddress("node-01") }])
    expect(left.map(({ node }) => node)).toEqual(["node-02", "node-03"])
    await on()
    const gone = async () => (await stage.service("node-02", "default/mail")).reason
    expect(await stage.lab.until(gone, "a reason")).toBe(`no LB node holds ${mail}`)
    expect((await stage.floatingIp("node-02", mail)).reason).toContain("node-01, node-02, node-03: has no endpoint")
    expect(stage.watch.overlaps(mail)).toEqual([])
    expect(await Promise.all(MOVING.map((address) => stage.holder(address)))).toEqual(before)
  })
})
