// I11: what a lost or slow store alone must leave alone. When the store is away, slow, compacted or its connections break while
// the cluster has been at rest, then until it has been back for a lease: every session that was up stays up, every VIP and, with
// `hold`, every floating IP stays where it is. A node that alone is cut off is another matter (it hands over).
import type { Address } from "../../net/ip.ts"
import { isStoreFault } from "../faults.ts"
import type { Simulation } from "../Simulation.ts"
import type { Checker } from "./Checker.ts"

interface Snapshot {
  readonly flaps: ReadonlyMap<string, number>
  readonly held: ReadonlyMap<string, ReadonlyArray<Address>>
}

const atRest = (simulation: Simulation): boolean =>
  simulation.quietBesideStoreMs > simulation.scenario.leaseSeconds * 1_000 + 6_000 &&
  [...simulation.active.values()].every((fault) => isStoreFault(fault)) &&
  simulation.daemons.every(({ running, name }) => running && simulation.memory.link(name).reachable)

const look = (simulation: Simulation): Snapshot => ({
  flaps: new Map(
    simulation.routers.flatMap((router) =>
      [...router.neighbours.values()]
        .filter(({ established }) => established)
        .map((known) => [`${router.spec.name} ${known.address}`, known.flaps])
    )
  ),
  held: new Map(
    simulation.daemons.map(({ name, machine }) => [name, machine.addresses.map(({ address }) => address)] as const)
  )
})

export const checkStoreLoss: Checker = (simulation, findings) => {
  const { scenario } = simulation
  const holding = scenario.onStoreLoss === "hold"
  let snapshot: Snapshot | undefined
  let lasting = 0
  let endedMs = 0

  const compare = (before: Snapshot): void => {
    const now = look(simulation)
    const held = new Map([...now.held].map(([node, addresses]) => [node, new Set(addresses)]))
    for (const [node, addresses] of before.held)
      for (const address of addresses) {
        if (held.get(node)?.has(address)) continue
        const moves = simulation.scenario.mode === "layer2" || simulation.model.floatingIps.includes(address)
        if (holding || !moves) findings.report("I11", `${node} lost ${address} while only the store had trouble`)
      }
    for (const [session, flaps] of before.flaps) {
      if (now.flaps.get(session) === flaps) continue
      const controlPlane = simulation.nodeOf(session.split(" ")[1] as Address) !== undefined
      if (holding || controlPlane)
        findings.report("I11", `the session ${session} ended while only the store had trouble`)
    }
  }

  return {
    storeFault: (fault, begins) => {
      const single = fault.type === "store cut off" || fault.type === "store loses requests"
      if (single) {
        snapshot = undefined
        return
      }
      if (begins) lasting++
      else lasting = Math.max(0, lasting - 1)
      endedMs = simulation.world.ms
      if (begins && snapshot === undefined && atRest(simulation)) snapshot = look(simulation)
    },
    step: () => {
      if (snapshot === undefined) return
      const still = [...simulation.active.values()].some((fault) => isStoreFault(fault))
      if (!atRest(simulation)) {
        snapshot = undefined
        return
      }
      compare(snapshot)
      if (!still && simulation.world.ms - endedMs > scenario.leaseSeconds * 1_000 + 3_000) {
        snapshot = undefined
        findings.figure("times that only the store had trouble")
      }
    }
  }
}
