// The verbs by which a preflight works through a node (S25, S27): what the node is, do something for as long as the answer is read, and a
// sign that the run is still wanted. Served by a daemon beside everything else, and by `viaduct agent` alone.
import { Schema } from "effect"
import { Facts, PreflightEvent, type PreflightNode, PreflightRequest, RunName } from "../../preflight/protocol.ts"
import { jsonVerb, linesVerb, type Verb } from "./verb.ts"

const named = <S extends Schema.Top>(identifier: string, schema: S) => schema.annotate({ identifier })

export const preflightVerbs = (node: PreflightNode): ReadonlyArray<Verb> => [
  jsonVerb(
    {
      method: "GET",
      path: "/v1/preflight/facts",
      summary: "What the node is, for a preflight",
      description: "Its addresses, interfaces, clock and rights, who has BGP's port, and what its daemon holds.",
      role: "read",
      answers: named("PreflightFacts", Facts),
      answersWhat: "The facts at this moment."
    },
    () => node.facts()
  ),
  linesVerb(
    {
      method: "POST",
      path: "/v1/preflight/perform",
      summary: "Do something for a preflight",
      description:
        "Opens a session, holds an address, answers or asks, and tells what comes of it. It lasts until the caller stops reading, " +
        "until it is ended by name, or until the run has not been kept alive for a few seconds, and then nothing of it is left.",
      role: "write",
      body: named("PreflightRequest", PreflightRequest),
      answers: named("PreflightEvent", PreflightEvent),
      answersWhat: "A line for each thing that happens, and one every second."
    },
    ({ body }, signal) => node.perform(body, signal)
  ),
  jsonVerb(
    {
      method: "GET",
      path: "/v1/preflight/keep",
      summary: "Keep a preflight run alive",
      description:
        "What the run does on this node goes on for a few more seconds. Said every second or two, so it leaves no audit line.",
      role: "read",
      query: Schema.Struct({ run: RunName }),
      answers: Schema.Struct({}),
      answersWhat: "Nothing."
    },
    async ({ query }) => {
      await node.keep(query.run)
      return {}
    }
  )
]
