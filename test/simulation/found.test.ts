// What the simulation has found in the services, each as the run that showed it.
import { describe, expect, test } from "bun:test"
import type { Fault } from "../../src/simulation/faults.ts"
import { Simulation } from "../../src/simulation/Simulation.ts"
import { simulate } from "../../src/simulation/simulate.ts"

const run = (seed: number, untilMs: number): Simulation => {
  const simulation = new Simulation({ seed, seconds: 60 })
  simulation.start()
  simulation.world.run(untilMs)
  return simulation
}

describe("found by the simulation", () => {
  // Services got addresses while a claim was on its way: plans with and without the claim took turns, as fast as the store answered.
  test("a node that starts alone in layer 2 mode does not claim and give back in a circle (seed 36)", () => {
    const simulation = run(36, 10_000)
    expect(simulation.scenario.mode).toBe("layer2")
    const claimable = simulation.trace.filter((line) => line.includes("the address is on this node")).length
    expect(claimable).toBeGreaterThan(5)
    expect(simulation.memory.peek().revision).toBeLessThan(100)
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
