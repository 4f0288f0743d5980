// Finds out who asks: by a bearer token, by a client certificate that the TLS listener has checked, or, where that is allowed, as nobody in
// particular. A browser may send the token as the password of Basic authentication. Wrong tokens are counted by address, and too many of them
// are not looked at any more (429). A token is never told again, in an answer or a log (I10).
import type { Context, MiddlewareHandler } from "hono"
import { failure } from "../failure.ts"
import { type Actor, type ClientCertificate, clientOf } from "./actor.ts"
import type { Attempts } from "./attempts.ts"
import { isOpen } from "./roles.ts"
import { findToken, type Token } from "./tokens.ts"

export interface LoginOptions {
  /** The tokens that there are now. */
  readonly tokens: () => Promise<ReadonlyArray<Token>>
  /** SHA-256 of a text in UTF-8, in hex. */
  readonly sha256: (text: string) => Promise<string>
  readonly attempts: Attempts
  /** Milliseconds; only differences count. */
  readonly now: () => number
  /** Who somebody is that neither has a token nor a certificate. Absent: nobody, and refused. */
  readonly anonymous?: Actor
  /** Gets each login that failed: from where, and why. */
  readonly refused?: (address: string, why: string) => void
}

type Credentials = { readonly token: string } | { readonly unreadable: string } | undefined

const TOKEN_LENGTH_MAX = 512

const fromBasic = (encoded: string): Credentials => {
  try {
    const text = atob(encoded)
    return { token: text.slice(text.indexOf(":") + 1) }
  } catch {
    return { unreadable: "the Authorization header is no Basic authentication" }
  }
}

const credentialsOf = (header: string | undefined): Credentials => {
  if (header === undefined) return undefined
  const [, scheme = "", rest = ""] = /^(\S+)\s+(\S+)\s*$/.exec(header) ?? []
  const found = /^bearer$/i.test(scheme) ? { token: rest } : /^basic$/i.test(scheme) ? fromBasic(rest) : undefined
  if (found === undefined) return { unreadable: "the Authorization header is no bearer token" }
  return "token" in found && found.token.length > TOKEN_LENGTH_MAX ? { unreadable: "no token is that long" } : found
}

const ROLES = { "viaduct:write": "write", "viaduct:read": "read" } as const

/** The role is an organization (O) of the certificate, as groups are for Kubernetes; the name is its common name. */
const actorOfCertificate = ({ name, organizations }: ClientCertificate): Actor | undefined => {
  const roles = organizations.flatMap((o) => (o === "viaduct:write" || o === "viaduct:read" ? [ROLES[o]] : []))
  const role = roles.includes("write") ? "write" : roles[0]
  return role === undefined || name === "" ? undefined : { name, role, via: "certificate" }
}

/** 401 with what may be tried. A browser that wants a page asks its user; programs get told that tokens are meant. */
const unauthorized = (context: Context, message: string): Response => {
  const page = context.req.header("accept")?.includes("text/html") === true
  context.header("www-authenticate", page ? 'Basic realm="viaduct: the password is a token"' : "Bearer")
  return context.json(failure(401, "Unauthorized", message), 401)
}

const isLoopback = (address: string): boolean =>
  address === "::1" || address.startsWith("127.") || address.startsWith("::ffff:127.")

const openToAll = (context: Context, address: string): boolean =>
  isOpen(context.req.path) || (context.req.path === "/metrics" && isLoopback(address))

/** Middleware that sets the actor, or answers 401, 403 or 429. */
export const authenticate = (options: LoginOptions): MiddlewareHandler => {
  const { tokens, sha256, attempts, now, anonymous, refused } = options

  const fail = (context: Context, address: string, message: string): Response => {
    attempts.failed(address, now())
    refused?.(address, message)
    return unauthorized(context, message)
  }

  const byToken = async (context: Context, address: string, token: string): Promise<Actor | Response> => {
    const found = findToken(await tokens(), await sha256(token))
    if (found === undefined) return fail(context, address, "the token is not known here")
    return { name: found.name, role: found.role, via: "token", address }
  }

  const byCertificate = (context: Context, address: string, certificate: ClientCertificate): Actor | Response => {
    if (certificate.refused !== undefined)
      return fail(context, address, `the client certificate is not accepted: ${certificate.refused}`)
    const actor = actorOfCertificate(certificate)
    if (actor !== undefined) return { ...actor, address }
    const message =
      `the certificate of "${certificate.name}" gives no role: its subject needs a common name and ` +
      "O=viaduct:read or O=viaduct:write"
    return context.json(failure(403, "Forbidden", message), 403)
  }

  const identify = async (context: Context, address: string): Promise<Actor | Response> => {
    const given = credentialsOf(context.req.header("authorization"))
    const { certificate } = clientOf(context)
    if (given !== undefined || certificate?.refused !== undefined) {
      const wait = attempts.waitSeconds(address, now())
      if (wait > 0) {
        context.header("retry-after", String(wait))
        const message = `too many logins from ${address} have failed: try again in ${wait} s`
        return context.json(failure(429, "TooManyRequests", message), 429)
      }
    }
    if (given !== undefined && "unreadable" in given) return fail(context, address, given.unreadable)
    if (given !== undefined) return byToken(context, address, given.token)
    if (certificate !== undefined) return byCertificate(context, address, certificate)
    if (anonymous !== undefined) return { ...anonymous, address }
    return unauthorized(context, "say who you are, with a token (viaduct token add) or a client certificate")
  }

  return async (context, next) => {
    const address = clientOf(context).address ?? "unknown"
    if (openToAll(context, address)) {
      context.set("actor", { name: "anonymous", role: "read", via: "loopback", address })
      return next()
    }
    const found = await identify(context, address)
    if (found instanceof Response) return found
    context.set("actor", found)
    return next()
  }
}
