// The port to serving HTTP: a fetch handler on a unix socket, on a TCP address, or on a TCP address under TLS, while a scope lives.
import { Context, type Effect, Schema, type Scope } from "effect"

/** The address cannot be served; the message says which and why. */
export class AdminServerError extends Schema.TaggedError<AdminServerError>()("AdminServerError", {
  message: Schema.String
}) {}

/** A certificate that a client showed. */
export interface ClientCertificate {
  /** Common name of its subject; empty where it has none. */
  readonly name: string
  /** Organizations (O) of its subject. */
  readonly organizations: ReadonlyArray<string>
  /** Why it is not to be trusted; absent when it is. */
  readonly refused?: string
}

/** The other end of a connection, as far as the server knows it. */
export interface Client {
  readonly address?: string
  readonly certificate?: ClientCertificate
}

export type FetchHandler = (request: Request, client: Client) => Response | Promise<Response>

/** PEM. */
export interface TlsCredentials {
  /** The server's certificate and those that lead to its CA. */
  readonly cert: string
  readonly key: string
  /** Clients are asked for a certificate of these CAs; one that has none is served, too. Absent: nobody is asked. */
  readonly clientCa?: string
}

export interface TlsListener {
  readonly port: number
  /** Connections from now on get these; those that are open go on as they are. What cannot be used changes nothing. */
  readonly replace: (credentials: TlsCredentials) => Effect.Effect<void, AdminServerError>
}

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
    readonly tls: (
      hostname: string,
      port: number,
      credentials: TlsCredentials,
      handler: FetchHandler
    ) => Effect.Effect<TlsListener, AdminServerError, Scope.Scope>
  }
>()("viaduct/ports/AdminServer") {}
