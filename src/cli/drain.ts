// `viaduct drain [NODE] [--undo] [--wait]`: takes a node out of service for maintenance: no next hop, no floating IP, in order and without a
// lost packet. Says before what goes where, and with --wait ends when the node has nothing of the others' any more.
import { Console, Effect, Option, Stream } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { DoneAnswer } from "../api/verbs/answers.ts"
import { draining, stillHas } from "../resources/draining.ts"
import type { NodeStatus } from "../resources/nodeStatus.ts"
import {
  AdminError,
  type Connection,
  connectionFlags,
  getStatus,
  JSON_OBJECT,
  postJson,
  reportErrors,
  streamJson
} from "./adminClient.ts"
import { seconds } from "./configChange.ts"

const flags = {
  ...connectionFlags,
  node: Argument.String("node").pipe(
    Argument.withDescription("Name of the node (default: the one that is asked)"),
    Argument.optional
  ),
  undo: Flag.Boolean("undo").pipe(Flag.withDescription("Take it back into service"), Flag.withDefault(false)),
  wait: Flag.Boolean("wait").pipe(
    Flag.withDescription("End when the node is no next hop and holds no floating IP any more"),
    Flag.withDefault(false)
  ),
  timeout: Flag.String("timeout").pipe(Flag.withDescription("How long --wait waits"), Flag.withDefault("2m")),
  force: Flag.Boolean("force").pipe(
    Flag.withDescription("Also where no other node takes over what it has"),
    Flag.withDefault(false)
  )
}

const isStatus = (value: unknown): value is NodeStatus =>
  typeof value === "object" && value !== null && "floatingIps" in value && "services" in value

const waitFor = Effect.fnUntraced(function* (connection: Connection, node: string, timeout: string) {
  const ms = (yield* seconds("timeout", timeout)) * 1_000
  let left: ReadonlyArray<string> = []
  const done = streamJson(connection, "/v1/status?watch=true", JSON_OBJECT).pipe(
    Stream.filter(isStatus),
    Stream.map((status) => {
      left = stillHas(status, node)
      return left.length
    }),
    Stream.takeUntil((count) => count === 0),
    Stream.runDrain
  )
  const ended = yield* Effect.timeoutOption(done, ms)
  if (Option.isNone(ended) || left.length > 0)
    return yield* new AdminError({ message: `${node} still has after ${timeout}: ${left.join(", ")}` })
  yield* Console.log(`${node} takes no traffic and holds no address of others any more`)
})

export const drainCommand = Command.make(
  "drain",
  flags,
  Effect.fnUntraced(function* ({ socket, server, node: given, undo, wait, timeout, force }) {
    const connection = { socket, server }
    const status = yield* getStatus(connection)
    const node = Option.getOrElse(given, () => status.node)
    const { moves, losses } = draining(status, node)
    if (!undo) for (const line of [...moves, ...losses]) yield* Console.log(line)
    const body = { node, drain: !undo, ...(force ? { force } : {}) }
    const { done, reason } = yield* postJson(connection, "/v1/drain", body, DoneAnswer)
    if (!done) return yield* new AdminError({ message: reason })
    yield* Console.log(reason)
    if (wait && !undo) yield* waitFor(connection, node, timeout)
  }, reportErrors)
).pipe(
  Command.withDescription("Take a node out of service, or back in"),
  Command.withExamples([
    { command: "viaduct drain node-02 --wait", description: "Before maintenance: ends when the node may be touched" },
    { command: "viaduct drain node-02 --undo", description: "Back into service" }
  ])
)
