// The events of this node (I9): most are read off its status, one look after the other (resources/statusEvents.ts); what leaves no trace
// in a status is told here by the service that did it. Each that is new is one line of the log, unless a service has said it there
// in its own words. Bounded; equal ones are counted.
import { Clock, Context, Effect, Layer, Metric, PubSub, Stream } from "effect"
import { type EventDraft, type EventLog, emptyLog, record } from "../resources/eventLog.ts"
import { eventReasons, isLogged } from "../resources/eventReasons.ts"
import type { EventRecord } from "../resources/nodeStatus.ts"
import { eventsBetween, type Watched } from "../resources/statusEvents.ts"
import { eventCount } from "./measures.ts"

export class EventJournal extends Context.Service<
  EventJournal,
  {
    /** Writes down what no status shows. */
    readonly emit: (draft: EventDraft) => Effect.Effect<void>
    /** Compares the node as it is now with how it was at the last look. */
    readonly look: (status: Watched) => Effect.Effect<void>
    /** Oldest first. */
    readonly events: () => ReadonlyArray<EventRecord>
    /** `events` are others. */
    readonly changes: Stream.Stream<void>
  }
>()("viaduct/services/EventJournal") {
  static readonly layer = Layer.effect(
    EventJournal,
    Effect.gen(function* () {
      const wallClock = yield* Clock.clockWith((clock) => Effect.succeed(() => clock.currentTimeMillisUnsafe()))
      const changed = yield* PubSub.sliding<void>(1)
      let log: EventLog = emptyLog
      let last: Watched | undefined

      const write = Effect.fnUntraced(function* (draft: EventDraft) {
        const { sequence } = log
        log = record(log, draft, last?.node ?? "", wallClock())
        PubSub.publishUnsafe(changed, undefined)
        const { reason, message, about } = draft
        yield* Metric.update(Metric.withAttributes(eventCount, { reason, type: eventReasons[reason].type }), 1)
        if (log.sequence === sequence || isLogged(reason)) return
        const line = `${about.kind} ${about.name}: ${message}`
        const said = eventReasons[reason].type === "Warning" ? Effect.logWarning(line) : Effect.logInfo(line)
        yield* Effect.annotateLogs(said, { reason })
      })

      const look = Effect.fnUntraced(function* (status: Watched) {
        const drafts = eventsBetween(last, status)
        last = status
        for (const draft of drafts) yield* write(draft)
      })

      return EventJournal.of({
        emit: write,
        look,
        events: () => log.events,
        changes: Stream.fromPubSub(changed)
      })
    })
  )
}
