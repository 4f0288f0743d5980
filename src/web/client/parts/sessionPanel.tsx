// One session in detail: why it is as it is, what was agreed, counters, routes, and the messages that were kept.
import { useSignal } from "@preact/signals"
import { useEffect } from "preact/hooks"
import type { TraceRecord } from "../../../observe/trace.ts"
import type { MessageCounts, SessionFailure, SessionStatus } from "../../../resources/nodeStatus.ts"
import { messages } from "../api.ts"
import type { FleetSession } from "../model/fleetTypes.ts"
import { amount, plural } from "../model/format.ts"
import { serves, setParameters } from "../state.ts"
import { Facts, Panel } from "./panel.tsx"
import { Age, Badge, clock, sessionTone } from "./small.tsx"

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

export const SessionPanel = ({ session }: { session: FleetSession }) => {
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
