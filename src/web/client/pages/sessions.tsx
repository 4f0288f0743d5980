// Every session of the cluster as a table, and one of them in detail with the messages that were kept.
import { useSignal } from "@preact/signals"
import { useEffect, useMemo } from "preact/hooks"
import type { TraceRecord } from "../../../observe/trace.ts"
import type { MessageCounts, SessionFailure, SessionStatus } from "../../../resources/nodeStatus.ts"
import { messages } from "../api.ts"
import type { FleetSession } from "../model/fleet.ts"
import { amount, plural } from "../model/format.ts"
import { Facts, Panel } from "../parts/panel.tsx"
import { Age, Badge, Choice, clock, Filter, matches, sessionTone } from "../parts/small.tsx"
import { type Column, Table } from "../parts/table.tsx"
import { fleet, parameter, serves, setParameters } from "../state.ts"

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

const types: ReadonlyArray<readonly [keyof MessageCounts, string]> = [
  ["open", "OPEN"],
  ["update", "UPDATE"],
  ["keepalive", "KEEPALIVE"],
  ["notification", "NOTIFICATION"],
  ["routeRefresh", "ROUTE-REFRESH"]
]

const Counters = ({ sent, got }: Pick<SessionStatus, "sent" | "got">) => (
  <table class="small-table">
    <thead>
      <tr>
        <th scope="col">Messages</th>
        <th scope="col" class="numeric">
          sent
        </th>
        <th scope="col" class="numeric">
          received
        </th>
      </tr>
    </thead>
    <tbody>
      {types.map(([type, name]) => (
        <tr key={type}>
          <th scope="row">{name}</th>
          <td class="numeric">{amount(sent[type])}</td>
          <td class="numeric">{amount(got[type])}</td>
        </tr>
      ))}
    </tbody>
  </table>
)

const ROUTES_SHOWN = 50
const MESSAGES_SHOWN = 60

const Negotiated = ({ detail: { negotiated } }: { detail: SessionStatus }) => {
  if (negotiated === undefined) return <p class="dim">Nothing yet: no OPEN has come back.</p>
  const { holdTime, keepaliveTime, peerRouterId, families, capabilities, addPathSend, gracefulRestart } = negotiated
  return (
    <Facts
      facts={[
        ["Hold time", holdTime === 0 ? "off" : `${holdTime} s, keepalive every ${keepaliveTime} s`],
        ["Peer's identifier", <code key="id">{peerRouterId}</code>],
        ["Families", families.join(", ")],
        ["Additional paths", addPathSend.length === 0 ? "not sent: the peer takes one path" : addPathSend.join(", ")],
        [
          "Graceful restart",
          gracefulRestart === undefined
            ? "no"
            : `${gracefulRestart.restartTime} s${gracefulRestart.notification ? ", over NOTIFICATIONs" : ""}`
        ],
        ["Capabilities", capabilities.join(", ")]
      ]}
    />
  )
}

const Routes = ({ detail: { advertised, withheld = [], received } }: { detail: SessionStatus }) => (
  <>
    <h3>Announced ({amount(advertised.length)})</h3>
    {advertised.length === 0 && <p class="dim">Nothing.</p>}
    <ul class="plain-list">
      {advertised.slice(0, ROUTES_SHOWN).map(({ prefix, nextHop, name, pathId }) => (
        <li key={`${prefix} ${nextHop}`}>
          <span class="mono">{prefix}</span> via <span class="mono">{nextHop}</span>
          <span class="dim" dir="auto">
            {" "}
            {name}
            {pathId === undefined ? "" : `, path ${pathId}`}
          </span>
        </li>
      ))}
      {advertised.length > ROUTES_SHOWN && <li class="dim">and {amount(advertised.length - ROUTES_SHOWN)} more</li>}
    </ul>
    {withheld.length > 0 && (
      <>
        <h3>Held back ({withheld.length})</h3>
        <ul class="plain-list">
          {withheld.slice(0, ROUTES_SHOWN).map(({ prefix, reason }) => (
            <li key={prefix}>
              <span class="mono">{prefix}</span> <span class="dim">{reason}</span>
            </li>
          ))}
        </ul>
      </>
    )}
    {received.routes > 0 && (
      <p class="dim">
        The peer announces {received.more ? "more than " : ""}
        {plural(received.routes, "path")}; they are counted and dropped.
      </p>
    )}
  </>
)

/** The last messages, newest first; asked for anew when the session enters another state or on demand. */
const Messages = ({ session }: { session: FleetSession }) => {
  const kept = useSignal<ReadonlyArray<TraceRecord> | undefined>(undefined)
  const failed = useSignal("")
  const round = useSignal(0)
  useEffect(() => {
    const stop = new AbortController()
    messages(session.name, stop.signal).then(
      (records) => {
        kept.value = records
        failed.value = ""
      },
      (error: unknown) => {
        if (!stop.signal.aborted) failed.value = error instanceof Error ? error.message : String(error)
      }
    )
    return () => stop.abort()
  }, [session.name, session.state, round.value, kept, failed])
  return (
    <section aria-label="Last messages">
      <h3 class="with-action">
        Last messages
        <button type="button" class="plain" onClick={() => round.value++}>
          Ask again
        </button>
      </h3>
      {failed.value !== "" && <p class="refusal">Not to be had: {failed.value}</p>}
      {kept.value?.length === 0 && <p class="dim">None are kept.</p>}
      <ol class="messages">
        {kept.value
          ?.slice(-MESSAGES_SHOWN)
          .reverse()
          .map((record) => (
            <li key={record.sequence} class={`message message-${record.direction}`}>
              <span class="message-head">
                <span class="message-arrow">
                  <span aria-hidden="true">{record.direction === "sent" ? "→" : "←"}</span>
                  <span class="hidden">{record.direction}</span>
                </span>
                <span class="mono message-type">{record.type}</span>
                <span class="dim mono">{record.at.slice(11, 23)}</span>
              </span>
              <span class="message-text" dir="auto">
                {record.text}
              </span>
            </li>
          ))}
      </ol>
    </section>
  )
}

/** How it came to an end, and in which state. */
const LastFailure = ({ failure }: { failure: SessionFailure }) => (
  <span>
    in {failure.in}, <Age at={failure.at} ago />: {failure.text}
  </span>
)

const SessionPanel = ({ session }: { session: FleetSession }) => {
  const { detail } = session
  const notification = detail?.lastNotification
  return (
    <Panel title={session.name} label={`Session ${session.name}`} onClose={() => setParameters({ show: "" })}>
      <p>
        <Badge tone={sessionTone(session.health)}>{session.state}</Badge> for <Age at={session.since} />
      </p>
      {session.reason !== undefined && (
        <p class="why" dir="auto">
          {session.reason}
        </p>
      )}
      {detail?.notes?.map((note) => (
        <p key={note} class="note" dir="auto">
          {note}
        </p>
      ))}
      <Facts
        facts={[
          ["For", session.purpose === "service" ? "services" : "the control plane"],
          [
            "On",
            <a key="node" href={`#/cluster?${new URLSearchParams({ node: session.node })}`}>
              {session.node}
            </a>
          ],
          ["Local", <code key="local">{`${session.localAddress} AS ${session.localAsn}`}</code>],
          ["Peer", <code key="peer">{`${session.peerAddress} port ${session.peerPort} AS ${session.peerAsn}`}</code>],
          ["Left Established", session.flaps === 0 ? "never" : plural(session.flaps, "time")],
          [
            "Last NOTIFICATION",
            notification === undefined
              ? undefined
              : `${notification.direction} ${clock(notification.at)}: ${notification.text}`
          ],
          [
            "Last failure",
            session.lastFailure === undefined ? undefined : <LastFailure key="failure" failure={session.lastFailure} />
          ],
          [
            "Peer's last OPEN",
            session.lastOpen === undefined || session.health === "up"
              ? undefined
              : `AS ${session.lastOpen.asn}, hold time ${session.lastOpen.holdTime} s, identifier ${session.lastOpen.routerId}`
          ],
          [
            "Last UPDATE sent",
            detail?.lastUpdateSent === undefined ? undefined : <Age key="update" at={detail.lastUpdateSent} ago />
          ],
          ["MD5", detail?.passwordFile === undefined ? undefined : `key from ${detail.passwordFile}`],
          ["GTSM", detail?.ttlSecurity === undefined ? undefined : plural(detail.ttlSecurity, "hop")]
        ]}
      />
      {detail === undefined ? (
        <p class="dim">
          Known through the store{session.reportedAt === undefined ? "" : " as of "}
          {session.reportedAt !== undefined && <Age at={session.reportedAt} ago />}. The dashboard of {session.node} has
          the rest: what was negotiated, counters, messages.
        </p>
      ) : (
        <>
          <h3>Agreed with the peer</h3>
          <Negotiated detail={detail} />
          <Counters sent={detail.sent} got={detail.got} />
          <Routes detail={detail} />
          {serves("/v1/trace") && <Messages session={session} />}
        </>
      )}
    </Panel>
  )
}

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
