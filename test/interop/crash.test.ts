// The address on the node over a crash, a changed file, somebody's hand, and missing rights (I8, I9).
import { describe, expect } from "bun:test"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { requires } from "../lab/requires.ts"
import { Daemon } from "./Daemon.ts"
import { clusterFile, NODE, ROUTER, ROUTER_ASN, scenario, VIP } from "./scenario.ts"

const OTHER = "10.0.0.9"

describe("the VIP on the node", () => {
  const { test } = requires("root", "ip", "nft", "bird")

  test("stays over kill -9, is taken over by the next daemon, and goes when that one has another VIP", async () => {
    await using all = await scenario("bird")
    const { lab, router } = all
    const onLo = () => lab.addresses("node", "lo")
    await router.routesTo(`${VIP}/32`)
    await all.daemon.process.kill()
    // The router has seen the session end, and keeps the route for the daemon that will come back (RFC 4724).
    await router.down(NODE)
    expect((await router.routesTo(`${VIP}/32`)).map(({ nextHop }) => nextHop)).toEqual([NODE])
    expect(await onLo()).toContain(VIP)
    const second = await Daemon.start(lab, { host: "node", config: { text: clusterFile({}) } })
    await router.routesTo(`${VIP}/32`)
    await second.process.kill()
    const third = await Daemon.start(lab, { host: "node", config: { text: clusterFile({ vip: OTHER }) } })
    await router.routesTo(`${OTHER}/32`)
    expect(await onLo()).not.toContain(VIP)
    expect(await onLo()).toContain(OTHER)
    expect((await third.stop()).code).toBe(0)
    expect(await onLo()).not.toContain(OTHER)
  })

  test("goes from the router at once where graceful restart is turned off", async () => {
    const peers = [{ ip: ROUTER, asn: ROUTER_ASN, gracefulRestartTime: 0 }]
    await using all = await scenario("bird", { cluster: { peers } })
    await all.router.routesTo(`${VIP}/32`)
    await all.daemon.process.kill()
    await all.router.noRouteTo(`${VIP}/32`)
  })

  test("comes back when somebody takes it off, and the log says so", async () => {
    await using all = await scenario("bird")
    await all.router.routesTo(`${VIP}/32`)
    await all.lab.exec("node", ["ip", "addr", "del", `${VIP}/32`, "dev", "lo"])
    await all.lab.until(
      async () => (await all.lab.addresses("node", "lo")).includes(VIP),
      "the VIP to come back",
      8_000
    )
    expect(all.daemon.process.log()).toContain(`${VIP} was taken off lo by somebody else; put back`)
    expect((await all.daemon.session(ROUTER)).flaps).toBe(0)
  })

  test("a reload with another VIP announces it before the old one goes, without a flap (I5)", async () => {
    await using all = await scenario("bird")
    await all.router.routesTo(`${VIP}/32`)
    const before = (await all.daemon.session(ROUTER)).sent.update
    const same = () => all.daemon.process.log().match(/means the same as before/g)?.length ?? 0
    for (let i = 1; i <= 50; i++) {
      writeFileSync(join(all.lab.hostDirectory("node"), "cluster.yaml"), `# edit ${i}\n${clusterFile({})}`)
      all.daemon.process.signal("SIGHUP")
      await all.lab.until(() => same() >= i, `reload ${i}`)
    }
    expect((await all.daemon.session(ROUTER)).sent.update).toBe(before)
    writeFileSync(join(all.lab.hostDirectory("node"), "cluster.yaml"), clusterFile({ vip: OTHER }))
    await all.daemon.reload(true)
    await all.router.routesTo(`${OTHER}/32`)
    await all.router.noRouteTo(`${VIP}/32`)
    await all.lab.until(async () => !(await all.lab.addresses("node", "lo")).includes(VIP), "the old VIP to go")
    expect(await all.daemon.session(ROUTER)).toMatchObject({ state: "Established", flaps: 0 })
  })
})
