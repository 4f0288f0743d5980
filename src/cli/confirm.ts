// `viaduct confirm`: keeps the change that was applied with --confirm-within; without it the change is taken back by itself.
import { Console, Effect } from "effect"
import { Command } from "effect/cli"
import { DoneAnswer } from "../api/verbs/answers.ts"
import { AdminError, connectionFlags, postJson, reportErrors } from "./adminClient.ts"

export const confirmCommand = Command.make(
  "confirm",
  connectionFlags,
  Effect.fnUntraced(function* (connection) {
    const { done, reason } = yield* postJson(connection, "/v1/confirm", {}, DoneAnswer)
    if (!done) return yield* new AdminError({ message: reason })
    yield* Console.log(reason)
  }, reportErrors)
).pipe(Command.withDescription("Keep the change that was applied with --confirm-within"))
