// Service sessions and what people are told about them: without BGPPeers, with more sessions than floating IPs, several from one
// node to one peer, none in an admin cluster, and floating IPs that no node can hold. Rows S4, S8-S10, S22; invariants I2, I9.
import { describe, expect } from "bun:test"
import { join } from "node:path"
import { requires } from "../../lab/requires.ts"
import type { Router } from "../../lab/routers/Router.ts"
import { ROUTER } from "../scenario.ts"
import { type FileSpec, FLOATING_IPS, nodeAddress } from "./file.ts"
import { holdsNextHops, LEAF_ASN, LEAF_IP, startRackRouter } from "./router.ts"
import { Stage, type StageSpec } from "./Stage.ts"

const { test } = requires("root", "ip", "nft", "etcd", "etcdctl", "bird")

const VIP = "203.0.113.1/32"
const FILE: FileSpec = {
  type: "bgp",
  floatingIps: FLOATING_IPS,
  pools: [{ name: "public", addresses: [VIP] }],
  services: [{ name: "web" }]
}

const withBird = async (spec: StageSpec): Promise<{ readonly stage: Stage; readonly bird: Router }> => {
  let bird: Router | undefined
  const stage = await Stage.create({
    ...spec,
    prepare: async (lab) => {
      bird = await startRackRouter(lab, "bird", 2)
    }
  })
  if (bird === undefined) throw new Error("no router")
  return { stage, bird }
}

const nodes = ["node-01", "node-02"].map(nodeAddress)
const everyHop = { [FLOATING_IPS[0]]: nodes, [FLOATING_IPS[1]]: nodes }

describe("service sessions", () => {
  test("without BGPPeer and BGPLoadBalancer the peers of the control plane serve (S10)", async () => {
    const { stage, bird } = await withBird({ file: FILE })
    await using _lab = stage.lab
    await holdsNextHops(stage.lab, bird, VIP, everyHop, 20_000)
    const [first = "", second = ""] = nodes
    await holdsNextHops(stage.lab, bird, "10.0.0.8/32", { [first]: [first], [second]: [second] })
    const holder = await stage.holder(FLOATING_IPS[0])
    const { sessions } = await stage.daemon(holder).status()
    expect(sessions.map(({ name, purpose, localAddress }) => [name, purpose, localAddress])).toEqual([
      [`${ROUTER}-${holder}`, "control-plane", nodeAddress(holder)],
      [`${ROUTER}-${holder}-${FLOATING_IPS[0]}`, "service", FLOATING_IPS[0]]
    ])
  })

  test("names stay while the session lives, also when the one with the short name goes (S22); more sessions than floating IPs", async () => {
    // The control plane has a peer that is not there: the names of that one are others.
    const file = { ...FILE, controlPlanePeer: { ip: LEAF_IP, asn: LEAF_ASN }, peers: [{ sessions: 3 }] }
    const { stage, bird } = await withBird({ file, without: ["node-02"] })
    await using _lab = stage.lab
    await holdsNextHops(
      stage.lab,
      bird,
      VIP,
      { [FLOATING_IPS[0]]: [nodes[0] ?? ""], [FLOATING_IPS[1]]: [nodes[0] ?? ""] },
      20_000
    )
    const daemon = stage.daemon("node-01")
    const status = await daemon.status()
    const named = (name: string) => status.sessions.find((one) => one.name === name)
    const [short, long] = [
      named(`${ROUTER}-node-01`),
      status.sessions.find(({ name }) => name.startsWith(`${ROUTER}-node-01-`))
    ]
    expect([short?.localAddress, long?.localAddress].sort()).toEqual([...FLOATING_IPS])
    expect(long?.name).toBe(`${ROUTER}-node-01-${long?.localAddress}`)
    expect(daemon.process.log()).toMatch(/warn.*more sessions than floating IPs to start them from.*3.*at most 2/)
    expect(status.refusals).toContainEqual({
      subject: "BGPPeer peer-1",
      reason:
        "wants 3 sessions and has only 2 IPv4 floating IPs to start them from: " +
        "add 1 to the NetworkGatewayGroup, or lower sessions"
    })

    await stage.apply("node-01", { ...file, floatingIps: [long?.localAddress ?? ""] })
    await stage.lab.until(
      async () => !(await daemon.status()).sessions.some(({ localAddress }) => localAddress === short?.localAddress),
      "the session with the short name to go"
    )
    expect(await daemon.session(ROUTER)).toMatchObject({ name: long?.name ?? "?", state: "Established", flaps: 0 })
    expect(await stage.get("node-01", "bgpsessions")).toContain(`${long?.name} `)
    await holdsNextHops(stage.lab, bird, VIP, { [long?.localAddress ?? ""]: [nodes[0] ?? ""] })
    const gone = () => stage.watch.holders(short?.localAddress ?? "").length === 0
    await stage.lab.until(gone, "the floating IP to go, when its goodbye has left")
  })

  test("a floating IP that no node can hold: why, in the plan and in the status (S8, I9)", async () => {
    const far = "10.0.99.100"
    const file = { ...FILE, floatingIps: [FLOATING_IPS[0], far], peers: [{}] }
    const { stage, bird } = await withBird({ file })
    await using _lab = stage.lab
    await holdsNextHops(stage.lab, bird, VIP, { [FLOATING_IPS[0]]: nodes }, 20_000)
    const why = "no node can hold it (node-01, node-02: has no interface in its subnet)"
    const one = await stage.floatingIp("node-01", far)
    expect([one.state, one.reason, one.node]).toEqual(["unassigned", why, undefined])
    expect(await stage.get("node-02", "floatingips", "-o", "wide")).toContain(why)
    const cluster = join(stage.lab.hostDirectory("node-01"), "cluster.yaml")
    const { stdout, code } = await stage.command("node-01", "plan", "--node", "node-01", cluster)
    expect([code, stdout.includes(`${far} (floating IP of default): nobody`), stdout.includes(why)]).toEqual([
      0,
      true,
      true
    ])
    // The session that has nowhere to start from does not make the node unready.
    const ready = async () => (await stage.readiness("node-01")).ready && (await stage.readiness("node-02")).ready
    await stage.lab.until(ready, "both nodes to be ready")
  })

  test("an admin cluster has its control plane, and says why services get nothing (S4)", async () => {
    const { stage, bird } = await withBird({ file: { ...FILE, clusterType: "admin", peers: [{}] } })
    await using _lab = stage.lab
    const [first = "", second = ""] = nodes
    await holdsNextHops(stage.lab, bird, "10.0.0.8/32", { [first]: [first], [second]: [second] }, 20_000)
    const { refusals, sessions, floatingIps } = await stage.daemon("node-01").status()
    expect([sessions.length, floatingIps.length]).toEqual([1, 0])
    const why = "an admin cluster has control-plane load balancing only"
    expect(refusals.filter(({ reason }) => reason === why).map(({ subject }) => subject)).toEqual([
      `floating IPs ${FLOATING_IPS.join(", ")}`,
      "BGPPeers peer-1",
      "address pools public",
      "1 service"
    ])
    expect(await stage.get("node-01", "services")).toContain(why)
    expect(FLOATING_IPS.flatMap((address) => stage.watch.holders(address))).toEqual([])
    await bird.noRouteTo(VIP)
  })
})
