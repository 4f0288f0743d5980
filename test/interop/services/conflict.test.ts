// A host that nobody knows has an address that the cluster wants, or takes one that a node holds (RFC 5227; D6). It is not
// taken, and whoever looks is told whose MAC it is; what is held already is defended. Invariants I1, I6, I9.
import { describe, expect } from "bun:test"
import { join } from "node:path"
import { requires } from "../../lab/requires.ts"
import { ROUTER } from "../scenario.ts"
import { type FileSpec, FLOATING_IPS } from "./file.ts"
import { startRackRouter } from "./router.ts"
import { figures, Stage, TOR } from "./Stage.ts"

const STRANGER = "node-03"
const KERNEL_PROBE = join(import.meta.dir, "..", "..", "lab", "probes", "kernel.ts")

/** The stranger takes the address and says so, as hosts do. */
const takes = async (stage: Stage, address: string): Promise<void> => {
  const length = address.includes(":") ? ["128", "nodad"] : ["32"]
  await stage.lab.exec(STRANGER, ["ip", "addr", "add", `${address}/${length[0]}`, ...length.slice(1), "dev", "eth0"])
  const said = stage.lab.spawn(STRANGER, "announce", [process.execPath, KERNEL_PROBE, "announce", "eth0", address])
  await stage.lab.until(() => said.log().includes('"said"'), "the stranger to announce it")
  await said.kill()
}

const givesUp = (stage: Stage, address: string): Promise<string> =>
  stage.lab.exec(STRANGER, ["ip", "addr", "del", `${address}/${address.includes(":") ? 128 : 32}`, "dev", "eth0"])

/** Waits until a node says that it is in conflict, and gives its host. */
const inConflict = (stage: Stage, address: string): Promise<string> =>
  stage.lab.until(async () => {
    for (const host of ["node-01", "node-02"])
      if ((await stage.floatingIp(host, address)).state === "conflict") return host
    return undefined
  }, `a node to be in conflict over ${address}`)

const defended = async (stage: Stage, address: string): Promise<void> => {
  const holder = await stage.holder(address)
  const [mac, own] = [await stage.mac(STRANGER), await stage.mac(holder)]
  // Only a router that talks to the address has an entry that others could spoil.
  await stage.lab.exec(TOR, ["ping", "-c", "1", "-W", "2", address])
  expect(await stage.neighbour(address)).toBe(own)
  await takes(stage, address)
  const said = () => stage.daemon(holder).process.log().includes(`another host, MAC ${mac}, uses the address, too`)
  await stage.lab.until(said, `${holder} to defend ${address}`)
  await stage.lab.until(async () => (await stage.neighbour(address)) === own, "the router to go by the defence")
  expect(stage.watch.holders(address)).toEqual([STRANGER, holder].sort())
  expect((await stage.floatingIp(holder, address)).state).toBe("held")
}

describe("a stranger in the rack", () => {
  const { test } = requires("root", "ip", "nft", "etcd", "etcdctl", "bird")

  test("has a floating IP: not taken, its MAC is named, services go on from the other one; taken when it is free", async () => {
    const [address, other] = FLOATING_IPS
    const file: FileSpec = {
      type: "bgp",
      floatingIps: FLOATING_IPS,
      peers: [{}],
      pools: [{ name: "lan", addresses: ["10.64.0.0/28"] }],
      services: [{ name: "web", spec: { loadBalancerIP: "10.64.0.1" } }]
    }
    await using stage = await Stage.create({
      nodes: 3,
      without: [STRANGER],
      file,
      prepare: async (lab) => {
        await lab.exec(STRANGER, ["ip", "addr", "add", `${address}/32`, "dev", "eth0"])
        await startRackRouter(lab, "bird", 2)
      }
    })
    const mac = await stage.mac(STRANGER)
    const host = await inConflict(stage, address)
    const { reason } = await stage.floatingIp(host, address)
    expect(reason).toContain(`another host, MAC ${mac}, has the address`)
    expect(await stage.get(host, "floatingips", "-o", "wide")).toMatch(new RegExp(`${address}.* conflict .*${mac}`))
    const ready = await stage.lab.until(async () => {
      const one = await stage.readiness(host)
      return one.summary.includes("sessions are Established") && !one.summary.includes("0 of") ? one : undefined
    }, "the sessions of the node")
    expect(ready.ready).toBe(false)
    expect(ready.summary).toContain("1 of")
    expect(ready.checks.find(({ subject }) => subject === `floating IP ${address}`)).toMatchObject({ ok: false })
    await stage.daemon(await stage.holder(other)).established(ROUTER)
    expect(stage.watch.holders(address)).toEqual([STRANGER])

    await givesUp(stage, address)
    const freeAt = Date.now()
    const holder = await stage.holder(address)
    figures(`a floating IP is taken ${Date.now() - freeAt} ms after a stranger gave it up`)
    expect(holder).toBe(host)
    expect(stage.watch.overlaps(address)).toEqual([])
    await defended(stage, address)
    const { sessions } = await stage.daemon(holder).status()
    expect(sessions.find((one) => one.localAddress === address)?.flaps).toBe(0)
  })

  test("has a VIP of layer 2 mode, IPv6: the same over neighbour discovery", async () => {
    const address = "2001:db8:1::200"
    await using stage = await Stage.create({
      nodes: 3,
      without: [STRANGER],
      file: { vip: address },
      prepare: (lab) => lab.exec(STRANGER, ["ip", "addr", "add", `${address}/128`, "dev", "eth0", "nodad"])
    })
    const host = await inConflict(stage, address)
    expect((await stage.floatingIp(host, address)).reason).toContain(
      `MAC ${await stage.mac(STRANGER)}, has the address`
    )
    expect((await stage.readiness(host)).summary).toContain("1 of 1 moving addresses are in conflict")
    await givesUp(stage, address)
    expect(await stage.holder(address)).toBe(host)
    await defended(stage, address)
  })
})
