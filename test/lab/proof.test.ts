// The instruments of the proof, each held against something that is known: traffic without a fault loses nothing and a fault of
// known length shows as long as it was; the kernel watch sees who holds an address in the order in which it happened; the
// relay delays and nothing else; cuts cut only what they say; a speaker on a floating IP gives the routers their next hops.
import { describe, expect } from "bun:test"
import { startEtcd } from "./etcd.ts"
import { cut, cutOnly, linkDown, linkUp, powerOff, powerOn, split, unblock } from "./faults.ts"
import { KernelWatch, overlapsOf } from "./kernelWatch.ts"
import { Lab } from "./Lab.ts"
import { awaitAddresses, startResponder } from "./probes.ts"
import { startRelay } from "./relay.ts"
import { requires } from "./requires.ts"
import { managed, pair, RELAY, twoRacks } from "./topology.ts"
import { during, Traffic, timelineOf } from "./traffic.ts"

const { test } = requires("root", "ip", "nft")

describe("traffic", () => {
  test("5 s at 200/s without a fault: nothing is lost, in either mode, over IPv4 and IPv6", async () => {
    await using lab = await Lab.create(pair())
    const [v4, v6] = [lab.address("node"), lab.address("node", "ipv6")]
    await Promise.all([startResponder(lab, "node", v4), startResponder(lab, "node", v6)])
    const streams = await Promise.all([
      Traffic.start(lab, { host: "router", address: v4, mode: "udp" }),
      Traffic.start(lab, { host: "router", address: v4, mode: "tcp" }),
      Traffic.start(lab, { host: "router", address: v6, mode: "udp", rate: 50 }),
      Traffic.start(lab, { host: "router", address: v6, mode: "tcp", rate: 50 }),
      Traffic.start(lab, { host: "router", address: v4, mode: "udp", flows: 8 })
    ])
    await Bun.sleep(5_000)
    const all = await Promise.all(streams.map((one) => one.stop()))
    for (const [index, { sent, lost, windows, longestGapMs, answers }] of all.entries()) {
      const rate = index === 2 || index === 3 ? 50 : 200
      expect({ lost, windows, longestGapMs, names: Object.keys(answers) }).toEqual({
        lost: 0,
        windows: [],
        longestGapMs: 0,
        names: ["node"]
      })
      expect(sent).toBeGreaterThan(rate * 4.8)
    }
  })

  test("a cable that is out for a second is a loss window of a second, at the right time", async () => {
    await using lab = await Lab.create(pair())
    const address = lab.address("node")
    await startResponder(lab, "node", address)
    const streams = await Promise.all(
      (["udp", "tcp"] as const).map((mode) => Traffic.start(lab, { host: "router", address, mode }))
    )
    await Bun.sleep(700)
    const cutMs = Date.now()
    await cut(lab, "node")
    await Bun.sleep(1_000)
    await unblock(lab)
    const healedMs = Date.now()
    await Bun.sleep(700)
    for (const one of streams) {
      const timeline = await one.stop()
      expect(timeline.windows.length).toBe(1)
      const [window] = timeline.windows
      expect(Math.abs((window?.fromMs ?? 0) - cutMs)).toBeLessThan(120)
      expect(Math.abs((window?.toMs ?? 0) - healedMs)).toBeLessThan(120)
      expect(Math.abs(timeline.longestGapMs - (healedMs - cutMs))).toBeLessThan(150)
      expect(during(timeline, healedMs + 150).lost).toBe(0)
      expect(timeline.ok + timeline.lost).toBe(timeline.sent)
      expect(timeline.resets).toBe(0)
    }
  })

  test("a responder answers for an address from the moment on that the host has it", async () => {
    await using lab = await Lab.create(pair())
    const vips = ["10.0.0.8", "2001:db8::8"]
    await awaitAddresses(lab, "node", vips)
    await lab.exec("router", ["ip", "route", "add", "10.0.0.8", "via", "10.0.1.10"])
    await lab.exec("router", ["ip", "route", "add", "2001:db8::8", "via", "2001:db8:1::10"])
    for (const address of vips) {
      const traffic = await Traffic.start(lab, { host: "router", address, mode: "udp" })
      await Bun.sleep(300)
      const addedMs = Date.now()
      await lab.exec("node", ["ip", "addr", "add", address, "dev", "lo"])
      await Bun.sleep(300)
      const timeline = await traffic.stop()
      expect(during(timeline, 0, addedMs - 20).ok).toBe(0)
      expect(during(timeline, addedMs + 60).lost).toBe(0)
    }
  })

  test("a host that refuses is told from one that is silent", async () => {
    await using lab = await Lab.create(pair())
    const traffic = await Traffic.start(lab, { host: "router", address: lab.address("node"), mode: "tcp" })
    await Bun.sleep(300)
    const { ok, lost, resets, sent } = await traffic.stop()
    expect({ ok, lost, resets }).toEqual({ ok: 0, lost: sent, resets: sent })
  })

  test("what probes add up to", () => {
    const at = (sentMs: number, by?: string) => ({ sentMs, afterMs: 1, ...(by === undefined ? {} : { by }) })
    const result = timelineOf([at(0, "a"), at(10), at(20, "b"), at(30), at(40), at(45, "a"), at(1_000), at(1_010)])
    expect(result).toMatchObject({ sent: 8, ok: 3, lost: 5, answers: { a: 2, b: 1 }, longestGapMs: 15 })
    expect(result.windows).toEqual([
      { fromMs: 10, toMs: 40, lost: 3 },
      { fromMs: 1_000, toMs: 1_010, lost: 2 }
    ])
    return Promise.resolve()
  })
})

describe("the kernel watch", () => {
  test("tells who holds an address, over expiry and handover, and sees an overlap of milliseconds (I1)", async () => {
    await using lab = await Lab.create(twoRacks())
    const [one, other, address] = ["node-01", "node-02", "10.0.1.100"]
    const ip = (host: string, verb: string, ...more: ReadonlyArray<string>) =>
      lab.exec(host, ["ip", "addr", verb, `${address}/32`, "dev", "eth0", ...more])
    await ip(one, "add", "valid_lft", "1", "preferred_lft", "0")
    const watch = await KernelWatch.start(lab, ["node-01", "node-02", "node-03", "tor-1"])
    expect(watch.holders(address)).toEqual([one])
    await ip(one, "change", "valid_lft", "1", "preferred_lft", "0")
    await lab.until(() => watch.holders(address).length === 0, "the kernel to take the address off", 3_000)
    await ip(other, "add")
    await ip(other, "del")
    await ip(one, "add")
    await lab.until(() => watch.holders(address).length === 1, "the third holding")
    expect(watch.holdings(address).map(({ host, device }) => `${host} ${device}`)).toEqual([
      "node-01 eth0",
      "node-02 eth0",
      "node-01 eth0"
    ])
    expect(watch.overlaps(address)).toEqual([])
    await ip(other, "add")
    await ip(one, "del")
    await lab.until(() => watch.holders(address).join() === other, "the last holding")
    const [overlap, ...more] = watch.overlaps(address)
    expect(more).toEqual([])
    expect(overlap?.hosts).toEqual([one, other])
    expect((overlap?.toMs ?? 0) - (overlap?.fromMs ?? 0)).toBeLessThan(200)
  })

  test("tells which way a router's kernel sends a prefix, over time", async () => {
    await using lab = await Lab.create(twoRacks())
    const watch = await KernelWatch.start(lab, ["tor-1"])
    const route = (...words: ReadonlyArray<string>) => lab.exec("tor-1", ["ip", "route", ...words])
    await route("replace", "10.0.0.8", "nexthop", "via", "10.0.1.10", "nexthop", "via", "10.0.1.11")
    await route("replace", "10.0.0.8", "via", "10.0.1.11")
    await route("del", "10.0.0.8")
    const changes = () => watch.routeChanges("tor-1", "10.0.0.8").map((one) => one.nextHops)
    await lab.until(() => changes().length >= 3, "three changes")
    expect(changes()).toEqual([["10.0.1.10", "10.0.1.11"], ["10.0.1.11"], []])
  })

  test("holdings that touch do not overlap, holdings of one host neither", () => {
    const held = (host: string, fromMs: number, toMs?: number) => ({
      host,
      device: "eth0",
      fromMs,
      ...(toMs === undefined ? {} : { toMs })
    })
    expect(overlapsOf([held("a", 0, 10), held("b", 10, 20), held("b", 15), held("a", 20)])).toEqual([
      { hosts: ["b", "a"], fromMs: 20, toMs: Number.POSITIVE_INFINITY }
    ])
    return Promise.resolve()
  })
})

describe("faults", () => {
  test("a node cut from etcd, from its rack neighbour, or without power", async () => {
    await using lab = await Lab.create(managed(twoRacks()))
    const reaches = async (host: string, address: string) =>
      (await lab.tryExec(host, ["ping", "-c", "1", "-W", "1", address])).code === 0
    const [etcd, tor, neighbour] = ["10.9.0.1", "10.0.1.254", "10.0.1.11"]
    const seen = () => Promise.all([etcd, tor, neighbour].map((address) => reaches("node-01", address)))
    expect(await seen()).toEqual([true, true, true])
    await cut(lab, "node-01", "eth1")
    expect(await seen()).toEqual([false, true, true])
    await unblock(lab)
    await split(lab, "node-01", "node-02")
    expect(await seen()).toEqual([true, true, false])
    expect(await reaches("node-02", tor)).toBe(true)
    await cutOnly(lab, "node-01", "eth1")
    expect(await seen()).toEqual([false, true, true])
    await unblock(lab)
    await linkDown(lab, "node-01", "eth1")
    expect(await seen()).toEqual([false, true, true])
    await linkUp(lab, "node-01", "eth1")
    await powerOff(lab, "node-01", "node-02")
    expect(await seen()).toEqual([false, false, false])
    expect(await reaches("node-02", tor)).toBe(false)
    expect(await reaches("node-03", etcd)).toBe(true)
    await powerOn(lab, "node-01", "node-02")
    await lab.until(async () => (await seen()).every(Boolean), "the cables to be back")
  })

  requires("root", "ip", "nft", "etcd").test(
    "the relay in front of etcd delays answers by what it is told, and passes everything on whole",
    async () => {
      await using lab = await Lab.create(managed(twoRacks()))
      const etcd = await startEtcd({ lab, hosts: ["etcd-1"] })
      const relay = await startRelay(lab, RELAY, etcd.endpoints)
      const [endpoint = ""] = relay.endpoints
      const value = "x".repeat(300_000)
      const put = async () => {
        const started = performance.now()
        const words = ["env", "ETCDCTL_API=3", "etcdctl", `--endpoints=${endpoint}`]
        await lab.exec("node-01", [...words, "put", "key"], { input: value })
        const read = await lab.exec("node-01", [...words, "get", "--print-value-only", "key"])
        expect(read.trimEnd()).toBe(value)
        return performance.now() - started
      }
      expect(await put()).toBeLessThan(1_000)
      relay.delay(100)
      const took = await put()
      expect(took).toBeGreaterThan(200)
      expect(took).toBeLessThan(5_000)
      relay.delay(0)
      expect(await put()).toBeLessThan(1_000)
    }
  )
})
