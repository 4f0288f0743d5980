// `viaduct top`: the node in one screen, refreshed in place: sessions with messages a second, floating IPs, pools, the last events. With
// `--once`, or where standard output is no terminal, it is printed once.
import { Console, Effect, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import type { NodeStatus } from "../resources/nodeStatus.ts"
import { AdminError, connectionFlags, getJson, JSON_OBJECT, reportErrors } from "./adminClient.ts"
import { clip } from "./terminal.ts"
import { type Sample, topLines } from "./topScreen.ts"

const flags = {
  ...connectionFlags,
  once: Flag.Boolean("once").pipe(Flag.withDescription("Print it once and end"), Flag.withDefault(false)),
  interval: Flag.Int("interval").pipe(Flag.withDescription("Seconds between two looks"), Flag.withDefault(1))
}

/** Enough to tell a node's status from the answer of something else; the daemon and this command are one program. */
const isStatus = (value: unknown): value is NodeStatus =>
  typeof value === "object" && value !== null && "sessions" in value && "process" in value && "events" in value

const Status = Schema.declare(isStatus)

/** How long `--once` looks, to have something to make rates of, in ms. */
const onceMs = 1_000
const eventsShown = 8

const enter = "\x1b[?1049h\x1b[?25l"
const leave = "\x1b[?25h\x1b[?1049l"

export const topCommand = Command.make(
  "top",
  flags,
  Effect.fnUntraced(function* ({ socket, server, once, interval }) {
    if (interval < 1) yield* new AdminError({ message: "--interval has to be a second at least" })
    const look = Effect.map(
      getJson({ socket, server }, "/v1/status", JSON_OBJECT, Status),
      (status): Sample => ({ status, atMs: Date.now() })
    )
    let before: Sample | undefined
    if (once || process.stdout.isTTY !== true) {
      before = yield* look
      yield* Effect.sleep(onceMs)
      const lines = topLines(before, yield* look, { colours: false, events: eventsShown })
      return yield* Console.log(lines.join("\n"))
    }
    const draw = Effect.gen(function* () {
      const now = yield* look
      const { columns = 80, rows = 24 } = process.stdout
      const all = topLines(before, now, { colours: true, events: eventsShown })
      const lines = all.slice(0, Math.max(1, rows - 1)).map((line) => `${clip(line, columns)}\x1b[K`)
      before = now
      yield* Effect.sync(() => process.stdout.write(`\x1b[H${lines.join("\r\n")}\x1b[J`))
    })
    yield* Effect.acquireUseRelease(
      Effect.sync(() => process.stdout.write(enter)),
      () => Effect.forever(Effect.andThen(draw, Effect.sleep(interval * 1_000))),
      () => Effect.sync(() => process.stdout.write(leave))
    )
  }, reportErrors)
).pipe(
  Command.withDescription("Watch the node in one screen: sessions, floating IPs, pools, events"),
  Command.withExamples([{ command: "viaduct top --once", description: "One look, for a script or a report" }])
)
