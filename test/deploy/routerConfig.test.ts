// `viaduct router-config`: what it writes for FRR, BIRD, GoBGP and OpenBGPD is loaded as it is by the real daemons, and the sessions
// of a node and of its floating IPs come up with it, carry the VIPs of both families and nothing that the file does not
// have. The other formats are held to what every one of them has to say. Rows S2, S5, S8-S12.
import { describe, expect, test as plain } from "bun:test"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Daemon } from "../interop/Daemon.ts"
import { Lab } from "../lab/Lab.ts"
import { requires } from "../lab/requires.ts"
import { startRouter } from "../lab/routers/index.ts"
import { oneRack } from "../lab/topology.ts"
import { routerTable } from "./routerTable.ts"
import { ROOT } from "./unitFile.ts"

const ROUTER = "10.0.1.254"
const VIP = "10.0.0.8"
const WEB = ["203.0.113.1", "2001:db8:f::1"]
const FLOATING_IPS = ["10.0.1.100", "10.0.1.101"]
const KEY = "a-key-of-the-test"

interface Wishes {
  /** Of services, IPv4. */
  readonly pool?: string
  readonly options?: string
  readonly cpOptions?: string
}

/** One node with a control-plane VIP, two floating IPs and a dual-stack service; the router is the peer of both. */
const clusterFile = ({ pool = "203.0.113.0/28", options = "", cpOptions = "" }: Wishes = {}): string => `
apiVersion: baremetal.cluster.gke.io/v1
kind: Cluster
metadata: { name: bm, namespace: cluster-bm }
spec:
  type: hybrid
  clusterNetwork:
    advancedNetworking: true
    services: { cidrBlocks: [10.96.0.0/20, "fd00:96::/112"] }
  controlPlane: { nodePoolSpec: { nodes: [{ address: 10.0.1.10, name: node-01 }] } }
  loadBalancer:
    type: bgp
    localASN: 65001
    bgpPeers: [{ ip: ${ROUTER}, asn: 65002${cpOptions} }]
    vips: { controlPlaneVIP: ${VIP} }
    addressPools:
      - name: web
        avoidBuggyIPs: true
        addresses: ["${pool}", "2001:db8:f::1-2001:db8:f::ff"]
---
apiVersion: networking.gke.io/v1
kind: NetworkGatewayGroup
metadata: { name: default, namespace: cluster-bm }
spec: { floatingIPs: [${FLOATING_IPS.join(", ")}] }
---
apiVersion: networking.gke.io/v1
kind: BGPLoadBalancer
metadata: { name: default, namespace: cluster-bm }
spec: { peerSelector: { use: "yes" } }
---
apiVersion: networking.gke.io/v1
kind: BGPPeer
metadata: { name: tor, namespace: cluster-bm, labels: { use: "yes" } }
spec: { localASN: 65001, peerASN: 65002, peerIP: ${ROUTER}, sessions: 2${options} }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: default }
spec: { type: LoadBalancer, ipFamilies: [IPv4, IPv6], ipFamilyPolicy: RequireDualStack, ports: [{ port: 80 }] }
`

const command = async (directory: string, file: string, ...args: ReadonlyArray<string>) => {
  const path = join(directory, "cluster.yaml")
  writeFileSync(path, file)
  const program =
    process.env.VIADUCT_BIN === undefined ? [process.execPath, join(ROOT, "src", "main.ts")] : [process.env.VIADUCT_BIN]
  const child = Bun.spawn([...program, "router-config", ...args, path], { stdout: "pipe", stderr: "pipe" })
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { out, err, code }
}

const MAKES = ["frr", "bird", "gobgp", "openbgpd"] as const

const load = async (lab: Lab, make: (typeof MAKES)[number], file: string) => {
  const { out, code, err } = await command(lab.directory, file, "--format", make)
  expect([code, err.includes("error")]).toEqual([0, false])
  const neighbors = ["10.0.1.10", ...FLOATING_IPS].map((ip) => ({
    ip,
    asn: 65001,
    protocol: `viaduct_${ip === "10.0.1.10" ? "control_plane" : "services"}_${ip.replaceAll(".", "_")}`
  }))
  return startRouter(lab, make, {
    host: "tor-1",
    asn: 65002,
    routerId: ROUTER,
    families: ["ipv4", "ipv6"],
    neighbors,
    installRoutes: make === "frr" || make === "bird",
    configText: out.replaceAll(/KEY-IN-[A-Za-z0-9-]+/g, KEY)
  })
}

for (const make of MAKES) {
  const { test } = requires("root", "ip", "nft", make)

  describe(`router-config --format ${make}`, () => {
    test("sessions of the node and of its floating IPs come up and carry the VIPs of both families", async () => {
      await using lab = await Lab.create(oneRack(1))
      const router = await load(lab, make, clusterFile())
      const daemon = await Daemon.start(lab, { host: "node-01", config: { text: clusterFile() } })
      for (const web of WEB) await router.routesTo(`${web}/${web.includes(":") ? 128 : 32}`, FLOATING_IPS.length)
      await router.routesTo(`${VIP}/32`, 1)
      const sessions = await router.sessions()
      expect(sessions.map(({ state, holdTime }) => [state, holdTime])).toEqual(
        Array.from({ length: 3 }, () => ["Established", 90])
      )
      const { negotiated } = (await daemon.status()).sessions.find(({ purpose }) => purpose === "service") ?? {}
      expect(negotiated?.addPathSend).toEqual(["ipv4-unicast", "ipv6-unicast"])
    })

    test("what the file does not have is refused, and the session stays", async () => {
      await using lab = await Lab.create(oneRack(1))
      const router = await load(lab, make, clusterFile({ pool: "203.0.113.16/28" }))
      const daemon = await Daemon.start(lab, { host: "node-01", config: { text: clusterFile() } })
      const [allowed, refused] = [`${WEB[1]}/128`, `${WEB[0]}/32`]
      await router.routesTo(allowed, FLOATING_IPS.length)
      await router.routesTo(`${VIP}/32`, 1)
      const told = (await daemon.status()).sessions.flatMap(({ advertised }) => advertised.map(({ prefix }) => prefix))
      expect(told).toContain(refused)
      const table = await routerTable(lab, make, "tor-1")
      expect([table.includes(WEB[1] ?? "?"), table.includes(WEB[0] ?? "?")]).toEqual([true, false])
      expect((await router.sessions()).map(({ state }) => state)).toEqual(Array(3).fill("Established"))
    })

    test("with MD5 and other timers", async () => {
      await using lab = await Lab.create(oneRack(1))
      const keyFile = join(lab.directory, "bgp.key")
      mkdirSync(lab.directory, { recursive: true })
      writeFileSync(keyFile, `${KEY}\n`, { mode: 0o600 })
      const options = `, passwordFile: ${keyFile}, holdTime: 9, keepaliveTime: 3`
      const file = clusterFile({ options, cpOptions: options })
      const router = await load(lab, make, file)
      await Daemon.start(lab, { host: "node-01", config: { text: file } })
      await router.routesTo(`${WEB[0]}/32`, FLOATING_IPS.length)
      await router.routesTo(`${VIP}/32`, 1)
      expect((await router.sessions()).map(({ holdTime }) => holdTime)).toEqual([9, 9, 9])
    })
  })
}

describe("router-config, every format", () => {
  const formats = [...MAKES, "junos", "eos", "ios-xr", "nxos", "sonic"]
  const directory = join(process.env.TMPDIR ?? "/tmp", `viaduct-router-config-${process.pid}`)
  mkdirSync(directory, { recursive: true })

  for (const format of formats)
    plain(`${format} names every speaker, both AS numbers, what may be announced, and no key`, async () => {
      const options = ", passwordFile: /etc/viaduct/tor.key"
      const { out, code } = await command(directory, clusterFile({ options }), "--format", format)
      expect(code).toBe(0)
      for (const text of ["10.0.1.10", ...FLOATING_IPS, "65001", "65002", `${VIP}/32`, "203.0.113.0/28"])
        expect(out).toContain(text)
      // The range of the pool as the prefixes that hold just it, host routes below them only.
      for (const prefix of ["2001:db8:f::1/128", "2001:db8:f::2/127", "2001:db8:f::80/121"])
        expect(out).toContain(prefix)
      expect(out).toContain("KEY-IN--etc-viaduct-tor-key")
    })

  plain("a peer that is not there, a layer 2 cluster and a broken file are refused with the reason", async () => {
    const missing = await command(directory, clusterFile(), "--format", "frr", "--peer", "10.9.9.9")
    expect([missing.code, missing.err]).toEqual([
      1,
      expect.stringContaining(`no peer has the address 10.9.9.9; there are ${ROUTER}`)
    ])
    const layer2 = await command(directory, clusterFile().replace("type: bgp", "type: layer2"), "--format", "frr")
    expect([layer2.code, layer2.err]).toEqual([1, expect.stringContaining("no router has to be told anything")])
    const broken = await command(directory, clusterFile().replace(VIP, "10.0.0"), "--format", "frr")
    expect([broken.code, broken.err]).toEqual([1, expect.stringContaining("not valid: nothing is written")])
  })
})
