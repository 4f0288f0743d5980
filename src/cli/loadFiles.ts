// What the commands over files share: reading and loading them, and an exit status of 1 with the reason on stderr.
import { Console, Effect, Schema } from "effect"
import { Argument, Flag } from "effect/cli"
import { type ConfigResult, loadCluster } from "../config/load.ts"
import { readConfig } from "./readConfig.ts"

/** The message is one line for people. */
class UnreadableConfig extends Schema.TaggedError<UnreadableConfig>()("UnreadableConfig", {
  message: Schema.String
}) {}

export const filesArgument = Argument.String("file").pipe(
  Argument.withDescription("Cluster file or directory of *.yaml files; several together are one configuration"),
  Argument.atLeast(1)
)

export const outputFlag = Flag.Literals("output", ["text", "json"]).pipe(
  Flag.withAlias("o"),
  Flag.withDescription("Text for people or JSON for machines"),
  Flag.withDefault("text")
)

export const loadFiles = (paths: ReadonlyArray<string>): Effect.Effect<ConfigResult, UnreadableConfig> =>
  Effect.try({
    try: () => loadCluster(readConfig(paths)),
    catch: (error) => new UnreadableConfig({ message: error instanceof Error ? error.message : String(error) })
  })

/** The process will end with status 1. */
export const exitWithFailure = Effect.sync(() => {
  process.exitCode = 1
})

export const failWith = (message: string): Effect.Effect<void> =>
  Effect.andThen(Console.error(message), exitWithFailure)
