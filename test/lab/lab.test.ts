// The laboratory itself: what it builds carries traffic, faults bite, and nothing is left when it is gone.
import { describe, expect } from "bun:test"
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { blockBgp, linkDown, linkUp, unblock } from "./faults.ts"
import { Lab, sweep } from "./Lab.ts"
import { probe, startResponder } from "./probes.ts"
import { must, startTime } from "./process.ts"
import { requires } from "./requires.ts"
import { startRouter } from "./routers/index.ts"
import { pair, twoRacks } from "./topology.ts"
import { until } from "./until.ts"

const namespaces = (prefix: string) => readdirSync("/run/netns").filter((name) => name.startsWith(prefix))

describe("the lab", () => {
  requires("root", "ip", "nft", "bird", "exabgp").test(
    "leaves no namespace, process or file behind, also after a failure",
    async () => {
      const lab = await Lab.create(pair())
      const pids: Array<number> = []
      const body = async () => {
        await startRouter(lab, "bird", { host: "router", asn: 65010, routerId: "10.0.1.254", neighbors: [] })
        const shell = lab.spawn("node", "children", ["sh", "-c", "setsid sleep 1000 & sleep 1000 & echo started; wait"])
        await lab.until(() => shell.log().includes("started"), "the shell")
        for (const host of lab.hosts()) {
          const found = await must(["ip", "netns", "pids", lab.namespace(host)])
          pids.push(...found.trim().split("\n").map(Number))
        }
        throw new Error("the test's own failure")
      }
      await expect(body().finally(() => lab.dispose())).rejects.toThrow("the test's own failure")
      expect(pids.length).toBeGreaterThanOrEqual(4)
      expect(namespaces(lab.prefix)).toEqual([])
      expect(existsSync(lab.directory)).toBe(false)
      await until(() => pids.every((pid) => startTime(pid) === undefined), "every process to be gone", 2_000)
    }
  )

  requires("root", "ip", "nft").test("sweeps what a dead owner left, and only that", async () => {
    await using alive = await Lab.create(pair())
    const dead = Bun.spawn(["true"])
    await dead.exited
    const name = `vdt${dead.pid}x1`
    await must(["ip", "netns", "add", `${name}-node`])
    mkdirSync(join(tmpdir(), name))
    writeFileSync(join(tmpdir(), name, "owner"), "1")
    await sweep()
    expect(namespaces(name)).toEqual([])
    expect(existsSync(join(tmpdir(), name))).toBe(false)
    expect(namespaces(alive.prefix).length).toBe(3)
  })

  requires("root", "ip", "nft").test("a wait that fails says what it waited for and shows the logs", async () => {
    await using lab = await Lab.create(pair())
    const one = lab.spawn("node", "talker", ["echo", "the reason"])
    await one.exited
    await expect(lab.until(() => false, "what never comes", 100)).rejects.toThrow(
      /what never comes[\s\S]*node\/talker \(ended\)\nthe reason/
    )
  })

  requires("root", "ip", "nft").test(
    "ECMP over two routers in a row spreads flows over nodes of both racks",
    async () => {
      await using lab = await Lab.create(twoRacks())
      const vip = "10.0.0.8"
      const nodes = ["node-01", "node-02", "node-03", "node-04"]
      const answering = async (node: string) => {
        await lab.exec(node, ["ip", "addr", "add", `${vip}/32`, "dev", "lo"])
        await startResponder(lab, node, vip)
      }
      const hops = (...gateways: ReadonlyArray<string>) => gateways.flatMap((gateway) => ["nexthop", "via", gateway])
      await lab.exec("ext-1", ["ip", "route", "add", vip, ...hops("10.8.0.1", "10.8.0.2")])
      await lab.exec("tor-1", ["ip", "route", "add", vip, ...hops("10.0.1.10", "10.0.1.11")])
      await lab.exec("tor-2", ["ip", "route", "add", vip, ...hops("10.0.2.10", "10.0.2.11")])
      await Promise.all(nodes.map(answering))
      expect(await lab.kernelNextHops("ext-1", vip)).toEqual(["10.8.0.1", "10.8.0.2"])
      for (const mode of ["tcp", "udp"] as const) {
        const { answers, lost } = await probe(lab, "client", vip, { mode, count: 200 })
        expect(lost).toBe(0)
        expect(Object.keys(answers).sort()).toEqual(nodes)
        for (const count of Object.values(answers)) expect(count).toBeGreaterThan(20)
      }
    }
  )

  requires("root", "ip", "nft").test("a pulled cable loses every probe, a blocked BGP port only BGP", async () => {
    await using lab = await Lab.create(pair())
    const address = lab.address("node")
    await Promise.all([startResponder(lab, "node", address), startResponder(lab, "node", address, 179)])
    const reached = (port: number) => probe(lab, "router", address, { count: 5, port })
    await blockBgp(lab, "node")
    expect(await Promise.all([reached(8443), reached(179)])).toEqual([
      { answers: { node: 5 }, lost: 0 },
      { answers: {}, lost: 5 }
    ])
    await unblock(lab)
    expect(await reached(179)).toEqual({ answers: { node: 5 }, lost: 0 })
    await linkDown(lab, "node")
    expect(await reached(8443)).toEqual({ answers: {}, lost: 5 })
    await linkUp(lab, "node")
    const back = async () => (await reached(8443)).lost === 0
    await lab.until(back, "traffic after the cable is back")
  })
})
