// The fence machine, event by event (D6, D6b; I1, I2, I8). Times are milliseconds; the lease lasts 3 s.
import { describe, expect, test } from "bun:test"
import {
  type Fence,
  type FenceAction,
  type FenceConfig,
  type FenceEvent,
  fenceStep,
  fenceWake,
  makeFence
} from "../../src/election/fence.ts"

const hold: FenceConfig = { leaseMs: 3_000, onStoreLoss: "hold" }
const strict: FenceConfig = { leaseMs: 3_000, onStoreLoss: "release" }
const node02 = { mac: "02:00:00:00:00:02", member: "node-02" }
const stranger = { mac: "02:00:00:00:00:99" }

/** Runs a fence over events at given times and remembers what it did. */
const run = (config: FenceConfig = hold) => {
  let fence: Fence = makeFence(0)
  let done: Array<FenceAction> = []
  const self = {
    at: (now: number, event: FenceEvent) => {
      const step = fenceStep(fence, event, now, config)
      fence = step.fence
      done.push(...step.actions)
      return self
    },
    /** Lets time pass, waking the machine when it asks for it; a kernel that does what it is told answers each Hold. */
    until: (end: number, added: (count: number) => boolean = (count) => count === 0) => {
      let holds = 0
      for (let wake = fenceWake(fence); wake <= end; wake = fenceWake(fence)) {
        const before = done.length
        self.at(wake, { type: "Tick" })
        if (done.slice(before).some(({ type }) => type === "Hold"))
          self.at(wake, { type: "Put", added: added(holds++) })
      }
      return self
    },
    /** The address held since about `now`, with a lease from `now`. */
    held: (now = 0) =>
      self
        .at(now, { type: "Lease", until: now + 3_000 })
        .at(now, { type: "Want" })
        .at(now, { type: "Claimed", generation: 7 })
        .until(now + 300),
    /** What was done since the last time, reports aside. */
    did: () => {
      const seen = done.filter(({ type }) => type !== "Report").map(({ type }) => type)
      done = []
      return seen
    },
    reports: () => done.flatMap((action) => (action.type === "Report" ? [action.text] : [])),
    actions: () => done,
    get fence() {
      return fence
    }
  }
  return self
}

describe("taking an address", () => {
  test("claim, three probes, on for as long as a lease, announcement, sessions: in this order", () => {
    const one = run().held()
    expect(one.did()).toEqual(["Claim", "Probe", "Probe", "Probe", "Hold", "Announce", "Open"])
    expect(one.fence).toMatchObject({ phase: "held", generation: 7 })
  })

  test("a lost race is tried again only after a while, and without a claim nothing is probed", () => {
    const one = run().at(0, { type: "Want" }).at(1, { type: "ClaimFailed", why: "node node-02 has claimed it" })
    expect(one.did()).toEqual(["Claim"])
    expect(one.fence).toMatchObject({ phase: "claiming", reason: "node node-02 has claimed it" })
    expect(one.until(400).did()).toEqual(["Claim"])
  })

  test("what another node gives back is claimed at once, and only what was refused before", () => {
    const one = run().at(0, { type: "Want" })
    expect(one.at(1, { type: "Freed" }).did()).toEqual(["Claim"])
    one.at(2, { type: "ClaimFailed", why: "node node-02 has claimed it" })
    expect(one.at(20, { type: "Freed" }).at(21, { type: "Freed" }).did()).toEqual(["Claim"])
    expect(one.at(40, { type: "Claimed", generation: 7 }).at(41, { type: "Freed" }).did()).toEqual(["Probe"])
  })

  test("a stranger that has the address keeps it; the reason names its MAC, and it is looked at again later", () => {
    const one = run()
      .at(0, { type: "Lease", until: 60_000 })
      .at(0, { type: "Want" })
      .at(0, { type: "Claimed", generation: 1 })
      .at(5, { type: "Heard", message: "answer", ...stranger })
    expect(one.fence.phase).toBe("conflict")
    expect(one.fence.reason).toContain(stranger.mac)
    expect(one.did()).toEqual(["Claim", "Probe"])
    expect(one.until(4_900).did()).toEqual([])
    expect(one.until(5_400).did()).toEqual(["Probe", "Probe", "Probe", "Hold", "Announce", "Open"])
  })

  test("a member that still has it is asked again at once, until it does not answer any more", () => {
    const one = run()
      .at(0, { type: "Lease", until: 9_000 })
      .at(0, { type: "Want" })
      .at(0, { type: "Claimed", generation: 1 })
    for (const now of [2, 70, 140]) {
      one.at(now, { type: "Heard", message: "answer", ...node02 })
      expect(one.fence.phase).toBe("conflict")
      one.until(now + 60)
      expect(one.fence.phase).toBe("probing")
    }
    one.did()
    expect(one.until(600).did()).toEqual(["Probe", "Probe", "Hold", "Announce", "Open"])
  })

  test("a member that has it for longer than a lease has it by hand: said, and asked only now and then", () => {
    const one = run()
      .at(0, { type: "Lease", until: 60_000 })
      .at(0, { type: "Want" })
      .at(0, { type: "Claimed", generation: 1 })
    const ask = (now: number) => one.at(now, { type: "Heard", message: "answer", ...node02 }).until(now + 60)
    for (let now = 5; now < 5_000; now += 65) ask(now)
    expect(one.fence).toMatchObject({ phase: "probing", reason: expect.stringContaining("still has the address") })
    one.did()
    one.at(5_010, { type: "Heard", message: "answer", ...node02 })
    expect(one.fence.reason).toContain(`node node-02 (MAC ${node02.mac}) has had the address for longer than a lease`)
    expect(one.until(10_000).did()).toEqual([])
    expect(one.until(10_400).did()).toEqual(["Probe", "Probe", "Probe", "Hold", "Announce", "Open"])
    expect(one.fence.answeredSince).toBe(Number.POSITIVE_INFINITY)
  })

  test("is not taken where the lease ran out while it was probed", () => {
    const one = run()
      .at(0, { type: "Lease", until: 100 })
      .at(0, { type: "Want" })
      .at(0, { type: "Claimed", generation: 1 })
    one.until(200)
    expect(one.did()).toEqual(["Claim", "Probe", "Probe", "Claim"])
    expect(one.fence.phase).toBe("claiming")
  })
})

describe("holding it", () => {
  test("the kernel is told again three times in a lease, and the announcement is repeated", () => {
    const one = run().held()
    one.did()
    one.at(900, { type: "Lease", until: 3_900 }).at(1_900, { type: "Lease", until: 4_900 })
    one.until(2_900, () => false)
    const did = one.did()
    expect(did.filter((type) => type === "Hold").length).toBe(2)
    expect(did.filter((type) => type === "Announce").length).toBe(3)
  })

  test("all addresses of a node are renewed at the same moments, whenever they were taken", () => {
    const wakes = [0, 130, 410].map((now) => run().held(now).fence.wakeAt)
    expect(wakes).toEqual([1_000, 1_000, 1_000])
  })

  test("an announcement by somebody else is answered once a second (RFC 5227 2.4)", () => {
    const one = run().held()
    one.did()
    for (const now of [310, 320, 330]) one.at(now, { type: "Heard", message: "announcement", ...stranger })
    expect(one.did()).toEqual(["Announce"])
    expect(one.fence.phase).toBe("held")
  })

  test("the answer is repeated: who believed the other one believes nobody else for a second", () => {
    const one = run().held()
    one.at(900, { type: "Lease", until: 30_000 }).until(5_000, () => false)
    one.did()
    one.at(5_100, { type: "Heard", message: "announcement", ...stranger }).until(6_400, () => false)
    expect(one.did().filter((type) => type === "Announce").length).toBe(4)
  })

  test("somebody took it off: it is probed anew before it is used, and the sessions are not told anything", () => {
    const one = run().held()
    one.did()
    one.at(1_250, { type: "Put", added: true })
    expect(one.did()).toEqual(["Drop", "Close", "Probe"])
    expect(one.fence.phase).toBe("probing")
  })

  test("I2: given back in order: sessions, then the address, then the claim", () => {
    const one = run().held()
    one.did()
    one.at(400, { type: "Unwant", reason: "assigned to node-02" })
    expect(one.did()).toEqual(["Close"])
    expect(one.fence.phase).toBe("releasing")
    expect(one.at(450, { type: "Closed" }).did()).toEqual(["Drop", "Unclaim"])
    expect(one.fence).toMatchObject({ phase: "idle", reason: "assigned to node-02" })
  })

  test("sessions that do not end hold the address back for a second at most", () => {
    const one = run().held().at(400, { type: "Unwant", reason: "drained" })
    one.did()
    expect(one.until(1_500).did()).toEqual(["Drop", "Unclaim"])
  })

  test("a claim that comes after the address is no longer wanted is given back", () => {
    const one = run().at(0, { type: "Want" }).at(1, { type: "Unwant", reason: "not assigned" })
    one.did()
    expect(one.at(2, { type: "Claimed", generation: 1 }).did()).toEqual(["Unclaim"])
  })
})

describe("the store is lost (D6b)", () => {
  const over = () => {
    const one = run().held()
    one.until(3_900, () => false)
    expect(one.fence.phase).toBe("holdover")
    one.did()
    return one
  }

  test("hold: the address stays and the kernel is told to keep it", () => {
    const one = over()
    expect(
      one
        .until(33_000, () => false)
        .did()
        .filter((type) => type === "Hold").length
    ).toBeGreaterThan(25)
    expect(one.fence.phase).toBe("holdover")
  })

  test("hold: a probe of a member takes it away at once, that of a stranger does not", () => {
    const one = over().at(4_000, { type: "Heard", message: "probe", ...stranger })
    expect(one.fence.phase).toBe("holdover")
    one.at(4_010, { type: "Heard", message: "probe", ...node02 })
    expect(one.did()).toEqual(["Drop", "Close"])
    expect(one.fence.phase).toBe("idle")
  })

  test("hold: after a split has healed the announcement of a member does", () => {
    const one = over().at(4_000, { type: "Heard", message: "announcement", ...node02 })
    expect(one.did()).toEqual(["Drop", "Close"])
  })

  test("hold: with a lease a member's probe changes nothing", () => {
    const one = run()
      .held()
      .at(400, { type: "Heard", message: "probe", ...node02 })
    expect(one.fence.phase).toBe("held")
  })

  test("hold: the same lease again: held as before", () => {
    const one = over().at(4_000, { type: "Lease", until: 7_000 })
    expect(one.fence).toMatchObject({ phase: "held", generation: 7 })
    expect(one.did()).toEqual([])
  })

  test("hold: the lease is gone: claimed anew while it is held, and tried again until it is", () => {
    const one = over().at(4_000, { type: "LeaseGone" })
    expect(one.did()).toEqual(["Claim"])
    one.at(4_001, { type: "ClaimFailed", why: "no lease yet" })
    expect(one.until(4_260, () => false).did()).toContain("Claim")
    one.at(4_300, { type: "Lease", until: 7_300 }).at(4_300, { type: "Claimed", generation: 9 })
    expect(one.fence).toMatchObject({ phase: "held", generation: 9 })
  })

  test("hold: the store comes back and shows another node's claim: given up at once", () => {
    const one = over().at(4_000, { type: "Taken", by: "node-02" })
    expect(one.did()).toEqual(["Drop", "Close"])
  })

  test("release: gone when the lease is, with the kernel never told to keep it longer", () => {
    const one = run(strict).held()
    expect(one.actions().flatMap((action) => (action.type === "Hold" ? [action.seconds] : []))).toEqual([2])
    one.did()
    one.until(2_600, () => false)
    expect(one.did()).toContain("Drop")
    expect(one.fence.phase).not.toBe("held")
  })
})

describe("a process that did not run", () => {
  test("I1: whoever wakes up after the kernel took the address off never puts it back without claiming and probing", () => {
    for (const event of [
      { type: "Tick" },
      { type: "Lease", until: 99_000 },
      { type: "LinkUp" },
      { type: "LeaseGone" }
    ] as const) {
      const one = run().held()
      one.did()
      one.at(20_000, event)
      const did = one.did()
      expect(did.slice(0, 2)).toEqual(["Drop", "Close"])
      expect(did).not.toContain("Hold")
      expect(did).not.toContain("Announce")
      expect(one.fence.phase).not.toBe("held")
    }
  })

  test("whoever wakes up in time goes on", () => {
    const one = run().held().at(1_000, { type: "Lease", until: 4_000 })
    one.did()
    expect(one.at(2_900, { type: "Tick" }).did()).toEqual(["Hold", "Announce"])
  })
})
