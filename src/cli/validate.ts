// `viaduct validate FILE…`: every problem of a configuration at its line, for people or as JSON. Exit status 1
// where there is an error; warnings alone leave it at 0. Touches nothing and asks no daemon.
import { Console, Effect } from "effect"
import { Command } from "effect/cli"
import type { ConfigResult } from "../config/load.ts"
import { formatProblem, type Severity } from "../config/problem.ts"
import { exitWithFailure, failWith, filesFlags, loadFiles, outputFlag } from "./loadFiles.ts"

const count = (result: ConfigResult, severity: Severity): string => {
  const n = result.problems.filter((problem) => problem.severity === severity).length
  return `${n} ${severity}${n === 1 ? "" : "s"}`
}

/** One line per problem and a summary. */
const asText = (result: ConfigResult): string => {
  const counts = `${count(result, "error")}, ${count(result, "warning")}`
  const summary =
    result.cluster === undefined
      ? `not valid: ${counts}`
      : `valid: cluster ${result.cluster.name}, ${counts}, hash ${result.hash}`
  return [...result.problems.map(formatProblem), summary].join("\n")
}

const asJson = (result: ConfigResult): string =>
  JSON.stringify(
    {
      valid: result.cluster !== undefined,
      ...(result.cluster === undefined ? {} : { cluster: result.cluster.name, hash: result.hash }),
      problems: result.problems
    },
    undefined,
    2
  )

export const validateCommand = Command.make("validate", { ...filesFlags, output: outputFlag }, ({ output, ...named }) =>
  Effect.gen(function* () {
    const result = yield* loadFiles(named)
    yield* Console.log(output === "json" ? asJson(result) : asText(result))
    if (result.cluster === undefined) yield* exitWithFailure
  }).pipe(Effect.catchTag("UnreadableConfig", ({ message }) => failWith(message)))
).pipe(
  Command.withDescription("Check cluster files and say what is wrong, with file, line and column"),
  Command.withExamples([
    { command: "viaduct validate cluster.yaml", description: "Errors and warnings, one per line" },
    { command: "viaduct validate -o json /etc/viaduct", description: "A directory of documents, for machines" }
  ])
)
