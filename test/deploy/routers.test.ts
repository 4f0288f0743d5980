// deploy/routers/*: each file is loaded as it is by the router that it is for, two nodes run deploy/cluster.yaml.example, and the
// router holds the VIP over both, in its kernel too where it installs routes. A VIP that the file does not list is refused.
// Rows S2, S5, S6.
import { describe, expect } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Daemon } from "../interop/Daemon.ts"
import { Lab } from "../lab/Lab.ts"
import { requires } from "../lab/requires.ts"
import { startRouter } from "../lab/routers/index.ts"
import type { Router } from "../lab/routers/Router.ts"
import { oneRack } from "../lab/topology.ts"
import { type Make, routerTable } from "./routerTable.ts"
import { ROOT } from "./unitFile.ts"

const ROUTER = "10.0.1.254"
const NODES = ["10.0.1.10", "10.0.1.11"]
const VIP = "10.0.0.8"
const OTHER = "10.0.0.9"

interface Example {
  readonly make: Make
  readonly file: string
  readonly installs: boolean
}

const EXAMPLES: ReadonlyArray<Example> = [
  { make: "frr", file: "frr.conf", installs: true },
  { make: "bird", file: "bird.conf", installs: true },
  { make: "gobgp", file: "gobgpd.toml", installs: false },
  { make: "openbgpd", file: "openbgpd.conf", installs: false }
]

const table = (lab: Lab, { make }: Example): Promise<string> => routerTable(lab, make, "tor-1")

const example = readFileSync(join(ROOT, "deploy/cluster.yaml.example"), "utf8")

const start = (lab: Lab, one: Example): Promise<Router> =>
  startRouter(lab, one.make, {
    host: "tor-1",
    asn: 65002,
    routerId: ROUTER,
    families: ["ipv4"],
    neighbors: NODES.map((ip) => ({ ip, asn: 65001, protocol: `node_${ip.slice(-2)}` })),
    installRoutes: one.installs,
    configText: readFileSync(join(ROOT, "deploy/routers", one.file), "utf8")
  })

for (const one of EXAMPLES) {
  const { test } = requires("root", "ip", "nft", one.make)

  describe(`deploy/routers/${one.file}`, () => {
    test(`${one.make} holds the example's VIP over both nodes (S6)`, async () => {
      await using lab = await Lab.create(oneRack())
      const router = await start(lab, one)
      const [first] = await Promise.all(
        ["node-01", "node-02"].map((host) => Daemon.start(lab, { host, config: { text: example } }))
      )
      const paths = await router.routesTo(`${VIP}/32`, 2)
      expect(paths.map((path) => path.nextHop).sort()).toEqual(NODES)
      for (const session of await router.sessions())
        expect(session).toMatchObject({ state: "Established", holdTime: 9 })
      expect(await table(lab, one)).toContain(VIP)
      const kernel = (hops: ReadonlyArray<string>) =>
        lab.until(
          async () => (await lab.kernelNextHops("tor-1", VIP)).join() === hops.join(),
          `the kernel route over ${hops.join(" and ")}`
        )
      if (one.installs) await kernel(NODES)
      await first?.stop()
      await router.routesTo(`${VIP}/32`, 1)
      if (one.installs) await kernel(NODES.slice(1))
    })

    test(`${one.make} refuses a VIP that the file does not list and keeps the session`, async () => {
      await using lab = await Lab.create(oneRack())
      const router = await start(lab, one)
      const wrong = await Daemon.start(lab, { host: "node-01", config: { text: example.replaceAll(VIP, OTHER) } })
      await wrong.established(ROUTER)
      await Daemon.start(lab, { host: "node-02", config: { text: example } })
      // The node that came later is in the table, so the one before it has been looked at.
      await lab.until(async () => (await table(lab, one)).includes(VIP), "the other node's VIP")
      expect(await table(lab, one)).not.toContain(OTHER)
      expect((await wrong.session(ROUTER)).state).toBe("Established")
      expect((await router.sessions()).map((session) => session.state)).toEqual(["Established", "Established"])
    })
  })
}
