// Requests to the admin API that served this page, and to nobody else. The token lives in this tab's session storage
// and goes out in the Authorization header; an answer of 401 asks for it.
import { signal } from "@preact/signals"
import type { ApplyOutcome, Done, StageProgress } from "../../api/control.ts"
import type { RevisionInfo } from "../../config/objects.ts"
import type { ExplainTarget, Explanation } from "../../explain/types.ts"
import type { TraceRecord } from "../../observe/trace.ts"
import { jsonLines } from "./model/jsonLines.ts"

const TOKEN = "viaduct-token"

export const token = signal(sessionStorage.getItem(TOKEN) ?? "")
/** Why a token is asked for; undefined: none is needed, as far as we know. */
export const loginWanted = signal<string | undefined>(undefined)
/** One may look without a token, and asks to give one. */
export const loginOpened = signal(false)
/** What the server's clock is ahead of this one, in ms. */
export const clockAheadMs = signal(0)

export const setToken = (value: string): void => {
  token.value = value
  if (value === "") sessionStorage.removeItem(TOKEN)
  else sessionStorage.setItem(TOKEN, value)
}

/** The API refused, or cannot be reached (status 0). The message is for people. */
export class RequestError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

/** The message of a Kubernetes Status, or what the answer says otherwise. */
const messageOf = async (response: Response): Promise<string> => {
  const text = await response.text()
  try {
    const body: unknown = JSON.parse(text)
    if (isRecord(body)) {
      if (typeof body.message === "string") return body.message
      if (typeof body.reason === "string") return body.reason
    }
  } catch {
    return text.slice(0, 300) || `the server answered ${response.status}`
  }
  return `the server answered ${response.status}`
}

const heardClock = (response: Response): void => {
  const date = Date.parse(response.headers.get("date") ?? "")
  if (!Number.isFinite(date)) return
  const ahead = date - Date.now()
  // The header counts whole seconds and was on its way.
  clockAheadMs.value = Math.abs(ahead) < 2000 ? 0 : ahead
}

/** A response below 400, or one of `also`. Rejects with RequestError. */
export const request = async (
  path: string,
  init: RequestInit & { readonly also?: ReadonlyArray<number> } = {}
): Promise<Response> => {
  const headers = new Headers(init.headers)
  if (token.value !== "") headers.set("authorization", `Bearer ${token.value}`)
  let response: Response
  try {
    response = await fetch(path, { ...init, headers, credentials: "omit", cache: "no-store", redirect: "error" })
  } catch (error) {
    if (init.signal?.aborted === true) throw error
    throw new RequestError(0, "the daemon does not answer")
  }
  heardClock(response)
  if (response.ok || init.also?.includes(response.status) === true) return response
  const message = await messageOf(response)
  if (response.status === 401) loginWanted.value = token.value === "" ? "" : message
  throw new RequestError(response.status, message)
}

const post = async <T>(path: string, body: unknown, also: ReadonlyArray<number>): Promise<T> => {
  const response = await request(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    also
  })
  const value: unknown = await response.json()
  // Refusals come as outcomes or as a Status; the latter has a kind.
  if (isRecord(value) && value.kind === "Status" && !response.ok)
    throw new RequestError(response.status, typeof value.message === "string" ? value.message : "refused")
  return value as T
}

/** Codes under which an outcome comes as JSON. */
const OUTCOMES = [404, 409, 422, 503]

const FILE = "dashboard.yaml"

export interface ApplyOptions {
  readonly message?: string
  readonly force?: boolean
  readonly confirmWithinSeconds?: number
}

export const plan = (text: string): Promise<ApplyOutcome> =>
  post("/v1/plan", { files: [{ path: FILE, text }] }, OUTCOMES)

export const planRollback = (rollbackTo: number): Promise<ApplyOutcome> => post("/v1/plan", { rollbackTo }, OUTCOMES)

export const apply = (text: string, options: ApplyOptions): Promise<ApplyOutcome> =>
  post("/v1/apply", { files: [{ path: FILE, text }], ...options }, OUTCOMES)

export const rollback = (to: number, options: ApplyOptions): Promise<ApplyOutcome> =>
  post("/v1/rollback", { to, ...options }, OUTCOMES)

export const confirm = (): Promise<Done> => post("/v1/confirm", {}, [409])

/** Takes a node out of service, or back in. */
export const drain = (node: string, out: boolean): Promise<Done> => post("/v1/drain", { node, drain: out }, [409])

/** The steps of a change that is made one peer at a time, as they come. */
export async function* stage(text: string, options: ApplyOptions): AsyncGenerator<StageProgress> {
  const { message, force } = options
  const response = await request("/v1/stage", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      files: [{ path: FILE, text }],
      ...(message === undefined ? {} : { message }),
      ...(force === undefined ? {} : { force })
    })
  })
  for await (const value of jsonLines(response)) yield failedLine(value) as StageProgress
}

/** A stream that breaks off ends with a Status. */
const failedLine = (value: unknown): unknown => {
  if (isRecord(value) && value.kind === "Status")
    throw new RequestError(502, typeof value.message === "string" ? value.message : "the stream broke off")
  return value
}

export const history = async (): Promise<ReadonlyArray<RevisionInfo>> => {
  const value: unknown = await (await request("/v1/history")).json()
  return isRecord(value) && Array.isArray(value.history) ? value.history : []
}

/** The documents of a revision; 0 is the one in force. */
export const documents = async (revision: number): Promise<string> =>
  (await request(`/v1/documents/${revision}`)).text()

export const explain = async ({ type, name }: ExplainTarget): Promise<Explanation> =>
  (await request(`/v1/explain?${new URLSearchParams({ type, name })}`)).json()

/** The messages that the node keeps of a session, oldest first. */
export const messages = async (session: string, signal: AbortSignal): Promise<ReadonlyArray<TraceRecord>> => {
  const response = await request(`/v1/trace?${new URLSearchParams({ session })}`, { signal })
  const found: Array<TraceRecord> = []
  for await (const value of jsonLines(response)) found.push(failedLine(value) as TraceRecord)
  return found
}

const MAY_I_APPLY = {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({
    apiVersion: "authorization.k8s.io/v1",
    kind: "SelfSubjectAccessReview",
    spec: { nonResourceAttributes: { path: "/v1/apply", verb: "post" } }
  })
} as const
const REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"

/** Takes `candidate` for the token if the server knows it; the answer is why not. */
export const signIn = async (candidate: string): Promise<string | undefined> => {
  const headers = { ...MAY_I_APPLY.headers, authorization: `Bearer ${candidate}` }
  let response: Response
  try {
    response = await fetch(REVIEWS, { ...MAY_I_APPLY, headers, credentials: "omit", cache: "no-store" })
  } catch {
    return "the daemon does not answer"
  }
  if (response.status === 401 || response.status === 429) return messageOf(response)
  setToken(candidate)
  return undefined
}

/** Whether whoever holds the token may write; undefined: the server does not say. */
export const mayWrite = async (): Promise<{ readonly allowed: boolean; readonly reason: string } | undefined> => {
  try {
    const response = await request(REVIEWS, MAY_I_APPLY)
    const value: unknown = await response.json()
    const status = isRecord(value) && isRecord(value.status) ? value.status : {}
    return { allowed: status.allowed === true, reason: typeof status.reason === "string" ? status.reason : "" }
  } catch (error) {
    if (error instanceof RequestError && error.status !== 0) return undefined
    throw error
  }
}

/** The verbs that this server has, as paths; undefined: it does not say. */
export const verbs = async (): Promise<ReadonlySet<string> | undefined> => {
  try {
    const value: unknown = await (await request("/v1/openapi.json")).json()
    return isRecord(value) && isRecord(value.paths) ? new Set(Object.keys(value.paths)) : undefined
  } catch (error) {
    if (error instanceof RequestError && error.status === 404) return undefined
    throw error
  }
}
