// The port to where the cluster's documents come from. Implemented by adapters/file; later by the store and the API.
import { Context, type Effect, Schema } from "effect"

/** The documents cannot be read; the message says which and why. */
export class ConfigSourceError extends Schema.TaggedError<ConfigSourceError>()("ConfigSourceError", {
  message: Schema.String
}) {}

export class ConfigSource extends Context.Service<
  ConfigSource,
  {
    /** For people: the path. */
    readonly name: string
    readonly read: Effect.Effect<ReadonlyArray<{ readonly path: string; readonly text: string }>, ConfigSourceError>
  }
>()("viaduct/ports/ConfigSource") {}
