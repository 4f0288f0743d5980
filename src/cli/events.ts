// `viaduct events [-w]` (S24): what happened on the node, oldest first, as kubectl prints events; with `-w` on and on.
import { Clock, Console, Effect, Option, Schema, Stream } from "effect"
import { Command, Flag } from "effect/cli"
import { age } from "../resources/age.ts"
import { eventReasons } from "../resources/eventReasons.ts"
import { alignColumns } from "../resources/table.ts"
import {
  AdminError,
  connectionFlags,
  decoded,
  getJson,
  JSON_OBJECT,
  reportErrors,
  streamEvents
} from "./adminClient.ts"

const flags = {
  ...connectionFlags,
  watch: Flag.Boolean("watch").pipe(
    Flag.withAlias("w"),
    Flag.withDescription("Go on with every event"),
    Flag.withDefault(false)
  ),
  warnings: Flag.Boolean("warnings").pipe(
    Flag.withDescription("Only what somebody may have to do something about"),
    Flag.withDefault(false)
  ),
  reasons: Flag.Boolean("reasons").pipe(
    Flag.withDescription("Say what reasons there are and what each means, and end"),
    Flag.withDefault(false)
  ),
  about: Flag.String("for").pipe(Flag.withDescription("Only what is about the object of this name"), Flag.optional),
  output: Flag.Literals("output", ["text", "json"]).pipe(
    Flag.withAlias("o"),
    Flag.withDescription("A table, or one JSON object a line"),
    Flag.withDefault("text")
  )
}

const Event = Schema.Struct({
  uid: Schema.String,
  type: Schema.Literals(["Normal", "Warning"]),
  reason: Schema.String,
  message: Schema.String,
  about: Schema.Struct({
    apiVersion: Schema.String,
    kind: Schema.String,
    namespace: Schema.String,
    name: Schema.String
  }),
  count: Schema.Finite,
  firstAt: Schema.String,
  lastAt: Schema.String
})

const Status = Schema.Struct({ events: Schema.Array(Event) })

const reasonRows = Object.entries(eventReasons).map(([reason, { type, means }]) => [reason, type, means])

const HEADERS = ["LAST SEEN", "TYPE", "REASON", "OBJECT", "COUNT", "MESSAGE"]

const cells = ({ type, reason, message, about, count, lastAt }: typeof Event.Type, nowMs: number) => [
  age(lastAt, nowMs),
  type,
  reason,
  `${about.kind.toLowerCase()}/${about.name}`,
  String(count),
  message
]

export const eventsCommand = Command.make(
  "events",
  flags,
  Effect.fnUntraced(function* ({ socket, server, watch, warnings, reasons, about, output }) {
    if (reasons)
      return yield* Console.log(alignColumns([["REASON", "TYPE", "MEANING"], ...reasonRows], []).text.join("\n"))
    const connection = { socket, server }
    const wanted = (event: typeof Event.Type): boolean =>
      (!warnings || event.type === "Warning") && (Option.isNone(about) || event.about.name === about.value)
    let widths: ReadonlyArray<number> = []
    let headers = output === "text"
    const print = Effect.fnUntraced(function* (events: ReadonlyArray<typeof Event.Type>) {
      if (output === "json") return yield* Effect.forEach(events, (one) => Console.log(JSON.stringify(one)))
      const nowMs = yield* Clock.currentTimeMillis
      const rows = events.map((event) => cells(event, nowMs))
      const aligned = alignColumns(headers ? [HEADERS, ...rows] : rows, widths)
      widths = aligned.widths
      headers = false
      return yield* Effect.forEach(aligned.text, (line) => Console.log(line))
    })
    const { events } = yield* getJson(connection, "/v1/status", JSON_OBJECT, Status)
    const first = events.filter(wanted)
    if (first.length === 0 && !watch) return yield* Console.error("No events found.")
    if (first.length > 0) yield* print(first)
    if (!watch) return
    const shown = new Map(events.map(({ uid, count }) => [uid, count]))
    yield* streamEvents(connection, "/v1/events").pipe(
      Stream.mapEffect((value) => decoded(Event, value)),
      Stream.filter((event) => shown.get(event.uid) !== event.count && wanted(event)),
      Stream.runForEach((event) => print([event]))
    )
    yield* Effect.fail(new AdminError({ message: "the daemon ended the stream of events" }))
  }, reportErrors)
).pipe(
  Command.withDescription("Show what happened on the node"),
  Command.withExamples([
    { command: "viaduct events --warnings", description: "What somebody may have to do something about" },
    { command: "viaduct events -w", description: "Follow what happens" }
  ])
)
