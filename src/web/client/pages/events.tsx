// What happened, newest first, as it happens: events come with the live status, so there is nothing else to follow.
import { useSignal } from "@preact/signals"
import { useMemo } from "preact/hooks"
import type { FleetEvent } from "../model/fleetTypes.ts"
import { Sign } from "../parts/icons.tsx"
import { Age, Choice, clock, Filter, matches } from "../parts/small.tsx"
import { fleet, parameter, setParameters } from "../state.ts"

const PAGE = 100

const hrefOf = ({ about: { kind, name, namespace } }: FleetEvent): string | undefined => {
  const query = (values: Readonly<Record<string, string>>) => new URLSearchParams(values).toString()
  switch (kind) {
    case "BGPSession":
      return `#/sessions?${query({ show: name })}`
    case "FloatingIP":
      return `#/routes?${query({ explain: `floatingip ${name}` })}`
    case "Service":
      return `#/routes?${query({ explain: `service ${namespace}/${name}` })}`
    case "Node":
    case "Member":
      return `#/cluster?${query({ node: name })}`
    default:
      return undefined
  }
}

const EventItem = ({ event, several }: { event: FleetEvent; several: boolean }) => {
  const href = hrefOf(event)
  const { kind, name, namespace } = event.about
  const about = `${kind} ${kind === "Service" ? `${namespace}/` : ""}${name}`
  return (
    <li class={`event event-${event.type === "Warning" ? "warn" : "normal"}`}>
      <Sign tone={event.type === "Warning" ? "warn" : "good"} />
      <div class="event-main">
        <p class="event-message" dir="auto">
          <strong>{event.reason}</strong> {event.message}
        </p>
        <p class="event-sub" dir="auto">
          {href === undefined ? <span>{about}</span> : <a href={href}>{about}</a>}
          {several && <span>on {event.node}</span>}
          {event.count > 1 && (
            <span title={`first ${clock(event.firstAt)}`}>
              {event.count} times since <Age at={event.firstAt} ago />
            </span>
          )}
        </p>
      </div>
      <span class="event-age">
        <Age at={event.lastAt} ago />
      </span>
    </li>
  )
}

export const EventsPage = () => {
  const { events, statuses } = fleet.value
  const q = parameter("q")
  const only = parameter("only")
  const count = useSignal(PAGE)
  const found = useMemo(
    () => events.filter((e) => matches(q, e.message, e.reason, e.about.kind, e.about.name, e.about.namespace, e.node)),
    [events, q]
  )
  const warnings = found.filter(({ type }) => type === "Warning")
  const items = only === "warnings" ? warnings : found
  return (
    <>
      <h1>Events</h1>
      <div class="tools">
        <Filter label="Filter events" value={q} onInput={(value) => setParameters({ q: value })} />
        <Choice
          label="Which"
          value={only}
          onChange={(value) => setParameters({ only: value })}
          options={[
            { value: "", name: "All", count: found.length },
            { value: "warnings", name: "Warnings", count: warnings.length }
          ]}
        />
      </div>
      {items.length === 0 ? (
        <p class="empty">
          {events.length === 0 ? "Nothing has happened that is worth a word." : "No event matches the filter."}
        </p>
      ) : (
        <ol class="events card" aria-label="Events, newest first" aria-live="polite" aria-relevant="additions">
          {items.slice(0, count.value).map((event) => (
            <EventItem key={event.uid} event={event} several={statuses.length > 1} />
          ))}
        </ol>
      )}
      {items.length > count.value && (
        <button type="button" onClick={() => (count.value += PAGE)}>
          {items.length - count.value} older
        </button>
      )}
    </>
  )
}
