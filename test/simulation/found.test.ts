// What the simulation has found in the services, each as the run that showed it.
import { describe, expect, test } from "bun:test"
import type { Fault } from "../../src/simulation/faults.ts"
import { Simulation } from "../../src/simulation/Simulation.ts"
import { simulate } from "../../src/simulation/simulate.ts"

/** Claims that were put again although nothing had happened to them, in the first three seconds of a cluster in layer 2 mode. */
const claimedTwice = (seed: number): number => {
  const simulation = new Simulation({
    seed,
    seconds: 20,
    faults: [],
    scenario: (drawn) => ({
      ...drawn,
      mode: "layer2",
      nodes: drawn.nodes.map((node) => ({ ...node, storeMs: 100 }))
    })
  })
  simulation.start()
  simulation.world.run(3_000)
  return simulation.memory
    .peek()
    .history.flatMap(({ changes }) => changes)
    .filter((change) => change.type === "put" && change.entry.key.startsWith("claims/"))
    .filter((change) => change.type === "put" && change.entry.createRevision !== change.entry.modRevision).length
}

describe("found by the simulation", () => {
  // Plans made while a claim was on its way gave the address to another node and took it back, as fast as the store answered; with a
  // store that answers at once, for ever (seed 36 of that day).
  test("a cluster that starts claims every address once", () => {
    expect([1, 2, 3, 6, 14, 19, 25].map(claimedTwice)).toEqual([0, 0, 0, 0, 0, 0, 0])
  })

  const drained = (seed: number) =>
    simulate({
      seed,
      nodes: 4,
      seconds: 25,
      faults: [
        { atMs: 14_000, forMs: 1_500, fault: { type: "store loses requests", share: 1 } satisfies Fault },
        { atMs: 14_001, forMs: 20_000, fault: { type: "drain", node: "node-1" } satisfies Fault }
      ],
      scenario: (drawn) => ({ ...drawn, mode: "bgp", leaseSeconds: 4, onStoreLoss: "hold" })
    })

  // The node lived on, and its lease with it, and the claim; nobody had the floating IP until the drain was over.
  test("a claim whose giving back was lost is given back again (seed 1)", () => {
    const { findings, simulation } = drained(1)
    expect(simulation.trace.some((line) => line.includes("could not be given back yet"))).toBe(true)
    expect(findings).toEqual([])
  })

  // Whatever a request waited for, five seconds at worst, keepalives waited for as well.
  test("a lost write of a node's record does not keep its lease from being kept alive (seed 1)", () => {
    const { simulation } = drained(1)
    expect(simulation.trace.some((line) => line.includes("node-1: Warn: the cluster's store: no answer"))).toBe(true)
    expect(simulation.trace.filter((line) => line.includes("the lease of this node has ended"))).toEqual([])
  })
})
