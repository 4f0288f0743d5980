// The daemon with no more than its unit allows it: an own user, the three capabilities, a system that it cannot write to.
// Everything that needs a privilege has to work under it: port 179, addresses, raw ARP later. Decision D12.
import { describe, expect } from "bun:test"
import { readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { Daemon } from "../interop/Daemon.ts"
import { CLUSTER_ASN, clusterFile, NODE, ROUTER, ROUTER_ASN, VIP } from "../interop/scenario.ts"
import { Lab } from "../lab/Lab.ts"
import { requires } from "../lab/requires.ts"
import { startRouter } from "../lab/routers/index.ts"
import { pair } from "../lab/topology.ts"
import { ROOT, unitWords } from "./unitFile.ts"

/** Numbers that no user has; the unit's user need not exist here. */
const DAEMON = 64_998
const OPERATOR = 64_997

/** CAP_NET_ADMIN as setpriv writes it: +net_admin. */
const capabilities = (): string =>
  unitWords("AmbientCapabilities")
    .map((name) => `+${name.slice("CAP_".length).toLowerCase()}`)
    .join(",")

const confined = (lab: Lab, host: string): Promise<Daemon> => {
  const confine = join(ROOT, "test/deploy/confine.sh")
  return Daemon.start(lab, {
    host,
    config: { text: clusterFile({}) },
    launcher: ["sh", confine, ROOT, lab.hostDirectory(host), String(DAEMON), capabilities()]
  })
}

/** Uid and capability sets of a process, as the kernel has them. */
const privileges = (pid: number): Readonly<Record<string, string>> =>
  Object.fromEntries(
    readFileSync(`/proc/${pid}/status`, "utf8")
      .split("\n")
      .flatMap((line) => {
        const [key = "", value = ""] = line.split(":\t")
        return ["Uid", "CapEff", "CapBnd", "NoNewPrivs"].includes(key) ? [[key, value.split("\t")[0] ?? ""]] : []
      })
  )

describe("the daemon as its unit confines it", () => {
  const { test } = requires("root", "ip", "nft", "setpriv", "bird")

  test("announces and holds the VIP, accepts on port 179, and stops in order (D12)", async () => {
    await using lab = await Lab.create(pair())
    // The router calls: the daemon must be able to listen on a privileged port.
    const router = await startRouter(lab, "bird", {
      host: "router",
      asn: ROUTER_ASN,
      routerId: ROUTER,
      neighbors: [{ ip: NODE, asn: CLUSTER_ASN, passive: false }]
    })
    const daemon = await confined(lab, "node")
    expect(privileges(daemon.process.pid)).toEqual({
      Uid: String(DAEMON),
      CapEff: "0000000000003400",
      CapBnd: "0000000000003400",
      NoNewPrivs: "1"
    })
    await daemon.established(ROUTER)
    await router.routesTo(`${VIP}/32`)
    expect(await lab.exec("node", ["ss", "-Hltn", "sport = :179"])).toContain(`${NODE}:179`)
    expect(await lab.addresses("node", "lo")).toContain(VIP)
    const { code, tookMs } = await daemon.stop()
    expect(code).toBe(0)
    expect(tookMs).toBeLessThan(2_000)
    await router.noRouteTo(`${VIP}/32`, 1_000)
    expect(await lab.addresses("node", "lo")).not.toContain(VIP)
  })

  test("its admin socket is for its group and nobody else (D12)", async () => {
    await using lab = await Lab.create(pair())
    await confined(lab, "node")
    const socket = join(lab.hostDirectory("node"), "admin.sock")
    expect(statSync(socket).mode & 0o777).toBe(0o660)
    const mayUse = async (group: number): Promise<boolean> => {
      const as = ["setpriv", `--reuid=${OPERATOR}`, `--regid=${OPERATOR}`, `--groups=${group}`]
      return (await lab.tryExec("node", [...as, "test", "-w", socket])).code === 0
    }
    expect(await mayUse(DAEMON)).toBe(true)
    expect(await mayUse(OPERATOR)).toBe(false)
  })
})
