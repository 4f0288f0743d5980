// Timers of the state machine: what was negotiated, jitter, the back-off after failures, hold time 0, DelayOpen, Send Hold.
import { describe, expect, test } from "bun:test"
import { dueTimer, makeFsm, nextDeadline, step } from "../../../src/bgp/fsm/step.ts"
import { idleHoldMs } from "../../../src/bgp/fsm/timers.ts"
import type { FsmConfig } from "../../../src/bgp/fsm/types.ts"
import { config, events, inState, openOf, run } from "./fixtures.ts"

const withHold = (holdTime: number, keepaliveTime: number): FsmConfig => ({
  ...config,
  holdTime,
  keepaliveTime,
  open: openOf(65001, config.routerId, holdTime)
})

describe("negotiated timers (RFC 4271 4.2, 4.4)", () => {
  test("the smaller hold time holds, keepalives come at most every third of it", () => {
    const { fsm } = step(inState("OpenSent"), { type: "BgpOpen", open: openOf(65002, "10.0.1.254", 30) }, 1000, config)
    expect(fsm.holdMs).toBe(30_000)
    expect(fsm.keepaliveMs).toBe(10_000)
    expect(fsm.timers.Hold).toBe(31_000)
  })

  test("a configured keepalive time shorter than a third is kept", () => {
    const own = withHold(90, 5)
    expect(inState("OpenConfirm", 0, own).keepaliveMs).toBe(5000)
  })

  test("hold time 0 on either side: no hold, keepalive or send hold timer", () => {
    const { fsm } = run(inState("OpenSent"), [
      { type: "BgpOpen", open: openOf(65002, "10.0.1.254", 0) },
      events.KeepAliveMsg
    ])
    expect(fsm.state).toBe("Established")
    expect(fsm.timers).toEqual({})
    expect(inState("Established", 0, withHold(0, 0)).timers).toEqual({})
  })

  test("KEEPALIVE and UPDATE restart the hold timer", () => {
    const up = inState("Established")
    for (const event of [events.KeepAliveMsg, events.UpdateMsg]) {
      expect(step(up, event, 50_000, config).fsm.timers.Hold).toBe(140_000)
    }
  })

  test("between our OPEN and the peer's the hold timer is large (8.2.2)", () => {
    expect(inState("OpenSent").timers).toEqual({ Hold: 240_000 })
  })
})

describe("jitter (RFC 4271 section 10)", () => {
  test("intervals stay within three quarters and the whole, and differ", () => {
    let fsm = inState("Established")
    const intervals: Array<number> = []
    for (let i = 0; i < 200; i++) {
      fsm = step(fsm, events.KeepaliveTimerExpires, 0, config).fsm
      intervals.push(fsm.timers.Keepalive ?? -1)
    }
    expect(Math.min(...intervals)).toBeGreaterThanOrEqual(22_500)
    expect(Math.max(...intervals)).toBeLessThanOrEqual(30_000)
    expect(Math.max(...intervals) - Math.min(...intervals)).toBeGreaterThan(5000)
    expect(intervals.every(Number.isInteger)).toBe(true)
  })

  test("the same seed gives the same times, another seed others", () => {
    const deadline = (seed: number) => step(makeFsm(seed), events.AutomaticStart, 0, config).fsm.timers.ConnectRetry
    expect(deadline(5)).toBe(deadline(5))
    expect(new Set([1, 3, 5, 7, 9, 11].map(deadline)).size).toBeGreaterThan(3)
  })
})

describe("idle hold back-off", () => {
  // A router closes the first connection of a speaker that took an address over and takes one 20 ms later (D8).
  test("a network failure is retried at once, then less and less often, within the connect retry time for ever", () => {
    expect([1, 2, 3, 4, 5, 8, 9, 20, 1000].map((n) => idleHoldMs(n, "transport", 5000))).toEqual([
      25, 50, 100, 200, 400, 3200, 5000, 5000, 5000
    ])
  })

  test("a dead peer is not hammered: eight attempts in the first four seconds, 67 in five minutes", () => {
    const attempts = (ms: number) => {
      let count = 1
      for (let at = idleHoldMs(1, "transport", 5000); at <= ms; at += idleHoldMs(count, "transport", 5000)) count++
      return count
    }
    expect([attempts(4000), attempts(300_000)]).toEqual([8, 67])
  })

  test("a connection that the peer closes before its OPEN is tried again as soon, from Active", () => {
    let fsm = inState("OpenSent", 0)
    const waits: Array<number> = []
    for (let i = 0; i < 4; i++) {
      fsm = step(fsm, events.TcpConnectionFails, 0, config).fsm
      expect(fsm.state).toBe("Active")
      waits.push(fsm.timers.ConnectRetry ?? -1)
      fsm = run(fsm, [events.ConnectRetryTimerExpires, { type: "TcpCrAcked", connection: 1 }]).fsm
    }
    for (const [i, wait] of waits.entries()) {
      expect(wait).toBeGreaterThanOrEqual(0.75 * 25 * 2 ** i - 1)
      expect(wait).toBeLessThanOrEqual(25 * 2 ** i)
    }
  })

  test("a disagreement backs off to half a minute", () => {
    expect([1, 4, 7, 8, 1000].map((n) => idleHoldMs(n, "protocol", 5000))).toEqual([250, 2000, 16_000, 30_000, 30_000])
  })

  test("failures in a row count up; a session that lasted starts anew, a short one does not", () => {
    let fsm = makeFsm(1)
    for (let i = 1; i <= 4; i++) {
      fsm = run(fsm, [i === 1 ? events.AutomaticStart : events.IdleHoldTimerExpires, events.TcpConnectionFails]).fsm
      expect(fsm.failures).toBe(i)
    }
    const flapping = { ...inState("Established", 0), failures: 4 }
    expect(step(flapping, events.TcpConnectionFails, 29_000, config).fsm.failures).toBe(5)
    expect(step(flapping, events.TcpConnectionFails, 31_000, config).fsm.failures).toBe(1)
  })

  test("a passive machine waits again instead of dialling", () => {
    const passive = { ...config, passive: true }
    const { fsm, actions } = step(makeFsm(1), events.IdleHoldTimerExpires, 0, passive)
    expect(fsm.state).toBe("Active")
    expect(actions.some(({ type }) => type === "Dial")).toBe(false)
  })
})

describe("deadlines", () => {
  test("the earliest timer is the next wake-up, and fires once", () => {
    const up = inState("Established")
    expect(nextDeadline(up)).toBe(up.timers.Keepalive as number)
    const due = dueTimer(up, 30_000)
    expect(due?.event).toEqual({ type: "KeepaliveTimerExpires" })
    expect(due && dueTimer(due.fsm, 30_000)).toBeUndefined()
  })

  test("DelayOpen waits for the peer's OPEN, and answers with both messages (event 20)", () => {
    const delayed = { ...config, delayOpenMs: 10_000 }
    const waiting = run(makeFsm(1), [events.AutomaticStart, { type: "TcpCrAcked", connection: 1 }], 0, delayed)
    expect(waiting.fsm.state).toBe("Connect")
    expect(waiting.actions.some(({ type }) => type === "Send")).toBe(false)
    const { fsm, actions } = step(waiting.fsm, events.BgpOpenDelayed, 1, delayed)
    expect(fsm.state).toBe("OpenConfirm")
    expect(actions.flatMap((a) => (a.type === "Send" ? [a.message.type] : []))).toEqual(["OPEN", "KEEPALIVE"])
  })

  test("RFC 9687: sending restarts the send hold timer, which is at least eight minutes", () => {
    const up = inState("Established")
    expect(up.timers.SendHold).toBe(480_000)
    expect(step(up, events.Sent, 100_000, config).fsm.timers.SendHold).toBe(580_000)
    const long = inState("Established", 0, { ...withHold(600, 200) })
    expect(long.timers.SendHold).toBe(480_000)
  })
})
