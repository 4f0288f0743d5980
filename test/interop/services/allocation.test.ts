// Addresses of services over everything that can happen to the daemons: kill -9 of all of them and of etcd, pools that shrink
// under a running daemon, services that come and go, nodes with different files. Rows S14, S15; invariants I4, I5, I9.
import { describe, expect } from "bun:test"
import { requires } from "../../lab/requires.ts"
import type { FileSpec, ServiceSpec } from "./file.ts"
import { Stage } from "./Stage.ts"

const LAN = { name: "lan", addresses: ["10.0.1.210-10.0.1.219"] }

/** Addresses by service, as the daemon of `host` tells them. */
const addressesOf = async (stage: Stage, host: string): Promise<Readonly<Record<string, ReadonlyArray<string>>>> => {
  const { services } = await stage.daemon(host).status()
  return Object.fromEntries(services.map(({ name, addresses }) => [name, addresses]))
}

/** Waits until every service of the file has an address, and gives them. */
const allocated = (stage: Stage, host: string, count: number) =>
  stage.lab.until(async () => {
    const found = await addressesOf(stage, host)
    const all = Object.values(found)
    return all.length === count && all.every(({ length }) => length > 0) ? found : undefined
  }, `${count} services with an address on ${host}`)

/** The row of `<namespace>-<name>`. */
const line = (text: string, name: string): string =>
  text
    .replaceAll(/^(\S+) +/gm, "$1-")
    .split("\n")
    .find((one) => one.startsWith(name)) ?? ""

/** Waits until the service has no address and a reason like `words`, where people look. */
const refused = (stage: Stage, host: string, name: string, words: RegExp): Promise<true> =>
  stage.lab.until(async () => {
    const found = line(await stage.get(host, "services"), name)
    if (!words.test(found)) throw new Error(found)
    return true as const
  }, `${name} to be refused with ${words}`)

const named = (...names: ReadonlyArray<string>): ReadonlyArray<ServiceSpec> => names.map((name) => ({ name }))

describe("one node with the embedded store", () => {
  const { test } = requires("root", "ip", "nft")
  const alone = (more: Partial<FileSpec>): FileSpec => ({ nodes: 1, pools: [LAN], ...more })
  const stageOf = (file: FileSpec) => Stage.create({ nodes: 1, store: "embedded", file })

  test("kill -9 and a new run: every service has what it had, whoever else is there by then (I4)", async () => {
    await using stage = await stageOf(alone({ services: named("shop", "web") }))
    const before = await allocated(stage, "node-01", 2)
    expect(before).toEqual({ shop: ["10.0.1.210"], web: ["10.0.1.211"] })
    await stage.daemon("node-01").process.kill()
    // In a new cluster it would be the first in order and get the lowest address.
    await stage.start("node-01", alone({ services: named("admin", "shop", "web") }))
    expect(await allocated(stage, "node-01", 3)).toEqual({ admin: ["10.0.1.212"], ...before })
    expect(await stage.holder("10.0.1.210")).toBe("node-01")
  })

  test("a pool that shrinks is refused with the services it would cost; reload --force moves them (I5, S20)", async () => {
    const services = named("shop", "web")
    await using stage = await stageOf(alone({ services }))
    const before = await allocated(stage, "node-01", 2)
    await stage.holder("10.0.1.211")
    const { hash } = (await stage.daemon("node-01").status()).config
    const shrunk = alone({ services, pools: [{ name: "lan", addresses: ["10.0.1.211-10.0.1.212"] }] })
    await stage.reload("node-01", shrunk)
    const { config } = await stage.daemon("node-01").status()
    expect(config.lastError).toContain("service default/shop would lose 10.0.1.210: pool lan no longer has 10.0.1.210")
    expect(config.lastError).not.toContain("default/web")
    expect(config.hash).toBe(hash)
    expect(await addressesOf(stage, "node-01")).toEqual(before)

    const plain = await stage.command("node-01", "reload")
    expect([plain.code, plain.stderr]).toEqual([
      1,
      expect.stringContaining("reload with --force if that is what you want")
    ])
    const forced = await stage.command("node-01", "reload", "--force")
    expect([forced.code, forced.stderr]).toEqual([0, ""])
    const moved = async () => (await addressesOf(stage, "node-01")).shop?.join() === "10.0.1.212"
    await stage.lab.until(moved, "shop to move to what the pool has")
    expect((await addressesOf(stage, "node-01")).web).toEqual(["10.0.1.211"])
    expect(await stage.holder("10.0.1.212")).toBe("node-01")
    await stage.lab.until(() => stage.watch.holders("10.0.1.210").length === 0, "the old address to go")
  })

  test("a freed address rests; exhaustion, conflicts and impossible requests say why", async () => {
    const pools = [
      { name: "two", addresses: ["10.0.1.210-10.0.1.211"] },
      { name: "asked", addresses: ["10.0.1.220/32"], manualAssign: true },
      { name: "mine", addresses: ["10.0.1.230/32"], namespaces: ["billing"] }
    ]
    const share = (key: string, port: number, more: Partial<ServiceSpec> = {}): ServiceSpec => ({
      name: `${key}-${port}`,
      ports: [{ port }],
      annotations: { "viaduct.dev/allow-shared-ip": key },
      spec: { loadBalancerIP: "10.0.1.220" },
      ...more
    })
    const rest = { daemon: { addressRestSeconds: 2 } }
    const wishes: ReadonlyArray<ServiceSpec> = [
      ...named("a"),
      share("dns", 53),
      share("dns", 853),
      share("ntp", 123),
      { name: "pooled", annotations: { "viaduct.dev/address-pool": "mine" } },
      { name: "istio-ingress", namespace: "gke-system", ports: [{ port: 443 }] }
    ]
    const file = alone({ pools, ingressVip: "10.0.1.211", services: wishes, ...rest })
    await using stage = await stageOf(file)
    await refused(stage, "node-01", "default-pooled", /pool mine .*billing/)
    const text = await stage.get("node-01", "services")
    expect(line(text, "default-a ")).toContain("10.0.1.210 ")
    expect(line(text, "gke-system-istio-ingress")).toContain("10.0.1.211 ")
    expect(line(text, "default-dns-53")).toContain("10.0.1.220 ")
    expect(line(text, "default-dns-853")).toContain("10.0.1.220 ")
    await refused(
      stage,
      "node-01",
      "default-ntp-123",
      /default\/dns-53 has it with the sharing key dns, this service has ntp/
    )

    // Both addresses of the pool are taken; then `a` goes, and its address rests before `b` gets it.
    const without = (names: ReadonlyArray<string>) => wishes.filter(({ name }) => !names.includes(name))
    await stage.reload("node-01", { ...file, services: [...wishes, ...named("b")] })
    await refused(stage, "node-01", "default-b", /all 2 IPv4 addresses of pool two are taken/)
    await stage.reload("node-01", { ...file, services: [...without(["a"]), ...named("b")] })
    const freedAt = Date.now()
    await refused(stage, "node-01", "default-b", /taken or resting \(1 of them rest, the next is free at/)
    const has = async () => (await addressesOf(stage, "node-01")).b?.join() === "10.0.1.210"
    await stage.lab.until(has, "b to get the address that has rested")
    expect(Date.now() - freedAt).toBeGreaterThan(1_500)
  })
})

describe("two nodes that share an etcd", () => {
  const { test } = requires("root", "ip", "nft", "etcd", "etcdctl")
  const withServices = (...names: ReadonlyArray<string>): FileSpec => ({ pools: [LAN], services: named(...names) })

  test("kill -9 of every daemon and of etcd: every service has what it had (I4)", async () => {
    await using stage = await Stage.create({ file: withServices("shop", "web") })
    const before = await allocated(stage, "node-01", 2)
    await Promise.all([...stage.hosts.map((host) => stage.daemon(host).process.kill()), stage.etcd.member.kill()])
    stage.etcd.member.start()
    const file = withServices("shop", "web")
    await Promise.all([stage.etcd.healthy(), ...stage.hosts.map((host) => stage.start(host, file))])
    // Whoever was there before etcd was runs its own copy at first, and takes no change.
    await stage.lab.until(async () => {
      const { note } = (await stage.daemon("node-02").status()).config
      if (note !== undefined) throw new Error(note)
      return true
    }, "node-02 to have the config from the store")
    await stage.apply("node-02", withServices("admin", "shop", "web"))
    for (const host of stage.hosts)
      expect(await allocated(stage, host, 3)).toEqual({ admin: ["10.0.1.212"], ...before })
    for (const address of ["10.0.1.210", "10.0.1.211"]) await stage.holder(address)
  })

  test("an old file on one of them: the store's revision is in force there, and the node says so (S20)", async () => {
    await using stage = await Stage.create({ file: withServices("shop", "web") })
    const before = await allocated(stage, "node-02", 2)
    await stage.apply("node-02", withServices("admin", "shop", "web"))
    const all = await allocated(stage, "node-02", 3)
    expect(all).toEqual({ admin: ["10.0.1.212"], ...before })
    await stage.daemon("node-01").process.kill()
    await stage.start("node-01", withServices("shop", "web"))
    expect(await allocated(stage, "node-01", 3)).toEqual(all)
    const { config } = await stage.daemon("node-01").status()
    expect([config.mode, config.revision]).toEqual(["store", 2])
    expect(config.note).toMatch(/says something else than revision 2, which is in force/)
    expect(stage.daemon("node-01").process.log()).toMatch(/"warn".*says something else than revision 2/)
    await Bun.sleep(500)
    expect(await addressesOf(stage, "node-02")).toEqual(all)
    expect(await stage.etcd.etcdctl("get", "/viaduct/bm/allocations/", "--prefix", "--keys-only")).toContain(
      "10.0.1.212"
    )
  })
})
