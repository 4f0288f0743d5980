// A verb: something that is asked of a node and is no resource. Declared once, with the schemas of what it takes and what it answers;
// its route, the check of its input and its place in the OpenAPI document all come from that.
import type { Schema } from "effect"
import type { Context, Hono } from "hono"
import type { ContentfulStatusCode } from "hono/utils/http-status"
import { actorName, type Role } from "../access/actor.ts"
import { decodeStrictly, OBJECT_OCTETS_MAX, readJson } from "../body.ts"
import type { ExplainError } from "../failure.ts"
import { streamJson } from "../stream.ts"

type AnySchema = Schema.Codec<unknown, unknown>

/** What a verb is asked. */
export interface Asked<Query, Body> {
  readonly query: Query
  readonly body: Body
  /** Whose name a change goes under. */
  readonly by: string
  readonly context: Context
}

/** How a verb answers, without the types of a single one. */
export interface VerbAnswer {
  readonly type: "json" | "lines" | "other"
  readonly contentType: string
  readonly description: string
  readonly schema?: AnySchema
  /** Statuses beside 200 under which the same JSON comes, and when. */
  readonly also?: Readonly<Record<number, string>>
}

export interface Verb {
  readonly method: "GET" | "POST"
  /** As OpenAPI writes it: `/v1/documents/{revision}`. */
  readonly path: string
  readonly summary: string
  readonly description: string
  /** What a caller has to be allowed. */
  readonly role: Role
  readonly parameters: Readonly<Record<string, string>>
  readonly query?: AnySchema
  readonly body?: AnySchema
  readonly answer: VerbAnswer
  readonly handle: (context: Context, explain: ExplainError) => Promise<Response>
}

interface Declared<Q extends AnySchema, B extends AnySchema> {
  readonly method: Verb["method"]
  readonly path: string
  readonly summary: string
  readonly description: string
  readonly role: Role
  /** Description of each part of the path in braces. */
  readonly parameters?: Readonly<Record<string, string>>
  /** Every value comes as text. */
  readonly query?: Q
  readonly body?: B
  readonly bodyOctetsMax?: number
}

const askedOf = async <Q extends AnySchema, B extends AnySchema>(
  declared: Declared<Q, B>,
  context: Context
): Promise<Asked<Q["Type"], B["Type"]>> => {
  const { query, body, bodyOctetsMax = OBJECT_OCTETS_MAX } = declared
  return {
    query: query === undefined ? undefined : decodeStrictly(query, context.req.query(), "query", 400),
    body:
      body === undefined
        ? undefined
        : decodeStrictly(body, await readJson(context.req.raw, bodyOctetsMax), "body", 422),
    by: actorName(context),
    context
  }
}

const partsOf = <Q extends AnySchema, B extends AnySchema>(declared: Declared<Q, B>) => {
  const { method, path, summary, description, role, parameters = {}, query, body } = declared
  return {
    ...{ method, path, summary, description, role, parameters },
    ...(query === undefined ? {} : { query }),
    ...(body === undefined ? {} : { body })
  }
}

/** A verb that answers one JSON value; `status` says under which code. */
export const jsonVerb = <A extends AnySchema, Q extends AnySchema = never, B extends AnySchema = never>(
  declared: Declared<Q, B> & {
    readonly answers: A
    readonly answersWhat: string
    readonly status?: (value: A["Type"]) => ContentfulStatusCode
    readonly also?: VerbAnswer["also"]
  },
  ask: (asked: Asked<Q["Type"], B["Type"]>) => Promise<A["Type"]>
): Verb => ({
  ...partsOf(declared),
  answer: {
    type: "json",
    contentType: "application/json",
    description: declared.answersWhat,
    schema: declared.answers,
    ...(declared.also === undefined ? {} : { also: declared.also })
  },
  handle: async (context) => {
    const value = await ask(await askedOf(declared, context))
    return new Response(JSON.stringify(value), {
      status: declared.status?.(value) ?? 200,
      headers: { "content-type": "application/json", "cache-control": "no-store" }
    })
  }
})

/** A verb that answers one JSON value a line, for as long as there are any. */
export const linesVerb = <A extends AnySchema, Q extends AnySchema = never, B extends AnySchema = never>(
  declared: Declared<Q, B> & { readonly answers: A; readonly answersWhat: string },
  ask: (asked: Asked<Q["Type"], B["Type"]>, signal: AbortSignal) => AsyncIterable<A["Type"]>
): Verb => ({
  ...partsOf(declared),
  answer: {
    type: "lines",
    contentType: "application/json",
    description: declared.answersWhat,
    schema: declared.answers
  },
  handle: async (context, explain) => {
    const asked = await askedOf(declared, context)
    async function* values(signal: AbortSignal): AsyncGenerator<unknown> {
      yield* ask(asked, signal)
    }
    return streamJson(context.req.raw, values, explain)
  }
})

/** A verb that answers something that is not JSON. */
export const otherVerb = <Q extends AnySchema = never, B extends AnySchema = never>(
  declared: Declared<Q, B> & {
    readonly contentType: string
    readonly answersWhat: string
    readonly also?: VerbAnswer["also"]
  },
  ask: (asked: Asked<Q["Type"], B["Type"]>, explain: ExplainError) => Promise<Response>
): Verb => ({
  ...partsOf(declared),
  answer: {
    type: "other",
    contentType: declared.contentType,
    description: declared.answersWhat,
    ...(declared.also === undefined ? {} : { also: declared.also })
  },
  handle: async (context, explain) => ask(await askedOf(declared, context), explain)
})

/** Serves `verb` in `routes`. */
export const serveVerb = (routes: Hono, verb: Verb, explain: ExplainError): void => {
  routes.on(verb.method, verb.path.replaceAll(/\{(\w+)\}/g, ":$1"), (context) => verb.handle(context, explain))
}
