// The network of the proof by itself, with ExaBGP standing in for the cluster: what a speaker on a floating IP announces is what
// all three makes of external router hold, path identifiers and IPv6 included; it becomes kernel ECMP in two stages; and the
// client's traffic reaches every node.
import { describe, expect } from "bun:test"
import { KernelWatch } from "../lab/kernelWatch.ts"
import { Lab } from "../lab/Lab.ts"
import { awaitAddresses } from "../lab/probes.ts"
import { requires } from "../lab/requires.ts"
import { startRouter } from "../lab/routers/index.ts"
import type { Router } from "../lab/routers/Router.ts"
import { SessionWatch } from "../lab/sessionWatch.ts"
import { threeExternals } from "../lab/topology.ts"
import { during } from "../lab/traffic.ts"
import { FaultRun } from "./FaultRun.ts"
import {
  CLUSTER_ASN,
  EXTERNALS,
  FLOATING_IPS,
  hostPrefix,
  NODES,
  nextHopsBySession,
  pathIdOf,
  startNetwork
} from "./network.ts"

const { test } = requires("root", "ip", "nft", "frr", "bird", "gobgp", "exabgp")
const VIP4 = "203.0.113.10"
const VIP6 = "2001:db8:f::10"
const V4_HOPS = NODES.map((node) => node.ipv4)
const V6_HOPS = NODES.map((node) => node.ipv6)

/** A speaker on `host` that owns the floating IP and announces every node as next hop of both VIPs. */
const standIn = async (lab: Lab, host: string, floatingIp: string): Promise<Router> => {
  await lab.exec(host, ["ip", "addr", "add", `${floatingIp}/32`, "dev", "eth0"])
  return startRouter(lab, "exabgp", {
    host,
    asn: CLUSTER_ASN,
    routerId: floatingIp,
    holdTime: 90,
    sendPaths: true,
    gracefulRestartTime: 30,
    neighbors: EXTERNALS.map(({ ip, asn }) => ({ ip, asn, local: floatingIp, passive: false })),
    announce: NODES.flatMap(({ ipv4, ipv6 }) => [
      { prefix: `${VIP4}/32`, nextHop: ipv4, pathId: pathIdOf(ipv4) },
      { prefix: `${VIP6}/128`, nextHop: ipv6, pathId: pathIdOf(ipv4) }
    ])
  })
}

describe("the network of the proof", () => {
  test("speakers on two floating IPs: three makes hold every next hop, the kernels spread, no probe is lost", async () => {
    await using lab = await Lab.create(threeExternals())
    const network = await startNetwork(lab)
    for (const { host } of NODES) {
      await awaitAddresses(lab, host, [VIP4, VIP6])
      for (const vip of [VIP4, VIP6]) await lab.exec(host, ["ip", "addr", "add", vip, "dev", "lo"])
    }
    const watch = await KernelWatch.start(lab, [...NODES.map((one) => one.host), "ext-1", "tor-1", "tor-2"])
    const sessions = await SessionWatch.start(network.externals)
    const [speaker] = await Promise.all([
      standIn(lab, "node-01", FLOATING_IPS[0]),
      standIn(lab, "node-03", FLOATING_IPS[1])
    ])
    for (const router of network.externals) {
      for (const floatingIp of FLOATING_IPS) await router.established(floatingIp, 25_000)
      for (const [vip, hops] of [
        [VIP4, V4_HOPS],
        [VIP6, V6_HOPS]
      ] as const) {
        const routes = await router.routesTo(hostPrefix(vip), 8)
        expect(await nextHopsBySession(router, vip)).toEqual({ [FLOATING_IPS[0]]: hops, [FLOATING_IPS[1]]: hops })
        if (router.name === "bird") continue
        expect(new Set(routes.map((one) => one.pathId))).toEqual(new Set(V4_HOPS.map(pathIdOf)))
      }
    }
    const reached = async (host: string, vip: string, hops: ReadonlyArray<string>) => {
      const seen = await lab.kernelNextHops(host, vip)
      if (seen.join(" ") !== hops.join(" ")) throw new Error(`${host} reaches ${vip} over ${seen.join(" ")}`)
      return true
    }
    await lab.until(() => reached("ext-1", VIP4, ["10.8.0.1", "10.8.0.2"]), "ECMP at ext-1", 15_000)
    await lab.until(() => reached("tor-1", VIP4, V4_HOPS.slice(0, 2)), "ECMP at tor-1", 15_000)
    await lab.until(() => reached("tor-2", VIP4, V4_HOPS.slice(2)), "ECMP at tor-2", 15_000)
    await lab.until(() => reached("ext-1", VIP6, ["2001:db8:8::1", "2001:db8:8::2"]), "IPv6 ECMP at ext-1", 15_000)
    await lab.until(() => reached("tor-1", VIP6, V6_HOPS.slice(0, 2)), "IPv6 ECMP at tor-1", 15_000)
    await lab.until(() => reached("tor-2", VIP6, V6_HOPS.slice(2)), "IPv6 ECMP at tor-2", 15_000)

    // The speaker dies without a word and another node takes its address: graceful restart keeps the routes (D8).
    const world = { lab, watch, sessions, externals: network.externals, vips: { ipv4: VIP4, ipv6: VIP6 } }
    const run = await FaultRun.start("a stand-in moves to another node", world)
    await run.strike(() => speaker.kill())
    await lab.exec("node-01", ["ip", "addr", "del", `${FLOATING_IPS[0]}/32`, "dev", "eth0"])
    await standIn(lab, "node-02", FLOATING_IPS[0])
    // The stand-in sends no gratuitous ARP.
    await lab.exec("tor-1", ["ip", "neigh", "flush", "to", FLOATING_IPS[0]])
    const move = await run.moved(FLOATING_IPS[0], "node-01", 25_000)
    run.isConverged()
    const report = await run.finish()
    expect(move.host).toBe("node-02")
    for (const atMs of Object.values(move.sessions)) expect(atMs).toBeGreaterThan(move.addressMs)
    const { lost, lostBefore, overlaps, sessionsEnded } = report
    expect({ lost, lostBefore, overlaps, sessionsEnded }).toEqual({
      lost: 0,
      lostBefore: 0,
      overlaps: [],
      sessionsEnded: 3
    })
    for (const timeline of Object.values(report.traffic))
      expect(Object.keys(during(timeline, 0, report.zeroMs).answers).sort()).toEqual(NODES.map((node) => node.host))
    expect(watch.routeChanges("tor-1", VIP4).filter((one) => one.atMs > report.zeroMs)).toEqual([])

    // A node that stops answering is a loss window as long as that lasts, of the family that it stops for.
    const silent = await FaultRun.start("a node without the service for a second", world)
    await silent.strike(() => lab.exec("node-03", ["ip", "addr", "del", VIP4, "dev", "lo"]))
    await silent.last(1_000)
    await lab.exec("node-03", ["ip", "addr", "add", VIP4, "dev", "lo"])
    const loss = await silent.finish()
    await sessions.stop()
    expect(loss.windowMs).toBeGreaterThan(850)
    expect(loss.windowMs).toBeLessThan(1_150)
    expect(loss.traffic.udp6.lost).toBe(0)
    expect([loss.lostBefore, loss.sessionsEnded]).toEqual([0, 0])
  }, 120_000)
})
