// How a console talks to nodes: fetch with a time-out, a token, and where the runtime can, a CA of its own. Runtime features are looked for
// and not imported, so that one bundle runs everywhere.
import { ApiError, failure } from "../src/api/failure.ts"
import { NodeUnavailable } from "../src/api/source.ts"

/** A node that takes longer than this to answer counts as away. */
export const ANSWER_MS_MAX = 5_000

interface Runtime {
  readonly process?: { readonly env?: Readonly<Record<string, string | undefined>> }
  readonly Bun?: { readonly file: (path: string) => { readonly text: () => Promise<string> } }
  readonly Deno?: {
    readonly env: { readonly get: (name: string) => string | undefined }
    readonly readTextFile: (path: string) => Promise<string>
    readonly createHttpClient?: (options: { readonly caCerts: ReadonlyArray<string> }) => unknown
  }
}

const runtime: Runtime = globalThis

export const environment = (name: string): string | undefined => {
  const value = runtime.process?.env?.[name] ?? runtime.Deno?.env.get(name)
  return value === undefined || value.trim() === "" ? undefined : value.trim()
}

/** What fetch takes beside a standard request for certificates of a CA of our own. */
type TrustOptions = { readonly tls?: { readonly ca: ReadonlyArray<string> }; readonly client?: unknown }

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g

const fileText = (path: string): Promise<string> => {
  const { Bun, Deno } = runtime
  return Bun?.file(path).text() ?? Deno?.readTextFile(path) ?? Promise.reject(new Error("this runtime reads no files"))
}

/** `ca`: PEM, or paths of PEM files separated by commas. */
const trust = async (ca: string): Promise<TrustOptions> => {
  const { Bun, Deno } = runtime
  const texts = ca.startsWith("-----BEGIN")
    ? [ca]
    : await Promise.all(ca.split(",").map((path) => fileText(path.trim())))
  const certificates = texts.flatMap((text) => text.match(CERTIFICATE) ?? [])
  if (certificates.length === 0) throw new Error("VIADUCT_CA has no certificate")
  if (Bun !== undefined) return { tls: { ca: certificates } }
  if (Deno?.createHttpClient !== undefined) return { client: Deno.createHttpClient({ caCerts: certificates }) }
  throw new Error("this runtime cannot be given a CA")
}

export interface Ask {
  readonly method?: "GET" | "POST"
  readonly path: string
  readonly signal?: AbortSignal
  /** The whole header; absent: nobody in particular asks. */
  readonly authorization?: string
  readonly body?: unknown
}

/** What runtimes call the ways in which nobody answers, in our words. */
const CAUSES: ReadonlyArray<readonly [RegExp, string]> = [
  [/ECONNREFUSED|ConnectionRefused|connection refused/i, "connection refused: no daemon listens there"],
  [/ECONNRESET|ConnectionClosed|socket connection was closed/i, "the connection broke off"],
  [/ENOTFOUND|FailedToOpenSocket|getaddrinfo|dns error/i, "its name cannot be resolved, or there is no route to it"],
  [/EHOSTUNREACH|ENETUNREACH|no route to host/i, "there is no route to it"],
  [
    /certificate|UNABLE_TO_|SELF_SIGNED|UnknownIssuer/i,
    "its certificate is not of a CA that is trusted here: see VIADUCT_CA"
  ]
]

const because = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  if (error.name === "TimeoutError") return `no answer within ${ANSWER_MS_MAX / 1000} s`
  const code = "code" in error && typeof error.code === "string" ? error.code : ""
  const cause = error.cause instanceof Error ? error.cause.message : ""
  const text = `${code} ${error.message} ${cause}`
  return CAUSES.find(([pattern]) => pattern.test(text))?.[1] ?? error.message
}

/** Requests to one node. */
export interface NodeHttp {
  readonly url: string
  readonly away: (error: unknown) => NodeUnavailable
  /** Any answer. Rejects with NodeUnavailable. */
  readonly send: (ask: Ask) => Promise<Response>
  /** The JSON of a good answer. Rejects with NodeUnavailable. */
  readonly json: (ask: Ask) => Promise<unknown>
  /** The same on behalf of somebody who shall read what the node says: rejects with its ApiError as well. */
  readonly answer: (ask: Ask, isAnswer: (value: unknown) => boolean) => Promise<unknown>
  readonly stream: (ask: Ask) => Promise<ReadableStream<Uint8Array>>
}

const isStatus = (value: unknown): value is { readonly message: string; readonly reason: string } =>
  typeof value === "object" && value !== null && "kind" in value && value.kind === "Status" && "message" in value

export const nodeHttp = (given: string, ca: string | undefined): NodeHttp => {
  const url = given.replace(/\/+$/, "")
  let trusted: Promise<TrustOptions> | undefined
  const away = (error: unknown) => new NodeUnavailable(`the node at ${url} cannot be asked: ${because(error)}`)

  const send = async ({ method = "GET", path, signal, authorization, body }: Ask): Promise<Response> => {
    try {
      trusted ??= ca === undefined || !url.startsWith("https:") ? Promise.resolve({}) : trust(ca)
      const options = {
        method,
        signal: signal ?? AbortSignal.timeout(ANSWER_MS_MAX),
        headers: {
          accept: "application/json",
          ...(authorization === undefined ? {} : { authorization }),
          ...(body === undefined ? {} : { "content-type": "application/json" })
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        // Streams are silent for long.
        timeout: false,
        ...(await trusted)
      }
      return await fetch(`${url}${path}`, options)
    } catch (error) {
      throw away(error)
    }
  }

  const good = async (ask: Ask): Promise<Response> => {
    const response = await send(ask)
    if (response.ok) return response
    await response.body?.cancel()
    throw away(new Error(`it answers ${response.status}`))
  }

  const parsed = (response: Response): Promise<unknown> =>
    response.json().catch((error: unknown) => Promise.reject(away(error)))

  const refusal = (response: Response, value: unknown): ApiError => {
    const { message, reason } = isStatus(value)
      ? value
      : { message: `the node at ${url} answers ${response.status}`, reason: "NodeUnavailable" }
    const codes = [400, 401, 403, 404, 405, 409, 413, 415, 422, 429, 503] as const
    const code = codes.find((known) => known === response.status) ?? 502
    return new ApiError(failure(code, reason, message))
  }

  return {
    url,
    away,
    send,
    json: async (ask) => parsed(await good(ask)),
    answer: async (ask, isAnswer) => {
      const response = await send(ask)
      const value = await parsed(response)
      if (isAnswer(value)) return value
      throw refusal(response, value)
    },
    stream: async (ask) => {
      const response = await send(ask)
      if (!response.ok) throw refusal(response, await parsed(response))
      if (response.body === null) throw away(new Error("its answer has no body"))
      return response.body
    }
  }
}
