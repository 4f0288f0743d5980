// The plan of a preflight: what is tried from where, in which order, and what is left alone where the cluster runs already.
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import type { Address } from "../../src/net/ip.ts"
import type { Facts } from "../../src/preflight/protocol.ts"
import { CHECK_KINDS, type Check } from "../../src/preflight/types.ts"
import { byId, cluster, facts, judged, planned } from "./world.ts"

const ids = (checks: ReadonlyArray<Check>, kind: string): ReadonlyArray<string> =>
  checks.filter((check) => check.kind === kind).map(({ id }) => id)

const before = (checks: ReadonlyArray<Check>, check: Check): ReadonlySet<string> => {
  const all = new Set<string>()
  const add = (one: Check): void => {
    for (const id of [...one.after, ...one.needs]) {
      if (all.has(id)) continue
      all.add(id)
      add(byId(checks, id))
    }
  }
  add(check)
  return all
}

/** What holds of every plan. */
const holds = (checks: ReadonlyArray<Check>): void => {
  const known = new Set(checks.map(({ id }) => id))
  expect(known.size).toBe(checks.length)
  for (const check of checks) {
    for (const id of [...check.after, ...check.needs]) expect(known.has(id)).toBe(true)
    // Nobody waits for itself.
    expect(before(checks, check).has(check.id)).toBe(false)
    if (check.task.type !== "delivery") continue
    // One announcement of an address and over a session at a time; nobody has the address and all have been asked.
    expect(check.locks).toEqual([`address ${check.task.at.address}`, check.task.over])
    expect(check.needs).toContain(check.task.over)
    expect(check.task.from.some(({ node }) => check.task.type === "delivery" && node === check.task.at.node)).toBe(
      false
    )
    const earlier = before(checks, check)
    if (known.has(`free ${check.task.at.address}`)) expect(earlier.has(`free ${check.task.at.address}`)).toBe(true)
    for (const other of checks) if (other.task.type === "conflict") expect(earlier.has(other.id)).toBe(true)
  }
}

describe("a cluster that does not exist yet", () => {
  test("each control-plane node and each floating IP, to each peer; the VIP over each of the nodes' sessions", () => {
    const checks = planned()
    holds(checks)
    expect(ids(checks, "session")).toEqual([
      "session node-01 10.0.1.10 10.8.0.10:179",
      "session node-01 10.0.1.10 10.8.0.11:179",
      "session node-02 10.0.1.11 10.8.0.10:179",
      "session node-02 10.0.1.11 10.8.0.11:179",
      "session node-03 10.0.2.10 10.8.0.10:179",
      "session node-03 10.0.2.10 10.8.0.11:179",
      "session node-01 10.0.1.100 10.8.0.10:179",
      "session node-01 10.0.1.100 10.8.0.11:179",
      "session node-03 10.0.2.100 10.8.0.10:179",
      "session node-03 10.0.2.100 10.8.0.11:179"
    ])
    const vips = checks.flatMap(({ task }) =>
      task.type === "delivery" && task.at.address === "10.0.0.8" ? [task] : []
    )
    expect(vips.map(({ at, from }) => [at.node, ...from.map(({ node }) => node)])).toEqual([
      ["node-01", "node-02", "node-03"],
      ["node-01", "node-02", "node-03"],
      ["node-02", "node-01", "node-03"],
      ["node-02", "node-01", "node-03"],
      ["node-03", "node-01", "node-02"],
      ["node-03", "node-01", "node-02"]
    ])
  })

  test("a session as the daemon would open it, but one that a router forgets at once", () => {
    const { task } = byId(planned(), "session node-01 10.0.1.100 10.8.0.10:179")
    if (task.type !== "session") throw new Error(task.type)
    expect(task.session).toMatchObject({ localAddress: "10.0.1.100", addPaths: true, holdTime: 15, keepaliveTime: 5 })
    expect(Object.keys(task.session)).not.toContain("gracefulRestart")
    expect(Object.keys(task.session)).not.toContain("sourcePort")
  })

  test("--node and --peer: only they are tried, and the others still say whether traffic arrives", () => {
    const checks = planned(cluster(), {}, { nodes: ["node-02"], peers: ["10.8.0.11"] })
    holds(checks)
    expect(ids(checks, "session")).toEqual(["session node-02 10.0.1.11 10.8.0.11:179"])
    const [delivery] = checks.filter(({ kind }) => kind === "delivery")
    expect(delivery?.task).toMatchObject({ from: [{ node: "node-01" }, { node: "node-03" }] })
  })

  test("--test-address stands for the VIP", () => {
    const checks = planned(cluster(), {}, { testAddress: "10.0.0.77" })
    holds(checks)
    const announced = new Set(
      checks.flatMap(({ task }) => (task.type === "delivery" ? task.routes.map((one) => one.prefix) : []))
    )
    expect([...announced].map(String)).toEqual(["10.0.0.77/32"])
  })

  test("a node without an agent is told, and nothing is tried from it", () => {
    const checks = planned(cluster(), { "node-03": "silent" })
    holds(checks)
    expect(judged(checks, "node node-03")).toEqual([
      "failed: nobody answers at https://10.0.2.10:7180: connection refused"
    ])
    expect(checks.some(({ id }) => id.startsWith("session node-03"))).toBe(false)
    // Its floating IP has no other node in its subnet.
    expect(judged(checks, "subnet 10.0.2.100")[0]).toStartWith("failed: no node can hold it")
  })

  test("any choice of checks, nodes and answers makes a plan that ends", () => {
    const nodes = ["node-01", "node-02", "node-03"]
    const arbitrary = fc.record({
      skip: fc.subarray([...CHECK_KINDS]),
      nodes: fc.subarray(nodes),
      peers: fc.subarray(["10.8.0.10", "10.8.0.11"]),
      silent: fc.subarray(nodes)
    })
    fc.assert(
      fc.property(arbitrary, ({ silent, ...more }) => {
        const checks = planned(cluster(), Object.fromEntries(silent.map((name) => [name, "silent" as const])), more)
        const conflicts = !more.skip.includes("conflict")
        if (conflicts) holds(checks)
        expect(checks.some(({ kind }) => more.skip.includes(kind))).toBe(false)
        for (const { task } of checks)
          if (task.type === "delivery") expect(checks.some(({ id }) => id === task.over)).toBe(true)
      }),
      { seed: 5, numRuns: 150 }
    )
  })
})

describe("a cluster that runs", () => {
  const session = {
    name: "10.8.0.10-node-01",
    localAddress: "10.0.1.10",
    peerAddress: "10.8.0.10",
    state: "Established",
    advertised: 1,
    notes: ["the peer takes one path for each prefix"]
  }
  const live = { sessions: [session], reserved: ["10.0.0.8", "10.0.1.100", "10.0.2.100"] }
  const daemon = { kind: "daemon", live } as const

  test("its own session is judged and not opened twice; nothing of it is announced, probed for or put anywhere", () => {
    const checks = planned(cluster(), { "node-01": daemon })
    holds(checks)
    expect(judged(checks, "session node-01 10.0.1.10 10.8.0.10:179")).toEqual([
      "ok: session 10.8.0.10-node-01 of the daemon on node-01 is Established and announces 1 route",
      "warning: the peer takes one path for each prefix"
    ])
    const touched = checks.flatMap(({ task }) => {
      if (task.type === "delivery") return [task.at.address]
      if (task.type === "conflict") return task.addresses
      return task.type === "address" ? [task.address] : []
    })
    expect(touched.filter((address) => live.reserved.includes(address))).toEqual([])
    // Also not from the nodes that only have an agent.
    expect(judged(checks, "delivery session node-02 10.0.1.11 10.8.0.10:179 10.0.0.8")[0]).toStartWith(
      "skipped: the cluster runs"
    )
  })

  test("a session of it that is down is a failure with its reason", () => {
    const down = { ...session, state: "Active", reason: "connection refused", notes: [] }
    const checks = planned(cluster(), { "node-01": { kind: "daemon", live: { ...live, sessions: [down] } } })
    expect(judged(checks, "session node-01 10.0.1.10 10.8.0.10:179")).toEqual([
      "failed: session 10.8.0.10-node-01 of the daemon on node-01 is Active: connection refused"
    ])
  })
})

describe("what the facts say", () => {
  test("another machine, a missing right, no MD5, a foreign speaker, another version", () => {
    const secured = cluster({ peers: [{ ip: "10.8.0.10", asn: 65002, passwordFile: "/etc/key" }] })
    const checks = planned(secured, {
      "node-01": { addresses: facts("10.0.7.7").addresses, rights: ["NET_ADMIN"], support: [] },
      "node-02": { bgpListeners: ["0.0.0.0"], version: "0.0.9" },
      "node-03": { bgpConnections: [{ localAddress: "10.0.2.10", peerAddress: "10.8.0.10" }] }
    })
    expect(judged(checks, "node node-01").slice(1)).toEqual([
      "failed: https://10.0.1.10:7180 is host-10.0.1.10, which has no address 10.0.1.10; it has 10.0.7.7",
      "failed: the agent has no CAP_NET_RAW, CAP_NET_BIND_SERVICE",
      "failed: the kernel cannot sign TCP (CONFIG_TCP_MD5SIG), and a peer has a passwordFile"
    ])
    expect(judged(checks, "node node-02").slice(1)).toEqual([
      "warning: somebody listens on 0.0.0.0 port 179: peers cannot connect to us, we have to connect to them",
      "warning: runs viaduct 0.0.9, this command is 0.1.0"
    ])
    expect(judged(checks, "node node-03").slice(1)).toEqual([
      "warning: a BGP speaker runs on node-03 already: it has a session from 10.0.2.10 to 10.8.0.10"
    ])
  })

  test("two nodes with one address or one MAC; a floating IP in no subnet; a VIP within a node's subnet", () => {
    const of = cluster({ floatingIps: ["10.0.1.100", "10.0.9.100"], vip: "10.0.1.8" })
    const twin = facts("10.0.1.10")
    const checks = planned(of, {
      "node-02": { addresses: [...twin.addresses, ...facts("10.0.1.11").addresses], interfaces: twin.interfaces }
    })
    expect(judged(checks, "duplicate")).toEqual([
      "failed: node-01, node-02 all have 10.0.1.10",
      "failed: node-01, node-02 have the same MAC address 02:00:0a:00:01:0a"
    ])
    expect(judged(checks, "subnet 10.0.9.100")[0]).toStartWith("failed: no node can hold it")
    expect(judged(checks, "subnet 10.0.1.100")).toEqual([
      "ok: can be on node-01 (has eth0 in 10.0.1.0/24), node-02 (has eth0 in 10.0.1.0/24)"
    ])
    expect(judged(checks, "subnet 10.0.1.8")[0]).toStartWith("warning: 10.0.1.8 is within 10.0.1.0/24")
  })

  test("bridges of container runtimes, alike on every node, are neither duplicates nor segments", () => {
    const withDocker = (address: string): Partial<Facts> => {
      const { addresses, interfaces } = facts(address)
      const bridge = { address: "172.17.0.1" as Address, prefixLength: 16, interface: "docker0", ours: false }
      const device = { name: "docker0", mac: "02:42:00:00:00:01", up: true, mtuOctets: 1500 }
      return { addresses: [...addresses, bridge], interfaces: [...interfaces, device] }
    }
    const checks = planned(cluster(), {
      "node-01": withDocker("10.0.1.10"),
      "node-02": withDocker("10.0.1.11"),
      "node-03": withDocker("10.0.2.10")
    })
    expect(judged(checks, "duplicate")).toEqual(["ok: no address and no MAC is on two of the 3 nodes"])
    const devices = checks.flatMap(({ task }) => (task.type === "conflict" ? [task.interface] : []))
    expect([...new Set(devices)]).toEqual(["eth0"])
  })
})
