// A node somewhere else as a source for the API: its `/v1/status`, once or as a stream. Portable: fetch, timers
// and streams only. A stream that breaks is opened again after a pause that grows, for as long as somebody
// follows; a node that does not answer a single question is reported with its address and the cause.
import { type NodeSource, NodeUnavailable } from "../src/api/source.ts"
import type { ConfigSnapshot } from "../src/config/objects.ts"
import { readJsonLines } from "../src/resources/jsonLines.ts"
import type { NodeStatus } from "../src/resources/nodeStatus.ts"

/** A node that takes longer than this to answer counts as away. */
const ANSWER_MS_MAX = 5_000
const PAUSE_MS_MIN = 250
const PAUSE_MS_MAX = 5_000

const because = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return error.name === "TimeoutError" ? `no answer within ${ANSWER_MS_MAX / 1000} s` : error.message
}

/** Enough to tell a node's status from an answer of something else that listens there. */
const isNodeStatus = (value: unknown): value is NodeStatus =>
  typeof value === "object" && value !== null && "node" in value && "sessions" in value && Array.isArray(value.sessions)

const isConfigSnapshot = (value: unknown): value is ConfigSnapshot =>
  typeof value === "object" && value !== null && "objects" in value && Array.isArray(value.objects)

/** The node whose admin API is at `url`, such as `http://127.0.0.1:7179`. */
export const remoteNode = (url: string): NodeSource => {
  const address = `${url.replace(/\/+$/, "")}/v1/status`
  const away = (why: string): NodeUnavailable => new NodeUnavailable(`the node at ${url} cannot be asked: ${why}`)

  const checked = (value: unknown): NodeStatus => {
    if (!isNodeStatus(value)) throw away("its answer is not the status of a node")
    return value
  }

  const ask = async (path: string, signal: AbortSignal): Promise<Response> => {
    try {
      const response = await fetch(path, { signal, headers: { accept: "application/json" } })
      if (response.ok) return response
      await response.body?.cancel()
      throw new Error(`it answers ${response.status}`)
    } catch (error) {
      throw away(because(error))
    }
  }

  const status = async (): Promise<NodeStatus> => {
    const response = await ask(address, AbortSignal.timeout(ANSWER_MS_MAX))
    return checked(await response.json().catch((error: unknown) => Promise.reject(away(because(error)))))
  }

  async function* changes(signal: AbortSignal): AsyncGenerator<NodeStatus> {
    for (let pauseMs = PAUSE_MS_MIN; !signal.aborted; pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX)) {
      try {
        const { body } = await ask(`${address}?watch=true`, signal)
        if (body === null) throw away("its answer has no body")
        for await (const value of readJsonLines(body)) {
          pauseMs = PAUSE_MS_MIN
          yield checked(value)
        }
      } catch (error) {
        if (!signal.aborted) console.warn(`stream of ${url} broke, opening it again: ${because(error)}`)
      }
      await pause(pauseMs, signal)
    }
  }

  const config = async (): Promise<ConfigSnapshot> => {
    const response = await ask(`${url.replace(/\/+$/, "")}/v1/config`, AbortSignal.timeout(ANSWER_MS_MAX))
    const value: unknown = await response.json().catch((error: unknown) => Promise.reject(away(because(error))))
    if (!isConfigSnapshot(value)) throw away("its answer is not the config of a node")
    return value
  }

  return { status, changes, config }
}

/** Resolves after the time or when `signal` aborts, whichever is first. */
const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener("abort", done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    if (signal.aborted) done()
    else signal.addEventListener("abort", done)
  })
