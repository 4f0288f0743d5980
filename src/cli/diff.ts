// `viaduct diff FILE…`, or `-f FILE`: what these files would change, asked of the daemon that runs; nothing is changed. The exit status is
// diff's: 0 nothing would change, 1 something would, 2 it could not be told or the files are not valid.
import { Effect } from "effect"
import { Command } from "effect/cli"
import { Outcome } from "../api/verbs/answers.ts"
import type { ApplyOutcome } from "../config/outcome.ts"
import { connectionFlags, postJson, reportErrorsAs } from "./adminClient.ts"
import { filesOf, showOutcome } from "./configChange.ts"
import { filesFlags, outputFlag } from "./loadFiles.ts"

const STATUS: Readonly<Record<ApplyOutcome["outcome"], number>> = {
  unchanged: 0,
  planned: 1,
  applied: 1,
  guarded: 1,
  invalid: 2,
  exists: 2,
  "not-found": 2,
  conflict: 2,
  refused: 2
}

export const diffCommand = Command.make(
  "diff",
  { ...connectionFlags, output: outputFlag, ...filesFlags },
  Effect.fnUntraced(function* ({ socket, server, output, files, file }) {
    const outcome = yield* postJson({ socket, server }, "/v1/plan", { files: yield* filesOf({ files, file }) }, Outcome)
    yield* showOutcome(outcome, output)
    process.exitCode = STATUS[outcome.outcome]
  }, reportErrorsAs(2))
).pipe(
  Command.withDescription("Show what cluster files would change in the running cluster, with a verdict a line"),
  Command.withExamples([
    { command: "viaduct diff cluster.yaml", description: "Which sessions, routes and addresses would change, and how" }
  ])
)
