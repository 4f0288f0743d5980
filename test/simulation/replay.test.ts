// Runs of the simulation: that one replays exactly, and that a few seeds, fixed here, find nothing. Many more run in `npm test -- sim`.
import { describe, expect, test } from "bun:test"
import { simulate } from "../../src/simulation/simulate.ts"

describe("the simulation", () => {
  test("the same seed gives the same run, to the last line; another seed another one", () => {
    const first = simulate({ seed: 3, seconds: 20 })
    const again = simulate({ seed: 3, seconds: 20 })
    expect(again.hash).toBe(first.hash)
    expect(again.simulation.trace).toEqual(first.simulation.trace)
    expect(simulate({ seed: 4, seconds: 20 }).hash).not.toBe(first.hash)
  })

  test("a run has faults in it, and comes right in the end", () => {
    const { simulation, findings, convergedMs, simulatedMs } = simulate({ seed: 5, seconds: 60 })
    expect(simulation.faults.length).toBeGreaterThan(2)
    expect(findings).toEqual([])
    expect(convergedMs).toBeLessThan(60_000)
    expect(simulatedMs).toBeGreaterThan(70_000)
  })
})
