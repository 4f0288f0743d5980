// Requests to a cluster of etcd over its JSON gateway: which endpoint gets them, what happens where one does not answer, and
// the token that goes with them. The endpoint that answered last is asked first.
//
// A request that may be sent twice (`repeatable`) goes to the next endpoint as soon as one fails, and besides the first one
// when that says nothing for a moment, each time over a new connection: a frozen or cut-off member costs half a second,
// not a lease. Any other request has a connection of its own from the start, and moves on only when certainly nobody has
// read it.
import type { EtcdSettings } from "../../config/daemonSettings.ts"
import { requestTimeoutMs } from "../store/patience.ts"
import { readPassword, type TlsFiles, tlsFiles } from "./credentials.ts"
import { answeredFailure, EtcdFailure, foreignFailure, thrownFailure } from "./failure.ts"
import { type ErrorAnswer, paths } from "./protocol.ts"

/** How long an endpoint may be silent before the next one is asked as well, in ms. */
const hedgeMs = 500

interface Attempt {
  readonly endpoint: string
  /** Over a connection of its own: an old one may be dead without knowing. */
  readonly fresh: boolean
}

interface Request {
  readonly path: string
  readonly body: unknown
  readonly token: string | undefined
  /** A member without a leader says so at once, and ends a stream when it loses its leader, instead of being silent. */
  readonly needsLeader: boolean
}

const parseAnswer = (text: string): (ErrorAnswer & object) | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "object" && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

export class EtcdClient {
  private readonly settings: EtcdSettings
  private readonly endpoints: ReadonlyArray<string>
  private readonly prefix: string
  private readonly tls: () => TlsFiles
  private first = 0
  private token: Promise<string | undefined> | undefined

  constructor(settings: EtcdSettings, prefix: string) {
    this.settings = settings
    this.endpoints = settings.endpoints.map((url) => url.replace(/\/+$/, ""))
    this.prefix = prefix
    this.tls = tlsFiles(settings)
  }

  get count(): number {
    return this.endpoints.length
  }

  /** The endpoint that is asked first. */
  get preferred(): string {
    return this.endpoints[this.first] ?? ""
  }

  /** `endpoint` did not answer: others come first from now on. */
  avoid(endpoint: string): void {
    if (endpoint === this.preferred) this.first = (this.first + 1) % this.endpoints.length
  }

  /** Gives etcd's answer; throws an EtcdFailure. */
  call<A>(path: string, body: unknown, repeatable: boolean, signal: AbortSignal): Promise<A> {
    return this.withToken((token) => this.race<A>({ path, body, token, needsLeader: false }, repeatable, signal))
  }

  /** Asks one endpoint and no other. */
  callAt<A>(endpoint: string, path: string, body: unknown, signal: AbortSignal): Promise<A> {
    return this.withToken((token) =>
      this.ask<A>({ endpoint, fresh: false }, { path, body, token, needsLeader: true }, signal)
    )
  }

  /** Begins an answer that comes in pieces, at one endpoint. Throws an EtcdFailure. */
  open(endpoint: string, path: string, body: unknown, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    return this.withToken(async (token) => {
      const response = await this.send({ endpoint, fresh: true }, { path, body, token, needsLeader: true }, signal)
      if (response.ok && response.body !== null) return response.body
      throw this.failure(await response.text(), response.status, endpoint)
    })
  }

  /** Runs `body` with a token, and once more with a new one where that is not known any more. */
  private async withToken<A>(body: (token: string | undefined) => Promise<A>): Promise<A> {
    const used = this.currentToken()
    try {
      return await body(await used)
    } catch (error) {
      if (!(error instanceof EtcdFailure && error.tokenGone)) throw error
      if (this.token === used) this.token = undefined
      return body(await this.currentToken())
    }
  }

  /** A token is asked for again after a failure: the promise is kept only when it was kept. */
  private currentToken(): Promise<string | undefined> {
    if (this.settings.username === undefined) return Promise.resolve(undefined)
    const asked = this.token ?? this.authenticate()
    this.token = asked
    asked.catch(() => {
      if (this.token === asked) this.token = undefined
    })
    return asked
  }

  /** Whoever needs the token first asks for all: no signal ends that, only the time limit. */
  private async authenticate(): Promise<string | undefined> {
    const body = { name: this.settings.username, password: readPassword(this.settings) }
    try {
      const request = { path: paths.authenticate, body, token: undefined, needsLeader: false }
      return (await this.race<{ token?: string }>(request, true, new AbortController().signal)).token
    } catch (error) {
      // A user may be set here before authentication is switched on there.
      if (error instanceof EtcdFailure && error.message.includes("authentication is not enabled")) return undefined
      throw error
    }
  }

  private failure(text: string, status: number, endpoint: string): EtcdFailure {
    const answer = parseAnswer(text)
    const words = answer?.message ?? answer?.error
    return answer === undefined || typeof words !== "string"
      ? foreignFailure(text, status, endpoint)
      : answeredFailure(answer, endpoint, this.settings.username, this.prefix)
  }

  private async send({ endpoint, fresh }: Attempt, request: Request, signal: AbortSignal): Promise<Response> {
    try {
      return await fetch(endpoint + request.path, {
        method: "POST",
        body: JSON.stringify(request.body),
        headers: {
          "Content-Type": "application/json",
          ...(request.needsLeader ? { "Grpc-Metadata-hasleader": "true" } : {}),
          ...(request.token === undefined ? {} : { Authorization: request.token })
        },
        keepalive: !fresh,
        signal,
        // Bun's own limit of five idle minutes would end a quiet watch.
        timeout: false,
        ...(endpoint.startsWith("https:") ? { tls: { ...this.tls() } } : {})
      })
    } catch (error) {
      throw thrownFailure(error, endpoint)
    }
  }

  private async ask<A>(attempt: Attempt, request: Request, signal: AbortSignal): Promise<A> {
    const response = await this.send(attempt, request, signal)
    let text: string
    try {
      text = await response.text()
    } catch (error) {
      throw thrownFailure(error, attempt.endpoint)
    }
    if (!response.ok) throw this.failure(text, response.status, attempt.endpoint)
    const answer = parseAnswer(text)
    if (answer === undefined) throw foreignFailure(text, response.status, attempt.endpoint)
    return answer as A
  }

  /** Every endpoint once, the preferred one first; a repeatable request to the only endpoint a second time. */
  private attempts(repeatable: boolean): ReadonlyArray<Attempt> {
    const from = this.first
    const order = this.endpoints.map((_, index) => this.endpoints[(from + index) % this.endpoints.length] ?? "")
    const again = repeatable && order.length === 1 ? order : []
    return [...order, ...again].map((endpoint, index) => ({ endpoint, fresh: index > 0 || !repeatable }))
  }

  private race<A>(request: Request, repeatable: boolean, signal: AbortSignal): Promise<A> {
    const others = new AbortController()
    const waiting = [...this.attempts(repeatable)]
    const asked = this.preferred
    const failures: Array<EtcdFailure> = []
    let running = 0
    let hedge: ReturnType<typeof setInterval> | undefined
    let limit: ReturnType<typeof setTimeout> | undefined
    const result = new Promise<A>((resolve, reject) => {
      const next = (): boolean => {
        const attempt = waiting.shift()
        if (attempt === undefined) return false
        running += 1
        this.ask<A>(attempt, request, others.signal).then(
          (answer) => {
            this.first = Math.max(0, this.endpoints.indexOf(attempt.endpoint))
            resolve(answer)
          },
          (error: unknown) => {
            running -= 1
            const failure = thrownFailure(error, attempt.endpoint)
            if (failure.final || failure.tokenGone) return reject(failure)
            failures.push(failure)
            this.avoid(attempt.endpoint)
            if ((repeatable || failure.notSent) && next()) return
            if (running === 0) reject(together(failures))
          }
        )
        return true
      }
      limit = setTimeout(() => {
        this.avoid(asked)
        const silent = `${this.settings.endpoints.join(", ")}: no answer within ${requestTimeoutMs / 1000} s`
        reject(new EtcdFailure("unreachable", silent))
      }, requestTimeoutMs)
      signal.addEventListener("abort", () => reject(new EtcdFailure("unreachable", "given up")), {
        signal: others.signal
      })
      if (signal.aborted) return reject(new EtcdFailure("unreachable", "given up"))
      next()
      if (repeatable) hedge = setInterval(next, hedgeMs)
    })
    return result.finally(() => {
      clearInterval(hedge)
      clearTimeout(limit)
      others.abort()
    })
  }
}

/** Unreachable when any endpoint is: it may come back by itself. Says each thing once. */
const together = (failures: ReadonlyArray<EtcdFailure>): EtcdFailure =>
  new EtcdFailure(
    failures.every(({ reason }) => reason === "refused") ? "refused" : "unreachable",
    [...new Set(failures.map(({ message }) => message))].join("; ")
  )
