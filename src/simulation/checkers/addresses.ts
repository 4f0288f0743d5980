// I1, I2 and I8, and the bound on who takes over: where the addresses that move are, in the kernels, and what still stands on them.
//
// Bounds. I1: no overlap at all between nodes that hear each other; with `hold`, two that each got the address while they did
// not may both have it until the one without the lease hears the other's next announcement: every 10 s by a clock that may be
// 2 % slow, so 11 s. I2: 50 ms from the moment that the kernel has taken the address off, or that a frozen process goes on. A
// takeover: lease, half a second until the store looks, kernel lifetime (not longer), three probes: lease + 1.5 s.

import type { Address } from "../../net/ip.ts"
import { familyOf, hostPrefix } from "../../net/ip.ts"
import type { LocalAddress } from "../../plan/types.ts"
import type { Machine } from "../Machine.ts"
import type { End } from "../Network.ts"
import type { Simulation } from "../Simulation.ts"
import { floatingIpsMax } from "../scenario.ts"
import { type Checker, Since } from "./Checker.ts"

const overlapMs = 11_000
const orphanMs = 50
const renewalMs = 1_020

/** Addresses that one node at a time holds: all that are on no loopback and no node's own. */
const moves = (simulation: Simulation, { address, interface: name }: LocalAddress): boolean =>
  name !== "lo" && simulation.nodeOf(address) === undefined

const holdersOf = (simulation: Simulation): ReadonlyMap<Address, ReadonlyArray<Machine>> => {
  const holders = new Map<Address, Array<Machine>>()
  for (const { machine } of simulation.daemons)
    if (machine.powered)
      for (const local of machine.addresses)
        if (moves(simulation, local)) {
          const list = holders.get(local.address)
          if (list === undefined) holders.set(local.address, [machine])
          else list.push(machine)
        }
  return holders
}

export const checkOverlaps: Checker = (simulation, findings) => {
  /** Pairs that have an address both, and since when; `heardSince`: since when they hear each other, 0 while they do not. */
  const pairs = new Map<string, { readonly apart: boolean; heardSince: number }>()
  const look = (): void => {
    const { ms } = simulation.world
    const there = new Set<string>()
    for (const [address, machines] of holdersOf(simulation)) {
      if (machines.length < 2) continue
      for (const [index, a] of machines.entries())
        for (const b of machines.slice(index + 1)) {
          const key = `${address} ${a.name} ${b.name}`
          there.add(key)
          const hears = a.segment.hears(a, b)
          const pair = pairs.get(key) ?? { apart: !hears, heardSince: hears ? ms : 0 }
          if (!pairs.has(key)) findings.figure("addresses on two nodes that did not hear each other")
          pairs.set(key, pair)
          if (hears && pair.heardSince === 0) pair.heardSince = ms
          if (!hears) pair.heardSince = 0
          const text = `${address} is on ${a.name} and on ${b.name}`
          if (simulation.scenario.onStoreLoss === "release") findings.report("I1", text)
          else if (hears && !pair.apart) findings.report("I1", `${text}, who hear each other`)
          else if (hears && ms - pair.heardSince > overlapMs)
            findings.report("I1", `${text}, who have heard each other for ${overlapMs / 1_000} s`)
        }
    }
    for (const key of [...pairs.keys()]) if (!there.has(key)) pairs.delete(key)
  }
  return { added: look, removed: look, step: look }
}

export const checkOrphans: Checker = (simulation, findings) => {
  const since = new Since()
  /** When somebody else took an address off a machine. */
  const meddled = new Map<string, number>()
  return {
    removed: ({ name }, { address }, why) => {
      if (why === "somebody") meddled.set(`${name} ${address}`, simulation.world.ms + renewalMs)
    },
    step: () => {
      const { ms } = simulation.world
      for (const end of simulation.network.ends) {
        if (!end.owned || !end.process.running || !end.machine.powered) continue
        if (simulation.nodeOf(end.localAddress) !== undefined || end.machine.has(end.localAddress)) continue
        const daemon = simulation.daemons.find(({ machine }) => machine === end.machine)
        if (daemon === undefined) continue
        const key = `${end.machine.name} ${end.localAddress} ${end.localPort} ${end.peerAddress}`
        const noticed = meddled.get(`${end.machine.name} ${end.localAddress}`) ?? 0
        if (ms - Math.max(since.of(key, ms), daemon.thawedMs, noticed) > orphanMs)
          findings.report(
            "I2",
            `${end.machine.name} has a connection from ${end.localAddress} to ${end.peerAddress} and not the address`
          )
      }
      since.endRound()
    }
  }
}

export const checkRemovals: Checker = (simulation, findings) => {
  /** Connections whose address has just gone: whoever lost it forgets them now, whoever gives it away has closed them before. */
  const left: Array<{ readonly end: End; readonly text: string }> = []
  return {
    removed: (machine, { address }, why) => {
      if (why !== "daemon") return
      const daemon = simulation.daemons.find((one) => one.machine === machine)
      if (daemon === undefined) return
      for (const end of simulation.network.ends) {
        if (end.machine !== machine || end.process !== daemon.process) continue
        if (!end.owned || !end.alive || !end.started) continue
        const session = `its session from ${end.localAddress} to ${end.peerAddress}`
        if (end.localAddress === address)
          left.push({ end, text: `${daemon.name} took ${address} off while ${session} was there` })
        const told = daemon.told.get(`${end.localAddress} ${end.peerAddress}`)
        for (const [path, nextHop] of told ?? [])
          if (path.startsWith(`${hostPrefix(address)} `) && simulation.nodeOf(nextHop) === daemon)
            findings.report("I8", `${daemon.name} took ${address} off while ${session} announced it`)
      }
    },
    step: () => {
      for (const { end, text } of left.splice(0)) if (!end.vanished) findings.report("I8", text)
    }
  }
}

/** In layer 2 mode the VIPs of the documents, else the floating IPs, each with the nodes that can have it. */
const movable = (simulation: Simulation): ReadonlyArray<Address> =>
  simulation.scenario.mode === "bgp" ? simulation.model.floatingIps : []

export const checkTakeover: Checker = (simulation, findings) => {
  const boundMs = simulation.scenario.leaseSeconds * 1_020 + 1_500
  /** Where each address was last, and when it was gone from there or its node was dead. */
  const last = new Map<Address, { readonly machine: Machine; readonly goneMs?: number }>()
  const watchMoves = (): void => {
    for (const [address, { machine, goneMs }] of last) {
      const daemon = simulation.daemons.find((one) => one.machine === machine)
      const there = daemon?.alive === true && machine.has(address)
      if (there && goneMs !== undefined) last.set(address, { machine })
      else if (!there && goneMs === undefined) last.set(address, { machine, goneMs: simulation.world.ms })
    }
  }
  return {
    added: (machine, local) => {
      if (!moves(simulation, local) || !simulation.daemons.some((daemon) => daemon.machine === machine)) return
      watchMoves()
      const before = last.get(local.address)
      last.set(local.address, { machine })
      if (before === undefined || before.machine === machine) return
      findings.figure("addresses taken over", simulation.world.ms - (before.goneMs ?? simulation.world.ms))
    },
    step: () => {
      watchMoves()
      const { ms } = simulation.world
      if (simulation.quietMs < boundMs || ms < 10_000) return
      const holders = holdersOf(simulation)
      for (const address of movable(simulation)) {
        const rack = Number(address.split(".")[2])
        const able = simulation.daemons.filter(
          (daemon) =>
            daemon.node.rack === rack && daemon.running && !simulation.drained.has(daemon.name) && !daemon.leaving
        )
        const on = holders.get(address) ?? []
        const holder = on.find((machine) =>
          simulation.daemons.some((daemon) => daemon.machine === machine && daemon.running)
        )
        const who = on.length === 0 ? "nobody has" : `only a dead node, ${on[0]?.name}, has`
        if (able.length > 0 && holder === undefined)
          findings.report("takeover", `${who} ${address}, and ${able.map(({ name }) => name).join(", ")} could`)
        const speaker = able.find(({ machine }) => machine === holder)
        if (speaker === undefined) continue
        for (const router of simulation.routers) {
          const known = router.neighbours.get(address)
          const end = [...simulation.network.ends].some(
            (one) => one.machine === holder && one.localAddress === address && one.peerAddress === router.spec.address
          )
          if (end && known?.established !== true)
            findings.report("takeover", `the session from ${address} to ${router.spec.name} is not up in time`)
        }
      }
    }
  }
}

export const everFloating = (address: Address): boolean =>
  floatingIpsMax.includes(address) && familyOf(address) === "ipv4"
