// `viaduct reload [--force]`: the daemon reads its config again, as it does on SIGHUP, and says what is wrong with it. Pools that no
// longer have the address of a service are refused unless --force says that the service shall move (I4).
import { Console, Effect } from "effect"
import { Command, Flag } from "effect/cli"
import { connectionFlags, post, reportErrors } from "./adminClient.ts"

const flags = {
  socket: connectionFlags.socket,
  force: Flag.Boolean("force").pipe(
    Flag.withDescription("Give services another address where their pool no longer has the one they have"),
    Flag.withDefault(false)
  )
}

export const reloadCommand = Command.make(
  "reload",
  flags,
  Effect.fnUntraced(function* ({ socket, force }) {
    yield* post({ socket, server: {} }, `/v1/reload${force ? "?force=true" : ""}`)
    yield* Console.log("the config is in force")
  }, reportErrors)
).pipe(Command.withDescription("Have the daemon of this node read its config again"))
