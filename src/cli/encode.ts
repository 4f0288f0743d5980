// `viaduct encode`: the inverse of `viaduct decode`. JSON objects, one a line, from standard input to one line of hex for
// each message, or to the octets themselves. A line that describes no message is told on stderr with its number; the
// others are written, and the exit status is 1.
import { Console, Effect, Stdio, Stream } from "effect"
import { Command, Flag } from "effect/cli"
import { encodeMessage } from "../bgp/codec.ts"
import type { CodecContext } from "../bgp/context.ts"
import { Unencodable } from "../bgp/errors.ts"
import { messageFromJson } from "../bgp/message/schema.ts"
import { codecFlags, contextOf, readStdin } from "./codecFlags.ts"
import { failWith } from "./loadFiles.ts"

/** The octets of one line, or what is wrong with it. */
const encodeLine = (line: string, ctx: CodecContext): Uint8Array | ReadonlyArray<string> => {
  try {
    const read = messageFromJson(JSON.parse(line))
    return "problems" in read ? read.problems : encodeMessage(read.message, ctx)
  } catch (cause) {
    if (cause instanceof SyntaxError) return [`this is not JSON: ${cause.message}`]
    if (cause instanceof Unencodable) return [cause.message]
    throw cause
  }
}

const flags = {
  ...codecFlags,
  binary: Flag.Boolean("binary").pipe(
    Flag.withDescription("Write the octets themselves instead of hex"),
    Flag.withDefault(false)
  )
}

export const encodeCommand = Command.make("encode", flags, ({ binary, ...given }) =>
  Effect.gen(function* () {
    const ctx = contextOf(given)
    if (typeof ctx === "string") return yield* failWith(ctx)
    const text = new TextDecoder().decode(yield* readStdin)
    const lines = text.split("\n").map((line, i) => ({ line, number: i + 1 }))
    const messages = lines.filter(({ line }) => line.trim() !== "")
    if (messages.length === 0) return yield* failWith("the input is empty: JSON objects are expected, one a line")
    const octets: Uint8Array[] = []
    for (const { line, number } of messages) {
      const result = encodeLine(line, ctx)
      if (result instanceof Uint8Array) octets.push(result)
      else for (const problem of result) yield* failWith(`line ${number}: ${problem}`)
    }
    if (!binary) return yield* octets.length === 0 ? Effect.void : Console.log(octets.map((o) => o.toHex()).join("\n"))
    const { stdout } = yield* Stdio.Stdio
    yield* Stream.run(Stream.fromIterable(octets), stdout({ endOnDone: false }))
  })
).pipe(
  Command.withDescription("Turn JSON messages from standard input, one a line, into hex"),
  Command.withExamples([
    { command: "viaduct decode < a.hex | viaduct encode", description: "The same messages again" },
    { command: "viaduct encode --binary < a.json > a.bin", description: "The octets themselves" }
  ])
)
