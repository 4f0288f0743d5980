// The verbs over the node as it runs: take a node out of service, explain a thing, follow messages and events.
import { noteOutcome } from "../access/audit.ts"
import type { NodeControl } from "../control.ts"
import type { ExplainError } from "../failure.ts"
import type { NodeSource } from "../source.ts"
import { streamBody } from "../stream.ts"
import { DoneAnswer, ExplanationAnswer, Message } from "./answers.ts"
import { newEvents } from "./eventStream.ts"
import { DrainBody, ExplainQuery, TraceQuery } from "./schemas.ts"
import { jsonVerb, linesVerb, otherVerb, type Verb } from "./verb.ts"

export const drainVerb = (drain: NonNullable<NodeControl["drain"]>): Verb =>
  jsonVerb(
    {
      method: "POST",
      path: "/v1/drain",
      summary: "Take a node out of service, or back in",
      description: "A drained node is no next hop and holds no floating IP; its control-plane sessions stay.",
      role: "write",
      body: DrainBody,
      answers: DoneAnswer,
      answersWhat: "Whether it was done, and why not.",
      status: ({ done }) => (done ? 200 : 409),
      also: { 409: "It was not done; the reason says why." }
    },
    async ({ body, by, context }) => {
      const done = await drain(body.node, body.drain, by, body.force === true)
      noteOutcome(context, done)
      return done
    }
  )

export const explainVerb = (explain: NonNullable<NodeControl["explain"]>): Verb =>
  jsonVerb(
    {
      method: "GET",
      path: "/v1/explain",
      summary: "Why something is, or is not, where it should be",
      description: "The chain from the config to the router, link by link, and the first link that is broken.",
      role: "read",
      query: ExplainQuery,
      answers: ExplanationAnswer,
      answersWhat: "The chain and its verdict."
    },
    ({ query }) => explain(query)
  )

export const traceVerb = (trace: NonNullable<NodeControl["trace"]>): Verb =>
  linesVerb(
    {
      method: "GET",
      path: "/v1/trace",
      summary: "The BGP messages that the node sent and got",
      description: "Those that are kept, oldest first, and with follow those to come.",
      role: "read",
      query: TraceQuery,
      answers: Message,
      answersWhat: "A line for each message."
    },
    ({ query: { session, follow } }, signal) =>
      trace({ ...(session === undefined ? {} : { session }), follow: follow === "true" }, signal)
  )

export const eventsVerb = (source: NodeSource): Verb =>
  otherVerb(
    {
      method: "GET",
      path: "/v1/events",
      summary: "What happens on the node, live",
      description:
        "Server-sent events, each an EventRecord with its uid as id: those that are kept, oldest first, then every new one. " +
        "One that happens again comes again with a higher count. Last-Event-ID goes on after that one.",
      role: "read",
      contentType: "text/event-stream",
      answersWhat: "The events."
    },
    async ({ context }, explain: ExplainError) => {
      const after = context.req.header("last-event-id")
      async function* text(signal: AbortSignal): AsyncGenerator<string> {
        for await (const event of newEvents(source.changes(signal), after))
          yield `id: ${event.uid}\ndata: ${JSON.stringify(event)}\n\n`
      }
      return streamBody(context.req.raw, "text/event-stream", ": events\n\n", text, (error) => {
        return `event: error\ndata: ${JSON.stringify(explain(error))}\n\n`
      })
    }
  )
