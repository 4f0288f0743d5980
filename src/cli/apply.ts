// `viaduct apply FILE…`, or `-f FILE` (S20): makes these files the config of the running cluster, and shows what that does. What would take a
// node's last session, the last control-plane path or a service's address is refused without --force. With --confirm-within it
// is taken back unless somebody confirms it; with --staged new peers come up before old ones go.
import { Console, Effect, Stream } from "effect"
import { Command, Flag } from "effect/cli"
import { Outcome, Progress } from "../api/verbs/answers.ts"
import type { ConfigFile } from "../config/load.ts"
import type { StageProgress } from "../config/outcome.ts"
import { stagesOf } from "../config/stages.ts"
import {
  AdminError,
  type Connection,
  connectionFlags,
  decoded,
  getText,
  JSON_OBJECT,
  postJson,
  reportErrors,
  streamJson
} from "./adminClient.ts"
import { changeFlags, filesOf, finish, seconds, wishes } from "./configChange.ts"
import { exitWithFailure, filesFlags } from "./loadFiles.ts"

const flags = {
  ...connectionFlags,
  ...changeFlags,
  staged: Flag.Boolean("staged").pipe(
    Flag.withDescription("One peer at a time: the new ones have to be Established before the old ones go"),
    Flag.withDefault(false)
  ),
  stepTimeout: Flag.String("step-timeout").pipe(
    Flag.withDescription("With --staged: how long a step may wait for its sessions"),
    Flag.withDefault("60s")
  ),
  ...filesFlags
}

const stepText = ({ step, steps, what, state, detail }: StageProgress): string => {
  const place = steps === 0 ? what : `[${step}/${steps}] ${what}`
  return `${place}: ${state}${detail === "" ? "" : `: ${detail}`}`
}

/** The steps run in the daemon; when the command ends early it stops after the step that it is at. */
const applyStaged = (connection: Connection, body: unknown, output: "text" | "json") =>
  Effect.gen(function* () {
    let last: StageProgress | undefined
    yield* Stream.runForEach(streamJson(connection, "/v1/stage", JSON_OBJECT, body), (value) =>
      Effect.gen(function* () {
        last = yield* decoded(Progress, value)
        yield* Console.log(output === "json" ? JSON.stringify(last) : stepText(last))
      })
    )
    if (last === undefined) return yield* new AdminError({ message: "the daemon ended before it told of a step" })
    if (last.state !== "done") return yield* exitWithFailure
  })

/** The steps that there would be. */
const showSteps = (connection: Connection, files: ReadonlyArray<ConfigFile>) =>
  Effect.gen(function* () {
    const text = yield* getText(connection, "/v1/documents/0", "application/yaml")
    const stages = stagesOf([{ path: "in force", text }], files)
    for (const [at, { what }] of stages.entries()) yield* Console.log(`[${at + 1}/${stages.length}] ${what}`)
  })

export const applyCommand = Command.make(
  "apply",
  flags,
  Effect.fnUntraced(function* ({ socket, server, staged, stepTimeout, dryRun, output, files: paths, file, ...rest }) {
    const connection = { socket, server }
    const files = yield* filesOf({ files: paths, file })
    const { confirmWithinSeconds, ...wish } = yield* wishes(rest)
    const stepSeconds = yield* seconds("step-timeout", stepTimeout)
    if (staged && confirmWithinSeconds !== undefined)
      return yield* new AdminError({
        message: "--staged and --confirm-within do not go together: each step is checked"
      })
    if (staged && !dryRun) return yield* applyStaged(connection, { files, ...wish, stepSeconds }, output)
    const within = confirmWithinSeconds === undefined || dryRun ? {} : { confirmWithinSeconds }
    const outcome = yield* postJson(
      connection,
      dryRun ? "/v1/plan" : "/v1/apply",
      { files, ...wish, ...within },
      Outcome
    )
    yield* finish(outcome, output)
    if (staged && outcome.outcome === "planned" && output === "text") yield* showSteps(connection, files)
  }, reportErrors)
).pipe(
  Command.withDescription("Make cluster files the config of the running cluster"),
  Command.withExamples([
    { command: "viaduct apply --dry-run cluster.yaml", description: "Show what it would do" },
    { command: "viaduct history 12 | viaduct apply -f -", description: "Files with -f as well, - is standard input" },
    {
      command: 'viaduct apply --confirm-within 2m -m "new ASN" cluster.yaml',
      description: "Taken back after two minutes without viaduct confirm"
    },
    { command: "viaduct apply --staged cluster.yaml", description: "New peers are Established before old ones go" }
  ])
)
