// How the preflight reaches the nodes: the admin API of a daemon or the API of `viaduct agent`, over HTTP with a token. A certificate is
// checked against an authority (--ca-file) or against its own fingerprint (--fingerprint), which the agent prints when it starts.
import { Effect, Schema, Stream } from "effect"
import type { NodeAnswer } from "../../preflight/nodes.ts"
import { Facts, KEEP_EVERY_MS, PreflightEvent, type PreflightRequest } from "../../preflight/protocol.ts"
import { readJsonLines } from "../../resources/jsonLines.ts"
import { NodeCallError, type NodeCalls } from "../../services/PreflightRun.ts"
import { pinnedAuthority, plainFingerprint } from "./pinned.ts"

export interface ClientOptions {
  /** By the name of the node in the file. */
  readonly urls: ReadonlyMap<string, string>
  readonly token?: string
  /** PEM text. */
  readonly ca?: string
  /** SHA-256 of the certificates that are taken, in lower-case hex without colons. */
  readonly fingerprints: ReadonlyArray<string>
}

/** How long a node may be silent in the middle of an answer, in ms: it speaks every second. */
const silenceMs = 5_000
const requestMs = 5_000

const codes: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ConnectionRefused: "connection refused",
  FailedToOpenSocket: "it cannot be reached",
  ETIMEDOUT: "no answer",
  ECONNRESET: "the connection broke off",
  ConnectionClosed: "the connection broke off",
  DEPTH_ZERO_SELF_SIGNED_CERT:
    "its certificate is its own: name it with --fingerprint, or its authority with --ca-file",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "its certificate is not of a known authority: name that with --ca-file, or it with --fingerprint",
  SELF_SIGNED_CERT_IN_CHAIN:
    "its certificate is not of a known authority: name that with --ca-file, or it with --fingerprint"
}

/** The node answers, and not to us. */
class Refused extends Error {
  constructor(
    readonly status: number,
    reason: string
  ) {
    super(reason)
  }
}

const ADVICE: Readonly<Record<number, string>> = {
  401: ": give its token with --token-file",
  403: ": give a token that may with --token-file"
}

const said = (error: unknown): string => {
  if (error instanceof NodeCallError) return error.message
  if (error instanceof Refused) return `${error.message}${ADVICE[error.status] ?? ""}`
  if (!(error instanceof Error)) return String(error)
  if (error.name === "TimeoutError") return "no answer"
  const code = "code" in error && typeof error.code === "string" ? error.code : ""
  return codes[code] ?? error.message
}

const callError = (error: unknown): NodeCallError => new NodeCallError({ message: said(error) })

const Failure = Schema.fromJsonString(Schema.Struct({ message: Schema.String }))

const refusal = async (response: Response): Promise<NodeCallError | Refused> => {
  const text = await response.text()
  const status = Schema.decodeUnknownOption(Failure)(text)
  const message = status._tag === "Some" ? status.value.message : `status ${response.status}`
  if (response.status === 404)
    return new NodeCallError({ message: "this is no viaduct that serves a preflight; is it another version?" })
  return response.status in ADVICE || response.status === 429
    ? new Refused(response.status, message)
    : new NodeCallError({ message })
}

const partsOf = (url: string): { readonly hostname: string; readonly port: number } => {
  const { hostname, port } = new URL(url)
  return { hostname: hostname.replace(/^\[|\]$/g, ""), port: port === "" ? 443 : Number(port) }
}

/** What connections to a node trust; one whose fingerprint is known may be called by any name. */
const trust = (options: ClientOptions) => {
  const pinned = new Map<string, Promise<BunFetchRequestInitTLS>>()
  const { ca, fingerprints } = options
  return async (url: string): Promise<BunFetchRequestInitTLS> => {
    if (fingerprints.length === 0) return ca === undefined ? {} : { ca }
    const known =
      pinned.get(url) ??
      pinnedAuthority(partsOf(url), fingerprints).then((authority) => ({
        ca: authority,
        checkServerIdentity: (_host: string, { fingerprint256 }: { readonly fingerprint256: string }) =>
          fingerprints.includes(plainFingerprint(fingerprint256)) ? undefined : new Error("its certificate has changed")
      }))
    pinned.set(url, known)
    // Who was not there may come later.
    known.catch(() => pinned.delete(url))
    return known
  }
}

export const nodeClient = (options: ClientOptions) => {
  const trusted = trust(options)
  const send = async (node: string, path: string, signal: AbortSignal, body?: unknown): Promise<Response> => {
    const url = options.urls.get(node)
    if (url === undefined) throw new NodeCallError({ message: `nobody knows where ${node} can be asked` })
    const tls = url.startsWith("https:") ? { tls: await trusted(url) } : {}
    const response = await fetch(`${url}${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: {
        accept: "application/json",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` })
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal,
      // Silence is measured by what comes in.
      timeout: false,
      keepalive: false,
      ...tls
    })
    if (!response.ok) throw await refusal(response)
    return response
  }

  const unanswered = (error: unknown): NodeAnswer => {
    if (!(error instanceof Refused)) return { type: "silent", reason: said(error) }
    const why = error.status !== 401 ? "other" : options.token === undefined ? "no-token" : "token"
    return { type: "refused", why, reason: error.message }
  }

  /** What the node says of itself, and how its clock stands to ours. */
  const facts = (node: string): Effect.Effect<NodeAnswer> =>
    Effect.tryPromise({
      try: async (signal): Promise<NodeAnswer> => {
        // The first one makes the connection; the second one measures.
        await (await send(node, "/v1/preflight/facts", signal)).json()
        const sentMs = Date.now()
        const response = await send(node, "/v1/preflight/facts", signal)
        const value: unknown = await response.json()
        const gotMs = Date.now()
        const decoded = Schema.decodeUnknownSync(Facts)(value)
        const uncertainMs = (gotMs - sentMs) / 2
        return { type: "facts", facts: decoded, aheadMs: decoded.clockMs - (sentMs + gotMs) / 2, uncertainMs }
      },
      catch: unanswered
    }).pipe(
      Effect.timeoutOrElse({
        duration: requestMs,
        orElse: () => Effect.fail<NodeAnswer>({ type: "silent", reason: "no answer" })
      }),
      Effect.catch((answer) => Effect.succeed(answer))
    )

  const calls: NodeCalls = {
    perform: (node, request: PreflightRequest) => Stream.fromAsyncIterable(events(node, request), callError),
    keep: (node, run) =>
      Effect.tryPromise({
        try: async (signal) => {
          await (await send(node, `/v1/preflight/keep?run=${encodeURIComponent(run)}`, signal)).json()
        },
        catch: callError
      }).pipe(Effect.timeoutOption(KEEP_EVERY_MS), Effect.asVoid)
  }

  async function* events(node: string, request: PreflightRequest): AsyncGenerator<PreflightEvent> {
    const gone = new AbortController()
    let timer: Timer | undefined
    const heard = (): void => {
      clearTimeout(timer)
      timer = setTimeout(
        () => gone.abort(new NodeCallError({ message: `${node} does not answer any more` })),
        silenceMs
      )
    }
    heard()
    try {
      const { body } = await send(node, "/v1/preflight/perform", gone.signal, request)
      if (body === null) return
      for await (const value of readJsonLines(body)) {
        heard()
        yield Schema.decodeUnknownSync(PreflightEvent)(value)
      }
    } finally {
      clearTimeout(timer)
      gone.abort()
    }
  }

  return { facts, calls }
}
