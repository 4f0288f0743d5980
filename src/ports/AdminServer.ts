// The port to serving HTTP: a fetch handler on a unix socket or on a TCP address, while a scope lives.
import { Context, type Effect, Schema, type Scope } from "effect"

/** The address cannot be served; the message says which and why. */
export class AdminServerError extends Schema.TaggedError<AdminServerError>()("AdminServerError", {
  message: Schema.String
}) {}

export type FetchHandler = (request: Request) => Response | Promise<Response>

export class AdminServer extends Context.Service<
  AdminServer,
  {
    /** Only the owner and the group of the socket may use it. */
    readonly unix: (path: string, handler: FetchHandler) => Effect.Effect<void, AdminServerError, Scope.Scope>
    /** The result is the port, also where 0 asked for any. */
    readonly tcp: (
      hostname: string,
      port: number,
      handler: FetchHandler
    ) => Effect.Effect<number, AdminServerError, Scope.Scope>
  }
>()("viaduct/ports/AdminServer") {}
