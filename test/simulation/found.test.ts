// What the simulation has found in the services, each as the run that showed it.
import { describe, expect, test } from "bun:test"
import { Simulation } from "../../src/simulation/Simulation.ts"

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
})
