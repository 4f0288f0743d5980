// I3, I6 and I7: what the routers hold.
//
// Bounds. I3: a next hop that is dead or drained goes within lease + 1.5 s of its death (lease, half a second until the store
// looks, a round trip), and where the speaker of the session is dead as well, or its session is not up, within a takeover more:
// kernel lifetimes and probes run beside the lease, so 1 s. The time counts from the last thing that was done to the world,
// and only while nothing lasts that hinders. I6: at any time, for a session that has been up for 2 s and a node that
// has been a next hop in good standing for lease + 3 s. I7: at once for what was never asked for, within the same bound as I3
// for what is not asked for any more.
import { entriesBelow } from "../../adapters/store/keyValue.ts"
import { viewOf } from "../../cluster/layout.ts"
import type { Binding } from "../../ipam/types.ts"
import { type Address, familyOf, hostPrefix, type Prefix } from "../../net/ip.ts"
import type { Daemon } from "../Daemon.ts"
import type { Router } from "../Router.ts"
import type { Simulation } from "../Simulation.ts"
import { controlPlaneVip, type SimService } from "../scenario.ts"
import { everFloating } from "./addresses.ts"
import type { Checker } from "./Checker.ts"

/** Addresses of services by the store's word, as long as its state stays the same. */
export const makeBindings = (simulation: Simulation): (() => ReadonlyArray<Binding>) => {
  let revision = -1
  let bindings: ReadonlyArray<Binding> = []
  return () => {
    const state = simulation.memory.peek()
    if (state.revision !== revision) {
      revision = state.revision
      bindings = viewOf(entriesBelow(state, "allocations/")).view.bindings
    }
    return bindings
  }
}

export const ownersOf = (simulation: Simulation, binding: Binding): ReadonlyArray<SimService> =>
  binding.owners.flatMap(({ service }) => simulation.model.services.filter(({ name }) => `default/${name}` === service))

/** Whether a node may be a next hop for the address by the documents. */
export const takes = (daemon: Daemon, address: Address, services: ReadonlyArray<SimService>): boolean =>
  services.length > 0 &&
  (familyOf(address) === "ipv4" || daemon.node.ipv6 !== undefined) &&
  services.every(({ endpoints }) => endpoints === undefined || endpoints.includes(daemon.name))

export const checkDeadHops: Checker = (simulation, findings) => {
  const leaseMs = simulation.scenario.leaseSeconds * 1_020
  const dying = new Map<string, number>()
  /** How long dead nodes stay next hops where nothing hinders their withdrawal. */
  const watchDeaths = (): void => {
    for (const { alive, name, endedMs, node } of simulation.daemons) {
      if (alive || simulation.active.size > 0) dying.delete(name)
      else if (simulation.world.ms - endedMs < 50) dying.set(name, endedMs)
      const since = dying.get(name)
      if (since === undefined) continue
      const hops = new Set<string>([node.ipv4, ...(node.ipv6 === undefined ? [] : [node.ipv6])])
      const held = simulation.routers.some((router) =>
        [...router.neighbours.values()].some(
          (known) =>
            known.established &&
            everFloating(known.address) &&
            [...known.paths.values()].some((path) => hops.has(path.nextHop))
        )
      )
      if (held) continue
      dying.delete(name)
      findings.figure("dead next hops withdrawn", simulation.world.ms - since)
    }
  }
  return {
    step: () => {
      watchDeaths()
      const { quietMs } = simulation
      if (quietMs < leaseMs + 1_500) return
      for (const router of simulation.routers)
        for (const known of router.neighbours.values()) {
          if (!everFloating(known.address)) continue
          // A rack that is dead altogether takes its sessions with it; the router's hold timer has to find that out.
          const rack = Number(known.address.split(".")[2])
          if (!simulation.daemons.some(({ node, running }) => node.rack === rack && running)) continue
          const speaker = simulation.daemons.find(({ machine }) => machine.has(known.address))
          // Nobody speaks for a floating IP that the documents do not have any more. Where nobody had it either when it went, the
          // router's hold timer has to end the session.
          const orphaned = speaker === undefined && !simulation.model.floatingIps.includes(known.address)
          const lateMs = known.established && speaker?.running ? 1_500 : 2_500
          const boundMs = orphaned ? router.spec.holdTime * 1_000 + 1_000 : leaseMs + lateMs
          if (quietMs < boundMs) continue
          for (const { prefix, nextHop, stale } of known.paths.values()) {
            const daemon = simulation.nodeOf(nextHop)
            if (daemon === undefined) continue
            const why = daemon.alive ? (simulation.drained.has(daemon.name) ? "drained" : undefined) : "dead"
            // With no session left to withdraw it, a helper keeps what it has until the restart time is over.
            if (why !== undefined && !(stale && !known.established && speaker === undefined))
              findings.report(
                "I3",
                `${router.spec.name} holds ${prefix} over ${known.address} via ${daemon.name}, which is ${why}`
              )
          }
        }
    }
  }
}

/** Since when (ms) each node has been a node that services can rely on; undefined: it is not. */
const makeStanding = (simulation: Simulation) => {
  const good = new Map<string, number>()
  return {
    step: () => {
      for (const daemon of simulation.daemons) {
        const { name, node } = daemon
        const link = simulation.memory.link(name)
        const trouble =
          !simulation.storeUp || !link.reachable || link.delayMs > node.storeMs || simulation.trouble.loss > 0
        const fine = daemon.running && !daemon.leaving && !trouble && !simulation.drained.has(name)
        if (!fine) good.delete(name)
        else if (!good.has(name)) good.set(name, simulation.world.ms)
      }
    },
    since: (name: string): number => good.get(name) ?? Number.POSITIVE_INFINITY
  }
}

export const checkPresence: Checker = (simulation, findings) => {
  const leaseMs = simulation.scenario.leaseSeconds * 1_020
  const standing = makeStanding(simulation)
  const bindings = makeBindings(simulation)
  const bound = new Map<string, number>()
  let version = 0
  let versionMs = 0

  const covers = (router: Router): boolean => {
    const { ms } = simulation.world
    return [...router.neighbours.values()].some((known) => {
      if (!known.established || !everFloating(known.address) || ms - known.since < 2_000) return false
      const speaker = simulation.daemons.find(({ machine }) => machine.has(known.address))
      if (speaker === undefined || ms - standing.since(speaker.name) <= 2_000) return false
      // What was sent into a cut is sent again within 3.2 s of its end.
      return ms - simulation.network.openSince(speaker.machine, router.machine) > 5_000
    })
  }

  return {
    step: () => {
      standing.step()
      const { ms } = simulation.world
      if (simulation.version !== version) {
        version = simulation.version
        versionMs = ms
      }
      const there = new Set<string>()
      for (const { address } of bindings()) {
        there.add(address)
        if (!bound.has(address)) bound.set(address, ms)
      }
      for (const address of [...bound.keys()]) if (!there.has(address)) bound.delete(address)
      if (ms - versionMs < 5_000 || simulation.network.loss > 0) return
      for (const router of simulation.routers) {
        if (!simulation.model.peers.some(({ name }) => name === router.spec.name) || !covers(router)) continue
        const held = new Set(
          [...router.neighbours.values()].flatMap(({ paths }) => [...paths.values()].map((p) => p.prefix))
        )
        for (const binding of bindings()) {
          if (ms - (bound.get(binding.address) ?? ms) < 3_000) continue
          const owners = ownersOf(simulation, binding)
          const taker = simulation.daemons.find(
            (daemon) => takes(daemon, binding.address, owners) && ms - standing.since(daemon.name) > leaseMs + 3_000
          )
          if (taker !== undefined) findings.figure("VIPs looked for in a router")
          if (taker !== undefined && !held.has(hostPrefix(binding.address)))
            findings.report(
              "I6",
              `${router.spec.name} has no path to ${binding.address}, and ${taker.name} is there for it`
            )
        }
      }
    }
  }
}

export const checkNothingElse: Checker = (simulation, findings) => {
  const boundMs = simulation.scenario.leaseSeconds * 1_020 + 2_500
  const bindings = makeBindings(simulation)
  const ever = new Set<Prefix>([hostPrefix(controlPlaneVip)])
  const seen = new Map<Router, number>()
  return {
    step: () => {
      const now = new Set<Prefix>([hostPrefix(controlPlaneVip)])
      for (const binding of bindings()) {
        ever.add(hostPrefix(binding.address))
        if (ownersOf(simulation, binding).length > 0) now.add(hostPrefix(binding.address))
      }
      const quiet = simulation.quietMs > boundMs
      for (const router of simulation.routers) {
        if (!quiet && seen.get(router) === router.version) continue
        seen.set(router, router.version)
        const listed = simulation.model.peers.some(({ name }) => name === router.spec.name)
        for (const known of router.neighbours.values())
          for (const { prefix, nextHop, stale } of known.paths.values()) {
            const what = `${router.spec.name} holds ${prefix} via ${nextHop} over ${known.address}`
            if (!ever.has(prefix)) findings.report("I7", `${what}: no document ever asked for it`)
            else if (simulation.nodeOf(nextHop) === undefined)
              findings.report("I7", `${what}: that is no node's address`)
            else if (quiet && !stale && (!now.has(prefix) || !listed))
              findings.report("I7", `${what}: no document asks for it any more`)
          }
      }
    }
  }
}
