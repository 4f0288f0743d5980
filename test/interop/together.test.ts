// More than one router, more than one node: sessions of one node do not touch each other, and a node that the router can
// not hear any more loses its share of the traffic and nothing else is lost. Rows S5, S6; invariants I5, I6.
import { expect } from "bun:test"
import { blockBgp, unblock } from "../lab/faults.ts"
import { Lab } from "../lab/Lab.ts"
import { probe, startResponder } from "../lab/probes.ts"
import { requires } from "../lab/requires.ts"
import { MAKE_NAMES, startRouter } from "../lab/routers/index.ts"
import { oneRack, star } from "../lab/topology.ts"
import { Daemon } from "./Daemon.ts"
import { CLUSTER_ASN, clusterFile, NODE, ROUTER, ROUTER_ASN, VIP } from "./scenario.ts"

requires("root", "ip", "nft", ...MAKE_NAMES).test(
  "all five routers at once: each holds the VIP, and one that is killed disturbs no other session (I5)",
  async () => {
    await using lab = await Lab.create(star(...MAKE_NAMES))
    const start = (make: (typeof MAKE_NAMES)[number]) =>
      startRouter(lab, make, {
        host: make,
        asn: ROUTER_ASN,
        routerId: lab.address(make),
        neighbors: [{ ip: NODE, asn: CLUSTER_ASN }]
      })
    const routers = await Promise.all(MAKE_NAMES.map(start))
    const peers = MAKE_NAMES.map((make) => ({ ip: lab.address(make), asn: ROUTER_ASN }))
    const daemon = await Daemon.start(lab, { host: "node", config: { text: clusterFile({ peers }) } })
    for (const router of routers) expect((await router.routesTo(`${VIP}/32`)).map((one) => one.nextHop)).toEqual([NODE])
    const [killed, ...others] = peers
    await routers[0]?.kill()
    await daemon.refusedWith(killed?.ip ?? "", /\w/)
    await routers[0]?.start()
    await daemon.established(killed?.ip ?? "")
    const flaps = async (ip: string) => (await daemon.session(ip)).flaps
    expect(await Promise.all(others.map(({ ip }) => flaps(ip)))).toEqual([0, 0, 0, 0])
    for (const router of routers) await router.routesTo(`${VIP}/32`)
  },
  45_000
)

for (const make of ["frr", "bird"] as const) {
  requires("root", "ip", "nft", make).test(
    `${make} cannot hear one of two nodes: traffic moves to the other within the hold time, none is lost (I6)`,
    async () => {
      await using lab = await Lab.create(oneRack())
      const nodes = [NODE, "10.0.1.11"]
      await startRouter(lab, make, {
        host: "tor-1",
        asn: ROUTER_ASN,
        routerId: ROUTER,
        installRoutes: true,
        neighbors: nodes.map((ip) => ({ ip, asn: CLUSTER_ASN }))
      })
      const hosts = ["node-01", "node-02"]
      const text = clusterFile({ nodes })
      await Promise.all(hosts.map((host) => Daemon.start(lab, { host, config: { text } })))
      const reaches = (...hops: ReadonlyArray<string>) =>
        lab.until(
          async () => (await lab.kernelNextHops("tor-1", VIP)).join(" ") === hops.join(" "),
          `tor-1 to reach ${VIP} over ${hops.join(", ")}`
        )
      await reaches(...nodes)
      await Promise.all(hosts.map((host) => startResponder(lab, host, VIP)))
      const both = await probe(lab, "client", VIP, { count: 80 })
      expect([Object.keys(both.answers).sort(), both.lost]).toEqual([hosts, 0])
      await blockBgp(lab, "node-01")
      const blockedAt = performance.now()
      const during = probe(lab, "client", VIP, { count: 200, intervalMs: 20 })
      await reaches("10.0.1.11")
      expect(performance.now() - blockedAt).toBeLessThan(4_500)
      expect((await during).lost).toBe(0)
      expect(await probe(lab, "client", VIP, { count: 40 })).toEqual({ answers: { "node-02": 40 }, lost: 0 })
      await unblock(lab)
      await reaches(...nodes)
    },
    45_000
  )
}
