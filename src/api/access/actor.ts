// Who asks, as the guards of a listener found out and everything behind them relies on. A listener without guards (a unix socket) sets
// it as well: nothing may be written by somebody without a name.
import type { Context, MiddlewareHandler } from "hono"

/** `read`: look, and try out what a change would do; `write`: everything. */
export type Role = "read" | "write"

export interface Actor {
  /** The name behind a token or a certificate, `root` on the socket, `anonymous` where nobody has to say who they are. */
  readonly name: string
  readonly role: Role
  readonly via: "socket" | "loopback" | "token" | "certificate"
  /** Where from, where that is known. */
  readonly address?: string
}

declare module "hono" {
  interface ContextVariableMap {
    actor: Actor | undefined
  }
}

/** Whose name a change is made under. */
export const actorName = (context: Context): string => context.get("actor")?.name ?? "anonymous"

/** Middleware of a listener that everybody who reaches it uses as the same actor. */
export const actAs =
  (actor: Actor): MiddlewareHandler =>
  async (context, next) => {
    context.set("actor", actor)
    return next()
  }

/** A certificate that a client showed to the TLS listener. */
export interface ClientCertificate {
  /** Common name of its subject; empty where it has none. */
  readonly name: string
  /** Organizations (O) of its subject. */
  readonly organizations: ReadonlyArray<string>
  /** Why it is not to be trusted; absent when it is. */
  readonly refused?: string
}

/** What a listener knows of the other end; handed to the application as `env.client`. */
export interface Client {
  readonly address?: string
  readonly certificate?: ClientCertificate
}

/** Nothing where the application is not behind a listener that says more. */
export const clientOf = (context: Context): Client => {
  const env: { readonly client?: Client } | undefined = context.env
  return env?.client ?? {}
}
