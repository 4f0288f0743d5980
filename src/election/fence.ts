// The life of one address that moves, on one node: claim it in the store, probe whether it is free, put it on for as long as the
// lease holds, say so, and give it back (D6, D6b; I1, I2, I8). A machine without clock and sockets: events in, actions out, one
// next wake-up. RFC 5227 for probes, conflicts and defence; its waits of seconds are cut to tenths, since the claim in the store
// has already settled who may take the address and the probe only has to find those who do not know it yet.
//
// The kernel is the fence: the address is on the node only until `keptUntil`, and a daemon that does not run does not renew it. A
// machine that wakes up later than that never puts the address back without claiming and probing again.

export type FencePhase = "idle" | "claiming" | "probing" | "conflict" | "held" | "holdover" | "releasing"

/** How the sessions from the address end: told nothing (another node has it), or closed so that the peer keeps the routes. */
export type SessionsEnd = "vanish" | "leave"

export interface FenceConfig {
  readonly leaseMs: number
  readonly onStoreLoss: "hold" | "release"
}

export interface Fence {
  readonly phase: FencePhase
  /** When the phase was entered. */
  readonly since: number
  readonly wanted: boolean
  readonly reason: string
  /** Of the claim in force; absent while there is none. */
  readonly generation?: number
  /** Until when the lease holds, by this node's clock; 0: there is none. */
  readonly leaseUntil: number
  /** Until when the kernel keeps the address; 0: it is not on the node by our doing. */
  readonly keptUntil: number
  /** Since when members have answered the probes of this claim; infinite: none has. */
  readonly answeredSince: number
  /** Probes that are still to be sent. */
  readonly probesLeft: number
  /** Announcements that are still to be sent. */
  readonly announcementsLeft: number
  readonly announceAt: number
  readonly defendedAt: number
  /** When a claim that could not be made is tried again while the address is held over. */
  readonly claimAt: number
  /** Next thing that time brings in this phase. */
  readonly wakeAt: number
}

export type FenceEvent =
  /** The plan gives the address to this node, or takes it away. */
  | { readonly type: "Want" }
  | { readonly type: "Unwant"; readonly reason: string }
  /** What became of a Claim. */
  | { readonly type: "Claimed"; readonly generation: number }
  | { readonly type: "ClaimFailed"; readonly why: string }
  /** The store shows another node's claim. */
  | { readonly type: "Taken"; readonly by: string }
  /** The store shows another node's claim no more. */
  | { readonly type: "Freed" }
  /** The lease was kept alive. */
  | { readonly type: "Lease"; readonly until: number }
  /** The store says that the lease is gone, and the claim with it. */
  | { readonly type: "LeaseGone" }
  /** A probe or an announcement of the address by somebody else; `member` is the node whose MAC it is. */
  | {
      readonly type: "Heard"
      readonly message: "probe" | "announcement" | "answer"
      readonly mac: string
      readonly member?: string
    }
  /** What became of a Hold; `added`: the address was not on the node. */
  | { readonly type: "Put"; readonly added: boolean }
  | { readonly type: "PutFailed"; readonly why: string }
  /** The interface of the address may have been away: neighbours have to be told again. */
  | { readonly type: "LinkUp" }
  /** The sessions from the address have ended. */
  | { readonly type: "Closed" }
  | { readonly type: "Tick" }

export type FenceAction =
  | { readonly type: "Claim" }
  | { readonly type: "Unclaim" }
  | { readonly type: "Probe" }
  | { readonly type: "Announce" }
  /** Put the address on, or keep it on, for so many seconds. */
  | { readonly type: "Hold"; readonly seconds: number }
  /** Take the address off. */
  | { readonly type: "Drop" }
  /** Sessions from the address may be there from now on. */
  | { readonly type: "Open" }
  /** They have to end; `Closed` comes back. After "vanish" it need not be waited for. */
  | { readonly type: "Close"; readonly end: SessionsEnd }
  | { readonly type: "Report"; readonly level: "info" | "warning" | "error"; readonly text: string }

export interface FenceStep {
  readonly fence: Fence
  readonly actions: ReadonlyArray<FenceAction>
}

/** Probes before an address is taken, and what lies between them and after the last (RFC 5227 has 3, 1–2 s and 2 s). */
const probes = 3
const probeEveryMs = 70
const probeWaitMs = 90
/** A member that still has the address is asked again soon: it gives way, or its kernel takes the address off. */
const memberConflictMs = 60
/** A daemon's address goes with its lease, as soon as the kernel has noticed; what is there for longer no daemon gives back. */
const stuckMs = 2_000
/** A stranger's address is looked at again after this. */
const strangerConflictMs = 5_000
/** Announcements after taking an address, and how far apart: neighbours lock an entry for up to a second. */
const announcements = 4
const announceEveryMs = 400
/** Then now and again: after a split of the segment has healed, a holder without a lease gives way to what it hears. */
const remindEveryMs = 10_000
/** RFC 5227 2.4: one defence in so long. */
const defendEveryMs = 1_000
const claimAgainMs = 250
const putAgainMs = 500
/** How long sessions may take to end in order. */
const closeMs = 1_000
const never = Number.POSITIVE_INFINITY

export const makeFence = (now: number): Fence => ({
  phase: "idle",
  since: now,
  wanted: false,
  reason: "not assigned to this node",
  leaseUntil: 0,
  keptUntil: 0,
  answeredSince: never,
  probesLeft: 0,
  announcementsLeft: 0,
  announceAt: never,
  defendedAt: Number.NEGATIVE_INFINITY,
  claimAt: never,
  wakeAt: never
})

/** When `Tick` is due; infinite: never. */
export const fenceWake = (fence: Fence): number => Math.min(fence.wakeAt, fence.announceAt, fence.claimAt)

const holds = (phase: FencePhase): boolean => phase === "held" || phase === "holdover"

const enter = (fence: Fence, phase: FencePhase, now: number, reason: string, more: Partial<Fence> = {}): Fence => ({
  ...fence,
  announcementsLeft: 0,
  announceAt: never,
  claimAt: never,
  wakeAt: never,
  ...more,
  phase,
  reason,
  since: fence.phase === phase ? fence.since : now
})

const withoutClaim = ({ generation: _, ...rest }: Fence): Fence => ({ ...rest, answeredSince: never })

const info = (text: string): FenceAction => ({ type: "Report", level: "info", text })
const warning = (text: string): FenceAction => ({ type: "Report", level: "warning", text })

/** How often the kernel's lifetime is renewed: three chances before it ends. */
const refreshMs = (config: FenceConfig): number => Math.min(1_000, config.leaseMs / 3)

/**
 * All addresses of a node are renewed together: the kernel looks for those whose time is up at most once a second, and one that
 * ends a little after another would stay that much longer.
 */
const nextRefresh = (now: number, config: FenceConfig): number =>
  (Math.floor(now / refreshMs(config)) + 1) * refreshMs(config)

/** Whole seconds that the kernel may keep the address: as long as a lease, or with `release` what is left of it. */
const lifetime = (fence: Fence, now: number, config: FenceConfig): number =>
  config.onStoreLoss === "hold"
    ? Math.floor(config.leaseMs / 1_000)
    : Math.floor(Math.min(config.leaseMs, fence.leaseUntil - now) / 1_000)

const claim = (fence: Fence, now: number, reason: string): FenceStep => ({
  fence: enter(withoutClaim(fence), "claiming", now, reason, { keptUntil: 0, wakeAt: never }),
  actions: [{ type: "Claim" }]
})

/**
 * The address goes before the sessions do: while the kernel had the one and not the other, it would answer the peer's next segment with
 * a reset, which the peer would take for the new holder's.
 */
const lostActions: ReadonlyArray<FenceAction> = [{ type: "Drop" }, { type: "Close", end: "vanish" }]

/** Gives the address up at once: another node has it, or the kernel has taken it off while this process did not run. */
const yieldNow = (fence: Fence, now: number, why: string): FenceStep => {
  const gone: ReadonlyArray<FenceAction> = [...lostActions, warning(why)]
  const next = enter(withoutClaim(fence), "idle", now, why, { keptUntil: 0 })
  // Whether it is still wanted is for the next plan to say; to claim again at once would only disturb the one who has it.
  return { fence: fence.wanted ? { ...next, wakeAt: now + claimAgainMs } : next, actions: gone }
}

const startProbing = (fence: Fence, now: number, reason: string): FenceStep => ({
  fence: enter(fence, "probing", now, reason, { probesLeft: probes - 1, wakeAt: now + probeEveryMs }),
  actions: [{ type: "Probe" }]
})

const putOn = (fence: Fence, now: number, config: FenceConfig): FenceStep => {
  const seconds = lifetime(fence, now, config)
  if (seconds < 1) return { fence: { ...fence, wakeAt: now + putAgainMs }, actions: [] }
  return {
    fence: { ...fence, keptUntil: now + seconds * 1_000, wakeAt: nextRefresh(now, config) },
    actions: [{ type: "Hold", seconds }]
  }
}

interface Who {
  readonly mac: string
  readonly member?: string
}

/** Told once: a member is asked many times a second until it gives way. */
const inConflict = (fence: Fence, now: number, waitMs: number, level: "info" | "error", reason: string): FenceStep => ({
  fence: enter(fence, "conflict", now, reason, { wakeAt: now + waitMs }),
  actions: fence.reason === reason ? [] : [{ type: "Report", level, text: reason }]
})

const wayOut = "take it off there, or reserve another one"

const conflict = (fence: Fence, now: number, { mac, member }: Who, config: FenceConfig): FenceStep => {
  if (member === undefined) {
    const reason = `another host, MAC ${mac}, has the address: it is not taken; ${wayOut}`
    return inConflict(fence, now, strangerConflictMs, "error", reason)
  }
  const answeredSince = Math.min(fence.answeredSince, now)
  const who = `node ${member} (MAC ${mac})`
  if (now - answeredSince <= config.leaseMs + stuckMs) {
    const reason = `${who} still has the address; waiting until it has given way`
    return inConflict({ ...fence, answeredSince }, now, memberConflictMs, "info", reason)
  }
  const reason = `${who} has had the address for longer than a lease: it was put on there by hand; ${wayOut}`
  return inConflict({ ...fence, answeredSince }, now, strangerConflictMs, "error", reason)
}

const release = (fence: Fence, now: number, reason: string): FenceStep => {
  switch (fence.phase) {
    case "held":
    case "holdover":
      return {
        fence: enter(fence, "releasing", now, reason, { wakeAt: now + closeMs }),
        actions: [{ type: "Close", end: "leave" }]
      }
    case "releasing":
      return { fence: { ...fence, reason }, actions: [] }
    case "idle":
      return { fence: { ...fence, reason, wakeAt: never }, actions: [] }
    default:
      return { fence: enter(withoutClaim(fence), "idle", now, reason), actions: [{ type: "Unclaim" }] }
  }
}

const released = (fence: Fence, now: number): FenceStep => {
  const next = enter(withoutClaim(fence), "idle", now, fence.reason, { keptUntil: 0 })
  const actions: ReadonlyArray<FenceAction> = [{ type: "Drop" }, { type: "Unclaim" }, info(fence.reason)]
  return fence.wanted ? { fence: { ...next, wakeAt: now }, actions } : { fence: next, actions }
}

const claimed = (fence: Fence, generation: number, now: number, config: FenceConfig): FenceStep => {
  const next = { ...fence, generation }
  if (!fence.wanted && fence.phase !== "releasing") return { fence: next, actions: [{ type: "Unclaim" }] }
  if (fence.phase === "holdover") {
    const on = putOn(enter(next, "held", now, "held", { announceAt: now + announceEveryMs }), now, config)
    return { fence: on.fence, actions: [...on.actions, info("claimed again; it was never given up")] }
  }
  if (fence.phase === "claiming") return startProbing(next, now, "claimed; probing whether it is free")
  return { fence: next, actions: [] }
}

/** The lease is over by our own clock, and the store has not been heard. */
const leaseOver = (fence: Fence, now: number, config: FenceConfig): FenceStep => {
  const why = "the store has not renewed the lease in time"
  if (config.onStoreLoss === "release") return yieldNow(fence, now, `${why}; onStoreLoss is release: given up`)
  const reason = `${why}: held over until another node asks for it`
  return { fence: enter(fence, "holdover", now, reason, { wakeAt: fence.wakeAt }), actions: [warning(reason)] }
}

const heard = (fence: Fence, event: FenceEvent & { type: "Heard" }, now: number, config: FenceConfig): FenceStep => {
  const { message, mac, member } = event
  switch (fence.phase) {
    case "probing":
    case "conflict":
      // A member that probes as well has lost its claim to us, or is about to see that.
      if (message === "probe" && member !== undefined) return { fence, actions: [] }
      return conflict(fence, now, event, config)
    case "holdover":
      if (member !== undefined && message !== "answer") {
        const does = message === "probe" ? "asks for" : "announces"
        return yieldNow(fence, now, `node ${member} ${does} the address and this node has no lease: given up`)
      }
      return defend(fence, now, mac, member, message)
    case "held":
      return defend(fence, now, mac, member, message)
    default:
      return { fence, actions: [] }
  }
}

/**
 * RFC 5227 2.4: an announcement by somebody else while the address is ours is answered with one of our own, and some more: who
 * has just believed the other one believes nobody else for a second.
 */
const defend = (fence: Fence, now: number, mac: string, member: string | undefined, message: string): FenceStep => {
  if (message === "probe" || now - fence.defendedAt < defendEveryMs) return { fence, actions: [] }
  const who = member === undefined ? "another host" : `node ${member}`
  return {
    fence: { ...fence, defendedAt: now, announcementsLeft: announcements - 1, announceAt: now + announceEveryMs },
    actions: [{ type: "Announce" }, warning(`${who}, MAC ${mac}, uses the address, too: defended`)]
  }
}

const put = (fence: Fence, added: boolean, now: number): FenceStep => {
  if (fence.phase === "probing") {
    const held = enter(fence, "held", now, "held", {
      answeredSince: never,
      wakeAt: fence.wakeAt,
      announcementsLeft: announcements - 1,
      announceAt: now + announceEveryMs
    })
    return { fence: held, actions: [{ type: "Announce" }, { type: "Open" }, info("the address is on this node")] }
  }
  if (!holds(fence.phase) || !added) return { fence, actions: [] }
  // It should have been there. Somebody took it off, and while it was away another host may have come.
  const back = startProbing(
    fence,
    now,
    "it was taken off the interface by somebody else; probing before it is used again"
  )
  return {
    fence: { ...back.fence, keptUntil: 0 },
    actions: [...lostActions, ...back.actions]
  }
}

const tickPhase = (fence: Fence, now: number, config: FenceConfig): FenceStep => {
  if (now < fence.wakeAt) return { fence, actions: [] }
  switch (fence.phase) {
    case "idle":
      return fence.wanted ? claim(fence, now, "claiming it in the store") : { fence, actions: [] }
    case "claiming":
      return { fence: { ...fence, wakeAt: never }, actions: [{ type: "Claim" }] }
    case "conflict":
      return startProbing(fence, now, fence.reason)
    case "probing":
      // A claim that cannot be relied on any more is no claim.
      if (fence.leaseUntil <= now) return claim(fence, now, "the lease was not renewed while probing; claiming again")
      if (fence.probesLeft === 0) return putOn(fence, now, config)
      return {
        fence: {
          ...fence,
          probesLeft: fence.probesLeft - 1,
          wakeAt: now + (fence.probesLeft === 1 ? probeWaitMs : probeEveryMs)
        },
        actions: [{ type: "Probe" }]
      }
    case "held":
    case "holdover":
      return putOn(fence, now, config)
    case "releasing":
      return released(fence, now)
  }
}

const tickAnnouncement = ({ fence, actions }: FenceStep, now: number): FenceStep => {
  if (now < fence.announceAt) return { fence, actions }
  const left = Math.max(0, fence.announcementsLeft - 1)
  const next = { ...fence, announcementsLeft: left, announceAt: now + (left > 0 ? announceEveryMs : remindEveryMs) }
  return { fence: next, actions: [...actions, { type: "Announce" }] }
}

/** The kernel counts whole seconds: with `release` the last one of the lease cannot be used. */
const leaseEnd = (fence: Fence, config: FenceConfig): number =>
  config.onStoreLoss === "hold" ? fence.leaseUntil : fence.leaseUntil - 1_000

const claimAgain = ({ fence, actions }: FenceStep, now: number): FenceStep =>
  now < fence.claimAt
    ? { fence, actions }
    : { fence: { ...fence, claimAt: never }, actions: [...actions, { type: "Claim" }] }

const tick = (fence: Fence, now: number, config: FenceConfig): FenceStep => {
  if (fence.phase === "held" && now >= leaseEnd(fence, config)) {
    const over = leaseOver(fence, now, config)
    if (!holds(over.fence.phase)) return over
    const on = tickPhase(over.fence, now, config)
    return tickAnnouncement({ fence: on.fence, actions: [...over.actions, ...on.actions] }, now)
  }
  return claimAgain(tickAnnouncement(tickPhase(fence, now, config), now), now)
}

const lease = (fence: Fence, until: number, now: number, config: FenceConfig): FenceStep => {
  const next = { ...fence, leaseUntil: Math.max(fence.leaseUntil, until) }
  if (fence.phase === "holdover" && fence.generation !== undefined && next.leaseUntil > now)
    return {
      fence: enter(next, "held", now, "held", { wakeAt: fence.wakeAt, announceAt: now + announceEveryMs }),
      actions: [info("the store answers again")]
    }
  // With `release` the kernel's time follows the lease.
  if (fence.phase === "held" && config.onStoreLoss === "release") return putOn(next, now, config)
  return { fence: next, actions: [] }
}

const leaseGone = (fence: Fence, now: number, config: FenceConfig): FenceStep => {
  const next = { ...withoutClaim(fence), leaseUntil: 0 }
  if (!holds(fence.phase)) {
    if (fence.phase === "probing" || fence.phase === "conflict" || fence.phase === "claiming")
      return claim(next, now, "the lease ended meanwhile; claiming it again")
    return { fence: next, actions: [] }
  }
  if (config.onStoreLoss === "release") return yieldNow(next, now, "the lease ended; onStoreLoss is release: given up")
  const reason = "the lease ended; claiming the address again while it is held over"
  const over = enter(next, "holdover", now, reason, { wakeAt: fence.wakeAt })
  return { fence: over, actions: [{ type: "Claim" }, warning(reason)] }
}

/** One event. Times are milliseconds of a clock that never jumps and also runs while the process does not. */
export const fenceStep = (fence: Fence, event: FenceEvent, now: number, config: FenceConfig): FenceStep => {
  // Whoever slept too long has lost the address to the kernel, and perhaps to another node, whatever woke it.
  if (holds(fence.phase) && now >= fence.keptUntil) {
    const lost = yieldNow(fence, now, "this process did not run in time and the kernel has taken the address off")
    const rest = fenceStep(lost.fence, event, now, config)
    return { fence: rest.fence, actions: [...lost.actions, ...rest.actions] }
  }
  switch (event.type) {
    case "Want":
      if (fence.wanted) return { fence, actions: [] }
      if (fence.phase !== "idle") return { fence: { ...fence, wanted: true }, actions: [] }
      return claim({ ...fence, wanted: true }, now, "claiming it in the store")
    case "Unwant":
      return release({ ...fence, wanted: false }, now, event.reason)
    case "Claimed":
      return claimed(fence, event.generation, now, config)
    case "ClaimFailed":
      if (fence.phase === "claiming")
        return { fence: { ...fence, reason: event.why, wakeAt: now + claimAgainMs }, actions: [] }
      if (fence.phase === "holdover" && fence.generation === undefined)
        return { fence: { ...fence, claimAt: now + claimAgainMs }, actions: [] }
      return { fence, actions: [] }
    case "Taken":
      if (holds(fence.phase) || fence.phase === "probing" || fence.phase === "conflict")
        return yieldNow(fence, now, `node ${event.by} has claimed the address: given up`)
      return { fence, actions: [] }
    case "Freed":
      // What was given back in order is taken without waiting: nobody answers for it until then.
      if (fence.phase !== "claiming" || fence.wakeAt === never) return { fence, actions: [] }
      return { fence: { ...fence, wakeAt: never }, actions: [{ type: "Claim" }] }
    case "Lease":
      return lease(fence, event.until, now, config)
    case "LeaseGone":
      return leaseGone(fence, now, config)
    case "Heard":
      return heard(fence, event, now, config)
    case "Put":
      return put(fence, event.added, now)
    case "PutFailed":
      if (fence.phase !== "probing" && !holds(fence.phase)) return { fence, actions: [] }
      return {
        fence: {
          ...fence,
          reason: event.why,
          keptUntil: fence.phase === "probing" ? 0 : fence.keptUntil,
          wakeAt: now + putAgainMs
        },
        actions: [{ type: "Report", level: "error", text: event.why }]
      }
    case "LinkUp":
      if (!holds(fence.phase)) return { fence, actions: [] }
      return {
        fence: { ...fence, announcementsLeft: announcements - 1, announceAt: now + announceEveryMs },
        actions: [{ type: "Announce" }]
      }
    case "Closed":
      return fence.phase === "releasing" ? released(fence, now) : { fence, actions: [] }
    case "Tick":
      return tick(fence, now, config)
  }
}
