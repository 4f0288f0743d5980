// The port to the machine and the process that the daemon is: what it is called, what it uses, who supervises it.
import { Context, type Effect, Schema, type Scope } from "effect"

/** Something about this machine is in the way; the message says what and what to do. */
export class HostError extends Schema.TaggedError<HostError>()("HostError", { message: Schema.String }) {}

export class Host extends Context.Service<
  Host,
  {
    readonly hostname: string
    readonly usage: Effect.Effect<{ readonly residentBytes: number; readonly cpuSeconds: number }>
    /** Makes the directory and holds it for this process alone until the scope ends. */
    readonly holdDataDirectory: (path: string) => Effect.Effect<DataDirectory, HostError, Scope.Scope>
    /** Tells the service manager ("READY=1", "STATUS=…", sd_notify(3)); without one nothing happens. */
    readonly notify: (state: string) => Effect.Effect<void>
    /** Milliseconds between the signs of life that the service manager wants; undefined: none. */
    readonly watchdogMs: number | undefined
    /** "MONOTONIC_USEC=…" as a reload notice needs it. */
    readonly monotonicUsec: Effect.Effect<bigint>
  }
>()("viaduct/ports/Host") {}

/** Small files that outlive the process. A file is replaced whole or not at all. */
export interface DataDirectory {
  /** undefined: there is none, or it cannot be read. */
  readonly read: (name: string) => Effect.Effect<string | undefined>
  readonly write: (name: string, text: string) => Effect.Effect<void, HostError>
}
