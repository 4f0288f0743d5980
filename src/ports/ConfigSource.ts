// The port to the local documents of the cluster: the files that `--config` names. Put together by the command that runs a node;
// what watches them is adapters/file.
import { Context, type Effect, Schema, type Stream } from "effect"
import type { ConfigFile } from "../config/load.ts"

/** The documents cannot be read; the message says which and why. */
export class ConfigSourceError extends Schema.TaggedError<ConfigSourceError>()("ConfigSourceError", {
  message: Schema.String
}) {}

export class ConfigSource extends Context.Service<
  ConfigSource,
  {
    /** For people: the paths; empty where there are no local documents. */
    readonly name: string
    readonly read: Effect.Effect<ReadonlyArray<ConfigFile>, ConfigSourceError>
    /** They may have changed, and have been left alone for a moment since. */
    readonly changes: Stream.Stream<void>
  }
>()("viaduct/ports/ConfigSource") {}
