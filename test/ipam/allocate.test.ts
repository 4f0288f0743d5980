// Who gets which address and what everybody is told, case by case. S14, S15, I4, I9.
import { describe, expect, test } from "bun:test"
import { allocate } from "../../src/ipam/allocate.ts"
import { losing } from "../../src/ipam/restore.ts"
import type { AddressPool } from "../../src/ipam/types.ts"
import { addr, changesOf, NOW, next, pool, REST_MS, service, shown, start } from "./world.ts"

const small = pool("p", ["10.0.0.1-10.0.0.3"])

describe("new services", () => {
  test("get the lowest free addresses in the order of namespace and name, whatever the order of the documents", () => {
    const services = [service("b"), service("a"), service("a/z"), service("a-a/y")]
    const forwards = allocate({ ...start, pools: [pool("p", ["10.0.0.9", "10.0.0.1-10.0.0.3"])], services })
    expect(shown(forwards)).toEqual(["a/z 10.0.0.9", "a-a/y 10.0.0.1", "default/a 10.0.0.2", "default/b 10.0.0.3"])
    const backwards = allocate({
      ...start,
      pools: [pool("p", ["10.0.0.9", "10.0.0.1-10.0.0.3"])],
      services: services.toReversed()
    })
    expect(backwards).toEqual(forwards)
    expect(changesOf(forwards)[0]).toBe("bind 10.0.0.9 a/z: the lowest free one of pool p")
    expect(forwards.statuses.get("default/a")).toEqual({ addresses: [addr("10.0.0.2")], pools: ["p"] })
  })

  test("pools are asked by priority, then in the order of the file; manual ones only on request", () => {
    const pools = [
      pool("late", ["10.0.9.1"]),
      pool("manual", ["10.0.8.1-10.0.8.2"], { manualAssign: true, priority: 0 }),
      pool("two", ["10.0.2.1"], { priority: 2 }),
      pool("one", ["10.0.1.1"], { priority: 1 })
    ]
    const services = [
      service("a"),
      service("b"),
      service("c"),
      service("d"),
      service("e", { pool: "manual" }),
      service("f", { addresses: [addr("10.0.8.2")] })
    ]
    expect(shown(allocate({ ...start, pools, services }))).toEqual([
      "default/a 10.0.1.1",
      "default/b 10.0.2.1",
      "default/c 10.0.9.1",
      "default/d (no IPv4 address: the one IPv4 address of pool one is taken, the one IPv4 address of pool two is taken, " +
        "the one IPv4 address of pool late is taken, pool manual gives addresses on request only (manualAssign))",
      "default/e 10.0.8.1",
      "default/f 10.0.8.2"
    ])
  })

  test("who asks for an address by name gets it before one who would take any", () => {
    const services = [service("a"), service("z", { addresses: [addr("10.0.0.1")] })]
    expect(shown(allocate({ ...start, pools: [small], services }))).toEqual([
      "default/a 10.0.0.2",
      "default/z 10.0.0.1"
    ])
  })

  test("avoidBuggyIps leaves out .0 and .255, but not for who asks for one", () => {
    const pools = [pool("p", ["10.0.0.254-10.0.1.1"], { avoidBuggyIps: true })]
    const services = [service("a"), service("b"), service("c"), service("d", { addresses: [addr("10.0.1.0")] })]
    expect(shown(allocate({ ...start, pools, services }))).toEqual([
      "default/a 10.0.0.254",
      "default/b 10.0.1.1",
      "default/c (no IPv4 address: all 2 IPv4 addresses of pool p are taken)",
      "default/d 10.0.1.0"
    ])
  })

  test("namespaces and selectors of pools say who may use them", () => {
    const pools: ReadonlyArray<AddressPool> = [
      pool("team", ["10.0.1.1-10.0.1.9"], {
        namespaces: ["red"],
        namespaceSelector: { matchExpressions: [{ key: "team", operator: "In", values: ["blue"] }] }
      }),
      pool("gold", ["10.0.2.1-10.0.2.9"], { serviceSelector: { matchLabels: { tier: "gold" } } })
    ]
    const services = [
      service("blue/a", { namespaceLabels: { team: "blue" } }),
      service("green/b", { labels: { tier: "gold" } }),
      service("green/c"),
      service("green/d", { pool: "team" }),
      service("green/e", { addresses: [addr("10.0.1.9")] }),
      service("green/f", { pool: "gold", labels: { tier: "silver" } }),
      service("red/g")
    ]
    const team = "pool team is only for namespaces red and its namespaceSelector, not for namespace green"
    const gold = "the serviceSelector of pool gold does not match the service's labels"
    expect(shown(allocate({ ...start, pools, services }))).toEqual([
      "blue/a 10.0.1.1",
      "green/b 10.0.2.1",
      `green/c (no IPv4 address: ${team}, ${gold})`,
      `green/d (no IPv4 address: ${team})`,
      `green/e (asks for 10.0.1.9: ${team})`,
      `green/f (no IPv4 address: ${gold})`,
      "red/g 10.0.1.2"
    ])
  })

  test("requests that cannot be met say what is in the way", () => {
    const services = [
      service("a", { addresses: [addr("10.0.0.1")] }),
      service("b", { addresses: [addr("10.0.0.1")] }),
      service("c", { pool: "q" }),
      service("d", { pool: "q", addresses: [addr("10.0.0.2")] }),
      service("e", { families: ["ipv4"], addresses: [addr("2001:db8::1")] }),
      service("f", { addresses: [addr("10.9.9.9")] })
    ]
    const allocation = allocate({ ...start, pools: [small], services })
    expect(shown(allocation)).toEqual([
      "default/a 10.0.0.1",
      "default/b (asks for 10.0.0.1: default/a has it, and this service has no sharing key)",
      "default/c (no IPv4 address: there is no pool q (there are p))",
      "default/d (asks for 10.0.0.2: it is of pool p, and the service asks for pool q as well)",
      "default/e (asks for 2001:db8::1, but its ipFamilies are IPv4)",
      "default/f 10.9.9.9"
    ])
    expect(allocation.bindings.find(({ address }) => address === "10.9.9.9")?.pool).toBe("")
  })

  test("without any pool the reason says so", () => {
    expect(shown(allocate({ ...start, services: [service("a")] }))).toEqual([
      "default/a (no IPv4 address: there are no address pools)"
    ])
  })
})

describe("dual stack (S15)", () => {
  const v4 = pool("v4", ["10.0.0.1"])
  const v6 = pool("v6", ["2001:db8::1"])
  const both = pool("both", ["10.0.1.1", "2001:db8:1::1"])
  const serviceFamilies = ["ipv4", "ipv6"] as const

  test("both addresses come from one pool where there is one, otherwise from two", () => {
    const services = [
      service("a", { familyPolicy: "RequireDualStack" }),
      service("b", { familyPolicy: "RequireDualStack" })
    ]
    expect(shown(allocate({ ...start, pools: [v4, v6, both], services, serviceFamilies }))).toEqual([
      "default/a 10.0.1.1 2001:db8:1::1",
      "default/b 10.0.0.1 2001:db8::1"
    ])
  })

  test("PreferDualStack takes what there is and says what is missing; RequireDualStack takes both or none", () => {
    const prefer = service("a", { familyPolicy: "PreferDualStack" })
    const require = service("b", { familyPolicy: "RequireDualStack" })
    const missing = "no IPv6 address: pool p has no IPv6 addresses"
    expect(shown(allocate({ ...start, pools: [small], services: [prefer, require], serviceFamilies }))).toEqual([
      `default/a 10.0.0.1 (${missing})`,
      `default/b (RequireDualStack, so both families or none: ${missing})`
    ])
  })

  test("PreferDualStack in a cluster of one family wants that one only", () => {
    const prefer = service("a", { familyPolicy: "PreferDualStack" })
    expect(shown(allocate({ ...start, pools: [both], services: [prefer] }))).toEqual(["default/a 10.0.1.1"])
  })

  test("the second family comes from the pool of the first, and the primary family stands first", () => {
    const input = { ...start, pools: [v6, both], services: [service("a", { pool: "both" })], serviceFamilies }
    const grown = service("a", { families: ["ipv6"], familyPolicy: "RequireDualStack", pool: "both" })
    const dual = next(next(input), { services: [grown] })
    expect(shown(allocate(dual))).toEqual(["default/a 2001:db8:1::1 10.0.1.1"])
    const shrunk = next(dual, { services: [service("a")] })
    expect(changesOf(allocate(shrunk))).toEqual(["unbind 2001:db8:1::1 default/a: the service no longer asks for IPv6"])
  })

  test("one requested address leaves the other family to the pools", () => {
    const asks = service("a", { familyPolicy: "RequireDualStack", addresses: [addr("2001:db8:1::1")] })
    expect(shown(allocate({ ...start, pools: [v4, both], services: [asks], serviceFamilies }))).toEqual([
      "default/a 2001:db8:1::1 10.0.1.1"
    ])
  })
})

describe("bindings are restored before anything new is decided (I4)", () => {
  test("a service that is new and first in order takes nothing from one that has its address", () => {
    const old = next({ ...start, pools: [small], services: [service("z")] })
    const allocation = allocate({ ...old, services: [service("a"), service("z")] })
    expect(shown(allocation)).toEqual(["default/a 10.0.0.2", "default/z 10.0.0.1"])
    expect(changesOf(allocation)).toEqual(["bind 10.0.0.2 default/a: the lowest free one of pool p"])
  })

  test("what only the pools no longer allow is kept and said, listed as a loss, and lost by force", () => {
    const old = next({ ...start, pools: [small], services: [service("a"), service("b")] })
    const pools = [pool("p", ["10.0.0.2-10.0.0.9"])]
    expect(losing(pools, old.services, old.bindings)).toEqual([
      { service: "default/a", address: addr("10.0.0.1"), reason: "pool p no longer has 10.0.0.1" }
    ])
    const kept = allocate({ ...old, pools })
    expect(shown(kept)).toEqual([
      "default/a 10.0.0.1 (pool p no longer has 10.0.0.1; 10.0.0.1 is kept until the change is forced)",
      "default/b 10.0.0.2"
    ])
    expect(kept.changes).toEqual([])
    const forced = allocate({ ...old, pools, force: true })
    expect(changesOf(forced)).toEqual([
      "unbind 10.0.0.1 default/a: pool p no longer has 10.0.0.1, and the change is forced",
      "bind 10.0.0.3 default/a: the lowest free one of pool p"
    ])
  })

  test("what is kept against the pools' word already is no loss of the next change", () => {
    const old = next({ ...start, pools: [small], services: [service("a"), service("b")] })
    const without = [pool("p", ["10.0.0.2-10.0.0.9"])]
    expect(losing(without, old.services, old.bindings, without)).toEqual([])
    expect(losing([], old.services, old.bindings, without).map((loss) => loss.service)).toEqual(["default/b"])
  })

  test("a pool that closes itself to a service keeps it as well", () => {
    const old = next({ ...start, pools: [small], services: [service("a")] })
    const pools = [{ ...small, namespaces: ["other"] }]
    const reason = "pool p is only for namespaces other, not for namespace default"
    expect(losing(pools, old.services, old.bindings)).toEqual([
      { service: "default/a", address: addr("10.0.0.1"), reason }
    ])
    expect(shown(allocate({ ...old, pools }))).toEqual([
      `default/a 10.0.0.1 (${reason}; 10.0.0.1 is kept until the change is forced)`
    ])
  })

  test("another name for the pool, or its addresses in another one, changes nothing", () => {
    const old = next({ ...start, pools: [small], services: [service("a")] })
    const pools = [pool("q", ["10.0.0.7-10.0.0.9"]), pool("r", ["10.0.0.0-10.0.0.3"])]
    const allocation = allocate({ ...old, pools })
    expect([losing(pools, old.services, old.bindings), allocation.changes]).toEqual([[], []])
    expect(allocation.statuses.get("default/a")).toEqual({ addresses: [addr("10.0.0.1")], pools: ["r"] })
  })

  test("a service that asks for something else moves; what it cannot have yet leaves it where it is", () => {
    const pools = [small, pool("q", ["10.0.1.1"])]
    const old = next({ ...start, pools, services: [service("a"), service("b", { pool: "q" })] })
    const moved = allocate({ ...old, services: [service("a", { addresses: [addr("10.0.0.3")] })] })
    expect(changesOf(moved).slice(1)).toEqual([
      "bind 10.0.0.3 default/a: the service asks for it",
      "unbind 10.0.0.1 default/a: the service asks for 10.0.0.3"
    ])
    const stuck = { ...old, services: [service("a", { pool: "q" }), service("b", { pool: "q" })] }
    expect(shown(allocate(stuck))).toEqual([
      "default/a 10.0.0.1 (no IPv4 address: the one IPv4 address of pool q is taken; it keeps 10.0.0.1 until then)",
      "default/b 10.0.1.1"
    ])
    const freed = { ...next({ ...stuck, services: [service("a", { pool: "q" })] }), nowMs: NOW + REST_MS }
    expect(changesOf(allocate(freed))).toEqual([
      "bind 10.0.1.1 default/a: the lowest free one of pool q",
      "unbind 10.0.0.1 default/a: the service asks for pool q"
    ])
  })

  test("a service whose pool annotation names the pool that lost the address has not moved itself", () => {
    const old = next({ ...start, pools: [small], services: [service("a", { pool: "p" })] })
    const pools = [pool("p", ["10.0.0.9"]), pool("q", ["10.0.0.1"])]
    expect(allocate({ ...old, pools }).changes).toEqual([])
    expect(changesOf(allocate({ ...old, pools, force: true })).at(-1)).toBe(
      "bind 10.0.0.9 default/a: the lowest free one of pool p"
    )
  })

  test("a request that is taken back leaves the address where a pool has it", () => {
    const services = [service("a", { addresses: [addr("10.0.0.3")] }), service("b", { addresses: [addr("10.9.9.9")] })]
    const old = next({ ...start, pools: [small], services })
    const allocation = allocate({ ...old, services: [service("a"), service("b")] })
    expect(shown(allocation)).toEqual(["default/a 10.0.0.3", "default/b 10.0.0.1"])
    expect(changesOf(allocation).at(-1)).toBe(
      "unbind 10.9.9.9 default/b: the service no longer asks for 10.9.9.9, which is in no pool"
    )
  })

  test("an address that one gives up is there for another in the same run where it need not rest", () => {
    const services = [service("a", { addresses: [addr("10.0.0.2")] }), service("b", { addresses: [addr("10.0.0.1")] })]
    const old = next({ ...start, restMs: 0, pools: [small], services })
    const again = {
      ...old,
      services: [service("a", { addresses: [addr("10.0.0.1")] }), service("b", { addresses: [addr("10.0.0.3")] })]
    }
    expect(shown(allocate(again))).toEqual(["default/a 10.0.0.1", "default/b 10.0.0.3"])
    expect(allocate(next(again)).changes).toEqual([])
  })

  test("a family that nobody chose is not exchanged when the pools get another one", () => {
    const v6 = pool("v6", ["2001:db8::1"])
    const old = next({ ...start, serviceFamilies: [], pools: [v6], services: [service("a")] })
    const allocation = allocate({ ...old, pools: [small, v6], services: [service("a"), service("b")] })
    expect(shown(allocation)).toEqual(["default/a 2001:db8::1", "default/b 10.0.0.1"])
  })

  test("of two addresses of one family the one that the service asks for stays", () => {
    const owners = [{ service: "default/a", ports: [{ protocol: "TCP", port: 80 }] }] as const
    const bindings = ["10.0.0.1", "10.0.0.2"].map((text) => ({ address: addr(text), pool: "p", owners }))
    const asks = service("a", { addresses: [addr("10.0.0.2")] })
    expect(changesOf(allocate({ ...start, pools: [small], bindings, services: [asks] }))).toEqual([
      "unbind 10.0.0.1 default/a: the service has 10.0.0.2 already"
    ])
  })
})

describe("rest", () => {
  const full = next({ ...start, pools: [small], services: [service("a"), service("b"), service("c")] })

  test("an address that was given back goes to nobody else until it has rested", () => {
    const gone = next({ ...full, services: [service("b"), service("c")] })
    const late = { ...gone, services: [service("b"), service("c"), service("d")] }
    expect(shown(allocate(late)).at(-1)).toBe(
      "default/d (no IPv4 address: all 3 IPv4 addresses of pool p are taken or resting " +
        "(1 of them rest, the next is free at 2026-01-01T00:01:00.000Z))"
    )
    expect(shown(allocate({ ...late, nowMs: NOW + REST_MS - 1 })).at(-1)).toContain("resting")
    expect(shown(allocate({ ...late, nowMs: NOW + REST_MS })).at(-1)).toBe("default/d 10.0.0.1")
    expect(allocate({ ...late, nowMs: NOW + REST_MS }).resting).toEqual([])
    const asks = service("d", { addresses: [addr("10.0.0.1")] })
    expect(shown(allocate({ ...late, services: [service("b"), service("c"), asks] })).at(-1)).toBe(
      "default/d (asks for 10.0.0.1: default/a gave it back, and it rests until 2026-01-01T00:01:00.000Z)"
    )
  })

  test("who had it gets it back at once", () => {
    const gone = next({ ...full, pools: [pool("p", ["10.0.0.1-10.0.0.9"])], services: [service("a"), service("c")] })
    expect(
      changesOf(allocate({ ...gone, services: [service("a"), service("b"), service("c"), service("d")] }))
    ).toEqual([
      "bind 10.0.0.2 default/b: it had the address a moment ago",
      "bind 10.0.0.4 default/d: the lowest free one of pool p"
    ])
  })
})

describe("sharing", () => {
  const web = service("a", { sharingKey: "k" })
  const dns = service("b", { sharingKey: "k", ports: [{ protocol: "UDP", port: 80 }] })

  test("services with one key and different ports share; everything else has its reason", () => {
    const services = [
      { ...web, addresses: [addr("10.0.0.1")] },
      { ...dns, addresses: [addr("10.0.0.1")] },
      service("c", { sharingKey: "k" }),
      service("d", { sharingKey: "other", addresses: [addr("10.0.0.1")] }),
      service("e", { sharingKey: "k", addresses: [addr("10.0.0.1")], ports: [{ protocol: "UDP", port: 80 }] }),
      service("f", {
        sharingKey: "k",
        addresses: [addr("10.0.0.1")],
        ports: [{ protocol: "TCP", port: 443 }],
        externalTrafficPolicy: "Local"
      })
    ]
    const allocation = allocate({ ...start, pools: [small], services })
    expect(shown(allocation)).toEqual([
      "default/a 10.0.0.1",
      "default/b 10.0.0.1",
      "default/c 10.0.0.2",
      "default/d (asks for 10.0.0.1: default/a has it with the sharing key k, this service has other)",
      "default/e (asks for 10.0.0.1: default/b serves UDP 80 there already)",
      "default/f (asks for 10.0.0.1: default/a has it, and only services with externalTrafficPolicy Cluster share an " +
        "address: this service has Local)"
    ])
    expect(changesOf(allocation)[1]).toBe("share 10.0.0.1 default/b: the service asks for it")
  })

  test("one that leaves takes nothing from the other, and nothing rests", () => {
    const both = { ...start, pools: [small], services: [web, dns] }
    expect(changesOf(allocate(both))[1]).toBe("share 10.0.0.1 default/b: sharing key k")
    const old = next(both)
    const allocation = allocate({ ...old, services: [dns] })
    expect(changesOf(allocation)).toEqual(["leave 10.0.0.1 default/a: the service is gone"])
    expect([allocation.resting, shown(allocation)]).toEqual([[], ["default/b 10.0.0.1"]])
  })

  test("who changes so that they no longer fit goes; who did not change stays", () => {
    const old = next({ ...start, pools: [small], services: [web, dns] })
    const clash = { ...web, ports: dns.ports }
    expect(changesOf(allocate({ ...old, services: [clash, dns] }))).toEqual([
      "leave 10.0.0.1 default/a: can no longer share it: default/b serves UDP 80 there already",
      "bind 10.0.0.2 default/a: the lowest free one of pool p"
    ])
    const keyless = service("b", { ports: dns.ports })
    expect(changesOf(allocate({ ...old, services: [web, keyless] }))[0]).toBe(
      "leave 10.0.0.1 default/b: can no longer share it: default/a has it, and this service has no sharing key"
    )
    const local = { ...web, externalTrafficPolicy: "Local" } as const
    expect(changesOf(allocate({ ...old, services: [local, dns] }))[0]).toContain("leave 10.0.0.1 default/a")
  })

  test("ports that change without a clash are recorded", () => {
    const old = next({ ...start, pools: [small], services: [web, dns] })
    const more = { ...web, ports: [...web.ports, { protocol: "TCP", port: 443 } as const] }
    const allocation = allocate({ ...old, services: [more, dns] })
    expect(changesOf(allocation)).toEqual(["update 10.0.0.1 default/a: its ports or its sharing key are others now"])
    expect(allocation.bindings[0]?.owners[0]?.ports).toEqual([
      { protocol: "TCP", port: 80 },
      { protocol: "TCP", port: 443 }
    ])
  })
})

describe("nodes that do not agree on the documents", () => {
  test("nobody loses an address, whatever the documents of one of them say; who is new gets one", () => {
    const services = [service("a"), service("b"), service("c", { addresses: [addr("10.0.0.3")] })]
    const before = { ...start, pools: [small], services }
    const old = { pools: [pool("p", ["10.0.0.2-10.0.0.9"])], services: [service("b"), service("c"), service("d")] }
    const moved = { ...old, services: [service("b", { addresses: [addr("10.0.0.9")] }), ...old.services.slice(1)] }
    expect(changesOf(allocate({ ...next(before, moved), cautious: true }))).toEqual([
      "bind 10.0.0.4 default/d: the lowest free one of pool p"
    ])
    expect(changesOf(allocate(next(before, moved))).length).toBeGreaterThan(1)
  })
})

describe("size", () => {
  test("5,000 new services beside 10,000 bindings on a /64 look at about as many addresses as there are bindings", () => {
    const pools = [pool("p", ["2001:db8::-2001:db8::ffff:ffff:ffff:ffff"])]
    const named = (prefix: string, count: number) =>
      Array.from({ length: count }, (_, i) => service(`${prefix}${String(i).padStart(5, "0")}`))
    const old = next({ ...start, serviceFamilies: ["ipv6"], pools, services: named("old", 10_000) })
    const allocation = allocate({ ...old, services: [...named("new", 5_000), ...old.services] })
    expect(allocation.changes.length).toBe(5_000)
    expect(allocation.bindings.length).toBe(15_000)
    expect(new Set(allocation.bindings.map(({ address }) => address)).size).toBe(15_000)
    expect(allocation.examined).toBeLessThan(20_000)
    // Many that share one key and cannot share, and a full pool for thousands, are no square either.
    const keyed = allocate({
      ...start,
      pools: [pool("p", ["10.0.0.0-10.0.7.255"])],
      services: named("s", 4_000).map((one) => ({ ...one, sharingKey: "k" }))
    })
    expect(keyed.bindings.length).toBe(2_048)
    expect(keyed.examined).toBeLessThan(8_000)
  }, 60_000)

  test("a /8 that avoids .0 and .255 counts right without being walked", () => {
    const pools = [pool("p", ["10.0.0.0-10.255.255.255"], { avoidBuggyIps: true })]
    const allocation = allocate({ ...start, pools, services: [service("a"), service("b")] })
    expect(shown(allocation)).toEqual(["default/a 10.0.0.1", "default/b 10.0.0.2"])
    expect(allocation.examined).toBeLessThan(10)
  })
})
