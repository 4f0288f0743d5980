// `viaduct trace [SESSION|PEER]` (S24): the BGP messages that the daemon keeps of its sessions, decoded, one a line, and with `-f` those
// to come; or a capture file of them for Wireshark and tshark.
import { closeSync, openSync, writeSync } from "node:fs"
import { Console, Effect, Option, Schema, type Scope, Stream } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { PcapWriter } from "../observe/pcap.ts"
import type { TraceRecord } from "../observe/trace.ts"
import {
  AdminError,
  type Connection,
  connectionFlags,
  decoded,
  getJson,
  JSON_OBJECT,
  reportErrors,
  streamJson
} from "./adminClient.ts"

const flags = {
  ...connectionFlags,
  session: Argument.String("session").pipe(
    Argument.withDescription("Name of a session or address of a peer; all sessions where absent"),
    Argument.optional
  ),
  follow: Flag.Boolean("follow").pipe(
    Flag.withAlias("f"),
    Flag.withDescription("Go on with every message to come"),
    Flag.withDefault(false)
  ),
  pcap: Flag.String("pcap").pipe(
    Flag.withDescription("Write a capture file (pcapng) instead of lines; - is standard output"),
    Flag.optional
  ),
  output: Flag.Literals("output", ["text", "json"]).pipe(
    Flag.withAlias("o"),
    Flag.withDescription("Lines for people, or one JSON object a line"),
    Flag.withDefault("text")
  )
}

/** What of a record is looked into here; the rest is printed as it came. */
const Recorded = Schema.Struct({
  sequence: Schema.Finite,
  at: Schema.String,
  session: Schema.String,
  direction: Schema.Literals(["sent", "received"]),
  localAddress: Schema.String,
  localPort: Schema.Finite,
  peerAddress: Schema.String,
  peerPort: Schema.Finite,
  type: Schema.Literals(["OPEN", "UPDATE", "NOTIFICATION", "KEEPALIVE", "ROUTE-REFRESH", "unknown"]),
  text: Schema.String,
  hex: Schema.optionalKey(Schema.String),
  missed: Schema.optionalKey(Schema.Finite)
})

const SessionNames = Schema.Struct({
  sessions: Schema.Array(Schema.Struct({ name: Schema.String, peerAddress: Schema.String }))
})

/** `2026-01-02T03:04:05.000003Z  10.0.1.254-node-01  received  UPDATE         announce …` */
const traceLine = ({ at, session, direction, type, text, missed }: TraceRecord): string => {
  const lost =
    missed === undefined ? "" : `(${missed} messages before this one were lost: they came faster than read)\n`
  return `${lost}${at}  ${session}  ${direction.padEnd(8)}  ${type.padEnd(13)}  ${text}`.trimEnd()
}

type Write = (record: TraceRecord, raw: unknown) => Effect.Effect<void, AdminError>

const writeFailed = (path: string) => (error: unknown) =>
  new AdminError({ message: `cannot write ${path}: ${error instanceof Error ? error.message : String(error)}` })

/** A capture file that has every record that was written, at any moment. */
const captureTo = (path: string): Effect.Effect<Write, AdminError, Scope.Scope> =>
  Effect.gen(function* () {
    const descriptor = yield* Effect.acquireRelease(
      Effect.try({ try: () => (path === "-" ? 1 : openSync(path, "w")), catch: writeFailed(path) }),
      (open) => Effect.sync(() => (path === "-" ? undefined : closeSync(open)))
    )
    const writer = new PcapWriter()
    const put = (octets: Uint8Array) =>
      Effect.try({
        try: () => {
          for (let at = 0; at < octets.length; ) at += writeSync(descriptor, octets, at)
        },
        catch: writeFailed(path)
      })
    yield* put(writer.head)
    return (record) => put(writer.add(record))
  })

/** Nothing is kept: because there is no such session, or because it has not got as far as a message. */
const explainNothing = Effect.fnUntraced(function* (connection: Connection, session: string | undefined) {
  const { sessions } = yield* getJson(connection, "/v1/status", JSON_OBJECT, SessionNames)
  if (session === undefined || sessions.some(({ name, peerAddress }) => [name, peerAddress].includes(session)))
    return yield* Console.error("No messages yet.")
  const names = sessions.map(({ name }) => name)
  return yield* new AdminError({
    message:
      `no session or peer "${session}" is known here: ` +
      (names.length === 0 ? "this node has no sessions" : `this node has ${names.join(", ")}`)
  })
})

export const traceCommand = Command.make(
  "trace",
  flags,
  Effect.fnUntraced(
    function* ({ socket, server, session: given, follow, pcap, output }) {
      const connection: Connection = { socket, server }
      const session = Option.getOrUndefined(given)
      const file = Option.getOrUndefined(pcap)
      const query = new URLSearchParams({ ...(session === undefined ? {} : { session }), follow: String(follow) })
      const print: Write = (record, raw) => Console.log(output === "json" ? JSON.stringify(raw) : traceLine(record))
      const write = file === undefined ? print : yield* captureTo(file)
      let count = 0
      yield* streamJson(connection, `/v1/trace?${query}`, JSON_OBJECT).pipe(
        Stream.runForEach((raw) =>
          Effect.flatMap(decoded(Recorded, raw), (record) => {
            count++
            return write(record, raw)
          })
        )
      )
      if (follow) return yield* new AdminError({ message: "the daemon ended the trace" })
      if (count === 0) return yield* explainNothing(connection, session)
      if (file !== undefined && file !== "-") yield* Console.error(`${count} messages written to ${file}`)
    },
    Effect.scoped,
    reportErrors
  )
).pipe(
  Command.withDescription("Show the BGP messages of this node's sessions: the last of each, and live with -f"),
  Command.withExamples([
    { command: "viaduct trace -f", description: "What is kept of all sessions, and every message to come" },
    { command: "viaduct trace 10.0.1.254 --pcap bgp.pcapng", description: "A capture file for Wireshark and tshark" },
    { command: "viaduct trace -f --pcap - | tshark -r -", description: "Live in another dissector" }
  ])
)
