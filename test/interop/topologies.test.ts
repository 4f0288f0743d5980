// The three topologies of the example cluster files, each with three control-plane nodes in two racks, routers of two makes
// and a client behind them: who peers with whom is what the routers show, traffic through the VIP reaches every node, and a
// node that stops takes only its own share. Rows S1-S6, S17; invariant I6.
import { describe, expect } from "bun:test"
import { Lab } from "../lab/Lab.ts"
import { probe, startResponder } from "../lab/probes.ts"
import { requires } from "../lab/requires.ts"
import { type MakeName, startRouter } from "../lab/routers/index.ts"
import type { Router } from "../lab/routers/Router.ts"
import { racks } from "../lab/topology.ts"
import { Daemon } from "./Daemon.ts"
import { CLUSTER_ASN, VIP } from "./scenario.ts"

const EXT_ASN = 65008

/** Addresses of the cluster's nodes that have a session with this router, as it shows them. */
const peersOf = async (router: Router): Promise<ReadonlyArray<string>> =>
  (await router.sessions())
    .filter((one) => one.state === "Established" && one.remoteAsn === CLUSTER_ASN)
    .map((one) => one.neighbor)
    .sort()

/** Every router may be called by every node; only the cluster file says who calls whom. */
const neighborsOf = (nodes: ReadonlyArray<string>) => nodes.map((ip) => ({ ip, asn: CLUSTER_ASN }))

const startDaemons = (lab: Lab, file: string, nodes: ReadonlyArray<string>): Promise<ReadonlyArray<Daemon>> =>
  Promise.all(nodes.map((_, index) => Daemon.start(lab, { host: `node-0${index + 1}`, config: { file } })))

const answering = async (lab: Lab, nodes: ReadonlyArray<string>): Promise<void> => {
  await Promise.all(nodes.map((_, index) => startResponder(lab, `node-0${index + 1}`, VIP)))
}

const kernel = (lab: Lab, host: string, hops: ReadonlyArray<string>) =>
  lab.until(
    async () => {
      const seen = await lab.kernelNextHops(host, VIP)
      if (seen.join(" ") !== hops.join(" ")) throw new Error(`next hops ${seen.join(" ")}`)
      return true
    },
    `the kernel of ${host} to reach ${VIP} over ${hops.join(", ")}`,
    15_000
  )

const reachesAll = async (lab: Lab, nodes: ReadonlyArray<string>): Promise<void> => {
  const { answers, lost } = await probe(lab, "client", VIP, { count: 150 })
  expect(lost).toBe(0)
  expect(Object.keys(answers).sort()).toEqual([...nodes])
}

/** Routers of the racks that peer with their own nodes and tell ext-1, with all next hops. */
const racksThenExt = async (lab: Lab, makes: ReadonlyArray<MakeName>, nodes: ReadonlyArray<string>) => {
  const tors = await Promise.all(
    makes.map((make, index) =>
      startRouter(lab, make, {
        host: `tor-${index + 1}`,
        asn: 65002,
        routerId: `10.8.0.${index + 1}`,
        installRoutes: true,
        addPath: true,
        neighbors: [...neighborsOf(nodes), { ip: "10.8.0.10", asn: EXT_ASN, passOn: true }]
      })
    )
  )
  const ext = await startRouter(lab, "bird", {
    host: "ext-1",
    asn: EXT_ASN,
    routerId: "10.8.0.10",
    installRoutes: true,
    addPath: true,
    neighbors: makes.map((_, index) => ({ ip: `10.8.0.${index + 1}`, asn: 65002, passive: false }))
  })
  return { tors, ext }
}

describe("topologies of the example files", () => {
  const { test } = requires("root", "ip", "nft", "frr", "bird")

  test("all nodes, the same peers: three sessions at each router, ECMP over both racks (S5)", async () => {
    const nodes = ["10.0.1.10", "10.0.1.11", "10.0.2.10"]
    await using lab = await Lab.create(racks(nodes))
    const own = { asn: 65002, installRoutes: true, addPath: true }
    const tors = [1, 2].map((rack) => ({ ip: `10.8.0.${rack}`, asn: 65100 + rack, passOn: true, passive: false }))
    const startTor = (rack: number) =>
      startRouter(lab, "bird", {
        host: `tor-${rack}`,
        asn: 65100 + rack,
        routerId: `10.8.0.${rack}`,
        installRoutes: true,
        addPath: true,
        acceptNextHops: [`10.0.${rack}.0/24`],
        neighbors: ["10.8.0.10", "10.8.0.11"].map((ip) => ({ ip, asn: 65002 }))
      })
    await Promise.all([startTor(1), startTor(2)])
    const [ext1, ext2] = await Promise.all([
      startRouter(lab, "bird", {
        ...own,
        host: "ext-1",
        routerId: "10.8.0.10",
        neighbors: [...neighborsOf(nodes), ...tors]
      }),
      startRouter(lab, "frr", {
        ...own,
        host: "ext-2",
        routerId: "10.8.0.11",
        neighbors: [...neighborsOf(nodes), ...tors]
      })
    ])
    const daemons = await startDaemons(lab, "config/examples/all-nodes-same-peers.yaml", nodes)
    const everySession = daemons.flatMap((daemon) => ["10.8.0.10", "10.8.0.11"].map((ip) => daemon.established(ip)))
    await Promise.all(everySession)
    for (const ext of [ext1, ext2]) {
      expect(await peersOf(ext)).toEqual(nodes)
      const routes = await ext.routesTo(`${VIP}/32`, 3)
      expect(routes.map(({ nextHop, asPath, origin }) => ({ nextHop, asPath, origin }))).toEqual(
        nodes.map((nextHop) => ({ nextHop, asPath: [CLUSTER_ASN], origin: "igp" }))
      )
    }
    for (const daemon of daemons) expect((await daemon.status()).sessions.length).toBe(2)
    await Promise.all([
      kernel(lab, "ext-1", ["10.8.0.1", "10.8.0.2"]),
      kernel(lab, "tor-1", ["10.0.1.10", "10.0.1.11"]),
      kernel(lab, "tor-2", ["10.0.2.10"]),
      answering(lab, nodes)
    ])
    await reachesAll(lab, ["node-01", "node-02", "node-03"])
  }, 60_000)

  test("a peer per rack: nodes call the router of their rack only, and a node that stops takes only its share (S5, I6)", async () => {
    const nodes = ["10.0.1.10", "10.0.1.11", "10.0.2.10"]
    await using lab = await Lab.create(racks(nodes))
    const { tors } = await racksThenExt(lab, ["frr", "bird"], nodes)
    const daemons = await startDaemons(lab, "config/examples/per-rack-peers.yaml", nodes)
    const peers = ["10.0.1.254", "10.0.1.254", "10.0.2.254"]
    await Promise.all(daemons.map((daemon, index) => daemon.established(peers[index] ?? "")))
    expect(await Promise.all(tors.map(peersOf))).toEqual([["10.0.1.10", "10.0.1.11"], ["10.0.2.10"]])
    for (const daemon of daemons) expect((await daemon.status()).sessions.length).toBe(1)
    await Promise.all([
      kernel(lab, "tor-1", ["10.0.1.10", "10.0.1.11"]),
      kernel(lab, "tor-2", ["10.0.2.10"]),
      kernel(lab, "ext-1", ["10.8.0.1", "10.8.0.2"]),
      answering(lab, nodes)
    ])
    await reachesAll(lab, ["node-01", "node-02", "node-03"])
    expect((await daemons[0]?.stop())?.code).toBe(0)
    await kernel(lab, "tor-1", ["10.0.1.11"])
    await reachesAll(lab, ["node-02", "node-03"])
  }, 60_000)

  test("control plane and data plane apart: the data plane's router gets no control-plane session (S3, S5)", async () => {
    const nodes = ["10.0.1.10", "10.0.1.11", "10.0.2.11"]
    await using lab = await Lab.create(racks([...nodes, "10.0.3.10"]))
    const { tors } = await racksThenExt(lab, ["bird", "frr", "bird"], nodes)
    const daemons = await startDaemons(lab, "config/examples/separate-data-plane.yaml", nodes)
    const peers = ["10.0.1.254", "10.0.1.254", "10.0.2.254"]
    await Promise.all(daemons.map((daemon, index) => daemon.established(peers[index] ?? "")))
    expect(await Promise.all(tors.map(peersOf))).toEqual([["10.0.1.10", "10.0.1.11"], ["10.0.2.11"], []])
    await Promise.all([
      kernel(lab, "tor-1", ["10.0.1.10", "10.0.1.11"]),
      kernel(lab, "tor-2", ["10.0.2.11"]),
      kernel(lab, "ext-1", ["10.8.0.1", "10.8.0.2"]),
      answering(lab, nodes)
    ])
    await reachesAll(lab, ["node-01", "node-02", "node-03"])
  }, 60_000)
})
