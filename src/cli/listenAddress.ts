// `--admin-listen` and `--health-listen`: ADDR:PORT on loopback, [::1]:PORT, or none. Other addresses would show the node's state to the network.
import { Effect, Schema } from "effect"
import { parseAddress } from "../net/ip.ts"

export class ListenAddressError extends Schema.TaggedError<ListenAddressError>()("ListenAddressError", {
  message: Schema.String
}) {}

/** undefined for "none". */
export const parseListen = (
  flag: string,
  text: string
): Effect.Effect<{ readonly hostname: string; readonly port: number } | undefined, ListenAddressError> => {
  const refuse = (why: string) =>
    Effect.fail(
      new ListenAddressError({ message: `${flag} ${text}: ${why}; expected 127.0.0.1:PORT, [::1]:PORT or none` })
    )
  if (text === "none") return Effect.succeed(undefined)
  const parts = /^(?:\[(?<six>[^\]]+)\]|(?<four>[^:]+)):(?<port>\d{1,5})$/.exec(text)?.groups
  const address = parseAddress(parts?.six ?? parts?.four ?? "")
  const port = Number(parts?.port)
  if (address === undefined || !(port <= 65535)) return refuse("no address and port")
  if (address !== "::1" && !address.startsWith("127."))
    return refuse("only a loopback address can be served without TLS and a token")
  return Effect.succeed({ hostname: address, port })
}
