// Guard for TCP listeners against DNS rebinding: a page in somebody's browser can have its own name resolve to
// 127.0.0.1 and then talk to a service there as if it were its own site. Its requests carry that name in Host, and
// its address in Origin. Only requests addressed to this machine by a name that nobody else can own pass. A unix
// socket needs no guard.
import type { MiddlewareHandler } from "hono"
import { failure } from "./failure.ts"

const isLocal = (hostname: string): boolean =>
  hostname === "localhost" ||
  hostname.endsWith(".localhost") ||
  hostname === "[::1]" ||
  /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname)

const hostnameOf = (url: string): string | undefined => (URL.canParse(url) ? new URL(url).hostname : undefined)

/** As a URL has it: lower case, IPv6 in brackets. */
const asHost = (name: string): string => (name.includes(":") ? `[${name.toLowerCase()}]` : name.toLowerCase())

/**
 * Middleware that answers 403 to requests for another host, or from a page of another host.
 * @param allowed further names and addresses (canonical) under which the listener is known; asked for each request, as they change
 */
export const localOnly = (allowed: () => ReadonlyArray<string> = () => []): MiddlewareHandler => {
  return async (context, next) => {
    const known = new Set(allowed().map(asHost))
    const passes = (hostname: string | undefined): boolean =>
      hostname !== undefined && (isLocal(hostname) || known.has(hostname))
    const host = context.req.header("host")
    const origin = context.req.header("origin")
    if (!passes(hostnameOf(host === undefined ? context.req.url : `http://${host}`))) {
      return context.json(
        failure(403, "Forbidden", `host "${host ?? ""}" is not a name of this listener (allowedHosts)`),
        403
      )
    }
    if (origin !== undefined && !passes(hostnameOf(origin))) {
      return context.json(failure(403, "Forbidden", `pages of ${origin} may not use this listener`), 403)
    }
    return next()
  }
}
