// `viaduct support-bundle`: everything that somebody needs who is asked for help, in one file: status, config, history, events, metrics, the
// last of the log and of the messages. Secrets are not in it; addresses and names are.
import { existsSync, writeFileSync } from "node:fs"
import { Console, Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { AdminError, connectionFlags, getOctets, reportErrors } from "./adminClient.ts"

const flags = {
  ...connectionFlags,
  output: Flag.String("output").pipe(
    Flag.withAlias("o"),
    Flag.withDescription("File to write (default: named after the node and the time, in this directory)"),
    Flag.optional
  )
}

export const supportBundleCommand = Command.make(
  "support-bundle",
  flags,
  Effect.fnUntraced(function* ({ socket, server, output }) {
    const { octets, fileName } = yield* getOctets({ socket, server }, "/v1/support-bundle")
    const path = Option.getOrElse(output, () => fileName ?? "viaduct-support.tar.gz")
    if (Option.isNone(output) && existsSync(path)) return yield* new AdminError({ message: `${path} is there already` })
    yield* Effect.try({
      try: () => writeFileSync(path, octets, { mode: 0o600 }),
      catch: (error) => new AdminError({ message: error instanceof Error ? error.message : String(error) })
    })
    yield* Console.log(path)
    yield* Console.error("look at it before you give it away: it has addresses and names, and no secrets")
  }, reportErrors)
).pipe(Command.withDescription("Put what helps to help into one file, without secrets"))
