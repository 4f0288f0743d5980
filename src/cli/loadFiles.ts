// What the commands over files share: how files are named, reading and loading them, and an exit status of 1 with the reason on stderr.
import { Console, Effect, Schema, type Stdio } from "effect"
import { Argument, Flag } from "effect/cli"
import { type ConfigFile, type ConfigResult, loadCluster } from "../config/load.ts"
import { readStdin } from "./codecFlags.ts"
import { readConfig, STANDARD_INPUT } from "./readConfig.ts"

/** The message is one line for people. */
class UnreadableConfig extends Schema.TaggedError<UnreadableConfig>()("UnreadableConfig", {
  message: Schema.String
}) {}

const WHAT =
  "Cluster file or directory of *.yaml files, or - for standard input; several together are one configuration"

export const filesArgument = Argument.String("file").pipe(Argument.withDescription(WHAT), Argument.atLeast(1))

/** Files behind the command, or with -f as kubectl has them; both may be given several times. */
export const filesFlags = {
  files: Argument.String("file").pipe(Argument.withDescription(WHAT), Argument.atLeast(0)),
  file: Flag.String("file").pipe(
    Flag.withAlias("f"),
    Flag.withDescription("Such a file or directory, as kubectl names it; may be given several times"),
    Flag.atLeast(0)
  )
}

export const outputFlag = Flag.Literals("output", ["text", "json"]).pipe(
  Flag.withAlias("o"),
  Flag.withDescription("Text for people or JSON for machines"),
  Flag.withDefault("text")
)

const unreadable = (error: unknown) =>
  new UnreadableConfig({ message: error instanceof Error ? error.message : String(error) })

const read = Effect.fnUntraced(function* (paths: ReadonlyArray<string>) {
  const input = paths.includes(STANDARD_INPUT)
    ? new TextDecoder().decode(yield* Effect.mapError(readStdin, unreadable))
    : undefined
  return yield* Effect.try({ try: () => readConfig(paths, input), catch: unreadable })
})

export interface NamedFiles {
  readonly files: ReadonlyArray<string>
  readonly file?: ReadonlyArray<string>
}

/** The files that `filesFlags` name, those of -f first. */
export const readFiles = ({
  files,
  file = []
}: NamedFiles): Effect.Effect<ReadonlyArray<ConfigFile>, UnreadableConfig, Stdio.Stdio> =>
  files.length + file.length === 0
    ? Effect.fail(
        new UnreadableConfig({ message: "no file is named: give it as FILE or -f FILE; - is standard input" })
      )
    : read([...file, ...files])

export const loadFiles = (named: NamedFiles): Effect.Effect<ConfigResult, UnreadableConfig, Stdio.Stdio> =>
  Effect.map(readFiles(named), loadCluster)

/** The process will end with status 1. */
export const exitWithFailure = Effect.sync(() => {
  process.exitCode = 1
})

export const failWith = (message: string): Effect.Effect<void> =>
  Effect.andThen(Console.error(message), exitWithFailure)
