// `viaduct history [N]`: the revisions of the config: when, by whom, where, why, and what each changed; or one of them with
// its documents.
import { Console, Effect, Option } from "effect"
import { Argument, Command } from "effect/cli"
import { History } from "../api/verbs/answers.ts"
import type { RevisionInfo } from "../config/objects.ts"
import { alignColumns } from "../resources/table.ts"
import {
  AdminError,
  type Connection,
  connectionFlags,
  getJson,
  getText,
  JSON_OBJECT,
  reportErrors
} from "./adminClient.ts"
import { outputFlag } from "./loadFiles.ts"

const HEADERS = ["REVISION", "WHEN", "BY", "NODE", "HOW", "MESSAGE", "CHANGE"]

/** `*` stands beside the one in force. */
const cells = (info: RevisionInfo, inForce: number): ReadonlyArray<string> => [
  `${info.revision}${info.revision === inForce ? "*" : ""}`,
  info.at.replace(/\.\d+Z$/, "Z"),
  info.by,
  info.node,
  info.unconfirmed === undefined ? info.origin : `${info.origin}, until ${info.unconfirmed.until.slice(11, 19)}`,
  info.message ?? "",
  info.summary ?? ""
]

const facts = (info: RevisionInfo, inForce: number): ReadonlyArray<string> => [
  `revision ${info.revision}${info.revision === inForce ? ", in force" : ""}`,
  `${info.origin} by ${info.by} on ${info.node}, ${info.at}, hash ${info.hash}`,
  ...(info.message === undefined ? [] : [`message: ${info.message}`]),
  ...(info.summary === undefined ? [] : [`change: ${info.summary}`]),
  ...(info.unconfirmed === undefined
    ? []
    : [`taken back at ${info.unconfirmed.until} to revision ${info.unconfirmed.rollbackTo} unless it is confirmed`])
]

const showOne = Effect.fnUntraced(function* (
  connection: Connection,
  { revision: inForce, history }: typeof History.Type,
  wanted: number,
  output: "text" | "json"
) {
  const info = history.find(({ revision }) => revision === wanted)
  if (info === undefined)
    return yield* new AdminError({
      message: `there is no revision ${wanted}, or it is not kept any more; "viaduct history" has those that are`
    })
  const documents = yield* getText(connection, `/v1/documents/${wanted}`, "application/yaml")
  if (output === "json") return yield* Console.log(JSON.stringify({ ...info, documents }, undefined, 2))
  // Comments, so that the whole can be kept as a file and applied.
  for (const fact of facts(info, inForce)) yield* Console.log(`# ${fact}`)
  yield* Console.log(documents.trimEnd())
})

export const historyCommand = Command.make(
  "history",
  {
    ...connectionFlags,
    output: outputFlag,
    revision: Argument.Int("revision").pipe(
      Argument.withDescription("Show this revision with its documents"),
      Argument.optional
    )
  },
  Effect.fnUntraced(function* ({ socket, server, output, revision }) {
    const connection = { socket, server }
    const all = yield* getJson(connection, "/v1/history", JSON_OBJECT, History)
    if (Option.isSome(revision)) return yield* showOne(connection, all, revision.value, output)
    if (output === "json") return yield* Console.log(JSON.stringify(all, undefined, 2))
    if (all.history.length === 0) return yield* Console.error("there is no revision yet")
    const { text } = alignColumns([HEADERS, ...all.history.map((info) => cells(info, all.revision))], [])
    for (const line of text) yield* Console.log(line.trimEnd())
  }, reportErrors)
).pipe(
  Command.withDescription("Show the revisions of the config: who, when, why, and what each changed"),
  Command.withExamples([
    { command: "viaduct history", description: "Newest first; the one in force has a *" },
    { command: "viaduct history 12 > old.yaml", description: "The documents of a revision" }
  ])
)
