// `viaduct decode`: BGP messages on standard input, hex or raw, to one JSON object a line. The decoder is the one that
// sessions use. Exit status 1 where a message is malformed; its error stands beside what could be read.
import { Console, Effect } from "effect"
import { Command } from "effect/cli"
import { decodeInput, dumpOf } from "../bgp/dump.ts"
import { codecFlags, contextOf, readStdin } from "./codecFlags.ts"
import { exitWithFailure, failWith } from "./loadFiles.ts"

export const decodeCommand = Command.make("decode", codecFlags, (flags) =>
  Effect.gen(function* () {
    const ctx = contextOf(flags)
    if (typeof ctx === "string") return yield* failWith(ctx)
    const all = decodeInput(yield* readStdin, ctx)
    yield* Console.log(all.map((decoded) => JSON.stringify(dumpOf(decoded))).join("\n"))
    if (all.some((decoded) => decoded.error !== undefined)) yield* exitWithFailure
  })
).pipe(
  Command.withDescription("Show BGP messages from standard input, hex or raw, as JSON, one a line"),
  Command.withExamples([
    { command: "viaduct decode < messages.hex", description: "Blanks, newlines and colons are skipped" },
    { command: "viaduct decode --as2 --ibgp --add-path ipv4,ipv6", description: "As the session agreed" }
  ])
)
