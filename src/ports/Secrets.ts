// The port to secrets: keys are named by file, read when a session needs them, and never shown (I10, L1).
import { Context, type Effect, Schema } from "effect"

/** The secret cannot be had; the message names the file and what is wrong, never the content. */
export class SecretError extends Schema.TaggedError<SecretError>()("SecretError", { message: Schema.String }) {}

export class Secrets extends Context.Service<
  Secrets,
  {
    /** The first line of the file, without its line end. A missing, unreadable or empty file is an error. */
    readonly read: (path: string) => Effect.Effect<string, SecretError>
  }
>()("viaduct/ports/Secrets") {}
