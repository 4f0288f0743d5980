// From statuses to the events that a follower has not seen. The journal is bounded and counts what happens again, so an event is known
// by its uid and its count.
import type { EventRecord, NodeStatus } from "../../resources/nodeStatus.ts"

/** What to send of the first status to somebody who saw everything up to the event `after`. */
const since = (events: ReadonlyArray<EventRecord>, after: string | undefined): ReadonlyArray<EventRecord> => {
  const position = after === undefined ? -1 : events.findIndex(({ uid }) => uid === after)
  const last = events[position]
  // One that is not there any more, or that happened again (it was another one then), says nothing about what was seen: all over again.
  if (last === undefined || last.count > 1) return events
  return events.filter((event, i) => i !== position && (i > position || event.lastAt > last.lastAt))
}

/** The events of the first status of each node, then whatever is new in each status after it. */
export async function* newEvents(
  statuses: AsyncIterable<Pick<NodeStatus, "cluster" | "node" | "events">>,
  after: string | undefined
): AsyncGenerator<EventRecord> {
  const known = new Map<string, ReadonlyMap<string, number>>()
  for await (const { cluster, node, events } of statuses) {
    const whose = `${cluster}/${node}`
    const before = known.get(whose)
    const fresh =
      before === undefined ? since(events, after) : events.filter(({ uid, count }) => before.get(uid) !== count)
    known.set(whose, new Map(events.map(({ uid, count }) => [uid, count])))
    yield* fresh
  }
}
