// The timer table of a state machine: deadlines in milliseconds, jitter (RFC 4271 section 10: a factor between 0.75 and
// 1.0) from a small generator that lives in the machine, and the idle hold back-off.
import type { Fsm, TimerName } from "./types.ts"

export const set = (fsm: Fsm, name: TimerName, at: number): Fsm => ({ ...fsm, timers: { ...fsm.timers, [name]: at } })

export const clear = (fsm: Fsm, ...names: ReadonlyArray<TimerName>): Fsm => {
  const timers = { ...fsm.timers }
  for (const name of names) delete timers[name]
  return { ...fsm, timers }
}

/** xorshift32: enough to keep machines from marching in step, and the same on every run of a seed. */
const nextRandom = (x: number): number => {
  let y = x | 0 || 1
  y ^= y << 13
  y ^= y >>> 17
  y ^= y << 5
  return y
}

/** A generator's start from any number: neighbouring seeds must not give neighbouring times. */
export const scatter = (seed: number): number => {
  let x = Math.imul(seed ^ (seed >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return (x ^ (x >>> 16)) | 1
}

/** Sets `name` to `ms` from now, less up to a quarter. Whole milliseconds. */
export const setJittered = (fsm: Fsm, name: TimerName, now: number, ms: number): Fsm => {
  const random = nextRandom(fsm.random)
  const factor = 0.75 + 0.25 * ((random >>> 0) / 0xffffffff)
  return set({ ...fsm, random }, name, now + Math.round(ms * factor))
}

/**
 * The first retries are quick: a router drops the connection of a speaker that it still has a session with, and takes the
 * next one some 20 ms later. Doubling, a peer that is dead gets eight attempts in the first four seconds, and then few.
 */
const idleHoldTransportMs = 25
/** Nothing about a disagreement changes that soon. */
const idleHoldProtocolMs = 250
const idleHoldProtocolMaxMs = 30_000

/**
 * How long to stay in Idle after the `failures`-th failure in a row: doubles up to the connect retry time when the network
 * failed, up to half a minute (or the connect retry time, if longer) when the two ends disagree.
 */
export const idleHoldMs = (failures: number, kind: "transport" | "protocol", connectRetryMs: number): number => {
  const [first, most] =
    kind === "transport"
      ? [idleHoldTransportMs, connectRetryMs]
      : [idleHoldProtocolMs, Math.max(idleHoldProtocolMaxMs, connectRetryMs)]
  return Math.min(most, first * 2 ** Math.min(failures - 1, 16))
}
