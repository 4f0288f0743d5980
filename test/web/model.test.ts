// What the pages show, worked out from statuses: a cluster out of one node's words or of many, what is wrong first,
// where things stand in the picture, the difference of two texts. No browser.
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { addressRows } from "../../src/web/client/model/addresses.ts"
import { fleetOf } from "../../src/web/client/model/fleet.ts"
import { duration, large, listed } from "../../src/web/client/model/format.ts"
import { healthOf } from "../../src/web/client/model/health.ts"
import { diffLines, hunks } from "../../src/web/client/model/lineDiff.ts"
import { pictureOf } from "../../src/web/client/model/picture.ts"
import { hostile, nodes, troubled, withSessionDown, world } from "./world.ts"

const fleet = (status = world(), seen = new Set<string>()) => fleetOf([status], status.cluster, seen)

describe("a cluster out of one node's words", () => {
  test("has the sessions of every node, each once, and where each starts", () => {
    const { sessions, nodes: all, routers } = fleet()
    expect(all.map(({ name, held }) => [name, held.map(({ address }) => address)])).toEqual([
      ["cp-1", ["10.0.1.101"]],
      ["cp-2", []],
      ["worker-1", ["10.0.1.100"]],
      ["worker-2", ["10.0.2.100"]]
    ])
    expect(sessions.length).toBe(10)
    expect(new Set(sessions.map(({ key }) => key)).size).toBe(10)
    expect(sessions.filter(({ detail }) => detail !== undefined).every(({ node }) => node === "cp-1")).toBe(true)
    expect(routers.map(({ address, up }) => [address, up])).toEqual([
      ["10.0.1.254", 5],
      ["10.0.2.254", 5]
    ])
  })

  test("keeps the key of a session whose address moves, so that the picture can move it", () => {
    const at = (holder: string) =>
      fleet(world({ "10.0.1.100": holder })).sessions.filter((s) => s.localAddress === "10.0.1.100")
    const [before, after] = [at("worker-1"), at("cp-1")]
    expect(after.map(({ key }) => key)).toEqual(before.map(({ key }) => key))
    expect([before[0]?.node, after[0]?.node]).toEqual(["worker-1", "cp-1"])
  })

  test("takes a session that two nodes list while its address moves from the one where it is up", () => {
    const status = world()
    const [mine] = status.sessions.filter(({ localAddress }) => localAddress === "10.0.1.101")
    if (mine === undefined) throw new Error("cp-1 has no service session")
    const { since } = mine
    const other = {
      ...mine,
      name: "moved",
      state: "Active" as const,
      since: new Date(Date.parse(since) + 1e6).toISOString()
    }
    const elsewhere = status.elsewhere.map((remote) => ({
      ...remote,
      sessions: [...remote.sessions, { ...other, advertised: 0, received: 0 }]
    }))
    const found = fleet({ ...status, elsewhere }).sessions.filter(({ localAddress }) => localAddress === "10.0.1.101")
    expect(found.filter(({ peerAddress }) => peerAddress === mine.peerAddress).map(({ name }) => name)).toEqual([
      mine.name
    ])
  })

  test("shows a node that is gone as silent, for as long as it is remembered or judged", () => {
    const status = world()
    const gone = { ...status, members: status.members.slice(0, 3), elsewhere: status.elsewhere.slice(0, 2) }
    expect(fleet(gone).nodes.find(({ name }) => name === "worker-2")?.health).toBe("silent")
    const unjudged = { ...gone, floatingIps: [] }
    expect(fleet(unjudged).nodes.map(({ name }) => name)).not.toContain("worker-2")
    expect(fleet(unjudged, new Set(["worker-2"])).nodes.find(({ name }) => name === "worker-2")?.health).toBe("silent")
  })

  test("leaves out what a node said last, once the others do not count it among the living", () => {
    const one = world()
    const gone = {
      ...world(),
      node: "worker-2",
      sessions: one.sessions.map((s) => ({ ...s, name: `stale ${s.name}` })),
      elsewhere: []
    }
    const without = { ...one, members: one.members.slice(0, 3), elsewhere: one.elsewhere.slice(0, 2) }
    const seen = fleetOf([without, gone], one.cluster)
    expect(seen.sessions.filter(({ name }) => name.startsWith("stale"))).toEqual([])
    expect(seen.nodes.find(({ name }) => name === "worker-2")?.health).toBe("silent")
    expect(fleetOf([one, gone], one.cluster).sessions.some(({ name }) => name.startsWith("stale"))).toBe(true)
  })

  test("leaves out what a node said before a console could not ask it any more, and tells of that", () => {
    const one = world()
    const stale = one.sessions.map((s) => ({ ...s, name: `stale ${s.name}` }))
    const unreachable = { since: new Date(Date.now() - 65_000).toISOString(), why: "connection refused" }
    const away = { ...world(), node: "cp-2", sessions: stale, elsewhere: [], unreachable }
    const seen = fleetOf([one, away], one.cluster)
    expect(seen.sessions.filter(({ name }) => name.startsWith("stale"))).toEqual([])
    expect(seen.sessions.filter(({ node }) => node === "cp-2").length).toBe(2)
    const { problems } = healthOf(seen, Date.now())
    expect(problems.map(({ title, detail }) => [title, detail.slice(0, 30)])).toEqual([
      ["cp-2 cannot be asked", "connection refused; for 1m 5s."]
    ])
    // Nobody can be asked: what was heard last is better than nothing.
    const last = fleetOf([away], one.cluster)
    expect([last.sessions.length, last.stale, seen.stale]).toEqual([stale.length, true, false])
    expect(healthOf(last, Date.now()).problems[0]).toMatchObject({ severity: "bad", title: "cp-2 cannot be asked" })
  })

  test("prefers what a node says of itself where several are asked", () => {
    const one = world()
    const [told] = one.elsewhere
    if (told === undefined) throw new Error("nobody else is told of")
    const own = {
      ...world(),
      node: told.node,
      sessions: one.sessions.map((s) => ({ ...s, name: `own ${s.name}` })),
      elsewhere: []
    }
    const names = fleetOf([one, own], one.cluster).sessions.filter(({ node }) => node === told.node)
    expect(names.every(({ name }) => name.startsWith("own "))).toBe(true)
    expect(names.length).toBeGreaterThan(0)
  })
})

describe("what is wrong", () => {
  const now = Date.now()
  test("nothing: says what there is", () => {
    expect(healthOf(fleet(), now)).toMatchObject({
      state: "good",
      headline: "All is well",
      detail: "All 10 sessions are Established, 3 floating addresses are held and 7 services have their addresses.",
      problems: []
    })
  })

  test("a router that answers nobody is one problem and comes first; the rest follows, worst first", () => {
    const { state, headline, problems } = healthOf(fleet(troubled()), now)
    expect([state, headline]).toEqual(["bad", "Router 10.0.2.254 has no session"])
    expect(problems.map(({ severity, title }) => [severity, title])).toEqual([
      ["bad", "Router 10.0.2.254 has no session"],
      ["bad", "Floating IP 10.0.2.100 is taken by another host"],
      ["bad", "1 service without an address"],
      ["warn", "Pool public is full"]
    ])
  })

  test("one session of several is a warning with its reason", () => {
    const status = withSessionDown(world(), "10.0.2.254-cp-1", "connection refused")
    expect(healthOf(fleet(status), now)).toMatchObject({
      state: "warn",
      headline: "Session 10.0.2.254-cp-1 is Connect",
      detail: expect.stringContaining("connection refused")
    })
  })

  test("a node that reaches none of the routers that others reach is told of as the node", () => {
    const status = world()
    const fail = <S extends object>(s: S) => ({ ...s, state: "Active" as const, reason: "no route to host" })
    const cut = { ...status, sessions: status.sessions.map(fail) }
    const { problems } = healthOf(fleet(cut), now)
    expect(problems.map(({ title }) => title)).toEqual(["Node cp-1 has no session"])
    expect(problems[0]?.detail).toContain("no route to host")
  })

  test.each([
    [
      "a silent node",
      { members: world().members.slice(0, 3), elsewhere: world().elsewhere.slice(0, 2) },
      "Node worker-2 is silent"
    ],
    [
      "a lost store",
      { store: { ...world().store, state: "lost", reason: "no answer" } },
      "The store https://10.0.1.11:2379 is lost"
    ],
    [
      "a refused config",
      { config: { ...world().config, lastError: "cluster.yaml:3:1: error" } },
      "The last config was refused on cp-1"
    ],
    ["recovery mode", { config: { ...world().config, mode: "local" } }, "cp-1 runs its local file (recovery mode)"]
  ])("%s", (_, change, title) => {
    const titles = healthOf(fleet({ ...world(), ...(change as object) }), now).problems.map((problem) => problem.title)
    expect(titles).toContain(title)
  })
})

describe("the picture", () => {
  test("every session is a curve from its node's or its address's row to its router", () => {
    const picture = pictureOf(fleet(), 1000)
    expect(picture.links.length).toBe(10)
    const row = picture.addresses.find(({ key }) => key === "10.0.1.100")
    const from = picture.links.filter(({ key }) => key.includes("10.0.1.100")).map(({ path }) => path.split(" ")[2])
    expect(from).toEqual(Array(2).fill(String((row?.y ?? 0) + (row?.height ?? 0) / 2)))
  })

  test("nothing overlaps and nothing leaves the frame, on a phone as on a desk", () => {
    for (const width of [308, 700, 1200])
      for (const status of [world(), troubled(), hostile(3, 40)]) {
        const { nodes: cards, routers, height, width: total } = pictureOf(fleet(status), width)
        for (const boxes of [cards, routers]) {
          const sorted = [...boxes].sort((a, b) => a.y - b.y)
          for (const [i, box] of sorted.entries()) {
            expect(box.x).toBeGreaterThanOrEqual(0)
            expect(box.x + box.width).toBeLessThanOrEqual(total)
            expect(box.y + box.height).toBeLessThanOrEqual(height)
            const above = sorted[i - 1]
            if (above !== undefined) expect(box.y).toBeGreaterThan(above.y + above.height)
          }
        }
      }
  })

  test("a hundred nodes or routers: the quiet ones are counted, whoever has something to tell is drawn", () => {
    const status = world()
    const [member] = status.members
    if (member === undefined) throw new Error("no member")
    const many = Array.from({ length: 100 }, (_, i) => ({ ...member, name: `node-${i}`, address: `10.0.3.${i}` }))
    const drained = many.map((m, i) => (i % 20 === 7 ? { ...m, drained: true } : m))
    const large = fleet({ ...status, members: [...status.members, ...drained] })
    const picture = pictureOf(large, 1000)
    const loud = ["cp-1", "node-7", "node-27", "node-47", "node-67", "node-87", "worker-1", "worker-2"]
    expect(picture.nodes.map(({ key }) => key)).toEqual(loud)
    expect(picture.hidden.length).toBe(96)
    expect(pictureOf(large, 1000, true).nodes.length).toBe(104)
    // All is well everywhere: a few are drawn, since an empty picture would look like an empty cluster.
    const well = { ...status, floatingIps: [], sessions: [], elsewhere: [], members: many }
    expect(pictureOf(fleet(well), 1000).nodes.length).toBe(6)
    const routers = pictureOf(fleet(hostile(1, 200)), 1000)
    expect(routers.routers.map(({ key }) => key)).toEqual(
      expect.arrayContaining(["10.9.0.0", "10.9.0.50", "10.9.0.100"])
    )
    expect(routers.routers.length).toBe(6)
    expect(
      routers.links.every(({ sessions }) => sessions.every((s) => routers.routers.some((r) => r.key === s.peerAddress)))
    ).toBe(true)
  })

  test("an address that nobody has stands apart", () => {
    const status = world()
    const floatingIps = status.floatingIps.map((ip, i) => {
      const { node, ...rest } = ip
      return i === 2 ? { ...rest, state: "unassigned" as const, reason: "no node can hold it" } : ip
    })
    const picture = pictureOf(fleet({ ...status, floatingIps }), 1000)
    const box = picture.addresses.find(({ key }) => key === "10.0.2.100")
    expect(box?.y).toBeGreaterThan(picture.nobody?.y ?? Number.POSITIVE_INFINITY)
  })
})

describe("addresses", () => {
  test("each has its next hops, who is left out and why, and the sessions that carry it; trouble comes first", () => {
    const rows = addressRows(fleet(troubled()))
    expect(rows[0]).toMatchObject({
      address: "",
      of: "shop/recommendations",
      health: "bad",
      target: { type: "service" }
    })
    // Left out by intent: its policy is Local.
    const images = rows.find(({ address }) => address === "10.1.1.13")
    expect(images).toMatchObject({ health: "good", left: [{ node: "cp-1" }, { node: "cp-2" }] })
    expect(rows[1]).toMatchObject({ address: "10.1.1.12", health: "warn", left: [{ node: "worker-2" }] })
    const store = rows.find(({ address }) => address === "10.1.1.10")
    expect(store?.nextHops.map(({ node }) => node)).toEqual(nodes.map(({ name }) => name))
    expect(store?.sessions.length).toBe(6)
    expect(rows.find(({ address }) => address === "10.0.0.8")?.nextHops.map(({ node }) => node)).toEqual([
      "cp-1",
      "cp-2"
    ])
  })

  test("one that no session carries is not served, if everything that is announced is known", () => {
    const status = world()
    const quiet = status.elsewhere.map((remote) => ({ ...remote, sessions: [], routes: [] }))
    const silent = { ...status, sessions: [], elsewhere: quiet }
    expect(new Set(addressRows(fleet(silent)).map(({ health }) => health))).toEqual(new Set(["bad"]))
    const more = { ...silent, elsewhere: quiet.map((remote) => ({ ...remote, routesMore: 3 })) }
    expect(new Set(addressRows(fleet(more)).map(({ health }) => health))).toEqual(new Set(["off"]))
    const untold = { ...silent, elsewhere: quiet.slice(1) }
    expect(new Set(addressRows(fleet(untold)).map(({ health }) => health))).toEqual(new Set(["off"]))
  })
})

describe("the difference of two texts", () => {
  const text = fc
    .array(fc.constantFrom("a", "b", "c", "", "  - ip: 10.0.0.1"), { maxLength: 30 })
    .map((l) => l.join("\n"))
  test("gives back both texts", () => {
    fc.assert(
      fc.property(text, text, (before, after) => {
        const lines = diffLines(before, after)
        const side = (not: string) =>
          lines
            .filter(({ type }) => type !== not)
            .map((line) => line.text)
            .join("\n")
        expect([side("added"), side("removed")]).toEqual([before, after])
      }),
      { seed: 5 }
    )
  })

  test("is as short as it can be", () => {
    const lines = diffLines("a\nb\nc\nd\ne", "a\nc\nd\nx\ne").filter(({ type }) => type !== "same")
    expect(lines).toEqual([
      { type: "removed", text: "b", before: 2 },
      { type: "added", text: "x", after: 4 }
    ])
  })

  test("hunks leave out what is far from a change, and count it", () => {
    const before = Array.from({ length: 40 }, (_, i) => `line ${i}`)
    const after = before.with(20, "changed")
    expect(
      hunks(diffLines(before.join("\n"), after.join("\n")), 2).map(({ type, text: line }) => `${type} ${line}`)
    ).toEqual([
      "skipped 18 unchanged lines",
      "same line 18",
      "same line 19",
      "removed line 20",
      "added changed",
      "same line 21",
      "same line 22",
      "skipped 17 unchanged lines"
    ])
  })

  test("10,000 lines that share nothing take no time", () => {
    const many = (name: string) => Array.from({ length: 10_000 }, (_, i) => `${name} ${i}`).join("\n")
    const from = performance.now()
    expect(diffLines(many("a"), many("b")).length).toBe(20_000)
    expect(performance.now() - from).toBeLessThan(2000)
  })
})

test("times and amounts read as people say them", () => {
  expect([5, 60, 95, 700, 3600, 3700, 90_000, 8_640_000].map(duration)).toEqual([
    "5s",
    "1m",
    "1m 35s",
    "11m",
    "1h",
    "1h 1m",
    "1d 1h",
    "100d"
  ])
  expect(large("18446744073709551616")).toBe("1.8 × 10¹⁹")
  expect([["a"], ["a", "b"], ["a", "b", "c", "d"]].map((names) => listed(names))).toEqual([
    "a",
    "a and b",
    "a, b and 2 more"
  ])
})
