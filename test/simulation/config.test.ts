// Changes of the config while everything happens to whoever makes them: the node that is asked dies in the middle, the store loses half of the
// requests, nodes are cut off from it, deadlines pass that nobody confirmed. In the end all nodes run one revision.
import { describe, expect, test } from "bun:test"
import type { Fault, PlannedFault } from "../../src/simulation/faults.ts"
import { simulate } from "../../src/simulation/simulate.ts"

const at = (second: number, forSeconds: number, fault: Fault): PlannedFault => ({
  atMs: second * 1_000,
  forMs: forSeconds * 1_000,
  fault
})

const nodes = ["node-1", "node-2", "node-3"]
const seconds = [14, 22, 30, 38]

const troubles: Readonly<Record<string, (second: number, index: number) => ReadonlyArray<PlannedFault>>> = {
  "nodes die": (second, index) =>
    // Whoever is asked is asked within milliseconds of one of these.
    [0.001, 0.004, 0.008].map((later, n) =>
      at(second + later, 2, { type: "crash", node: nodes[(index + n) % 3] as string })
    ),
  "the store loses requests": (second) => [at(second - 0.5, 5, { type: "store loses requests", share: 0.5 })],
  "nodes are cut off from the store": (second, index) => [
    at(second - 0.2, 4, { type: "store cut off", node: nodes[index % 3] as string })
  ],
  "the store is away": (second) => [at(second + 0.003, 4, { type: "store away" })],
  "nodes freeze": (second, index) => [at(second + 0.002, 6, { type: "freeze", node: nodes[index % 3] as string })]
}

describe("changes of the config come to one revision on all nodes", () => {
  for (const [name, trouble] of Object.entries(troubles))
    test(`while ${name}`, () => {
      for (const seed of [11, 12]) {
        const { findings, simulation } = simulate({
          seed,
          nodes: 3,
          seconds: 35,
          faults: seconds.flatMap((second, index) => [
            at(second, 0, index % 2 === 0 ? { type: "documents change" } : { type: "documents tried", seconds: 3 }),
            ...trouble(second, index)
          ])
        })
        expect([seed, findings]).toEqual([seed, []])
        expect(new Set(simulation.daemons.map(({ version }) => version))).toEqual(new Set([simulation.version]))
        expect(simulation.version).toBeGreaterThan(3)
      }
    }, 60_000)
})
