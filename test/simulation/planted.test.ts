// For each invariant a mistake that a program could have, planted in a small run: its checker reports it. The same run without the
// mistake reports nothing, so that it is the mistake that is seen.
import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { bindingValue } from "../../src/cluster/layout.ts"
import type { Address } from "../../src/net/ip.ts"
import { ClusterStore, type StoreNews } from "../../src/ports/ClusterStore.ts"
import type { Fault, PlannedFault } from "../../src/simulation/faults.ts"
import type { Simulation } from "../../src/simulation/Simulation.ts"
import { simulate } from "../../src/simulation/simulate.ts"

const seconds = 30

const at = (second: number, forSeconds: number, fault: Fault): PlannedFault => ({
  atMs: second * 1_000,
  forMs: forSeconds * 1_000,
  fault
})

interface Mistake {
  readonly name: string
  readonly invariant: string
  readonly faults: ReadonlyArray<PlannedFault>
  readonly plant: (simulation: Simulation) => void
}

/** A quiet cluster of four nodes in BGP mode, lease 3 s, hold; 10.0.1.100 is on a node of rack 1 whose name the faults give. */
const run = (faults: ReadonlyArray<PlannedFault>, plant: (simulation: Simulation) => void = () => undefined) =>
  simulate({
    seed: 1,
    nodes: 4,
    seconds,
    faults,
    plant,
    scenario: (drawn) => ({
      ...drawn,
      mode: "bgp",
      leaseSeconds: 3,
      onStoreLoss: "hold",
      routers: drawn.routers.map((router) => ({ ...router, sessions: 2, addPath: true, holdTime: 9 }))
    })
  })

/** Without the word that a node is gone. */
const withoutDeaths = (news: StoreNews): StoreNews =>
  news.type !== "changes"
    ? news
    : { ...news, changes: news.changes.filter((one) => one.type === "put" || !one.key.startsWith("nodes/")) }

const binding = (address: string, service: string) =>
  bindingValue({ address: address as Address, pool: "pool", owners: [{ service, ports: [] }] })

const ghost = JSON.stringify({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "ghost", namespace: "default" },
  spec: { type: "LoadBalancer", ports: [{ port: 9_999 }] }
})

const rackOne = ["node-1", "node-3"]

const mistakes: ReadonlyArray<Mistake> = [
  {
    name: "nobody on the segment hears a probe",
    invariant: "I1",
    faults: rackOne.map((node, index) => at(14 + index * 12, 8, { type: "store cut off", node })),
    plant: ({ segments }) => {
      for (const segment of segments) segment.deaf = true
    }
  },
  {
    name: "sessions that are to vanish stay",
    invariant: "I2",
    faults: rackOne.map((node, index) => at(14 + index * 12, 6, { type: "freeze", node })),
    plant: ({ network }) => {
      network.stubborn = true
    }
  },
  {
    name: "nodes are not told that another one is gone",
    invariant: "I3",
    faults: [at(14, 14, { type: "crash", node: "node-4" })],
    plant: ({ planted }) => {
      planted.news = withoutDeaths
    }
  },
  {
    name: "a record of an allocation is written over",
    invariant: "I4",
    faults: [],
    plant: (simulation) => {
      const { world, memory } = simulation
      const spoil = Effect.gen(function* () {
        yield* Effect.sleep("15 seconds")
        const store = yield* ClusterStore
        const { entries } = yield* store.read("allocations/")
        const [first] = entries
        if (first === undefined) return
        const address = first.key.slice(first.key.indexOf("/") + 1)
        const value = binding(address, "default/web-2")
        yield* store.commit({ when: [], operations: [{ type: "put", key: first.key, value }] })
      }).pipe(Effect.provide(memory.layerFor("vandal")), Effect.orDie)
      Effect.runForkWith(world.context())(spoil)
    }
  },
  {
    name: "nodes take every service for one of policy Local, without endpoints",
    invariant: "I6",
    faults: [],
    plant: ({ planted }) => {
      planted.documents = (text) => text.replaceAll('Policy":"Cluster"', 'Policy":"Local"')
    }
  },
  {
    name: "nodes serve a service that no document has",
    invariant: "I7",
    faults: [],
    plant: ({ planted }) => {
      planted.documents = (text) => `${text}\n---\n${ghost}`
    }
  },
  {
    name: "VIPs are taken off before they are withdrawn",
    invariant: "I8",
    faults: [at(14, 0, { type: "documents change" })],
    plant: ({ planted }) => {
      planted.hasty = true
    }
  },
  {
    name: "nodes give addresses up when the store is lost, against the documents",
    invariant: "I11",
    faults: [at(26, 10, { type: "store away" })],
    plant: ({ planted }) => {
      planted.onStoreLoss = "release"
    }
  },
  {
    name: "kernels do not end lifetimes",
    invariant: "takeover",
    faults: rackOne.map((node, index) => at(14 + index * 14, 10, { type: "crash", node })),
    plant: ({ machines }) => {
      for (const machine of machines) machine.immortal = true
    }
  },
  {
    name: "a node does not read its documents again",
    invariant: "end",
    faults: [14, 18, 22, 26].map((second) => at(second, 0, { type: "documents change" })),
    plant: ({ planted }) => {
      let first: string | undefined
      planted.documents = (text, node) => {
        first ??= text
        return node === "node-1" ? first : text
      }
    }
  }
]

describe("a planted mistake is reported by its checker", () => {
  for (const { name, invariant, faults, plant } of mistakes)
    test(`${invariant}: ${name}`, () => {
      expect(run(faults).findings).toEqual([])
      expect([...new Set(run(faults, plant).findings.map((finding) => finding.invariant))]).toContain(invariant)
    }, 60_000)
})
