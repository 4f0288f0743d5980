// `--admin-listen` and `--health-listen`: ADDR:PORT on loopback, [::1]:PORT, or none. Other addresses would show the node's state to the
// network; they are for `--admin-tls-listen`, where everybody has to log in.
import { Effect, Schema } from "effect"
import { parseAddress } from "../net/ip.ts"

export class ListenAddressError extends Schema.TaggedError<ListenAddressError>()("ListenAddressError", {
  message: Schema.String
}) {}

export interface ListenAddress {
  readonly hostname: string
  readonly port: number
}

const refuse = (flag: string, text: string, why: string, expected: string) =>
  Effect.fail(new ListenAddressError({ message: `${flag} ${text}: ${why}; expected ${expected}` }))

const parse = (text: string): ListenAddress | undefined => {
  const parts = /^(?:\[(?<six>[^\]]+)\]|(?<four>[^:]+)):(?<port>\d{1,5})$/.exec(text)?.groups
  const hostname = parseAddress(parts?.six ?? parts?.four ?? "")
  const port = Number(parts?.port)
  return hostname === undefined || !(port <= 65535) ? undefined : { hostname, port }
}

export const isLoopback = (hostname: string): boolean => hostname === "::1" || hostname.startsWith("127.")

/** undefined for "none". */
export const parseListen = (
  flag: string,
  text: string
): Effect.Effect<ListenAddress | undefined, ListenAddressError> => {
  const expected = "127.0.0.1:PORT, [::1]:PORT or none"
  if (text === "none") return Effect.succeed(undefined)
  const where = parse(text)
  if (where === undefined) return refuse(flag, text, "no address and port", expected)
  if (!isLoopback(where.hostname)) {
    const why = "only a loopback address can be served without TLS and a token (for others there is --admin-tls-listen)"
    return refuse(flag, text, why, expected)
  }
  return Effect.succeed(where)
}

/** undefined for "none". Any address of the node, or 0.0.0.0 or [::] for all. */
export const parseTlsListen = (
  flag: string,
  text: string
): Effect.Effect<ListenAddress | undefined, ListenAddressError> => {
  if (text === "none") return Effect.succeed(undefined)
  const where = parse(text)
  return where === undefined
    ? refuse(flag, text, "no address and port", "ADDRESS:PORT, [ADDRESS]:PORT or none")
    : Effect.succeed(where)
}

/** For a URL. */
export const urlHost = (hostname: string): string => (hostname.includes(":") ? `[${hostname}]` : hostname)
