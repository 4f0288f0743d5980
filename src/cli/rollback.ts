// `viaduct rollback [N]`: makes the documents of an earlier revision the config again, as a new revision. Without N that of the
// revision before the one in force.
import { Effect, Option } from "effect"
import { Argument, Command } from "effect/cli"
import { History, Outcome } from "../api/verbs/answers.ts"
import {
  AdminError,
  type Connection,
  connectionFlags,
  getJson,
  JSON_OBJECT,
  postJson,
  reportErrors
} from "./adminClient.ts"
import { changeFlags, finish, wishes } from "./configChange.ts"

const previous = Effect.fnUntraced(function* (connection: Connection) {
  const { revision, history } = yield* getJson(connection, "/v1/history", JSON_OBJECT, History)
  const before = history.map((info) => info.revision).filter((one) => one < revision)
  if (before.length > 0) return Math.max(...before)
  return yield* new AdminError({ message: `there is no revision before ${revision} that is kept` })
})

export const rollbackCommand = Command.make(
  "rollback",
  {
    ...connectionFlags,
    ...changeFlags,
    revision: Argument.Int("revision").pipe(
      Argument.withDescription("Revision whose documents come back; the one before that in force where absent"),
      Argument.optional
    )
  },
  Effect.fnUntraced(function* ({ socket, server, revision, dryRun, output, ...rest }) {
    const connection = { socket, server }
    const to = Option.isSome(revision) ? revision.value : yield* previous(connection)
    const { confirmWithinSeconds, ...wish } = yield* wishes(rest)
    const within = confirmWithinSeconds === undefined ? {} : { confirmWithinSeconds }
    const outcome = dryRun
      ? yield* postJson(connection, "/v1/plan", { rollbackTo: to, ...wish }, Outcome)
      : yield* postJson(connection, "/v1/rollback", { to, ...wish, ...within }, Outcome)
    yield* finish(outcome, output)
  }, reportErrors)
).pipe(
  Command.withDescription("Make an earlier revision of the config the one in force again"),
  Command.withExamples([
    { command: "viaduct rollback", description: "What was in force before the last change" },
    { command: "viaduct rollback --dry-run 12", description: "Show what going back to revision 12 would do" }
  ])
)
