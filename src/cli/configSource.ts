// Where the daemon of a node gets its config from: the files of `--config`, watched, and the copy of the last revision in its data directory.
import { Effect, Layer } from "effect"
import { ConfigSource, ConfigSourceError } from "../ports/ConfigSource.ts"
import { FileWatch } from "../ports/FileWatch.ts"
import type { DataDirectory } from "../ports/Host.ts"
import type { ConfigCopy } from "../services/configCopy.ts"
import { readConfig } from "./readConfig.ts"

export const fileConfig = (paths: ReadonlyArray<string>) =>
  Layer.effect(
    ConfigSource,
    Effect.map(FileWatch, ({ changes }) => ({
      name: paths.join(", "),
      read: Effect.try({
        try: () => readConfig(paths),
        catch: (error) => new ConfigSourceError({ message: error instanceof Error ? error.message : String(error) })
      }),
      changes: changes(paths)
    }))
  )

const copyName = "config.json"

export const configCopy = (directory: DataDirectory): ConfigCopy => ({
  read: directory.read(copyName),
  write: (text) => Effect.catch(directory.write(copyName, text), ({ message }) => Effect.logWarning(message))
})
