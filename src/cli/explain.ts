// `viaduct explain [TYPE] NAME` (I9): why a VIP, a service, a peer, a floating IP or a node is or is not as it should be, link by link
// from the config to the router, and the first that is broken. The exit status is 1 where something is.
import { Console, Effect, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { printExplanation } from "../explain/print.ts"
import type { Explanation } from "../explain/types.ts"
import { AdminError, connectionFlags, getJson, JSON_OBJECT, reportErrors } from "./adminClient.ts"

const TYPES = {
  vip: "vip",
  service: "service",
  svc: "service",
  peer: "peer",
  bgppeer: "peer",
  floatingip: "floatingip",
  fip: "floatingip",
  node: "node"
} as const

const flags = {
  ...connectionFlags,
  what: Argument.String("what").pipe(
    Argument.withDescription(
      "TYPE NAME or NAME alone: vip, service, peer, floatingip or node; an address, namespace/name, a name"
    ),
    Argument.between(1, 2)
  ),
  output: Flag.Literals("output", ["text", "json"]).pipe(
    Flag.withAlias("o"),
    Flag.withDescription("A tree for people, or JSON"),
    Flag.withDefault("text")
  )
}

const State = Schema.Literals(["ok", "warn", "broken", "unknown"])

interface Link {
  readonly subject: string
  readonly state: typeof State.Type
  readonly text: string
  readonly hints: ReadonlyArray<string>
  readonly links: ReadonlyArray<Link>
}

const LinkAnswer: Schema.Codec<Link> = Schema.Struct({
  subject: Schema.String,
  state: State,
  text: Schema.String,
  hints: Schema.Array(Schema.String),
  links: Schema.Array(Schema.suspend((): Schema.Codec<Link> => LinkAnswer))
})

const Answer = Schema.Struct({
  target: Schema.Struct({
    type: Schema.Literals(["vip", "service", "peer", "floatingip", "node"]),
    name: Schema.String
  }),
  verdict: Schema.String,
  state: State,
  chain: Schema.Array(LinkAnswer),
  broken: Schema.optionalKey(
    Schema.Struct({ subject: Schema.String, text: Schema.String, hints: Schema.Array(Schema.String) })
  )
})

const isType = (word: string): word is keyof typeof TYPES => Object.hasOwn(TYPES, word)

const queryOf = (what: ReadonlyArray<string>): Effect.Effect<string, AdminError> => {
  const [first = "", second] = what
  if (second === undefined) return Effect.succeed(`name=${encodeURIComponent(first)}`)
  if (!isType(first))
    return Effect.fail(
      new AdminError({ message: `"${first}" cannot be explained: vip, service, peer, floatingip or node can` })
    )
  return Effect.succeed(`type=${TYPES[first]}&name=${encodeURIComponent(second)}`)
}

export const explainCommand = Command.make(
  "explain",
  flags,
  Effect.fnUntraced(function* ({ socket, server, what, output }) {
    const query = yield* queryOf(what)
    const explanation: Explanation = yield* getJson({ socket, server }, `/v1/explain?${query}`, JSON_OBJECT, Answer)
    if (output === "json") yield* Console.log(JSON.stringify(explanation, undefined, 2))
    else {
      const colours = process.stdout.isTTY === true && process.env.NO_COLOR === undefined
      yield* Console.log(printExplanation(explanation, { colours }).join("\n"))
    }
    if (explanation.state === "broken")
      yield* Effect.sync(() => {
        process.exitCode = 1
      })
  }, reportErrors)
).pipe(
  Command.withDescription("Say why a VIP, service, peer, floating IP or node is or is not as it should be"),
  Command.withExamples([
    { command: "viaduct explain 10.0.0.8", description: "Where a VIP gets lost, if it does" },
    { command: "viaduct explain service default/web", description: "The same for every address of a service" },
    { command: "viaduct explain peer 10.0.1.254", description: "The sessions to a router, and what is wrong with them" }
  ])
)
