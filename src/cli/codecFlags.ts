// What `decode` and `encode` share: the flags that say what a session agreed on, since octets alone do not, and reading
// all of standard input.
import { Effect, Stdio, Stream } from "effect"
import { Flag } from "effect/cli"
import { type CodecContext, defaultContext } from "../bgp/context.ts"

export const codecFlags = {
  as2: Flag.Boolean("as2").pipe(
    Flag.withDescription("AS numbers in AS_PATH and AGGREGATOR have two octets"),
    Flag.withDefault(false)
  ),
  as4: Flag.Boolean("as4").pipe(
    Flag.withDescription("AS numbers in AS_PATH and AGGREGATOR have four octets (the default)"),
    Flag.withDefault(false)
  ),
  addPath: Flag.String("add-path").pipe(
    Flag.withDescription("Families whose routes carry a path identifier: ipv4, ipv6 or ipv4,ipv6"),
    Flag.withDefault("")
  ),
  ebgp: Flag.Boolean("ebgp").pipe(
    Flag.withDescription("The ends are in different AS (the default)"),
    Flag.withDefault(false)
  ),
  ibgp: Flag.Boolean("ibgp").pipe(Flag.withDescription("The ends are in the same AS"), Flag.withDefault(false)),
  extendedMessage: Flag.Boolean("extended-message").pipe(
    Flag.withDescription("Messages may have 65,535 octets (RFC 8654)"),
    Flag.withDefault(false)
  )
}

interface Given {
  readonly as2: boolean
  readonly as4: boolean
  readonly addPath: string
  readonly ebgp: boolean
  readonly ibgp: boolean
  readonly extendedMessage: boolean
}

/** The context that the flags describe, or why they describe none. */
export const contextOf = (given: Given): CodecContext | string => {
  if (given.as2 && given.as4) return "--as2 and --as4 exclude each other"
  if (given.ebgp && given.ibgp) return "--ebgp and --ibgp exclude each other"
  const families = given.addPath.split(",").filter((part) => part !== "")
  const foreign = families.find((family) => family !== "ipv4" && family !== "ipv6")
  if (foreign !== undefined) return `--add-path: ${JSON.stringify(foreign)} is neither ipv4 nor ipv6`
  return {
    ...defaultContext,
    as4: !given.as2,
    ebgp: !given.ibgp,
    extendedMessage: given.extendedMessage,
    addPath: { ipv4: families.includes("ipv4"), ipv6: families.includes("ipv6") }
  }
}

/** Everything on standard input. */
export const readStdin = Effect.gen(function* () {
  const { stdin } = yield* Stdio.Stdio
  const chunks = yield* Stream.runCollect(stdin)
  const all = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0))
  let at = 0
  for (const chunk of chunks) {
    all.set(chunk, at)
    at += chunk.length
  }
  return all
})
