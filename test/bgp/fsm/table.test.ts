// RFC 4271 8.2.2 as a grid written down by hand from the RFC's text: for every state and event the state that follows and
// what goes to the peer. A cell "=" is no change and no action; "Idle 5/1" is a NOTIFICATION with that code and subcode.
import { describe, expect, test } from "bun:test"
import { step } from "../../../src/bgp/fsm/step.ts"
import { table } from "../../../src/bgp/fsm/table.ts"
import { type Action, type EventName, eventNumbers, type State } from "../../../src/bgp/fsm/types.ts"
import { config, events, inState } from "./fixtures.ts"

const states: ReadonlyArray<State> = ["Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established"]

const grid = `
ManualStart                 | Connect+dial | =            | =            | =               | =                | =
ManualStop                  | =            | Idle+cancel  | Idle         | Idle 6/2 close  | Idle 6/2 close   | Idle 6/2 down close
AutomaticStart              | Connect+dial | =            | =            | =               | =                | =
ManualStartPassive          | Active       | =            | =            | =               | =                | =
AutomaticStartPassive       | Active       | =            | =            | =               | =                | =
AutomaticStartDamped        | Connect+dial | =            | =            | =               | =                | =
AutomaticStartDampedPassive | Active       | =            | =            | =               | =                | =
AutomaticStop               | =            | Idle+cancel  | Idle         | Idle 6/1 close  | Idle 6/1 close   | Idle 6/1 down close
ConnectRetryTimerExpires    | =            | Connect+cancel+dial | Connect+dial | Idle 5/1 close | Idle 5/2 close | Idle 5/3 down close
HoldTimerExpires            | =            | Idle+cancel  | Idle         | Idle 4/0 close  | Idle 4/0 close   | Idle 4/0 down close
KeepaliveTimerExpires       | =            | Idle+cancel  | Idle         | Idle 5/1 close  | = KEEPALIVE      | = KEEPALIVE
DelayOpenTimerExpires       | =            | OpenSent     | OpenSent     | Idle 5/1 close  | Idle 5/2 close   | Idle 5/3 down close
IdleHoldTimerExpires        | Connect+dial | Idle+cancel  | Idle         | Idle 5/1 close  | Idle 5/2 close   | Idle 5/3 down close
TcpConnectionValid          | =            | =            | =            | =               | =                | =
TcpCrInvalid                | =            | =            | =            | =               | =                | =
TcpCrAcked                  | = close7     | OpenSent OPEN | OpenSent OPEN | = close7      | = close7         | = close7
TcpConnectionConfirmed      | = close7     | OpenSent OPEN | OpenSent OPEN | = close7      | = close7         | = close7
TcpConnectionFails          | =            | Idle         | Idle         | Active          | Idle             | Idle down
BgpOpen                     | =            | Idle+cancel  | Idle         | OpenConfirm KEEPALIVE | Idle 5/2 close | Idle 5/3 down close
BgpOpenDelayed              | =            | OpenConfirm  | OpenConfirm  | Idle 5/1 close  | Idle 5/2 close   | Idle 5/3 down close
BgpHeaderErr                | =            | Idle+cancel  | Idle         | Idle 1/1 close  | Idle 1/1 close   | Idle 1/1 down close
BgpOpenMsgErr               | =            | Idle+cancel  | Idle         | Idle 2/2 close  | Idle 2/2 close   | Idle 2/2 down close
OpenCollisionDump           | =            | Idle+cancel  | Idle         | Idle 6/7 close  | Idle 6/7 close   | Idle 6/7 down close
NotifMsgVerErr              | =            | Idle+cancel  | Idle         | Idle close      | Idle close       | Idle down close
NotifMsg                    | =            | Idle+cancel  | Idle         | Idle close      | Idle close       | Idle down close
KeepAliveMsg                | =            | Idle+cancel  | Idle         | Idle 5/1 close  | Established up   | =
UpdateMsg                   | =            | Idle+cancel  | Idle         | Idle 5/1 close  | Idle 5/2 close   | = deliver
UpdateMsgErr                | =            | Idle+cancel  | Idle         | Idle 5/1 close  | Idle 5/2 close   | Idle 3/1 down close
SendHoldTimerExpires        | =            | Idle+cancel  | Idle         | Idle 5/1 close  | Idle 5/2 close   | Idle 8/0 down close
RouteRefreshMsg             | =            | Idle+cancel  | Idle         | Idle 5/1 close  | Idle 5/2 close   | = refresh
Sent                        | =            | =            | =            | =               | =                | =
Leave                       | =            | Idle+cancel  | Idle         | Idle close      | Idle close       | Idle down close
`

const rows = grid
  .trim()
  .split("\n")
  .map((line) => line.split("|").map((cell) => cell.trim()))

/** The words of a cell, in the grid's own order of words. */
const words = (from: State, to: State, actions: ReadonlyArray<Action>): string => {
  const out: Array<string> = []
  const moved = actions.some(({ type }) => type === "Transition")
  let state: string = moved ? to : from === to ? "=" : `${from} silently to ${to}`
  for (const action of actions) {
    switch (action.type) {
      case "Dial":
        state += "+dial"
        break
      case "CancelDial":
        state += "+cancel"
        break
      case "Send":
        out.push(
          action.message.type === "NOTIFICATION"
            ? `${action.message.code}/${action.message.subcode}`
            : action.message.type
        )
        break
      case "Close":
        out.push(action.connection === 1 ? "close" : `close${action.connection}`)
        break
      case "Up":
      case "Down":
      case "Deliver":
      case "Refresh":
        out.push(action.type.toLowerCase())
    }
  }
  return [state, ...out].join(" ")
}

describe("RFC 4271 8.2.2, every state and event", () => {
  test("the grid names every event once", () => {
    expect(rows.map(([name]) => name).sort()).toEqual(Object.keys(eventNumbers).sort())
  })

  for (const [name, ...cells] of rows) {
    for (const [i, cell] of cells.entries()) {
      const state = states[i] as State
      test(`${state}, ${name}: ${cell}`, () => {
        const before = inState(state)
        const { fsm, actions } = step(before, events[name as EventName], 1000, config)
        expect(words(state, fsm.state, actions)).toBe(cell)
      })
    }
  }

  test("every row says what happens and names its source", () => {
    for (const state of states) {
      for (const event of Object.keys(eventNumbers) as ReadonlyArray<EventName>) {
        expect(table[state][event].says.length).toBeGreaterThan(3)
        expect(table[state][event].rfc).toMatch(/^(8\.2\.2 \w+|RFC \d+)/)
      }
    }
  })

  test("a machine that fell to Idle by itself has a timer to start again, one that was stopped has none", () => {
    for (const state of states.slice(1)) {
      for (const name of Object.keys(eventNumbers) as ReadonlyArray<EventName>) {
        const { fsm } = step(inState(state), events[name], 1000, config)
        if (fsm.state !== "Idle") continue
        const stopped = ["ManualStop", "AutomaticStop", "OpenCollisionDump", "Leave"].includes(name)
        expect([state, name, fsm.timers.IdleHold !== undefined]).toEqual([state, name, !stopped])
        expect(Object.keys(fsm.timers)).toEqual(stopped ? [] : ["IdleHold"])
        expect(fsm.connection).toBeUndefined()
      }
    }
  })
})
