// One step of one state machine: looks up the row of (state, event) in the table and runs it. Pure: the same value, event
// and time give the same result; jitter comes from a generator whose state is in the value. RFC 4271 section 8.2.2.
import { expiredEvent, type Scratch } from "./handlers.ts"
import { table } from "./table.ts"
import { scatter } from "./timers.ts"
import { type Action, type Fsm, type FsmConfig, type FsmEvent, type TimerName, timerNames } from "./types.ts"

/** A state machine at rest. `seed` is any number; machines with different seeds jitter differently. */
export const makeFsm = (seed: number): Fsm => ({
  state: "Idle",
  direction: "outgoing",
  timers: {},
  connectRetryCounter: 0,
  failures: 0,
  keepaliveMs: 0,
  holdMs: 0,
  random: scatter(seed)
})

/** Applies `event` at `now` (ms). A row that does nothing returns the same value and no action. */
export const step = (fsm: Fsm, event: FsmEvent, now: number, config: FsmConfig): { fsm: Fsm; actions: Action[] } => {
  const actions: Action[] = []
  const scratch: Scratch = { now, config, actions, event }
  const next = table[fsm.state][event.type].run(fsm, scratch)
  return { fsm: next, actions }
}

/** The earliest deadline of `fsm`, or undefined where no timer runs. */
export const nextDeadline = (fsm: Fsm): number | undefined => {
  let earliest: number | undefined
  for (const name of timerNames) {
    const at = fsm.timers[name]
    if (at !== undefined && (earliest === undefined || at < earliest)) earliest = at
  }
  return earliest
}

/** The event of the timer that is due at `now`, the earliest first. A timer that fires is stopped. */
export const dueTimer = (fsm: Fsm, now: number): { fsm: Fsm; event: FsmEvent } | undefined => {
  let due: TimerName | undefined
  for (const name of timerNames) {
    const at = fsm.timers[name]
    if (at !== undefined && at <= now && (due === undefined || at < (fsm.timers[due] as number))) due = name
  }
  if (due === undefined) return undefined
  const { [due]: _fired, ...timers } = fsm.timers
  return { fsm: { ...fsm, timers }, event: { type: expiredEvent[due] } }
}
