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
import { during, Traffic } from "../lab/traffic.ts"
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
    const speakers = await Promise.all([
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

    const steadyMs = Date.now()
    const traffic = await Promise.all([
      Traffic.start(lab, { host: "client", address: VIP4, mode: "udp" }),
      Traffic.start(lab, { host: "client", address: VIP4, mode: "tcp" }),
      Traffic.start(lab, { host: "client", address: VIP6, mode: "udp", rate: 50 }),
      Traffic.start(lab, { host: "client", address: VIP6, mode: "tcp", rate: 50 })
    ])
    await Bun.sleep(1_500)
    // A speaker that dies without a word: graceful restart keeps its routes, and nobody notices (D8).
    const killedMs = Date.now()
    await speakers[0]?.kill()
    const ended = () => sessions.events(killedMs).filter((one) => one.neighbor === FLOATING_IPS[0] && !one.up)
    await lab.until(() => ended().length === 3, "three routers to see the session end")
    await speakers[0]?.start()
    const back = () => sessions.events(killedMs).filter((one) => one.neighbor === FLOATING_IPS[0] && one.up)
    await lab.until(() => back().length === 3, "the speaker's three sessions to come back", 25_000)
    await sessions.stop()
    for (const one of traffic) {
      const timeline = await one.stop()
      expect(Object.keys(during(timeline, steadyMs, killedMs).answers).sort()).toEqual(NODES.map((node) => node.host))
      expect({ lost: timeline.lost, windows: timeline.windows }).toEqual({ lost: 0, windows: [] })
    }
    expect(sessions.lost(steadyMs)).toBe(3)
    expect(watch.routeChanges("tor-1", VIP4).filter((one) => one.atMs > steadyMs)).toEqual([])
    expect(watch.overlaps(FLOATING_IPS[0])).toEqual([])
  }, 120_000)
})
