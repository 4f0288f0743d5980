// The assignment of addresses to nodes (D5): who may, who keeps, who gets, and why.
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { type AssignmentInput, assign } from "../../src/election/assign.ts"
import { ringFrom, ringOrder } from "../../src/election/ring.ts"
import type { Assignment, Claim, Claimable, ElectionNode } from "../../src/election/types.ts"
import type { Address } from "../../src/net/ip.ts"

const a = (text: string) => text as Address
const runs = (numRuns: number) => ({ numRuns, seed: 20261 })

const node = (name: string, addresses: ReadonlyArray<string>, leaving = false): ElectionNode => ({
  name,
  leaving,
  addresses: addresses.map((text) => {
    const [address = "", length = "", device = "eth0"] = text.split(/[/%]/)
    return { address: a(address), prefixLength: Number(length), interface: device }
  })
})

const floating = (address: string, nodes?: ReadonlyArray<string>): Claimable => ({
  address: a(address),
  purpose: "floating-ip",
  of: "default",
  ...(nodes === undefined ? {} : { nodes })
})

const claim = (address: string, holder: string, generation = 1): Claim => ({
  address: a(address),
  node: holder,
  generation
})

const run = (input: Partial<AssignmentInput>) =>
  assign({ claimables: [], nodes: [], expected: [], claims: [], settling: false, ...input })

const nodesOf = (assignments: ReadonlyArray<Assignment>) =>
  Object.fromEntries(assignments.map(({ address, node: holder }) => [address, holder ?? "nobody"]))

const only = (input: Partial<AssignmentInput>): Assignment => {
  const [first, ...more] = run(input)
  if (first === undefined || more.length > 0) throw new Error("not one assignment")
  return first
}

describe("eligible is a node with an interface in the subnet", () => {
  const claimables = [floating("10.0.3.100")]

  test("and the interface is named", () => {
    const nodes = [node("a", ["10.0.1.10/24", "10.0.3.10/24%eth1"]), node("b", ["10.0.1.11/24"])]
    const assignment = only({ claimables, nodes })
    expect([assignment.node, assignment.interface]).toEqual(["a", "eth1"])
    expect(assignment.judgements).toEqual([
      { node: "a", ok: true, reason: "has eth1 in 10.0.3.0/24" },
      { node: "b", ok: false, reason: "has no interface in its subnet" }
    ])
    expect(assignment.reason).toBe("a is the only node that can hold it")
  })

  test("of several interfaces the one with the narrowest subnet", () => {
    const nodes = [node("a", ["10.0.0.1/8%wide", "10.0.3.97/28%narrow", "10.0.3.10/24%middle"])]
    expect(only({ claimables, nodes }).interface).toBe("narrow")
  })

  test("but neither by a host address nor by the address itself", () => {
    const nodes = [node("a", ["10.0.3.100/32%lo"]), node("b", ["10.0.3.100/24"])]
    const assignment = only({ claimables, nodes })
    expect(assignment.node).toBeUndefined()
    expect(assignment.reason).toBe("no node can hold it (a, b: has no interface in its subnet)")
  })

  test("and is not leaving, and is among the nodes that may", () => {
    const nodes = [node("a", ["10.0.3.10/24"], true), node("b", ["10.0.3.11/24"]), node("c", ["10.0.3.12/24"])]
    const listed = [floating("10.0.3.100", ["a", "c"])]
    expect(only({ claimables: listed, nodes }).node).toBe("c")
    expect(only({ claimables: listed, nodes: nodes.slice(0, 2) }).reason).toBe(
      "no node can hold it (a: is drained or on its way out; b: is not among the nodes that may hold it)"
    )
  })

  test("IPv6 likewise, and without any node the reason says so", () => {
    const nodes = [node("a", ["10.0.3.10/24"]), node("b", ["2001:db8:3::b/64"])]
    expect(only({ claimables: [floating("2001:db8:3::100")], nodes }).node).toBe("b")
    expect(only({ claimables }).reason).toBe("no node can hold it (none is there)")
  })
})

describe("who has it keeps it", () => {
  const nodes = [node("a", ["10.0.3.10/24"]), node("b", ["10.0.3.11/24"])]
  const claimables = ["10.0.3.100", "10.0.3.101", "10.0.3.102"].map((address) => floating(address))

  test("even all of them: no rebalancing, no fail-back", () => {
    const claims = claimables.map(({ address }) => claim(address, "b"))
    const assignments = run({ claimables, nodes, claims })
    expect(Object.values(nodesOf(assignments))).toEqual(["b", "b", "b"])
    expect(assignments[0]?.reason).toBe("b has it and keeps it while it can")
  })

  test("unless it is gone, leaving, or out of the subnet; the last hand counts", () => {
    const claims = [claim("10.0.3.100", "gone"), claim("10.0.3.101", "a", 2), claim("10.0.3.101", "b", 1)]
    expect(nodesOf(run({ claimables, nodes, claims }))["10.0.3.101"]).toBe("a")
    expect(nodesOf(run({ claimables, nodes, claims }))["10.0.3.100"]).not.toBe("gone")
    const leaving = [node("a", ["10.0.3.10/24"], true), node("b", ["10.0.3.11/24"])]
    expect(nodesOf(run({ claimables, nodes: leaving, claims }))["10.0.3.101"]).toBe("b")
  })

  test("and what is free goes to who has fewest, what is kept counted", () => {
    const claims = [claim("10.0.3.100", "a"), claim("10.0.3.101", "a")]
    expect(nodesOf(run({ claimables, nodes, claims }))["10.0.3.102"]).toBe("b")
  })
})

describe("a node that has just started waits for the others of the file", () => {
  const nodes = [node("a", ["10.0.3.10/24"])]
  const expected = [
    { name: "b", address: a("10.0.3.11") },
    { name: "c", address: a("10.0.1.12") }
  ]
  const claimables = [floating("10.0.3.100"), floating("10.0.3.101")]

  test("while it settles it leaves them their share", () => {
    const assignments = run({ claimables, nodes, expected, settling: true })
    expect(assignments.map((x) => x.node).toSorted()).toEqual(["a", "b"])
    const waiting = assignments.find((x) => x.node === "b")
    expect(waiting?.reason).toBe("waits for node b, which has not shown up yet")
    expect(waiting?.interface).toBeUndefined()
    expect(waiting?.judgements).toEqual([
      { node: "a", ok: true, reason: "has eth0 in 10.0.3.0/24" },
      { node: "b", ok: true, reason: "has not shown up yet; its address is in 10.0.3.0/24" },
      { node: "c", ok: false, reason: "is not there: its daemon is down or has no store" }
    ])
  })

  test("then it takes all, and says why the others do not count", () => {
    const assignments = run({ claimables, nodes, expected })
    expect(assignments.map((x) => x.node)).toEqual(["a", "a"])
    expect(assignments[0]?.judgements[1]).toEqual({
      node: "b",
      ok: false,
      reason: "is not there: its daemon is down or has no store"
    })
  })

  test("what somebody holds is not waited for", () => {
    const claims = [claim("10.0.3.100", "a"), claim("10.0.3.101", "a")]
    expect(run({ claimables, nodes, expected, claims, settling: true }).map((x) => x.node)).toEqual(["a", "a"])
  })
})

// A cluster of two subnets; some nodes are in both, some in none.
const subnets = ["10.0.1", "10.0.2"]
const arbitraryNode = (name: string): fc.Arbitrary<ElectionNode> =>
  fc
    .record({
      in: fc.subarray([0, 1]),
      leaving: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
      host: fc.integer({ min: 1, max: 99 })
    })
    .map((x) =>
      node(
        name,
        x.in.map((n) => `${subnets[n]}.${x.host}/24%eth${n}`),
        x.leaving
      )
    )
const names = fc.integer({ min: 0, max: 6 }).map((n) => Array.from({ length: n }, (_, i) => `node-0${i}`))
const nodesArbitrary = names.chain((list) => fc.tuple(...list.map(arbitraryNode)))
const claimablesArbitrary = fc.uniqueArray(
  fc.record({
    address: fc
      .tuple(fc.constantFrom("10.0.1", "10.0.2", "10.9.9"), fc.integer({ min: 100, max: 130 }))
      .map((x) => a(x.join("."))),
    purpose: fc.constantFrom("floating-ip" as const, "service-vip" as const),
    of: fc.constantFrom("default", "web"),
    nodes: fc.option(fc.subarray(["node-00", "node-01", "node-02", "node-05"]), { nil: undefined })
  }),
  { selector: (x) => x.address, maxLength: 20 }
)
const world = fc.tuple(nodesArbitrary, claimablesArbitrary).chain(([nodes, claimables]) =>
  fc.record({
    nodes: fc.constant(nodes),
    claimables: fc.constant(claimables as ReadonlyArray<Claimable>),
    claims: fc.array(
      fc.record({
        address: fc.constantFrom(...claimables.map((x) => x.address), a("10.0.1.250")),
        node: fc.constantFrom("node-00", "node-01", "node-02", "node-99"),
        generation: fc.integer({ min: 1, max: 5 })
      }),
      { maxLength: 15 }
    ),
    expected: fc.subarray([
      { name: "late", address: a("10.0.1.77") },
      { name: "node-01", address: a("10.0.2.77") }
    ]),
    settling: fc.boolean()
  })
)

describe("for any cluster", () => {
  test("the assignment is total, and only ever to a node that is judged fit", () => {
    fc.assert(
      fc.property(world, (input) => {
        const assignments = assign(input)
        expect(assignments.map((x) => x.address).toSorted()).toEqual(input.claimables.map((x) => x.address).toSorted())
        for (const { node: holder, judgements, reason } of assignments) {
          const fit = judgements.filter(({ ok }) => ok).map((x) => x.node)
          if (holder === undefined) expect(fit).toEqual([])
          else expect(fit).toContain(holder)
          expect(reason).not.toBe("")
          expect(new Set(judgements.map((x) => x.node)).size).toBe(judgements.length)
        }
      }),
      runs(400)
    )
  })

  test("it does not depend on the order of anything", () => {
    fc.assert(
      fc.property(world, (input) => {
        const turned = {
          ...input,
          claimables: input.claimables.toReversed(),
          nodes: input.nodes.toReversed().map((x) => ({ ...x, addresses: x.addresses.toReversed() })),
          expected: input.expected.toReversed(),
          claims: input.claims.toReversed()
        }
        expect(assign(turned)).toEqual(assign(input))
      }),
      runs(300)
    )
  })

  /** Every assignment to a node that is there has come true. */
  const settled = (input: AssignmentInput): AssignmentInput => ({
    ...input,
    settling: false,
    claims: assign({ ...input, settling: false }).flatMap(({ address, node: holder }) =>
      holder === undefined ? [] : [claim(address, holder)]
    )
  })

  test("a node more moves nothing, a node less moves only what it had", () => {
    fc.assert(
      fc.property(world, arbitraryNode("node-x"), fc.nat(5), (input, extra, at) => {
        const before = settled(input)
        const were = nodesOf(assign(before))
        const grown = nodesOf(assign({ ...before, nodes: [...before.nodes, extra] }))
        for (const [address, holder] of Object.entries(were))
          if (holder !== "nobody") expect(grown[address]).toBe(holder)
        const gone = before.nodes[at]?.name
        const shrunk = nodesOf(assign({ ...before, nodes: before.nodes.filter((x) => x.name !== gone) }))
        for (const [address, holder] of Object.entries(were)) if (holder !== gone) expect(shrunk[address]).toBe(holder)
      }),
      runs(300)
    )
  })

  test("as claims come true one by one, in any order, nobody's share changes", () => {
    fc.assert(
      fc.property(world, fc.infiniteStream(fc.nat(1000)), (input, chance) => {
        const wanted = assign(input)
        const claims: Array<Claim> = [...input.claims]
        const open = wanted.filter(
          ({ node: holder, interface: device }) => holder !== undefined && device !== undefined
        )
        while (open.length > 0) {
          const [next] = open.splice((chance.next().value ?? 0) % open.length, 1)
          if (next?.node !== undefined) claims.push(claim(next.address, next.node, 9))
          expect(nodesOf(assign({ ...input, claims }))).toEqual(nodesOf(wanted))
        }
      }),
      runs(150)
    )
  })

  test("from scratch, in one subnet, nobody has two more than another", () => {
    const counts = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 40 }))
    fc.assert(
      fc.property(counts, ([nodeCount, addressCount]) => {
        const nodes = Array.from({ length: nodeCount }, (_, i) => node(`n${i}`, [`10.0.1.${i + 1}/24`]))
        const claimables = Array.from({ length: addressCount }, (_, i) => floating(`10.0.1.${i + 100}`))
        const loads = new Map(nodes.map(({ name }) => [name, 0]))
        for (const { node: holder = "" } of run({ claimables, nodes })) loads.set(holder, (loads.get(holder) ?? 0) + 1)
        expect(Math.max(...loads.values()) - Math.min(...loads.values())).toBeLessThanOrEqual(1)
      }),
      runs(200)
    )
  })
})

describe("the ring", () => {
  const ring = Array.from({ length: 12 }, (_, i) => a(`10.0.3.${i + 100}`))

  test("has every address once, from any point", () => {
    for (const key of ["x", "y", "z", "10.0.3.254:179"]) {
      const round = ringFrom(key, ring)
      expect(round.toSorted()).toEqual(ring.toSorted())
      const start = ringOrder(ring).indexOf(round[0] ?? a(""))
      expect(round).toEqual([...ringOrder(ring).slice(start), ...ringOrder(ring).slice(0, start)])
    }
  })

  test("neighbours are dealt to different nodes", () => {
    const nodes = ["p", "q", "r"].map((name, i) => node(name, [`10.0.3.${i + 1}/24`]))
    const held = nodesOf(run({ claimables: ring.map((address) => floating(address)), nodes }))
    const around = ringOrder(ring).map((address) => held[address])
    for (const [i, holder] of around.entries()) expect(holder).not.toBe(around[(i + 1) % around.length])
  })

  test("peers begin at all addresses that follow each other, about as many at each", () => {
    for (const [first, count] of [
      [100, 2],
      [79, 2],
      [254, 2],
      [11, 3],
      [63, 4],
      [77, 8]
    ] as const) {
      const row = Array.from({ length: count }, (_, i) => a(`10.0.${(first + i) >> 8}.${(first + i) & 255}`))
      const starts = Array.from({ length: 1600 }, (_, i) => ringFrom(`10.9.${i >> 8}.${i & 255}:179`, row)[0])
      for (const address of row) {
        const share = starts.filter((start) => start === address).length
        expect(share).toBeWithin(0.5 * (1600 / count), 1.9 * (1600 / count))
      }
    }
  })

  test("an address more comes between two others and moves none", () => {
    const more = [...ring, a("10.0.3.200")]
    for (const key of ["x", "y", "z"]) {
      expect(ringFrom(key, more).filter((address) => address !== a("10.0.3.200"))).toEqual([...ringFrom(key, ring)])
    }
  })
})
