// How commands talk to a daemon: its admin API over the unix socket of this node, or over HTTP where a URL is
// given. What can go wrong is told in one line that says who was asked and what to do: no daemon, one that hangs, no
// permission, an error that the API explains (its Status), an answer of something else. Answers are decoded before
// anybody relies on their shape.
import { Console, Effect, Option, Queue, Schema, Stream } from "effect"
import { Flag } from "effect/cli"
import { AccessAnswer } from "../api/access/access.ts"
import { unknownPath } from "../api/failure.ts"
import { readJsonLines, readServerSentEvents } from "../resources/jsonLines.ts"
import type { NodeStatus } from "../resources/nodeStatus.ts"
import { version } from "../version.ts"
import { DEFAULT_SOCKET, type Target, targetOf as targetOfFlags, unreachable } from "./adminTarget.ts"
import { NoAnswer, whileItLives } from "./silence.ts"

/** Each falls back to an environment variable; one that is given on the command line wins over another one's variable. */
export const connectionFlags = {
  socket: Flag.String("socket").pipe(
    Flag.withDescription(`Unix socket of the daemon; VIADUCT_SOCKET where absent, else ${DEFAULT_SOCKET}`),
    Flag.optional
  ),
  server: {
    url: Flag.String("server").pipe(
      Flag.withAlias("s"),
      Flag.withDescription("URL of an admin API instead of the socket; VIADUCT_SERVER where absent"),
      Flag.optional
    ),
    tokenFile: Flag.String("token-file").pipe(
      Flag.withDescription("File with the token for --server; VIADUCT_TOKEN_FILE where absent"),
      Flag.optional
    ),
    caFile: Flag.String("ca-file").pipe(
      Flag.withDescription("PEM file of the CA of --server; VIADUCT_CA_FILE where absent"),
      Flag.optional
    ),
    clientCert: Flag.String("client-cert").pipe(
      Flag.withDescription("PEM file of a client certificate for --server, instead of a token"),
      Flag.optional
    ),
    clientKey: Flag.String("client-key").pipe(Flag.withDescription("PEM file of its key"), Flag.optional)
  }
}

/** The flags as they were given: commands hand them on. */
export interface Connection {
  readonly socket: Option.Option<string>
  readonly server: {
    readonly url?: Option.Option<string>
    readonly tokenFile?: Option.Option<string>
    readonly caFile?: Option.Option<string>
    readonly clientCert?: Option.Option<string>
    readonly clientKey?: Option.Option<string>
  }
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

/** What is sent beside the path; `json` makes it a POST with that body. */
interface Sent {
  readonly accept: string
  readonly method?: "GET" | "POST"
  readonly json?: unknown
}

const targetOf = (connection: Connection): Target => {
  try {
    return targetOfFlags(connection, process.env)
  } catch (error) {
    throw new AdminError({ message: error instanceof Error ? error.message : String(error) })
  }
}

const send = async (
  target: Target,
  path: string,
  { accept, method = "GET", json }: Sent,
  signal: AbortSignal
): Promise<Response> => {
  const headers = { accept, ...target.headers }
  const what =
    json === undefined
      ? { method, headers }
      : { method: "POST", headers: { ...headers, "content-type": JSON_OBJECT }, body: JSON.stringify(json) }
  try {
    // Watches are silent for long: no idle time-out.
    return await fetch(`${target.base}${path}`, { ...what, signal, timeout: false, ...target.how })
  } catch (error) {
    throw error instanceof NoAnswer ? error : new AdminError({ message: unreachable(target, error) })
  }
}

const refusalHint = (status: number, message: string): string => {
  if (status === 401) return "; --token-file or VIADUCT_TOKEN_FILE names a file with one"
  // Whatever this command asks for is there in a daemon of the same release.
  return status === 405 || message === unknownPath.message
    ? `; the daemon there is of another release than this command (viaduct ${version})`
    : ""
}

/** What the API says about a request that it refused. */
const refusal = (response: Response, text: string): AdminError => {
  const status = Option.flatMap(Schema.decodeUnknownOption(Schema.fromJsonString(Failure))(text), (said) =>
    Option.some("reason" in said ? said.reason : said.message)
  )
  const message = Option.getOrElse(status, () => `the daemon answered ${response.status}`)
  return new AdminError({ message: `${message}${refusalHint(response.status, message)}` })
}

const request = async (target: Target, path: string, sent: Sent, signal: AbortSignal) => {
  const response = await send(target, path, sent, signal)
  if (!response.ok) throw refusal(response, await response.text())
  return response
}

const adminError = (error: unknown): AdminError => {
  if (error instanceof AdminError) return error
  const said = error instanceof Error ? error.message : String(error)
  return new AdminError({ message: error instanceof NoAnswer ? said : `the daemon's answer broke off: ${said}` })
}

/** What `ask` makes of the daemon's answer, as long as the daemon lives. */
const asking = <A>(
  connection: Connection,
  ask: (target: Target, signal: AbortSignal) => Promise<A>
): Effect.Effect<A, AdminError> =>
  Effect.tryPromise({
    try: async (signal) => {
      const target = targetOf(connection)
      return whileItLives(target, signal, (either) => ask(target, either))
    },
    catch: adminError
  })

/** A value from outside, as the shape that `schema` says. */
export const decoded = <A>(schema: Schema.Decoder<A>, value: unknown): Effect.Effect<A, AdminError> =>
  Effect.mapError(
    Schema.decodeUnknownEffect(schema)(value),
    ({ message }) =>
      new AdminError({
        message: `the answer is not that of the admin API of viaduct ${version}, or of another release (${message.replace(/\s*\n\s*/g, " ")})`
      })
  )

/** GETs `path` and decodes the JSON of the answer. */
export const getJson = Effect.fn("adminClient.getJson")(function* <A>(
  connection: Connection,
  path: string,
  accept: string,
  schema: Schema.Decoder<A>
) {
  const value = yield* asking(
    connection,
    async (target, signal): Promise<unknown> => (await request(target, path, { accept }, signal)).json()
  )
  return yield* decoded(schema, value)
})

/** What the node says of who asks, and of how it is reached. */
export const getAccess = (connection: Connection) => getJson(connection, "/v1/access", JSON_OBJECT, AccessAnswer)

/** The status of the node. */
export const getStatus = (connection: Connection): Effect.Effect<NodeStatus, AdminError> =>
  Effect.flatMap(getJson(connection, "/v1/status", JSON_OBJECT, Schema.Unknown), (value) =>
    typeof value === "object" && value !== null && "node" in value && "sessions" in value
      ? Effect.succeed(value as NodeStatus)
      : Effect.fail(new AdminError({ message: "the answer is not the status of a node" }))
  )

/** POSTs to `path`; done when the daemon has done it. */
export const post = (connection: Connection, path: string): Effect.Effect<void, AdminError> =>
  Effect.asVoid(
    asking(connection, (target, signal) => request(target, path, { accept: JSON_OBJECT, method: "POST" }, signal))
  )

/** POSTs `json` and decodes the answer, also that of a request that was refused in the terms of `schema`. */
export const postJson = Effect.fn("adminClient.postJson")(function* <A>(
  connection: Connection,
  path: string,
  json: unknown,
  schema: Schema.Decoder<A>
) {
  const { response, text } = yield* asking(connection, async (target, signal) => {
    const answer = await send(target, path, { accept: JSON_OBJECT, json }, signal)
    return { response: answer, text: await answer.text() }
  })
  const value = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Unknown))(text)
  const answer = Option.flatMap(value, Schema.decodeUnknownOption(schema))
  if (Option.isSome(answer)) return answer.value
  if (!response.ok) return yield* refusal(response, text)
  return yield* decoded(schema, Option.getOrUndefined(value))
})

/** GETs `path` as text. */
export const getText = (connection: Connection, path: string, accept: string): Effect.Effect<string, AdminError> =>
  asking(connection, async (target, signal) => (await request(target, path, { accept }, signal)).text())

/** Once it has begun to answer, it may be silent for as long as nothing happens. */
const streamOf = (
  connection: Connection,
  path: string,
  { accept, json }: { readonly accept: string; readonly json?: unknown },
  read: (body: ReadableStream<Uint8Array>) => AsyncIterable<unknown>
): Stream.Stream<unknown, AdminError> =>
  Stream.callback<unknown, AdminError>((queue) =>
    Effect.tryPromise({
      try: async (signal) => {
        const target = targetOf(connection)
        const { body } = await whileItLives(target, signal, (either) => request(target, path, { accept, json }, either))
        if (body === null) return
        for await (const value of read(body)) Queue.offerUnsafe(queue, value)
      },
      catch: adminError
    }).pipe(Effect.andThen(Queue.end(queue)))
  )

/** GETs `path` whole, with the name that the answer gives its file. */
export const getOctets = (connection: Connection, path: string) =>
  asking(connection, async (target, signal) => {
    const response = await request(target, path, { accept: "*/*" }, signal)
    const named = /filename="([\w.-]+)"/.exec(response.headers.get("content-disposition") ?? "")
    return { octets: new Uint8Array(await response.arrayBuffer()), fileName: named?.[1] }
  })

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
