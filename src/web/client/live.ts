// The live status: one stream that goes on for as long as the page is open. When it breaks the page says so, keeps what
// it knows, and tries again, soon at first. Statuses of several nodes may come over the same stream; each replaces what
// that node said before.
import { batch, signal } from "@preact/signals"
import type { NodeStatus } from "../../resources/nodeStatus.ts"
import { RequestError, request, token } from "./api.ts"
import { jsonLines } from "./model/jsonLines.ts"

export type Connection =
  | { readonly state: "connecting" }
  | { readonly state: "live" }
  | { readonly state: "lost"; readonly why: string }

export const connection = signal<Connection>({ state: "connecting" })
/** By `cluster/node`. */
export const statuses = signal<ReadonlyMap<string, NodeStatus>>(new Map())
/** When something was heard last, by this browser's clock. */
export const heardAtMs = signal(0)

const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 8000
/** A connection that lived for so long is tried again at once. */
const STEADY_MS = 5000

const isStatus = (value: unknown): value is NodeStatus =>
  typeof value === "object" && value !== null && "node" in value && "sessions" in value

/** Counts drawings: several changes that come together are drawn once. */
let pending: Map<string, NodeStatus> | undefined

const flush = (): void => {
  const next = pending
  pending = undefined
  if (next === undefined) return
  batch(() => {
    statuses.value = next
    if (connection.value.state !== "live") connection.value = { state: "live" }
  })
}

const take = (status: NodeStatus): void => {
  heardAtMs.value = Date.now()
  if (pending === undefined) {
    pending = new Map(statuses.value)
    // A page in the background draws nothing: a timer runs there too, if slowly.
    setTimeout(flush, 50)
  }
  pending.set(`${status.cluster}/${status.node}`, status)
}

const read = async (signal: AbortSignal): Promise<string> => {
  const response = await request("/v1/status?watch=true", { signal })
  for await (const value of jsonLines(response)) {
    if (isStatus(value)) take(value)
    else if (typeof value === "object" && value !== null && "message" in value) return String(value.message)
  }
  return "the daemon ended the connection"
}

/** Waits so long, or until the browser is online again; the token's change aborts it. */
const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      window.removeEventListener("online", done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener("abort", done, { once: true })
    window.addEventListener("online", done)
  })

/** A signal that aborts when another token is given: what was asked in the old one's name is over. */
const untilOtherToken = (): { readonly signal: AbortSignal; readonly end: () => void } => {
  const controller = new AbortController()
  const before = token.value
  const end = token.subscribe((value) => {
    if (value !== before) controller.abort()
  })
  return { signal: controller.signal, end }
}

/** Nobody who signs out leaves the cluster on the screen. */
const forget = (): void => {
  pending = undefined
  batch(() => {
    statuses.value = new Map()
    connection.value = { state: "connecting" }
  })
}

/** Follows the status for as long as the page is open. */
export const follow = async (): Promise<never> => {
  let retryMs = FIRST_RETRY_MS
  for (;;) {
    const { signal: changed, end } = untilOtherToken()
    const startedAt = Date.now()
    let wait = retryMs
    let why = ""
    try {
      why = await read(changed)
    } catch (error) {
      why = error instanceof Error ? error.message : String(error)
      // Only another token helps.
      if (error instanceof RequestError && error.status === 401) wait = 3_600_000
    }
    if (!changed.aborted) {
      flush()
      connection.value = { state: "lost", why }
      if (Date.now() - startedAt > STEADY_MS) wait = Math.min(wait, FIRST_RETRY_MS)
      await pause(wait, changed)
    }
    end()
    retryMs = changed.aborted ? FIRST_RETRY_MS : Math.min(LAST_RETRY_MS, wait * 2)
    if (changed.aborted && token.value === "") forget()
  }
}
