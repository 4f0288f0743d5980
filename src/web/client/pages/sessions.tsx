// Every session of the cluster as a table; one of them opens beside it.
import { useMemo } from "preact/hooks"
import type { FleetSession } from "../model/fleetTypes.ts"
import { amount } from "../model/format.ts"
import { SessionPanel } from "../parts/sessionPanel.tsx"
import { Age, Badge, Choice, Filter, matches, sessionTone } from "../parts/small.tsx"
import { type Column, Table } from "../parts/table.tsx"
import { fleet, parameter, setParameters } from "../state.ts"

/** Troubled ones first. */
const order = { down: 0, trying: 1, up: 2 } as const

const columns: ReadonlyArray<Column<FleetSession>> = [
  {
    name: "Session",
    role: "main",
    sort: ({ name }) => name,
    cell: ({ name }) => <span class="mono session-name">{name}</span>
  },
  {
    name: "State",
    sort: ({ health, state }) => `${order[health]} ${state}`,
    cell: ({ health, state }) => <Badge tone={sessionTone(health)}>{state}</Badge>
  },
  { name: "Since", numeric: true, sort: ({ since }) => -Date.parse(since), cell: ({ since }) => <Age at={since} /> },
  {
    name: "Node",
    sort: ({ node }) => node,
    cell: ({ node }) => (
      <span class="node-cell" dir="auto">
        {node}
      </span>
    )
  },
  {
    name: "Local",
    role: "wide",
    sort: ({ localAddress }) => localAddress,
    cell: ({ localAddress }) => <span class="mono">{localAddress}</span>
  },
  {
    name: "Peer",
    sort: ({ peerAddress }) => peerAddress,
    cell: ({ peerAddress, peerAsn }) => (
      <span class="peer">
        <span class="mono">{peerAddress}</span> <span class="dim as-number">AS {peerAsn}</span>
      </span>
    )
  },
  {
    name: "Out",
    numeric: true,
    sort: ({ advertised }) => advertised,
    cell: ({ advertised }) => amount(advertised)
  },
  {
    name: "In",
    role: "wide",
    numeric: true,
    sort: ({ received }) => received,
    cell: ({ received }) => amount(received)
  },
  { name: "Flaps", role: "wide", numeric: true, sort: ({ flaps }) => flaps, cell: ({ flaps }) => amount(flaps) },
  {
    name: "Reason",
    cell: ({ reason }) => (
      <span class="reason" dir="auto" title={reason}>
        {reason ?? ""}
      </span>
    )
  }
]

type StateFilter = "" | "down" | "up"

export const SessionsPage = () => {
  const { sessions } = fleet.value
  const q = parameter("q")
  const state = parameter("state") as StateFilter
  const shown = parameter("show")
  const found = useMemo(
    () =>
      sessions.filter((s) =>
        matches(q, s.name, s.node, s.peerAddress, s.localAddress, s.state, s.reason, `AS${s.peerAsn}`)
      ),
    [sessions, q]
  )
  const ups = found.filter(({ health }) => health === "up").length
  const items = useMemo(() => {
    const wanted = state === "" ? found : found.filter(({ health }) => (health === "up") === (state === "up"))
    return [...wanted].sort((a, b) => order[a.health] - order[b.health])
  }, [found, state])
  const open = sessions.find(({ name }) => name === shown)
  return (
    <>
      <h1>Sessions</h1>
      <div class="tools">
        <Filter label="Filter sessions" value={q} onInput={(value) => setParameters({ q: value })} />
        <Choice
          label="State"
          value={state}
          onChange={(value) => setParameters({ state: value })}
          options={[
            { value: "", name: "All", count: found.length },
            { value: "down", name: "Down", count: found.length - ups },
            { value: "up", name: "Established", count: ups }
          ]}
        />
      </div>
      <Table
        label="Sessions"
        columns={columns}
        items={items}
        keyOf={({ key }) => key}
        toneOf={({ health }) => health}
        open={open?.key}
        onOpen={({ name }) => setParameters({ show: name === shown ? "" : name })}
        empty={sessions.length === 0 ? "No session is configured." : "No session matches the filter."}
      />
      {open !== undefined && <SessionPanel key={open.name} session={open} />}
    </>
  )
}
