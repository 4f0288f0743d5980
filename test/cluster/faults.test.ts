// What a client sees when something breaks: UDP and TCP probes at 200/s through a service VIP while daemons die, nodes lose
// their power and etcd goes away. Each test prints its line of the table (FaultRun.ts). Rows S8, S11, S12; decisions D6, D6b,
// D7, D8; invariants I1, I3, I6, I11. The bounds are those of a lease of 3 s.
import { afterAll, describe, expect } from "bun:test"
import { blockBgp, cut, cutOnly, powerOff, split } from "../lab/faults.ts"
import { requires } from "../lab/requires.ts"
import { LEASE_MS } from "./clusterFile.ts"
import { type FaultReport, FaultRun, type Timing } from "./FaultRun.ts"
import { FLOATING_IPS } from "./network.ts"
import { type NodeName, nodeNamed, rackMate, type World, Worlds } from "./World.ts"

const [RACK1, RACK2] = FLOATING_IPS
const ROUTERS = 3
/** A dead node is no next hop any more. */
const WITHDRAWN_MS = LEASE_MS + 1_000
/** A floating IP is on another node, and all its sessions are Established. */
const MOVED_MS = LEASE_MS + 1_500
/** GoBGP sits idle for 5 s after a session that broke and refuses every call in that time: nothing that a caller can do. */
const GOBGP_IDLE_MS = 6_000
/** TCP probes that may be open at the moment when a router spreads its flows anew over other next hops. */
const REHASHED_MAX = 3
/** A node that is back, and reads in the store that its address has moved, gives way. */
const GIVES_WAY_MS = 2_000
/** One that still cannot read it gives way at the first announcement that it hears; holders remind the segment every 10 s. */
const HEARS_MS = 11_000

const suite = requires("root", "ip", "nft", "frr", "bird", "gobgp", "etcd", "etcdctl")
const worlds = new Worlds()
afterAll(() => worlds.dispose())

type Verdict = (report: FaultReport) => void

/**
 * One fault in a steady world: `body` strikes, waits for what must come of it and gives what the figures must say. After it
 * everything is healed and has to converge.
 */
const fault = (name: string, body: (world: World, run: FaultRun) => Promise<Verdict>): void =>
  suite.test(
    name,
    async () => {
      const world = await worlds.ready()
      const run = await FaultRun.start(name, world)
      let verdict: Verdict
      try {
        verdict = await body(world, run)
        await run.act(() => world.heal())
        await world.steady()
        run.isConverged()
      } catch (error) {
        await run.finish()
        throw error
      }
      const report = await run.finish()
      expect(report.lostBefore).toBe(0)
      verdict(report)
    },
    120_000
  )

const hopsOf = (...hosts: ReadonlyArray<NodeName>): ReadonlyArray<string> =>
  hosts.flatMap((host) => [nodeNamed(host).ipv4, nodeNamed(host).ipv6])

const within = (timing: Timing, boundMs: number, gobgpMs = boundMs): void => {
  for (const [make, ms] of Object.entries(timing)) {
    const bound = make === "gobgp" ? gobgpMs : boundMs
    expect(ms <= bound ? "in time" : `${make} took ${ms} ms, not ${bound}`).toBe("in time")
  }
}

/** Not a packet is lost. A TCP connection that is open while the set of next hops changes may be hashed to another node. */
const nothingLost: Verdict = ({ lost, traffic }) => {
  const { resets } = traffic.tcp
  expect(lost - resets).toBe(0)
  expect(resets).toBeLessThanOrEqual(REHASHED_MAX)
}

/** No packet, no session, no floating IP: as if nothing had been. */
const undisturbed =
  (world: World): Verdict =>
  (report) => {
    expect(report.lost).toBe(0)
    expect(report.sessionsEnded).toBe(0)
    staysPut(world)(report)
  }

const staysPut =
  (world: World): Verdict =>
  ({ zeroMs, overlaps }) => {
    const changes = FLOATING_IPS.flatMap((address) => world.watch.holdings(address)).filter(
      (one) => one.fromMs > zeroMs || (one.toMs ?? 0) > zeroMs
    )
    expect(changes).toEqual([])
    expect(overlaps).toEqual([])
  }

/**
 * The floating IP leaves `from` in time, and stays with the one that got it when `from` is back. Nobody else has it meanwhile;
 * a node without power holds it as long as its kernel does, unheard (I1).
 */
const handedOver = async (
  world: World,
  run: FaultRun,
  floatingIp: string,
  from: NodeName,
  unheard = false
): Promise<Verdict> => {
  const move = await run.moved(floatingIp, from)
  expect(move.host).toBe(rackMate(from))
  return ({ zeroMs, overlaps, sessionsEnded, sessionEvents }) => {
    within(move.sessions, MOVED_MS, MOVED_MS + GOBGP_IDLE_MS)
    expect(world.speaker(floatingIp)).toBe(rackMate(from))
    expect(unheard ? heardOverlaps(overlaps, zeroMs) : overlaps).toEqual([])
    expect({ sessionsEnded, sessionEvents }).toEqual({ sessionsEnded: ROUTERS, sessionEvents })
  }
}

/** Overlaps with a node that is off that outlive the kernel's hold on the address: a second more than the lease at most. */
const heardOverlaps = (overlaps: FaultReport["overlaps"], zeroMs: number): FaultReport["overlaps"] =>
  overlaps.filter((one) => one.toMs - zeroMs > LEASE_MS + 1_000)

/** Longer than the hold time: a router that was told a wrong MAC address has ended its session by then. */
const SETTLED_MS = 11_000

describe("a daemon", () => {
  fault("kill -9 of a speaker's daemon", async (world, run) => {
    const speaker = world.speaker(RACK1)
    await run.strike(() => world.daemon(speaker).process.kill())
    const [moved, withdrawn] = await Promise.all([
      handedOver(world, run, RACK1, speaker),
      run.nextHopsWithdrawn(hopsOf(speaker))
    ])
    return (report) => {
      moved(report)
      nothingLost(report)
      within(withdrawn, MOVED_MS, MOVED_MS + GOBGP_IDLE_MS)
    }
  })

  fault("kill -9 of a daemon without a floating IP", async (world, run) => {
    const node = rackMate(world.speaker(RACK2))
    await run.strike(() => world.daemon(node).process.kill())
    const withdrawn = await run.nextHopsWithdrawn(hopsOf(node))
    return (report) => {
      nothingLost(report)
      staysPut(world)(report)
      expect(report.sessionsEnded).toBe(0)
      within(withdrawn, WITHDRAWN_MS)
    }
  })

  fault("a speaker's daemon frozen for 8 s and thawed", async (world, run) => {
    const speaker = world.speaker(RACK2)
    await run.strike(() => world.daemon(speaker).process.signal("SIGSTOP"))
    const moved = await handedOver(world, run, RACK2, speaker)
    await run.last(8_000)
    return (report) => {
      moved(report)
      nothingLost(report)
    }
  })

  fault("a speaker's daemon upgraded in place (SIGUSR2)", async (world, run) => {
    const speaker = world.speaker(RACK2)
    await run.strike(async () => {
      const { process } = world.daemon(speaker)
      process.signal("SIGUSR2")
      expect(await process.exited).toBe(0)
      await world.startDaemon(speaker)
    })
    return (report) => {
      expect(report.lost).toBe(0)
      expect(report.overlaps).toEqual([])
      expect(report.sessionsEnded).toBeLessThanOrEqual(ROUTERS)
      expect(world.speaker(RACK2)).toBe(speaker)
    }
  })

  fault("a speaker's daemon restarted in order", async (world, run) => {
    const speaker = world.speaker(RACK1)
    await run.strike(async () => {
      await world.daemon(speaker).stop()
      await world.startDaemon(speaker)
    })
    return (report) => {
      nothingLost(report)
      expect(report.overlaps).toEqual([])
      expect(report.sessionsEnded).toBeLessThanOrEqual(ROUTERS)
    }
  })
})

describe("a node", () => {
  const offWithDaemons = async (world: World, ...hosts: ReadonlyArray<NodeName>) => {
    await powerOff(world.lab, ...hosts)
    await Promise.all(hosts.map((host) => world.daemon(host).process.kill()))
  }

  fault("power-off of a node without a floating IP", async (world, run) => {
    const node = rackMate(world.speaker(RACK1))
    await run.strike(() => offWithDaemons(world, node))
    const withdrawn = await run.nextHopsWithdrawn(hopsOf(node))
    return (report) => {
      staysPut(world)(report)
      expect(report.sessionsEnded).toBe(0)
      within(withdrawn, WITHDRAWN_MS)
      expect(report.windowMs).toBeLessThanOrEqual(WITHDRAWN_MS)
    }
  })

  fault("power-off of a speaker", async (world, run) => {
    const speaker = world.speaker(RACK2)
    await run.strike(() => offWithDaemons(world, speaker))
    const [moved, withdrawn] = await Promise.all([
      handedOver(world, run, RACK2, speaker, true),
      run.nextHopsWithdrawn(hopsOf(speaker))
    ])
    return (report) => {
      moved(report)
      within(withdrawn, MOVED_MS, MOVED_MS + GOBGP_IDLE_MS)
      expect(report.windowMs).toBeLessThanOrEqual(MOVED_MS)
    }
  })

  fault("power-off of both speakers at once", async (world, run) => {
    const speakers = FLOATING_IPS.map((address) => world.speaker(address))
    await run.strike(() => offWithDaemons(world, ...speakers))
    const [withdrawn, ...moves] = await Promise.all([
      run.nextHopsWithdrawn(hopsOf(...speakers)),
      ...FLOATING_IPS.map((address, index) => run.moved(address, speakers[index] ?? ""))
    ])
    return (report) => {
      for (const move of moves) within(move.sessions, MOVED_MS, MOVED_MS + GOBGP_IDLE_MS)
      within(withdrawn, MOVED_MS, MOVED_MS + GOBGP_IDLE_MS)
      expect(report.windowMs).toBeLessThanOrEqual(MOVED_MS)
      expect(heardOverlaps(report.overlaps, report.zeroMs)).toEqual([])
      expect(report.sessionsEnded).toBe(2 * ROUTERS)
    }
  })

  fault("a speaker without network for 8 s, its daemon alive", async (world, run) => {
    const speaker = world.speaker(RACK1)
    await run.strike(() => powerOff(world.lab, speaker))
    const move = await run.moved(RACK1, speaker)
    await run.last(8_000)
    const backMs = Date.now()
    await run.act(() => world.heal())
    await world.steady()
    await Bun.sleep(SETTLED_MS)
    return (report) => {
      within(move.sessions, MOVED_MS, MOVED_MS + GOBGP_IDLE_MS)
      expect(report.windowMs).toBeLessThanOrEqual(MOVED_MS)
      const { sessionsEnded, sessionEvents } = report
      expect({ sessionsEnded, sessionEvents }).toEqual({ sessionsEnded: ROUTERS, sessionEvents })
      expect(world.speaker(RACK1)).toBe(rackMate(speaker))
      // They could not hear each other until then (I1).
      for (const { toMs } of report.overlaps) expect(toMs - backMs).toBeLessThan(GIVES_WAY_MS)
    }
  })

  fault("a speaker cut from etcd only", async (world, run) => {
    const speaker = world.speaker(RACK2)
    await run.strike(() => cut(world.lab, speaker, "eth1"))
    const moved = await handedOver(world, run, RACK2, speaker)
    await run.last(6_000)
    return (report) => {
      moved(report)
      nothingLost(report)
    }
  })

  fault("a speaker cut from its peers only for 12 s", async (world, run) => {
    const speaker = world.speaker(RACK1)
    await run.strike(() => blockBgp(world.lab, speaker))
    await run.last(12_000)
    return (report) => {
      nothingLost(report)
      expect(report.overlaps).toEqual([])
      expect(report.sessionsEnded).toBeLessThanOrEqual(ROUTERS)
    }
  })

  fault("two nodes of a rack that do not hear each other for 6 s", async (world, run) => {
    const speaker = world.speaker(RACK2)
    await run.strike(() => split(world.lab, speaker, rackMate(speaker)))
    await run.last(6_000)
    return undisturbed(world)
  })

  fault("a rack split with the speaker cut from etcd, healed before etcd is", async (world, run) => {
    const speaker = world.speaker(RACK1)
    await run.strike(async () => {
      await split(world.lab, speaker, rackMate(speaker))
      await cut(world.lab, speaker, "eth1")
    })
    const move = await run.moved(RACK1, speaker)
    await run.last(6_000)
    let healedMs = 0
    await run.act(async () => {
      healedMs = Date.now()
      await cutOnly(world.lab, speaker, "eth1")
    })
    await world.lab.until(() => world.speaker(RACK1) === move.host, "the node without a lease to give way", 15_000)
    return (report) => {
      nothingLost(report)
      expect(move.host).toBe(rackMate(speaker))
      for (const { toMs } of report.overlaps) expect(toMs - healedMs).toBeLessThan(HEARS_MS)
    }
  })
})

describe("etcd", () => {
  fault("the leader of etcd killed", async (world, run) => {
    const leader = await world.etcd.leader()
    await run.strike(() => leader.kill())
    await run.last(6_000)
    return undisturbed(world)
  })

  fault("the whole etcd down for 30 s", async (world, run) => {
    await run.strike(() => Promise.all(world.etcd.members.map((member) => member.kill())))
    await run.last(30_000)
    return undisturbed(world)
  })

  fault("etcd slow by 2 s an answer for 15 s", async (world, run) => {
    await run.strike(() => world.relay.delay(2_000))
    await run.last(15_000)
    return undisturbed(world)
  })
})

describe("a peer", () => {
  for (const [index, make] of ["FRR", "GoBGP"].entries()) {
    fault(`${make} restarted`, async (world, run) => {
      await run.strike(() => world.externals[index + 1]?.restart())
      return (report) => {
        nothingLost(report)
        staysPut(world)(report)
        expect(report.sessionsEnded).toBeLessThanOrEqual(FLOATING_IPS.length)
      }
    })
  }
})
