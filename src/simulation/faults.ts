// What goes wrong in a run and when, drawn from the seed before it starts: a list of faults with their times, that reads as a story.
// Some are moments, some last; after each bunch comes a pause in which the cluster has to be as it should.

import type { Address } from "../net/ip.ts"
import type { Scenario } from "./scenario.ts"
import type { Chance } from "./World.ts"

export type Fault =
  | { readonly type: "store slow"; readonly node?: string; readonly delayMs: number }
  | { readonly type: "store loses requests"; readonly share: number }
  | { readonly type: "store cut off"; readonly node: string }
  | { readonly type: "store away" }
  | { readonly type: "store compacts" }
  | { readonly type: "store connections break" }
  | { readonly type: "segment cut"; readonly a: string; readonly b: string }
  | { readonly type: "router cut off"; readonly node: string; readonly router: string }
  | { readonly type: "packets lost"; readonly share: number }
  | { readonly type: "connections reset"; readonly share: number }
  | { readonly type: "crash"; readonly node: string }
  | { readonly type: "freeze"; readonly node: string }
  | { readonly type: "stop"; readonly node: string }
  | { readonly type: "upgrade"; readonly node: string }
  | { readonly type: "power off"; readonly node: string }
  | { readonly type: "documents change" }
  /** With a deadline, and nobody confirms. */
  | { readonly type: "documents tried"; readonly seconds: number }
  | { readonly type: "drain"; readonly node: string }
  | { readonly type: "router restarts"; readonly router: string }
  | { readonly type: "address taken off"; readonly node: string }
  | { readonly type: "stranger"; readonly address: Address }
  | { readonly type: "hiccups"; readonly node: string }

export interface PlannedFault {
  readonly atMs: number
  /** How long it lasts, or the node is away; 0 for a moment. */
  readonly forMs: number
  readonly fault: Fault
}

export const isStoreFault = ({ type }: Fault): boolean => type.startsWith("store ")

/** "crash of node-1", for people. */
export const describeFault = (fault: Fault): string => {
  switch (fault.type) {
    case "store slow":
      return `store slow for ${fault.node ?? "everybody"}, ${fault.delayMs} ms each way`
    case "store loses requests":
    case "packets lost":
    case "connections reset":
      return `${fault.type}: ${(fault.share * 100).toFixed(1)} %`
    case "store cut off":
      return `${fault.node} cut off from the store`
    case "segment cut":
      return `${fault.a} and ${fault.b} do not hear each other on their segment`
    case "router cut off":
      return `${fault.node} and ${fault.router} do not reach each other`
    case "router restarts":
      return `${fault.router} restarts`
    case "stranger":
      return `another host takes ${fault.address}`
    case "documents tried":
      return `documents change for ${fault.seconds} s`
    case "store away":
    case "store compacts":
    case "store connections break":
    case "documents change":
      return fault.type
    default:
      return `${fault.node}: ${fault.type}`
  }
}

export const describePlanned = ({ atMs, forMs, fault }: PlannedFault): string =>
  `${(atMs / 1_000).toFixed(2).padStart(8)} s  ${describeFault(fault)}${forMs > 0 ? ` for ${(forMs / 1_000).toFixed(2)} s` : ""}`

const storeFaults = ["store slow", "store away", "store compacts", "store connections break", "store cut off"] as const
const allFaults = [
  ...storeFaults,
  "store loses requests",
  "segment cut",
  "router cut off",
  "packets lost",
  "connections reset",
  "crash",
  "crash",
  "freeze",
  "freeze",
  "stop",
  "upgrade",
  "power off",
  "documents change",
  "documents change",
  "documents tried",
  "drain",
  "router restarts",
  "address taken off",
  "stranger",
  "hiccups"
] as const

const moments: ReadonlySet<Fault["type"]> = new Set<Fault["type"]>([
  "store compacts",
  "store connections break",
  "documents change",
  "documents tried",
  "address taken off"
])

const drawFault = (type: Fault["type"], { nodes, routers, start }: Scenario, chance: Chance): Fault => {
  const node = chance.pick(nodes).name
  const router = chance.pick(routers.slice(0, 2)).name
  switch (type) {
    case "store slow":
      return { type, ...(chance.happens(0.4) ? { node } : {}), delayMs: chance.between(20, 1_000) }
    case "store loses requests":
      return { type, share: chance.between(5, 40) / 100 }
    case "packets lost":
      return { type, share: chance.between(2, 20) / 100 }
    case "connections reset":
      return { type, share: chance.between(1, 10) / 100 }
    case "segment cut": {
      const rack = nodes.filter((one) => one.rack === 1)
      const a = chance.pick(rack)
      const b = chance.pick(rack.filter((one) => one !== a))
      return { type, a: a.name, b: b.name }
    }
    case "router cut off":
      return { type, node, router }
    case "router restarts":
      return { type, router }
    case "stranger":
      return { type, address: chance.pick(start.floatingIps) }
    case "documents tried":
      return { type, seconds: chance.between(2, 20) }
    case "store away":
    case "store compacts":
    case "store connections break":
    case "documents change":
      return { type }
    default:
      return { type, node }
  }
}

const drawDuration = (type: Fault["type"], leaseMs: number, chance: Chance): number => {
  if (moments.has(type)) return 0
  switch (type) {
    case "store away":
      return chance.between(1_000, 30_000)
    case "freeze":
      return chance.happens(0.3) ? chance.between(100, leaseMs) : chance.between(leaseMs, leaseMs * 2.5)
    case "crash":
    case "power off":
      return chance.happens(0.3) ? chance.between(200, leaseMs) : chance.between(leaseMs, leaseMs + 12_000)
    case "upgrade":
    case "router restarts":
      return chance.between(200, 3_000)
    default:
      return chance.between(1_000, 15_000)
  }
}

/** The faults of a run of `untilMs`. `first`: the cluster is left alone until then. */
export const drawFaults = (
  scenario: Scenario,
  chance: Chance,
  firstMs: number,
  untilMs: number
): ReadonlyArray<PlannedFault> => {
  const leaseMs = scenario.leaseSeconds * 1_000
  // Some runs are about the store alone: they show what I11 promises.
  const kinds = chance.happens(0.15) ? storeFaults : allFaults
  // And some never come to rest: what is bounded by a pause is not checked in them, all else is.
  const restless = chance.happens(0.2)
  const faults: Array<PlannedFault> = []
  let atMs = firstMs
  while (atMs < untilMs) {
    const bunch = chance.happens(0.3) ? chance.between(2, 3) : 1
    let endMs = atMs
    for (let n = 0; n < bunch; n++) {
      const type = chance.pick<Fault["type"]>(kinds)
      const forMs = drawDuration(type, leaseMs, chance)
      const fault = drawFault(type, scenario, chance)
      const startMs = atMs + (n === 0 ? 0 : chance.between(0, 3_000))
      faults.push({ atMs: startMs, forMs, fault })
      endMs = Math.max(endMs, startMs + forMs)
    }
    // A pause, often long enough for everything to settle, sometimes short.
    const pause = chance.happens(0.3) ? chance.between(100, 3_000) : chance.between(leaseMs + 2_000, leaseMs + 12_000)
    atMs = restless ? atMs + chance.between(100, 4_000) : endMs + pause
  }
  return faults.filter((fault) => fault.atMs < untilMs).sort((a, b) => a.atMs - b.atMs)
}
