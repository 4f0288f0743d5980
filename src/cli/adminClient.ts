// How commands talk to a daemon: its admin API over the unix socket of this node, or over HTTP where a URL is
// given. What can go wrong is told in one line that says who was asked and what to do: no daemon, no permission,
// an error that the API explains (its Status), an answer of something else. Answers are decoded before anybody
// relies on their shape.
import { Config, Console, Effect, Option, Queue, Schema, Stream } from "effect"
import { Flag } from "effect/cli"
import { readJsonLines, readServerSentEvents } from "../resources/jsonLines.ts"

const DEFAULT_SOCKET = "/run/viaduct/admin.sock"

export const connectionFlags = {
  socket: Flag.String("socket").pipe(
    Flag.withDescription(`Unix socket of the daemon; VIADUCT_SOCKET where absent, else ${DEFAULT_SOCKET}`),
    Flag.withFallbackConfig(Config.String("VIADUCT_SOCKET")),
    Flag.withDefault(DEFAULT_SOCKET)
  ),
  server: Flag.String("server").pipe(
    Flag.withAlias("s"),
    Flag.withDescription("URL of an admin API instead of the socket, for example http://127.0.0.1:7179"),
    Flag.optional
  )
}

export interface Connection {
  readonly socket: string
  readonly server: Option.Option<string>
}

/** The message is one line for people, without "error:" before it. */
export class AdminError extends Schema.TaggedError<AdminError>()("AdminError", { message: Schema.String }) {}

export const TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
export const JSON_OBJECT = "application/json"

/** A Status, or the answer of a verb that was not done. */
const Failure = Schema.Union([
  Schema.Struct({ kind: Schema.Literal("Status"), message: Schema.String }),
  Schema.Struct({ done: Schema.Literal(false), reason: Schema.String })
])

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : ""

/** Why nobody answered, and what to do about it. */
const unreachable = ({ socket, server }: Connection, error: unknown): AdminError => {
  const said = error instanceof Error ? error.message : String(error)
  if (Option.isSome(server)) {
    const why = codeOf(error) === "ECONNREFUSED" ? "connection refused" : said
    return new AdminError({ message: `no admin API answers at ${server.value}: ${why}` })
  }
  switch (codeOf(error)) {
    case "ENOENT":
    case "ECONNREFUSED":
      return new AdminError({
        message:
          `no daemon answers at ${socket}: start it with "viaduct run", ` +
          "or name its socket with --socket or VIADUCT_SOCKET"
      })
    case "EACCES":
    case "EPERM":
      return new AdminError({
        message: `no permission to use ${socket}: run the command as root or as a member of the socket's group`
      })
    default:
      return new AdminError({ message: `cannot talk to the daemon at ${socket}: ${said}` })
  }
}

/** What is sent beside the path; `json` makes it a POST with that body. */
interface Sent {
  readonly accept: string
  readonly method?: "GET" | "POST"
  readonly json?: unknown
}

const send = async (
  connection: Connection,
  path: string,
  { accept, method = "GET", json }: Sent,
  signal: AbortSignal
): Promise<Response> => {
  const base = Option.getOrElse(connection.server, () => "http://localhost").replace(/\/+$/, "")
  const overSocket = Option.isNone(connection.server) ? { unix: connection.socket } : {}
  const what =
    json === undefined
      ? { method, headers: { accept } }
      : { method: "POST", headers: { accept, "content-type": JSON_OBJECT }, body: JSON.stringify(json) }
  try {
    // Watches are silent for long: no idle time-out.
    return await fetch(`${base}${path}`, { ...what, signal, timeout: false, ...overSocket })
  } catch (error) {
    throw unreachable(connection, error)
  }
}

/** What the API says about a request that it refused. */
const refusal = (response: Response, text: string): AdminError => {
  const status = Option.flatMap(Schema.decodeUnknownOption(Schema.fromJsonString(Failure))(text), (said) =>
    Option.some("reason" in said ? said.reason : said.message)
  )
  return new AdminError({ message: Option.getOrElse(status, () => `the daemon answered ${response.status}`) })
}

const request = async (connection: Connection, path: string, sent: Sent, signal: AbortSignal) => {
  const response = await send(connection, path, sent, signal)
  if (!response.ok) throw refusal(response, await response.text())
  return response
}

const adminError = (error: unknown): AdminError =>
  error instanceof AdminError
    ? error
    : new AdminError({ message: `the daemon's answer broke off: ${error instanceof Error ? error.message : error}` })

/** A value from outside, as the shape that `schema` says. */
export const decoded = <A>(schema: Schema.Decoder<A>, value: unknown): Effect.Effect<A, AdminError> =>
  Effect.mapError(
    Schema.decodeUnknownEffect(schema)(value),
    ({ message }) => new AdminError({ message: `the answer is not that of a viaduct admin API: ${message}` })
  )

/** GETs `path` and decodes the JSON of the answer. */
export const getJson = Effect.fn("adminClient.getJson")(function* <A>(
  connection: Connection,
  path: string,
  accept: string,
  schema: Schema.Decoder<A>
) {
  const value = yield* Effect.tryPromise({
    try: async (signal): Promise<unknown> => (await request(connection, path, { accept }, signal)).json(),
    catch: adminError
  })
  return yield* decoded(schema, value)
})

/** POSTs to `path`; done when the daemon has done it. */
export const post = (connection: Connection, path: string): Effect.Effect<void, AdminError> =>
  Effect.asVoid(
    Effect.tryPromise({
      try: (signal) => request(connection, path, { accept: JSON_OBJECT, method: "POST" }, signal),
      catch: adminError
    })
  )

/** POSTs `json` and decodes the answer, also that of a request that was refused in the terms of `schema`. */
export const postJson = Effect.fn("adminClient.postJson")(function* <A>(
  connection: Connection,
  path: string,
  json: unknown,
  schema: Schema.Decoder<A>
) {
  const { response, text } = yield* Effect.tryPromise({
    try: async (signal) => {
      const answer = await send(connection, path, { accept: JSON_OBJECT, json }, signal)
      return { response: answer, text: await answer.text() }
    },
    catch: adminError
  })
  const value = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Unknown))(text)
  const answer = Option.flatMap(value, Schema.decodeUnknownOption(schema))
  if (Option.isSome(answer)) return answer.value
  if (!response.ok) return yield* refusal(response, text)
  return yield* decoded(schema, Option.getOrUndefined(value))
})

/** GETs `path` as text. */
export const getText = (connection: Connection, path: string, accept: string): Effect.Effect<string, AdminError> =>
  Effect.tryPromise({
    try: async (signal) => (await request(connection, path, { accept }, signal)).text(),
    catch: adminError
  })

const streamOf = (
  connection: Connection,
  path: string,
  { accept, json }: { readonly accept: string; readonly json?: unknown },
  read: (body: ReadableStream<Uint8Array>) => AsyncIterable<unknown>
): Stream.Stream<unknown, AdminError> =>
  Stream.callback<unknown, AdminError>((queue) =>
    Effect.tryPromise({
      try: async (signal) => {
        const { body } = await request(connection, path, { accept, json }, signal)
        if (body === null) return
        for await (const value of read(body)) Queue.offerUnsafe(queue, value)
      },
      catch: adminError
    }).pipe(Effect.andThen(Queue.end(queue)))
  )

/** The lines of a streamed answer, until the daemon ends it; with `json` that of a POST. Interruption closes the connection. */
export const streamJson = (
  connection: Connection,
  path: string,
  accept: string,
  json?: unknown
): Stream.Stream<unknown, AdminError> => streamOf(connection, path, { accept, json }, readJsonLines)

/** The data of server-sent events, in the same way. */
export const streamEvents = (connection: Connection, path: string): Stream.Stream<unknown, AdminError> =>
  streamOf(connection, path, { accept: "text/event-stream" }, readServerSentEvents)

/** Prints the error of a command on standard error; the exit status becomes `status`. */
export const reportErrorsAs =
  (status: number) =>
  <A, R>(command: Effect.Effect<A, AdminError, R>): Effect.Effect<void, never, R> =>
    Effect.catchTag(Effect.asVoid(command), "AdminError", ({ message }) =>
      Effect.andThen(
        Console.error(`error: ${message}`),
        Effect.sync(() => {
          process.exitCode = status
        })
      )
    )

export const reportErrors = reportErrorsAs(1)
